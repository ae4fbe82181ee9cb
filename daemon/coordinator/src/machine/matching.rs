//! Who gets which step: by ability, privacy, fairness between submitters, and where the contents are already.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    AttemptId, Claim, Held, Lease, Machine, Millis, Need, Output, Part, PeerId, Stage, Step, Task,
    TaskId, Try,
};
use crate::config::{POLLS_MAX, STRAGGLER, STRAGGLER_EXEC, TRIES_MAX, UNCHECKED_MAX, UNCONFIRMED};

/// Work that nobody takes is announced again after so long: gossip has no history.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(3);

/// A node that waits for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Poll {
    pub(super) number: u64,
    pub(super) peer: PeerId,
    pub(super) keys: usize,
    pub(super) until: Millis,
}

/// A place that could be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Opening {
    /// What finishes something comes before what begins something, and a second try last.
    rank: Rank,
    /// How much the submitter has running already.
    running: usize,
    order: u64,
    task: TaskId,
    step: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Check,
    Begin,
    Hedge,
}

impl Machine {
    /// A node asks for work. Its earlier poll, if any, is answered with none.
    pub fn take(&mut self, now: Millis, number: u64, peer: PeerId, keys: usize, until: Millis) {
        let earlier: Vec<u64> = self
            .polls
            .iter()
            .filter(|p| p.peer == peer)
            .map(|p| p.number)
            .collect();
        self.polls.retain(|poll| poll.peer != peer);
        for poll in earlier {
            self.answer(poll, Vec::new());
        }
        if self.polls.len() >= POLLS_MAX {
            return self.answer(number, Vec::new());
        }
        self.polls.push_back(Poll {
            number,
            peer,
            keys,
            until,
        });
        self.serve(now);
    }

    /// A node gets nothing for what it polls, now.
    pub(super) fn turn_away(&mut self, peer: PeerId) {
        let polls = self.polls.iter().filter(|poll| poll.peer == peer);
        let polls: Vec<u64> = polls.map(|poll| poll.number).collect();
        self.polls.retain(|poll| poll.peer != peer);
        for poll in polls {
            self.answer(poll, Vec::new());
        }
    }

    /// Nobody waits for the answer to this poll any more.
    pub fn poll_gone(&mut self, number: u64) {
        self.polls.retain(|poll| poll.number != number);
    }

    fn answer(&mut self, poll: u64, leases: Vec<Lease>) {
        self.outputs.push_back(Output::Grant { poll, leases });
    }

    /// Lends what can be lent, answers polls whose time is over, and announces what nobody takes.
    pub(super) fn serve(&mut self, now: Millis) {
        let mut openings = self.openings(now);
        let (busy, kept) = self.busy();
        for _ in 0..self.polls.len() {
            let Some(poll) = self.polls.pop_front() else {
                break;
            };
            let slots = self.nodes.get(&poll.peer).map_or(0, |offer| offer.slots);
            let free = slots.saturating_sub(busy.get(&poll.peer).copied().unwrap_or(0));
            let kept = kept.get(&poll.peer).copied().unwrap_or(0);
            let mut leases = Vec::new();
            while leases.len() < poll.keys.min(free) {
                let Some(at) = self.best(&openings, poll.peer, kept) else {
                    break;
                };
                let opening = openings.remove(at);
                if let Some(lease) = self.lend(now, opening, poll.peer) {
                    leases.push(lease);
                }
                self.renew(now, &mut openings, opening);
            }
            match leases.is_empty() && now < poll.until {
                true => self.polls.push_back(poll),
                false => self.answer(poll.number, leases),
            }
        }
        let waiting: BTreeSet<TaskId> = openings
            .iter()
            .filter(|opening| opening.rank != Rank::Hedge)
            .map(|opening| opening.task)
            .collect();
        for task in waiting {
            let need = self.tasks.get(&task).map(|one| one.need.clone());
            if let Some(need) = need {
                self.announce(now, task, &need);
            }
        }
    }

    /// What each node is working on, and what it keeps until it was checked.
    fn busy(&self) -> (BTreeMap<PeerId, usize>, BTreeMap<PeerId, usize>) {
        let (mut busy, mut kept) = (BTreeMap::new(), BTreeMap::new());
        for (_, _, _, claim) in self.tasks.values().flat_map(Task::claims) {
            let count = match claim.stage {
                Stage::Leased => &mut busy,
                Stage::Committed(_) | Stage::Opening(_) | Stage::Opened(_) => &mut kept,
            };
            *count.entry(claim.worker).or_default() += 1;
        }
        (busy, kept)
    }

    fn openings(&self, now: Millis) -> Vec<Opening> {
        let mut running = BTreeMap::<PeerId, usize>::new();
        for task in self.tasks.values().filter(|task| task.is_open()) {
            *running.entry(task.account).or_default() += task.claims().count();
        }
        let mut openings: Vec<Opening> = self
            .tasks
            .keys()
            .flat_map(|task| self.openings_of(now, *task, &running, 0))
            .collect();
        openings.sort_unstable();
        openings
    }

    /// The places of one task that could be filled.
    fn openings_of(
        &self,
        now: Millis,
        id: TaskId,
        running: &BTreeMap<PeerId, usize>,
        otherwise: usize,
    ) -> Vec<Opening> {
        let Some(task) = self.tasks.get(&id).filter(|task| task.is_open()) else {
            return Vec::new();
        };
        let running = running.get(&task.account).copied().unwrap_or(otherwise);
        let ready = (0..task.steps.len()).filter(|at| task.is_ready(*at));
        let mut openings = Vec::new();
        for at in ready {
            // At most 32 steps.
            let step = at as u16;
            let mut open = |rank| {
                let order = task.order;
                openings.push(Opening {
                    rank,
                    running,
                    order,
                    task: id,
                    step,
                });
            };
            let live = task.steps[at]
                .tries
                .iter()
                .filter(|one| one.author.is_some());
            if live.clone().any(|one| one.wants_checker(&task.need)) {
                open(Rank::Check);
            }
            let running: Vec<&Try> = live.collect();
            match running.as_slice() {
                [] => open(Rank::Begin),
                [one] if is_slow(now, one, &task.need) => open(Rank::Hedge),
                _ => {}
            }
        }
        openings
    }

    /// The first opening that suits the peer; one of a task it knows before its equals.
    fn best(&self, openings: &[Opening], peer: PeerId, kept: usize) -> Option<usize> {
        let keeps_many = kept >= UNCHECKED_MAX;
        let mut suits = (0..)
            .zip(openings)
            .filter(|(_, o)| self.suits(o, peer, keeps_many));
        let (first, found) = suits.next()?;
        let same = |o: &Opening| (o.rank, o.running) == (found.rank, found.running);
        let knows = |o: &Opening| {
            self.tasks
                .get(&o.task)
                .is_some_and(|task| task.familiar.contains(&peer))
        };
        if knows(found) {
            return Some(first);
        }
        let mut equals = suits.take_while(|(_, o)| same(o));
        equals
            .find(|(_, o)| knows(o))
            .map(|(at, _)| at)
            .or(Some(first))
    }

    /// Whether `peer` may be lent this; one that `keeps_many` results begins nothing new, until some were checked.
    fn suits(&self, opening: &Opening, peer: PeerId, keeps_many: bool) -> bool {
        let (Some(task), Some(offer)) = (self.tasks.get(&opening.task), self.nodes.get(&peer))
        else {
            return false;
        };
        let Some(step) = task.steps.get(usize::from(opening.step)) else {
            return false;
        };
        if self.is_out(step, &peer) {
            return false;
        }
        match opening.rank {
            Rank::Begin => !keeps_many && offer.lacks(&task.need).is_none(),
            Rank::Hedge => {
                let is_other = step.tries.iter().all(|one| claim_of(one, peer).is_none());
                is_other && !keeps_many && offer.lacks(&task.need).is_none()
            }
            Rank::Check => {
                let able = offer.lacks(&task.need.of_checker()).is_none();
                able && self.try_to_check(task, opening.step, peer).is_some()
            }
        }
    }

    /// Whether `peer` is not lent this step.
    pub(super) fn is_out(&self, step: &Step, peer: &PeerId) -> bool {
        step.barred.contains_key(peer) || step.lied.contains(peer) || self.liars.contains(peer)
    }

    /// The try of a step that `peer` may check: not its own, and of another owner where anybody is.
    fn try_to_check(&self, task: &Task, step: u16, peer: PeerId) -> Option<u32> {
        let step = task.steps.get(usize::from(step))?;
        let wanting = step
            .tries
            .iter()
            .filter(|one| one.wants_checker(&task.need));
        let allowed = |one: &&Try| {
            one.author.as_ref().is_some_and(|author| {
                let out = |peer: &PeerId| self.is_out(step, peer) || one.unchecked.contains(peer);
                let others = self.nodes.has_other_owner(&author.worker, &task.need, out);
                let same_owner = self.nodes.owner(&author.worker) == self.nodes.owner(&peer);
                let is_fresh = author.worker != peer && !one.unchecked.contains(&peer);
                // Who is at another try of the step already must not hold up this one too.
                let is_elsewhere = |other: &Try| {
                    other.attempt != one.attempt
                        && claim_of(other, peer).is_some_and(|claim| claim.stage == Stage::Leased)
                };
                let is_fresh = is_fresh && !step.tries.iter().any(is_elsewhere);
                is_fresh && !(others && same_owner)
            })
        };
        wanting.filter(allowed).map(|one| one.attempt).next()
    }

    fn lend(&mut self, now: Millis, opening: Opening, peer: PeerId) -> Option<Lease> {
        let term = self.term;
        let task = self.tasks.get(&opening.task)?;
        let checked = self.try_to_check(task, opening.step, peer);
        let task = self.tasks.get_mut(&opening.task)?;
        let step = task.steps.get_mut(usize::from(opening.step))?;
        let until = now.after(UNCONFIRMED);
        let claim = Claim {
            worker: peer,
            since: now,
            until,
            stage: Stage::Leased,
        };
        let (part, attempt, answer) = match opening.rank {
            Rank::Check => {
                let one = step
                    .tries
                    .iter_mut()
                    .find(|one| Some(one.attempt) == checked)?;
                one.checker = Some(claim);
                (Part::Checker, one.attempt, one.answer)
            }
            Rank::Begin | Rank::Hedge => {
                step.attempts += 1;
                // What was lost can no longer come back: somebody else has begun.
                step.tries.retain(|one| one.author.is_some());
                if step.tries.len() >= TRIES_MAX {
                    return None;
                }
                step.tries.push(Try::new(step.attempts, claim, step.given));
                (Part::Author, step.attempts, step.given)
            }
        };
        let number = usize::from(opening.step) + 1;
        let verb = match part {
            Part::Author => "given to",
            Part::Checker => "checked by",
        };
        task.note(format!("step {number}, attempt {attempt}: {verb} {peer}"));
        task.readers.insert(peer);
        task.familiar.insert(peer);
        let attempt = AttemptId {
            task: opening.task,
            subtask: opening.step,
            attempt,
        };
        self.announced.remove(&opening.task);
        self.changed(opening.task);
        let held = Held {
            attempt,
            part,
            term,
        };
        Some(Lease {
            held,
            worker: peer,
            answer,
        })
    }

    /// What one account got makes it wait behind the others; a step that was begun may want its checker now.
    fn renew(&self, now: Millis, openings: &mut Vec<Opening>, taken: Opening) {
        let account = |task: &TaskId| self.tasks.get(task).map(|one| one.account);
        let of = account(&taken.task);
        openings.retain(|opening| opening.task != taken.task);
        for opening in openings.iter_mut().filter(|one| account(&one.task) == of) {
            opening.running += 1;
        }
        openings.extend(self.openings_of(now, taken.task, &BTreeMap::new(), taken.running + 1));
        openings.sort_unstable();
    }
}

/// What `peer` has to do with a try.
fn claim_of(one: &Try, peer: PeerId) -> Option<&Claim> {
    let claims = [&one.author, &one.checker];
    claims
        .into_iter()
        .flatten()
        .find(|claim| claim.worker == peer)
}

/// Whether an author or a checker has been at it for long, however lively its heartbeats are.
fn is_slow(now: Millis, one: &Try, need: &Need) -> bool {
    let patience = match need.model {
        true => STRAGGLER,
        false => STRAGGLER_EXEC,
    };
    let is_late = |claim: &Option<Claim>, patience| {
        claim
            .as_ref()
            .is_some_and(|claim| claim.stage == Stage::Leased && now.since(claim.since) >= patience)
    };
    // Checking asks no model.
    is_late(&one.author, patience) || is_late(&one.checker, STRAGGLER_EXEC)
}
