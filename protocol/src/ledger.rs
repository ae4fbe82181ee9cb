//! What the council's ledger is made of, and how anyone checks a part of it without the rest.
//!
//! [`merkle`] is the log of entries as a tree, whose root a checkpoint states; [`trie`] is the state's map,
//! whose root proves a key's value or absence. Neither knows what an entry or a value means.

pub mod apply;
pub mod block;
pub mod chain;
pub mod consensus;
pub mod decree;
pub mod duty;
pub mod entry;
pub mod export;
pub mod light;
pub mod members;
pub mod merkle;
pub mod shown;
pub mod snapshot;
pub mod state;
pub mod trie;
mod words;
