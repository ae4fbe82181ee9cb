//! What waits for a network's operators: requests for admission, and lies that were proven. Nothing of it is decided
//! before they decree it.

use serde::{Deserialize, Serialize};

use super::{capped, short};
use crate::{
    ids::{Hash, PeerId},
    units::Millis,
};

/// Requests for admission in one answer.
const ASKS_MAX: usize = 512;
/// Lies in one answer.
const CHARGES_MAX: usize = 256;
/// Bytes of what a peer says of itself.
pub const NOTE_MAX: usize = 200;

/// A peer asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionAsk {
    /// Who.
    pub peer: PeerId,
    /// As a trusted peer; as a worker otherwise.
    pub is_trusted: bool,
    /// What it says of itself.
    #[serde(deserialize_with = "short::<_, NOTE_MAX>")]
    pub note: String,
    /// When it was heard, by the clock of whoever heard it.
    pub at: Millis,
}

/// A lie that was proven by running the thing again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Who signed it.
    pub peer: PeerId,
    /// The hash of the bundle that shows it.
    pub evidence: Hash,
    /// When, by the clock of whoever keeps the bundle.
    pub at: Millis,
}

/// All that waits with one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Who asks to be admitted.
    #[serde(deserialize_with = "capped::<_, _, ASKS_MAX>")]
    pub asks: Vec<AdmissionAsk>,
    /// Who lied.
    #[serde(deserialize_with = "capped::<_, _, CHARGES_MAX>")]
    pub charges: Vec<Charge>,
}
