//! The data folder on disk: its user's alone, and locked by the one daemon that works on it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// The file whose lock says that a daemon works here.
const LOCK: &str = "lock";
/// How often the lock is tried: [`in_use`] holds it for an instant, and must not keep a daemon from starting.
const TRIES: u32 = 5;
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Makes a folder, and what is missing above it, for this user alone; one that exists is left as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Closes a folder of this user's to all others. One that belongs to somebody else, or that is shared on purpose
/// (sticky, as `/tmp` is), is left alone.
///
/// # Errors
/// When its mode cannot be read or set.
pub fn close(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    let mode = found.permissions().mode();
    if ours && mode & 0o1000 == 0 && mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Locks the folder for a daemon while the file is open: the lock goes with the process, however that ends. `None`
/// when another has it. Cancel-safe.
///
/// # Errors
/// When the lock's file cannot be opened or locked.
pub async fn lock(data_dir: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(data_dir.join(LOCK))?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => tokio::time::sleep(TRY_EVERY).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Whether a daemon works on this folder now: one that listens, or that starts or stops and does not listen.
pub fn in_use(data_dir: &Path) -> bool {
    // Shared, so that those who look do not see each other.
    File::open(data_dir.join(LOCK)).is_ok_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_folder_is_closed_unless_it_is_shared_on_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a/b");
        make(&made).unwrap();
        assert_eq!((mode(&made), mode(made.parent().unwrap())), (0o700, 0o700));
        for (before, after) in [
            (0o755, 0o700),
            (0o770, 0o700),
            (0o500, 0o500),
            (0o1777, 0o1777),
        ] {
            fs::set_permissions(&made, Permissions::from_mode(before)).unwrap();
            make(&made).unwrap();
            assert_eq!(mode(&made), before, "making changes what exists");
            close(&made).unwrap();
            assert_eq!(mode(&made), after, "{before:o}");
        }
    }

    #[tokio::test]
    async fn a_lock_is_seen_and_looking_does_not_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(!in_use(path), "nothing is there");
        let held = lock(path).await.unwrap().unwrap();
        assert!(in_use(path) && in_use(path));
        assert!(lock(path).await.unwrap().is_none());
        drop(held);
        assert!(!in_use(path));
        assert!(lock(path).await.unwrap().is_some());
    }
}
