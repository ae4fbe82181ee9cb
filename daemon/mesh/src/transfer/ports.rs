//! What a transfer needs from outside: somebody to ask, somewhere to write, and, on the other side, something to
//! give. The mesh itself can be asked; the daemon's wiring puts the content store behind the others.

use std::{error::Error, future::Future, time::Duration};

use edgecoder_protocol::{Hash, PeerId, content::Outline};

/// Why there is no answer. Says nothing of the peer's intentions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// None came in time.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The peer cannot be reached, or the connection broke.
    #[error("the peer cannot be asked: {0}")]
    Unreachable(String),
    /// This node has too many requests under way; nothing was sent.
    #[error("too many requests are under way")]
    Busy,
}

/// Asks peers on the mesh's service for chunks.
pub trait Ask: Send + Sync {
    /// Sends `body` to `peer`, and returns its answer. Whoever implements this bounds the answer before allocating;
    /// it must let [`RESPONSE_MAX`](edgecoder_protocol::content::RESPONSE_MAX) bytes through. Cancel-safe: dropping
    /// the future withdraws the request.
    ///
    /// # Errors
    /// [`AskError`]; [`AskError::Timeout`] after `within`.
    fn ask(
        &self,
        peer: PeerId,
        body: Vec<u8>,
        within: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, AskError>> + Send;
}

/// Why nothing can be written: our fault, not a peer's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(#[source] pub Box<dyn Error + Send + Sync>);

/// Where the chunks of one content go, and what an earlier attempt left there.
pub trait Sink: Send + Sync {
    /// The outline that an earlier attempt was begun with, if any. It is verified again.
    ///
    /// # Errors
    /// [`SinkError`].
    fn resume(&self) -> impl Future<Output = Result<Option<Outline>, SinkError>> + Send;

    /// Makes room for the content, and says which of its chunks are missing. `outline` was verified.
    ///
    /// # Errors
    /// [`SinkError`].
    fn begin(&self, outline: Outline) -> impl Future<Output = Result<Vec<u32>, SinkError>> + Send;

    /// Writes chunk `index`, which was verified.
    ///
    /// # Errors
    /// [`SinkError`].
    fn write(
        &self,
        index: u32,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// What a source has of what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supply {
    /// These bytes.
    Found(Vec<u8>),
    /// Nothing, or nothing that is still whole.
    Absent,
    /// Too much to do.
    Busy,
}

/// What this node gives to others. May block.
pub trait Source {
    /// The encoded outline of `hash`.
    fn outline(&self, hash: Hash) -> Supply;

    /// Chunk `index` of `hash`; absent when there is no such chunk.
    fn chunk(&self, hash: Hash, index: u32) -> Supply;
}
