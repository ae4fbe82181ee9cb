//! What a node keeps, and how it survives a crash: typed trees over sled, or over memory for tests and
//! simulations; large contents as files named by their hash. No rules: what may be written is decided by the callers.

#[cfg(feature = "content")]
mod content;
mod faults;
mod files;
mod journal;
#[cfg(feature = "database")]
mod ledger;
#[cfg(feature = "database")]
mod store;
#[cfg(feature = "database")]
mod trees;

#[cfg(feature = "content")]
pub use content::{CONTENTS_MAX, Content, ContentError, Partial, Unfinished};
pub use faults::{Fault, Faults, Moment};
pub use files::{write_new, write_whole};
pub use journal::{Journal, JournalError, MemoryDisk, RECORD_MAX, Replay};
#[cfg(feature = "database")]
pub use ledger::{
    BLOCK_MAX, LedgerError, LedgerLog, LedgerOpened, NAME_MAX, NOTE_MAX, StoredBlock, TILE_MAX,
    TileKey,
};
#[cfg(feature = "database")]
pub use store::{Opened, Store, StoreError};
#[cfg(feature = "database")]
pub use trees::{KEY_MAX, TreeName, VALUE_MAX};
