//! Nodes for the tests, and waiting for what they do: always for an event or a state, with a time limit.

use std::{future::Future, time::Duration};

use edgecoder_mesh::{Config, Event, KademliaMode, Mesh, PeerView, Started};
use edgecoder_protocol::{NetworkId, PeerId, key::NodeKey};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

pub const NETWORK: NetworkId = NetworkId([7; 32]);

/// Nothing here takes so long on an idle machine; it only ends tests that hang.
pub const LIMIT: Duration = Duration::from_secs(60);

pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub const MEMORY: &str = "/memory/0";

/// A node that hears of nobody by itself.
pub fn quiet(listen: &str) -> Config {
    let mut config = Config::new(NETWORK);
    config.listen = vec![listen.into()];
    config.mdns = false;
    config.kademlia = KademliaMode::Off;
    config.gossip = false;
    config
}

pub struct Node {
    pub mesh: Mesh,
    pub events: mpsc::Receiver<Event>,
    pub actor: JoinHandle<()>,
    pub stop: CancellationToken,
    pub addresses: Vec<String>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The key of node `number`.
pub fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

pub async fn start(number: u8, config: Config) -> Node {
    let stop = CancellationToken::new();
    let Started {
        mesh,
        events,
        actor,
    } = Mesh::start(config, &key(number), stop.clone()).unwrap();
    let addresses = within(mesh.listening()).await;
    Node {
        mesh,
        events,
        actor,
        stop,
        addresses,
    }
}

impl Node {
    pub fn id(&self) -> PeerId {
        self.mesh.peer_id()
    }

    /// Connects to `other`.
    pub async fn join(&mut self, other: &Node) {
        self.mesh.dial(other.id(), other.addresses.clone()).await;
        self.event(|event| matches!(event, Event::Connected { peer } if *peer == other.id()))
            .await;
    }

    /// The first event that `is_it`; earlier ones are dropped.
    pub async fn event(&mut self, is_it: impl Fn(&Event) -> bool) -> Event {
        within(async {
            loop {
                let event = self.events.recv().await.expect("the mesh has stopped");
                if is_it(&event) {
                    return event;
                }
            }
        })
        .await
    }

    /// What is known of `peer`, as soon as it `is_so`.
    pub async fn view(&self, peer: PeerId, is_so: impl Fn(&PeerView) -> bool) -> PeerView {
        within(async {
            loop {
                let view = self
                    .mesh
                    .peers()
                    .await
                    .into_iter()
                    .find(|view| view.peer == peer);
                if let Some(view) = view.filter(|view| is_so(view)) {
                    return view;
                }
                // Asking is cheap; this only leaves the others some of the processor.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }

    /// Answers each request with its body reversed, until the node stops.
    pub fn serve(&mut self) {
        let mut events = std::mem::replace(&mut self.events, mpsc::channel(1).1);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::Request {
                    mut body, reply, ..
                } = event
                {
                    body.reverse();
                    // The caller may have gone.
                    reply.send(body).ok();
                }
            }
        });
    }
}

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("it takes too long")
}
