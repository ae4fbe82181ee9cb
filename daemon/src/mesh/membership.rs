//! Says that this node is here: its record to the coordinator, again before it expires; its abilities to the DHT.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use edgecoder_protocol::{
    Signed,
    operator::ErrorObject,
    record::{Hours, LIFE_MAX_MS, ModelOffer, PeerRecord, Role},
    wire::{Request, Response},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Hub,
    hub::{internal, lock},
    topics,
};

/// How long a record lives: a node that has gone leaves all listings within a minute, with the time that its end takes
/// to be told.
const LIFE_MS: u32 = LIFE_MAX_MS - 5_000;
/// It is renewed four times in its life: three may be lost.
const RENEW: Duration = Duration::from_millis(LIFE_MS as u64 / 4);
/// The first wait after a failure; it doubles up to [`RETRY_MAX`].
const RETRY: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// So long after the duty has moved the waits stay as short as the first.
const SETTLING: Duration = Duration::from_secs(10);
/// How long the coordinator may take to answer; it may have to be looked up and dialled.
const ANSWER: Duration = Duration::from_secs(10);
/// What every node's sandbox runs.
const LANGUAGE: &str = "python";

/// Registers until `stop`.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    let mut retry = RETRY;
    let work = async {
        announce(&hub).await;
        let mut seats = hub.seats();
        let mut moved = None;
        loop {
            seats.mark_unchanged();
            let is_in = register(&hub).await;
            let wait = match is_in {
                true => RENEW,
                false => retry,
            };
            // Who was just granted the duty may have to wait until its predecessor's lease is over.
            let is_new = moved.is_some_and(|at: Instant| at.elapsed() < SETTLING);
            retry = match is_in || is_new {
                true => RETRY,
                false => (retry * 2).min(RETRY_MAX),
            };
            // Whoever takes the duty over hears at once who is there.
            tokio::select! {
                () = sleep(wait) => {}
                changed = seats.changed() => match changed {
                    Ok(()) => moved = Some(Instant::now()),
                    Err(_) => sleep(wait).await,
                },
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn announce(hub: &Hub) {
    let roles = hub.config.network_roles();
    if roles.contains(&Role::Worker) {
        hub.mesh
            .provide(topics::language(hub.network, LANGUAGE))
            .await;
    }
    if let Ok(models) = models(hub).await {
        for model in models {
            hub.mesh
                .provide(topics::model(hub.network, model.hash))
                .await;
        }
    }
}

/// Whether the coordinator took the record.
async fn register(hub: &Arc<Hub>) -> bool {
    let result = try_register(hub).await;
    let mut standing = lock(&hub.standing);
    let was = standing.registered;
    match result {
        Ok(()) => {
            standing.registered = true;
            standing.reachable = true;
            standing.reason = None;
        }
        Err(Refused::Unreachable(reason)) => {
            standing.registered = false;
            standing.reachable = false;
            standing.reason = Some(reason);
        }
        Err(Refused::Said(error)) => {
            standing.registered = false;
            standing.reachable = true;
            standing.reason = Some(format!("{}: {}", error.message, error.next));
        }
    }
    let is = standing.registered;
    if was != is {
        let coordinator = hub.seat().map(|seat| seat.holder.to_string());
        tracing::info!(
            coordinator,
            registered = is,
            reason = standing.reason,
            "membership"
        );
    }
    drop(standing);
    is
}

enum Refused {
    Unreachable(String),
    Said(ErrorObject),
}

async fn try_register(hub: &Arc<Hub>) -> Result<(), Refused> {
    let record = record(hub).await.map_err(Refused::Said)?;
    let signed = Signed::new(record, &hub.key);
    hub.hear(signed.clone(), LIFE_MAX_MS);
    let before = hub.now();
    let request = Request::Register(Box::new(signed));
    let answer = hub.ask_coordinator(request, ANSWER).await;
    match answer.map_err(Refused::Unreachable)?.0 {
        Response::Done { now } => {
            // Half of the way is as good a guess as any; a dial in between makes it worse, and the next one mends it.
            let after = hub.now();
            let middle = before.0 + (after.0.saturating_sub(before.0)) / 2;
            let offset = i64::try_from(i128::from(now.0) - i128::from(middle)).unwrap_or(0);
            hub.offset.store(offset, Ordering::Relaxed);
            lock(&hub.standing).is_measured = true;
            Ok(())
        }
        Response::Refused(error) => Err(Refused::Said(error)),
        _ => Err(Refused::Unreachable("it answered something else".into())),
    }
}

/// What this node says of itself.
async fn record(hub: &Hub) -> Result<PeerRecord, ErrorObject> {
    let roles = hub.config.network_roles();
    let is_worker = roles.contains(&Role::Worker);
    let (slots, hours) = offered(hub);
    Ok(PeerRecord {
        network: hub.network,
        peer: hub.id,
        seal: hub.open_key().public().map_err(|error| internal(&error))?,
        owner: hub.owner.clone(),
        languages: match is_worker {
            true => vec![LANGUAGE.into()],
            false => Vec::new(),
        },
        models: models(hub).await?,
        slots,
        hours,
        profile: hub.executor.sandbox().profile(),
        build: format!("{} {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH),
        addresses: hub.mesh.listening().await.into_iter().take(16).collect(),
        sequence: hub.sequence.fetch_add(1, Ordering::Relaxed),
        life_ms: LIFE_MS,
        roles,
    })
}

#[cfg(feature = "worker")]
fn offered(hub: &Hub) -> (u32, Option<Hours>) {
    hub.offered()
}

#[cfg(not(feature = "worker"))]
fn offered(_: &Hub) -> (u32, Option<Hours>) {
    (0, None)
}

/// Subtasks at once, where 0 stands for one a core, of those that the worker's share comes to.
pub fn cores(slots: u32, cpu_percent: u32) -> u32 {
    let all = || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    match slots {
        0 => (all() * cpu_percent).div_ceil(100).max(1),
        slots => slots,
    }
}

/// Models that others may ask here.
async fn models(hub: &Hub) -> Result<Vec<ModelOffer>, ErrorObject> {
    if !hub.config.network_roles().contains(&Role::Inference) {
        return Ok(Vec::new());
    }
    let provider = hub.models.active().await?;
    let card = provider.card().await;
    let card = card.map_err(|error| crate::wiring::inference_error(&error))?;
    let name = card
        .name
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect();
    Ok(vec![ModelOffer {
        name,
        hash: card.hash,
    }])
}
