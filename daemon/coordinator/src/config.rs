//! The spans and bounds that the machine goes by, each with its reason.

use std::time::Duration;

/// A lease lasts so long from its last heartbeat (DESIGN 4): three heartbeats of 2 s, so that one may be lost.
pub const LEASE: Duration = Duration::from_secs(6);
/// A lease that was just given must be confirmed, by a first heartbeat after half a second or by a result; one heartbeat
/// may be lost. A node that has silently gone while its poll was parked costs no more than this.
pub const UNCONFIRMED: Duration = Duration::from_secs(3);
/// When a node's last connection closes, its leases end this much later: it may only be changing its address.
pub const GRACE: Duration = Duration::from_secs(1);
/// How long two fixed results may wait to be opened before they count as lost.
pub const OPENING: Duration = Duration::from_secs(6);
/// An attempt that has run so long, while somebody has nothing to do, is begun by another as well.
pub const STRAGGLER: Duration = Duration::from_secs(20);
/// The same for an execution without a model, which takes milliseconds.
pub const STRAGGLER_EXEC: Duration = Duration::from_secs(3);

/// Nodes register with whoever takes over as soon as they hear of it, and again when that fails after five seconds at
/// most: so long a new coordinator does not know who is here.
pub const SETTLING: Duration = Duration::from_secs(15);
/// Tasks that have not been received by their submitters. A further one is refused until some have.
pub const TASKS_MAX: usize = 4_096;
/// Of these, those of one submitter.
pub const TASKS_OF_ONE_MAX: usize = 2_048;
/// An ended task whose submitter does not come for it is forgotten after so long.
pub const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Nodes that are registered. A further one is refused; records expire within a minute.
pub const NODES_MAX: usize = 4_096;
/// Polls that wait for work. One node has one; a further one takes the earlier's place.
pub const POLLS_MAX: usize = NODES_MAX;
/// Attempts of one step that came to nothing before the task fails with the last reason.
pub const FAILURES_MAX: u32 = 3;
/// Workers that came to no result in one step before the task fails: leased again twice (DESIGN 4).
pub const INCONCLUSIVE_MAX: usize = 3;
/// Rounds of one step without a result, whoever ran them.
pub const ROUNDS_MAX: u32 = 5;
/// Attempts of one step that were lost with their worker. Many: workers of a mesh come and go.
pub const LOST_MAX: u32 = 64;
/// Workers that must say the same of a task before they are believed, where so many are there: none can end or void
/// what is another's alone.
pub const WITNESSES: usize = 2;
/// Who failed at a step is not lent it for so long: whoever else is here and free takes it at once.
pub const BARRED: Duration = Duration::from_secs(30);
/// Results of one worker that wait to be checked before it is lent only checks: half of what a worker keeps.
pub const UNCHECKED_MAX: usize = 32;
/// Times that one worker may give a step back without a reason that counts, before it gets it no more.
pub const RETURNS_MAX: u32 = 3;
/// Attempts of one step that run at a time: the first, and one more when it is slow.
pub const TRIES_MAX: usize = 2;
/// Sentences that are kept of a task; the oldest go first.
pub const NOTES_MAX: usize = 64;
