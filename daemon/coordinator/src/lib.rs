//! Admits tasks, has them planned, lends their steps to workers, and has each result checked before it counts.
//!
//! `machine` decides: who is lent what, what a silence or a disagreement means, when a task is over. `actor` performs
//! it through ports, keeps the sealed contents, and makes every promise durable, here and with other members, before it
//! is given. Who coordinates is not decided here, and no result is believed for its sender's name.

#[cfg(feature = "runtime")]
mod actor;
pub mod config;
mod machine;
#[cfg(feature = "runtime")]
mod ports;

#[cfg(feature = "runtime")]
pub use actor::{Coordinator, Inspected, Settings, inspect};
pub use machine::{
    Conviction, Ending, Judge, Lease, Machine, Need, NodeOffer, Output, Refusal, Ruling, StepShape,
    TaskStanding,
};
#[cfg(feature = "runtime")]
pub use ports::{Ground, PeerAsk, Ports};
