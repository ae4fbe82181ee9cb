//! Works on queued tasks: prepares the model, drives the agent, records its steps and its end.

use std::{sync::Arc, time::Duration};

use edgecoder_agent::{Config as AgentConfig, solve};
use edgecoder_inference::Provider;
use edgecoder_protocol::{
    TaskId, TaskState,
    operator::{ErrorObject, SolveOutcome, Step, TaskRequest, TaskResult},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    RUNNING_MAX, Tasks,
    failure::{broken, unsolved},
    request,
};
use crate::wiring::{AgentJudge, AgentModel, inference_error};

/// Steps a task may run ahead of the store.
const STEPS_AHEAD: usize = 64;

type Prepared = Result<(Arc<dyn Provider>, AgentConfig), ErrorObject>;

impl Tasks {
    pub(super) async fn run(self, stop: CancellationToken) {
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
                id = self.0.queue.next() => id,
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
        let deadline = Duration::from_millis(request.deadline_ms);
        // A model may be slow to load, or its file's disk may hang.
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(unsolved(SolveOutcome::Cancelled, "Cancelled: nothing more runs.")),
            prepared = tokio::time::timeout(deadline, self.prepare(&request)) => match prepared {
                Ok(prepared) => prepared.map_err(broken),
                Err(_) => Err(unsolved(
                    SolveOutcome::Deadline,
                    "The model was not ready in time: give more time with --deadline, or use a smaller model.",
                )),
            },
        };
        let result = match prepared {
            Err(result) => result,
            Ok((provider, config)) => {
                let model = AgentModel(provider);
                let judge = AgentJudge::new(self.0.executor.clone(), request.clone());
                self.drive(id, &request, config, (&model, &judge), &cancel)
                    .await
            }
        };
        self.end(id, result).await;
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
                    Step::Test { .. } | Step::Repair { .. } | Step::Note { .. } | Step::Done(_) => {
                        self.0.book.state(id)
                    }
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
