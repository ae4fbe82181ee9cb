//! What a coordinator, its workers and its submitters say to each other.

use serde::{Deserialize, Serialize};

use super::{Desk, NOTE_MAX, capped, short};
use crate::{
    ids::{Hash, PeerId, TaskId},
    ledger::{duty::Renewal, members::MEMBERS_MAX},
    network::ADDRESSES_MAX,
    operator::ErrorObject,
    plan::STEPS_MAX,
    record::PeerRecord,
    sealing::WrappedKey,
    signed::Signed,
    task::TaskState,
    units::{Millis, Tokens},
    work::{
        AttemptId, CapabilityToken, ContentRef, LeaseKey, Part, ResultSummary, SubtaskLease,
        TaskSpec,
    },
};

/// Sealed bytes up to this travel inside a message; larger ones are fetched in chunks by their hash.
pub const INLINE_MAX: usize = 48 << 10;
/// Leases that one heartbeat may name: as many slots as a node may offer.
pub const HELD_MAX: usize = 1_024;
/// Leases that are asked for at once: enough for the cores of one machine; more come with the next request.
pub const TAKE_MAX: usize = 16;
/// Sentences of one answer about a task; earlier ones are left out.
pub const NOTES_MAX: usize = 64;
/// Milliseconds that the answer to [`Request::Watch`] or [`Request::Take`] may wait for something to say.
pub const DONE_AFTER_MAX: u32 = 20_000;
/// Nodes that a grant says the addresses of: the model's and the submitter's.
const HINTS_MAX: usize = 2;
/// Records in one answer.
pub const RECORDS_MAX: usize = 64;
/// Readers that are named.
const READERS_MAX: usize = 1_024;
/// Bytes of a record on its way to another member; what is inside it and larger is fetched.
pub const RECORD_MAX: usize = super::CONTROL_MAX - (4 << 10);
/// Records in one message.
pub const KEPT_MAX: usize = 64;
/// Marks in one answer.
pub const MARKS_MAX: usize = 4_096;
/// Bytes of a sentence.
const SENTENCE_MAX: usize = 2_048;

/// Sealed bytes on their way: inside the message, or to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sealed {
    /// The bytes, at most [`INLINE_MAX`].
    Inline(#[serde(deserialize_with = "capped::<_, _, INLINE_MAX>")] Vec<u8>),
    /// What to fetch; who provides it is found by its hash.
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

/// A lease as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// The attempt.
    pub attempt: AttemptId,
    /// As what.
    pub part: Part,
    /// The term of the coordinator that lent it.
    pub term: u64,
}

/// A node's record, as another one has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// As its node signed it.
    pub record: Signed<PeerRecord>,
    /// Milliseconds of its life that are left: a node that has gone leaves all listings, however far its record went.
    pub left_ms: u32,
}

/// A task on its way to the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The task, as its submitter signed it.
    pub spec: Signed<TaskSpec>,
    /// Its sealed request.
    pub job: Sealed,
    /// Its key, wrapped for each member of the council that may come to coordinate it; none of a task that is sealed
    /// from them.
    #[serde(deserialize_with = "capped::<_, _, MEMBERS_MAX>")]
    pub keys: Vec<(PeerId, WrappedKey)>,
}

/// How new what a coordinator keeps of a task is: later terms are newer, and within one higher numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mark {
    /// The coordinator's term.
    pub term: u64,
    /// Rises with each change in it.
    pub version: u64,
}

/// What a coordinator keeps of a task, on its way to another member: ciphertext, plan and results, no key in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The task.
    pub task: TaskId,
    /// How new it is.
    pub mark: Mark,
    /// The record, as coordinators write it.
    #[serde(deserialize_with = "capped::<_, _, RECORD_MAX>")]
    pub record: Vec<u8>,
}

/// A subtask with all that its worker needs; what is sealed opens with the wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The lease.
    pub lease: Signed<SubtaskLease>,
    /// The task, as its submitter signed it.
    pub spec: Signed<TaskSpec>,
    /// The sealed request.
    pub job: Sealed,
    /// The sealed plan, when the task has more steps than one.
    pub plan: Option<Sealed>,
    /// Sealed answers of earlier steps, by step.
    #[serde(deserialize_with = "capped::<_, _, STEPS_MAX>")]
    pub answers: Vec<(u16, Sealed)>,
    /// The sealed answer to replay, for a checker of a task that has one.
    pub answer: Option<Sealed>,
    /// The task's key, unless it is the submitter's to give.
    pub key: Option<WrappedKey>,
    /// Leave to ask a model, for an author whose task needs one.
    pub token: Option<Signed<CapabilityToken>>,
    /// Where the nodes listen that the worker may have to ask: hints, since who answers proves who it is.
    #[serde(deserialize_with = "capped::<_, _, HINTS_MAX>")]
    pub hints: Vec<Hint>,
}

/// Where a node is said to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Who.
    pub peer: PeerId,
    /// Multiaddresses.
    #[serde(deserialize_with = "capped::<_, _, ADDRESSES_MAX>")]
    pub addresses: Vec<String>,
}

/// A result is fixed: nobody has seen it, and it cannot be another any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The lease.
    pub held: Held,
    /// The salted hash of the summary, bound to its sender.
    pub commitment: Hash,
    /// The sealed answer; none from a checker, nor for a task that only runs code.
    pub answer: Option<Sealed>,
}

/// What a commitment is opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// What came of the attempt.
    pub summary: Signed<ResultSummary>,
    /// The whole answer of the execution with its receipt, sealed for the task's readers.
    pub report: Sealed,
    /// Tokens that models generated for it.
    pub tokens: Tokens,
}

impl Opening {
    /// Of a run that decides a dispute: nothing was fixed before it, and no model asked.
    pub fn of_judge(summary: Signed<ResultSummary>, report: Sealed) -> Self {
        Self {
            salt: [0; 32],
            summary,
            report,
            tokens: Tokens(0),
        }
    }
}

/// A checked result of one step, for the submitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedResult {
    /// The author's.
    pub author: Opening,
    /// The checker's.
    pub checker: Opening,
    /// The sealed answer, for a task that has one.
    pub answer: Option<Sealed>,
}

impl CheckedResult {
    /// Everything sealed in it.
    pub fn sealed(&mut self) -> impl Iterator<Item = &mut Sealed> {
        let reports = [&mut self.author.report, &mut self.checker.report];
        reports.into_iter().chain(&mut self.answer)
    }
}

/// Two results of one attempt that differ, for whoever holds the task's key: the coordinator does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The checker's lease.
    pub held: Held,
    /// The sealed answer that both ran, for a task that has one.
    pub answer: Option<Sealed>,
    /// What the author opened.
    pub author: Opening,
    /// What the checker opened.
    pub checker: Opening,
}

/// Why a lease comes back without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WhyBack {
    /// The node stops or pauses: nobody's failure.
    Drained,
    /// The work was done and came to nothing: attempts or budget ran out, the model declined.
    Unsolved,
    /// The node cannot do it: its model or sandbox is broken.
    Unable,
    /// The task itself cannot be done by anybody: it is malformed.
    Impossible,
}

/// What has become of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// To ask with next time.
    pub cursor: u64,
    /// Where it is in its life.
    pub state: TaskState,
    /// What happened since, in sentences.
    #[serde(deserialize_with = "capped::<_, _, NOTES_MAX>")]
    pub notes: Vec<String>,
    /// Why it ended without a result.
    pub fault: Option<ErrorObject>,
    /// The sealed plan, when it has one.
    pub plan: Option<Sealed>,
    /// Checked results, by step, once all are there.
    #[serde(deserialize_with = "capped::<_, _, STEPS_MAX>")]
    pub results: Vec<(u16, CheckedResult)>,
    /// The step whose answer its submitter is asked for: changes that nobody could put together. The results so far
    /// come with it.
    pub asks: Option<u16>,
    /// What its submitter is to run, so that it is known who is right.
    pub dispute: Option<Box<Dispute>>,
    /// Who has been given its key.
    #[serde(deserialize_with = "capped::<_, _, READERS_MAX>")]
    pub readers: Vec<PeerId>,
}

/// What one node asks another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To the coordinator: the node is here. Repeated before its record's life ends.
    Register(Box<Signed<PeerRecord>>),
    /// To anybody: which nodes they know, a page at a time in the order of their ids.
    Peers {
        /// The last id of the page before.
        after: Option<PeerId>,
    },
    /// To the coordinator: a task. Sent again with the same id it is the same task.
    Submit(Box<Submission>),
    /// To the coordinator: what has become of a task, once more has than at `after`.
    Watch {
        /// The task.
        task: TaskId,
        /// The last cursor seen.
        after: u64,
        /// Milliseconds to wait for news, at most [`DONE_AFTER_MAX`].
        wait_ms: u32,
    },
    /// To the coordinator: the answer of the step that its submitter was asked for.
    Resolve {
        /// The task.
        task: TaskId,
        /// The step.
        step: u16,
        /// The sealed answer.
        answer: Sealed,
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
        #[serde(deserialize_with = "capped::<_, _, TAKE_MAX>")]
        keys: Vec<Signed<LeaseKey>>,
        /// Milliseconds to wait when there is none, at most [`DONE_AFTER_MAX`].
        wait_ms: u32,
    },
    /// To the coordinator: these leases are being worked on.
    Heartbeat {
        /// Which.
        #[serde(deserialize_with = "capped::<_, _, HELD_MAX>")]
        held: Vec<Held>,
    },
    /// To the coordinator: a result is fixed.
    Commit(Box<Commit>),
    /// To the coordinator: the lease came to nothing.
    GiveBack {
        /// The lease.
        held: Held,
        /// In one word.
        why: WhyBack,
        /// In a sentence.
        #[serde(deserialize_with = "short::<_, SENTENCE_MAX>")]
        sentence: String,
    },
    /// To the coordinator, from the submitter: what came of the run that a [`Dispute`] asks for.
    Judge {
        /// The dispute's lease.
        held: Held,
        /// What it would sign as a checker; none when it could not run it.
        opening: Option<Box<Opening>>,
    },
    /// From the coordinator: open the commitment.
    Open {
        /// The lease.
        held: Held,
    },
    /// From the coordinator: stop working on this.
    Stop {
        /// The lease.
        held: Held,
    },
    /// From the coordinator to a member: keep this of tasks, in case another has to go on with them.
    Keep(#[serde(deserialize_with = "capped::<_, _, KEPT_MAX>")] Vec<Kept>),
    /// From the coordinator to a member: the task is over, and nobody has to go on with it.
    Unkeep {
        /// The task.
        task: TaskId,
        /// The coordinator's term.
        term: u64,
    },
    /// From a new coordinator to a member: which tasks it keeps, in the order of their ids.
    Marks {
        /// The last id of the page before.
        after: Option<TaskId>,
    },
    /// From a new coordinator to a member: what it keeps of a task.
    Fetch {
        /// The task.
        task: TaskId,
    },
    /// To the submitter of a sealed task: its key, for this lease.
    Key {
        /// The lease.
        lease: Box<Signed<SubtaskLease>>,
        /// The key to wrap it for.
        key: Box<Signed<LeaseKey>>,
    },
    /// To a member of the council: the asker wants to be admitted, which operators decide.
    AskAdmission {
        /// As a trusted peer; as a worker otherwise.
        is_trusted: bool,
        /// What it says of itself.
        #[serde(deserialize_with = "short::<_, NOTE_MAX>")]
        note: String,
    },
    /// To a member: what waits with it for the operators.
    Desk,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// Done, or done before. The answering node's time.
    Done {
        /// Now.
        now: Millis,
    },
    /// Not done, and why.
    Refused(ErrorObject),
    /// Nodes that are known.
    Peers(#[serde(deserialize_with = "capped::<_, _, RECORDS_MAX>")] Vec<Listed>),
    /// How a task stands.
    Task(Box<News>),
    /// Work, or none.
    Granted {
        /// The work.
        #[serde(deserialize_with = "capped::<_, _, TAKE_MAX>")]
        grants: Vec<Grant>,
        /// Members' words that the coordinator's lease stands: its orders are nothing without a quorum of them.
        #[serde(deserialize_with = "capped::<_, _, MEMBERS_MAX>")]
        proof: Vec<Signed<Renewal>>,
    },
    /// This node does not coordinate; who does, the ledger says, which is so far here.
    Elsewhere {
        /// The height.
        height: u64,
    },
    /// Of the tasks that were to be kept, those that are.
    Keeping(#[serde(deserialize_with = "capped::<_, _, KEPT_MAX>")] Vec<TaskId>),
    /// Tasks that are kept, and how new each is.
    Marks(#[serde(deserialize_with = "capped::<_, _, MARKS_MAX>")] Vec<(TaskId, Mark)>),
    /// What is kept of a task; none when nothing is.
    Kept(Option<Box<Kept>>),
    /// Leases that are no longer the asker's.
    Lost {
        /// Which.
        #[serde(deserialize_with = "capped::<_, _, HELD_MAX>")]
        held: Vec<Held>,
        /// The coordinator's time.
        now: Millis,
    },
    /// A commitment, opened.
    Opened(Box<Opening>),
    /// A task's key.
    Key(WrappedKey),
    /// What waits for the operators.
    Desk(Box<Desk>),
}
