//! The agent's judge is the sandbox: puts a candidate beside the task's files and runs the tests.

use edgecoder_agent::{Judge, PortError, Tests};
use edgecoder_protocol::{
    RelPath,
    execution::{SuiteKind, TestOrigin},
    operator::{Blob, ErrorObject, ExecAnswer, ExecRequest, TaskRequest, TestSet},
};

use crate::executor::{Executor, execution};

/// Where tests that the model wrote are put.
const MODEL_TESTS: &str = "edgecoder_model_tests.py";

/// Judges the candidates of one task.
#[derive(Debug)]
pub struct AgentJudge {
    executor: Executor,
    request: TaskRequest,
}

impl AgentJudge {
    /// A judge of candidates for `request`.
    pub fn new(executor: Executor, request: TaskRequest) -> Self {
        Self { executor, request }
    }
}

/// What a port reports of an API error.
pub fn port_error(error: ErrorObject) -> PortError {
    PortError {
        message: error.message,
        next: error.next,
    }
}

impl Judge for AgentJudge {
    async fn judge(&self, code: String, tests: Tests) -> Result<ExecAnswer, PortError> {
        let task = &self.request;
        let mut files = task.files.clone();
        files
            .0
            .insert(task.solution.clone(), Blob(code.into_bytes()));
        let (tests, origin) = match tests {
            Tests::Given => (task.tests.clone(), TestOrigin::User),
            Tests::None => (None, TestOrigin::User),
            Tests::Model(text) => {
                // A constant that is a valid path; the error can only be a bug of ours.
                let path = RelPath::new(MODEL_TESTS).map_err(|error| PortError {
                    message: error.to_string(),
                    next: "report this as a bug".into(),
                })?;
                files.0.insert(path.clone(), Blob(text.into_bytes()));
                (
                    Some(TestSet::Suite {
                        kind: SuiteKind::Asserts,
                        path,
                    }),
                    TestOrigin::Model,
                )
            }
        };
        let request = ExecRequest {
            files,
            entry: task.solution.clone(),
            tests,
            stdin: Blob::default(),
            seed: task.seed,
            limits: task.limits,
            bundle: true,
        };
        let execution = execution(request, origin).map_err(port_error)?;
        self.executor.run(execution, true).await.map_err(port_error)
    }
}
