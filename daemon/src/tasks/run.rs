//! Works on queued tasks: prepares the model, drives the agent, records its steps and its end.

use std::{sync::Arc, time::Duration};

use edgecoder_agent::{Config as AgentConfig, solve};
use edgecoder_inference::Provider;
use edgecoder_protocol::{
    TaskId, TaskState,
    operator::{ErrorObject, SolveOutcome, Step, TaskRequest, TaskResult},
    task::PrivacyClass,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    RUNNING_MAX, Tasks,
    failure::{broken, internal, unsolved},
    permit,
    queue::Queue,
    request,
};
use crate::wiring::{AgentJudge, AgentModel, inference_error};

/// Steps a task may run ahead of the store.
const STEPS_AHEAD: usize = 64;

/// Tasks that are elsewhere at a time: as many as a node may have open, since they cost it nothing but a watch.
const AWAY_MAX: usize = super::OPEN_MAX;

type Prepared = Result<(Arc<dyn Provider>, AgentConfig), ErrorObject>;

impl Tasks {
    /// Works on both queues until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let own = self.serve(&self.0.queue, RUNNING_MAX, &stop);
        let away = self.serve(&self.0.away, AWAY_MAX, &stop);
        tokio::join!(own, away);
    }

    async fn serve(&self, queue: &Queue, running_max: usize, stop: &CancellationToken) {
        let places = Arc::new(Semaphore::new(running_max));
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
                id = queue.next() => id,
            };
            // The semaphore is never closed.
            let Ok(place) = place else { break };
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
        let begun = self.0.book.lock().get_mut(&id).and_then(|live| {
            // Cancelled while it waited: it has ended.
            let is_open = !live.task.view.state.is_final();
            live.is_running = is_open;
            is_open.then(|| (live.request.clone(), live.cancel.clone()))
        });
        let Some((request, cancel)) = begun else {
            return;
        };
        tracing::info!("task begins");
        let result = match request.privacy {
            PrivacyClass::Local => self.at_home(id, &request, &cancel).await,
            PrivacyClass::Mesh | PrivacyClass::Sealed | PrivacyClass::Enterprise => {
                self.elsewhere(id, &request, &cancel).await
            }
        };
        self.end(id, result).await;
    }

    /// Has other nodes work on a task, and records what they tell of it.
    async fn elsewhere(
        &self,
        id: TaskId,
        request: &Arc<TaskRequest>,
        cancel: &CancellationToken,
    ) -> TaskResult {
        // The settings may have changed since it was accepted.
        if let Err(error) = permit(self.0.elsewhere.as_deref(), request.privacy) {
            return broken(error);
        }
        let Some(network) = &self.0.elsewhere else {
            return broken(internal(&"this node is in no network"));
        };
        let (steps, mut shown) = mpsc::channel(STEPS_AHEAD);
        let solving = network.solve(id, request.clone(), steps, cancel);
        let showing = async {
            while let Some(step) = shown.recv().await {
                self.0.book.advance(id, TaskState::Planned);
                self.0.book.advance(id, TaskState::Queued);
                // Other steps go on beside what its user is asked.
                let state = match network.conflict(id) {
                    Some(_) => TaskState::Asking,
                    None => TaskState::Leased,
                };
                self.record(id, step, state);
            }
        };
        let (result, ()) = tokio::join!(solving, showing);
        result
    }

    async fn at_home(
        &self,
        id: TaskId,
        request: &Arc<TaskRequest>,
        cancel: &CancellationToken,
    ) -> TaskResult {
        let deadline = Duration::from_millis(request.deadline_ms);
        // A model may be slow to load, or its file's disk may hang.
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(unsolved(SolveOutcome::Cancelled, "Cancelled: nothing more runs.")),
            prepared = tokio::time::timeout(deadline, self.prepare(request)) => match prepared {
                Ok(prepared) => prepared.map_err(broken),
                Err(_) => Err(unsolved(
                    SolveOutcome::Deadline,
                    "The model was not ready in time: give more time with --deadline, or use a smaller model.",
                )),
            },
        };
        match prepared {
            Err(result) => result,
            Ok((provider, config)) => {
                let model = AgentModel(provider);
                let judge = AgentJudge::new(self.0.executor.clone(), request.clone());
                self.drive(id, request, config, (&model, &judge), cancel)
                    .await
            }
        }
    }

    async fn prepare(&self, request: &TaskRequest) -> Prepared {
        let provider = self.0.models.active().await?;
        let card = provider.card().await;
        let card = card.map_err(|error| inference_error(&error))?;
        let config = request::agent_config(request, &card);
        Ok((provider, config))
    }

    /// Runs the agent and records its steps as they come.
    async fn drive(
        &self,
        id: TaskId,
        request: &TaskRequest,
        config: AgentConfig,
        (model, judge): (&AgentModel, &AgentJudge),
        cancel: &CancellationToken,
    ) -> TaskResult {
        let (steps, mut shown) = mpsc::channel(STEPS_AHEAD);
        let deadline = Duration::from_millis(request.deadline_ms);
        let solving = async {
            let ports = (model, judge);
            let solution = solve(config, &request.prompt, deadline, ports, &steps, cancel).await;
            drop(steps);
            solution
        };
        let showing = async {
            while let Some(step) = shown.recv().await {
                let state = match &step {
                    Step::Plan { .. } => TaskState::Planned,
                    Step::Attempt { .. } => {
                        self.0.book.advance(id, TaskState::Queued);
                        TaskState::Leased
                    }
                    Step::Test { .. }
                    | Step::Repair { .. }
                    | Step::Conflict { .. }
                    | Step::Note { .. }
                    | Step::Done(_) => self.0.book.state(id),
                };
                self.record(id, step, state);
            }
        };
        let (solution, ()) = tokio::join!(solving, showing);
        let bundle = match (&solution.code, &solution.judged) {
            (Some(code), Some((tests, receipt))) => judge.bundle(code, tests, receipt),
            _ => None,
        };
        let receipt = solution.judged.map(|(_, receipt)| receipt);
        TaskResult {
            evidence: receipt.as_ref().map(|receipt| receipt.body.evidence),
            code: solution.code,
            receipt,
            bundle,
            attempts: solution.attempts,
            tokens: solution.tokens,
            fuel: solution.fuel,
            fault: solution.fault,
            ..unsolved(solution.outcome, &solution.next)
        }
    }

    /// Records how a task ended, and lets go of it once that is durable.
    pub(super) async fn end(&self, id: TaskId, result: TaskResult) {
        let book = &self.0.book;
        let state = match result.outcome {
            SolveOutcome::Solved | SolveOutcome::Untested => {
                book.advance(id, TaskState::Executed);
                book.advance(id, TaskState::Checked);
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
        tracing::info!(task = %id, outcome = ?result.outcome, attempts = result.attempts, "task ends");
        let is_stored = self.record(id, Step::Done(Box::new(result)), state);
        match self.sync().await {
            Ok(()) if is_stored => book.forget(id),
            Ok(()) => book.keep(),
            Err(error) => {
                tracing::error!(task = %id, error = %error.message, "a task's end is not yet durable");
                book.keep();
            }
        }
    }
}
