//! Open tasks in memory: their state, their events, and who is woken by them.
//!
//! Only one writer moves a task along at a time: whoever runs it, or, before that, whoever cancels it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edgecoder_node_store::{Store, StoreError, TreeName};
use edgecoder_protocol::{
    Millis, TaskId, TaskState,
    operator::{Event, Files, Step, TaskRequest, TaskResult, TaskView},
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Ended tasks that could not be stored and stay in memory, so that their user still gets them.
const UNSTORED_MAX: usize = 16;
/// How far cursors jump when a task begins again: further than any run's events, of which the last may have been
/// seen by a client and lost with the daemon.
const RESTART_GAP: u64 = 1_000_000;

/// A task as the store lists it: small whatever its files are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredTask {
    /// Without code, receipt and bundle, which the last event has.
    pub view: TaskView,
    /// Its user has withdrawn it; nothing of it may run again.
    #[serde(default)]
    pub is_withdrawn: bool,
}

/// A task that is open, or has ended and could not be stored.
pub struct Live {
    pub task: StoredTask,
    pub request: Arc<TaskRequest>,
    pub events: Vec<Event>,
    /// The last event's cursor: who watches is woken by it.
    pub cursor: watch::Sender<u64>,
    /// The next event's.
    next: u64,
    pub cancel: CancellationToken,
    pub is_running: bool,
}

impl Live {
    fn new(task: StoredTask, request: TaskRequest, events: Vec<Event>, gap: u64) -> Self {
        let last = events.last().map_or(0, |event| event.cursor);
        Self {
            task,
            request: Arc::new(request),
            events,
            cursor: watch::Sender::new(last),
            next: last + gap + 1,
            cancel: CancellationToken::new(),
            is_running: false,
        }
    }
}

/// The open tasks over their store. Cheap to clone.
#[derive(Clone)]
pub struct Book {
    pub store: Store,
    live: Arc<Mutex<BTreeMap<TaskId, Live>>>,
}

impl Book {
    pub fn new(store: Store) -> Self {
        let live = Arc::default();
        Self { store, live }
    }

    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Live>> {
        // A panic while the lock was held left whole values: each change is one assignment.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task that was just accepted.
    pub fn begin(&self, task: StoredTask, request: TaskRequest) {
        let id = task.view.id;
        self.lock()
            .insert(id, Live::new(task, request, Vec::new(), 0));
    }

    /// A task that was open when the daemon last stopped.
    ///
    /// # Errors
    /// [`StoreError`] when its request or events cannot be read.
    pub fn resume(&self, task: StoredTask) -> Result<(), StoreError> {
        let id = task.view.id;
        let request: Option<TaskRequest> = self.store.get(TreeName::Requests, &id.0)?;
        let request = request.ok_or(StoreError::Missing)?;
        let events: Vec<Event> = self.store.list(TreeName::Events, &id.0, usize::MAX)?;
        let live = Live::new(task, request, events, RESTART_GAP);
        self.lock().insert(id, live);
        Ok(())
    }

    /// Appends an event and moves the task to `state` where that is legal; nothing follows a task's end. False when
    /// the event is in memory only.
    pub fn record(&self, id: TaskId, step: Step, state: TaskState, at: Millis) -> bool {
        let mut live = self.lock();
        let one = live.get_mut(&id);
        let Some(one) = one.filter(|one| !one.task.view.state.is_final()) else {
            return true;
        };
        let view = &mut one.task.view;
        // A task that begins again after a restart is planned again, and stays queued.
        let moved = view.state.may_become(state);
        if moved {
            view.state = state;
        }
        view.changed = at;
        if let Step::Done(result) = &step {
            view.result = Some(outline(result));
        }
        let cursor = one.next;
        one.next += 1;
        let event = event(view, cursor, step);
        let stored = self.put_event(&event);
        let stored = match moved {
            true => stored.and_then(|()| self.store.put(TreeName::Tasks, &id.0, &one.task)),
            false => stored,
        };
        if let Err(error) = &stored {
            // The task goes on in memory, and its end is kept there when it cannot be stored.
            tracing::warn!(task = %id, %error, "event not stored");
        }
        one.events.push(event);
        one.cursor.send_replace(cursor);
        stored.is_ok()
    }

    fn put_event(&self, event: &Event) -> Result<(), StoreError> {
        let mut key = event.task.0.to_vec();
        key.extend_from_slice(&event.cursor.to_be_bytes());
        self.store.put(TreeName::Events, &key, event)
    }

    /// Ends a task whose record cannot be read, so that its user sees that it will not be worked on.
    pub fn bury(&self, mut task: StoredTask, result: TaskResult) {
        let id = task.view.id;
        task.view.state = TaskState::Failed;
        task.view.result = Some(outline(&result));
        // Behind whatever events there are, which may be what cannot be read.
        let end = event(&task.view, u64::MAX >> 1, Step::Done(Box::new(result)));
        let stored = self.put_event(&end);
        let stored = stored.and_then(|()| self.store.put(TreeName::Tasks, &id.0, &task));
        if let Err(error) = stored {
            tracing::error!(task = %id, %error, "a damaged task cannot be ended");
        }
    }

    /// Moves a task along without an event.
    pub fn advance(&self, id: TaskId, state: TaskState) {
        if let Some(live) = self.lock().get_mut(&id)
            && live.task.view.state.may_become(state)
        {
            live.task.view.state = state;
        }
    }

    /// The state of an open task.
    pub fn state(&self, id: TaskId) -> TaskState {
        self.lock()
            .get(&id)
            .map_or(TaskState::Failed, |live| live.task.view.state)
    }

    /// Lets go of a task that has ended and is stored. Its watchers read the rest from the store.
    pub fn forget(&self, id: TaskId) {
        if let Err(error) = self.store.remove(TreeName::Requests, &id.0) {
            // Space is all that is lost.
            tracing::warn!(task = %id, %error, "request not removed");
        }
        self.lock().remove(&id);
    }

    /// Keeps a task that has ended and could not be stored, in place of the oldest such.
    pub fn keep(&self) {
        let mut live = self.lock();
        let mut ended: Vec<(Millis, TaskId)> = live
            .values()
            .filter(|one| one.task.view.state.is_final())
            .map(|one| (one.task.view.changed, one.task.view.id))
            .collect();
        ended.sort_unstable();
        for (_, id) in ended.iter().rev().skip(UNSTORED_MAX) {
            live.remove(id);
        }
    }
}

fn event(view: &TaskView, cursor: u64, step: Step) -> Event {
    Event {
        schema: "edgecoder/event/1".into(),
        task: view.id,
        cursor,
        at: view.changed,
        state: view.state,
        step,
    }
}

/// A result without what can be large.
fn outline(result: &TaskResult) -> TaskResult {
    TaskResult {
        code: None,
        files: Files::default(),
        receipt: None,
        bundle: None,
        ..result.clone()
    }
}
