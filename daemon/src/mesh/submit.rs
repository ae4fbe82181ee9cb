//! This node's own tasks in the network: sealed with a key of their own, given away, and their results taken in.

use std::sync::Arc;

use edgecoder_protocol::{
    Hash, Signed, TaskId, Tokens, cases,
    execution::Limits,
    operator::{
        Conflict, ErrorKind, ErrorObject, ExecAnswer, ExecRequest, Resolution, SolveOutcome, Step,
        TaskRequest, TaskResult, TestSet,
    },
    sealing::TaskKey,
    task::PrivacyClass,
    wire::Sealed,
    work::{Job, Requirements, TaskSpec, label},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Hub, bring::Back, deliver, hub::internal, perform::baseline};
use crate::tasks::{Elsewhere, Work, broken, unsolved};

/// Milliseconds that an execution without a deadline of its own may take in the network.
const EXEC_DEADLINE_MS: u64 = 120_000;

/// What is asked of the network.
struct Order {
    id: TaskId,
    class: PrivacyClass,
    job: Job,
    limits: Limits,
    tokens: Tokens,
    deadline_ms: u64,
    heldout: Option<Hash>,
}

/// A task on its way.
pub struct Sent {
    pub id: TaskId,
    pub key: TaskKey,
    pub job: Job,
    /// As it was sent.
    pub sealed: Sealed,
}

impl Hub {
    /// Has code run in the network, by two nodes that must agree.
    ///
    /// # Errors
    /// [`ErrorObject`] when nobody can do it, or its result does not hold.
    pub async fn execute(
        self: &Arc<Self>,
        request: ExecRequest,
    ) -> Result<ExecAnswer, ErrorObject> {
        let mut id = [0; 16];
        self.random(&mut id);
        let (class, bundle) = (request.privacy, request.bundle);
        let request = ExecRequest {
            privacy: PrivacyClass::Local,
            bundle: false,
            ..request
        };
        // What is malformed is said here, before anybody else hears of it.
        crate::executor::execution(
            request.clone(),
            edgecoder_protocol::execution::TestOrigin::User,
        )?;
        let limits = request.limits.unwrap_or_default();
        let job = Job::Exec(request);
        let order = Order {
            id: TaskId(id),
            class,
            job,
            limits,
            tokens: Tokens(0),
            deadline_ms: EXEC_DEADLINE_MS,
            heldout: None,
        };
        let (sent, spec) = self.prepare(order).await?;
        // Whoever goes away takes the task along.
        let withdraw = Withdraw {
            hub: self.clone(),
            task: sent.id,
        };
        self.open_sealed(sent.id, class);
        let back = self
            .bring(&sent, spec, None, &CancellationToken::new())
            .await;
        self.close_sealed(sent.id);
        let news = match back {
            Back::Done(news) => news,
            Back::Refused(error) | Back::Failed(error) => return Err(error),
            Back::Cancelled => return Err(internal(&"the task was withdrawn")),
        };
        let answer = deliver::execution(self, &sent, &news, bundle).await?;
        self.received(sent.id).await;
        withdraw.not_needed();
        Ok(answer)
    }

    /// Has a task solved in the network.
    pub async fn solve(
        self: &Arc<Self>,
        id: TaskId,
        request: &TaskRequest,
        steps: mpsc::Sender<Step>,
        cancel: &CancellationToken,
    ) -> TaskResult {
        match self.try_solve(id, request, steps, cancel).await {
            Ok(result) => result,
            Err(error) => broken(error),
        }
    }

    async fn try_solve(
        self: &Arc<Self>,
        id: TaskId,
        request: &TaskRequest,
        steps: mpsc::Sender<Step>,
        cancel: &CancellationToken,
    ) -> Result<TaskResult, ErrorObject> {
        let class = request.privacy;
        let shown = TaskRequest {
            privacy: PrivacyClass::Local,
            ..without_heldout(request)?
        };
        let limits = request.limits.unwrap_or_default();
        if class == PrivacyClass::Sealed {
            // The coordinator cannot do it for a task that it does not read.
            baseline(&self.executor, &shown).await?;
        }
        let job = Job::Solve(shown);
        let order = Order {
            id,
            class,
            job,
            limits,
            tokens: request.budget,
            deadline_ms: request.deadline_ms,
            heldout: self.heldout(id, request),
        };
        let (sent, spec) = self.prepare(order).await?;
        self.open_sealed(id, class);
        let note = |text: String| Step::Note { text };
        // Nobody may be watching.
        steps.send(note(self.readers_of(class))).await.ok();
        let back = self.bring(&sent, spec, Some(&steps), cancel).await;
        let result = match back {
            Back::Done(news) => deliver::solution(self, &sent, request, &news, &steps).await,
            Back::Failed(error) => {
                let next = format!("{}: {}", error.message, error.next);
                Ok(unsolved(SolveOutcome::Iterations, &next))
            }
            Back::Refused(error) => Err(error),
            Back::Cancelled => Ok(unsolved(
                SolveOutcome::Cancelled,
                "Cancelled: nothing more runs.",
            )),
        };
        self.close_sealed(id);
        if result.is_ok() {
            self.received(id).await;
        }
        result
    }

    /// Who will be able to read a task of this class, said before it is sent.
    fn readers_of(&self, class: PrivacyClass) -> String {
        match class {
            PrivacyClass::Sealed => {
                "Readable by the workers and checkers that it is lent to, and nobody else.".into()
            }
            PrivacyClass::Mesh | PrivacyClass::Enterprise | PrivacyClass::Local => format!(
                "Readable by the council's members ({}), of whom one coordinates, the models' nodes that it chooses, \
                 and the workers and checkers that it is lent to.",
                self.council_named()
            ),
        }
    }

    /// The council's members, for people.
    fn council_named(&self) -> String {
        let view = self.council.view();
        let members = view.chain.deciders().map(|set| set.members().to_vec());
        let members = members.unwrap_or_default();
        let named: Vec<String> = members.iter().map(ToString::to_string).collect();
        named.join(", ")
    }

    async fn prepare(&self, order: Order) -> Result<(Sent, Signed<TaskSpec>), ErrorObject> {
        let Order { id, job, .. } = order;
        let key = self.task_key(id);
        let bytes = job.to_bytes().map_err(|error| {
            ErrorObject::new(
                ErrorKind::TooLarge,
                error.to_string(),
                "send fewer or smaller files",
            )
        })?;
        let sealed = self.seal(&key, label::JOB, &bytes)?;
        let sealed = self.contents.send(sealed).await?;
        let spec = TaskSpec {
            network: self.network,
            id,
            class: order.class,
            requirements: Requirements {
                languages: vec!["python".into()],
                profile: self.executor.sandbox().profile(),
                model: matches!(job, Job::Solve(_)),
            },
            content: sealed.reference(),
            heldout: order.heldout,
            tokens: order.tokens,
            fuel: order.limits.fuel,
            deadline_ms: order.deadline_ms,
        };
        let spec = Signed::new(spec, &self.key);
        Ok((
            Sent {
                id,
                key,
                job,
                sealed,
            },
            spec,
        ))
    }

    /// The salted hash of the cases that nobody else sees before a result is fixed. The salt is this node's: guessing
    /// the cases does not show that they are right.
    fn heldout(&self, id: TaskId, request: &TaskRequest) -> Option<Hash> {
        let Some(TestSet::Cases(text)) = &request.tests else {
            return None;
        };
        let mut hidden = cases::read(text).ok()?;
        hidden.retain(|case| case.heldout);
        let salt = self.derived("edgecoder/heldout-salt/1", &id.0);
        let whole = [
            b"edgecoder/heldout/1".as_slice(),
            &salt[..],
            cases::write(&hidden).as_bytes(),
        ]
        .concat();
        (!hidden.is_empty()).then(|| Hash::of(&whole))
    }
}

impl Elsewhere for Arc<Hub> {
    fn allows(&self, class: PrivacyClass) -> bool {
        self.config.allows(class)
    }

    fn solve<'a>(
        &'a self,
        id: TaskId,
        request: Arc<TaskRequest>,
        steps: mpsc::Sender<Step>,
        cancel: &'a CancellationToken,
    ) -> Work<'a, TaskResult> {
        Box::pin(async move { Hub::solve(self, id, &request, steps, cancel).await })
    }

    fn conflict(&self, id: TaskId) -> Option<Conflict> {
        self.conflict_of(id)
    }

    fn resolve(&self, id: TaskId, resolution: Resolution) -> Result<(), ErrorObject> {
        self.resolve_with(id, resolution.code)
    }

    fn execute(&self, request: ExecRequest) -> Work<'_, Result<ExecAnswer, ErrorObject>> {
        Box::pin(Hub::execute(self, request))
    }
}

/// The request without the cases that nobody but its user may see.
fn without_heldout(request: &TaskRequest) -> Result<TaskRequest, ErrorObject> {
    let Some(TestSet::Cases(text)) = &request.tests else {
        return Ok(request.clone());
    };
    let bad = |error: cases::CaseError| {
        ErrorObject::new(
            ErrorKind::BadRequest,
            error.to_string(),
            "correct the cases file",
        )
    };
    let mut shown = cases::read(text).map_err(bad)?;
    if !shown.iter().any(|case| case.heldout) {
        return Ok(request.clone());
    }
    let hash = Hash::of(text.as_bytes());
    shown.retain(|case| !case.heldout);
    let tests = (!shown.is_empty()).then(|| TestSet::Cases(cases::write(&shown)));
    let mut files = request.files.clone();
    // A folder that holds the cases file is given without it.
    files.0.retain(|_, content| Hash::of(&content.0) != hash);
    Ok(TaskRequest {
        tests,
        files,
        ..request.clone()
    })
}

/// Withdraws a task whose caller went away.
struct Withdraw {
    hub: Arc<Hub>,
    task: TaskId,
}

impl Withdraw {
    fn not_needed(self) {
        // The task has ended: nothing is left to withdraw.
        std::mem::forget(self);
    }
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        let (hub, task) = (self.hub.clone(), self.task);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Ends by itself within two acknowledgements.
            runtime.spawn(async move { hub.withdraw(task).await });
        }
    }
}
