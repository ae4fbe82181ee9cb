//! Whom a network deals with, by real daemons over TCP: a listed peer is cut off, told why, heard, and let in again;
//! work goes to those who are admitted; a crowd of strangers keeps nobody from it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{sync::LazyLock, time::Duration};

use edgecoder_mesh::{Config, KademliaMode, Mesh, Service, Started};
use edgecoder_protocol::{
    Hash, PeerId, Signed,
    key::NodeKey,
    ledger::decree::{Approved, Decree, Order},
    record::PeerRecord,
    wire::{self, CONTROL_MAX, Request, Response},
};
use serde_json::Value;
use support::{
    Home, Said,
    network::{Network, Node},
    peer::{Peer, invite, now},
    resident, wait_for,
};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;

mod support;

/// Keys that register, and how many at a time.
const STRANGERS: u32 = 1_000;
const AT_ONCE: u32 = 8;
/// Bytes that a coordinator may hold more after all of them.
const GROWTH_MAX: u64 = 64 << 20;
/// How long a listing lasts that is to run out: many times what it takes to be cut off.
const SHORT: Duration = Duration::from_secs(25);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

#[track_caller]
fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

#[track_caller]
fn decree(network: &Network, order: &str) {
    good(
        network
            .founder
            .home
            .run(&format!("council propose {order}")),
    );
}

fn id(node: &Node) -> String {
    node.home.status()["node"].as_str().unwrap().to_owned()
}

fn own(node: &Node) -> Value {
    let said = good(node.home.run("council status --json"));
    said.json()["own"].clone()
}

fn ledger(home: &Home) -> Value {
    good(home.run("ledger status --json")).json()
}

/// What the founder says of a peer.
fn row(network: &Network, peer: &str) -> Option<Value> {
    let said = good(network.founder.home.run("peers --json")).json();
    let mut rows = said.as_array().unwrap().iter();
    rows.find(|row| row["peer"] == peer).cloned()
}

/// How the founder sees a peer.
fn seen(network: &Network, peer: &str) -> Option<String> {
    Some(row(network, peer)?["state"].as_str()?.to_owned())
}

/// Whether the founder refuses a peer, and has no connection with it.
fn is_cut(network: &Network, peer: &str) -> bool {
    row(network, peer).is_some_and(|row| row["state"] == "blocked" && !row["failure"].is_null())
}

/// Lists a peer for less than the command line can say.
fn list(network: &Network, peer: &str, reason: &str, span: Duration) {
    let home = &network.founder.home;
    let chain = serde_json::from_value(ledger(home)["network"].clone()).unwrap();
    let order = Order::Blacklist {
        peer: peer.parse().unwrap(),
        evidence: Hash([7; 32]),
        reason: reason.into(),
        until: now().after(span),
    };
    let mut approved = Approved {
        decree: Decree {
            chain,
            version: 0,
            expires: now().after(Duration::from_secs(3_600)),
            order,
        },
        approvals: Vec::new(),
    };
    // How often it was listed before is the ledger's to say.
    let said = (0..4).find_map(|version| {
        approved.decree.version = version;
        let said = home.edgecoder(&["council", "approve", &approved.to_string(), "--yes"]);
        (said.code == 0).then_some(said)
    });
    assert!(said.is_some());
}

fn wait_cut(network: &Network, peer: &str) {
    wait_for("the peer to be cut off", || {
        is_cut(network, peer).then_some(())
    });
}

fn prints(node: &Node, number: u32) -> Said {
    let file = node.home.write("main.py", format!("print({number})\n"));
    node.home
        .run(&format!("exec --mesh --json {}", file.display()))
}

#[track_caller]
fn works(node: &Node, number: u32) {
    let said = good(prints(node, number)).json();
    assert_eq!(said["stdout"], format!("{number}\n"), "{said}");
}

#[test]
fn a_listed_peer_is_cut_off_told_why_heard_and_let_in_again() {
    let network = Network::found("agent,coordinator", &[]);
    let mut one = network.join("worker", &[]);
    let other = network.join("worker", &[]);
    let name = id(&one);
    list(
        &network,
        &name,
        "it signed a lie",
        Duration::from_secs(3_600),
    );
    wait_cut(&network, &name);
    // Its own ledger says why, though nobody speaks to it any more.
    let listing = wait_for("the reason", || {
        let own = own(&one);
        (!own["listing"].is_null()).then(|| own["listing"].clone())
    });
    assert_eq!(listing["reason"], "it signed a lie");
    let reason = one.view()["coordinator"]["reason"].clone();
    assert!(
        reason.as_str().unwrap().contains("council appeal"),
        "{reason}"
    );
    // It objects by way of another node, once.
    let line = good(one.home.edgecoder(&["council", "appeal", "it was my disk"]));
    let line = line.out.trim().to_owned();
    good(other.home.edgecoder(&["council", "submit", &line]));
    other
        .home
        .edgecoder(&["council", "submit", &line])
        .refuses(64, "nonce");
    // Where it is not from the first moment on, it does not come in either.
    one.kill();
    one.start();
    let refused = wait_for("an attempt", || {
        let view = one.view();
        (view["coordinator"]["registered"] == false).then_some(view)
    });
    assert!(is_cut(&network, &name), "{refused}");
    assert_eq!(seen(&network, &id(&other)).as_deref(), Some("connected"));
    decree(&network, &format!("pardon {name}"));
    one.wait_registered();
    assert_eq!(seen(&network, &name).as_deref(), Some("connected"));
}

#[test]
fn a_listing_runs_out_by_itself_on_a_ledger_that_is_quiet() {
    let network = Network::found("agent,coordinator", &[]);
    let one = network.join("worker", &[]);
    let name = id(&one);
    list(&network, &name, "for a while", SHORT);
    wait_cut(&network, &name);
    let height = ledger(&network.founder.home)["height"].clone();
    wait_for("its return", || {
        (seen(&network, &name).as_deref() == Some("connected")).then_some(())
    });
    one.wait_registered();
    assert_eq!(
        ledger(&network.founder.home)["height"],
        height,
        "no block was needed"
    );
}

#[test]
fn work_goes_to_those_who_are_admitted_and_standing_to_the_new_key() {
    let network = Network::found("agent,coordinator", &[]);
    let user = &network.founder;
    let mut workers: Vec<Node> = (0..3).map(|_| network.join("worker", &[])).collect();
    // As founded: whoever holds an invite.
    works(user, 1);
    decree(&network, "open false");
    let message = wait_for("nobody to be admitted", || {
        let said = prints(user, 2);
        (said.code != 0).then_some(said.err)
    });
    assert!(message.contains("admitted by the operators"), "{message}");
    let told = workers[0].view()["coordinator"]["reason"].clone();
    assert!(told.as_str().unwrap().contains("council request"), "{told}");
    // They ask, an operator sees it, and decides.
    for worker in &workers {
        let words = ["council", "request", "--as", "worker", "--note", "rack 7"];
        let said = good(worker.home.edgecoder(&words));
        assert!(said.out.contains("waits with 1 member"), "{said:?}");
    }
    let requests = || good(user.home.run("council requests --json")).json();
    let asks = requests()["asks"].as_array().unwrap().clone();
    assert_eq!(asks.len(), 3);
    assert!(
        asks.iter()
            .all(|ask| ask["note"] == "rack 7" && ask["standing"] == "worker")
    );
    for ask in &asks {
        decree(
            &network,
            &format!("admit {} --as worker", ask["peer"].as_str().unwrap()),
        );
    }
    assert_eq!(requests()["asks"].as_array().unwrap().len(), 0);
    works(user, 3);
    // One is revoked: it is cut off, and the two others are the author and the checker of all that follows.
    decree(
        &network,
        &format!("revoke {} --reason gone", id(&workers[2])),
    );
    let gone = id(&workers[2]);
    wait_cut(&network, &gone);
    let before = workers[2].worker();
    for number in 4..10 {
        works(user, number);
    }
    assert_eq!(workers[2].worker()["counters"], before["counters"]);
    // One of these two goes by another key, and is needed.
    let old = id(&workers[1]);
    good(workers[1].home.run("council rotate"));
    workers[1].kill();
    workers[1].start();
    let new = id(&workers[1]);
    assert_ne!(new, old);
    workers[1].wait_registered();
    assert_eq!(own(&workers[1])["admitted"], "worker");
    for number in 10..13 {
        works(user, number);
    }
    wait_cut(&network, &old);
}

/// Registers under a fresh key and leaves; what it was told.
async fn register(config: Config, to: PeerId, record: PeerRecord, number: u32) -> Response {
    let mut seed = Hash::of(&number.to_le_bytes()).0;
    let key = NodeKey::from_seed(&mut seed);
    let record = PeerRecord {
        peer: key.peer_id(),
        ..record
    };
    let stop = CancellationToken::new();
    let Started { mesh, actor, .. } = Mesh::start(config, &key, stop.clone()).unwrap();
    let request = Request::Register(Box::new(Signed::new(record, &key)));
    let body = wire::encode::<_, CONTROL_MAX>(&request).unwrap();
    let bytes = mesh
        .request(to, Service::Control, body, Duration::from_secs(60))
        .await
        .unwrap();
    stop.cancel();
    actor.await.unwrap();
    wire::decode::<Response, CONTROL_MAX>(&bytes).unwrap()
}

#[test]
fn a_thousand_strangers_keep_nobody_from_work_and_leave_nothing() {
    let network = Network::found("agent,coordinator", &[]);
    let user = &network.founder;
    let workers: Vec<Node> = (0..2).map(|_| network.join("worker", &[])).collect();
    works(user, 1);
    let pid = user.daemon.as_ref().unwrap().id();
    let (before, values) = (
        resident(pid),
        ledger(&user.home)["values"].as_u64().unwrap(),
    );
    let model = Peer::connect(&network, "model", invite(&network).genesis.id());
    let (record, to) = (model.record(), model.coordinator());
    let config = Config {
        listen: Vec::new(),
        bootstrap: invite(&network).addresses,
        mdns: false,
        kademlia: KademliaMode::Off,
        gossip: false,
        ..Config::new(model.network())
    };
    let (mut taken, mut told_to_wait) = (0, 0);
    for first in (0..STRANGERS).step_by(AT_ONCE as usize) {
        let answers = RUNTIME.block_on(async {
            let numbers = first..first + AT_ONCE;
            let all = numbers.map(|number| register(config.clone(), to, record.clone(), number));
            all.collect::<JoinSet<_>>().join_all().await
        });
        for answer in answers {
            match answer {
                Response::Done { .. } => taken += 1,
                Response::Refused(error) => {
                    assert!(error.next.contains("try again in"), "{error:?}");
                    told_to_wait += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        // All the while, whoever has nothing to do is there.
        if first % 200 == 0 {
            for worker in &workers {
                let view = worker.view();
                assert_eq!(view["coordinator"]["registered"], true, "{view}");
            }
        }
    }
    assert_eq!(taken + told_to_wait, STRANGERS);
    assert!(
        taken >= 500,
        "{taken} were taken in, {told_to_wait} told to wait"
    );
    for number in 2..6 {
        works(user, number);
    }
    // Tasks leave something in it, strangers nothing.
    let after = ledger(&user.home)["values"].as_u64().unwrap();
    assert!(after <= values + 16, "{values} values, then {after}");
    for worker in &workers {
        assert_eq!(seen(&network, &id(worker)).as_deref(), Some("connected"));
    }
    let grown = resident(pid).saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes for {taken} strangers");
}
