//! The consensus engine as the council sees it: it decides one height at a time, and touches neither clock nor disk nor
//! network. What it wants recorded must be durable before what it says afterwards is sent.

use std::{sync::Arc, time::Duration};

use edgecoder_protocol::{
    Hash, PeerId,
    ledger::{
        block::{Block, Certificate, Vote},
        consensus::{Proposal, Said, Shows},
        members::MemberSet,
    },
    signed::{Checked, Signed},
};
use serde::{Deserialize, Serialize};

mod context;
mod convert;
mod malachite;

pub use malachite::Malachite;

/// Who proposes at a height in a round: everybody in turn.
pub fn proposer(members: &MemberSet, height: u64, round: u32) -> PeerId {
    let members = members.members();
    members[turn(members.len(), height, round)]
}

/// Whose turn it is of so many, by position.
fn turn(count: usize, height: u64, round: u32) -> usize {
    let turn = height.wrapping_add(u64::from(round)) % count.max(1) as u64;
    // Below a count that fits.
    usize::try_from(turn).unwrap_or(0)
}

/// What a timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// No proposal came.
    Propose,
    /// Prevotes do not agree.
    Prevote,
    /// Precommits do not agree.
    Precommit,
    /// What was said last may have been lost.
    Repeat,
}

/// A timeout of the height that is being decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timeout {
    /// In which round.
    pub round: u32,
    /// For what.
    pub step: Step,
}

/// What happens to the engine. Signatures hold already.
#[derive(Clone, Debug)]
pub enum Input {
    /// The block that it asked for.
    Propose {
        /// The round for which it asked.
        round: u32,
        /// The block.
        block: Arc<Block>,
    },
    /// A proposal whose block may be the next.
    Proposal {
        /// By its proposer.
        proposal: Checked<Proposal>,
        /// The block.
        block: Arc<Block>,
    },
    /// A vote.
    Vote(Checked<Vote>),
    /// Votes of one round.
    Votes {
        /// What they show.
        shows: Shows,
        /// At most one of each member.
        votes: Vec<Checked<Vote>>,
    },
    /// A timeout has run out.
    TimedOut(Timeout),
}

/// What the engine needs to come to the same state again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A proposal, this node's own or another's; its block has a record of its own before.
    Proposal(Signed<Proposal>),
    /// This node's own value for a round.
    Value {
        /// The round.
        round: u32,
        /// Which block.
        block: Hash,
    },
    /// A vote, this node's own or another's.
    Vote(Signed<Vote>),
    /// Prevotes of a quorum.
    Polka(Vec<Signed<Vote>>),
    /// A timeout had run out.
    TimedOut(Timeout),
}

/// What a member signed twice, for different blocks: the words themselves are the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Equivocation {
    /// Two votes of one round and stage.
    Votes(Box<[Signed<Vote>; 2]>),
    /// Two proposals of one round.
    Proposals(Box<[Signed<Proposal>; 2]>),
}

impl Equivocation {
    /// Both words, each behind its length: the proof as it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let both = match self {
            Self::Votes(both) => both.each_ref().map(Signed::to_bytes),
            Self::Proposals(both) => both.each_ref().map(Signed::to_bytes),
        };
        let framed = both.map(|one| [&(one.len() as u64).to_le_bytes()[..], &one].concat());
        framed.concat()
    }
}

/// What the engine wants.
#[derive(Clone, Debug)]
pub enum Output {
    /// To be durable before anything that follows is sent.
    Record(Record),
    /// To all other members.
    Say(Said),
    /// A block to propose in this round, which is this node's turn.
    Build {
        /// The round.
        round: u32,
    },
    /// To be told when so much time has passed.
    After(Timeout, Duration),
    /// That timeout no more.
    Cancel(Timeout),
    /// No timeout of this height any more.
    CancelAll,
    /// The height is decided.
    Decided {
        /// The block.
        block: Arc<Block>,
        /// By which precommits.
        certificate: Certificate,
    },
    /// Somebody signed twice.
    Guilty(PeerId, Equivocation),
}

/// Why the engine cannot go on: this member says nothing more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the consensus engine cannot go on: {0}")]
pub struct EngineError(pub String);

/// Decides heights one after the other.
pub trait ConsensusEngine: Send {
    /// Begins a height that `members` decide. `records` is what was recorded of it before a restart, and `blocks` finds
    /// the blocks that they name.
    ///
    /// # Errors
    /// [`EngineError`], also when the records do not lead to the votes that are among them.
    fn start(
        &mut self,
        height: u64,
        members: &MemberSet,
        records: &[Record],
        blocks: &dyn Fn(&Hash) -> Option<Arc<Block>>,
    ) -> Result<Vec<Output>, EngineError>;

    /// Takes in what happened to the height that was begun last.
    ///
    /// # Errors
    /// [`EngineError`].
    fn handle(&mut self, input: Input) -> Result<Vec<Output>, EngineError>;
}
