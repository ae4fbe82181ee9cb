//! What nodes say to each other and the rules they share.
//!
//! Pure by construction: no runtime, socket, disk, clock or random source (`tests/src/tidy.rs` checks).
//! Time, seeds and key bytes come in as arguments, so that every rule here can be tested as a table and
//! gives the same answer on every node.

pub mod canonical;
pub mod cases;
pub mod execution;
pub mod generation;
pub mod ids;
pub mod key;
pub mod operator;
pub mod receipt;
pub mod task;
pub mod units;

pub use execution::{Execution, ExecutionReport, FileTree, Limits, Program, RelPath};
pub use ids::{Hash, PeerId, ProfileId, TaskId};
pub use receipt::{EvidenceClass, Outcome, Receipt, ReceiptBody, TestOutcome, TestResult, Verdict};
pub use task::TaskState;
pub use units::{Bytes, Credits, Fuel, Millis, Tokens};
