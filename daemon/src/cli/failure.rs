//! Why a command did not do what was asked, and the exit code for it (FORMATS).

use edgecoder_protocol::operator::ErrorObject;

use crate::{config::ConfigError, network::NetworkError};

/// Exit code: the tests failed.
pub const FAILED: u8 = 1;
/// Exit code: not solved within its limits.
pub const UNSOLVED: u8 = 2;
/// Exit code: declined.
pub const DECLINED: u8 = 3;
/// Exit code: no model, or none that can.
pub const NO_MODEL: u8 = 4;
/// Exit code: refused by policy.
pub const POLICY: u8 = 5;
/// Exit code: wrong use.
pub const USAGE: u8 = 64;
/// Exit code: the daemon cannot be reached.
pub const UNREACHABLE: u8 = 69;
/// Exit code: a fault of the program or the machine.
pub const INTERNAL: u8 = 70;
/// Exit code: the wall clock ended it.
pub const INCONCLUSIVE: u8 = 124;

/// A failure as the user sees it.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// What happened and why.
    pub message: String,
    /// What to do.
    pub next: String,
}

impl Failure {
    /// A failure with its next step.
    pub fn new(code: u8, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            next: next.into(),
        }
    }

    /// A file that cannot be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{NotFound, PermissionDenied, StorageFull};
        let next = match error.kind() {
            NotFound => "check the path",
            PermissionDenied => "check who may read and write it (`ls -l`)",
            StorageFull => "free some space and try again",
            _ => "check the path and the disk",
        };
        Self::new(
            USAGE,
            format!("cannot {doing} {}: {error}", path.display()),
            next,
        )
    }
}

impl From<ErrorObject> for Failure {
    fn from(error: ErrorObject) -> Self {
        Self::new(error.kind.exit_code(), error.message, error.next)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(
            USAGE,
            error.to_string(),
            "correct the setting and try again",
        )
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        let code = match error {
            // What stands on the disk is no word of the user's.
            NetworkError::Damaged { .. }
            | NetworkError::Secret { .. }
            | NetworkError::Key { .. }
            | NetworkError::Exposed { .. } => INTERNAL,
            NetworkError::File { .. }
            | NetworkError::Exists { .. }
            | NetworkError::Name { .. }
            | NetworkError::Invite(_)
            | NetworkError::NoOperator { .. }
            | NetworkError::Address { .. }
            | NetworkError::TooMany { .. }
            | NetworkError::TooManyOperators
            | NetworkError::Vouch(_)
            | NetworkError::Elsewhere { .. } => USAGE,
        };
        Self::new(code, error.to_string(), error.next())
    }
}
