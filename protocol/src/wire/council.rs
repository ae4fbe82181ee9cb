//! What nodes say to each other about the council and its ledger. Who may say what is decided by whoever is asked:
//! consensus and entries are passed on by members alone; blocks are anybody's to ask for.

use serde::{Deserialize, Serialize};

use super::{DutyAnswer, DutyAsk, DutyTell, capped, short};
use crate::{
    ids::Hash,
    ledger::{
        block::{ENTRIES_MAX, Vote},
        consensus::{Decided, Said},
        entry::Entry,
    },
    signed::Signed,
};

/// Words of one message.
pub const SAID_MAX: usize = 256;
/// Blocks of one answer.
pub const BLOCKS_MAX: usize = 256;
/// Bytes of a reason.
const REASON_MAX: usize = 512;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouncilAsk {
    /// A member says this.
    Say(#[serde(deserialize_with = "capped::<_, _, SAID_MAX>")] Vec<Said>),
    /// A member passes entries on.
    Relay(#[serde(deserialize_with = "capped::<_, _, ENTRIES_MAX>")] Vec<Signed<Entry>>),
    /// Somebody wants an entry in the log.
    Submit(Box<Signed<Entry>>),
    /// What is held of the asker's votes?
    Recall,
    /// Which blocks follow this height?
    Blocks {
        /// The asker's.
        after: u64,
    },
    /// A member asks about duties.
    Duty(DutyAsk),
    /// A member tells something about them.
    Tell(Box<DutyTell>),
}

/// An answer, with how far whoever answers is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouncilAnswer {
    /// Its height.
    pub height: u64,
    /// What it says.
    pub reply: CouncilReply,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouncilReply {
    /// It was heard; nothing more is said.
    Heard,
    /// The entry waits for a block; this is its leaf.
    Taken(Hash),
    /// Not so, for this reason.
    Refused(#[serde(deserialize_with = "short::<_, REASON_MAX>")] String),
    /// The highest of the asker's votes that is held, as the asker signed it.
    Held(Option<Box<Signed<Vote>>>),
    /// The answer of a member.
    Duty(Box<DutyAnswer>),
    /// Blocks, in order.
    Blocks(#[serde(deserialize_with = "capped::<_, _, BLOCKS_MAX>")] Vec<Decided>),
}

/// What is on a line between members. A line carries one way: an answer comes on the other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouncilWord {
    /// Nothing is answered.
    Tell(CouncilAsk),
    /// A question, with a number that its answer has.
    Ask(u64, CouncilAsk),
    /// The answer to the question of this number.
    Answer(u64, CouncilAnswer),
}
