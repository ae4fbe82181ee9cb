//! What comes from the mesh: requests are answered, announcements wake the worker, records are judged.

use std::{sync::Arc, time::Duration};

use edgecoder_mesh::{Event, Offence, Reply, Service};
use edgecoder_protocol::{
    PeerId,
    wire::{self, CONTROL_MAX, COUNCIL_MAX, INFERENCE_MAX, Request},
};
use tokio::{sync::mpsc, time::interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Hub, slot, topics};
use crate::wiring::hear;

/// How often a parked request is looked at: whether its asker still waits.
const LOOK: Duration = Duration::from_millis(500);

/// Serves the mesh's events until it ends, or `stop` and what was begun by then.
pub async fn run(hub: Arc<Hub>, mut events: mpsc::Receiver<Event>, stop: CancellationToken) {
    // Bounded by the mesh: it holds at most so many bytes of unanswered requests, and so many from each peer.
    let requests = TaskTracker::new();
    let roster = topics::roster(hub.network);
    let ledger = topics::ledger(hub.network);
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            event = events.recv() => event,
        };
        let Some(event) = event else { break };
        match event {
            Event::Request {
                from,
                service,
                body,
                reply,
            } => {
                let work = answer(hub.clone(), from, service, body, reply);
                spawn(&requests, &stop, work);
            }
            Event::Line { from, line, words } => {
                let (council, mesh) = (hub.council.clone(), hub.mesh.clone());
                spawn(&requests, &stop, hear(council, mesh, from, line, words));
            }
            Event::Gossip {
                topic,
                source,
                body,
                verdict,
                ..
            } => {
                if topic == ledger {
                    match hub.heard_of_ledger(source, &body).await {
                        Some(true) => verdict.accept(),
                        Some(false) => verdict.reject(),
                        None => drop(verdict),
                    }
                    continue;
                }
                // Both are the coordinator's to say; what others say on these topics is spam.
                let is_news = match (hub.is_coordinator(source), topic == roster) {
                    // A member may coordinate by a block that has not come here yet, or have done so until now.
                    (false, _) if hub.council.view().is_member(&source) => None,
                    (false, _) => Some(false),
                    (true, true) => hub.told(source, &body),
                    (true, false) => Some(true),
                };
                match is_news {
                    Some(true) => verdict.accept(),
                    Some(false) => verdict.reject(),
                    // Dropping it passes nothing on, and blames nobody.
                    None => drop(verdict),
                }
                if is_news == Some(true) && topic != roster {
                    hub.wake();
                }
            }
            // Nothing of ours is kept as a record in the DHT: records are asked of the coordinator.
            Event::Record { .. } => {}
            // What was decided while there was no way between them, nobody tells again.
            Event::Connected { peer } if hub.council.view().is_member(&peer) => {
                let council = hub.council.clone();
                spawn(&requests, &stop, async move {
                    council.look(peer).await;
                });
            }
            Event::Disconnected { peer } => disconnected(&hub, peer).await,
            _ => {}
        }
    }
    requests.close();
    requests.wait().await;
}

/// Has something done, at most until `stop`.
fn spawn(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let stop = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = work => {}
        }
    });
}

async fn answer(hub: Arc<Hub>, from: PeerId, service: Service, body: Vec<u8>, reply: Reply) {
    // Who is dealt with no more hears why, and what was decided; dropping the rest refuses it.
    let is_heard = matches!(service, Service::Control | Service::Council);
    if !is_heard && hub.turns_away(from).is_some() {
        return;
    }
    match service {
        Service::Control => {
            let request = match wire::decode::<Request, CONTROL_MAX>(&body) {
                Ok(request) => request,
                Err(error) => return blame(&hub, from, &error).await,
            };
            drop(body);
            let mut look = interval(LOOK);
            let work = hub.answer(from, request);
            tokio::pin!(work);
            let response = loop {
                tokio::select! {
                    biased;
                    response = &mut work => break response,
                    // Dropping the work withdraws it: a poll that nobody waits for must not be granted.
                    _ = look.tick() => if reply.is_gone() { return },
                }
            };
            match wire::encode::<_, CONTROL_MAX>(&response) {
                // Who has gone needs no answer.
                Ok(bytes) => drop(reply.send(bytes)),
                Err(error) => tracing::error!(%error, "an answer cannot be sent"),
            }
        }
        Service::Inference => {
            let ask = match wire::decode::<wire::ModelAsk, INFERENCE_MAX>(&body) {
                Ok(ask) => ask,
                Err(error) => return blame(&hub, from, &error).await,
            };
            let answer = slot::answer(&hub, from, ask).await;
            match wire::encode::<_, INFERENCE_MAX>(&answer) {
                Ok(bytes) => drop(reply.send(bytes)),
                Err(error) => tracing::error!(%error, "a generation cannot be sent"),
            }
        }
        Service::Council => {
            let ask = match wire::decode::<wire::CouncilAsk, COUNCIL_MAX>(&body) {
                Ok(ask) => ask,
                Err(error) => return blame(&hub, from, &error).await,
            };
            let answer = answer_of_council(&hub, from, ask).await;
            match wire::encode::<_, COUNCIL_MAX>(&answer) {
                Ok(bytes) => drop(reply.send(bytes)),
                Err(error) => tracing::error!(%error, "blocks cannot be sent"),
            }
        }
        Service::Chunk => {
            let contents = hub.contents.clone();
            let answer = tokio::task::spawn_blocking(move || contents.answer(&body)).await;
            match answer {
                Ok(Some(bytes)) => drop(reply.send(bytes)),
                Ok(None) => hub.mesh.penalise(from, Offence::Malformed).await,
                Err(error) => tracing::error!(%error, "a chunk was not read"),
            }
        }
    }
}

/// What the council answers, unless what is to be put into the log is more than may be now.
async fn answer_of_council(hub: &Hub, from: PeerId, ask: wire::CouncilAsk) -> wire::CouncilAnswer {
    let refused = match &ask {
        wire::CouncilAsk::Submit(entry) => hub.limit_entry(from, entry).err(),
        _ => None,
    };
    match refused {
        None => hub.council.answer(from, ask).await,
        Some(error) => wire::CouncilAnswer {
            height: hub.council.view().chain.height(),
            reply: wire::CouncilReply::Refused(format!("{}: {}", error.message, error.next)),
        },
    }
}

/// The request is dropped, which refuses it.
async fn blame(hub: &Hub, from: PeerId, error: &wire::WireError) {
    tracing::debug!(peer = %from, %error, "bad request");
    let offence = match error {
        wire::WireError::TooLarge { .. } => Offence::Oversized,
        _ => Offence::Malformed,
    };
    hub.mesh.penalise(from, offence).await;
}

#[cfg(feature = "coordinator")]
async fn disconnected(hub: &Hub, peer: PeerId) {
    if let Some(chair) = hub.roles().and_then(|roles| roles.coordinator.as_ref()) {
        chair.disconnected(peer).await;
    }
}

#[cfg(not(feature = "coordinator"))]
async fn disconnected(_: &Hub, _: PeerId) {}
