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
/// Checkpoints of one answer.
pub const LEGS_MAX: usize = 64;
/// Headers of one answer: 250 bytes each.
pub const HEADERS_MAX: usize = 2_048;
/// Bytes of a checkpoint: 31 signatures take 3 KiB.
const LEG_MAX: usize = 8 << 10;
/// Bytes of a snapshot in one answer.
pub const PART_MAX: usize = 512 << 10;
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
    /// Which checkpoints lead from one height to another?
    Way {
        /// The asker's.
        after: u64,
        /// Of the state that it was offered.
        to: u64,
    },
    /// Which headers lead down from this height?
    Headers {
        /// The height.
        from: u64,
    },
    /// What is the state of an epoch's end, from this byte on?
    Epoch {
        /// The height.
        height: u64,
        /// The byte.
        from: u64,
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
    /// The blocks are gone; the state of this height is there.
    Pruned {
        /// The height.
        epoch: u64,
    },
    /// Checkpoints at which the members change, and then the one of the height that was asked for, as far as they fit.
    Way(#[serde(deserialize_with = "capped::<_, _, LEGS_MAX>")] Vec<Leg>),
    /// Headers in their canonical bytes, each the parent's of the one before, as far as they fit.
    Headers(#[serde(deserialize_with = "capped::<_, _, HEADERS_MAX>")] Vec<Vec<u8>>),
    /// Bytes of a snapshot.
    Epoch {
        /// How many it has in all.
        total: u64,
        /// Those that were asked for, as far as they fit.
        #[serde(deserialize_with = "capped::<_, _, PART_MAX>")]
        bytes: Vec<u8>,
    },
}

/// A checkpoint in its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The checkpoint.
    #[serde(deserialize_with = "capped::<_, _, LEG_MAX>")]
    pub checkpoint: Vec<u8>,
    /// Who decides from the next height on, where it changes them.
    #[serde(deserialize_with = "capped::<_, _, LEG_MAX>")]
    pub next: Vec<u8>,
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
