//! The node's tasks: accepted durably, run in order, watched by cursor, resumed after a crash.
//!
//! A task is acknowledged only when it is on disk. One that was open when the daemon died begins again: its
//! executions are pure and its receipts are made at the end, so nothing is done twice that counts.

mod failure;
mod live;
mod queue;
mod request;
mod run;

use std::{pin::Pin, sync::Arc};

use edgecoder_node_store::{Store, StoreError, TreeName};
use edgecoder_protocol::{
    TaskId, TaskState,
    operator::{
        Conflict, ErrorKind, ErrorObject, Event, ExecAnswer, ExecRequest, Resolution, SolveOutcome,
        Step, TaskRequest, TaskResult, TaskView,
    },
    task::{Payment, PrivacyClass},
};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use failure::internal;
pub use failure::{broken, unsolved};
use live::{Book, StoredTask};
use queue::Queue;
#[cfg(feature = "worker")]
pub use request::agent_config;

use crate::{executor::Executor, node::Clock, wiring::Models};

/// Tasks accepted and not yet ended. Beyond this a submitter is told to come back later.
const OPEN_MAX: usize = 256;
/// Tasks worked on at a time: the model's batch is shared, and two keep it busy while one judges.
const RUNNING_MAX: usize = 2;
/// Ended tasks that are kept; at a start, older ones are removed.
const ENDED_MAX: usize = 1_000;
/// Tasks listed at once.
pub const LIST_MAX: usize = ENDED_MAX + OPEN_MAX;

/// The task service. Cheap to clone.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    book: Book,
    executor: Executor,
    models: Arc<dyn Models>,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    clock: Clock,
    queue: Queue,
    /// Tasks for the network: they wait for others' machines, and not for this one.
    away: Queue,
    accepting: Mutex<()>,
}

/// A future of [`Elsewhere`].
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Other nodes, as far as this one may give them work. Absent in local mode.
pub trait Elsewhere: Send + Sync {
    /// Whether a task of this class may leave the node: mode and ceiling, decided in one place.
    fn allows(&self, class: PrivacyClass) -> bool;

    /// Has a task solved. Asked again under the same id, after a restart, it is the same task.
    fn solve<'a>(
        &'a self,
        id: TaskId,
        request: Arc<TaskRequest>,
        steps: mpsc::Sender<Step>,
        cancel: &'a CancellationToken,
    ) -> Work<'a, TaskResult>;

    /// What the user of this task is asked to put together, if anything.
    fn conflict(&self, id: TaskId) -> Option<Conflict>;

    /// The user's answer to that.
    ///
    /// # Errors
    /// [`ErrorObject`] when nothing is asked.
    fn resolve(&self, id: TaskId, resolution: Resolution) -> Result<(), ErrorObject>;

    /// Has code run.
    fn execute(&self, request: ExecRequest) -> Work<'_, Result<ExecAnswer, ErrorObject>>;
}

impl Tasks {
    /// The service and its runner, which works until `stop` is cancelled and then leaves open tasks for the
    /// next start.
    ///
    /// # Errors
    /// [`StoreError`] when the tasks left from last time cannot be read.
    pub fn start(
        store: Store,
        executor: Executor,
        models: Arc<dyn Models>,
        elsewhere: Option<Arc<dyn Elsewhere>>,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let tasks = Self(Arc::new(Inner {
            book: Book::new(store),
            executor,
            models,
            elsewhere,
            clock,
            queue: Queue::default(),
            away: Queue::default(),
            accepting: Mutex::default(),
        }));
        tasks.resume()?;
        let runner = tokio::spawn(tasks.clone().run(stop));
        Ok((tasks, runner))
    }

    /// Queues again what was open when the node last stopped, oldest first, and removes what ended long ago.
    fn resume(&self) -> Result<(), StoreError> {
        let book = &self.0.book;
        let mut stored: Vec<StoredTask> = book.store.list(TreeName::Tasks, b"", usize::MAX)?;
        stored.sort_by_key(|task| (task.view.submitted, task.view.id));
        let (ended, open): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .partition(|task| task.view.state.is_final());
        for task in &ended {
            // Left over where the daemon ended between a task's end and its tidying up.
            book.store.remove(TreeName::Requests, &task.view.id.0)?;
        }
        let old = ended.len().saturating_sub(ENDED_MAX);
        for task in &ended[..old] {
            book.store.remove(TreeName::Tasks, &task.view.id.0)?;
            book.store.remove_below(TreeName::Events, &task.view.id.0)?;
        }
        for task in open {
            let (id, is_withdrawn) = (task.view.id, task.is_withdrawn);
            let is_new = task.view.state == TaskState::Submitted;
            if let Err(error) = book.resume(task.clone()) {
                // One damaged record must not keep the others from their users.
                tracing::error!(task = %id, %error, "an open task cannot be read");
                book.bury(task, broken(internal(&error)));
                continue;
            }
            if is_withdrawn {
                let result = unsolved(SolveOutcome::Cancelled, CANCELLED);
                if self.record(id, Step::Done(Box::new(result)), TaskState::Cancelled) {
                    book.forget(id);
                }
                continue;
            }
            if !is_new {
                let text = "The daemon was restarted; the task begins again.".to_owned();
                self.record(id, Step::Note { text }, TaskState::Queued);
            }
            self.enqueue(id);
        }
        Ok(())
    }

    /// Puts a task where it waits: for this node's turn, or for the network.
    fn enqueue(&self, id: TaskId) {
        let live = self.0.book.lock();
        let class = live.get(&id).map(|one| one.request.privacy);
        drop(live);
        match class {
            Some(PrivacyClass::Local) | None => self.0.queue.push(id),
            Some(PrivacyClass::Mesh | PrivacyClass::Sealed | PrivacyClass::Enterprise) => {
                self.0.away.push(id);
            }
        }
    }

    fn record(&self, id: TaskId, step: Step, state: TaskState) -> bool {
        self.0.book.record(id, step, state, (self.0.clock)())
    }

    async fn sync(&self) -> Result<(), ErrorObject> {
        let store = self.0.book.store.clone();
        let synced = tokio::task::spawn_blocking(move || store.sync()).await;
        synced
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))
    }

    /// Accepts a task under `id`, chosen at random by the caller; durable when this returns.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request is malformed or the node is full.
    pub async fn submit(&self, id: TaskId, request: TaskRequest) -> Result<TaskView, ErrorObject> {
        request::check(&request)?;
        permit(self.0.elsewhere.as_deref(), request.privacy)?;
        // On a task of its own: a submitter that goes away leaves a whole task or none.
        let accepting = tokio::spawn(self.clone().accept(id, request));
        accepting.await.map_err(|error| internal(&error))?
    }

    async fn accept(self, id: TaskId, request: TaskRequest) -> Result<TaskView, ErrorObject> {
        // One at a time, so that no more get in than may be open.
        let _accepting = self.0.accepting.lock().await;
        if self.open() >= OPEN_MAX as u64 {
            return Err(ErrorObject::new(
                ErrorKind::Busy,
                format!("{OPEN_MAX} tasks are open already"),
                "wait for one to end, or cancel one with `edgecoder task cancel`",
            ));
        }
        let now = (self.0.clock)();
        let view = TaskView {
            schema: "edgecoder/task/1".into(),
            id,
            state: TaskState::Submitted,
            payment: Payment::None,
            prompt: request.prompt.chars().take(200).collect(),
            submitted: now,
            changed: now,
            result: None,
        };
        let task = StoredTask {
            view: view.clone(),
            is_withdrawn: false,
        };
        let store = self.0.book.store.clone();
        let (stored, request) = tokio::task::spawn_blocking(move || {
            let put = store
                .put(TreeName::Requests, &id.0, &request)
                .and_then(|()| store.put(TreeName::Tasks, &id.0, &task))
                .and_then(|()| store.sync());
            if put.is_err() {
                // Refused, so nothing of it may appear; what cannot be removed either was never synced.
                store.remove(TreeName::Tasks, &id.0).ok();
                store.remove(TreeName::Requests, &id.0).ok();
            }
            (put.map(|()| task), request)
        })
        .await
        .map_err(|error| internal(&error))?;
        self.0
            .book
            .begin(stored.map_err(|error| internal(&error))?, request);
        self.enqueue(id);
        Ok(view)
    }

    /// Withdraws a task; durable when this returns. One that waits has then ended, one that runs ends soon.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this id, or it has ended.
    pub async fn cancel(&self, id: TaskId) -> Result<TaskView, ErrorObject> {
        // On a task of its own: a user who goes away has withdrawn it or has not.
        let withdrawing = tokio::spawn(self.clone().withdraw(id));
        withdrawing.await.map_err(|error| internal(&error))?
    }

    async fn withdraw(self, id: TaskId) -> Result<TaskView, ErrorObject> {
        let view = self.show(id)?;
        let is_running = {
            let mut live = self.0.book.lock();
            let Some(one) = live
                .get_mut(&id)
                .filter(|one| !one.task.view.state.is_final())
            else {
                let message = format!("the task has already ended as {:?}", view.state);
                let next = "nothing is left to cancel";
                return Err(ErrorObject::new(ErrorKind::Conflict, message, next));
            };
            let withdrawn = StoredTask {
                is_withdrawn: true,
                ..one.task.clone()
            };
            let stored = self.0.book.store.put(TreeName::Tasks, &id.0, &withdrawn);
            stored.map_err(|error| internal(&error))?;
            one.task = withdrawn;
            one.cancel.cancel();
            one.is_running
        };
        self.0.queue.remove(id);
        self.0.away.remove(id);
        if is_running {
            self.sync().await?;
        } else {
            self.end(id, unsolved(SolveOutcome::Cancelled, CANCELLED))
                .await;
        }
        self.show(id)
    }

    /// One task with its whole result.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this id.
    pub fn show(&self, id: TaskId) -> Result<TaskView, ErrorObject> {
        let (mut view, events) = self.find(id)?;
        let whole = events.into_iter().rev().find_map(|event| match event.step {
            Step::Done(result) => Some(*result),
            _ => None,
        });
        if view.result.is_some() && whole.is_some() {
            view.result = whole;
        }
        Ok(view)
    }

    fn find(&self, id: TaskId) -> Result<(TaskView, Vec<Event>), ErrorObject> {
        let store = &self.0.book.store;
        if let Some(live) = self.0.book.lock().get(&id) {
            return Ok((live.task.view.clone(), live.events.clone()));
        }
        let stored: Option<StoredTask> = store
            .get(TreeName::Tasks, &id.0)
            .map_err(|error| internal(&error))?;
        let task = stored.ok_or_else(|| {
            let message = format!("there is no task {id}");
            let next = "`edgecoder task list` shows all";
            ErrorObject::new(ErrorKind::NotFound, message, next)
        })?;
        let events = store
            .list(TreeName::Events, &id.0, usize::MAX)
            .map_err(|error| internal(&error))?;
        Ok((task.view, events))
    }

    /// What the user of a task is asked to put together.
    ///
    /// # Errors
    /// [`ErrorObject`] when nothing is asked.
    pub fn conflict(&self, id: TaskId) -> Result<Conflict, ErrorObject> {
        self.show(id)?;
        let network = self.0.elsewhere.as_ref();
        let conflict = network.and_then(|network| network.conflict(id));
        conflict.ok_or_else(|| {
            let message = "nothing is asked about this task";
            let next = "`edgecoder task show` tells how it stands";
            ErrorObject::new(ErrorKind::NotFound, message, next)
        })
    }

    /// Answers what its user is asked.
    ///
    /// # Errors
    /// [`ErrorObject`] when nothing is asked.
    pub fn resolve(&self, id: TaskId, resolution: Resolution) -> Result<TaskView, ErrorObject> {
        self.conflict(id)?;
        if let Some(network) = &self.0.elsewhere {
            network.resolve(id, resolution)?;
        }
        self.show(id)
    }

    /// All tasks, newest first, their results without code, receipt and bundle.
    ///
    /// # Errors
    /// [`ErrorObject`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<TaskView>, ErrorObject> {
        let stored: Vec<StoredTask> = self
            .0
            .book
            .store
            .list(TreeName::Tasks, b"", usize::MAX)
            .map_err(|error| internal(&error))?;
        let live = self.0.book.lock();
        let mut views: Vec<TaskView> = stored
            .into_iter()
            .map(|task| {
                live.get(&task.view.id)
                    .map_or(task.view, |live| live.task.view.clone())
            })
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.submitted, view.id)));
        views.truncate(LIST_MAX);
        Ok(views)
    }

    /// Tasks not yet ended.
    pub fn open(&self) -> u64 {
        let live = self.0.book.lock();
        let open = live
            .values()
            .filter(|live| !live.task.view.state.is_final());
        open.count() as u64
    }

    /// Events after `cursor`, and how to wait for more; `None` in its place when the task has ended.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this id.
    pub fn events(
        &self,
        id: TaskId,
        cursor: u64,
    ) -> Result<(Vec<Event>, Option<watch::Receiver<u64>>), ErrorObject> {
        let is_later = |event: &&Event| event.cursor > cursor;
        if let Some(live) = self.0.book.lock().get(&id) {
            let more = (!live.task.view.state.is_final()).then(|| live.cursor.subscribe());
            let later = live.events.iter().filter(is_later).cloned().collect();
            return Ok((later, more));
        }
        let (_, events) = self.find(id)?;
        Ok((events.iter().filter(is_later).cloned().collect(), None))
    }
}

/// Whether something of this class may be worked on: at home always, elsewhere when the node's mode and ceiling allow.
///
/// # Errors
/// [`ErrorObject`] naming the setting that forbids it.
pub fn permit(elsewhere: Option<&dyn Elsewhere>, class: PrivacyClass) -> Result<(), ErrorObject> {
    let refuse =
        |message: &str, next: &str| Err(ErrorObject::new(ErrorKind::Policy, message, next));
    match (class, elsewhere) {
        (PrivacyClass::Local, _) => Ok(()),
        (_, None) => refuse(
            "this node is in local mode and sends nothing away",
            "submit with the privacy class `local`, or join a network: `edgecoder network join LINE`",
        ),
        (_, Some(network)) if network.allows(class) => Ok(()),
        (_, Some(_)) => refuse(
            "this node's settings do not let a task of this privacy class leave it",
            "raise `privacy`, or set `mode` to one that has this class, or use a stricter class",
        ),
    }
}

/// What a user is told of a task they withdrew.
const CANCELLED: &str = "Cancelled: nothing more runs.";
