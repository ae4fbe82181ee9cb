//! What members say to each other about duties, besides entries. From the wire: nothing here is believed by itself.

use serde::{Deserialize, Serialize};

use crate::{
    ledger::duty::{Duty, Probes, Renewal, Suspicion},
    signed::Signed,
};

/// Which kinds of duty a member is ready to hold: the one thing that it may say of itself, for it can only exclude it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Willing {
    /// The control plane.
    pub control_plane: bool,
    /// Shards.
    pub coordinator: bool,
    /// Inference slots.
    pub inference: bool,
}

impl Willing {
    /// All kinds.
    pub const ALL: Self = Self {
        control_plane: true,
        coordinator: true,
        inference: true,
    };
    /// No kind.
    pub const NOTHING: Self = Self {
        control_plane: false,
        coordinator: false,
        inference: false,
    };

    /// Whether this duty.
    pub fn is_for(self, duty: Duty) -> bool {
        match duty {
            Duty::ControlPlane => self.control_plane,
            Duty::Coordinator(_) => self.coordinator,
            Duty::Inference(_) => self.inference,
        }
    }
}

/// A request to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DutyAsk {
    /// Whether it is there.
    Probe,
    /// Its promise for another lease.
    Renew {
        /// Of which duty.
        duty: Duty,
        /// Of which grant.
        term: u64,
    },
}

/// Its answer: that it is there, and a renewal unless it was not asked for one or refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyAnswer {
    /// What it is ready to hold.
    pub willing: Willing,
    /// Its promise.
    pub renewal: Option<Signed<Renewal>>,
}

/// What a member tells the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DutyTell {
    /// Whom it reaches, for a duty that is to be granted.
    Probes(Signed<Probes>),
    /// That a holder is gone.
    Suspicion(Signed<Suspicion>),
    /// That it does a duty no more: what was promised to it for that is void.
    Left {
        /// Which.
        duty: Duty,
        /// Of which grant.
        term: u64,
        /// What it is ready to hold from now on.
        willing: Willing,
    },
}
