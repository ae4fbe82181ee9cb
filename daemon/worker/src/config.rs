//! What the node's owner allows.

use edgecoder_protocol::{record::Hours, wire::HELD_MAX};

use crate::machine::RESULTS_MAX;

/// Subtasks worked on at once. With the results that are kept they fit one heartbeat, which must name them all; a
/// policy that says more is held to this.
pub const SLOTS_MAX: u32 = (HELD_MAX - RESULTS_MAX) as u32;

/// When and how much a node works for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Subtasks at once, at most [`SLOTS_MAX`]; with 0 nothing is taken.
    pub slots: u32,
    /// When something new may be taken, UTC; always when absent. What is held is finished after it.
    pub hours: Option<Hours>,
    /// Whether something new is taken only while nobody else uses the machine.
    pub only_when_idle: bool,
}
