//! `edgecoder network`: founds, invites, joins and shows on the files of the data folder; no daemon is needed.

use std::time::Duration;

use edgecoder_node_store::Faults;
use edgecoder_protocol::{
    Millis, NetworkId, PeerId, canonical,
    hex::unhex,
    ledger::light::{Anchor, TRUSTING},
    network::ADDRESSES_MAX,
    operator::{LedgerView, NodeView},
};
use serde::Serialize;

use super::{
    Place,
    args::{Invite, NetworkAction},
    client::Client,
    failure::{Failure, USAGE},
    files,
    manage::print_json,
    screen::{self, Tone},
};
use crate::{
    config::{Mode, ends_in_peer, is_address},
    network::{self, Founding, Network, NetworkError},
    serve::{now, random},
};

/// How long a running daemon may take to say its addresses.
const DAEMON_WAIT: Duration = Duration::from_secs(2);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `edgecoder network show --json`.
#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    network: NetworkId,
    name: &'a str,
    founded: Millis,
    private: bool,
    operators: &'a [PeerId],
    members: &'a [PeerId],
    addresses: &'a [String],
    /// Whether invites can be made here.
    operated_here: bool,
    /// Who vouches for this node.
    owner: Option<PeerId>,
    /// Where this node may send and take work, by its settings.
    mode: &'static str,
}

/// `edgecoder network`.
pub async fn run(at: &Place, action: NetworkAction) -> Result<u8, Failure> {
    match action {
        NetworkAction::Create {
            name,
            private,
            member,
            operators,
        } => {
            let founding = Founding {
                name: &name,
                private,
                member,
                operators: &operators,
                now: now(),
                random,
            };
            create(at, founding)
        }
        NetworkAction::Operator => {
            screen::line(network::operator(&at.config.data_dir, random)?);
            Ok(0)
        }
        NetworkAction::Vouch { peer } => vouch(at, peer),
        NetworkAction::Own { line } => own(at, &line),
        NetworkAction::Invite(args) => invite(at, args).await,
        NetworkAction::Join { line, replace } => join(at, &line, replace),
        NetworkAction::Show { json } => show(at, json),
    }
}

fn create(at: &Place, founding: Founding<'_>) -> Result<u8, Failure> {
    let data_dir = &at.config.data_dir;
    let network = Network::create(data_dir, founding)?;
    screen::line(screen::out("the network is founded", Tone::Good));
    describe(at, &network)?;
    screen::line(format!(
        "keep a copy of {}: who loses it can invite nobody any more",
        network::operator_file(data_dir).display()
    ));
    let node = network::node_id(data_dir)?;
    let own = node.is_some_and(|node| network.genesis.members.contains(&node));
    let role = own && !at.config.roles.iter().any(|role| role == "coordinator");
    next(at, role);
    screen::line("then:  edgecoder network invite");
    Ok(0)
}

/// What brings this node into the network that its files name.
fn next(at: &Place, coordinator: bool) {
    let mut settings = Vec::new();
    if at.config.mode == Mode::Local {
        settings.push("mode = \"mesh\"".to_owned());
    }
    if coordinator {
        let roles = at.config.roles.join(",");
        settings.push(format!("roles = \"{roles},coordinator\""));
    }
    match settings.is_empty() {
        true => screen::line("next:  edgecoder daemon stop  (the next one takes part)"),
        false => {
            screen::line("next, in config.toml (or EDGECODER_MODE=mesh in the environment):");
            for setting in settings {
                screen::line(format!("       {setting}"));
            }
            screen::line("then:  edgecoder daemon stop  (the next one takes part)");
        }
    }
}

/// A line of the command line, or standard input.
fn given(line: &str) -> Result<String, Failure> {
    match line {
        "-" => files::read_stdin_text(),
        line => Ok(line.to_owned()),
    }
}

fn vouch(at: &Place, node: PeerId) -> Result<u8, Failure> {
    let network = present(at)?;
    screen::line(network::vouch(&at.config.data_dir, &network.genesis, node)?);
    screen::aside("the node itself takes it: edgecoder network own LINE");
    Ok(0)
}

fn own(at: &Place, line: &str) -> Result<u8, Failure> {
    let network = present(at)?;
    // It is about a key, which a node without one would only get later.
    network::node_key(&at.config.data_dir, random, &Faults::default())?;
    let owner = network::belong(&at.config.data_dir, &network.genesis, &given(line)?)?;
    screen::line(format!(
        "this node belongs to the operator {}",
        owner.operator
    ));
    screen::line("next:  edgecoder daemon stop  (the next one says so to the network)");
    Ok(0)
}

fn join(at: &Place, line: &str, replace: bool) -> Result<u8, Failure> {
    let read = given(line)?;
    let (network, until) = Network::join(&at.config.data_dir, &read, replace, now())?;
    screen::line(screen::out("this node has joined", Tone::Good));
    describe(at, &network)?;
    screen::line(format!(
        "the invite could be used until {}; the network itself stays",
        screen::moment(until)
    ));
    next(at, false);
    Ok(0)
}

fn show(at: &Place, json: bool) -> Result<u8, Failure> {
    let network = present(at)?;
    if !json {
        describe(at, &network)?;
        return Ok(0);
    }
    let genesis = &network.genesis;
    print_json(&Shown {
        schema: "edgecoder/network/1",
        network: genesis.id(),
        name: &genesis.name,
        founded: genesis.founded,
        private: network.secret.is_some(),
        operators: &genesis.operators,
        members: genesis.members.members(),
        addresses: &network.addresses,
        operated_here: network::is_operated_here(&at.config.data_dir, genesis)?,
        owner: network.owner.as_ref().map(|owner| owner.operator),
        mode: at.config.mode.as_str(),
    })
}

fn present(at: &Place) -> Result<Network, Failure> {
    Network::load(&at.config.data_dir)?.ok_or_else(|| {
        Failure::new(
            USAGE,
            "this node is in no network",
            "`edgecoder network join LINE` joins one, `edgecoder network create NAME` founds one",
        )
    })
}

fn describe(at: &Place, network: &Network) -> Result<(), Failure> {
    let genesis = &network.genesis;
    let operated = network::is_operated_here(&at.config.data_dir, genesis)?;
    let node = network::node_id(&at.config.data_dir)?;
    let named = |member: &PeerId| match node == Some(*member) {
        true => format!("{member} (this node)"),
        false => member.to_string(),
    };
    let members: Vec<String> = genesis.members.members().iter().map(named).collect();
    let mode = match at.config.mode {
        Mode::Local => "local: this node takes no part in the network",
        Mode::Mesh => "mesh",
        Mode::Enterprise => "enterprise",
    };
    let private = if network.secret.is_some() {
        "yes"
    } else {
        "no"
    };
    let mut rows = vec![
        ("network", screen::safe(&genesis.name)),
        ("id", genesis.id().to_string()),
        ("founded", screen::moment(genesis.founded)),
        ("private", private.to_owned()),
        ("founded by", members.join(", ")),
    ];
    rows.extend(
        genesis
            .operators
            .iter()
            .map(|key| ("operator", key.to_string())),
    );
    let invites = match operated {
        true => "can be made here",
        false => "are made where the network was created",
    };
    rows.push(("invites", invites.to_owned()));
    let node = network::node_key(&at.config.data_dir, random, &Faults::default())?.peer_id();
    rows.push(("this node", node.to_string()));
    rows.push(match &network.owner {
        Some(owner) => ("belongs to", owner.operator.to_string()),
        None => (
            "belongs to",
            "nobody known: `edgecoder network own`".to_owned(),
        ),
    });
    rows.extend(
        network
            .addresses
            .iter()
            .map(|one| ("address", screen::safe(one))),
    );
    rows.push(("mode", mode.to_owned()));
    for (name, value) in rows {
        screen::line(format!("  {name:<12} {value}"));
    }
    Ok(())
}

async fn invite(at: &Place, args: Invite) -> Result<u8, Failure> {
    let network = present(at)?;
    let data_dir = &at.config.data_dir;
    if !network::is_operated_here(data_dir, &network.genesis)? {
        let path = network::operator_file(data_dir);
        return Err(NetworkError::NoOperator { path }.into());
    }
    // Made when there is none, as the daemon would: the addresses name it.
    let own = network::node_key(data_dir, random, &Faults::default())?.peer_id();
    let addresses = match args.addresses.is_empty() {
        true => reached(at, &network, own).await,
        false => args
            .addresses
            .iter()
            .map(|one| complete(one, own))
            .collect(),
    };
    if addresses.is_empty() {
        return Err(Failure::new(
            USAGE,
            "nobody could use the invite: no address of this node is known",
            format!(
                "name one with --address /ip4/HOST/tcp/PORT, or set `external`; \
                 `edgecoder node` shows those of a daemon in mode mesh (this node is {own})"
            ),
        ));
    }
    let expires = now().after(DAY * args.days);
    let anchor = seen(at, &network).await;
    let founding = anchor.head.is_none();
    let line = network.invite(data_dir, addresses, anchor, expires)?;
    screen::line(line);
    screen::aside(format!(
        "it holds until {}; the other node runs: edgecoder network join LINE",
        screen::moment(expires)
    ));
    if founding && network.genesis.founded.after(TRUSTING / 2) < now() {
        screen::aside(
            "it begins at the founding, since no daemon said how far the ledger is: start one, and invite again",
        );
    }
    if network.secret.is_some() {
        screen::aside("it holds the network's secret: whoever reads the line can connect");
    }
    Ok(0)
}

/// `address`, naming this node where it names nobody.
fn complete(address: &str, own: PeerId) -> String {
    match is_address(address) && !ends_in_peer(address) {
        true => format!("{address}/p2p/{own}"),
        // Also what is no address: it is refused with the others.
        false => address.to_owned(),
    }
}

/// Where others reach this node: what a running daemon of this network says of itself, else the settings.
async fn reached(at: &Place, network: &Network, own: PeerId) -> Vec<String> {
    let said = match Client::connect(&at.config.socket) {
        Ok(client) => {
            let view = tokio::time::timeout(DAEMON_WAIT, client.get::<NodeView>("/v1/node")).await;
            // A daemon in local mode says none, one of another network says others'.
            let view = view.ok().and_then(Result::ok);
            view.filter(|view| view.network.id == network.genesis.id())
                .map_or_else(Vec::new, |view| view.addresses)
        }
        Err(_) => Vec::new(),
    };
    let known = if said.is_empty() {
        at.config.mesh.external.clone()
    } else {
        said
    };
    let mut addresses: Vec<String> = known.iter().map(|one| complete(one, own)).collect();
    addresses.retain(|one| ends_in_peer(one) && is_somewhere(one));
    // Last what only this machine itself can use, so that it is what is left out when there are too many.
    addresses.sort_by_key(|one| one.starts_with("/ip4/127.") || one.starts_with("/ip6/::1/"));
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

/// What a running daemon knows of the network's ledger; without one, what its files say.
async fn seen(at: &Place, network: &Network) -> Anchor {
    let founding = network.begins_at();
    let Ok(client) = Client::connect(&at.config.socket) else {
        return founding;
    };
    let view = tokio::time::timeout(DAEMON_WAIT, client.get::<LedgerView>("/v1/ledger")).await;
    let anchor = view.ok().and_then(Result::ok).and_then(|view| {
        let bytes = unhex(&view.anchor)?;
        canonical::decode::<Anchor>(&bytes).ok()
    });
    // A daemon in local mode has a ledger of its own.
    let height = |one: &Anchor| one.head.as_ref().map_or(0, |head| head.height);
    anchor
        .filter(|one| one.chain == founding.chain && height(one) >= height(&founding))
        .unwrap_or(founding)
}

/// Whether an address leads somewhere: one may listen on any interface, but be reached at one only.
fn is_somewhere(address: &str) -> bool {
    let nowhere = ["/ip4/0.0.0.0/", "/ip6/::/"];
    let no_port = ["/tcp/0/", "/udp/0/"];
    !nowhere.iter().any(|part| address.starts_with(part))
        && !no_port.iter().any(|part| address.contains(part))
}
