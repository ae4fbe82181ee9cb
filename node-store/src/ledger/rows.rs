//! Rows with checksums and their sum, in sled or in memory; every call into sled, and what it does wrong, is here.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{LedgerError, layout};
use crate::faults::Faults;

/// Bytes of a row's checksum: blake3, cut.
const CHECK: usize = 16;
const STATE_BYTES: usize = 48;

/// New contents by key; none removes the row.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What there is, kept in a row of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) tip: u64,
    pub(super) first: u64,
    /// Of the newest note.
    pub(super) generation: u64,
    /// Rows, this one not counted.
    pub(super) rows: u64,
    /// Their checksums' sum, which wraps.
    pub(super) sum: u128,
}

impl State {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE_BYTES);
        for number in [self.tip, self.first, self.generation, self.rows] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.sum.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; STATE_BYTES] = bytes.try_into().ok()?;
        let number = |at: usize| {
            let part = bytes[at..].first_chunk().copied();
            part.map(u64::from_be_bytes)
        };
        Some(Self {
            tip: number(0)?,
            first: number(8)?,
            generation: number(16)?,
            rows: number(24)?,
            sum: u128::from_be_bytes(*bytes[32..].first_chunk()?),
        })
    }

    pub(super) fn count(&mut self, check: [u8; CHECK]) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(check));
    }

    fn discount(&mut self, check: [u8; CHECK]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(u128::from_be_bytes(check));
    }
}

/// What rows lie in.
pub(super) enum Rows {
    Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>),
    Sled(Disk),
}

pub(super) struct Disk {
    /// None only while it is dropped.
    db: Option<sled::Db>,
    file: File,
    path: PathBuf,
    faults: Faults,
    /// sled panicked or a sync failed: nothing it says from now on counts.
    stopped: AtomicBool,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not sled's own: it prints every row.
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::Sled(_) => "Sled",
        })
    }
}

impl Rows {
    pub(super) fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    /// `path` is the database's file.
    pub(super) fn sled(db: sled::Db, path: PathBuf, faults: &Faults) -> io::Result<Self> {
        Ok(Self::Sled(Disk {
            db: Some(db),
            file: File::open(&path)?,
            path,
            faults: faults.clone(),
            stopped: AtomicBool::new(false),
        }))
    }

    /// A row's content.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        let stored = match self {
            Self::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.get(key).cloned()
            }
            Self::Sled(disk) => disk.call(|db| db.get(key))?.map(|stored| stored.to_vec()),
        };
        stored
            .map(|stored| content(key, &stored).map(<[u8]>::to_vec))
            .transpose()
    }

    /// A row as it is stored, checksum and all.
    #[cfg(test)]
    pub(super) fn raw(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Memory(map) => map.lock().unwrap().get(key).cloned(),
            Self::Sled(disk) => disk.call(|db| db.get(key)).unwrap().map(|row| row.to_vec()),
        }
    }

    /// Stores a row as it is, uncounted.
    #[cfg(test)]
    pub(super) fn set_raw(&self, key: &[u8], row: Option<Vec<u8>>) {
        let Self::Sled(disk) = self else { return };
        let set = |db: &sled::Db| match row {
            Some(row) => db.insert(key, row),
            None => db.remove(key),
        };
        disk.call(set).unwrap();
    }

    /// Makes `changes`, all or nothing; `state` is then `next`, with the rows counted anew.
    pub(super) fn apply(
        &self,
        changes: Changes,
        state: &mut State,
        mut next: State,
    ) -> Result<(), LedgerError> {
        let mut stored = Vec::with_capacity(changes.len() + 1);
        for (key, new) in changes {
            if let Some(old) = self.get(&key)? {
                next.discount(check(&key, &old));
            }
            if let Some(new) = &new {
                next.count(check(&key, new));
            }
            let new = new.map(|new| row(&key, &new));
            stored.push((key, new));
        }
        let key = layout::state_key();
        let value = row(&key, &next.to_bytes());
        stored.push((key, Some(value)));
        match self {
            Self::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, value) in stored {
                    match value {
                        Some(value) => map.insert(key, value),
                        None => map.remove(&key),
                    };
                }
            }
            Self::Sled(disk) => {
                let mut batch = sled::Batch::default();
                for (key, value) in stored {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                // A batch that failed half-way is not in the sum: only a new opening can say what there is.
                let applied = disk.call(|db| db.apply_batch(batch));
                applied.inspect_err(|_| disk.stop())?;
            }
        }
        *state = next;
        Ok(())
    }

    /// Calls `each` with every row's key and content.
    pub(super) fn scan(
        &self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, stored) in map.iter() {
                    each(key, content(key, stored)?)?;
                }
            }
            Self::Sled(disk) => {
                let mut rows = disk.call(|db| Ok(db.iter()))?;
                while let Some((key, stored)) = disk.call(|_| rows.next().transpose())? {
                    each(&key, content(&key, &stored)?)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), LedgerError> {
        let Self::Sled(disk) = self else {
            return Ok(());
        };
        let flush = || {
            disk.call(|db| db.flush())?;
            // sled 0.34's flush ends in sync_file_range, which is no durability: sync the file ourselves.
            let sync = || disk.file.sync_data();
            disk.faults.sync("ledger", &disk.path, sync)?;
            Ok(())
        };
        // A sync repeated after a failed one may say that it worked when it did not.
        flush().inspect_err(|_: &LedgerError| disk.stop())
    }
}

impl Disk {
    fn call<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, LedgerError> {
        let db = self
            .db
            .as_ref()
            .filter(|_| !self.stopped.load(Ordering::Acquire));
        let db = db.ok_or(LedgerError::Stopped)?;
        caught(|| call(db)).inspect_err(|error| {
            if matches!(error, LedgerError::Damaged { .. }) {
                self.stop();
            }
        })
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let db = self.db.take();
        // sled flushes when it is dropped, which panics on damage as everything else does. What it could not write
        // was not acknowledged.
        caught(|| {
            drop(db);
            Ok(())
        })
        .ok();
    }
}

/// Calls into sled. It panics, asserts and unwraps where it finds what it did not write, and its threads, which do
/// so too, then answer nobody: none of this may take the node down.
pub(super) fn caught<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, LedgerError> {
    // Unwind safe as far as we look: after a panic nothing but a drop reaches the database again.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(sorted(error)),
        Err(_panic) => Err(damaged("database")),
    }
}

/// Tells damage from a disk that is full or a folder that may not be written.
fn sorted(error: sled::Error) -> LedgerError {
    match error {
        sled::Error::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput => damaged("database"),
            _ => LedgerError::File(error),
        },
        sled::Error::Corruption { .. }
        | sled::Error::ReportableBug(_)
        | sled::Error::CollectionNotFound(_)
        // Of a database of ours only when its settings file is damaged.
        | sled::Error::Unsupported(_) => damaged("database"),
    }
}

pub(super) fn damaged(what: &'static str) -> LedgerError {
    LedgerError::Damaged { what, height: 0 }
}

fn row(key: &[u8], content: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(CHECK + content.len());
    row.extend_from_slice(&check(key, content));
    row.extend_from_slice(content);
    row
}

fn content<'a>(key: &[u8], stored: &'a [u8]) -> Result<&'a [u8], LedgerError> {
    let (found, content) = stored
        .split_first_chunk::<CHECK>()
        .ok_or_else(|| damaged("row"))?;
    if *found == check(key, content) {
        Ok(content)
    } else {
        Err(damaged("row"))
    }
}

pub(super) fn check(key: &[u8], content: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new_derive_key("edgecoder ledger log row");
    hasher.update(&(key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(content);
    let hash = hasher.finalize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}
