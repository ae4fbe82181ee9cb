//! The compiled guest, kept per user. It is native code, so it is written by us alone, private, and compared
//! with its checksum before it is mapped.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{Hash as _, Hasher},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use edgecoder_node_store::{Faults, write_whole};
use edgecoder_protocol::Hash;
use wasmtime::Engine;

use crate::{client::EngineOptions, guest::Guest};

/// Why no compiled guest could be opened. Each is repaired by compiling.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("there is none yet")]
    Absent,
    #[error("its checksum does not match: the file was changed or damaged")]
    Checksum,
    #[error("others may write to it (owner {owner}, mode {mode:o})")]
    Permissions { owner: u32, mode: u32 },
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Where the compiled guest of this engine, these settings and this machine is kept.
pub(crate) fn path(cache_dir: &Path, engine: &Engine, options: EngineOptions) -> PathBuf {
    /// Feeds the engine's own compatibility hash (version, flags, target) into blake3.
    struct Blake3(blake3::Hasher);
    impl Hasher for Blake3 {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let guest = Guest::Python;
    let mut key = Blake3(blake3::Hasher::new());
    key.write(&guest.archive_hash().0);
    key.write(options.key().as_bytes());
    engine.precompile_compatibility_hash().hash(&mut key);
    let key = Hash(*key.0.finalize().as_bytes()).to_string();
    let file = format!("{}-{}.cwasm", guest.name(), &key[..32]);
    cache_dir.join("guests").join(file)
}

fn sidecar(path: &Path) -> PathBuf {
    path.with_extension("blake3")
}

/// Opens the compiled guest if it is there, ours alone, and unchanged.
///
/// # Errors
/// [`CacheError`], repaired by [`compile`].
pub(crate) fn open(path: &Path) -> Result<File, CacheError> {
    let wanted = match fs::read_to_string(sidecar(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(CacheError::Absent),
        read => read?,
    };
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(CacheError::Absent),
        opened => opened?,
    };
    let meta = file.metadata()?;
    let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
    if owner != rustix::process::geteuid().as_raw() || mode & 0o022 != 0 {
        return Err(CacheError::Permissions { owner, mode });
    }
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => hasher.update(&chunk[..n]),
        };
    }
    if Hash(*hasher.finalize().as_bytes()).to_string() == wanted.trim() {
        Ok(file)
    } else {
        Err(CacheError::Checksum)
    }
}

/// The compiled guest, compiled only if there is none that can be used.
///
/// # Errors
/// As [`compile`].
pub(crate) fn ensure(cache_dir: &Path, options: EngineOptions) -> Result<PathBuf, String> {
    let engine = options.engine().map_err(|error| error.to_string())?;
    let there = path(cache_dir, &engine, options);
    if open(&there).is_ok() {
        Ok(there)
    } else {
        compile(cache_dir, options, &Faults::default())
    }
}

/// Compiles the guest and writes it, whole or not at all. Of several processes that find none, one compiles
/// and the others wait for it.
///
/// # Errors
/// When the guest does not compile, or the cache cannot be written.
pub(crate) fn compile(
    cache_dir: &Path,
    options: EngineOptions,
    faults: &Faults,
) -> Result<PathBuf, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let engine = options.engine().map_err(|e| text(&e))?;
    let to = path(cache_dir, &engine, options);
    // Held until this function returns.
    let _lock = lock(&to).map_err(|e| text(&e))?;
    if open(&to).is_ok() {
        return Ok(to);
    }
    let component = Guest::Python.component().map_err(|e| text(&e))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|e| text(&e))?;
    write(&to, &code, faults).map_err(|e| text(&e))?;
    Ok(to)
}

fn folder(of: &Path) -> &Path {
    of.parent().unwrap_or(of)
}

fn lock(to: &Path) -> io::Result<File> {
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700).create(folder(to))?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(to.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

fn write(to: &Path, code: &[u8], faults: &Faults) -> io::Result<()> {
    if to.exists() {
        // Kept, for whoever wants to know what happened to it.
        fs::rename(to, to.with_extension("damaged"))?;
    }
    write_whole(to, code, 0o600, faults)?;
    let checksum = Hash::of(code).to_string();
    write_whole(&sidecar(to), checksum.as_bytes(), 0o600, faults)?;
    remove_old(folder(to), to)
}

/// Engines are patched weekly and each leaves some 55 MB: what is a month older than the newest goes.
fn remove_old(folder: &Path, newest: &Path) -> io::Result<()> {
    const KEPT: i64 = 30 * 24 * 3600;
    let written = fs::metadata(newest)?.mtime();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        // What another process has removed meanwhile, and what is no file, is passed over; a lock may be held.
        let Ok(meta) = fs::symlink_metadata(&path) else {
            continue;
        };
        let is_lock = path.extension().is_some_and(|end| end == "lock");
        if meta.is_file() && !is_lock && written - meta.mtime() > KEPT {
            // Space is all that is lost when it stays.
            fs::remove_file(&path).ok();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use edgecoder_node_store::Fault;

    use super::*;

    #[test]
    fn a_full_disk_leaves_no_guest_that_could_be_mapped() {
        let cache = tempfile::tempdir().unwrap();
        let to = cache.path().join("guests/python-x.cwasm");
        drop(lock(&to).unwrap());
        // The fourth sync is the last: what fails then is whole already.
        for syncs in 0..3 {
            let full = Faults::new(Fault::Full, syncs);
            assert!(write(&to, b"native code", &full).is_err(), "{syncs}");
            assert!(open(&to).is_err(), "{syncs} syncs left a guest");
        }
        write(&to, b"native code", &Faults::default()).unwrap();
        assert!(open(&to).is_ok());
    }
}
