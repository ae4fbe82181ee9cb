//! A home of a user without privileges.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::Command,
};

use super::{Home, Said, program, said, shared_cache};

/// Who has no privileges anywhere: `nobody` on Debian.
const NOBODY: u32 = 65_534;

/// Builds of the guest that are copied: the present one is among the newest, and compiled again should it not be. A
/// cache that has seen many holds gigabytes.
const GUESTS_MAX: usize = 4;

/// The newest compiled guests, with what lies beside each.
fn newest_guests() -> Vec<PathBuf> {
    let files = fs::read_dir(shared_cache().join("guests")).unwrap();
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let is_compiled = |path: &&PathBuf| path.extension().is_some_and(|end| end == "cwasm");
    let mut compiled: Vec<&PathBuf> = files.iter().filter(is_compiled).collect();
    compiled.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let newest = compiled.iter().rev().take(GUESTS_MAX);
    let stems: Vec<_> = newest.map(|path| path.file_stem()).collect();
    let is_wanted = |path: &&PathBuf| stems.contains(&path.file_stem());
    files.iter().filter(is_wanted).cloned().collect()
}

/// Without privileges: as `nobody` where the tests run as root, whom no mode keeps out.
pub struct Unprivileged {
    pub home: Home,
    drop: bool,
}

impl Unprivileged {
    /// A home that it may write to, with programs it may run.
    pub fn new() -> Self {
        let mut home = Home::new();
        let cache = home.path("cache").display().to_string();
        home.set("EDGECODER_CACHE_DIR", Some(&cache));
        let own = rustix::process::geteuid().is_root();
        for name in ["edgecoder", "edgecoderd"] {
            // The build folder may lie where only its owner can go.
            fs::copy(program(name), home.path(name)).unwrap();
        }
        fs::set_permissions(home.path(""), Permissions::from_mode(0o777)).unwrap();
        Self { home, drop: own }
    }

    /// Gives it the compiled guest, as its own: it must not trust one that another user could have written.
    pub fn with_guest(self) -> Self {
        self.folder("cache", 0o700);
        self.folder("cache/guests", 0o700);
        for file in newest_guests() {
            let to = self
                .home
                .path("cache/guests")
                .join(file.file_name().unwrap());
            fs::copy(&file, &to).unwrap();
            if self.drop {
                chown(&to, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        self
    }

    /// Runs `edgecoder` with `arguments`.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command: Command = self.home.command(self.home.path("edgecoder"));
        if self.drop {
            command.uid(NOBODY).gid(NOBODY);
        }
        said(command.args(arguments))
    }

    /// Makes a folder of its own with this mode.
    pub fn folder(&self, name: &str, mode: u32) {
        let path = self.home.path(name);
        fs::create_dir_all(&path).unwrap();
        if self.drop {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}
