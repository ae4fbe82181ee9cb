//! What the actor keeps of a task, in memory and durably: the signed spec, sealed contents, checked results.

use std::collections::{BTreeMap, BTreeSet};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed, TaskId,
    ledger::members::MEMBERS_MAX,
    operator::ErrorObject,
    plan::STEPS_MAX,
    sealing::{OpenKey, Purpose, TaskKey, WrappedKey},
    task::PrivacyClass,
    wire::{
        CheckedResult, Dispute, Held, Kept, Mark, Opening, RECORD_MAX, Response, Sealed, Submission,
    },
    work::{AttemptId, Part, TaskSpec, label},
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{Ending, Ground, Need, StepShape, config::KEPT};

const CONFIG: Configuration<LittleEndian, Fixint, Limit<RECORD_MAX>> = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit::<RECORD_MAX>();

/// One try's sides, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The sealed answer.
    pub answer: Option<Sealed>,
    pub author: Option<Opening>,
    pub checker: Option<Opening>,
    /// The coordinator's own run, which decided a dispute.
    pub own: Option<Opening>,
    /// Whose model its author may ask.
    pub slot: Option<PeerId>,
}

/// A task's contents.
pub struct Matter {
    pub id: TaskId,
    pub submitter: PeerId,
    pub spec: Signed<TaskSpec>,
    pub need: Need,
    pub accepted: Millis,
    pub deadline_ms: u64,
    pub job: Sealed,
    /// As its submitter wrapped it for each member.
    pub keys: Vec<(PeerId, WrappedKey)>,
    /// Absent when the task is sealed from the coordinator.
    pub key: Option<TaskKey>,
    /// Of its record.
    pub mark: Mark,
    /// The sealed reply that the plan is read from.
    pub plan: Option<Sealed>,
    /// The planned steps; none until it is planned.
    pub steps: Vec<StepShape>,
    /// By step and attempt; those of a step that is done are dropped.
    pub tries: BTreeMap<(u16, u32), Sides>,
    pub results: BTreeMap<u16, CheckedResult>,
    pub ending: Option<Ending>,
    /// Attempts that its submitter is to decide, since it holds the key. Two at most: as many as run at a time.
    pub disputes: BTreeSet<AttemptId>,
    /// Sealed answers that its submitter gave, by step.
    pub given: BTreeMap<u16, Sealed>,
    /// The step whose answer its submitter is asked for.
    pub asks: Option<u16>,
    /// Who waits until that answer is durable.
    pub answering: Vec<oneshot::Sender<Response>>,
}

/// What is sealed, opened.
pub struct Unsealed {
    pub job: Vec<u8>,
    pub plan: Option<Vec<u8>>,
    pub answers: Vec<(u16, Vec<u8>)>,
    pub answer: Option<Vec<u8>>,
}

impl Matter {
    /// A task that has just come, whose spec is verified.
    pub fn of(submission: Submission, spec: &TaskSpec, from: PeerId, key: Option<TaskKey>) -> Self {
        Self {
            id: spec.id,
            submitter: from,
            need: need(spec),
            accepted: Millis(0),
            deadline_ms: spec.deadline_ms,
            job: submission.job,
            keys: submission.keys,
            key,
            mark: Mark::default(),
            plan: None,
            steps: Vec::new(),
            tries: BTreeMap::new(),
            results: BTreeMap::new(),
            ending: None,
            disputes: BTreeSet::new(),
            given: BTreeMap::new(),
            asks: None,
            answering: Vec::new(),
            spec: submission.spec,
        }
    }

    /// Opens sealed bytes and puts them together.
    pub fn ground(key: &TaskKey, step: u16, sealed: Unsealed) -> Result<Ground, String> {
        let open = |name: &str, bytes: &[u8]| key.open(name, bytes).map_err(|e| e.to_string());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|e| e.to_string());
        let job = open(label::JOB, &sealed.job)?;
        let plan = sealed
            .plan
            .map(|bytes| open(label::PLAN, &bytes).and_then(text));
        let answers = sealed.answers.into_iter();
        let answers = answers.map(|(at, bytes)| Ok((at, open(label::ANSWER, &bytes)?)));
        let answer = sealed.answer.map(|bytes| open(label::ANSWER, &bytes));
        Ok(Ground {
            job: edgecoder_protocol::work::Job::from_bytes(&job).map_err(|e| e.to_string())?,
            plan: plan.transpose()?,
            step,
            answers: answers.collect::<Result<_, String>>()?,
            answer: answer.transpose()?,
        })
    }

    /// What its submitter is to decide.
    pub fn dispute(&self) -> Option<Box<Dispute>> {
        // What was dropped meanwhile has no sides.
        let (attempt, sides) = self.disputes.iter().find_map(|attempt| {
            let sides = self.tries.get(&(attempt.subtask, attempt.attempt))?;
            Some((*attempt, sides))
        })?;
        let checker = sides.checker.clone()?;
        let (summary, _) = checker.summary.open().ok()?;
        let held = Held {
            attempt,
            part: Part::Checker,
            term: summary.term,
        };
        Some(Box::new(Dispute {
            held,
            answer: sides.answer.clone(),
            author: sides.author.clone()?,
            checker,
        }))
    }

    /// As its submitter gave it, without what has come of it.
    pub fn begun_anew(self, now: Millis, mark: Mark) -> Self {
        let spec = self.spec.open().ok().map(|(spec, _)| spec.deadline_ms);
        Self {
            deadline_ms: spec.unwrap_or(self.deadline_ms),
            accepted: now,
            mark,
            plan: None,
            steps: Vec::new(),
            results: BTreeMap::new(),
            ending: None,
            given: BTreeMap::new(),
            asks: None,
            ..self
        }
    }

    /// A commitment to how it ended: nobody guesses it who does not have the signed results.
    pub fn outcome(&self) -> Hash {
        let word = match &self.ending {
            Some(Ending::Done) => 0,
            Some(Ending::Refused(_)) => 1,
            Some(Ending::Failed(_)) => 2,
            Some(Ending::Cancelled) | None => 3,
        };
        let results = self.results.values();
        let signed = results.flat_map(|one| {
            [&one.author.summary, &one.checker.summary].map(|summary| summary.commitment().0)
        });
        let whole: Vec<[u8; 32]> = [self.spec.commitment().0]
            .into_iter()
            .chain(signed)
            .collect();
        Hash::of(&[b"edgecoder/outcome/1", &[word][..], whole.as_flattened()].concat())
    }

    /// Sealed answers of the steps that `step` builds on.
    pub fn answers_before(&self, step: u16) -> Vec<(u16, Sealed)> {
        let mut open = vec![step];
        let mut before = BTreeMap::new();
        while let Some(next) = open.pop() {
            let needs = self.steps.get(usize::from(next)).map(|step| &step.needs);
            for need in needs.into_iter().flatten() {
                let answer = self
                    .results
                    .get(need)
                    .and_then(|result| result.answer.clone());
                if let Some(answer) = answer
                    && before.insert(*need, answer).is_none()
                {
                    open.push(*need);
                }
            }
        }
        before.into_iter().collect()
    }
}

#[derive(Serialize, Deserialize)]
enum KeptEnding {
    Done,
    Refused(ErrorObject),
    Failed(ErrorObject),
    Cancelled,
}

/// A [`Matter`] on disk, here and with other members, and so without the key in clear. Tries are not kept: what an
/// earlier term lent counts no more.
#[derive(Serialize, Deserialize)]
pub struct Record {
    mark: Mark,
    submitter: PeerId,
    spec: Signed<TaskSpec>,
    accepted: Millis,
    job: Sealed,
    keys: Vec<(PeerId, WrappedKey)>,
    plan: Option<Sealed>,
    /// What each needs, and whether it merges.
    steps: Vec<(Vec<u16>, bool)>,
    given: Vec<(u16, Sealed)>,
    asks: Option<u16>,
    deadline_ms: u64,
    results: Vec<(u16, CheckedResult)>,
    ending: Option<KeptEnding>,
}

/// Why a record is not gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is none.
    #[error("it cannot be read: {0}")]
    Damaged(String),
    /// The log says that it is over, and this does not say how: its submitter has the result, or sends it again.
    #[error("it is over")]
    Over,
    /// Its submitter did not wrap its key for this node.
    #[error("its key is not for this node; its submitter sends it again")]
    Closed,
}

fn damaged(error: impl ToString) -> RecordError {
    RecordError::Damaged(error.to_string())
}

impl Record {
    /// What is to be kept of a task.
    pub fn of(matter: &Matter) -> Self {
        let steps = matter.steps.iter();
        Self {
            mark: matter.mark,
            submitter: matter.submitter,
            spec: matter.spec.clone(),
            accepted: matter.accepted,
            job: matter.job.clone(),
            keys: matter.keys.clone(),
            plan: matter.plan.clone(),
            steps: steps
                .map(|step| (step.needs.clone(), step.is_merge))
                .collect(),
            given: matter.given.clone().into_iter().collect(),
            asks: matter.asks,
            deadline_ms: matter.deadline_ms,
            results: matter.results.clone().into_iter().collect(),
            ending: matter.ending.as_ref().map(|ending| match ending {
                Ending::Done => KeptEnding::Done,
                Ending::Refused(error) => KeptEnding::Refused(error.clone()),
                Ending::Failed(error) => KeptEnding::Failed(error.clone()),
                Ending::Cancelled => KeptEnding::Cancelled,
            }),
        }
    }

    /// Everything sealed in it.
    pub fn sealed(&mut self) -> impl Iterator<Item = &mut Sealed> {
        let results = self.results.iter_mut();
        let results = results.flat_map(|(_, result)| result.sealed());
        let given = self.given.iter_mut().map(|(_, answer)| answer);
        let first = [&mut self.job].into_iter().chain(&mut self.plan);
        first.chain(given).chain(results)
    }

    /// Its bytes, with what they are called.
    pub fn write(&self, task: TaskId) -> Result<Kept, String> {
        let record = bincode::serde::encode_to_vec(self, CONFIG).map_err(|e| e.to_string())?;
        if record.len() > RECORD_MAX {
            return Err(format!("its record has {} bytes", record.len()));
        }
        let mark = self.mark;
        Ok(Kept { task, mark, record })
    }

    /// Reads what [`Self::write`] wrote, as another may have changed it; with what its submitter signed.
    pub fn read(kept: &Kept) -> Result<(Self, TaskSpec), RecordError> {
        let (record, used): (Self, usize) =
            bincode::serde::decode_from_slice(&kept.record, CONFIG).map_err(damaged)?;
        let spec = record
            .spec
            .open_by(record.submitter)
            .map_err(damaged)?
            .clone();
        let is_whole = used == kept.record.len()
            && spec.id == kept.task
            && record.mark == kept.mark
            && spec.content == record.job.reference()
            && record.has_sense(&spec);
        match is_whole {
            true => Ok((record, spec)),
            false => Err(damaged("it is another task's")),
        }
    }

    /// Whether an honest coordinator could have written it: steps that build on earlier ones, results of steps that
    /// there are, and time that a submitter and its user could have taken.
    fn has_sense(&self, spec: &TaskSpec) -> bool {
        let count = self.steps.len();
        let is_step = |at: u16| usize::from(at) < count.max(1);
        let builds_on_earlier = |(at, (needs, _)): (usize, &(Vec<u16>, bool))| {
            needs.iter().all(|need| usize::from(*need) < at)
        };
        let longest = spec
            .deadline_ms
            .saturating_add(STEPS_MAX as u64 * KEPT.as_millis() as u64);
        count <= STEPS_MAX
            && self.steps.iter().enumerate().all(builds_on_earlier)
            && self.results.len() <= count.max(1)
            && self.results.iter().all(|(at, _)| is_step(*at))
            && self.given.iter().all(|(at, _)| is_step(*at))
            && self.asks.is_none_or(is_step)
            && self.keys.len() <= MEMBERS_MAX
            && self.deadline_ms <= longest
    }

    /// What the log calls the task, and whether this says how it ended.
    pub fn name(&self) -> (Hash, bool) {
        (self.spec.commitment(), self.ending.is_some())
    }

    /// The task that this [`TaskSpec`] was read with, for the member who has `open`.
    pub fn matter(
        self,
        spec: &TaskSpec,
        me: PeerId,
        open: &OpenKey,
    ) -> Result<Matter, RecordError> {
        let key = match spec.class {
            PrivacyClass::Sealed => None,
            _ => Some(task_key(spec.id, &self.keys, me, open).ok_or(RecordError::Closed)?),
        };
        let steps = self.steps.into_iter();
        Ok(Matter {
            id: spec.id,
            need: need(spec),
            deadline_ms: self.deadline_ms,
            submitter: self.submitter,
            accepted: self.accepted,
            job: self.job,
            keys: self.keys,
            key,
            mark: self.mark,
            plan: self.plan,
            steps: steps
                .map(|(needs, is_merge)| StepShape { needs, is_merge })
                .collect(),
            given: self.given.into_iter().collect(),
            asks: self.asks,
            answering: Vec::new(),
            tries: BTreeMap::new(),
            results: self.results.into_iter().collect(),
            ending: self.ending.map(|ending| match ending {
                KeptEnding::Done => Ending::Done,
                KeptEnding::Refused(error) => Ending::Refused(error),
                KeptEnding::Failed(error) => Ending::Failed(error),
                KeptEnding::Cancelled => Ending::Cancelled,
            }),
            disputes: BTreeSet::new(),
            spec: self.spec,
        })
    }
}

/// A task's key, where it was wrapped for `me`.
pub fn task_key(
    task: TaskId,
    keys: &[(PeerId, WrappedKey)],
    me: PeerId,
    open: &OpenKey,
) -> Option<TaskKey> {
    let (_, wrapped) = keys.iter().find(|(reader, _)| *reader == me)?;
    TaskKey::unwrap(wrapped, open, &Purpose::of_member(task, me)).ok()
}

/// What a member that keeps a record for others has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The sealed request: fetched before the task is said to be kept, since there may be no other copy.
    pub job: Sealed,
    /// What else is sealed in it.
    pub others: Vec<Sealed>,
    /// When it came in, by its coordinator's clock.
    pub accepted: Millis,
}

/// Looks into a record, with its submitter's signature checked.
///
/// # Errors
/// A sentence, when it is none that a coordinator writes.
pub fn inspect(kept: &Kept) -> Result<Inspected, String> {
    let (mut record, _) = Record::read(kept).map_err(|error| error.to_string())?;
    let job = record.job.clone();
    Ok(Inspected {
        others: record.sealed().skip(1).map(|one| one.clone()).collect(),
        job,
        accepted: record.accepted,
    })
}

/// What a spec asks of workers.
pub fn need(spec: &TaskSpec) -> Need {
    Need {
        class: spec.class,
        languages: spec.requirements.languages.clone(),
        profile: spec.requirements.profile,
        model: spec.requirements.model,
        own_model: spec.requirements.model && spec.class == PrivacyClass::Sealed,
    }
}
