//! What the mesh tells the daemon, and how the daemon answers. Nothing here looks into a body.

use std::fmt;

use edgecoder_protocol::PeerId;
use libp2p::{gossipsub, kad};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{FoundBy, Line, ReplyError, Service, Words};

/// Something that the daemon must know of or decide.
#[non_exhaustive]
pub enum Event {
    /// A peer asks something.
    Request {
        /// Who; the connection proves it.
        from: PeerId,
        /// On which service.
        service: Service,
        /// At most [`Service::request_max`] bytes, not looked at.
        body: Vec<u8>,
        /// How to answer. Dropping it refuses.
        reply: Reply,
    },
    /// A peer with whom lines are kept has opened one. It takes the place of one that was opened before.
    Line {
        /// Who; the connection proves it.
        from: PeerId,
        /// Which.
        line: Line,
        /// What it says on it. Dropping it closes the line.
        words: Words,
    },
    /// A gossip message came and waits for a verdict before it is passed on.
    Gossip {
        /// Of a topic that this node subscribed to.
        topic: String,
        /// Who signed it; verified.
        source: PeerId,
        /// Who passed it to us.
        forwarder: PeerId,
        /// At most [`crate::GOSSIP_MAX`] bytes, not looked at.
        body: Vec<u8>,
        /// What to do with it. Dropping it ignores.
        verdict: GossipVerdict,
    },
    /// A peer wants a record stored in this node's part of the DHT.
    Record {
        /// Who sent it, which need not be who wrote it.
        from: PeerId,
        /// Its key.
        key: Vec<u8>,
        /// Its value, not looked at.
        value: Vec<u8>,
        /// Whether to store it. Dropping it does not.
        verdict: RecordVerdict,
    },
    /// The first connection to a peer stands.
    Connected {
        /// Who.
        peer: PeerId,
    },
    /// The last connection to a peer is gone.
    Disconnected {
        /// Who.
        peer: PeerId,
    },
    /// A peer's first address became known.
    Discovered {
        /// Who.
        peer: PeerId,
        /// By which means.
        how: FoundBy,
    },
}

impl fmt::Debug for Event {
    /// Without bodies: they are the users', and this may end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request {
                from,
                service,
                body,
                ..
            } => {
                write!(f, "Request({service:?} from {from}, {} bytes)", body.len())
            }
            Self::Line { from, line, .. } => write!(f, "Line({line:?} from {from})"),
            Self::Gossip {
                topic,
                source,
                body,
                ..
            } => {
                write!(f, "Gossip({topic} from {source}, {} bytes)", body.len())
            }
            Self::Record { from, value, .. } => {
                write!(f, "Record(from {from}, {} bytes)", value.len())
            }
            Self::Connected { peer } => write!(f, "Connected({peer})"),
            Self::Disconnected { peer } => write!(f, "Disconnected({peer})"),
            Self::Discovered { peer, how } => write!(f, "Discovered({peer} by {how:?})"),
        }
    }
}

/// The answer that a request waits for. Dropping it refuses the request.
#[derive(Debug)]
#[must_use = "dropping it refuses the request"]
pub struct Reply {
    pub(crate) sender: oneshot::Sender<Vec<u8>>,
    pub(crate) max: usize,
    /// The request's place among those that are being answered.
    pub(crate) _place: OwnedSemaphorePermit,
}

impl Reply {
    /// Answers. Does not wait for the answer to arrive.
    ///
    /// # Errors
    /// [`ReplyError`]; the caller then sees a refusal, if it still waits.
    pub fn send(self, body: Vec<u8>) -> Result<(), ReplyError> {
        let (bytes, max) = (body.len(), self.max);
        if bytes > max {
            return Err(ReplyError::TooLarge { bytes, max });
        }
        self.sender.send(body).map_err(|_| ReplyError::Gone)
    }

    /// Whether nobody waits any more, so that work on the answer can end.
    pub fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }
}

/// A decision on its way back to the actor.
#[derive(Debug)]
pub(crate) enum Verdict {
    Gossip {
        id: gossipsub::MessageId,
        forwarder: libp2p::PeerId,
        acceptance: gossipsub::MessageAcceptance,
    },
    Record(Box<kad::Record>),
    BadRecord(PeerId),
}

/// A place in the verdicts' queue, taken before the event goes out: a verdict is never lost.
pub(crate) type Slot = mpsc::OwnedPermit<Verdict>;

/// What becomes of a gossip message. Dropping it ignores the message: it is not passed on, and nobody blamed.
#[derive(Debug)]
#[must_use = "dropping it ignores the message"]
pub struct GossipVerdict {
    pub(crate) slot: Option<Slot>,
    pub(crate) id: gossipsub::MessageId,
    pub(crate) forwarder: libp2p::PeerId,
}

impl GossipVerdict {
    /// Passes the message on.
    pub fn accept(mut self) {
        self.say(gossipsub::MessageAcceptance::Accept);
    }

    /// Drops the message and blames whoever passed it to us: honest nodes check before they pass on. For
    /// what no honest node could accept, never for what may only look wrong from here.
    pub fn reject(mut self) {
        self.say(gossipsub::MessageAcceptance::Reject);
    }

    /// Drops the message.
    pub fn ignore(self) {}

    fn say(&mut self, acceptance: gossipsub::MessageAcceptance) {
        if let Some(slot) = self.slot.take() {
            slot.send(Verdict::Gossip {
                id: self.id.clone(),
                forwarder: self.forwarder,
                acceptance,
            });
        }
    }
}

impl Drop for GossipVerdict {
    fn drop(&mut self) {
        self.say(gossipsub::MessageAcceptance::Ignore);
    }
}

/// Whether a record is stored. Dropping it does not store it, and blames nobody.
#[must_use = "dropping it does not store the record"]
pub struct RecordVerdict {
    pub(crate) slot: Slot,
    pub(crate) record: Box<kad::Record>,
    pub(crate) from: PeerId,
}

impl RecordVerdict {
    /// Stores the record, unless its sender has used up its share.
    pub fn accept(self) {
        self.slot.send(Verdict::Record(self.record));
    }

    /// Blames the sender: the signature does not verify, or the key is not the value's.
    pub fn reject(self) {
        self.slot.send(Verdict::BadRecord(self.from));
    }
}
