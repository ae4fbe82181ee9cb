//! What results mean: fixed before they are seen, compared once both are, decided by an own run when they differ.

use super::{
    AttemptId, Claim, ContentRef, Conviction, ErrorKind, ErrorObject, FAILURES_MAX, Hash, Held,
    Judge, Machine, Millis, Output, Part, PeerId, Phase, Refusal, ResultSummary, Ruling, Stage,
    TaskId, Try,
};
use crate::config::{INCONCLUSIVE_MAX, LEASE, NODES_MAX, OPENING, ROUNDS_MAX};
use edgecoder_protocol::Outcome;

impl Machine {
    /// A result is fixed. Said again it is the same; another one for the same lease is refused.
    ///
    /// # Errors
    /// [`Refusal`] when the lease is not the peer's: what it did is for nobody.
    pub fn committed(
        &mut self,
        now: Millis,
        peer: PeerId,
        held: Held,
        commitment: Hash,
        answer: Option<ContentRef>,
    ) -> Result<(), Refusal> {
        let refuse = |message: &str| {
            let next = "drop the result and take other work";
            Err(ErrorObject::new(ErrorKind::Conflict, message, next))
        };
        self.reinstate(now, peer, &held);
        let is_given = self.try_mut(held.attempt).is_some_and(|one| one.is_given);
        let needs_answer = self
            .tasks
            .get(&held.attempt.task)
            .is_some_and(|task| task.need.model && held.part == Part::Author && !is_given);
        if needs_answer != answer.is_some() {
            return refuse("the result lacks its answer, or has one where none belongs");
        }
        let Some(claim) = self.claim_mut(peer, &held) else {
            return refuse("the lease is not yours any more");
        };
        match &claim.stage {
            Stage::Leased => {}
            Stage::Committed(fixed) | Stage::Opening(fixed) if *fixed == commitment => {
                return Ok(());
            }
            Stage::Committed(_) | Stage::Opening(_) | Stage::Opened(_) => {
                return refuse("another result is fixed for this lease");
            }
        }
        claim.stage = Stage::Committed(commitment);
        claim.until = now.after(LEASE);
        if let Some(one) = self.try_mut(held.attempt) {
            // What a checker replays does not change under it.
            one.answer = one.answer.or(answer);
        }
        self.open_both(now, held.attempt);
        self.changed(held.attempt.task);
        self.serve(now);
        Ok(())
    }

    /// An author who was cut off comes back with its result before anybody else has begun: it counts.
    fn reinstate(&mut self, now: Millis, peer: PeerId, held: &Held) {
        let AttemptId { task, subtask, .. } = held.attempt;
        let step = self.tasks.get(&task);
        let step = step.and_then(|one| one.steps.get(usize::from(subtask)));
        let is_out = step.is_some_and(|step| self.is_out(step, &peer));
        if held.part != Part::Author || held.term != self.term || is_out {
            return;
        }
        let until = now.after(LEASE);
        if let Some(one) = self.try_mut(held.attempt)
            && one.author.is_none()
            && one.lost_author == Some(peer)
        {
            one.author = Some(Claim {
                worker: peer,
                since: now,
                until,
                stage: Stage::Leased,
            });
        }
    }

    /// Asks both sides to open, once both are fixed. One that was seen when an earlier checker failed stays so.
    fn open_both(&mut self, now: Millis, attempt: AttemptId) {
        let term = self.term;
        let Some(one) = self.try_mut(attempt) else {
            return;
        };
        let fixed = |claim: &Option<Claim>| {
            let is_leased = |claim: &Claim| claim.stage == Stage::Leased;
            claim.as_ref().is_some_and(|claim| !is_leased(claim))
        };
        if !fixed(&one.author) || !fixed(&one.checker) {
            return;
        }
        let mut opens = Vec::new();
        for part in [Part::Author, Part::Checker] {
            if let Some(claim) = one.claim_mut(part)
                && let Stage::Committed(commitment) = claim.stage
            {
                claim.stage = Stage::Opening(commitment);
                claim.until = now.after(OPENING);
                let held = Held {
                    attempt,
                    part,
                    term,
                };
                let worker = claim.worker;
                opens.push(Output::Open {
                    worker,
                    held,
                    commitment,
                });
            }
        }
        self.outputs.extend(opens);
    }

    /// A commitment is opened; the actor has checked signature and commitment. A summary of something else counts as
    /// none. False when it is not kept: for nothing, or too late.
    pub fn opened(
        &mut self,
        now: Millis,
        peer: PeerId,
        held: Held,
        summary: ResultSummary,
    ) -> bool {
        // Where nothing is answered, both name the hash of nothing.
        let of = |one: &mut Try| one.answer.unwrap_or_else(|| ContentRef::of(b""));
        let answer = self.try_mut(held.attempt).map(of);
        let is_of_this = summary.attempt == held.attempt
            && summary.part == held.part
            && summary.term == held.term
            && answer == Some(summary.answer);
        let Some(claim) = self.claim_mut(peer, &held) else {
            return false;
        };
        if !matches!(claim.stage, Stage::Opening(_)) {
            return false;
        }
        if !is_of_this {
            self.not_opened(now, peer, held);
            return false;
        }
        claim.stage = Stage::Opened(Box::new(summary));
        claim.until = Millis(u64::MAX);
        self.judge(now, held.attempt);
        true
    }

    /// A commitment was not opened, or does not open to what was fixed: what its owner did counts for nothing, and it
    /// is not lent this step again.
    pub fn not_opened(&mut self, now: Millis, peer: PeerId, held: Held) {
        if self.claim_mut(peer, &held).is_none() {
            return;
        }
        self.bar(now, held.attempt, peer);
        self.reset_other(&held);
        self.drop_claim(&held);
        self.lost(now, &held);
        self.serve(now);
    }

    /// An author whose checker failed waits for another one, with its result fixed.
    fn reset_other(&mut self, held: &Held) {
        let other = match held.part {
            Part::Author => return,
            Part::Checker => Part::Author,
        };
        if let Some(one) = self.try_mut(held.attempt)
            && let Some(claim) = one.claim_mut(other)
        {
            let fixed = match &claim.stage {
                Stage::Opening(hash) => Some(*hash),
                Stage::Leased | Stage::Committed(_) | Stage::Opened(_) => None,
            };
            if let Some(hash) = fixed {
                claim.stage = Stage::Committed(hash);
            }
        }
    }

    fn judge(&mut self, now: Millis, attempt: AttemptId) {
        let Some(one) = self.try_mut(attempt) else {
            return;
        };
        let seen = |claim: &Option<Claim>| match claim {
            Some(Claim {
                stage: Stage::Opened(summary),
                ..
            }) => Some((**summary).clone()),
            _ => None,
        };
        let (Some(author), Some(checker)) = (seen(&one.author), seen(&one.checker)) else {
            return;
        };
        let of = |claim: &Option<Claim>| claim.as_ref().map(|claim| claim.worker);
        let signers = [(of(&one.author), &author), (of(&one.checker), &checker)];
        let undecided: Vec<PeerId> = signers
            .iter()
            .filter(|(_, summary)| summary.outcome == Outcome::Inconclusive)
            .filter_map(|(signer, _)| *signer)
            .collect();
        if !undecided.is_empty() {
            return self.undecided(now, attempt, &undecided);
        }
        if author.agrees_with(&checker) {
            return self.agreed(now, attempt, author.outcome);
        }
        one.is_disputed = true;
        self.outputs.push_back(Output::Rule { attempt });
        self.note(
            attempt,
            "author and checker disagree; it is run a third time",
        );
    }

    /// It was run a third time.
    pub fn ruled(&mut self, now: Millis, attempt: AttemptId, ruling: Ruling, judge: Judge) {
        let term = self.term;
        let Some(one) = self.try_mut(attempt).filter(|one| one.is_disputed) else {
            return;
        };
        let outcome = match &one.author {
            // Whoever is author and judge has said so twice, and nobody else has: another one checks it.
            Some(Claim {
                stage: Stage::Opened(summary),
                worker,
                ..
            }) if *worker != judge.peer() => Some(summary.outcome),
            _ => None,
        };
        let of = |claim: &Option<Claim>| claim.as_ref().map(|claim| claim.worker);
        let liars = match ruling {
            Ruling::Author => vec![(Part::Checker, of(&one.checker))],
            Ruling::Checker => vec![(Part::Author, of(&one.author))],
            Ruling::Neither => vec![
                (Part::Author, of(&one.author)),
                (Part::Checker, of(&one.checker)),
            ],
            Ruling::Inconclusive => return self.undecided(now, attempt, &[]),
        };
        for (part, liar) in liars {
            let Some(liar) = liar else { continue };
            if let Some(step) = self.step_mut(attempt.task, attempt.subtask) {
                step.lied.insert(liar);
            }
            let held = Held {
                attempt,
                part,
                term,
            };
            match judge {
                Judge::Coordinator(_) => self.condemn(Conviction { liar, held }),
                Judge::Submitter(_) => {}
            }
            self.note(attempt, &format!("{liar} signed what is not so"));
        }
        match (ruling, outcome) {
            (Ruling::Author, Some(outcome)) => self.agreed(now, attempt, outcome),
            _ => self.drop_try(now, attempt),
        }
    }

    /// Whoever lied is lent nothing more.
    fn condemn(&mut self, conviction: Conviction) {
        let liar = conviction.liar;
        self.outputs.push_back(Output::Convict(conviction));
        if self.liars.len() < NODES_MAX {
            self.liars.insert(liar);
        }
        self.turn_away(liar);
    }

    fn agreed(&mut self, now: Millis, attempt: AttemptId, outcome: Outcome) {
        let AttemptId { task, subtask, .. } = attempt;
        let needs_pass = self.tasks.get(&task).is_some_and(|task| task.need.model);
        if needs_pass && outcome != Outcome::Ok {
            return self.failed_try(now, attempt, outcome);
        }
        self.note(attempt, "checked");
        let Some(step) = self.step_mut(task, subtask) else {
            return;
        };
        step.is_done = true;
        self.stop_tries(task, subtask, Some(attempt.attempt));
        self.outputs.push_back(Output::StepDone { attempt });
        let is_over = |one: &super::Task| one.steps.iter().all(|step| step.is_done);
        match self.tasks.get(&task).is_some_and(is_over) {
            true => self.end(now, task, Phase::Done),
            false => self.changed(task),
        }
        self.serve(now);
    }

    /// An author who says that it failed, and a checker who agrees.
    fn failed_try(&mut self, now: Millis, attempt: AttemptId, outcome: Outcome) {
        let one = self.try_mut(attempt);
        // Who handed in what does not pass is not asked again, unless it was handed what to run.
        let author = one
            .filter(|one| !one.is_given)
            .and_then(|one| one.author.as_ref().map(|claim| claim.worker));
        let is_hopeless = self
            .step_mut(attempt.task, attempt.subtask)
            .is_some_and(|step| {
                step.failures += 1;
                // What its user gave comes out the same each time.
                step.given.is_some() || step.failures >= FAILURES_MAX
            });
        if let Some(author) = author {
            self.bar(now, attempt, author);
        }
        match is_hopeless {
            true => self.give_up(
                now,
                attempt.task,
                attempt.subtask,
                &format!("the results did not pass: {outcome}"),
            ),
            false => self.drop_try(now, attempt),
        }
    }

    /// No result, by the word of `by`: neither a pass nor blame. Those are not asked again while others can be, so that no
    /// one of them ends a task.
    fn undecided(&mut self, now: Millis, attempt: AttemptId, by: &[PeerId]) {
        self.note(
            attempt,
            "inconclusive: the run was stopped by its wall clock or its host",
        );
        let is_hopeless = self
            .step_mut(attempt.task, attempt.subtask)
            .is_some_and(|step| {
                step.rounds += 1;
                step.inconclusive.extend(by);
                // Where few are here, the same ones are asked again.
                step.inconclusive.len() >= INCONCLUSIVE_MAX || step.rounds >= ROUNDS_MAX
            });
        for peer in by {
            self.bar(now, attempt, *peer);
        }
        match is_hopeless {
            true => {
                let reason =
                    "no run of it came to a result: it is too heavy, or the hosts are overloaded";
                self.fail(now, attempt.task, reason);
            }
            false => self.drop_try(now, attempt),
        }
    }

    /// A worker gets this step no more, unless too few are left.
    fn bar(&mut self, now: Millis, attempt: AttemptId, peer: PeerId) {
        if let Some(step) = self.step_mut(attempt.task, attempt.subtask) {
            step.bar(now, peer);
        }
        self.bar_no_more_than_can_be(attempt.task, attempt.subtask);
    }

    /// Better the same workers again than nobody: who was barred from a step is not when it lacks an author or a checker
    /// otherwise.
    pub(super) fn bar_no_more_than_can_be(&mut self, task: TaskId, subtask: u16) {
        let one = self.tasks.get(&task);
        let step = one.and_then(|one| Some((one, one.steps.get(usize::from(subtask))?)));
        let lacks = step.is_some_and(|(one, step)| {
            !step.barred.is_empty()
                && !self
                    .nodes
                    .has_two(&one.need, |peer| self.is_out(step, peer))
        });
        if lacks && let Some(step) = self.step_mut(task, subtask) {
            step.barred.clear();
        }
    }

    /// The same for all steps: who was left may have gone since, or not have taken it.
    pub(super) fn bar_none_in_vain(&mut self, now: Millis) {
        let all = self.tasks.values_mut().flat_map(|one| &mut one.steps);
        all.for_each(|step| step.barred.retain(|_, until| *until > now));
        let steps = self.tasks.iter().filter(|(_, one)| one.is_open());
        let barring: Vec<(TaskId, u16)> = steps
            .flat_map(|(task, one)| {
                let steps = (0..).zip(&one.steps);
                steps.filter_map(|(at, step)| (!step.barred.is_empty()).then_some((*task, at)))
            })
            .collect();
        for (task, step) in barring {
            self.bar_no_more_than_can_be(task, step);
        }
    }

    /// Begins the step anew.
    fn drop_try(&mut self, now: Millis, attempt: AttemptId) {
        if let Some(step) = self.step_mut(attempt.task, attempt.subtask) {
            step.tries.retain(|one| one.attempt != attempt.attempt);
        }
        self.changed(attempt.task);
        self.serve(now);
    }

    fn note(&mut self, attempt: AttemptId, text: &str) {
        if let Some(task) = self.tasks.get_mut(&attempt.task) {
            let step = usize::from(attempt.subtask) + 1;
            task.note(format!("step {step}, attempt {}: {text}", attempt.attempt));
        }
        self.changed(attempt.task);
    }
}
