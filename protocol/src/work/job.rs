//! What a task asks for: the plaintext that is sealed for its readers, and what the other sealed bytes are called.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::operator::{BODY_MAX, ExecRequest, TaskRequest};

/// Bytes of an answer: a file of code and its tests, many times over.
const ANSWER_MAX: usize = 4 << 20;

/// What a task asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Code for a prompt: an author writes, a checker replays.
    Solve(TaskRequest),
    /// One execution: author and checker both run it.
    Exec(ExecRequest),
}

/// Bytes that are not a job or answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content is not what it should be: {0}")]
pub struct JobError(String);

impl Job {
    /// Its bytes, which the submitter seals.
    ///
    /// # Errors
    /// [`JobError`] when they are above [`BODY_MAX`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, JobError> {
        to_json(self, BODY_MAX)
    }

    /// Reads what [`Job::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`JobError`] when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JobError> {
        from_json(bytes, BODY_MAX)
    }
}

/// What an author answers to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The text of the file that the step writes.
    pub code: String,
    /// The tests that the model wrote, where the task has none.
    pub tests: Option<String>,
}

impl Answer {
    /// Its bytes, which the author seals.
    ///
    /// # Errors
    /// [`JobError`] when they are above 4 MiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, JobError> {
        to_json(self, ANSWER_MAX)
    }

    /// Reads what [`Answer::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`JobError`] when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JobError> {
        from_json(bytes, ANSWER_MAX)
    }
}

fn to_json<T: Serialize>(value: &T, max: usize) -> Result<Vec<u8>, JobError> {
    let bytes = serde_json::to_vec(value).map_err(|error| JobError(error.to_string()))?;
    match bytes.len() <= max {
        true => Ok(bytes),
        false => Err(JobError(format!("more than {} MiB", max >> 20))),
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, JobError> {
    if bytes.len() > max {
        return Err(JobError(format!("more than {} MiB", max >> 20)));
    }
    serde_json::from_slice(bytes).map_err(|error| JobError(error.to_string()))
}

/// Labels of a task's sealed bytes: one cannot be put in another's place.
pub mod label {
    /// The job.
    pub const JOB: &str = "edgecoder/job/1";
    /// The model's reply that the plan is read from.
    pub const PLAN: &str = "edgecoder/plan/1";
    /// A step's answer.
    pub const ANSWER: &str = "edgecoder/answer/1";
    /// The answer of an execution, with its receipt.
    pub const REPORT: &str = "edgecoder/report/1";
}
