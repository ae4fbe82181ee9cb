//! The five nodes: a folder of their own below one that goes away with them, a daemon each, and the commands of each.
//!
//! What their daemons do is known from what `edgecoder` says of them.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::failure::{FAILED, Failure};
use crate::invocation::quoted;
use crate::place::Place;

/// Lines of a daemon's log that a failure shows.
const LOG_SHOWN: usize = 6;

/// A node and its daemon, if it runs.
#[derive(Debug)]
pub struct Node {
    name: &'static str,
    folder: PathBuf,
    programs: PathBuf,
    roles: &'static str,
    daemon: Option<Child>,
}

impl Node {
    /// One of its programs, in its environment.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        // The user's own settings are for the user's own node; the compiled guest is the same for all.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("EDGECODER_") && text != "EDGECODER_CACHE_DIR" {
                command.env_remove(name);
            }
        }
        let path = |name: &str| self.folder.join(name);
        command
            .current_dir(&self.folder)
            .env("EDGECODER_CONFIG", path("config.toml"))
            .env("EDGECODER_DATA_DIR", path("data"))
            .env("EDGECODER_SOCKET", self.socket())
            .env("EDGECODER_MODE", "mesh")
            .env("EDGECODER_ROLES", self.roles)
            .env("EDGECODER_LISTEN", "/ip4/127.0.0.1/tcp/0")
            .env("EDGECODER_MDNS", "false")
            .stdin(Stdio::null());
        command
    }

    /// `edgecoder` with these words.
    pub fn edgecoder(&self, words: &[&str]) -> Command {
        let mut command = self.program("edgecoder");
        command.args(words);
        command
    }

    /// A file of its own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    // Short, for a socket's path may have some hundred bytes only.
    fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    /// Starts its daemon.
    pub fn start(&mut self) -> Result<(), Failure> {
        let started = File::create(self.path("log")).and_then(|log| {
            let mut command = self.program("edgecoderd");
            command.stdout(Stdio::null()).stderr(log);
            // Apart from this process's group, as the user's own daemon is.
            command.process_group(0).spawn()
        });
        self.daemon =
            Some(started.map_err(|error| self.failed(&format!("it does not start: {error}")))?);
        Ok(())
    }

    /// Whether its daemon can be asked. Without that `edgecoder` would start another one, which nobody ends.
    pub fn serves(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    /// Fails when its daemon ended by itself.
    pub fn check(&mut self) -> Result<(), Failure> {
        let ended = match &mut self.daemon {
            Some(daemon) => daemon.try_wait().ok().flatten(),
            None => None,
        };
        match ended {
            Some(status) => Err(self.failed(&format!("its daemon ended by itself ({status})"))),
            None => Ok(()),
        }
    }

    /// Ends its daemon as nothing can prevent; its process's number.
    pub fn kill(&mut self) -> Option<u32> {
        let mut daemon = self.daemon.take()?;
        // Both fail only when it has ended already.
        let _ = daemon.kill().and_then(|()| daemon.wait());
        Some(daemon.id())
    }

    /// A failure of this node, with the last that its daemon said.
    pub fn failed(&self, what: &str) -> Failure {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_SHOWN)..];
        let mut text = format!("{}: {what}", self.name);
        if last.is_empty() {
            text.push_str("\n  its daemon logged nothing");
        } else {
            text.push_str("\n  the last of its daemon's log:");
            for line in last {
                text.push_str(&format!("\n    {line}"));
            }
        }
        let doctor = self.programs.join("edgecoder").display().to_string();
        Failure::new(FAILED, text, format!("{} doctor", quoted(&doctor)))
    }
}

/// The nodes and their folder. All are gone when it is dropped.
#[derive(Debug)]
pub struct Network {
    folder: PathBuf,
    /// In the order in which they start.
    pub nodes: Vec<Node>,
}

impl Network {
    /// Folders for nodes of these names and roles, below one in the system's folder for what is temporary.
    pub fn new(place: &Place, seats: &[(&'static str, &'static str)]) -> Result<Self, Failure> {
        let temporary = std::env::temp_dir();
        let made = made(&temporary).and_then(|folder| {
            // From here on it is removed, however this ends.
            let mut network = Self {
                folder,
                nodes: Vec::new(),
            };
            for (number, (name, roles)) in seats.iter().enumerate() {
                let folder = network.folder.join(number.to_string());
                fs::create_dir(&folder)?;
                // Empty: the user's own file would be read otherwise.
                File::create(folder.join("config.toml"))?;
                network.nodes.push(Node {
                    name,
                    folder,
                    programs: place.binaries(),
                    roles,
                    daemon: None,
                });
            }
            Ok(network)
        });
        made.map_err(|error| {
            let what = format!("no folder can be made in {}: {error}", temporary.display());
            Failure::new(
                FAILED,
                what,
                "set TMPDIR to a folder with free space, then repeat this",
            )
        })
    }

    /// Ends all daemons and removes all folders.
    pub fn end(mut self) -> Result<(), Failure> {
        self.clear().map_err(|error| {
            let folder = self.folder.display();
            let next = format!("rm -r {}", quoted(&folder.to_string()));
            Failure::new(
                FAILED,
                format!("{folder} could not be removed: {error}"),
                next,
            )
        })
    }

    fn clear(&mut self) -> io::Result<()> {
        for node in &mut self.nodes {
            node.kill();
        }
        // A command that found its daemon gone may just have started another.
        for node in self.nodes.iter().filter(|node| node.serves()) {
            let mut stop = node.edgecoder(&["daemon", "stop"]);
            stop.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        }
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Where it matters that a folder stays behind, `end` was called before, and has said so.
        let _ = self.clear();
    }
}

/// A new folder that only this user can enter: an old one of the same name may be anybody's.
fn made(parent: &Path) -> io::Result<PathBuf> {
    let mut number = 0_u32;
    loop {
        let name = format!("edgecoder-mesh-{}-{number}", std::process::id());
        let folder = parent.join(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}
