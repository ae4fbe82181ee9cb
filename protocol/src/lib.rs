//! What nodes say to each other and the rules they share.
//!
//! Pure by construction: no runtime, socket, disk, clock or random source (`tests/src/tidy.rs` checks).
//! Time, seeds and key bytes come in as arguments, so that every rule here can be tested as a table and
//! gives the same answer on every node.

pub mod canonical;
pub mod cases;
pub mod content;
pub mod execution;
pub mod generation;
pub mod hex;
pub mod ids;
pub mod key;
pub mod ledger;
pub mod network;
pub mod operator;
pub mod plan;
pub mod receipt;
pub mod record;
pub mod sealing;
pub mod signed;
pub mod task;
pub mod units;
pub mod wire;
pub mod work;

pub use execution::{Execution, ExecutionReport, FileTree, Limits, Program, RelPath};
pub use ids::{Hash, NetworkId, PeerId, ProfileId, TaskId};
pub use receipt::{EvidenceClass, Outcome, Receipt, ReceiptBody, TestOutcome, TestResult, Verdict};
pub use signed::Signed;
pub use task::TaskState;
pub use units::{Bytes, Credits, Fuel, Millis, Tokens};
