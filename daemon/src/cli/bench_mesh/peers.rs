//! Many peers in this process, each a whole mesh node with a key, connections and gossip of its own. What a daemon
//! does with events, these do not: they pass every message on and note when they heard it.

use std::time::Instant;

use edgecoder_mesh::{Config, Event, Mesh, Started};
use edgecoder_protocol::{NetworkId, key::NodeKey};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::cli::{
    bench::{clock, odd},
    failure::Failure,
};

/// A message's number, and what fills it up to the size of an announcement.
pub const BODY: usize = 256;

/// Somebody heard a message.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub message: u64,
    pub at: Instant,
}

/// What peers tell the measurement. A full queue would delay the peer, so it holds all that one message brings to the
/// largest mesh many times over.
const HEARD: usize = 16_384;

/// Peers that run until they are stopped or dropped.
pub struct Peers {
    pub meshes: Vec<Mesh>,
    /// Who hears what.
    pub heard: mpsc::Receiver<Heard>,
    heard_by: mpsc::Sender<Heard>,
    work: JoinSet<()>,
    stop: CancellationToken,
}

impl Peers {
    /// None yet.
    pub fn new() -> Self {
        let (heard_by, heard) = mpsc::channel(HEARD);
        Self {
            meshes: Vec::new(),
            heard,
            heard_by,
            work: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts the peer with this number, which is its key's too.
    pub fn start(&mut self, number: usize, config: Config) -> Result<(), Failure> {
        let started = Mesh::start(config, &key(number), self.stop.clone());
        let Started {
            mesh,
            events,
            actor,
        } = started.map_err(|error| odd(&error))?;
        self.meshes.push(mesh);
        self.work.spawn(listen(events, self.heard_by.clone()));
        self.work.spawn(async move {
            if let Err(error) = actor.await {
                tracing::error!(%error, "a peer did not end well");
            }
        });
        Ok(())
    }

    /// Ends all, and waits until their sockets are closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.work.join_next().await.is_some() {}
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A peer's key.
pub fn key(number: usize) -> NodeKey {
    let mut seed = [0xb3; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    NodeKey::from_seed(&mut seed)
}

/// A peer that takes part in everything and finds nobody by itself.
pub fn config(network: NetworkId, listen: String, bootstrap: Vec<String>, topic: &str) -> Config {
    Config {
        listen: vec![listen],
        bootstrap,
        mdns: false,
        subscriptions: vec![topic.into()],
        ..Config::new(network)
    }
}

/// The body of message `number`.
pub fn body(number: u64) -> Vec<u8> {
    let mut body = vec![0; BODY];
    body[..8].copy_from_slice(&number.to_le_bytes());
    body
}

/// Ends with the mesh.
async fn listen(mut events: mpsc::Receiver<Event>, heard: mpsc::Sender<Heard>) {
    while let Some(event) = events.recv().await {
        // Requests are refused, and records not stored, by dropping them.
        if let Event::Gossip { body, verdict, .. } = event {
            let at = clock();
            verdict.accept();
            let number = body.first_chunk().copied().map(u64::from_le_bytes);
            if let Some(message) = number {
                // Nobody measures any more: the peer only passes on.
                heard.send(Heard { message, at }).await.ok();
            }
        }
    }
}

/// Runs `work` on a runtime with a thread a core: the command's own has one thread, which would be what is measured.
pub async fn on_all_cores<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| odd(&error))?;
    let working: JoinHandle<_> = runtime.spawn(work);
    let _runtime = Background(Some(runtime));
    working.await.map_err(|error| odd(&error))?
}

/// A runtime that may be dropped where another runs.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
