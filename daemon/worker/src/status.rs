//! How a worker is doing, for its owner to see.

use std::fmt;

use edgecoder_protocol::{Millis, wire::Held};

/// Whether a worker takes work, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Working,
    /// Its owner paused it.
    Paused,
    /// It finishes what it holds, because it was told to or because it stops.
    Draining,
    /// It is not the time of the day.
    OutsideHours,
    /// Somebody else uses the machine.
    NotIdle,
    /// It would, but its coordinator did not answer last time.
    Unreachable,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Working => "working",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::OutsideHours => "outside-hours",
            Self::NotIdle => "not-idle",
            Self::Unreachable => "unreachable",
        })
    }
}

/// How far a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is worked on.
    Working,
    /// There is a result, and the coordinator does not know it yet.
    Committing,
    /// The coordinator has the commitment.
    Committed,
    /// The coordinator has the result.
    Opened,
}

/// A lease that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which: task, step (`attempt.subtask`), part and term.
    pub held: Held,
    /// How far it is.
    pub stage: Stage,
    /// Since when, by the node's own clock.
    pub since: Millis,
}

/// Leases that ended, each in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The coordinator took the commitment to a result.
    pub done: u64,
    /// They went back without a result, or should have: the coordinator may not have heard.
    pub given_back: u64,
    /// They were taken away, or their result could not be handed in.
    pub lost: u64,
}

/// How a worker is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it takes work.
    pub state: State,
    /// Subtasks at once.
    pub slots: u32,
    /// How many more it could work on.
    pub free: u32,
    /// What it holds, by task and step.
    pub held: Vec<Holding>,
    /// What came of the rest since it started.
    pub counters: Counters,
}
