//! How a task service says that something is broken.

use edgecoder_protocol::{
    Fuel, Tokens,
    operator::{ErrorKind, ErrorObject, Files, SolveOutcome, TaskResult},
};

/// A fault of the store or the program.
pub fn internal(error: &dyn std::fmt::Display) -> ErrorObject {
    let next =
        "check free space and permissions of the data folder; `edgecoder doctor` looks at both";
    ErrorObject::new(ErrorKind::Internal, error.to_string(), next)
}

/// The end of a task whose model or sandbox cannot be used.
pub fn broken(error: ErrorObject) -> TaskResult {
    let next = format!("{}: {}", error.message, error.next);
    TaskResult {
        fault: Some(error.kind),
        ..unsolved(SolveOutcome::Broken, &next)
    }
}

/// The end of a task with nothing to show.
pub fn unsolved(outcome: SolveOutcome, next: &str) -> TaskResult {
    TaskResult {
        schema: "edgecoder/solve/1".into(),
        outcome,
        evidence: None,
        code: None,
        files: Files::default(),
        receipt: None,
        bundle: None,
        attempts: 0,
        tokens: Tokens(0),
        fuel: Fuel(0),
        fault: None,
        next: next.to_owned(),
    }
}
