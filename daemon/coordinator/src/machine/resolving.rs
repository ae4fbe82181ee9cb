//! What models could not put together: its user is asked, and what the user answers is replayed as any answer.

use std::time::Duration;

use super::{
    AttemptId, ContentRef, ErrorKind, ErrorObject, Held, Machine, Millis, Output, Part, PeerId,
    Refusal, TaskId,
};

/// Time that a task has at least, once its user has answered what was asked before a restart.
const ANSWERED: Duration = Duration::from_secs(600);

impl Machine {
    /// A step has come to nothing as often as it may: a merge is its user's then, anything else fails the task.
    pub(super) fn give_up(&mut self, now: Millis, task: TaskId, subtask: u16, reason: &str) {
        let is_merge = self
            .step_mut(task, subtask)
            .is_some_and(|step| step.shape.is_merge);
        if !is_merge {
            return self.fail(now, task, reason);
        }
        self.stop_tries(task, subtask, None);
        if let Some(step) = self.step_mut(task, subtask) {
            step.asks = Some(now);
            step.given = None;
        }
        if let Some(one) = self.tasks.get_mut(&task) {
            let at = usize::from(subtask) + 1;
            one.note(format!(
                "step {at}: changes do not fit together, and nobody could merge them: {reason}"
            ));
        }
        self.outputs.push_back(Output::Asks { task });
        self.changed(task);
    }

    /// A step whose answer its user was asked for before a restart.
    pub fn restore_asks(&mut self, now: Millis, task: TaskId, subtask: u16) {
        if let Some(step) = self.step_mut(task, subtask) {
            step.asks = Some(now);
            step.given = None;
        }
        if let Some(one) = self.tasks.get_mut(&task) {
            // What was left of its time when its user was asked is not known any more.
            one.deadline = one.deadline.max(now.after(ANSWERED));
        }
        self.changed(task);
    }

    /// The submitter answers the step that it was asked for.
    ///
    /// # Errors
    /// [`Refusal`] when it was not.
    pub fn resolved(
        &mut self,
        now: Millis,
        by: PeerId,
        task: TaskId,
        subtask: u16,
        answer: ContentRef,
    ) -> Result<(), Refusal> {
        let one = self
            .tasks
            .get_mut(&task)
            .filter(|one| one.by == by && one.is_open());
        let asked = one.and_then(|one| {
            let step = one.steps.get_mut(usize::from(subtask))?;
            let since = step.asks.take()?;
            step.given = Some(answer);
            step.failures = 0;
            step.barred.clear();
            step.impossible.clear();
            one.deadline = one.deadline.after(now.since(since));
            one.note(format!(
                "step {}: answered by its user",
                usize::from(subtask) + 1
            ));
            Some(())
        });
        if asked.is_none() {
            let message = "nothing is asked about this step of this task";
            let next = "`edgecoder task show` tells what is";
            return Err(ErrorObject::new(ErrorKind::Conflict, message, next));
        }
        self.changed(task);
        self.serve(now);
        Ok(())
    }

    /// Ends a step's tries but one, and tells whoever works on them.
    pub(super) fn stop_tries(&mut self, task: TaskId, subtask: u16, kept: Option<u32>) {
        let term = self.term;
        let Some(step) = self.step_mut(task, subtask) else {
            return;
        };
        let mut stops = Vec::new();
        for one in step.tries.iter().filter(|one| Some(one.attempt) != kept) {
            let attempt = AttemptId {
                task,
                subtask,
                attempt: one.attempt,
            };
            for part in [Part::Author, Part::Checker] {
                let held = Held {
                    attempt,
                    part,
                    term,
                };
                let claim = one.claim(part);
                stops.extend(claim.map(|claim| Output::Stop {
                    worker: claim.worker,
                    held,
                }));
            }
        }
        step.tries.clear();
        self.outputs.extend(stops);
    }
}
