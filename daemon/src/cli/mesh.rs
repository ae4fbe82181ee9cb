//! `edgecoder peers`, `node` and `worker`: what a daemon in a network says of others, of itself and of its work.

use edgecoder_protocol::operator::{
    CoordinatorView, ErrorKind, HeldView, NodeView, PeerRow, PeerState, PolicyRequest, WorkerState,
    WorkerView,
};

use super::{
    Place,
    args::{Policy, WorkerAction},
    client::Client,
    failure::{Failure, POLICY},
    manage::print_json,
    screen::{self, Tone},
};
use crate::{config::Mode, serve::now};

/// Characters of a peer id that a table shows: the first ones are the same for all.
const SHORT: usize = 10;

/// The daemon, if it may know of a network. None is started only to hear that it may not.
async fn client(at: &Place) -> Result<Client, Failure> {
    match Client::connect(&at.config.socket) {
        Err(_) if at.config.mode == Mode::Local => Err(Failure::new(
            POLICY,
            "this node is in local mode: it knows no other nodes and works for none",
            "`edgecoder network join LINE`, then `mode = \"mesh\"` in config.toml",
        )),
        Ok(_) | Err(_) => at.client().await,
    }
}

/// Whoever has changed the settings has a daemon with the old ones.
fn explained(at: &Place, failure: Failure) -> Failure {
    let is_policy = failure.code == ErrorKind::Policy.exit_code();
    if is_policy && at.config.mode != Mode::Local {
        let mode = at.config.mode.as_str();
        let next = format!(
            "the settings say {mode}, so a new daemon will be: `edgecoder daemon stop`, then try again"
        );
        return Failure { next, ..failure };
    }
    failure
}

/// `edgecoder peers`.
pub async fn peers(at: &Place, json: bool) -> Result<u8, Failure> {
    let asked = client(at).await?.get("/v1/peers").await;
    let peers: Vec<PeerRow> = asked.map_err(|failure| explained(at, failure))?;
    if json {
        return print_json(&peers);
    }
    if peers.is_empty() {
        screen::line("no peers yet: `edgecoder network invite` brings nodes to this one");
        return Ok(0);
    }
    let heading = row([
        "peer", "found by", "state", "ms", "score", "roles", "address",
    ]);
    screen::line(screen::out(&heading, Tone::Dim));
    for peer in peers {
        show_peer(&peer);
    }
    Ok(0)
}

fn row([peer, found_by, state, round_trip, score, roles, address]: [&str; 7]) -> String {
    let line = format!(
        "{peer:<11} {found_by:<9} {state:<11} {round_trip:>7} {score:>6}  {roles:<18} {address}"
    );
    line.trim_end().to_owned()
}

fn show_peer(peer: &PeerRow) {
    let id = peer.peer.to_string();
    // An id is ASCII.
    let short = format!("…{}", &id[id.len().saturating_sub(SHORT)..]);
    let round_trip = peer
        .round_trip_ms
        .map_or_else(|| "-".into(), |ms| format!("{ms:.1}"));
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    let roles = or_dash(one_line(&peer.roles.join(",")));
    let address = or_dash(one_line(peer.address.as_deref().unwrap_or_default()));
    screen::line(row([
        &short,
        peer.found_by.as_str(),
        peer.state.as_str(),
        &round_trip,
        &format!("{:.1}", peer.score),
        &roles,
        &address,
    ]));
    let is_connected = peer.state == PeerState::Connected;
    if let Some(failure) = peer.failure.as_ref().filter(|_| !is_connected) {
        let at = match failure.address.as_str() {
            "" => String::new(),
            address => format!(" at {}", one_line(address)),
        };
        let text = format!(
            "    {} failed{at}: {}",
            one_line(&failure.step),
            one_line(&failure.reason)
        );
        screen::line(screen::out(&text, Tone::Bad));
    }
}

/// What a peer said, on one line of this terminal.
fn one_line(text: &str) -> String {
    screen::safe(text).replace(['\n', '\t'], " ")
}

/// `edgecoder node`.
pub async fn node(at: &Place, json: bool) -> Result<u8, Failure> {
    let asked = client(at).await?.get("/v1/node").await;
    let view: NodeView = asked.map_err(|failure| explained(at, failure))?;
    if json {
        return print_json(&view);
    }
    let coordinator = &view.coordinator;
    let standing = match (coordinator.reachable, coordinator.registered) {
        _ if coordinator.peer.is_none() => "nobody at the moment",
        _ if coordinator.peer == Some(view.node) => "this node",
        (true, true) => "registered",
        (true, false) => "reachable, and has not taken this node's record yet",
        (false, _) => "not reachable",
    };
    let private = if view.network.private {
        ", private"
    } else {
        ""
    };
    let clock = match view.clock_offset_ms {
        None => "not measured yet".to_owned(),
        Some(0) => "as the coordinator's".to_owned(),
        Some(ahead @ 1..) => format!("{ahead} ms behind the coordinator's"),
        Some(behind) => format!("{} ms ahead of the coordinator's", behind.unsigned_abs()),
    };
    let mut rows = vec![
        ("node", view.node.to_string()),
        ("mode", one_line(&view.mode)),
        ("network", one_line(&view.network.name) + private),
        ("members", view.members.to_string()),
        ("id", view.network.id.to_string()),
        ("roles", one_line(&view.roles.join(", "))),
        ("coordinator", held_by(coordinator, standing)),
    ];
    if let Some(reason) = &coordinator.reason {
        rows.push(("", one_line(reason)));
    }
    rows.push(("clock", clock));
    rows.extend(view.addresses.iter().map(|one| ("address", one_line(one))));
    for (name, value) in rows {
        screen::line(format!("  {name:<12} {value}"));
    }
    Ok(0)
}

fn held_by(coordinator: &CoordinatorView, standing: &str) -> String {
    match (coordinator.peer, coordinator.term) {
        (Some(peer), Some(term)) => format!("{peer}: {standing} (term {term})"),
        (Some(peer), None) => format!("{peer}: {standing}"),
        (None, _) => standing.to_owned(),
    }
}

/// `edgecoder worker`.
pub async fn worker(at: &Place, action: WorkerAction) -> Result<u8, Failure> {
    let client = client(at).await?;
    let mut is_json = false;
    let answer: Result<WorkerView, Failure> = match action {
        WorkerAction::Status { json } => {
            is_json = json;
            client.get("/v1/worker").await
        }
        WorkerAction::Pause => client.post_bytes("/v1/worker/pause", Vec::new()).await,
        WorkerAction::Resume => client.post_bytes("/v1/worker/resume", Vec::new()).await,
        WorkerAction::Drain => client.post_bytes("/v1/worker/drain", Vec::new()).await,
        WorkerAction::Policy(policy) => client.post("/v1/worker/policy", &request(&policy)).await,
    };
    let view = answer.map_err(|failure| explained(at, failure))?;
    if is_json {
        return print_json(&view);
    }
    show_worker(&view);
    Ok(0)
}

fn request(policy: &Policy) -> PolicyRequest {
    PolicyRequest {
        slots: policy.slots,
        hours: policy.hours,
        idle_only: policy.idle_only,
    }
}

fn show_worker(view: &WorkerView) {
    let (tone, meaning) = match view.state {
        WorkerState::Ready => (Tone::Good, "it takes work"),
        WorkerState::Paused => (Tone::Strong, "`edgecoder worker resume` lets it take work"),
        WorkerState::Draining => (Tone::Strong, "it finishes what it holds, and takes no more"),
        WorkerState::Resting => (Tone::Strong, "it is outside its hours"),
        WorkerState::Yielding => (Tone::Strong, "somebody uses the machine"),
    };
    let state = screen::out(view.state.as_str(), tone);
    screen::line(format!("the worker is {state}: {meaning}"));
    let idle_only = if view.idle_only { "yes" } else { "no" };
    let rows = [
        ("slots", view.slots.to_string()),
        ("hours", view.hours.to_string()),
        ("idle only", idle_only.to_owned()),
        ("bounds", view.bounds.layer.clone()),
        ("", view.bounds.guarantee.clone()),
        (
            "subtasks",
            format!(
                "{} done, {} given back, {} lost",
                view.done, view.given_back, view.lost
            ),
        ),
    ];
    for (name, value) in rows {
        screen::line(format!("  {name:<12} {value}"));
    }
    for held in &view.held {
        show_held(held);
    }
}

fn show_held(held: &HeldView) {
    let seconds = now().since(held.since).as_secs();
    screen::line(format!(
        "  {:<12} step {} of {} as {}, for {seconds} s",
        "holds",
        held.step,
        held.task,
        held.part.as_str()
    ));
}
