//! The bounds that the machine goes by, each with its reason.

use std::time::Duration;

/// So many in a minute, of which so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In a minute, for good.
    pub a_minute: u64,
    /// At once, after a rest.
    pub at_once: u64,
}

/// Requests of one key: what the mesh lets a peer send for good (400 a second), so that no honest node, whose own mesh
/// keeps under that, ever meets it; of a burst, three times what the mesh lets through.
pub const REQUESTS_OF_KEY: Rate = Rate {
    a_minute: 24_000,
    at_once: 2_400,
};
/// Requests of all keys of one owner: ten of them at full pace. Beyond it, those that have asked for something just now
/// wait; who has not is never refused for others' haste.
pub const REQUESTS_OF_OWNER: Rate = Rate {
    a_minute: 240_000,
    at_once: 24_000,
};
/// Tasks of one key: twenty-five a second for good, more than one user's machine seals and verifies, and a thousand and
/// a half at once, as many as a test set has.
pub const TASKS_OF_KEY: Rate = Rate {
    a_minute: 1_500,
    at_once: 1_500,
};
/// Tasks of all keys of one owner: two busy submitters', so that many keys get no more than that.
pub const TASKS_OF_OWNER: Rate = Rate {
    a_minute: 3_000,
    at_once: 3_000,
};
/// Keys of one owner that nobody has heard of, and that the ledger does not know, taken in as nodes. A record lives for
/// a minute, so that strangers are never more than 1,200 of the 4,096 nodes that a coordinator knows.
pub const NEWCOMERS_OF_OWNER: Rate = Rate {
    a_minute: 600,
    at_once: 600,
};

/// Keys whose use is counted. When it is full, those whose use has worn off make room; of a key beyond that, its owner's
/// use alone is counted.
pub const IDENTITIES_MAX: usize = 4_096;
/// Owners whose use is counted: each is an operator, of whom there are at most 64, and operators of before. Further ones
/// count as the one that all without an owner have.
pub const OWNERS_MAX: usize = 256;

/// Requests for admission that wait. A further one is refused, and can still be given to an operator as a line.
pub const ASKS_MAX: usize = 512;
/// A request that no operator has taken up is forgotten after so long: a decree has as long to gather approvals.
pub const ASK_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Proven lies that wait: as many as bundles are kept. The oldest makes room.
pub const CHARGES_MAX: usize = 256;
