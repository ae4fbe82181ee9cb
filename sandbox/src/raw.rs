//! What one guest run came to, as the child tells it: for the judge, which believes none of it about the request.

use edgecoder_protocol::{Bytes, Fuel, TestResult};
use serde::{Deserialize, Serialize};

/// How one guest run ended, by its own word or by the engine's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum RawEnded {
    /// To its end.
    Returned,
    /// An exception reached the top.
    Raised {
        class: String,
        bases: Vec<String>,
        message: String,
    },
    /// It left with this code.
    Exited(String),
    /// The returned value, or another part of the answer, cannot be taken.
    Unsupported(String),
    /// All fuel is burned.
    OutOfFuel,
    /// The wall clock's backstop.
    WallClock,
    /// The native stack is full.
    StackExhausted,
    /// Another trap: the guest is broken, or ran out of memory where it cannot say so.
    Trapped(String),
    /// The host could not run it at all.
    NotRun(String),
}

/// What one guest run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RawRun {
    pub(crate) ended: RawEnded,
    /// JSON; empty when nothing was called.
    pub(crate) value: String,
    pub(crate) tests: Vec<TestResult>,
    pub(crate) written: Vec<(String, Vec<u8>)>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Whether output beyond the limit was dropped.
    pub(crate) cut: bool,
    pub(crate) fuel: Fuel,
    /// Largest linear memory.
    pub(crate) memory: Bytes,
    /// Whether memory was asked for beyond the limit.
    pub(crate) denied: bool,
}

impl RawRun {
    /// A run that did not happen.
    pub(crate) fn not_run(why: String) -> Self {
        Self::ended(RawEnded::NotRun(why))
    }

    /// A run that ended so, with nothing to show.
    pub(crate) fn ended(ended: RawEnded) -> Self {
        Self {
            ended,
            value: String::new(),
            tests: Vec::new(),
            written: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            cut: false,
            fuel: Fuel(0),
            memory: Bytes(0),
            denied: false,
        }
    }
}
