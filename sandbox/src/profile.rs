//! What decides an execution's outcome, as one hash that receipts name.
//!
//! The engine's version is deliberately not part of it: engines are patched weekly, and a patch that changes
//! no outcome must not make receipts incomparable. What would change one is here.

use edgecoder_protocol::{Hash, ProfileId, canonical::Encoder};

use crate::guest::Guest;

/// Version of everything this crate decides by itself: clocks, random sources, how results are hashed.
const SEMANTICS: u32 = 1;

/// Elements in one table of the guest; its own need about 20,000.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// What the guest's clocks show when a run begins, in seconds since the Unix epoch.
pub(crate) const CLOCK_START: u64 = 1_700_000_000;
/// How far each reading moves the clocks, in nanoseconds, so that waiting in a loop ends.
pub(crate) const CLOCK_STEP: u64 = 1_000;

/// The profile of `guest`.
pub fn profile_id(guest: Guest) -> ProfileId {
    let mut to = Encoder::default();
    to.text("edgecoder/profile/1")
        .text(guest.name())
        .text(guest.sha256());
    // What fuel costs is in the guest's own code, and so in its hash.
    to.u32(SEMANTICS);
    to.u64(TABLE_ELEMENTS_MAX as u64)
        .u64(CLOCK_START)
        .u64(CLOCK_STEP);
    for setting in ["canonical-nan", "deterministic-relaxed-simd", "no-threads"] {
        to.text(setting);
    }
    ProfileId(Hash::of(&to.finish()).0)
}
