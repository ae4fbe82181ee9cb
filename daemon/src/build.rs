//! Which build of a program a file is, told from the file's inode, time and size: cheap enough for every command.
//!
//! The content is not read: a build always writes a new file, and one copied in its place has another inode.

use std::{os::unix::fs::MetadataExt, path::Path};

/// The program that this process runs, even when its file has been replaced since.
const SELF: &str = "/proc/self/exe";

/// The build of `program`, as opaque text; `None` when it is not there.
pub fn of(program: &Path) -> Option<String> {
    let found = std::fs::metadata(program).ok()?;
    let time = (found.mtime(), found.mtime_nsec());
    Some(format!(
        "{:x}-{:x}.{:x}-{:x}",
        found.ino(),
        time.0,
        time.1,
        found.size()
    ))
}

/// The build of this process; empty where the kernel does not tell.
pub fn running() -> String {
    of(Path::new(SELF)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_put_in_the_place_of_another_is_another_build() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        assert_eq!(of(&path), None);
        std::fs::write(&path, "same").unwrap();
        let first = of(&path);
        assert_eq!(first, of(&path));
        let (link, copy) = (folder.path().join("link"), folder.path().join("copy"));
        std::fs::hard_link(&path, &link).unwrap();
        assert_eq!(first, of(&link), "another name of the same file");
        std::fs::write(&copy, "same").unwrap();
        std::fs::rename(&copy, &path).unwrap();
        assert_ne!(first, of(&path));
        let own = std::env::current_exe().unwrap();
        assert_eq!(of(&own), Some(running()));
    }
}
