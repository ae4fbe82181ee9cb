//! What the agent needs from outside: something that writes, and something that judges.

use std::future::Future;

use edgecoder_protocol::{
    Fuel, Outcome, TestOutcome,
    generation::{GenerateRequest, Generation},
    operator::{ErrorKind, ExecAnswer},
};

/// Why a port could not be used. Not the model's or the code's fault: the task ends as broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// What happened and why.
    pub message: String,
    /// What the user can do about it.
    pub next: String,
    /// What kind of failure.
    pub kind: ErrorKind,
}

/// Something that writes.
pub trait Model: Send + Sync {
    /// Answers `request`. Cancel-safe: dropping the future withdraws the request.
    fn generate(
        &self,
        request: GenerateRequest,
    ) -> impl Future<Output = Result<Generation, PortError>> + Send;
}

/// Something that runs code against tests.
pub trait Judge: Send + Sync {
    /// Judges `code`. Cancel-safe: dropping the future abandons the run.
    fn judge(
        &self,
        code: &str,
        tests: &Tests,
    ) -> impl Future<Output = Result<ExecAnswer, PortError>> + Send;
}

/// Which tests to judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tests {
    /// The user's.
    Given,
    /// The text of asserts that the model wrote.
    Model(String),
    /// None: only run it.
    None,
}

/// What the machine needs to know of a judged candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How the run ended.
    pub outcome: Outcome,
    /// Per test: its name, and whether it passed.
    pub tests: Vec<(String, bool)>,
    /// The first failure, in a sentence.
    pub failure: String,
    /// Work.
    pub fuel: Fuel,
}

/// The sentence is fed to a model: longer ones only cost its context.
const FAILURE_MAX: usize = 600;

impl Judgement {
    /// Tests passed.
    pub fn passed(&self) -> usize {
        self.tests.iter().filter(|(_, passed)| *passed).count()
    }
}

impl From<&ExecAnswer> for Judgement {
    fn from(answer: &ExecAnswer) -> Self {
        let ok = |outcome| matches!(outcome, TestOutcome::Passed | TestOutcome::Skipped);
        let failed = answer.tests.iter().find(|test| !ok(test.outcome));
        let failure = match (answer.outcome, failed) {
            (Outcome::Ok, _) => String::new(),
            (_, Some(test)) if !test.message.is_empty() => test.message.clone(),
            (_, Some(test)) => format!("{} {}", test.name, test.outcome),
            (_, None) => answer.reason.clone(),
        };
        Self {
            outcome: answer.outcome,
            tests: answer
                .tests
                .iter()
                .map(|t| (t.name.clone(), ok(t.outcome)))
                .collect(),
            failure: failure.chars().take(FAILURE_MAX).collect(),
            fuel: answer.fuel,
        }
    }
}

/// A judged candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The code.
    pub code: String,
    /// What the judge found.
    pub judgement: Judgement,
}
