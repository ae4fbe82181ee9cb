//! How fast a message reaches every peer of 50 and of 200, and how soon 200 are a mesh, all in this process over the
//! memory transport. They begin as real ones do: with the addresses of a few bootstrap nodes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use edgecoder_protocol::NetworkId;
use tokio::time::{sleep, timeout};

use super::{
    below,
    peers::{Heard, Peers, body, config, key, on_all_cores},
};
use crate::cli::{
    bench::{Row, clock, figure, odd},
    failure::Failure,
};

const TOPIC: &str = "edgecoder/bench/1";
/// Peers that the others know from the start.
const BOOTSTRAP: usize = 4;
/// The first number of an address in this process; nothing else here listens in memory. Each mesh has numbers of its
/// own: libp2p gives a dropped listener's to nobody else.
const ADDRESSES: usize = 1_000;
/// How often a message is tried while the mesh comes up; it is up when one has reached everybody.
const PROBE_EVERY: Duration = Duration::from_millis(100);
/// Longer than any bring-up that is worth measuring.
const UP_MAX: Duration = Duration::from_secs(120);
/// What is still begun (identification, lookups of neighbours) comes to an end.
const SETTLE: Duration = Duration::from_secs(5);
/// After so long a message counts as lost, and this as its time.
const LOST: Duration = Duration::from_secs(10);
/// Rounds of bring-up and messages.
const ROUNDS: usize = 3;

/// One mesh, and what is said in it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The number of the first peer's address.
    first: usize,
    peers: usize,
    messages: usize,
    /// Between one message and the next.
    pause: Duration,
}

/// One size of mesh, measured in each round.
struct Size {
    plan: Plan,
    /// The bar on the p99, in milliseconds.
    p99_max: f64,
    /// The bar on the bring-up, in seconds.
    up_max: Option<f64>,
}

const SIZES: [Size; 2] = [
    Size {
        plan: Plan {
            first: ADDRESSES,
            peers: 50,
            messages: 20,
            pause: Duration::from_millis(250),
        },
        p99_max: 100.0,
        up_max: None,
    },
    Size {
        plan: Plan {
            first: ADDRESSES,
            peers: 200,
            messages: 10,
            pause: Duration::from_millis(1_000),
        },
        p99_max: 500.0,
        up_max: Some(10.0),
    },
];

pub async fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut first = ADDRESSES;
    for size in SIZES {
        let (mut up, mut delivery) = (Vec::new(), Vec::new());
        let (peers, p99_max, up_max) = (size.plan.peers, size.p99_max, size.up_max);
        for _ in 0..ROUNDS {
            let plan = Plan { first, ..size.plan };
            first += plan.peers;
            let found = on_all_cores(measured(plan)).await?;
            up.push(found.up.as_secs_f64());
            delivery.extend(found.delivery.iter().map(|time| time.as_secs_f64() * 1e3));
        }
        let name = format!("gossip to {peers} peers, p99");
        rows.push(below(name, figure(None, delivery, "ms"), p99_max));
        if let Some(limit) = up_max {
            let name = format!("bring-up of {peers} peers");
            rows.push(below(name, figure(None, up, "s"), limit));
        }
    }
    Ok(rows)
}

struct Found {
    /// From the first peer's start until a message has reached all.
    up: Duration,
    /// From publishing to each peer's hearing.
    delivery: Vec<Duration>,
}

async fn measured(plan: Plan) -> Result<Found, Failure> {
    let began = clock();
    let mut peers = start(plan)?;
    let up = bring_up(&mut peers, began).await?;
    sleep(SETTLE).await;
    while peers.heard.try_recv().is_ok() {}
    let mut delivery = Vec::new();
    for number in 0..plan.messages {
        delivery.extend(deliver(&mut peers, number).await?);
        sleep(plan.pause).await;
    }
    peers.stop().await;
    Ok(Found { up, delivery })
}

fn start(plan: Plan) -> Result<Peers, Failure> {
    let address = |number| format!("/memory/{}", plan.first + number);
    let known = (0..BOOTSTRAP).map(|number| {
        let peer = key(number).peer_id();
        format!("{}/p2p/{peer}", address(number))
    });
    let known: Vec<String> = known.collect();
    let mut peers = Peers::new();
    for number in 0..plan.peers {
        let mut bootstrap = known.clone();
        if number < BOOTSTRAP {
            bootstrap.remove(number);
        }
        let network = NetworkId([0xbe; 32]);
        peers.start(number, config(network, address(number), bootstrap, TOPIC))?;
    }
    Ok(peers)
}

/// Publishes probes until one has reached everybody else.
async fn bring_up(peers: &mut Peers, began: Instant) -> Result<Duration, Failure> {
    let others = peers.meshes.len() - 1;
    let mut heard = BTreeMap::<u64, usize>::new();
    // Above any message that is measured.
    for probe in 1 << 32.. {
        // Nobody may listen yet.
        peers.meshes[0].publish(TOPIC, body(probe)).await.ok();
        let next = clock() + PROBE_EVERY;
        while let Ok(Some(Heard { message, at })) =
            tokio::time::timeout_at(next.into(), peers.heard.recv()).await
        {
            let count = heard.entry(message).or_default();
            *count += 1;
            if *count == others {
                return Ok(at - began);
            }
        }
        if began.elapsed() > UP_MAX {
            break;
        }
    }
    let most = heard.values().max().copied().unwrap_or_default();
    let seconds = UP_MAX.as_secs();
    Err(odd(&format!(
        "after {seconds} s no message had reached all {others} others: {most} at most"
    )))
}

/// One message from a peer chosen by `number`, and how long it took to each of the others.
async fn deliver(peers: &mut Peers, number: usize) -> Result<Vec<Duration>, Failure> {
    let others = peers.meshes.len() - 1;
    // Spread over the mesh; 7 is prime to both sizes.
    let author = &peers.meshes[number * 7 % peers.meshes.len()];
    let message = number as u64;
    let began = clock();
    let published = author.publish(TOPIC, body(message)).await;
    published.map_err(|error| odd(&error))?;
    let mut times = Vec::with_capacity(others);
    let all = async {
        while times.len() < others {
            let Some(heard) = peers.heard.recv().await else {
                return;
            };
            if heard.message == message {
                times.push(heard.at - began);
            }
        }
    };
    // What is missing was lost.
    timeout(LOST, all).await.ok();
    times.resize(others, LOST);
    Ok(times)
}
