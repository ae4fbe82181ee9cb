//! The council: trusted peers who agree on one log of entries by Byzantine fault-tolerant consensus, and everybody who
//! follows it.
//!
//! `engine` decides a height; `machine` decides what the engine may see, what is proposed and what is followed; `pool`
//! keeps what waits. What an entry does is decided by the protocol's ledger, not here.

#[cfg(feature = "runtime")]
mod actor;
pub mod duties;
pub mod engine;
mod machine;
mod pool;
#[cfg(feature = "runtime")]
mod ports;
#[cfg(feature = "runtime")]
mod store;
#[cfg(feature = "runtime")]
mod tip;
#[cfg(feature = "runtime")]
mod verify;

#[cfg(feature = "runtime")]
pub use actor::{Council, Held, Placed, Settings, SubmitError, VOTES_MAX, View, start};
pub use machine::{Logged, Machine, Output, Part, Timer, What};
pub use pool::NotTaken;
#[cfg(feature = "runtime")]
pub use ports::Ports;
#[cfg(feature = "runtime")]
pub use store::{LEDGER, Place, StartError, epoch::Keeping, read as read_block};
#[cfg(feature = "runtime")]
pub use verify::{Verified, show_entry, show_state, verify, verify_files};
