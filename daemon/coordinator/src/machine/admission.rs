//! How tasks come in: what is refused at once, what is known already, and where a restarted coordinator goes on.

use std::collections::{BTreeSet, VecDeque};

use super::{
    ContentRef, Ending, ErrorKind, ErrorObject, Machine, Millis, Need, Output, PeerId, Phase,
    Refusal, Step, StepShape, TASKS_MAX, TASKS_OF_ONE_MAX, Task, TaskId,
};

impl Machine {
    /// Whether a task may come in; `Ok(false)` when it is here already. Changes nothing: it becomes a task by
    /// [`Machine::submitted`], once it is durable.
    ///
    /// # Errors
    /// [`Refusal`] that says what is missing.
    pub fn check(
        &self,
        now: Millis,
        by: PeerId,
        task: TaskId,
        need: &Need,
    ) -> Result<bool, Refusal> {
        let refuse = |kind, message: String, next: &str| Err(ErrorObject::new(kind, message, next));
        if let Some(known) = self.tasks.get(&task) {
            let next = "submit it under a fresh id";
            return match known.by == by {
                true => Ok(false),
                false => refuse(ErrorKind::Conflict, "the task's id is taken".into(), next),
            };
        }
        let of_one = self.tasks.values().filter(|one| one.by == by).count();
        if self.tasks.len() >= TASKS_MAX || of_one >= TASKS_OF_ONE_MAX {
            let message = format!(
                "the coordinator holds {} tasks, {of_one} of them yours",
                self.tasks.len()
            );
            return refuse(ErrorKind::Busy, message, "try again when some have ended");
        }
        if now < self.settled {
            return Ok(true);
        }
        let next = "`edgecoder peers` shows who is here; start a node with the role `worker`, or try again later";
        if self.nodes.able(need) == 0 {
            let message = format!("nobody here can do this: {}", self.nodes.missing(need));
            return refuse(ErrorKind::Conflict, message, next);
        }
        if self.nodes.able(&need.of_checker()) < 2 {
            let message =
                "one worker alone cannot be checked: a second node must replay its results".into();
            return refuse(ErrorKind::Conflict, message, next);
        }
        if need.model && !need.own_model && !self.nodes.has_inference() {
            let message = "nobody here answers for a model".into();
            let next = "start a node with the role `inference`, or try again later";
            return refuse(ErrorKind::NoModel, message, next);
        }
        Ok(true)
    }

    /// A task is durable: admission begins. It ends with [`Machine::admitted`] or [`Machine::refused`].
    pub fn submitted(&mut self, task: TaskId, by: PeerId, need: Need, deadline: Millis) {
        self.order += 1;
        let account = self.nodes.owner(&by).unwrap_or(by);
        let one = Task {
            by,
            account,
            need,
            order: self.order,
            deadline,
            ended: None,
            phase: Phase::Admitting,
            steps: Vec::new(),
            cursor: 0,
            notes: VecDeque::new(),
            readers: BTreeSet::new(),
            familiar: BTreeSet::new(),
        };
        self.tasks.insert(task, one);
    }

    /// The task is worth working on, in steps that each need the ones named.
    pub fn admitted(&mut self, now: Millis, task: TaskId, steps: Vec<StepShape>) {
        self.planned(task, steps);
        self.serve(now);
    }

    /// The same of a task among many that are restored: what is lent of them is looked at with the next tick.
    pub fn planned(&mut self, task: TaskId, steps: Vec<StepShape>) {
        let Some(one) = self
            .tasks
            .get_mut(&task)
            .filter(|one| one.phase == Phase::Admitting)
        else {
            return;
        };
        one.phase = Phase::Working;
        one.note(match steps.len() {
            1 => "planned: one step".into(),
            more => format!("planned: {more} steps"),
        });
        one.steps = steps
            .into_iter()
            .map(|shape| Step {
                shape,
                ..Step::default()
            })
            .collect();
        self.changed(task);
    }

    /// Somebody was given the task's key for more than a lease: an inference slot.
    pub fn reader(&mut self, task: TaskId, peer: PeerId) {
        if let Some(one) = self.tasks.get_mut(&task) {
            one.readers.insert(peer);
        }
    }

    /// The task is not worth working on.
    pub fn refused(&mut self, now: Millis, task: TaskId, error: ErrorObject) {
        if self
            .tasks
            .get(&task)
            .is_some_and(|one| one.phase == Phase::Admitting)
        {
            self.end(now, task, Phase::Refused(error));
        }
    }

    /// A task that nobody is known to want: there never was one.
    pub fn forget(&mut self, task: TaskId) {
        self.tasks.remove(&task);
        self.announced.remove(&task);
    }

    /// A step that was checked before a restart.
    pub fn restore_step(&mut self, now: Millis, task: TaskId, step: u16) {
        if let Some(step) = self.step_mut(task, step) {
            step.is_done = true;
        }
        let is_over =
            |one: &Task| one.phase == Phase::Working && one.steps.iter().all(|s| s.is_done);
        if self.tasks.get(&task).is_some_and(is_over) {
            self.end(now, task, Phase::Done);
        }
    }

    /// An answer that its user gave before a restart.
    pub fn restore_given(&mut self, task: TaskId, step: u16, answer: ContentRef) {
        if let Some(step) = self.step_mut(task, step) {
            step.given = Some(answer);
        }
    }

    /// A task that ended before a restart.
    pub fn restore_end(&mut self, now: Millis, task: TaskId, ending: Ending) {
        let phase = match ending {
            Ending::Done => Phase::Done,
            Ending::Refused(error) => Phase::Refused(error),
            Ending::Failed(error) => Phase::Failed(error),
            Ending::Cancelled => Phase::Cancelled,
        };
        if let Some(one) = self.tasks.get_mut(&task) {
            one.phase = phase;
            one.ended = Some(now);
            one.cursor += 1;
        }
    }
}

impl Machine {
    /// Whether an announcement is due of a task that nobody took.
    pub(super) fn announce(&mut self, now: Millis, task: TaskId, need: &Need) {
        let due = self
            .announced
            .get(&task)
            .is_none_or(|at| at.after(super::matching::ANNOUNCE_EVERY) <= now);
        if due {
            self.announced.insert(task, now);
            let need = need.clone();
            self.outputs.push_back(Output::Announce { need });
        }
    }
}
