//! What a transfer says when it has ended: what came from whom, who gave something wrong, and why it failed.

use std::collections::BTreeMap;

use edgecoder_protocol::{Bytes, Hash, PeerId};

use super::ports::SinkError;

/// What came, and from whom. The chunks that were written stay, also after a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of right chunks, by provider; those that gave none are not in it.
    pub bytes_by_provider: BTreeMap<PeerId, Bytes>,
    /// Who gave something that cannot be an honest mistake: for the caller to penalise. At most one a provider.
    pub offences: Vec<Offence>,
}

/// Something wrong that a provider gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Who.
    pub peer: PeerId,
    /// What.
    pub kind: OffenceKind,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffenceKind {
    /// Other bytes than the hash commits to.
    WrongChunk {
        /// In place of which chunk.
        index: u32,
    },
    /// Not the outline of the hash.
    WrongOutline,
    /// Not an answer to what was asked.
    Malformed,
}

/// Why the content is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchCause {
    /// Larger than the caller wants. Nothing was fetched.
    #[error("the content {hash} has {size} bytes, more than the {max} allowed; raise the limit")]
    TooLarge {
        /// Which.
        hash: Hash,
        /// Its size, proven.
        size: Bytes,
        /// The limit.
        max: Bytes,
    },
    /// Nobody has even the outline.
    #[error("no peer gives the content {hash}; try again when more peers are connected")]
    NoOutline {
        /// Which.
        hash: Hash,
    },
    /// Everybody failed before all was there.
    #[error(
        "no peer is left that gives the content {hash}: {missing} of {chunks} chunks are missing, the others stay; \
         try again when more peers are connected"
    )]
    NoProvider {
        /// Which.
        hash: Hash,
        /// Chunks to go.
        missing: usize,
        /// Chunks in all.
        chunks: u32,
    },
    /// The caller wanted no more of it.
    #[error(
        "fetching was stopped; the chunks that came stay, and fetching again goes on from there"
    )]
    Stopped,
    /// The content could not be written.
    #[error("cannot write the content: {0}")]
    Sink(#[source] SinkError),
}

/// Why a transfer failed, and what came nevertheless.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct FetchError {
    /// Why.
    #[source]
    pub cause: FetchCause,
    /// What came.
    pub fetched: Fetched,
}
