//! Runs executions in the sandbox and signs what came out: shared by `exec`, `test`, `replay`, `eval` and tasks.

use std::sync::Arc;

use edgecoder_protocol::{
    Execution, ExecutionReport, FileTree, Limits, Receipt,
    cases::{self, Case},
    execution::TestOrigin,
    key::NodeKey,
    operator::{
        Blob, ErrorKind, ErrorObject, ExecAnswer, ExecRequest, ReplayAnswer, TestSet, program,
    },
};
use edgecoder_sandbox::{InForce, RefusedExecution, Sandbox, SandboxError};

use crate::bundle;

/// A sandbox and the key that vouches for what it was given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Executor {
    sandbox: Sandbox,
    /// What is done for others runs here, where their share is bounded; absent: in the same sandbox.
    lent: Option<Sandbox>,
    key: Arc<NodeKey>,
}

impl Executor {
    /// Executions run in `sandbox` and are signed by `key`.
    pub fn new(sandbox: Sandbox, key: Arc<NodeKey>) -> Self {
        Self {
            sandbox,
            lent: None,
            key,
        }
    }

    /// The same, and what is done for others runs in `lent`, if there is such a sandbox.
    pub fn lending(self, lent: Option<Sandbox>) -> Self {
        Self { lent, ..self }
    }

    /// What executions that are done for others run in: as bounded as the owner has it.
    pub fn for_others(&self) -> Self {
        Self {
            sandbox: self.lent.as_ref().unwrap_or(&self.sandbox).clone(),
            lent: None,
            key: self.key.clone(),
        }
    }

    /// What bounds executions that are done for others, where something does.
    pub fn bounds(&self) -> Option<InForce> {
        self.lent.as_ref()?.bounds()
    }

    /// Processes that run executions, by name.
    pub fn children(&self) -> Vec<(String, u32)> {
        let named = |sandbox: &Sandbox, name: &str| {
            let pids = sandbox.child_pids().into_iter().zip(1..);
            let named = pids.map(|(pid, number)| match number {
                1 => (name.to_owned(), pid),
                more => (format!("{name}-{more}"), pid),
            });
            named.collect::<Vec<_>>()
        };
        let lent = self.lent.as_ref();
        let lent = lent.map_or_else(Vec::new, |lent| named(lent, "lent-sandbox"));
        [named(&self.sandbox, "sandbox"), lent].concat()
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Runs one request to a signed answer. Cancel-safe: dropping the future abandons the run.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request cannot be run; what the code does wrong is an answer.
    pub async fn execute(&self, request: ExecRequest) -> Result<ExecAnswer, ErrorObject> {
        let bundle = request.bundle;
        self.run(execution(request, TestOrigin::User)?, bundle)
            .await
    }

    /// Runs `execution`, signs its receipt, and bundles it when asked to.
    ///
    /// # Errors
    /// As [`Executor::execute`].
    pub async fn run(&self, execution: Execution, bundle: bool) -> Result<ExecAnswer, ErrorObject> {
        // The bundle holds what was sent, so that it is kept before the sandbox takes it.
        let sent = bundle.then(|| execution.clone());
        let report = self
            .sandbox
            .run(execution)
            .await
            .map_err(|error| sandbox_error(&error))?;
        let receipt = Receipt::sign(report.body.clone(), &self.key);
        let bundle = match sent {
            None => None,
            Some(sent) => {
                let bytes = bundle::write(&sent, &receipt).map_err(|error| {
                    ErrorObject::new(
                        ErrorKind::Internal,
                        error.to_string(),
                        "report this as a bug",
                    )
                })?;
                Some(Blob(bytes))
            }
        };
        Ok(answer(report, receipt, bundle))
    }

    /// Runs a bundle again and compares.
    ///
    /// # Errors
    /// [`ErrorObject`] when the bundle is not one, was changed, or is of another profile.
    pub async fn replay(&self, bytes: &[u8]) -> Result<ReplayAnswer, ErrorObject> {
        let (execution, recorded) = bundle::read(bytes).map_err(|error| {
            let next = "get the bundle again from whoever made it";
            ErrorObject::new(ErrorKind::BadRequest, error.to_string(), next)
        })?;
        let replayed = self.run(execution, false).await?;
        let verdict = recorded.body.judge_replay(&replayed.receipt.body);
        let differs = recorded
            .body
            .first_difference(&replayed.receipt.body)
            .map(str::to_owned);
        Ok(ReplayAnswer {
            replayed,
            verdict,
            differs,
            recorded_by: recorded.signer,
        })
    }
}

/// Whether the cases may be called held out: all of them, since a mixed set proves what its weakest member does.
pub fn all_held_out(cases: &[Case]) -> bool {
    !cases.is_empty() && cases.iter().all(|case| case.heldout)
}

/// Turns a request into what the sandbox runs.
///
/// # Errors
/// [`ErrorObject`] naming what is malformed.
pub fn execution(request: ExecRequest, origin: TestOrigin) -> Result<Execution, ErrorObject> {
    let cases = match &request.tests {
        Some(TestSet::Cases(text)) => cases::read(text).map_err(|error| {
            let next = "correct the cases file; FORMATS describes it under Cases";
            ErrorObject::new(ErrorKind::BadRequest, error.to_string(), next)
        })?,
        Some(TestSet::Suite { .. }) | None => Vec::new(),
    };
    let origin = match origin {
        TestOrigin::User if all_held_out(&cases) => TestOrigin::HeldOut,
        origin => origin,
    };
    let mut files: FileTree = request.files.into();
    if let Some(TestSet::Cases(text)) = &request.tests {
        // What is expected never enters the guest: a folder that holds the cases file gives it without.
        files
            .0
            .retain(|_, content| content.as_slice() != text.as_bytes());
    }
    let limits = request.limits.unwrap_or_default();
    if let Some(name) = limits.exceeded() {
        let max = Limits::MAX;
        return Err(ErrorObject::new(
            ErrorKind::TooLarge,
            format!("the limit `{name}` is above what a node accepts"),
            format!(
                "at most: fuel {}, memory {} bytes, output {} bytes, wall {} ms",
                max.fuel, max.memory, max.output, max.wall_ms
            ),
        ));
    }
    Ok(Execution {
        files,
        program: program(request.entry, request.tests.as_ref(), cases, origin),
        stdin: request.stdin.0,
        seed: request.seed,
        limits,
    })
}

fn answer(report: ExecutionReport, receipt: Receipt, bundle: Option<Blob>) -> ExecAnswer {
    ExecAnswer {
        schema: "edgecoder/exec/1".into(),
        outcome: report.body.outcome,
        evidence: report.body.evidence,
        reason: report.reason,
        stdout: report.stdout,
        stderr: report.stderr,
        value: report.value,
        tests: report.tests,
        written: report.written.into(),
        fuel: report.body.fuel,
        memory: report.memory,
        wall_ms: report.wall_ms,
        receipt,
        bundle,
    }
}

/// What the API reports of a request that the sandbox does not take.
pub fn sandbox_refusal(refused: &RefusedExecution) -> ErrorObject {
    let next = "make it smaller or correct it, and try again";
    ErrorObject::new(ErrorKind::BadRequest, refused.to_string(), next)
}

fn sandbox_error(error: &SandboxError) -> ErrorObject {
    match error {
        SandboxError::Refused(refused) => sandbox_refusal(refused),
        other => ErrorObject::new(
            ErrorKind::Internal,
            format!("the sandbox cannot run this: {other}"),
            "run `edgecoder doctor`; it names what is wrong and how to mend it",
        ),
    }
}
