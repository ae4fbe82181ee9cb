//! What a node keeps, and how it survives a crash: typed trees over sled, or over memory for tests and
//! simulations. No rules: what may be written is decided by the callers.

mod faults;
mod files;
mod store;
mod trees;

pub use faults::{Fault, Faults};
pub use files::{write_new, write_whole};
pub use store::{Opened, Store, StoreError};
pub use trees::{KEY_MAX, TreeName, VALUE_MAX};
