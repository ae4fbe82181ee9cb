//! What can go wrong around a run. What goes wrong inside one is its outcome, not an error.

use std::{io, path::PathBuf};

use edgecoder_protocol::{Bytes, RelPath};

/// Why an execution was refused before anything ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedExecution {
    /// A limit is above what any node accepts.
    #[error("the limit `{limit}` is higher than a node accepts: lower it to at most {max}")]
    Limit {
        /// Its name.
        limit: &'static str,
        /// The largest accepted value.
        max: u64,
    },
    /// The files together are too large.
    #[error(
        "the files hold {size} bytes together, more than {max}: leave out what the code does not read"
    )]
    Files {
        /// What they hold.
        size: Bytes,
        /// What they may hold.
        max: Bytes,
    },
    /// Too many files.
    #[error("there are {count} files, more than {max}: give a smaller folder")]
    FileCount {
        /// How many.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A source file is too large.
    #[error(
        "{path} holds {size} bytes, more than the {max} that a source file may: split it, or read it as data"
    )]
    Source {
        /// Which file.
        path: RelPath,
        /// What it holds.
        size: Bytes,
        /// What it may hold.
        max: Bytes,
    },
    /// A source file is not UTF-8.
    #[error("{path} is not UTF-8 text (byte {at}): save it as UTF-8 and try again")]
    NotUtf8 {
        /// Which file.
        path: RelPath,
        /// Where the first wrong byte is.
        at: usize,
    },
    /// The program names a file that is not among the files.
    #[error("{path} is not among the files given: check its name, or add it")]
    Missing {
        /// Which file.
        path: RelPath,
    },
    /// There is nothing to call.
    #[error("there are no cases: give at least one")]
    NoCases,
    /// More cases than one execution takes.
    #[error("there are {count} cases, more than {max}: split them")]
    CaseCount {
        /// How many.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// The cases' arguments are too large.
    #[error(
        "the cases' arguments hold {size} bytes together, more than {max}: give large data as files"
    )]
    Calls {
        /// What they hold.
        size: Bytes,
        /// What they may hold.
        max: Bytes,
    },
    /// Standard input is too large.
    #[error("standard input holds {size} bytes, more than {max}: give it as a file")]
    Stdin {
        /// What it holds.
        size: Bytes,
        /// What it may hold.
        max: Bytes,
    },
}

/// Why the sandbox could not run something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The request is not acceptable.
    #[error(transparent)]
    Refused(#[from] RefusedExecution),
    /// The child process could not be started.
    #[error("could not start the sandbox process {}: {source}; check that the program is installed and executable", program.display())]
    Spawn {
        /// What was to be run.
        program: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// The child started and could not serve.
    #[error("the sandbox process did not become ready: {why}; run `edgecoder doctor`")]
    NotReady {
        /// What it said, or that it said nothing.
        why: String,
    },
    /// The child could not be put under its bounds, and was ended before it served.
    #[error(
        "the sandbox process could not be bounded: {0}; start the daemon again, or take `worker_cpu` and `worker_memory` out of the settings"
    )]
    Unbounded(io::Error),
    /// The guest could not be compiled.
    #[error("could not compile the Python guest: {why}; check free space and permissions of {}", cache_dir.display())]
    Compile {
        /// What it said.
        why: String,
        /// Where the compiled guest is kept.
        cache_dir: PathBuf,
    },
    /// [`crate::Sandbox::stop`] was called.
    #[error("the sandbox has been stopped; start the daemon again")]
    Stopped,
}
