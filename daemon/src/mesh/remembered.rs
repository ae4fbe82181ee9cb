//! Where others were reached last, kept over restarts: a node whose invite is out of date finds its network again, and a
//! council whose members were all down finds itself. Addresses are hints: who answers there proves who it is.

use std::{sync::Arc, time::Duration};

use edgecoder_mesh::FoundBy;
use edgecoder_node_store::{Store, TreeName};
use edgecoder_protocol::{PeerId, operator::Blob, wire};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

use super::Hub;

/// Peers that are remembered: the largest council, and as many others.
const PEERS_MAX: usize = 64;
/// Bytes of all of them.
const BYTES_MAX: usize = 256 << 10;
/// How often it is looked whether there is something new; nothing is written when there is not.
const LOOK: Duration = Duration::from_secs(5);

/// A peer, and where it was reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Known {
    peer: PeerId,
    addresses: Vec<String>,
}

/// The addresses at which this node listened last, whichever network it was in.
const LISTENED: &[u8] = b"listened";

/// `wanted`, with the ports of the last time where any will do: others find this node where they left it. A port that
/// is taken meanwhile is left alone.
pub async fn same_ports(store: &Store, wanted: Vec<String>) -> Vec<String> {
    let last: Vec<String> = read(store, LISTENED).await;
    let again = |address: String| {
        let kept = ["tcp", "udp"].iter().find_map(|protocol| {
            let (before, after) = address.split_once(&format!("/{protocol}/0"))?;
            let port = last.iter().find_map(|one| port_of(one, protocol))?;
            let is_free = match *protocol {
                "tcp" => std::net::TcpListener::bind(("0.0.0.0", port)).is_ok(),
                _ => std::net::UdpSocket::bind(("0.0.0.0", port)).is_ok(),
            };
            is_free.then(|| format!("{before}/{protocol}/{port}{after}"))
        });
        kept.unwrap_or(address)
    };
    wanted.into_iter().map(again).collect()
}

fn port_of(address: &str, protocol: &str) -> Option<u16> {
    let (_, rest) = address.split_once(&format!("/{protocol}/"))?;
    rest.split('/').next()?.parse().ok()
}

/// Dials who is remembered, and remembers, until `stop`.
pub async fn run(hub: Arc<Hub>, store: Store, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work(&hub, store) => {}
    }
}

async fn work(hub: &Hub, store: Store) {
    let key = format!("known-peers/{}", hub.network).into_bytes();
    let listening = hub.mesh.listening().await;
    if read::<Vec<String>>(&store, LISTENED).await != listening {
        write(&store, LISTENED, &listening).await;
    }
    let mut saved: Vec<Known> = read(&store, &key).await;
    for known in &saved {
        hub.mesh
            .learn(known.peer, known.addresses.clone(), FoundBy::Record)
            .await;
        hub.mesh.dial(known.peer, known.addresses.clone()).await;
    }
    loop {
        sleep(LOOK).await;
        let found = look(hub).await;
        // Who is out of reach for now stays remembered, while there is room.
        let gone = saved
            .iter()
            .filter(|old| !found.iter().any(|new| new.peer == old.peer));
        let mut all: Vec<Known> = found.iter().chain(gone).take(PEERS_MAX).cloned().collect();
        all.sort();
        if all != saved && write(&store, &key, &all).await {
            saved = all;
        }
    }
}

/// Members first, then whoever else is connected.
async fn look(hub: &Hub) -> Vec<Known> {
    let view = hub.council.view();
    let mut peers = hub.mesh.peers().await;
    peers.retain(|one| one.connected);
    peers.sort_by_key(|one| (!view.is_member(&one.peer), one.peer));
    let known = peers.into_iter().map(|one| Known {
        peer: one.peer,
        // What it signed; where a connection came from is no place to dial.
        addresses: match hub.record_of(one.peer) {
            Some(record) => record.addresses.clone(),
            None if one.found_by != FoundBy::Inbound => one.address.into_iter().collect(),
            None => Vec::new(),
        },
    });
    known.filter(|one| !one.addresses.is_empty()).collect()
}

async fn read<T: DeserializeOwned + Default>(store: &Store, key: &[u8]) -> T {
    let (store, key) = (store.clone(), key.to_vec());
    let read = spawn_blocking(move || store.get::<Blob>(TreeName::Settings, &key)).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the addresses of others cannot be read");
            None
        }
        Err(error) => {
            tracing::error!(%error, "reading the addresses of others failed");
            None
        }
    };
    bytes
        .and_then(|bytes| wire::decode::<T, BYTES_MAX>(&bytes.0).ok())
        .unwrap_or_default()
}

async fn write(store: &Store, key: &[u8], value: &impl Serialize) -> bool {
    let Ok(bytes) = wire::encode::<_, BYTES_MAX>(value) else {
        return false;
    };
    let (store, key) = (store.clone(), key.to_vec());
    let written = spawn_blocking(move || {
        store.put(TreeName::Settings, &key, &Blob(bytes))?;
        store.sync()
    });
    match written.await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the addresses of others are not kept");
            false
        }
        Err(error) => {
            tracing::error!(%error, "keeping the addresses of others failed");
            false
        }
    }
}
