//! Requests and answers between nodes, as bytes of the mesh's control service.
//!
//! Bodies are bincode with a size limit, and one that does not read back whole is refused. What somebody must answer
//! for is [`Signed`] inside; the rest is believed of the connection's peer alone, whose identity the transport has
//! proved. The mesh's frame around a body carries version and network.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ids::{Hash, PeerId, TaskId},
    operator::ErrorObject,
    record::PeerRecord,
    sealing::WrappedKey,
    signed::Signed,
    task::TaskState,
    units::{Millis, Tokens},
    work::{
        AttemptId, CapabilityToken, ContentRef, LeaseKey, ResultSummary, SubtaskLease, TaskSpec,
    },
};

/// Bytes of a body: the control service's cap.
pub const BODY_MAX: usize = 256 << 10;
/// Sealed bytes up to this travel inside a message; larger ones are fetched in chunks by their hash.
pub const INLINE_MAX: usize = 48 << 10;
/// Leases that one heartbeat may name: twice what a node's slots allow it to hold.
pub const HEARTBEAT_LEASES_MAX: usize = 2_048;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<BODY_MAX>> = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit::<BODY_MAX>();

/// Why bytes are not a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Above [`BODY_MAX`].
    #[error("the body is larger than {BODY_MAX} bytes")]
    TooLarge,
    /// Not of this form.
    #[error("the body is malformed: {0}")]
    Malformed(String),
    /// Bytes follow it.
    #[error("{0} bytes follow the body")]
    Trailing(usize),
}

/// The bytes of `body`.
///
/// # Errors
/// [`WireError::TooLarge`] when they would be more than a peer takes.
pub fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>, WireError> {
    let malformed = |error: bincode::error::EncodeError| WireError::Malformed(error.to_string());
    let bytes = bincode::serde::encode_to_vec(body, CONFIG).map_err(malformed)?;
    if bytes.len() > BODY_MAX {
        return Err(WireError::TooLarge);
    }
    Ok(bytes)
}

/// The body that `bytes` are; nothing is allocated beyond [`BODY_MAX`].
///
/// # Errors
/// [`WireError`] when they are not exactly one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > BODY_MAX {
        return Err(WireError::TooLarge);
    }
    let malformed = |error: bincode::error::DecodeError| WireError::Malformed(error.to_string());
    let (body, used) = bincode::serde::decode_from_slice(bytes, CONFIG).map_err(malformed)?;
    match bytes.len() - used {
        0 => Ok(body),
        more => Err(WireError::Trailing(more)),
    }
}

/// Sealed bytes on their way: inside the message, or to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sealed {
    /// The bytes, at most [`INLINE_MAX`].
    Inline(Vec<u8>),
    /// Where they are provided, the reference says.
    Fetch(ContentRef),
}

impl Sealed {
    /// What the bytes are called.
    pub fn reference(&self) -> ContentRef {
        match self {
            Self::Inline(bytes) => ContentRef::of(bytes),
            Self::Fetch(reference) => *reference,
        }
    }
}

/// A subtask with all that its worker needs; what is sealed opens with the wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The lease.
    pub lease: Signed<SubtaskLease>,
    /// The task, as its submitter signed it.
    pub spec: Signed<TaskSpec>,
    /// The sealed request.
    pub content: Sealed,
    /// The sealed plan, when the task has more steps than one.
    pub plan: Option<Sealed>,
    /// Sealed answers of earlier steps, by step.
    pub answers: Vec<(u16, Sealed)>,
    /// The sealed answer to replay, for a checker.
    pub result: Option<Sealed>,
    /// The task's key, unless it is the submitter's to give.
    pub key: Option<WrappedKey>,
    /// Leave to ask a model, for an author whose task needs one.
    pub token: Option<Signed<CapabilityToken>>,
}

/// What a commitment is opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// What came of the attempt.
    pub summary: Signed<ResultSummary>,
    /// The receipt, sealed for the task's readers.
    pub receipt: Sealed,
}

/// A checked result of one step, for the submitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedResult {
    /// The author's.
    pub author: Opening,
    /// The checker's.
    pub checker: Opening,
    /// The sealed answer.
    pub answer: Sealed,
    /// Tokens its models generated.
    pub tokens: Tokens,
}

/// What one node asks another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To the coordinator: the node is here. Repeated before its record's life ends.
    Register(Signed<PeerRecord>),
    /// To anybody: which nodes they know.
    Peers,
    /// To the coordinator: a task. Sent again with the same id it is the same task.
    Submit {
        /// The task.
        spec: Signed<TaskSpec>,
        /// Its sealed request.
        content: Sealed,
        /// Its key, wrapped for the coordinator unless the task is sealed from it.
        key: Option<WrappedKey>,
    },
    /// To the coordinator: what has become of a task, once more has than at `after`.
    Watch {
        /// The task.
        task: TaskId,
        /// The last cursor seen.
        after: u64,
        /// Milliseconds to wait for news.
        wait_ms: u32,
    },
    /// To the coordinator: the result is here and may be forgotten.
    Received {
        /// The task.
        task: TaskId,
    },
    /// To the coordinator: nothing more of this task.
    Cancel {
        /// The task.
        task: TaskId,
    },
    /// To the coordinator: work for as many slots as there are keys.
    Take {
        /// One key a lease.
        keys: Vec<Signed<LeaseKey>>,
        /// Milliseconds to wait when there is none.
        wait_ms: u32,
    },
    /// To the coordinator: these leases are being worked on.
    Heartbeat {
        /// At most [`HEARTBEAT_LEASES_MAX`].
        leases: Vec<AttemptId>,
    },
    /// To the coordinator: a result is fixed.
    Commit {
        /// The attempt.
        attempt: AttemptId,
        /// The salted hash of the summary, bound to its sender.
        commitment: Hash,
        /// The sealed answer; none from a checker.
        answer: Option<Sealed>,
    },
    /// To the coordinator: the attempt came to nothing, for this reason.
    GiveBack {
        /// The attempt.
        attempt: AttemptId,
        /// Why, in a sentence.
        why: String,
    },
    /// From the coordinator: open the commitment.
    Open {
        /// The attempt.
        attempt: AttemptId,
    },
    /// From the coordinator: stop working on this.
    Stop {
        /// The attempt.
        attempt: AttemptId,
    },
    /// To the submitter of a sealed task: its key, for this lease.
    Key {
        /// The lease.
        lease: Signed<SubtaskLease>,
        /// The key to wrap it for.
        key: Signed<LeaseKey>,
    },
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// Done, or done before. The coordinator's time.
    Done {
        /// Now.
        now: Millis,
    },
    /// Not done, and why.
    Refused(ErrorObject),
    /// Nodes that are known.
    Peers(Vec<Signed<PeerRecord>>),
    /// How a task stands.
    Task {
        /// To ask with next time.
        cursor: u64,
        /// Where it is in its life.
        state: TaskState,
        /// What happened since, in sentences.
        notes: Vec<String>,
        /// Checked results, by step, once all are there.
        results: Vec<(u16, CheckedResult)>,
        /// Who has been given its key.
        readers: Vec<PeerId>,
    },
    /// Work, or none.
    Granted(Vec<Grant>),
    /// Leases that are no longer the asker's.
    Lost {
        /// Which.
        leases: Vec<AttemptId>,
        /// The coordinator's time.
        now: Millis,
    },
    /// A commitment, opened.
    Opened(Box<Opening>),
    /// A task's key.
    Key(WrappedKey),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_whole_and_nothing_else_does() {
        let body = Request::Heartbeat {
            leases: vec![AttemptId {
                task: TaskId([1; 16]),
                subtask: 2,
                attempt: 3,
            }],
        };
        let bytes = encode(&body).unwrap();
        assert_eq!(decode::<Request>(&bytes), Ok(body));
        for cut in 0..bytes.len() {
            let read = decode::<Request>(&bytes[..cut]);
            assert!(
                matches!(read, Err(WireError::Malformed(_))),
                "{cut}: {read:?}"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(decode::<Request>(&longer), Err(WireError::Trailing(1)));
    }

    #[test]
    fn a_body_above_the_cap_is_neither_sent_nor_read() {
        let body = Request::GiveBack {
            attempt: AttemptId {
                task: TaskId([0; 16]),
                subtask: 0,
                attempt: 0,
            },
            why: "x".repeat(BODY_MAX),
        };
        assert_eq!(encode(&body), Err(WireError::TooLarge));
        assert_eq!(
            decode::<Request>(&vec![0; BODY_MAX + 1]),
            Err(WireError::TooLarge)
        );
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        // `Heartbeat` with a list of 2^60 leases.
        let bytes = encode(&Request::Heartbeat { leases: Vec::new() }).unwrap();
        let lying = [&bytes[..4], &(1u64 << 60).to_le_bytes()].concat();
        assert!(matches!(
            decode::<Request>(&lying),
            Err(WireError::Malformed(_))
        ));
    }

    #[test]
    fn random_bytes_are_never_a_panic() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..20_000_usize {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            };
            let mut bytes: Vec<u8> = (0..round % 200).map(|_| next()).collect();
            // A valid tag more often than chance would give.
            if let Some(tag) = bytes.get_mut(..4) {
                tag.copy_from_slice(&[(round % 14) as u8, 0, 0, 0]);
            }
            decode::<Request>(&bytes).ok();
            decode::<Response>(&bytes).ok();
        }
    }
}
