//! One lease: worked on, then with a result that is committed to, confirmed, opened.

use edgecoder_protocol::{
    Hash, Millis,
    wire::{Commit, Held, Opening, Sealed, WhyBack},
};

use super::pace::Again;
use crate::status::Stage;

/// A result that cannot be another any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// What the commitment is opened with.
    pub opening: Opening,
    /// The salted hash of its summary.
    pub commitment: Hash,
    /// The sealed answer, which goes with the commitment.
    pub answer: Option<Sealed>,
}

#[derive(Debug)]
pub(super) enum Lease {
    Working { since: Millis },
    Kept(Box<Kept>),
}

/// A result.
#[derive(Debug)]
pub(super) struct Kept {
    since: Millis,
    /// Rises with each result of this worker.
    pub(super) order: u64,
    opening: Opening,
    pub(super) delivery: Delivery,
}

#[derive(Debug)]
pub(super) enum Delivery {
    /// Nobody may see the opening yet.
    Committing {
        commitment: Hash,
        answer: Option<Sealed>,
        again: Again,
    },
    Committed,
    Opened {
        at: Millis,
    },
}

impl Lease {
    pub(super) fn since(&self) -> Millis {
        match self {
            Self::Working { since } => *since,
            Self::Kept(kept) => kept.since,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Working { .. } => Stage::Working,
            Self::Kept(kept) => match kept.delivery {
                Delivery::Committing { .. } => Stage::Committing,
                Delivery::Committed => Stage::Committed,
                Delivery::Opened { .. } => Stage::Opened,
            },
        }
    }

    pub(super) fn has_slot(&self) -> bool {
        match self.stage() {
            Stage::Working | Stage::Committing => true,
            Stage::Committed | Stage::Opened => false,
        }
    }

    /// Whether heartbeats name it.
    pub(super) fn is_named(&self) -> bool {
        self.stage() != Stage::Opened
    }

    /// Its work has come to `fixed`. Nothing if there is a result already.
    pub(super) fn fix(&mut self, now: Millis, order: u64, fixed: Fixed) -> bool {
        let Self::Working { since } = *self else {
            return false;
        };
        *self = Self::Kept(Box::new(Kept {
            since,
            order,
            opening: fixed.opening,
            delivery: Delivery::Committing {
                commitment: fixed.commitment,
                answer: fixed.answer,
                again: Again::new(now),
            },
        }));
        true
    }

    /// The commitment, if it is to be sent now.
    pub(super) fn commit(&mut self, now: Millis, held: Held) -> Option<Commit> {
        let Self::Kept(kept) = self else {
            return None;
        };
        match &mut kept.delivery {
            Delivery::Committing {
                commitment,
                answer,
                again,
            } => again.start(now).then(|| Commit {
                held,
                commitment: *commitment,
                answer: answer.clone(),
            }),
            Delivery::Committed | Delivery::Opened { .. } => None,
        }
    }

    /// The opening, once the commitment is confirmed.
    pub(super) fn open(&mut self, now: Millis) -> Option<Opening> {
        let Self::Kept(kept) = self else {
            return None;
        };
        match kept.delivery {
            Delivery::Committing { .. } => return None,
            Delivery::Committed => kept.delivery = Delivery::Opened { at: now },
            Delivery::Opened { .. } => {}
        }
        Some(kept.opening.clone())
    }
}

/// A lease on its way back.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) why: WhyBack,
    pub(super) sentence: String,
    /// How often it is still said.
    pub(super) tries: u32,
    pub(super) again: Again,
}
