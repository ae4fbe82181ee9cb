//! Opening: everything is read and compared with the sum, what is damaged is moved aside, what a crash left is removed.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

use super::{
    Inner, LedgerError, LedgerLog, LedgerOpened,
    layout::{Kind, generation_of, state_key},
    rows::{Rows, State, caught, check, damaged},
};
use crate::{
    faults::Faults,
    store::{CACHE_BYTES, free_name},
};

/// Until a database that was dropped in this process is unlocked: 2 s in all, of which few are ever needed.
const LOCK_WAIT: Duration = Duration::from_millis(10);
const LOCK_WAITS: u32 = 200;

impl LedgerLog {
    /// Opens or makes the database in `folder`, whose lock the caller holds. All of it is read and verified,
    /// at 350 MB/s where it was measured.
    ///
    /// A damaged one is moved aside, never deleted, and a new one is begun.
    ///
    /// # Errors
    /// [`LedgerError`] when the folder cannot be used.
    pub fn open(folder: &Path, faults: &Faults) -> Result<LedgerOpened, LedgerError> {
        let mut set_aside = None;
        let log = match Self::open_whole(folder, faults) {
            Err(LedgerError::Damaged { what, height }) => {
                let path = Self::set_aside(folder)?;
                tracing::error!(what, height, path = %path.display(), "a damaged ledger is set aside");
                set_aside = Some(path);
                Self::open_whole(folder, faults)?
            }
            opened => opened?,
        };
        Ok(LedgerOpened { log, set_aside })
    }

    /// Moves a database that nobody has open aside, and says where to. It is never deleted.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn set_aside(folder: &Path) -> Result<PathBuf, LedgerError> {
        let aside = free_name(folder);
        std::fs::rename(folder, &aside)?;
        File::open(parent(folder))?.sync_all()?;
        Ok(aside)
    }

    fn open_whole(folder: &Path, faults: &Faults) -> Result<Self, LedgerError> {
        let path = folder.join("db");
        let found = std::fs::read_dir(folder).map_or(0, Iterator::count);
        if found != 0 && !path.exists() {
            // sled would begin a new one, and what is missing would not be said.
            return Err(damaged("database file"));
        }
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let db = unlocked(&config)?;
        let rows = Rows::sled(db, path, faults)?;
        // A new file is found after a power cut only when its folder was synced.
        for folder in [folder, parent(folder)] {
            faults.sync("ledger", folder, || File::open(folder)?.sync_all())?;
        }
        let (state, unfinished) = verified(&rows)?;
        let log = Self(Arc::new(Inner {
            rows,
            state: RwLock::new(state),
        }));
        for generation in unfinished {
            log.remove_content(&mut log.write(), generation)?;
        }
        Ok(log)
    }
}

/// Opens the database once its file is unlocked: sled's threads may hold one that was dropped a moment longer.
fn unlocked(config: &sled::Config) -> Result<sled::Db, LedgerError> {
    let mut waited = 0;
    loop {
        match caught(|| config.open()) {
            // sled says it in words alone. The caller holds the folder's lock, so nobody else has it for long.
            Err(LedgerError::File(error))
                if waited < LOCK_WAITS && error.to_string().contains("could not acquire lock") =>
            {
                waited += 1;
                std::thread::sleep(LOCK_WAIT);
            }
            opened => return opened,
        }
    }
}

fn parent(folder: &Path) -> &Path {
    let parent = folder.parent();
    let named = parent.filter(|parent| !parent.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

/// What there is, and the generations of notes that were not finished or not removed.
fn verified(rows: &Rows) -> Result<(State, BTreeSet<u64>), LedgerError> {
    let mut said = None;
    let mut counted = State::default();
    let (mut contents, mut names) = (BTreeSet::new(), BTreeSet::new());
    rows.scan(|key, content| {
        if *key == *state_key() {
            said = State::from_bytes(content);
            return Ok(());
        }
        counted.count(check(key, content));
        contents.extend(generation_of(Kind::Content, key, content));
        names.extend(generation_of(Kind::Name, key, content));
        Ok(())
    })?;
    let said = said.unwrap_or_default();
    if (said.rows, said.sum) != (counted.rows, counted.sum) {
        return Err(damaged("rows"));
    }
    Ok((said, &contents - &names))
}
