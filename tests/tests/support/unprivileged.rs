//! A home of a user without privileges.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    process::Command,
};

use super::{Home, Said, program, said, shared_cache};

/// Who has no privileges anywhere: `nobody` on Debian.
const NOBODY: u32 = 65_534;

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
        for file in fs::read_dir(shared_cache().join("guests")).unwrap() {
            let file = file.unwrap();
            let to = self.home.path("cache/guests").join(file.file_name());
            fs::copy(file.path(), &to).unwrap();
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
