//! What daemon and child say to each other over their socket: a length, then one bincode value.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use edgecoder_protocol::Limits;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{bounds::OwnLimits, client::EngineOptions, raw::RawRun};

/// Bytes of one frame: the largest files, output and result of [`Limits::MAX`] fit twice.
pub(crate) const FRAME_MAX: usize = 128 << 20;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<FRAME_MAX>,
> = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit::<FRAME_MAX>();

/// What a new child shall be. Its first frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Run guests, one at a time, until the socket closes.
    Serve {
        /// Where the compiled guest is kept.
        cache_dir: PathBuf,
        /// How its code was compiled.
        options: EngineOptions,
        /// What it does to itself first.
        own: OwnLimits,
    },
    /// Compile the guest, answer once, and end.
    Compile {
        /// Where to keep it.
        cache_dir: PathBuf,
        /// How to compile.
        options: EngineOptions,
        /// Faults on purpose at the file syncs of it, as `Faults::parse` reads them; usually empty.
        faults: String,
    },
    /// Seal, try what must be refused, answer once, and end.
    SelfTest,
}

/// Why a child cannot serve.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum NotReady {
    /// There is no usable compiled guest; compiling helps.
    NotCompiled(String),
    /// Something that compiling does not help.
    Broken(String),
}

/// To a serving child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToChild {
    /// Run it; answered by one [`FromChild::Run`] for each call.
    Job(u64, Job),
    /// Nobody waits for it any more.
    Cancel(u64),
}

/// From a child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromChild {
    /// A serving child is sealed and takes jobs; or why it is not.
    Ready(Result<(), NotReady>),
    /// One guest run of a job, by its index; in any order.
    Run(u64, u32, Box<RawRun>),
    /// What it ran is stopped, and only its end does that; its other jobs are to be run elsewhere. Its last word.
    Ending,
    /// The guest is compiled; or why it is not.
    Compiled(Result<(), String>),
    /// Each thing that was tried, and whether it was refused.
    SelfTest(Vec<(String, bool)>),
}

/// How the files are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    Script,
    Unittest,
    Asserts,
    Call,
}

/// One execution without what the guest must not see.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) mode: Mode,
    pub(crate) entry: String,
    pub(crate) tests: String,
    /// One guest run each; a single empty one where nothing is called.
    pub(crate) calls: Vec<String>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) seed: u64,
    pub(crate) limits: Limits,
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The bytes of a frame, its length included.
///
/// # Errors
/// When the value is larger than a frame may be.
pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    bincode::serde::encode_into_std_write(value, &mut bytes, CONFIG).map_err(invalid)?;
    let len = u32::try_from(bytes.len() - 4).map_err(invalid)?;
    check(len)?;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    Ok(bytes)
}

/// The value of a frame's bytes, its length taken off.
///
/// # Errors
/// When they are not one whole value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG).map_err(invalid)?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "bytes are left over in a frame",
        ))
    }
}

/// Checks a frame's length, before anything of that size is allocated.
///
/// # Errors
/// When it is above [`FRAME_MAX`].
pub(crate) fn check(len: u32) -> io::Result<usize> {
    let len = len as usize;
    if len <= FRAME_MAX {
        Ok(len)
    } else {
        let why = format!("a frame of {len} bytes is larger than {FRAME_MAX}");
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

/// Writes one frame.
///
/// # Errors
/// As [`encode`], or when the socket fails.
pub(crate) fn write<T: Serialize>(to: &mut impl Write, value: &T) -> io::Result<()> {
    to.write_all(&encode(value)?)
}

/// Reads one frame.
///
/// # Errors
/// When the socket fails or ends, or the frame is malformed.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let mut bytes = vec![0; check(u32::from_le_bytes(len))?];
    from.read_exact(&mut bytes)?;
    decode(&bytes)
}
