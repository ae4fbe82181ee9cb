//! A home of a test's own: folders, a daemon on its own data, and the real commands run in it.
//!
//! Only the compiled guest is shared with the user's cache, since compiling it takes half a minute.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod blobs;
pub mod clock;
mod http;
pub mod namespace;
pub mod network;
pub mod peer;
mod said;
mod unprivileged;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};
use serde_json::Value;
use tempfile::TempDir;

#[allow(unused_imports, reason = "each test file uses its own part")]
pub use said::{Said, said, said_with};
#[allow(unused_imports, reason = "each test file uses its own part")]
pub use unprivileged::Unprivileged;

/// One look while waiting for something; nothing else here sleeps.
pub const STEP: Duration = Duration::from_millis(10);
/// Looks before a wait is given up: two minutes, far more than anything here takes.
const STEPS: u32 = 12_000;

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program of the workspace: beside the test's own folder, built there when it is missing.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let folder = own.parent().unwrap().parent().unwrap().to_owned();
        let there = |name: &str| folder.join(name).exists();
        if !(there("edgecoder") && there("edgecoderd") && there("scripted-node")) {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--workspace", "--bins", "--target-dir"]);
            build.arg(folder.parent().unwrap());
            if folder.ends_with("release") {
                build.arg("--release");
            }
            let built = build.current_dir(repository()).status().unwrap();
            assert!(built.success(), "the programs do not build");
        }
        folder
    });
    folder.join(name)
}

/// Where compiled guests are kept in production too.
pub fn shared_cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    cache.join("edgecoder")
}

/// Looks until `found` finds something.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..STEPS {
        if let Some(value) = found() {
            return value;
        }
        thread::sleep(STEP);
    }
    panic!("waited in vain for {what}");
}

/// Ends a process as nothing can prevent.
pub fn kill(pid: u32) {
    // It may have ended by itself just now.
    kill_process(
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        Signal::KILL,
    )
    .ok();
}

/// A home folder with a node's data; its daemon ends with it.
pub struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Home {
    /// A fresh home over the shared cache.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self {
            folder,
            environment: Vec::new(),
        };
        let data = home.data().display().to_string();
        let cache = shared_cache().display().to_string();
        home.with("EDGECODER_DATA_DIR", &data)
            .with("EDGECODER_CACHE_DIR", &cache)
    }

    /// With an environment variable set for all commands from now on.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, Some(value));
        self
    }

    /// Sets or removes an environment variable for all commands from now on.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.environment.retain(|(key, _)| key != name);
        if let Some(value) = value {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// A path in the home folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The node's data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.data().join("edgecoderd.sock")
    }

    /// Writes a file into the home folder; folders are made.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A program in this home's environment and folder.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs `edgecoder` with `words` (parted by spaces) to its end.
    pub fn run(&self, words: &str) -> Said {
        self.edgecoder(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs `edgecoder` with `arguments` to its end.
    pub fn edgecoder(&self, arguments: &[&str]) -> Said {
        said(self.command(program("edgecoder")).args(arguments))
    }

    /// Runs `source` in the sandbox, with further `flags`.
    pub fn exec(&self, source: &str, flags: &str) -> Said {
        let file = self.write("main.py", source);
        self.run(&format!("exec {flags} {}", file.display()))
    }

    /// `exec --json`, as JSON.
    #[track_caller]
    pub fn exec_json(&self, source: &str, flags: &str) -> Value {
        self.exec(source, &format!("--json {flags}")).json()
    }

    /// The daemon's status; it must be running.
    #[track_caller]
    pub fn status(&self) -> Value {
        let said = self.run("daemon status --json");
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }

    /// The same daemon as `before`, and it still works.
    #[track_caller]
    pub fn still_lives(&self, before: &Value) {
        assert_eq!(self.status()["pid"], before["pid"], "another daemon");
        let said = self.exec("print(6 * 7)", "");
        assert_eq!((said.code, said.out.as_str()), (0, "42\n"), "{said:?}");
    }

    /// Starts `edgecoderd` itself and waits until it serves.
    pub fn daemon(&self) -> Child {
        self.start(&mut self.command(program("edgecoderd")))
    }

    /// Starts a daemon by `command` and waits until it serves.
    pub fn start(&self, command: &mut Command) -> Child {
        let log = fs::File::create(self.path("daemon.log")).unwrap();
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        wait_for("the daemon", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the daemon ended with {status}: {}", self.log());
            }
            self.request("GET", "/v1/status", &Value::Null)
        });
        child
    }

    /// Stops the daemon, if one runs, and waits until its process is gone.
    #[track_caller]
    pub fn stop(&self) {
        let said = self.run("daemon stop");
        assert_eq!(said.code, 0, "{said:?}");
        // A process that is a zombie already may still hold its files open in a last thread.
        let lock = fs::File::create(self.data().join("lock")).unwrap();
        wait_for("the daemon to let go of its data", || {
            flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()
        });
    }

    /// What a daemon that was started by [`Home::daemon`] logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// One request to the operator API: status and body, or `None` when the daemon is not there or goes away.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        http::request(&self.socket(), method, path, body)
    }

    /// Daemons and commands that run with this home's data.
    fn processes(&self) -> Vec<u32> {
        let wanted = format!("EDGECODER_DATA_DIR={}", self.data().display());
        let of_this_home = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|one| one == wanted.as_bytes())
        };
        let all = fs::read_dir("/proc").unwrap();
        let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(of_this_home).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in self.processes() {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).ok();
        }
        let mut steps = 0..STEPS / 40;
        while steps.next().is_some() && !self.processes().is_empty() {
            thread::sleep(STEP);
        }
        self.processes().into_iter().for_each(kill);
        let blobs = blobs::below(self.folder.path());
        // A second panic would hide what failed first.
        let is_right = blobs.is_empty() || thread::panicking();
        assert!(
            is_right,
            "a database wrote values beside its file: {blobs:?}"
        );
    }
}

/// Bytes of memory that a process holds; it must be there.
#[track_caller]
pub fn resident(pid: u32) -> u64 {
    memory(pid, "VmRSS:")
}

/// Bytes of memory that it has held at most.
#[track_caller]
pub fn peak(pid: u32) -> u64 {
    memory(pid, "VmHWM:")
}

/// A line of `/proc/PID/status`.
#[track_caller]
fn memory(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what));
    // A zombie has none.
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<u64>().unwrap() * 1_024
}

/// CPU time of a process in clock ticks (`/proc/PID/stat`, fields 14 and 15); `None` when it is gone.
pub fn cpu_ticks(pid: u64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
