//! How a command of this crate ends when it does not succeed: a code, what happened, what to do next.

use std::fmt;

/// A step failed (its own output says how).
pub const FAILED: u8 = 1;
/// The command line was not understood.
pub const USAGE: u8 = 64;
/// Something that the build needs is not on this machine.
pub const UNAVAILABLE: u8 = 69;

/// An end without success. It always names what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The process's exit code.
    pub code: u8,
    /// What happened, one or more lines.
    pub what: String,
    /// What to do or type next, one entry a line.
    pub next: Vec<String>,
}

impl Failure {
    /// A failure with one next step.
    pub fn new(code: u8, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            next: vec![next.into()],
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.what)?;
        for line in &self.next {
            write!(out, "\n  next: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
