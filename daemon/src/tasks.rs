//! The node's tasks: accepted durably, run in order, watched by cursor, resumed after a crash.
//!
//! A task is acknowledged only when it is on disk. One that was open when the daemon died begins again: its
//! executions are pure and its receipts are made at the end, so nothing is done twice that counts.

mod failure;
mod request;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use edgecoder_agent::{Config as AgentConfig, solve};
use edgecoder_node_store::{Store, StoreError, TreeName};
use edgecoder_protocol::{
    Millis, TaskId, TaskState,
    operator::{
        ErrorKind, ErrorObject, Event, SolveOutcome, Step, TaskRequest, TaskResult, TaskView,
    },
    task::Payment,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use failure::{broken, internal};

use crate::{
    executor::Executor,
    node::Clock,
    wiring::{AgentJudge, AgentModel, Models},
};

/// Tasks accepted and not yet ended. Beyond this a submitter is told to come back later.
const OPEN_MAX: usize = 256;
/// Tasks worked on at a time: the model's batch is shared, and two keep it busy while one judges.
const RUNNING_MAX: usize = 2;
/// Steps a task may run ahead of the store.
const STEPS_AHEAD: usize = 64;
/// Ended tasks whose events stay in memory for late watchers; older ones are read from the store.
const KEPT_MAX: usize = 64;
/// Tasks listed at once.
pub const LIST_MAX: usize = 1_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredTask {
    request: TaskRequest,
    view: TaskView,
}

struct Live {
    task: StoredTask,
    events: Vec<Event>,
    /// Number of events: who watches is woken by it.
    cursor: watch::Sender<u64>,
    cancel: CancellationToken,
}

/// The task service. Cheap to clone.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    store: Store,
    executor: Executor,
    models: Arc<dyn Models>,
    clock: Clock,
    live: Mutex<BTreeMap<TaskId, Live>>,
    queue: mpsc::Sender<TaskId>,
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
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let (queue, inbox) = mpsc::channel(OPEN_MAX);
        let live = Mutex::default();
        let tasks = Self(Arc::new(Inner {
            store,
            executor,
            models,
            clock,
            live,
            queue,
        }));
        tasks.resume()?;
        let runner = tokio::spawn(tasks.clone().run(inbox, stop));
        Ok((tasks, runner))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Live>> {
        // A panic while the lock was held left whole values: each change is one assignment.
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues again what was open when the node last stopped.
    fn resume(&self) -> Result<(), StoreError> {
        let stored: Vec<StoredTask> = self.0.store.list(TreeName::Tasks, b"", usize::MAX)?;
        let open = stored
            .into_iter()
            .filter(|task| !task.view.state.is_final())
            .take(OPEN_MAX);
        for task in open {
            let id = task.view.id;
            let events = self.0.store.list(TreeName::Events, &id.0, usize::MAX)?;
            let again = !events.is_empty();
            self.insert(task, events);
            if again {
                let text = "The daemon was restarted; the task begins again.".to_owned();
                self.record(id, Step::Note { text }, TaskState::Queued);
            }
            // The queue holds OPEN_MAX, and nothing else sends yet.
            self.0.queue.try_send(id).ok();
        }
        Ok(())
    }

    fn insert(&self, task: StoredTask, events: Vec<Event>) {
        let (cursor, _) = watch::channel(events.len() as u64);
        let cancel = CancellationToken::new();
        self.lock().insert(
            task.view.id,
            Live {
                task,
                events,
                cursor,
                cancel,
            },
        );
    }

    /// Accepts a task under `id`, chosen at random by the caller; durable when this returns.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request is malformed or the node is full.
    pub async fn submit(&self, id: TaskId, request: TaskRequest) -> Result<TaskView, ErrorObject> {
        request::check(&request)?;
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
            request,
            view: view.clone(),
        };
        let place = self.0.queue.try_reserve().map_err(|_| {
            ErrorObject::new(
                ErrorKind::Busy,
                format!("{OPEN_MAX} tasks are open already"),
                "wait for one to end, or cancel one with `edgecoder task cancel`",
            )
        })?;
        let store = self.0.store.clone();
        let stored = task.clone();
        let write = tokio::task::spawn_blocking(move || {
            store.put(TreeName::Tasks, &id.0, &stored)?;
            store.sync()
        });
        write
            .await
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))?;
        self.insert(task, Vec::new());
        place.send(id);
        Ok(view)
    }

    /// Withdraws a task.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this id, or it has ended.
    pub fn cancel(&self, id: TaskId) -> Result<TaskView, ErrorObject> {
        let view = self.show(id)?;
        if view.state.is_final() {
            let message = format!("the task has already ended as {:?}", view.state);
            return Err(ErrorObject::new(
                ErrorKind::Conflict,
                message,
                "nothing is left to cancel",
            ));
        }
        if let Some(live) = self.lock().get(&id) {
            live.cancel.cancel();
        }
        Ok(view)
    }

    /// One task.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this id.
    pub fn show(&self, id: TaskId) -> Result<TaskView, ErrorObject> {
        if let Some(live) = self.lock().get(&id) {
            return Ok(live.task.view.clone());
        }
        let stored = self.0.store.get::<StoredTask>(TreeName::Tasks, &id.0);
        stored
            .map_err(|error| internal(&error))?
            .map(|task| task.view)
            .ok_or_else(|| {
                let message = format!("there is no task {id}");
                ErrorObject::new(
                    ErrorKind::NotFound,
                    message,
                    "`edgecoder task list` shows all",
                )
            })
    }

    /// All tasks, newest first, without their results' code.
    ///
    /// # Errors
    /// [`ErrorObject`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<TaskView>, ErrorObject> {
        let stored: Vec<StoredTask> = self
            .0
            .store
            .list(TreeName::Tasks, b"", usize::MAX)
            .map_err(|error| internal(&error))?;
        let live = self.lock();
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
        self.lock()
            .values()
            .filter(|live| !live.task.view.state.is_final())
            .count() as u64
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
        let after = |events: &[Event]| {
            events
                .iter()
                .filter(|event| event.cursor > cursor)
                .cloned()
                .collect::<Vec<_>>()
        };
        if let Some(live) = self.lock().get(&id) {
            let more = (!live.task.view.state.is_final()).then(|| live.cursor.subscribe());
            return Ok((after(&live.events), more));
        }
        self.show(id)?;
        let events: Vec<Event> = self
            .0
            .store
            .list(TreeName::Events, &id.0, usize::MAX)
            .map_err(|error| internal(&error))?;
        Ok((after(&events), None))
    }

    /// Appends an event and moves the task to `state` where that is legal.
    fn record(&self, id: TaskId, step: Step, state: TaskState) {
        let at = (self.0.clock)();
        let mut live = self.lock();
        let Some(one) = live.get_mut(&id) else { return };
        let view = &mut one.task.view;
        // A task that begins again after a restart is planned again, and stays queued.
        let moved = view.state.may_become(state);
        if moved {
            view.state = state;
        }
        let state = view.state;
        view.changed = at;
        if let Step::Done(result) = &step {
            view.result = Some((**result).clone());
        }
        let cursor = one.events.len() as u64 + 1;
        let event = Event {
            schema: "edgecoder/event/1".into(),
            task: id,
            cursor,
            at,
            state,
            step,
        };
        let mut key = id.0.to_vec();
        key.extend_from_slice(&cursor.to_be_bytes());
        let stored = self.0.store.put(TreeName::Events, &key, &event);
        let stored = match moved {
            true => stored.and_then(|()| self.0.store.put(TreeName::Tasks, &id.0, &one.task)),
            false => stored,
        };
        if let Err(error) = stored {
            // The task goes on in memory; its end is synced, and an error then is shown.
            tracing::warn!(task = %id, %error, "event not stored");
        }
        one.events.push(event);
        one.cursor.send_replace(cursor);
    }

    /// Moves a task along without an event.
    fn advance(&self, id: TaskId, state: TaskState) {
        if let Some(live) = self.lock().get_mut(&id) {
            let from = live.task.view.state;
            if from.may_become(state) {
                live.task.view.state = state;
            }
        }
    }

    async fn run(self, mut inbox: mpsc::Receiver<TaskId>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(RUNNING_MAX));
        let mut running = JoinSet::new();
        loop {
            let place = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                place = places.clone().acquire_owned() => place,
            };
            let id = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                id = inbox.recv() => id,
            };
            let (Ok(place), Some(id)) = (place, id) else {
                break;
            };
            let (tasks, stop) = (self.clone(), stop.clone());
            let span = tracing::info_span!("task", %id);
            let work = async move {
                tokio::select! {
                    biased;
                    // Stopping is not cancelling: the task stays open and begins again at the next start.
                    () = stop.cancelled() => {}
                    () = tasks.solve(id) => {}
                }
                drop(place);
            };
            running.spawn(work.instrument(span));
            // Reaps what has ended, so that the set stays as small as what runs.
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    async fn solve(&self, id: TaskId) {
        let Some((request, cancel)) = self
            .lock()
            .get(&id)
            .map(|live| (live.task.request.clone(), live.cancel.clone()))
        else {
            return;
        };
        tracing::info!("task begins");
        let result = match self.0.models.active().await {
            Err(error) => broken(error),
            Ok(provider) => {
                let config = match provider.card().await {
                    Ok(card) => request::agent_config(&request, &card),
                    Err(error) => {
                        let error = crate::wiring::inference_error(&error);
                        return self.end(id, broken(error)).await;
                    }
                };
                let model = AgentModel(provider);
                let judge = AgentJudge::new(self.0.executor.clone(), request.clone());
                self.drive(id, &request, config, (&model, &judge), &cancel)
                    .await
            }
        };
        self.end(id, result).await;
    }

    /// Runs the agent and records its steps as they come.
    async fn drive(
        &self,
        id: TaskId,
        request: &TaskRequest,
        config: AgentConfig,
        ports: (&AgentModel, &AgentJudge),
        cancel: &CancellationToken,
    ) -> TaskResult {
        let (steps, mut shown) = mpsc::channel(STEPS_AHEAD);
        let deadline = Duration::from_millis(request.deadline_ms);
        let solving = async {
            let solution = solve(config, &request.prompt, deadline, ports, &steps, cancel).await;
            drop(steps);
            solution
        };
        let showing = async {
            while let Some(step) = shown.recv().await {
                let state = match &step {
                    Step::Plan { .. } => TaskState::Planned,
                    Step::Attempt { .. } => {
                        self.advance(id, TaskState::Queued);
                        TaskState::Leased
                    }
                    Step::Test { .. } | Step::Repair { .. } | Step::Note { .. } | Step::Done(_) => {
                        self.state(id)
                    }
                };
                self.record(id, step, state);
            }
        };
        let (solution, ()) = tokio::join!(solving, showing);
        let judged = solution.judged;
        TaskResult {
            schema: "edgecoder/solve/1".into(),
            outcome: solution.outcome,
            evidence: judged.as_ref().map(|answer| answer.evidence),
            code: solution.code,
            receipt: judged.as_ref().map(|answer| answer.receipt.clone()),
            bundle: judged.and_then(|answer| answer.bundle),
            attempts: solution.attempts,
            tokens: solution.tokens,
            fuel: solution.fuel,
            next: solution.next,
        }
    }

    fn state(&self, id: TaskId) -> TaskState {
        self.lock()
            .get(&id)
            .map_or(TaskState::Failed, |live| live.task.view.state)
    }

    async fn end(&self, id: TaskId, result: TaskResult) {
        let state = match result.outcome {
            SolveOutcome::Solved | SolveOutcome::Untested => {
                self.advance(id, TaskState::Executed);
                self.advance(id, TaskState::Checked);
                TaskState::Delivered
            }
            SolveOutcome::Cancelled => TaskState::Cancelled,
            SolveOutcome::Iterations
            | SolveOutcome::Budget
            | SolveOutcome::Deadline
            | SolveOutcome::Repeating
            | SolveOutcome::Declined
            | SolveOutcome::Inconclusive
            | SolveOutcome::Broken => TaskState::Failed,
        };
        tracing::info!(outcome = ?result.outcome, attempts = result.attempts, "task ends");
        self.record(id, Step::Done(Box::new(result)), state);
        let store = self.0.store.clone();
        match tokio::task::spawn_blocking(move || store.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a task's end is not yet durable"),
            Err(error) => tracing::error!(%error, "a task's end is not yet durable"),
        }
        self.forget_old();
    }

    /// Drops the oldest ended tasks from memory; the store has them.
    fn forget_old(&self) {
        let mut live = self.lock();
        let mut ended: Vec<(Millis, TaskId)> = live
            .values()
            .filter(|one| one.task.view.state.is_final())
            .map(|one| (one.task.view.changed, one.task.view.id))
            .collect();
        ended.sort_unstable();
        for (_, id) in ended.iter().take(ended.len().saturating_sub(KEPT_MAX)) {
            live.remove(id);
        }
    }
}
