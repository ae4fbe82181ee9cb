//! This node's own tasks in the network: sealed, sent to the coordinator, watched, and their results taken in.

use std::{sync::Arc, time::Duration};

use edgecoder_protocol::{
    Hash, PeerId, Signed, TaskId, TaskState, Tokens, cases,
    execution::Limits,
    operator::{
        ErrorKind, ErrorObject, ExecAnswer, ExecRequest, SolveOutcome, Step, TaskRequest,
        TaskResult, TestSet,
    },
    record::{LIFE_MAX_MS, PeerRecord},
    sealing::{Purpose, TaskKey},
    task::PrivacyClass,
    wire::{DONE_AFTER_MAX, News, Request, Response, Sealed, Submission},
    work::{Job, Requirements, TaskSpec, label},
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{Hub, deliver, hub::internal, perform::baseline};
use crate::tasks::{Elsewhere, Work, broken, unsolved};

/// How long the coordinator may take to acknowledge: it writes to its disk, and may have to be dialled.
pub(super) const ACKNOWLEDGE: Duration = Duration::from_secs(15);
/// How long news is waited for at a time.
const NEWS: Duration = Duration::from_millis(DONE_AFTER_MAX as u64 / 2);
/// How long a coordinator that does not answer is asked again; it may be restarting.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);
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

/// How a task came back.
pub enum Back {
    /// With checked results.
    Done(Box<News>),
    /// Nobody worked on it.
    Refused(ErrorObject),
    /// Worked on in vain.
    Failed(ErrorObject),
    /// The user withdrew it.
    Cancelled,
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
        let coordinator = self.coordinator;
        match class {
            PrivacyClass::Sealed => {
                "Readable by the workers and checkers that it is lent to, and nobody else.".into()
            }
            PrivacyClass::Mesh | PrivacyClass::Enterprise | PrivacyClass::Local => format!(
                "Readable by the coordinator {coordinator}, the models' nodes it chooses, and the workers and \
                 checkers that it is lent to."
            ),
        }
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

    /// Submits, watches, and comes back with how it ended.
    async fn bring(
        self: &Arc<Self>,
        sent: &Sent,
        spec: Signed<TaskSpec>,
        steps: Option<&mpsc::Sender<Step>>,
        cancel: &CancellationToken,
    ) -> Back {
        let watching = async {
            if let Err(error) = self.submit_one(sent, spec).await {
                return Back::Refused(error);
            }
            self.watch(sent, steps).await
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                self.withdraw(sent.id).await;
                Back::Cancelled
            }
            back = watching => back,
        }
    }

    async fn submit_one(
        self: &Arc<Self>,
        sent: &Sent,
        spec: Signed<TaskSpec>,
    ) -> Result<(), ErrorObject> {
        let is_sealed = spec
            .open()
            .is_ok_and(|(spec, _)| spec.class == PrivacyClass::Sealed);
        let key = match is_sealed {
            true => None,
            false => Some(self.wrap_for_coordinator(sent).await?),
        };
        let submission = Submission {
            spec,
            job: sent.sealed.clone(),
            key,
        };
        let request = Request::Submit(Box::new(submission));
        match self.persist(request, ACKNOWLEDGE).await? {
            Response::Done { .. } => Ok(()),
            Response::Refused(error) => Err(error),
            _ => Err(something_else()),
        }
    }

    /// Asks the coordinator until it answers, or has not for too long.
    pub(super) async fn persist(
        self: &Arc<Self>,
        request: Request,
        within: Duration,
    ) -> Result<Response, ErrorObject> {
        let begin = self.now();
        loop {
            match self.ask(self.coordinator, request.clone(), within).await {
                Ok(response) => return Ok(response),
                Err(reason) if self.now().since(begin) > PATIENCE => {
                    let message = format!(
                        "the coordinator {} does not answer: {reason}",
                        self.coordinator
                    );
                    let next =
                        "`edgecoder node` shows how it stands; the task can be submitted again";
                    return Err(ErrorObject::new(ErrorKind::Busy, message, next));
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// The coordinator's key comes from its own signed record.
    async fn wrap_for_coordinator(
        self: &Arc<Self>,
        sent: &Sent,
    ) -> Result<edgecoder_protocol::sealing::WrappedKey, ErrorObject> {
        let record = match self.record_of(self.coordinator) {
            Some(record) => record,
            None => {
                if let Response::Peers(records) = self.persist(Request::Peers, ACKNOWLEDGE).await? {
                    records.into_iter().for_each(|record| self.hear(record));
                }
                let unknown = || {
                    let message = "the coordinator has not said which key to seal for";
                    ErrorObject::new(ErrorKind::Busy, message, "try again in some seconds")
                };
                self.record_of(self.coordinator).ok_or_else(unknown)?
            }
        };
        let purpose = Purpose {
            task: sent.id,
            subtask: 0,
            attempt: 0,
            reader: self.coordinator,
            term: 0,
        };
        let mut random = [0; 32];
        self.random(&mut random);
        sent.key
            .wrap(&record.seal, &purpose, &mut random)
            .map_err(|error| internal(&error))
    }

    fn record_of(&self, peer: PeerId) -> Option<PeerRecord> {
        let records = super::hub::lock(&self.records);
        // An older one's key is as good: it is derived from the node's.
        let heard = records.get(&peer)?;
        debug_assert!(heard.record.life_ms <= LIFE_MAX_MS);
        Some(heard.record.clone())
    }

    async fn watch(self: &Arc<Self>, sent: &Sent, steps: Option<&mpsc::Sender<Step>>) -> Back {
        let task = sent.id;
        let mut after = 0;
        loop {
            let wait_ms = u32::try_from(NEWS.as_millis()).unwrap_or(DONE_AFTER_MAX);
            let request = Request::Watch {
                task,
                after,
                wait_ms,
            };
            let news = match self.persist(request, NEWS + ACKNOWLEDGE).await {
                Ok(Response::Task(news)) => news,
                Ok(Response::Refused(error)) | Err(error) => return Back::Refused(error),
                Ok(_) => return Back::Refused(something_else()),
            };
            after = news.cursor;
            let mut notes = news.notes.clone();
            if let Some(dispute) = &news.dispute {
                match self.judge(sent, dispute).await {
                    Ok(judged) => notes.extend(judged),
                    Err(error) => return Back::Refused(error),
                }
            }
            if let Some(steps) = steps {
                for text in notes {
                    steps.send(Step::Note { text }).await.ok();
                }
            }
            match (news.state, news.fault.clone()) {
                (TaskState::Failed, Some(fault)) => return Back::Failed(fault),
                (_, Some(fault)) => return Back::Refused(fault),
                (_, None) => {}
            }
            if !news.results.is_empty() {
                return Back::Done(news);
            }
            if news.state.is_final() {
                return Back::Cancelled;
            }
        }
    }

    async fn received(self: &Arc<Self>, task: TaskId) {
        // The coordinator forgets it by itself after a day.
        self.ask(self.coordinator, Request::Received { task }, ACKNOWLEDGE)
            .await
            .ok();
    }

    async fn withdraw(self: &Arc<Self>, task: TaskId) {
        // What is not heard ends with the task's deadline.
        self.ask(self.coordinator, Request::Cancel { task }, ACKNOWLEDGE)
            .await
            .ok();
        self.received(task).await;
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

    fn execute(&self, request: ExecRequest) -> Work<'_, Result<ExecAnswer, ErrorObject>> {
        Box::pin(Hub::execute(self, request))
    }
}

/// An answer to another question.
fn something_else() -> ErrorObject {
    internal(&"the coordinator answered something else: it may be of another version")
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
