//! Writing results: whole files where files are meant, and through links, devices and pipes where those are named.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use edgecoder_node_store::{Faults, write_whole};
use rustix::fs::Access;

use super::failure::Failure;

/// Links followed to what they point at, as many as the kernel does.
const LINKS_MAX: usize = 40;

/// Where a result goes.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// A file that is made or replaced as a whole.
    Whole(PathBuf),
    /// A device, a pipe, or what another program has open (`/dev/stdout`): written to and never replaced.
    Through(PathBuf),
}

/// Finds what `path` stands for. A link stands for what it points at, there or not.
fn target(path: &Path) -> io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))?;
        path = folder.join(name);
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Target::Whole(path)),
            Err(error) => return Err(error),
        };
        // Links of /proc are open files: what they show as their target may be replaced or no path at all.
        let open = found.is_symlink() && path.starts_with("/proc");
        if found.is_symlink() && !open {
            path = folder.join(fs::read_link(&path)?);
            continue;
        }
        return if fs::metadata(&path)?.is_dir() {
            Err(ErrorKind::IsADirectory.into())
        } else if found.is_file() {
            Ok(Target::Whole(path))
        } else {
            Ok(Target::Through(path))
        };
    }
    Err(io::Error::other("too many links"))
}

/// Checks before the work is done that `path` can be written afterwards.
pub fn check_writable(path: Option<&PathBuf>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let fail = |error: io::Error| Failure::file("write to", path, &error);
    match target(path).map_err(fail)? {
        Target::Through(path) => {
            // Not opened: a pipe that nobody reads yet would wait.
            rustix::fs::access(&path, Access::WRITE_OK).map_err(|error| fail(error.into()))
        }
        Target::Whole(file) => {
            let folder = file.parent().unwrap_or(Path::new("/"));
            let probe = folder.join(format!(".edgecoder-{}.tmp", std::process::id()));
            let made = fs::File::create(&probe);
            made.map_err(|error| Failure::file("write to", folder, &error))?;
            // It was only made to see whether it can be.
            fs::remove_file(&probe).ok();
            Ok(())
        }
    }
}

/// Writes a result: a file whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = target(path).and_then(|target| match target {
        Target::Whole(path) => write_whole(&path, bytes, 0o644, &Faults::default()),
        Target::Through(path) => through(&path, bytes),
    });
    written.map_err(|error| Failure::file("write", path, &error))
}

/// Writes to what is open. Our own output is written as our own: opened again it would have a place of its own, and
/// each would write over the other.
fn through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_own =
        |number: u32| path == Path::new(&format!("/proc/{}/fd/{number}", std::process::id()));
    if is_own(1) {
        return io::stdout().write_all(bytes);
    }
    if is_own(2) {
        return io::stderr().write_all(bytes);
    }
    OpenOptions::new().append(true).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn devices_are_written_through_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        fs::write(at("file"), "").unwrap();
        for (link, to) in [
            ("link", "file"),
            ("chain", "link"),
            ("new", "missing"),
            ("null", "/dev/null"),
            ("out", "/dev/stdout"),
            ("loop", "loop"),
            ("folder", "."),
        ] {
            symlink(to, at(link)).unwrap();
        }
        let whole = |name: &str| Some(Target::Whole(at(name)));
        for (name, expected) in [
            ("file", whole("file")),
            ("link", whole("file")),
            ("chain", whole("file")),
            ("absent", whole("absent")),
            ("new", whole("missing")),
            ("null", Some(Target::Through("/dev/null".into()))),
            ("loop", None),
            ("folder", None),
            ("absent/x", None),
            ("..", None),
        ] {
            assert_eq!(target(&at(name)).ok(), expected, "{name}");
        }
        let out = target(&at("out")).unwrap();
        let own = format!("/proc/{}/fd/1", std::process::id());
        assert_eq!(out, Target::Through(own.into()));
    }
}
