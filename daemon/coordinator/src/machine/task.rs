//! A task as the machine sees it: steps, tries, claims. Contents are the actor's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use edgecoder_protocol::{
    Hash, Millis, PeerId, ProfileId, TaskState,
    operator::ErrorObject,
    task::PrivacyClass,
    work::{ContentRef, Part, ResultSummary},
};

use crate::config::{BARRED, KEPT, NOTES_MAX};

/// What a task's workers must be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who may read it.
    pub class: PrivacyClass,
    /// Languages.
    pub languages: Vec<String>,
    /// The profile that results are compared under.
    pub profile: ProfileId,
    /// Whether a model must be asked. Without, author and checker run the same thing at the same time.
    pub model: bool,
    /// Whether it must be the worker's own: nobody else may read the prompt.
    pub own_model: bool,
}

impl Need {
    /// What whoever replays a result needs: no model.
    pub(super) fn of_checker(&self) -> Self {
        Self {
            model: false,
            own_model: false,
            ..self.clone()
        }
    }
}

/// How a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Being worked on.
    Leased,
    /// Fixed, unseen.
    Committed(Hash),
    /// Asked to be opened.
    Opening(Hash),
    /// Seen.
    Opened(Box<ResultSummary>),
}

/// One part of a try, lent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) worker: PeerId,
    pub(super) since: Millis,
    pub(super) until: Millis,
    pub(super) stage: Stage,
}

impl Claim {
    /// Whether its result has been seen: it waits for nobody but the other side.
    pub(super) fn is_opened(&self) -> bool {
        matches!(self.stage, Stage::Opened(_))
    }
}

/// One try at a step: an author and a checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) attempt: u32,
    /// Absent once it was lost: what it did may still come while nobody else has begun.
    pub(super) author: Option<Claim>,
    /// Who the author was, if it was lost.
    pub(super) lost_author: Option<PeerId>,
    pub(super) checker: Option<Claim>,
    /// What the author answered, or was given to replay.
    pub(super) answer: Option<ContentRef>,
    /// Whether the answer came with the lease.
    pub(super) is_given: bool,
    /// Who was lent the check and could not do it: they are not asked again.
    pub(super) unchecked: BTreeSet<PeerId>,
    /// A disagreement is being decided.
    pub(super) is_disputed: bool,
}

impl Try {
    pub(super) fn new(attempt: u32, author: Claim, given: Option<ContentRef>) -> Self {
        Self {
            attempt,
            author: Some(author),
            lost_author: None,
            checker: None,
            answer: given,
            is_given: given.is_some(),
            unchecked: BTreeSet::new(),
            is_disputed: false,
        }
    }

    pub(super) fn claim(&self, part: Part) -> Option<&Claim> {
        match part {
            Part::Author => self.author.as_ref(),
            Part::Checker => self.checker.as_ref(),
        }
    }

    pub(super) fn claim_mut(&mut self, part: Part) -> &mut Option<Claim> {
        match part {
            Part::Author => &mut self.author,
            Part::Checker => &mut self.checker,
        }
    }

    /// Whether a checker can begin: the answer is fixed, or there is none to wait for.
    pub(super) fn wants_checker(&self, need: &Need) -> bool {
        let fixed = self
            .author
            .as_ref()
            .is_some_and(|claim| claim.stage != Stage::Leased);
        self.checker.is_none()
            && !self.is_disputed
            && self.author.is_some()
            && (fixed || !need.model || self.is_given)
    }
}

/// A planned step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepShape {
    /// Steps that it builds on.
    pub needs: Vec<u16>,
    /// Whether it puts changes together that were made apart: where nobody can, its user is asked.
    pub is_merge: bool,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) shape: StepShape,
    /// Since when its user is asked for its answer.
    pub(super) asks: Option<Millis>,
    /// The answer that its user gave; author and checker replay it.
    pub(super) given: Option<ContentRef>,
    pub(super) tries: Vec<Try>,
    /// The last attempt's number.
    pub(super) attempts: u32,
    pub(super) failures: u32,
    /// Rounds that came to no result.
    pub(super) rounds: u32,
    /// Who came to no result. When enough have, nobody will.
    pub(super) inconclusive: BTreeSet<PeerId>,
    pub(super) lost: u32,
    /// Who is not lent this step until then, as long as others are there: time for those to take it.
    pub(super) barred: BTreeMap<PeerId, Millis>,
    /// Who signed of this step what is not so, and is lent it never again.
    pub(super) lied: BTreeSet<PeerId>,
    /// Who said that nobody can do it.
    pub(super) impossible: BTreeSet<PeerId>,
    /// How often each worker gave it back without a reason that counts. No more than nodes.
    pub(super) returns: BTreeMap<PeerId, u32>,
    pub(super) is_done: bool,
}

impl Step {
    /// `peer` is not lent this step for a while.
    pub(super) fn bar(&mut self, now: Millis, peer: PeerId) {
        self.barred.insert(peer, now.after(BARRED));
    }

    /// `peer` could not check this attempt. Once `witnesses` could not, the fault is taken to be its author's: the
    /// attempt is dropped, and its author, who is returned, gets the step no more.
    pub(super) fn unchecked(
        &mut self,
        now: Millis,
        attempt: u32,
        peer: PeerId,
        witnesses: usize,
    ) -> Option<Claim> {
        let at = self.tries.iter().position(|one| one.attempt == attempt)?;
        let one = self.tries.get_mut(at)?;
        one.unchecked.insert(peer);
        if one.unchecked.len() < witnesses {
            return None;
        }
        self.lost += 1;
        let author = self.tries.remove(at).author?;
        self.bar(now, author.worker);
        Some(author)
    }
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its tests are run on nothing, and it is planned.
    Admitting,
    Working,
    /// All steps are checked.
    Done,
    Refused(ErrorObject),
    Failed(ErrorObject),
    Cancelled,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) by: PeerId,
    /// Whose turn it is that this task uses up: the submitter's owner, or the submitter.
    pub(super) account: PeerId,
    pub(super) need: Need,
    pub(super) order: u64,
    pub(super) deadline: Millis,
    pub(super) ended: Option<Millis>,
    pub(super) phase: Phase,
    pub(super) steps: Vec<Step>,
    pub(super) cursor: u64,
    pub(super) notes: VecDeque<(u64, String)>,
    /// Who was given the key, beside the coordinator.
    pub(super) readers: BTreeSet<PeerId>,
    /// Who did an earlier step, and has the contents.
    pub(super) familiar: BTreeSet<PeerId>,
}

impl Task {
    pub(super) fn note(&mut self, text: String) {
        self.cursor += 1;
        self.notes.push_back((self.cursor, text));
        if self.notes.len() > NOTES_MAX {
            self.notes.pop_front();
        }
    }

    /// The step whose answer its user is asked for, and since when.
    pub(super) fn asks(&self) -> Option<(u16, Millis)> {
        let steps = (0..).zip(&self.steps);
        steps.filter_map(|(at, step)| Some((at, step.asks?))).next()
    }

    /// Whether its time is over. It stands still while its user is asked.
    pub(super) fn is_late(&self, now: Millis) -> bool {
        match self.asks() {
            Some((_, since)) => since.after(KEPT) <= now,
            None => self.deadline <= now,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Admitting | Phase::Working)
    }

    /// Whether `step` can be begun: what it builds on is there.
    pub(super) fn is_ready(&self, step: usize) -> bool {
        let done = |need: &u16| {
            self.steps
                .get(usize::from(*need))
                .is_some_and(|s| s.is_done)
        };
        self.steps.get(step).is_some_and(|step| {
            !step.is_done && step.asks.is_none() && step.shape.needs.iter().all(done)
        })
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = (u16, &Try, Part, &Claim)> {
        let of_try =
            |step: u16| move |one| [Part::Author, Part::Checker].map(|part| (step, one, part));
        (0..)
            .zip(&self.steps)
            .flat_map(move |(at, step)| step.tries.iter().flat_map(of_try(at)))
            .filter_map(|(at, one, part): (u16, &Try, Part)| {
                one.claim(part).map(|claim| (at, one, part, claim))
            })
    }

    pub(super) fn state(&self) -> TaskState {
        match &self.phase {
            Phase::Admitting => TaskState::Submitted,
            Phase::Done => TaskState::Checked,
            Phase::Refused(_) => TaskState::Refused,
            Phase::Failed(_) => TaskState::Failed,
            Phase::Cancelled => TaskState::Cancelled,
            Phase::Working => {
                let mut claims = self.claims().map(|(_, _, _, claim)| &claim.stage);
                let mut state = match self.asks() {
                    Some(_) => TaskState::Asking,
                    None => TaskState::Queued,
                };
                if claims.any(|stage| *stage == Stage::Leased) {
                    state = TaskState::Leased;
                } else if self.claims().next().is_some() {
                    state = TaskState::Executed;
                }
                state
            }
        }
    }
}

pub(super) type Tasks = BTreeMap<edgecoder_protocol::TaskId, Task>;
