//! The agent's judge is the sandbox: puts a candidate beside the task's files and runs the tests.
//!
//! Cases that are held out are run last, and only their verdict goes back: neither arguments nor values of one ever
//! reach the model.

use std::sync::Arc;

use edgecoder_agent::{Judge, PortError, Tests};
use edgecoder_protocol::{
    Execution, Fuel, Outcome, Program, Receipt, RelPath, TestOutcome,
    cases::{Case, cases_hash},
    execution::{SuiteKind, TestOrigin},
    operator::{Blob, ErrorKind, ErrorObject, ExecAnswer, ExecRequest, TaskRequest, TestSet},
    task::PrivacyClass,
};

use crate::{
    bundle,
    executor::{Executor, execution},
};

/// Where tests that the model wrote are put.
const MODEL_TESTS: &str = "edgecoder_model_tests.py";
/// What is told of a held-out case that fails.
const HELD_OUT: &str = "a case that is held out failed";

/// Judges the candidates of one task.
#[derive(Debug)]
pub struct AgentJudge {
    executor: Executor,
    request: Arc<TaskRequest>,
}

impl AgentJudge {
    /// A judge of candidates for `request`.
    pub fn new(executor: Executor, request: Arc<TaskRequest>) -> Self {
        Self { executor, request }
    }

    /// The run that judges `code` by `tests`, held-out cases included.
    ///
    /// # Errors
    /// [`ErrorObject`] naming what of the task is malformed.
    pub fn execution(
        task: &TaskRequest,
        code: &str,
        tests: &Tests,
    ) -> Result<Execution, ErrorObject> {
        let mut files = task.files.clone();
        files.0.insert(task.solution.clone(), Blob(code.into()));
        let (tests, origin) = match tests {
            Tests::Given => (task.tests.clone(), TestOrigin::User),
            Tests::None => (None, TestOrigin::User),
            Tests::Model(text) => {
                let bug = |error| {
                    ErrorObject::new(
                        ErrorKind::Internal,
                        format!("{error}"),
                        "report this as a bug",
                    )
                };
                let path = RelPath::new(MODEL_TESTS).map_err(bug)?;
                files.0.insert(path.clone(), Blob(text.clone().into()));
                let kind = SuiteKind::Asserts;
                (Some(TestSet::Suite { kind, path }), TestOrigin::Model)
            }
        };
        let request = ExecRequest {
            files,
            entry: task.solution.clone(),
            tests,
            stdin: Blob::default(),
            seed: task.seed,
            limits: task.limits,
            bundle: false,
            privacy: PrivacyClass::Local,
        };
        execution(request, origin)
    }

    /// The bundle of a run that `judge` made; `None` when `receipt` is of another one.
    pub fn bundle(&self, code: &str, tests: &Tests, receipt: &Receipt) -> Option<Blob> {
        let mut whole = Self::execution(&self.request, code, tests).ok()?;
        let hash = receipt.body.tests.map(|tests| tests.hash);
        if let Program::Cases { cases, .. } = &mut whole.program
            && Some(cases_hash(cases)) != hash
        {
            cases.retain(|case| !case.heldout);
        }
        bundle::write(&whole, receipt).ok().map(Blob)
    }
}

/// What a port reports of an API error.
pub fn port_error(error: ErrorObject) -> PortError {
    PortError {
        message: error.message,
        next: error.next,
        kind: error.kind,
    }
}

/// The cases that the model may be told of, when there are others too.
fn shown_only(execution: &Execution) -> Option<Execution> {
    let Program::Cases { cases, .. } = &execution.program else {
        return None;
    };
    let is_mixed = cases.iter().any(|case| case.heldout) && cases.iter().any(|case| !case.heldout);
    is_mixed.then(|| {
        let mut shown = execution.clone();
        if let Program::Cases { cases, .. } = &mut shown.program {
            cases.retain(|case| !case.heldout);
        }
        shown
    })
}

/// Takes out of an answer whatever held-out cases would tell.
fn hide(answer: &mut ExecAnswer, cases: &[Case]) {
    if !cases.iter().any(|case| case.heldout) {
        return;
    }
    // Runs that did not come back leave the rest without their places: nothing is told then.
    let is_whole = answer.tests.len() == cases.len();
    let mut is_hidden = !is_whole;
    for (at, test) in answer.tests.iter_mut().enumerate() {
        let is_heldout = !is_whole || cases.get(at).is_none_or(|case| case.heldout);
        if is_heldout && test.outcome != TestOutcome::Passed {
            test.message = HELD_OUT.to_owned();
            is_hidden = true;
        }
    }
    if is_hidden && answer.outcome != Outcome::Ok {
        answer.reason = HELD_OUT.to_owned();
    }
}

impl Judge for AgentJudge {
    async fn judge(&self, code: &str, tests: &Tests) -> Result<ExecAnswer, PortError> {
        let whole = Self::execution(&self.request, code, tests).map_err(port_error)?;
        let mut spent = Fuel(0);
        if let Some(shown) = shown_only(&whole) {
            let answer = self.executor.run(shown, false).await.map_err(port_error)?;
            if answer.outcome != Outcome::Ok {
                return Ok(answer);
            }
            spent = answer.fuel;
        }
        let cases = match &whole.program {
            Program::Cases { cases, .. } => cases.clone(),
            Program::Script { .. } | Program::Suite { .. } => Vec::new(),
        };
        let mut answer = self.executor.run(whole, false).await.map_err(port_error)?;
        hide(&mut answer, &cases);
        answer.fuel = answer.fuel.saturating_add(spent);
        Ok(answer)
    }
}
