//! Claims: found by the lease that names them, ended when they are silent, taken out.

use super::{
    AttemptId, Claim, FAILURES_MAX, Held, LOST_MAX, Machine, Millis, Output, Part, PeerId, Stage,
    Step, TaskId, Try, WhyBack,
};
use crate::config::{RETURNS_MAX, WITNESSES};

impl Machine {
    pub(super) fn expire_claims(&mut self, now: Millis) {
        let mut ended = Vec::new();
        for (id, task) in &self.tasks {
            for (subtask, one, part, claim) in task.claims() {
                if claim.until <= now && !one.is_disputed {
                    let attempt = AttemptId {
                        task: *id,
                        subtask,
                        attempt: one.attempt,
                    };
                    let held = Held {
                        attempt,
                        part,
                        term: self.term,
                    };
                    ended.push((held, claim.worker));
                }
            }
        }
        for (held, worker) in ended {
            // Its parked poll would only swallow more work; if it is there after all, it asks again.
            self.turn_away(worker);
            self.drop_claim(&held);
            self.outputs.push_back(Output::Lost { worker, held });
            self.outputs.push_back(Output::Stop { worker, held });
            self.lost(now, &held);
        }
    }

    /// Counts a try that was lost with its worker.
    pub(super) fn lost(&mut self, now: Millis, held: &Held) {
        let AttemptId {
            task,
            subtask,
            attempt,
        } = held.attempt;
        let Some(one) = self.tasks.get_mut(&task) else {
            return;
        };
        let at = usize::from(subtask) + 1;
        one.note(format!("step {at}, attempt {attempt}: its worker is gone"));
        let step = one.steps.get_mut(usize::from(subtask));
        let is_hopeless = step.is_some_and(|step| {
            step.lost += 1;
            step.lost >= LOST_MAX
        });
        if is_hopeless {
            self.fail(
                now,
                task,
                "too many workers were lost while they worked on it",
            );
        }
        self.changed(task);
    }

    /// Takes a claim out. An author's try goes with it, unless its answer may still come.
    pub(super) fn drop_claim(&mut self, held: &Held) {
        let Some(step) = self.step_mut(held.attempt.task, held.attempt.subtask) else {
            return;
        };
        let Some(one) = step
            .tries
            .iter_mut()
            .find(|one| one.attempt == held.attempt.attempt)
        else {
            return;
        };
        let gone = one.claim_mut(held.part).take();
        if held.part == Part::Author {
            one.lost_author = gone.map(|claim| claim.worker);
            let checker = one.checker.take();
            if let Some(claim) = checker {
                let part = Part::Checker;
                let held = Held { part, ..*held };
                let worker = claim.worker;
                self.outputs.push_back(Output::Stop { worker, held });
            }
        }
    }

    /// A lease comes back without a result.
    pub fn given_back(
        &mut self,
        now: Millis,
        peer: PeerId,
        held: Held,
        why: WhyBack,
        sentence: &str,
    ) {
        // What is being opened stands: a lie is not taken back.
        let is_open =
            |claim: &mut Claim| matches!(claim.stage, Stage::Opening(_) | Stage::Opened(_));
        if self.claim_mut(peer, &held).is_none_or(is_open) {
            return;
        }
        let (task, subtask) = (held.attempt.task, held.attempt.subtask);
        let attempt = held.attempt.attempt;
        let at = usize::from(subtask) + 1;
        self.drop_claim(&held);
        let Some(one) = self.tasks.get_mut(&task) else {
            return;
        };
        let Some(step) = one.steps.get_mut(usize::from(subtask)) else {
            return;
        };
        let able = self.nodes.able(&one.need);
        let replays = one.need.model && held.part == Part::Checker;
        let is_over = match why {
            WhyBack::Drained => {
                let returns = step.returns.entry(peer).or_default();
                *returns += 1;
                if *returns >= RETURNS_MAX {
                    step.bar(now, peer);
                }
                false
            }
            WhyBack::Unable | WhyBack::Unsolved | WhyBack::Impossible if replays => {
                let others = self.nodes.able(&one.need.of_checker()).saturating_sub(1);
                let void = step.unchecked(now, attempt, peer, others.min(WITNESSES));
                if let Some(author) = void {
                    let part = Part::Author;
                    let held = Held { part, ..held };
                    let worker = author.worker;
                    self.outputs.push_back(Output::Stop { worker, held });
                }
                step.lost >= LOST_MAX
            }
            WhyBack::Impossible => {
                step.bar(now, peer);
                step.impossible.insert(peer);
                step.impossible.len() >= able.min(WITNESSES)
            }
            WhyBack::Unsolved if one.need.model => {
                step.failures += 1;
                step.bar(now, peer);
                step.failures >= FAILURES_MAX
            }
            WhyBack::Unable | WhyBack::Unsolved => {
                step.bar(now, peer);
                step.lost += 1;
                step.lost >= LOST_MAX
            }
        };
        one.note(format!(
            "step {at}, attempt {attempt}: given back: {sentence}"
        ));
        self.bar_no_more_than_can_be(task, subtask);
        match (is_over, why) {
            (true, WhyBack::Unsolved | WhyBack::Impossible) => {
                self.give_up(now, task, subtask, sentence);
            }
            (true, WhyBack::Unable | WhyBack::Drained) => self.fail(now, task, sentence),
            (false, _) => {}
        }
        self.changed(task);
        self.serve(now);
    }

    pub(super) fn step_mut(&mut self, task: TaskId, subtask: u16) -> Option<&mut Step> {
        self.tasks
            .get_mut(&task)?
            .steps
            .get_mut(usize::from(subtask))
    }

    pub(super) fn try_mut(&mut self, attempt: AttemptId) -> Option<&mut Try> {
        let step = self.step_mut(attempt.task, attempt.subtask)?;
        step.tries
            .iter_mut()
            .find(|one| one.attempt == attempt.attempt)
    }

    /// The claim that `held` names, if it is `peer`'s and of this term.
    pub(super) fn claim_mut(&mut self, peer: PeerId, held: &Held) -> Option<&mut Claim> {
        if held.term != self.term {
            return None;
        }
        let claim = self.try_mut(held.attempt)?.claim_mut(held.part).as_mut()?;
        (claim.worker == peer).then_some(claim)
    }

    pub(super) fn claims_of(&mut self, peer: PeerId) -> impl Iterator<Item = &mut Claim> {
        self.tasks
            .values_mut()
            .flat_map(|task| &mut task.steps)
            .flat_map(|step| &mut step.tries)
            .flat_map(|one| [one.author.as_mut(), one.checker.as_mut()])
            .flatten()
            .filter(move |claim| claim.worker == peer)
    }
}
