//! Where segments lie: two files of a folder, or memory that forgets at a crash what was not synced. No formats.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::faults::Faults;

const NAMES: [&str; 2] = ["votes-0", "votes-1"];
/// Votes are nobody else's business.
const MODE: u32 = 0o600;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Debug)]
pub(super) enum Disk {
    Files {
        folder: PathBuf,
        faults: Faults,
        open: [Option<File>; 2],
    },
    Memory {
        disk: MemoryDisk,
        /// Of the opening: who held the journal before a crash writes no more.
        crashes: u64,
    },
}

impl Disk {
    pub(super) fn files(folder: &Path, faults: &Faults) -> io::Result<Self> {
        if !folder.is_dir() {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
            let parent = folder
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            sync_folder(parent.unwrap_or(Path::new(".")), faults)?;
        }
        Ok(Self::Files {
            folder: folder.to_path_buf(),
            faults: faults.clone(),
            open: [None, None],
        })
    }

    pub(super) fn memory(disk: &MemoryDisk) -> Self {
        Self::Memory {
            crashes: disk.state().crashes,
            disk: disk.clone(),
        }
    }

    /// A file's bytes up to `limit`; none when it is not there.
    pub(super) fn read(&self, index: usize, limit: u64) -> io::Result<Vec<u8>> {
        match self {
            Self::Files { folder, .. } => {
                let mut bytes = Vec::new();
                match File::open(folder.join(NAMES[index])) {
                    Ok(file) => file.take(limit).read_to_end(&mut bytes)?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                    Err(error) => return Err(error),
                };
                Ok(bytes)
            }
            Self::Memory { disk, .. } => Ok(disk.state().files[index].now.clone()),
        }
    }

    pub(super) fn write(&mut self, index: usize, at: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Files { .. } => self.file(index)?.write_all_at(bytes, at),
            Self::Memory { disk, crashes } => {
                let at = usize::try_from(at).map_err(io::Error::other)?;
                disk.change(*crashes, index, Change::Bytes(at, bytes.to_vec()))
            }
        }
    }

    pub(super) fn resize(&mut self, index: usize, size: u64) -> io::Result<()> {
        match self {
            Self::Files { .. } => self.file(index)?.set_len(size),
            Self::Memory { disk, crashes } => {
                let size = usize::try_from(size).map_err(io::Error::other)?;
                disk.change(*crashes, index, Change::Size(size))
            }
        }
    }

    /// Fdatasync of one file.
    pub(super) fn sync(&mut self, index: usize) -> io::Result<()> {
        match self {
            Self::Files { .. } => self.file(index)?.sync_data(),
            Self::Memory { disk, crashes } => disk.sync(*crashes, index),
        }
    }

    /// Which file it is; a bare name in memory.
    pub(super) fn path(&self, index: usize) -> PathBuf {
        match self {
            Self::Files { folder, .. } => folder.join(NAMES[index]),
            Self::Memory { .. } => PathBuf::from(NAMES[index]),
        }
    }

    fn file(&mut self, index: usize) -> io::Result<&File> {
        let Self::Files {
            folder,
            faults,
            open,
        } = self
        else {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        };
        let slot = &mut open[index];
        if slot.is_none() {
            let path = folder.join(NAMES[index]);
            let existed = path.exists();
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false);
            let file = file.mode(MODE).open(path)?;
            if !existed {
                sync_folder(folder, faults)?;
            }
            return Ok(slot.insert(file));
        }
        slot.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn sync_folder(folder: &Path, faults: &Faults) -> io::Result<()> {
    faults.sync("votes", folder, || File::open(folder)?.sync_all())
}

/// A disk of the memory for a journal's two files. Cheap to clone, all clones are one disk; it outlives the journal.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    files: [Image; 2],
    crashes: u64,
}

#[derive(Debug, Default)]
struct Image {
    durable: Vec<u8>,
    /// As the journal sees it.
    now: Vec<u8>,
    /// From `durable` to `now`, in order.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Bytes(usize, Vec<u8>),
    Size(usize),
}

impl MemoryDisk {
    /// As a power cut that no unsynced byte survives. A journal that was open fails from now on: open it again.
    pub fn crash(&self) {
        self.crash_keeping(|| false);
    }

    /// As a power cut of which each unsynced sector survives or not, as `seed` has it.
    pub fn crash_torn(&self, seed: u64) {
        let mut random = seed;
        self.crash_keeping(move || {
            // SplitMix64 (Steele, Lea, Flood 2014): good enough to toss coins, and a seed repeats them.
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) & 1 == 1
        });
    }

    fn crash_keeping(&self, mut survives: impl FnMut() -> bool) {
        let mut state = self.state();
        state.crashes += 1;
        for image in &mut state.files {
            for change in std::mem::take(&mut image.changes) {
                for part in change.sectors() {
                    if survives() {
                        part.apply(&mut image.durable);
                    }
                }
            }
            image.now = image.durable.clone();
        }
    }

    fn change(&self, crashes: u64, index: usize, change: Change) -> io::Result<()> {
        let mut state = self.state();
        let image = state.since(crashes, index)?;
        change.apply(&mut image.now);
        image.changes.push(change);
        Ok(())
    }

    fn sync(&self, crashes: u64, index: usize) -> io::Result<()> {
        let mut state = self.state();
        let image = state.since(crashes, index)?;
        for change in std::mem::take(&mut image.changes) {
            change.apply(&mut image.durable);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As after a failed sync, which leaves pages that no later one writes.
    #[cfg(test)]
    pub(super) fn believe_unsynced(&self) {
        for image in &mut self.state().files {
            image.changes.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn edit(&self, index: usize, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let image = &mut state.files[index];
        edit(&mut image.durable);
        image.now = image.durable.clone();
    }
}

impl Files {
    fn since(&mut self, crashes: u64, index: usize) -> io::Result<&mut Image> {
        if self.crashes != crashes {
            return Err(io::Error::other("the disk crashed (fault on purpose)"));
        }
        Ok(&mut self.files[index])
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Size(size) => file.resize(*size, 0),
            Self::Bytes(at, bytes) => {
                if file.len() < at + bytes.len() {
                    file.resize(at + bytes.len(), 0);
                }
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    /// The parts of which each may survive alone.
    fn sectors(self) -> Vec<Self> {
        let Self::Bytes(mut at, bytes) = self else {
            return vec![self];
        };
        let mut rest = bytes.as_slice();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            parts.push(Self::Bytes(at, part.to_vec()));
            at += part.len();
            rest = more;
        }
        parts
    }
}
