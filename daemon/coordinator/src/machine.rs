//! The pure half of coordination: who is lent which step, what a silence or a disagreement means, when a task is over.
//!
//! A step is tried by an author and a checker, who are different nodes and of different owners where that can be. A
//! lease ends when its heartbeats do; whatever comes with an older term or attempt changes nothing. Contents, keys and
//! signatures are the actor's; here are ids, hashes and moments of one clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use edgecoder_protocol::{
    Hash, Millis, PeerId, TaskId, TaskState,
    operator::{ErrorKind, ErrorObject},
    wire::{Held, WhyBack},
    work::{AttemptId, ContentRef, Part, ResultSummary},
};

use crate::config::{
    FAILURES_MAX, GRACE, KEPT, LEASE, LOST_MAX, SETTLING, TASKS_MAX, TASKS_OF_ONE_MAX,
};

mod admission;
mod claims;
mod matching;
mod nodes;
mod resolving;
mod results;
mod task;
#[cfg(test)]
mod tests;

pub use nodes::NodeOffer;
pub use task::{Need, StepShape};

use matching::Poll;
use nodes::Nodes;
use task::{Claim, Phase, Stage, Step, Task, Tasks, Try};

/// A step lent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What.
    pub held: Held,
    /// To whom.
    pub worker: PeerId,
    /// What the author answered, for a checker.
    pub answer: Option<ContentRef>,
}

/// A lie that was proven by running the thing again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conviction {
    /// Who signed it.
    pub liar: PeerId,
    /// For which lease.
    pub held: Held,
}

/// Everything that the machine asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer a poll, with nothing when its time is over.
    Grant {
        /// Which, by the number it was given with.
        poll: u64,
        /// The leases, one for each of the poll's keys at most.
        leases: Vec<Lease>,
    },
    /// Ask the worker to open its commitment; answer with [`Machine::opened`] or [`Machine::not_opened`].
    Open {
        /// Who.
        worker: PeerId,
        /// What.
        held: Held,
        /// What the summary must agree with.
        commitment: Hash,
    },
    /// Tell the worker that its lease is over.
    Stop {
        /// Who.
        worker: PeerId,
        /// What.
        held: Held,
    },
    /// A lease has ended with its worker's silence.
    Lost {
        /// Who.
        worker: PeerId,
        /// What.
        held: Held,
    },
    /// Run it here, and say who was right; answer with [`Machine::ruled`].
    Rule {
        /// The attempt.
        attempt: AttemptId,
    },
    /// A step is checked: keep the openings of these leases, forget others of it.
    StepDone {
        /// The attempt that counts.
        attempt: AttemptId,
    },
    /// There is news of the task for whoever watches it.
    News {
        /// Which.
        task: TaskId,
    },
    /// It has ended, or its record changed in a way that must be durable.
    Ended {
        /// Which.
        task: TaskId,
    },
    /// Its user is asked for a step's answer: keep that, and its deadline.
    Asks {
        /// Which.
        task: TaskId,
    },
    /// Forget it.
    Forget {
        /// Which.
        task: TaskId,
    },
    /// Somebody lied.
    Convict(Conviction),
    /// There is work and nobody waits for any: say so.
    Announce {
        /// What it needs.
        need: Need,
    },
}

/// Why something is not accepted.
pub type Refusal = ErrorObject;

/// Who was right, by the coordinator's own run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The author; the coordinator's run stands for the checker's.
    Author,
    /// The checker.
    Checker,
    /// Neither.
    Neither,
    /// It could not be decided: nobody is blamed.
    Inconclusive,
}

/// Whose run a ruling comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// The coordinator's own.
    Coordinator(PeerId),
    /// The submitter's, of a task that the coordinator cannot read. Its word decides its own task, and costs a worker
    /// no more than that: a submitter may lie.
    Submitter(PeerId),
}

impl Judge {
    fn peer(self) -> PeerId {
        match self {
            Self::Coordinator(peer) | Self::Submitter(peer) => peer,
        }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are checked.
    Done,
    /// Never worked on.
    Refused(ErrorObject),
    /// Worked on in vain.
    Failed(ErrorObject),
    /// Withdrawn.
    Cancelled,
}

/// How a task stands, for its submitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStanding {
    /// To ask with next time.
    pub cursor: u64,
    /// Where it is in its life.
    pub state: TaskState,
    /// Sentences after the asked cursor.
    pub notes: Vec<String>,
    /// How it ended, if it has.
    pub ending: Option<Ending>,
    /// Who was given the key.
    pub readers: Vec<PeerId>,
    /// The step whose answer its submitter is asked for.
    pub asks: Option<u16>,
}

/// All that a coordinator knows and decides.
#[derive(Debug)]
pub struct Machine {
    term: u64,
    /// Before, nodes may be on their way here, and nobody's absence is a reason to refuse a task.
    settled: Millis,
    nodes: Nodes,
    tasks: Tasks,
    polls: VecDeque<Poll>,
    outputs: VecDeque<Output>,
    order: u64,
    /// Tasks that nobody took, with the moment they were last announced.
    announced: BTreeMap<TaskId, Millis>,
    /// Who was convicted since this coordinator began: nothing is lent to them. As many as nodes at most, since only
    /// registered nodes hold leases; when it is full, further ones are barred from the task alone.
    liars: BTreeSet<PeerId>,
}

impl Machine {
    /// A coordinator of `term`, which rises with each start: what was lent before counts no more.
    pub fn new(term: u64) -> Self {
        Self {
            term,
            settled: Millis(0),
            nodes: Nodes::default(),
            tasks: Tasks::new(),
            polls: VecDeque::new(),
            outputs: VecDeque::new(),
            order: 0,
            announced: BTreeMap::new(),
            liars: BTreeSet::new(),
        }
    }

    /// The same, having just taken over: nodes come within [`SETTLING`] of `now`.
    pub fn taking_over(term: u64, now: Millis) -> Self {
        Self {
            settled: now.after(SETTLING),
            ..Self::new(term)
        }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes in a node's verified record.
    ///
    /// # Errors
    /// [`Refusal`] when there are too many nodes.
    pub fn register(&mut self, now: Millis, peer: PeerId, offer: NodeOffer) -> Result<(), Refusal> {
        self.nodes.expire(now);
        match self.nodes.register(peer, offer) {
            true => {
                // It may be waiting for work already, and somebody's checker may be of another owner now.
                self.serve(now);
                Ok(())
            }
            false => Err(ErrorObject::new(
                ErrorKind::Busy,
                "the coordinator knows as many nodes as it can",
                "try again in a minute",
            )),
        }
    }

    /// A node's last connection is closed.
    pub fn disconnected(&mut self, now: Millis, peer: PeerId) {
        self.turn_away(peer);
        self.nodes.leave(peer);
        let soon = now.after(GRACE);
        for claim in self.claims_of(peer).filter(|claim| !claim.is_opened()) {
            claim.until = claim.until.min(soon);
        }
    }

    /// Who may work has changed: by what `admits` says. The leases of those who may no more end at once, and nothing that
    /// they fixed is waited for; what they had opened stands, since another has said the same.
    pub fn review(&mut self, now: Millis, admits: impl Fn(&PeerId) -> bool) {
        let out = self.nodes.review(admits);
        for peer in &out {
            self.turn_away(*peer);
            for claim in self.claims_of(*peer).filter(|claim| !claim.is_opened()) {
                claim.until = now;
            }
        }
        self.expire_claims(now);
        if !out.is_empty() {
            let steps = self.tasks.values_mut().flat_map(|task| &mut task.steps);
            for one in steps.flat_map(|step| &mut step.tries) {
                // What is late of others may still come.
                one.lost_author.take_if(|lost| out.contains(lost));
            }
        }
        self.serve(now);
    }

    /// Renews leases; returns those that are not the peer's.
    pub fn heartbeat(&mut self, now: Millis, peer: PeerId, held: &[Held]) -> Vec<Held> {
        let until = now.after(LEASE);
        let mut lost = Vec::new();
        for one in held {
            match self.claim_mut(peer, one) {
                // An opening has its own time.
                Some(claim) if matches!(claim.stage, Stage::Opening(_) | Stage::Opened(_)) => {}
                Some(claim) => claim.until = until,
                None => lost.push(*one),
            }
        }
        lost
    }

    /// The submitter has the result, or does not want it.
    pub fn received(&mut self, by: PeerId, task: TaskId) {
        let is_own = self
            .tasks
            .get(&task)
            .is_some_and(|one| one.by == by && !one.is_open());
        if is_own {
            self.tasks.remove(&task);
            self.outputs.push_back(Output::Forget { task });
        }
    }

    /// The submitter withdraws the task.
    pub fn cancel(&mut self, now: Millis, by: PeerId, task: TaskId) {
        let is_own = self
            .tasks
            .get(&task)
            .is_some_and(|one| one.by == by && one.is_open());
        if is_own {
            self.end(now, task, Phase::Cancelled);
        }
    }

    /// How a task stands, for its submitter alone.
    pub fn standing(&self, by: PeerId, task: TaskId, after: u64) -> Option<TaskStanding> {
        let one = self.tasks.get(&task).filter(|one| one.by == by)?;
        let ending = match &one.phase {
            Phase::Admitting | Phase::Working => None,
            Phase::Done => Some(Ending::Done),
            Phase::Refused(error) => Some(Ending::Refused(error.clone())),
            Phase::Failed(error) => Some(Ending::Failed(error.clone())),
            Phase::Cancelled => Some(Ending::Cancelled),
        };
        let notes = one.notes.iter().filter(|(cursor, _)| *cursor > after);
        Some(TaskStanding {
            cursor: one.cursor,
            state: one.state(),
            notes: notes.map(|(_, text)| text.clone()).collect(),
            ending,
            readers: one.readers.iter().copied().collect(),
            asks: one.asks().map(|(step, _)| step),
        })
    }

    /// Until when a task may take, by this clock; it stands still while its user is asked.
    pub fn deadline(&self, task: TaskId) -> Option<Millis> {
        self.tasks.get(&task).map(|one| one.deadline)
    }

    /// Lets time pass: ends leases, polls, deadlines, and what nobody came for.
    pub fn tick(&mut self, now: Millis) {
        self.nodes.expire(now);
        self.expire_claims(now);
        let late: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, one)| one.is_open() && one.is_late(now))
            .map(|(id, _)| *id)
            .collect();
        for task in late {
            self.fail(
                now,
                task,
                "its deadline has passed; give more time with --deadline",
            );
        }
        let old: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, one)| one.ended.is_some_and(|ended| ended.after(KEPT) <= now))
            .map(|(id, _)| *id)
            .collect();
        for task in old {
            self.tasks.remove(&task);
            self.outputs.push_back(Output::Forget { task });
        }
        self.bar_none_in_vain(now);
        self.serve(now);
    }

    /// Leases, polls and open tasks: for the operator.
    pub fn counts(&self) -> (usize, usize, usize) {
        let open = self.tasks.values().filter(|one| one.is_open());
        let leases = open.clone().map(|one| one.claims().count()).sum();
        (leases, self.polls.len(), open.count())
    }

    /// Nodes whose models others may ask, as far as they are connected.
    pub fn inference_slots(&self) -> Vec<PeerId> {
        self.nodes.inference_slots()
    }

    /// Where `peer` says that it listens; nothing of one that is not registered.
    pub fn addresses(&self, peer: &PeerId) -> Vec<String> {
        let offer = self.nodes.get(peer);
        offer
            .map(|offer| offer.addresses.clone())
            .unwrap_or_default()
    }

    /// Whether `peer` answers for a model itself.
    pub fn has_model(&self, peer: &PeerId) -> bool {
        self.nodes.get(peer).is_some_and(|offer| offer.has_model)
    }

    fn end(&mut self, now: Millis, task: TaskId, phase: Phase) {
        let term = self.term;
        let Some(one) = self.tasks.get_mut(&task) else {
            return;
        };
        let stops: Vec<(PeerId, Held)> = one
            .claims()
            .map(|(subtask, tried, part, claim)| {
                let attempt = AttemptId {
                    task,
                    subtask,
                    attempt: tried.attempt,
                };
                (
                    claim.worker,
                    Held {
                        attempt,
                        part,
                        term,
                    },
                )
            })
            .collect();
        for step in &mut one.steps {
            step.tries.clear();
            step.asks = None;
        }
        one.phase = phase;
        one.ended = Some(now);
        one.cursor += 1;
        for (worker, held) in stops {
            self.outputs.push_back(Output::Stop { worker, held });
        }
        self.announced.remove(&task);
        self.outputs.push_back(Output::Ended { task });
        self.changed(task);
    }

    fn fail(&mut self, now: Millis, task: TaskId, reason: &str) {
        let next = "`edgecoder task show` tells what was tried; change the task or its limits and submit it again";
        let error = ErrorObject::new(ErrorKind::Conflict, reason, next);
        self.end(now, task, Phase::Failed(error));
    }

    fn changed(&mut self, task: TaskId) {
        self.outputs.push_back(Output::News { task });
    }
}
