//! The durable ledger log: blocks by height, the tiles of the proof tree, named notes. A database of its own, so that
//! a damaged one is set aside alone. Everything is opaque bytes: what a block is, and which is right, the callers know.
//!
//! **Damage.** Each stored row begins with a checksum over its key and content, and the row that names the tip holds
//! the sum of all of them, changed in the same batch. So each read is right or an error, and opening, which reads
//! everything, finds any row that is missing, too much, or older than the others: sled itself passes over broken
//! parts of its files in silence. Not told from a crash: a database cut back as a whole to an earlier state. It opens
//! as that state, with a lower [`LedgerLog::tip`]; the caller compares it with its vote log and its peers.
//!
//! **sled panics** on some damage. Every call into it is caught ([`rows`]); after a panic its state is unknown, and
//! the log refuses all until it is opened again.
//!
//! Everything blocks: call it off the async threads.

use std::{
    io,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

mod layout;
mod notes;
mod open;
mod rows;
#[cfg(test)]
mod tests;

pub use notes::{NAME_MAX, NOTE_MAX};

use layout::{Kind, block_key, tile_key};
use rows::{Changes, Rows, State};

/// Bytes of a block's head, and of its body.
pub const BLOCK_MAX: usize = 16 << 20;
/// Bytes of a tile: 256 hashes.
pub const TILE_MAX: usize = 8 << 10;
/// Rows removed in one batch, which sled holds in memory until it is whole.
const REMOVED_AT_ONCE: usize = 256;

/// Rows copied in one batch.
const COPIED_AT_ONCE: usize = 128;

/// Why the ledger log could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The database failed.
    #[error(
        "the ledger's database failed: {0}; check free space and permissions of the data folder"
    )]
    Database(sled::Error),
    /// A file could not be read, written or synced.
    #[error("cannot use the ledger's folder: {0}; check free space and permissions")]
    File(#[from] io::Error),
    /// A block does not follow the last one.
    #[error("block {found} cannot be stored: the next one is {expected}")]
    Height {
        /// The height that comes next.
        expected: u64,
        /// The height given.
        found: u64,
    },
    /// Something is over its limit.
    #[error("a {what} of {bytes} bytes is too large to store")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// What was stored is not there as it was written. Open the log again: that sets the database aside.
    #[error(
        "the stored ledger is damaged ({what}, height {height}); restart the node, which sets it aside"
    )]
    Damaged {
        /// What was found damaged.
        what: &'static str,
        /// The block's height; zero when it is no block's.
        height: u64,
    },
    /// The database failed earlier, and what is on the disk or in its memory is unknown.
    #[error("the ledger's database failed earlier and is used no more; restart the node")]
    Stopped,
}

/// A ledger log, and what was done to open it.
#[derive(Debug)]
pub struct LedgerOpened {
    /// The log.
    pub log: LedgerLog,
    /// Where a damaged database was moved to; the log is then empty.
    pub set_aside: Option<PathBuf>,
}

/// A block as it is stored: opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// What is kept for ever: the checkpoint.
    pub head: Vec<u8>,
    /// What pruning removes: the entries.
    pub body: Vec<u8>,
}

/// Which part of the proof tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileKey {
    /// Counted from the leaves.
    pub level: u8,
    /// Within the level.
    pub index: u64,
}

/// Blocks, tiles and notes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LedgerLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rows: Rows,
    /// Held for reading during a read of several rows, too, so that nobody sees half a value.
    state: RwLock<State>,
}

impl LedgerLog {
    /// A log that is gone when its last handle is.
    pub fn memory() -> Self {
        Self(Arc::new(Inner {
            rows: Rows::memory(),
            state: RwLock::default(),
        }))
    }

    /// Stores a block and the tiles it changes, all or nothing; durable after [`LedgerLog::sync`]. A tile replaces
    /// the earlier one of its key, the last given counts.
    ///
    /// # Errors
    /// [`LedgerError::Height`] unless the height is one above the tip, [`LedgerError::TooLarge`], or the database's.
    pub fn append(
        &self,
        height: u64,
        block: &StoredBlock,
        tiles: &[(TileKey, Vec<u8>)],
    ) -> Result<(), LedgerError> {
        let parts = [
            ("block", &block.head, BLOCK_MAX),
            ("block", &block.body, BLOCK_MAX),
        ];
        let tile_parts = tiles.iter().map(|(_, tile)| ("tile", tile, TILE_MAX));
        for (what, part, most) in parts.into_iter().chain(tile_parts) {
            if part.len() > most {
                let bytes = part.len();
                return Err(LedgerError::TooLarge { what, bytes });
            }
        }
        let mut state = self.write();
        let expected = state.tip + 1;
        if height != expected {
            return Err(LedgerError::Height {
                expected,
                found: height,
            });
        }
        let mut changes = Changes::new();
        layout::split(&block_key(Kind::Head, height), &block.head, &mut changes);
        layout::split(&block_key(Kind::Body, height), &block.body, &mut changes);
        for (key, tile) in tiles {
            let key = tile_key(*key);
            // An earlier, longer tile has rows that this one does not replace.
            changes.retain(|row, _| !row.starts_with(&key));
            self.remove(&key, &mut changes)?;
            layout::split(&key, tile, &mut changes);
        }
        let mut next = state.clone();
        next.tip = height;
        if next.first == 0 {
            next.first = height;
        }
        self.0.rows.apply(changes, &mut state, next)
    }

    /// Replaces a tile without a block: for a proof tree that is made anew.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`], or the database's.
    pub fn put_tile(&self, key: TileKey, tile: &[u8]) -> Result<(), LedgerError> {
        if tile.len() > TILE_MAX {
            let (what, bytes) = ("tile", tile.len());
            return Err(LedgerError::TooLarge { what, bytes });
        }
        let mut state = self.write();
        let key = tile_key(key);
        let mut changes = Changes::new();
        self.remove(&key, &mut changes)?;
        layout::split(&key, tile, &mut changes);
        let next = state.clone();
        self.0.rows.apply(changes, &mut state, next)
    }

    /// Makes everything appended so far survive a power cut.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing may then be acknowledged, and the log refuses all from now on.
    pub fn sync(&self) -> Result<(), LedgerError> {
        // No writer is half done while it runs, and readers go on.
        let _state = self.read();
        self.0.rows.sync()
    }

    /// The highest block's height; zero for none.
    pub fn tip(&self) -> u64 {
        self.read().tip
    }

    /// The height of the lowest block whose body is still there; zero for none.
    pub fn first(&self) -> u64 {
        self.read().first
    }

    /// The head of a block, pruned or not; none above the tip, or where the log was begun later.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], or the database's.
    pub fn head(&self, height: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        let state = self.read();
        if height == 0 || height > state.tip {
            return Ok(None);
        }
        // Whoever began with a later state does not have them all.
        let is_early = state.first == 0 || height < state.first;
        let row = layout::row_key(&block_key(Kind::Head, height), 0);
        if is_early && self.0.rows.get(&row)?.is_none() {
            return Ok(None);
        }
        self.part(Kind::Head, height).map(Some)
    }

    /// A block; none when it is above the tip or was pruned, or where the log was begun later.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], or the database's.
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, LedgerError> {
        let state = self.read();
        if height == 0 || height > state.tip {
            return Ok(None);
        }
        let is_early = state.first == 0 || height < state.first;
        let row = layout::row_key(&block_key(Kind::Body, height), 0);
        if is_early && self.0.rows.get(&row)?.is_none() {
            return Ok(None);
        }
        Ok(Some(StoredBlock {
            head: self.part(Kind::Head, height)?,
            body: self.part(Kind::Body, height)?,
        }))
    }

    fn part(&self, kind: Kind, height: u64) -> Result<Vec<u8>, LedgerError> {
        let what = kind.what();
        self.joined(&block_key(kind, height), BLOCK_MAX)
            .map_err(|error| match error {
                LedgerError::Damaged { .. } => LedgerError::Damaged { what, height },
                other => other,
            })?
            .ok_or(LedgerError::Damaged { what, height })
    }

    /// The newest tile of a key.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], or the database's.
    pub fn tile(&self, key: TileKey) -> Result<Option<Vec<u8>>, LedgerError> {
        let _state = self.read();
        self.joined(&tile_key(key), TILE_MAX)
    }

    /// Removes the blocks above `height`, so that the next one is appended right above it. Tiles stay: the caller
    /// appends those that the removed blocks had changed. Whole at each height if it is interrupted.
    ///
    /// # Errors
    /// The database's.
    pub fn cut_above(&self, height: u64) -> Result<(), LedgerError> {
        let mut state = self.write();
        while state.tip > height {
            let mut changes = Changes::new();
            self.remove(&block_key(Kind::Head, state.tip), &mut changes)?;
            self.remove(&block_key(Kind::Body, state.tip), &mut changes)?;
            let mut next = state.clone();
            next.tip -= 1;
            if next.tip < next.first {
                next.first = 0;
            }
            self.0.rows.apply(changes, &mut state, next)?;
        }
        Ok(())
    }

    /// Begins again at `height`, all or nothing: the next block is the one above it. `heads` are of that height and
    /// earlier ones. The bodies that there are stay, with a gap after them.
    ///
    /// # Errors
    /// The database's.
    pub fn begin_at(
        &self,
        height: u64,
        heads: &[(u64, Vec<u8>)],
        tiles: &[(TileKey, Vec<u8>)],
    ) -> Result<(), LedgerError> {
        let mut state = self.write();
        let mut changes = Changes::new();
        for (height, head) in heads {
            let key = block_key(Kind::Head, *height);
            self.remove(&key, &mut changes)?;
            layout::split(&key, head, &mut changes);
        }
        for (key, tile) in tiles {
            let key = tile_key(*key);
            self.remove(&key, &mut changes)?;
            layout::split(&key, tile, &mut changes);
        }
        let mut next = state.clone();
        (next.tip, next.first) = (height, 0);
        self.0.rows.apply(changes, &mut state, next)
    }

    /// Removes the bodies of blocks that were there before the log was begun again.
    ///
    /// # Errors
    /// The database's.
    pub fn forget_bodies(&self, heights: RangeInclusive<u64>) -> Result<(), LedgerError> {
        for height in heights {
            let mut state = self.write();
            let mut changes = Changes::new();
            self.remove(&block_key(Kind::Body, height), &mut changes)?;
            let next = state.clone();
            self.0.rows.apply(changes, &mut state, next)?;
        }
        Ok(())
    }

    /// Removes the bodies of blocks below `height`, but never the tip's. Heads and tiles stay, so that proofs still
    /// work. Whole at each height if it is interrupted.
    ///
    /// # Errors
    /// The database's.
    pub fn prune_below(&self, height: u64) -> Result<(), LedgerError> {
        loop {
            // Not held throughout: the next block does not wait for all of it.
            let mut state = self.write();
            if state.first == 0 || state.first >= height.min(state.tip) {
                return Ok(());
            }
            let mut changes = Changes::new();
            let mut next = state.clone();
            while next.first < height.min(next.tip) && changes.len() < REMOVED_AT_ONCE {
                self.remove(&block_key(Kind::Body, next.first), &mut changes)?;
                next.first += 1;
            }
            self.0.rows.apply(changes, &mut state, next)?;
        }
    }

    /// Writes everything that is here into `new`, which is empty; durable there after [`LedgerLog::sync`], and nothing
    /// before the last row.
    ///
    /// # Errors
    /// The databases'.
    pub fn copy_to(&self, new: &Self) -> Result<(), LedgerError> {
        let own = self.read();
        let (rows, mut state) = (&new.0.rows, new.write());
        let mut changes = Changes::new();
        self.0.rows.scan(|key, content| {
            if *key != *layout::state_key() {
                changes.insert(key.to_vec(), Some(content.to_vec()));
            }
            if changes.len() < COPIED_AT_ONCE {
                return Ok(());
            }
            let next = state.clone();
            rows.apply(std::mem::take(&mut changes), &mut state, next)
        })?;
        let State {
            tip,
            first,
            generation,
            ..
        } = *own;
        let next = State {
            tip,
            first,
            generation,
            ..state.clone()
        };
        rows.apply(changes, &mut state, next)
    }

    /// Adds the removal of every row of a value to `changes`.
    fn remove(&self, key: &[u8], changes: &mut Changes) -> Result<(), LedgerError> {
        let rows = &self.0.rows;
        let count = layout::rows_of(rows.get(&layout::row_key(key, 0))?.as_deref());
        for number in 0..count {
            changes.insert(layout::row_key(key, number), None);
        }
        Ok(())
    }

    /// A value from its rows; none when its first one is not there.
    fn joined(&self, key: &[u8], most: usize) -> Result<Option<Vec<u8>>, LedgerError> {
        let rows = &self.0.rows;
        layout::join(most, |number| rows.get(&layout::row_key(key, number)))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        let state = self.0.state.read();
        state.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        let state = self.0.state.write();
        state.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
