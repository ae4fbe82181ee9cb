//! What can go wrong, by operation. None of it ends the worker.

use edgecoder_protocol::{PeerId, signed::SignedError};

/// Why there is no answer from the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It cannot be reached, or the connection broke; it may have seen the request.
    #[error("the coordinator cannot be reached: {0}")]
    Unreachable(String),
    /// Whoever coordinates, as far as is known, shows no proof that it still may.
    #[error("{0} lends without a proof that it may: its lease is over")]
    Unproven(PeerId),
    /// No answer came in time; it may have seen the request.
    #[error("the coordinator did not answer in time")]
    Timeout,
}

/// Why a granted lease is not worked on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Whoever coordinates, as far as is known, shows no proof that it still may.
    #[error("{0} lends without a proof that it may: its lease is over")]
    Unproven(PeerId),
    /// The coordinator did not sign it.
    #[error("the lease is not the coordinator's: {0}")]
    Signed(#[from] SignedError),
    /// Nobody coordinates, as far as is known here.
    #[error("nobody may lend anything at the moment")]
    Vacant,
    /// It is of another term than the coordinator's.
    #[error("the lease is of term {found}, and the coordinator's is {current}")]
    Term {
        /// The lease's.
        found: u64,
        /// The coordinator's.
        current: u64,
    },
    /// It is of another network.
    #[error("the lease is of another network")]
    Network,
    /// It is another node's.
    #[error("the lease is another worker's")]
    Worker,
    /// It names a key that was not offered, or one that another lease of the answer has used.
    #[error("the lease is for a key that was not offered")]
    Key,
}

/// Why what the workshop made cannot be committed to: a mistake of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The summary names another lease or network.
    #[error("the result is not of the lease that was worked on")]
    Lease,
    /// The summary names another answer than the one beside it.
    #[error("the result's answer is not the one that was judged")]
    Answer,
    /// What is sent inside a message is too large for one.
    #[error("the result is too large to be sent inside a message")]
    TooLarge,
}
