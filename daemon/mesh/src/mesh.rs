//! The handle on the mesh, cheap to clone, and how a mesh starts. Every call goes through one bounded queue
//! to the actor; when that is full, calls wait.

use std::time::Duration;

use edgecoder_protocol::{PeerId, key::NodeKey};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Event, FoundBy, Line, Offence, PeerView, PublishError, RequestError, SayError, Service,
    StartError, actor::Actor, gate::Door, lines::Outlets, service::REQUEST_TIME_MAX,
};

/// Calls that the actor has not taken yet. It takes each within microseconds; when it is full, callers wait.
const MAILBOX: usize = 1_024;

/// Events that the daemon has not taken yet. When it is full, requests are refused, gossip is ignored and
/// records are not stored, so that a slow daemon never blocks the swarm.
const EVENTS: usize = 1_024;

/// Where the actor stands with its listeners.
#[derive(Clone, Debug)]
pub(crate) enum Listening {
    Starting,
    On(Vec<String>),
}

/// What the handle asks of the actor.
#[derive(Debug)]
pub(crate) enum Ask {
    Request(Request),
    KeepLines {
        peers: Vec<PeerId>,
    },
    OpenLine {
        peer: PeerId,
        line: Line,
    },
    Dial {
        peer: PeerId,
        addresses: Vec<String>,
    },
    Learn {
        peer: PeerId,
        addresses: Vec<String>,
        how: FoundBy,
    },
    Find {
        peer: PeerId,
        reply: oneshot::Sender<Vec<String>>,
    },
    Subscribe {
        topic: String,
    },
    Unsubscribe {
        topic: String,
    },
    Publish {
        topic: String,
        body: Vec<u8>,
        reply: oneshot::Sender<Result<(), PublishError>>,
    },
    Provide {
        key: Vec<u8>,
    },
    StopProviding {
        key: Vec<u8>,
    },
    Providers {
        key: Vec<u8>,
        deadline: Instant,
        reply: oneshot::Sender<Vec<PeerId>>,
    },
    PutRecord {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    GetRecords {
        key: Vec<u8>,
        deadline: Instant,
        reply: oneshot::Sender<Vec<Vec<u8>>>,
    },
    Peers {
        reply: oneshot::Sender<Vec<PeerView>>,
    },
    Penalise {
        peer: PeerId,
        offence: Offence,
    },
    Block {
        peer: PeerId,
    },
    Unblock {
        peer: PeerId,
    },
    Guard {
        door: Door,
    },
    Sift,
}

/// A request on its way to the actor.
#[derive(Debug)]
pub(crate) struct Request {
    pub to: PeerId,
    pub service: Service,
    pub body: Vec<u8>,
    pub deadline: Instant,
    /// Cancelled when the caller is gone.
    pub gone: CancellationToken,
    pub reply: oneshot::Sender<Result<Vec<u8>, RequestError>>,
}

/// A mesh that has started.
#[derive(Debug)]
pub struct Started {
    /// The handle.
    pub mesh: Mesh,
    /// What comes up. When nobody reads it, requests are refused.
    pub events: mpsc::Receiver<Event>,
    /// Ends after the token is cancelled or the last handle dropped; its sockets are closed then.
    pub actor: JoinHandle<()>,
}

/// The handle on a running mesh.
#[derive(Clone, Debug)]
pub struct Mesh {
    peer: PeerId,
    mailbox: mpsc::Sender<Ask>,
    listening: watch::Receiver<Listening>,
    outlets: Outlets,
}

impl Mesh {
    /// Starts the node that `key` names. It runs until `stop` is cancelled or the last handle is dropped;
    /// the caller joins [`Started::actor`].
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub fn start(
        config: Config,
        key: &NodeKey,
        stop: CancellationToken,
    ) -> Result<Started, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let (sender, events) = mpsc::channel(EVENTS);
        let (told, listening) = watch::channel(Listening::Starting);
        let outlets = Outlets::default();
        let actor = Actor::new(&config, key, sender, told, outlets.clone())?;
        let mesh = Self {
            peer: key.peer_id(),
            mailbox,
            listening,
            outlets,
        };
        Ok(Started {
            mesh,
            events,
            actor: runtime.spawn(actor.run(inbox, stop)),
        })
    }

    /// Who this node is.
    pub fn peer_id(&self) -> PeerId {
        self.peer
    }

    /// The addresses that this node listens on, with its `/p2p/ID`, as soon as each configured one is bound
    /// or has failed. Empty when the mesh has stopped. Cancel-safe.
    pub async fn listening(&self) -> Vec<String> {
        let mut listening = self.listening.clone();
        match listening
            .wait_for(|state| matches!(state, Listening::On(_)))
            .await
            .as_deref()
        {
            Ok(Listening::On(addresses)) => addresses.clone(),
            Ok(Listening::Starting) | Err(_) => Vec::new(),
        }
    }

    /// Sends a request and waits for its answer, at most `deadline` (and never more than 180 s). A peer that
    /// is not connected is dialled first, by the address book and then by a lookup in the DHT. Dropping the
    /// future withdraws the request; the peer may have acted on it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request(
        &self,
        to: PeerId,
        service: Service,
        body: Vec<u8>,
        deadline: Duration,
    ) -> Result<Vec<u8>, RequestError> {
        let (bytes, max) = (body.len(), service.request_max());
        if bytes > max {
            return Err(RequestError::TooLarge { bytes, max });
        }
        let deadline = Instant::now() + deadline.min(REQUEST_TIME_MAX);
        let gone = CancellationToken::new();
        let _guard = gone.clone().drop_guard();
        let (reply, answer) = oneshot::channel();
        let request = Request {
            to,
            service,
            body,
            deadline,
            gone,
            reply,
        };
        let asked = timeout_at(deadline, self.mailbox.send(Ask::Request(request))).await;
        asked
            .map_err(|_| RequestError::Deadline)?
            .map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)?
    }

    /// Keeps lines with these peers, at most 32, and with nobody else: whose stream for one is refused. One that is kept
    /// on both sides is opened once something is said on it, and again after a loss.
    pub async fn keep_lines(&self, peers: Vec<PeerId>) {
        self.tell(Ask::KeepLines { peers }).await;
    }

    /// Puts a word on its way on the line to a peer, after what was said on it before. Whether it arrives is not told:
    /// it is lost when the connection is.
    ///
    /// # Errors
    /// [`SayError`]; nothing was sent then.
    pub fn say(&self, to: PeerId, line: Line, body: Vec<u8>) -> Result<(), SayError> {
        self.outlets
            .say(to, line, body)
            .map_err(|(error, is_kept)| {
                if is_kept {
                    let peer = to;
                    // With a full mailbox, the next word asks for the line.
                    self.mailbox.try_send(Ask::OpenLine { peer, line }).ok();
                }
                error
            })
    }

    /// Learns the addresses and dials the peer, unless it is connected. Does not wait for the outcome, which
    /// [`Mesh::peers`] tells.
    pub async fn dial(&self, peer: PeerId, addresses: Vec<String>) {
        self.tell(Ask::Dial { peer, addresses }).await;
    }

    /// Puts addresses in the address book, which keeps 16 of each of 2,048 peers. What is no address, or
    /// names another peer, is left out.
    pub async fn learn(&self, peer: PeerId, addresses: Vec<String>, how: FoundBy) {
        self.tell(Ask::Learn {
            peer,
            addresses,
            how,
        })
        .await;
    }

    /// The addresses of a peer after a lookup in the DHT, at most 16, best first; without Kademlia, those of
    /// the address book. May take 30 s. Cancel-safe.
    pub async fn find(&self, peer: PeerId) -> Vec<String> {
        self.ask(|reply| Ask::Find { peer, reply })
            .await
            .unwrap_or_default()
    }

    /// Receives what is said on a topic from now on. Without effect when gossip is off.
    pub async fn subscribe(&self, topic: &str) {
        self.tell(Ask::Subscribe {
            topic: topic.into(),
        })
        .await;
    }

    /// Receives a topic no longer.
    pub async fn unsubscribe(&self, topic: &str) {
        self.tell(Ask::Unsubscribe {
            topic: topic.into(),
        })
        .await;
    }

    /// Says `body` on a topic, signed with this node's key. Who hears it is not known.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish(&self, topic: &str, body: Vec<u8>) -> Result<(), PublishError> {
        let topic = topic.into();
        self.ask(|reply| Ask::Publish { topic, body, reply })
            .await
            .unwrap_or(Err(PublishError::Stopped))
    }

    /// Announces in the DHT that this node provides `key`, now and every half hour. Without effect when
    /// Kademlia is off, or from the 1,024th key on.
    pub async fn provide(&self, key: Vec<u8>) {
        self.tell(Ask::Provide { key }).await;
    }

    /// Announces it no longer. Others forget within two hours.
    pub async fn stop_providing(&self, key: Vec<u8>) {
        self.tell(Ask::StopProviding { key }).await;
    }

    /// Who else says that it provides `key`, at most 64, as found within `deadline`. Hints: anybody can say so.
    /// Their addresses are then in the address book. Cancel-safe.
    pub async fn providers(&self, key: Vec<u8>, deadline: Duration) -> Vec<PeerId> {
        let deadline = Instant::now() + deadline.min(REQUEST_TIME_MAX);
        self.ask(|reply| Ask::Providers {
            key,
            deadline,
            reply,
        })
        .await
        .unwrap_or_default()
    }

    /// Stores a record in the DHT, here and at the closest nodes that accept it; renewed every half hour
    /// until the node stops. The caller has signed it. At most 8 KiB; what is larger is not stored.
    pub async fn put_record(&self, key: Vec<u8>, value: Vec<u8>) {
        self.tell(Ask::PutRecord { key, value }).await;
    }

    /// The different values found for `key` within `deadline`, at most 32. Hints: the caller verifies them.
    /// Cancel-safe.
    pub async fn get_records(&self, key: Vec<u8>, deadline: Duration) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + deadline.min(REQUEST_TIME_MAX);
        self.ask(|reply| Ask::GetRecords {
            key,
            deadline,
            reply,
        })
        .await
        .unwrap_or_default()
    }

    /// Everybody in the address book. Cancel-safe.
    pub async fn peers(&self) -> Vec<PeerView> {
        self.ask(|reply| Ask::Peers { reply })
            .await
            .unwrap_or_default()
    }

    /// Remembers an offence. Enough of them within minutes, and the peer is disconnected and blocked for ten
    /// minutes.
    pub async fn penalise(&self, peer: PeerId, offence: Offence) {
        self.tell(Ask::Penalise { peer, offence }).await;
    }

    /// Disconnects a peer and blocks it until [`Mesh::unblock`] or the node's end.
    pub async fn block(&self, peer: PeerId) {
        self.tell(Ask::Block { peer }).await;
    }

    /// Forgets a block and every offence.
    pub async fn unblock(&self, peer: PeerId) {
        self.tell(Ask::Unblock { peer }).await;
    }

    /// From now on, connections are made with those alone whom `door` lets in, whoever dials. Those that stand stay until
    /// [`Mesh::sift`].
    pub async fn guard(&self, door: Door) {
        self.tell(Ask::Guard { door }).await;
    }

    /// Disconnects whom the door does not let in: who may has changed.
    pub async fn sift(&self) {
        self.tell(Ask::Sift).await;
    }

    async fn tell(&self, ask: Ask) {
        // A stopped mesh has no use for it, and its caller learns of the end by the actor's task.
        self.mailbox.send(ask).await.ok();
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(ask(reply)).await.ok()?;
        answer.await.ok()
    }
}
