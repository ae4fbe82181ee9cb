//! What the llama.cpp provider is told at its start.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use edgecoder_protocol::units::Bytes;

/// A model on this machine's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// A GGUF file; of a split model the first.
    pub path: PathBuf,
}

/// How to start the child: a program that calls [`crate::worker_main`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProgram {
    /// The executable; in the daemon its own.
    pub path: PathBuf,
    /// Its arguments; in the daemon the hidden subcommand.
    pub args: Vec<OsString>,
}

/// Settings of the llama.cpp provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The model to run.
    pub model: ModelFile,
    /// The child process to run it in.
    pub worker: WorkerProgram,
    /// Threads that compute.
    pub threads: u32,
    /// Tokens of key-value memory, shared by all requests that run at once.
    pub context: u32,
    /// Tokens decoded in one step, at least 32: one for each sequence.
    pub batch: u32,
    /// Largest file that is loaded.
    pub size_max: Bytes,
    /// Time without a request after which the child is ended and its memory freed; `None` keeps it.
    pub idle_max: Option<Duration>,
}

impl Config {
    /// The defaults for one model.
    pub fn new(model: impl Into<PathBuf>, worker: WorkerProgram) -> Self {
        Self {
            model: ModelFile { path: model.into() },
            worker,
            threads: threads_default(),
            context: 8_192,
            batch: 512,
            // 64 GiB holds a 70 G parameter model at 7 bits.
            size_max: Bytes(64 << 30),
            idle_max: Some(Duration::from_secs(600)),
        }
    }
}

/// Physical cores minus one, at least one.
///
/// llama.cpp's threads wait for each other by spinning: measured on a busy 2-core machine, a second
/// thread took a 120 M parameter model from 32 tokens a second to 3.
pub fn threads_default() -> u32 {
    let logical = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = physical_cores(Path::new("/sys/devices/system/cpu")).unwrap_or(logical);
    u32::try_from(cores.min(logical)).map_or(1, |cores| cores.saturating_sub(1).max(1))
}

/// Counts distinct sets of sibling threads; `None` where the kernel does not say.
fn physical_cores(root: &Path) -> Option<usize> {
    let siblings: BTreeSet<String> = fs::read_dir(root)
        .ok()?
        .filter_map(|entry| {
            fs::read_to_string(entry.ok()?.path().join("topology/thread_siblings_list")).ok()
        })
        .collect();
    (!siblings.is_empty()).then_some(siblings.len())
}
