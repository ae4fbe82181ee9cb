//! The headless driver: takes subtasks from a coordinator within its owner's policy, has them worked on, commits to
//! each result before anybody sees it, and opens it when the coordinator says so.
//!
//! `machine` decides what is taken, said again, kept and forgotten; `actor` performs it through three ports: who is
//! asked, who works, and what kind of machine this is. What the work is, and whether a result is right, is not decided
//! here.

#[cfg(feature = "runtime")]
mod actor;
#[cfg(feature = "runtime")]
mod checks;
mod config;
mod error;
#[cfg(feature = "runtime")]
mod handle;
mod machine;
#[cfg(feature = "runtime")]
mod ports;
mod status;

pub use config::{Policy, SLOTS_MAX};
pub use error::{AskError, GrantError, ResultError};
#[cfg(feature = "runtime")]
pub use handle::Worker;
pub use machine::{Answer, Errand, Fixed, Forgotten, Input, Machine, Output, RESULTS_MAX, Seen};
#[cfg(feature = "runtime")]
pub use ports::{Coordinator, Host, Made, NotMade, Ports, Workshop};
pub use status::{Counters, Holding, Stage, State, Status};
