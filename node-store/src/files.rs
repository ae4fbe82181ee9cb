//! Whole files that are either there as written or not there: temporary file, sync, rename, sync the folder.

use std::{
    collections::hash_map::RandomState,
    fs::{File, OpenOptions},
    hash::BuildHasher as _,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::faults::Faults;

/// Writes `bytes` to `path` with `mode`, replacing what is there at once or not at all.
///
/// # Errors
/// Any step's; the temporary file is then removed and `path` is as it was.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32, faults: &Faults) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let result = fill(&temporary, bytes, mode, faults)
        .and_then(|()| std::fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path, faults));
    if result.is_err() {
        // Best effort: what is left is only a stray temporary file.
        std::fs::remove_file(&temporary).ok();
    }
    result
}

/// As [`write_whole`], but fails when `path` exists: of two writers one wins.
///
/// # Errors
/// `AlreadyExists`, or any step's.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32, faults: &Faults) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let result = fill(&temporary, bytes, mode, faults)
        .and_then(|()| std::fs::hard_link(&temporary, path))
        .and_then(|()| sync_folder(path, faults));
    // Best effort, as above; on success the content lives on under `path`.
    std::fs::remove_file(&temporary).ok();
    result
}

/// A name that nobody can have prepared: the folder may be one that others write to.
fn temporary_beside(path: &Path) -> std::path::PathBuf {
    let name: String = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .take(100)
        .collect();
    let random = RandomState::new().hash_one(std::process::id());
    path.with_file_name(format!(".{name}.{random:016x}.tmp"))
}

fn fill(path: &Path, bytes: &[u8], mode: u32, faults: &Faults) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    faults.sync("file", path, || file.sync_all())
}

fn sync_folder(path: &Path, faults: &Faults) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    faults.sync("folder", folder, || File::open(folder)?.sync_all())
}
