//! What can go wrong, by operation. A peer's fault is not here: it is an [`crate::Offence`].

use crate::{DialFailure, DialStep};

/// Why a mesh did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Not a multiaddr, or one that lacks or has a `/p2p/ID` where it must not.
    #[error("`{address}` is not an address that can be used for {purpose}")]
    Address {
        /// What was configured.
        address: String,
        /// What for.
        purpose: &'static str,
    },
    /// QUIC and a pre-shared key exclude each other.
    #[error("`{address}`: a network with a pre-shared key cannot listen on QUIC, only on TCP")]
    QuicWithPsk {
        /// What was configured.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {reason}")]
    Listen {
        /// What was configured.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The node's key is not one that libp2p takes.
    #[error("the node's key is unusable: {0}")]
    Key(String),
    /// A part of libp2p refused its configuration.
    #[error("cannot set up {part}: {reason}")]
    Setup {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no Tokio runtime here.
    #[error("a mesh can only be started inside a Tokio runtime")]
    NoRuntime,
}

/// Why there is no answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No connection could be made; the peer has not seen the request.
    #[error("the peer cannot be reached ({step}): {reason}")]
    Unreachable {
        /// How far the last attempt came.
        step: DialStep,
        /// What happened there.
        reason: String,
    },
    /// The connection broke after the request was sent: the peer may have acted on it.
    #[error("the connection broke before the answer: {reason}")]
    Lost {
        /// What happened.
        reason: String,
    },
    /// No answer came in time. The peer may have acted on it.
    #[error("no answer came in time")]
    Deadline,
    /// The peer closed the stream, or does not speak the protocol, or sent what is no answer.
    #[error("the peer refused: {reason}")]
    Refused {
        /// What it did.
        reason: String,
    },
    /// The body is larger than the service carries; nothing was sent.
    #[error("{bytes} bytes are more than the {max} that this service carries")]
    TooLarge {
        /// Of the body.
        bytes: usize,
        /// The service's cap.
        max: usize,
    },
    /// The peer is blocked here; nothing was sent.
    #[error("the peer is blocked")]
    Blocked,
    /// The mesh has stopped.
    #[error("the mesh has stopped")]
    Stopped,
    /// Too many requests are under way, to this peer or altogether; nothing was sent.
    #[error("too many requests are under way")]
    Busy,
}

impl From<DialFailure> for RequestError {
    fn from(failure: DialFailure) -> Self {
        match failure.step {
            DialStep::Blocked => Self::Blocked,
            step => Self::Unreachable {
                step,
                reason: match failure.address.is_empty() {
                    true => failure.reason,
                    false => format!("{}: {}", failure.address, failure.reason),
                },
            },
        }
    }
}

/// Why a message was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Nobody connected listens to the topic. Gossip has no history: try again when somebody does.
    #[error("no connected peer listens to this topic")]
    NoPeers,
    /// Larger than [`crate::GOSSIP_MAX`].
    #[error("{bytes} bytes are more than gossip carries")]
    TooLarge {
        /// Of the body.
        bytes: usize,
    },
    /// This body was on this topic within the last minute.
    #[error("this message was already published")]
    Duplicate,
    /// All neighbours' queues are full.
    #[error("the neighbours' queues are full")]
    Busy,
    /// Gossip is switched off.
    #[error("gossip is switched off")]
    Off,
    /// The mesh has stopped.
    #[error("the mesh has stopped")]
    Stopped,
    /// Signing failed.
    #[error("the message cannot be signed: {0}")]
    Signing(String),
}

/// Why an answer was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Larger than the service carries; the caller sees a refusal.
    #[error("{bytes} bytes are more than the {max} that this service carries")]
    TooLarge {
        /// Of the body.
        bytes: usize,
        /// The service's cap.
        max: usize,
    },
    /// The caller or the connection is gone.
    #[error("nobody waits for the answer any more")]
    Gone,
}
