//! The one error object.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of failure an error is; decides the HTTP status and the CLI's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request is malformed or names something that cannot be.
    BadRequest,
    /// No such task, model or bundle.
    NotFound,
    /// It cannot be done in the state things are in.
    Conflict,
    /// Over a size or count limit.
    TooLarge,
    /// Refused by the node's mode or policy.
    Policy,
    /// No model is loaded, or none that can do this.
    NoModel,
    /// Queues are full; later it may go through.
    Busy,
    /// A disk, child process or bug.
    Internal,
}

impl ErrorKind {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Policy => 403,
            Self::NoModel => 424,
            Self::Busy => 503,
            Self::Internal => 500,
        }
    }

    /// The CLI's exit code (FORMATS).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::BadRequest | Self::NotFound | Self::Conflict | Self::TooLarge => 64,
            Self::Policy => 5,
            Self::NoModel => 4,
            Self::Busy => 69,
            Self::Internal => 70,
        }
    }
}

/// The one error object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ErrorObject {
    /// `edgecoder/error/1`.
    pub schema: String,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What happened and why, in a sentence.
    pub message: String,
    /// What to do about it.
    pub next: String,
}

impl ErrorObject {
    /// An error with its next step.
    pub fn new(kind: ErrorKind, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            schema: "edgecoder/error/1".into(),
            kind,
            message: message.into(),
            next: next.into(),
        }
    }
}
