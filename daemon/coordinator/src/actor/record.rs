//! What the actor keeps of a task, in memory and durably: the signed spec, sealed contents, checked results.

use std::collections::{BTreeMap, BTreeSet};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use edgecoder_protocol::{
    Millis, PeerId, Signed, TaskId,
    operator::ErrorObject,
    sealing::TaskKey,
    task::PrivacyClass,
    wire::{CheckedResult, Dispute, Held, Opening, Response, Sealed},
    work::{AttemptId, Part, TaskSpec, label},
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use zeroize::Zeroize;

use crate::{Ending, Ground, Need, StepShape};

/// Bytes of a record: 32 steps whose contents are all inline, and room.
const RECORD_MAX: usize = 16 << 20;
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
    /// Absent when the task is sealed from the coordinator.
    pub key: Option<TaskKey>,
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

/// A [`Matter`] on disk. Tries are not kept: after a restart what was lent counts no more.
#[derive(Serialize, Deserialize)]
struct Kept {
    submitter: PeerId,
    spec: Signed<TaskSpec>,
    accepted: Millis,
    job: Sealed,
    key: Option<[u8; 32]>,
    plan: Option<Sealed>,
    /// What each needs, and whether it merges.
    steps: Vec<(Vec<u16>, bool)>,
    given: Vec<(u16, Sealed)>,
    asks: Option<u16>,
    deadline_ms: u64,
    results: Vec<(u16, CheckedResult)>,
    ending: Option<KeptEnding>,
}

/// The record of a task.
pub fn write(matter: &Matter) -> Result<Vec<u8>, String> {
    let mut kept = Kept {
        submitter: matter.submitter,
        spec: matter.spec.clone(),
        accepted: matter.accepted,
        job: matter.job.clone(),
        key: matter.key.as_ref().map(|key| *key.expose()),
        plan: matter.plan.clone(),
        steps: matter
            .steps
            .iter()
            .map(|step| (step.needs.clone(), step.is_merge))
            .collect(),
        given: matter.given.clone().into_iter().collect(),
        asks: matter.asks,
        deadline_ms: matter.deadline_ms,
        results: matter
            .results
            .iter()
            .map(|(at, one)| (*at, one.clone()))
            .collect(),
        ending: matter.ending.as_ref().map(|ending| match ending {
            Ending::Done => KeptEnding::Done,
            Ending::Refused(error) => KeptEnding::Refused(error.clone()),
            Ending::Failed(error) => KeptEnding::Failed(error.clone()),
            Ending::Cancelled => KeptEnding::Cancelled,
        }),
    };
    let bytes = bincode::serde::encode_to_vec(&kept, CONFIG).map_err(|error| error.to_string());
    kept.key.zeroize();
    bytes
}

/// Reads what [`write`] wrote.
pub fn read(bytes: &[u8]) -> Result<Matter, String> {
    let (mut kept, _): (Kept, usize) =
        bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    let spec = kept
        .spec
        .open_by(kept.submitter)
        .map_err(|error| error.to_string())?;
    Ok(Matter {
        id: spec.id,
        need: need(spec),
        deadline_ms: kept.deadline_ms,
        submitter: kept.submitter,
        accepted: kept.accepted,
        job: kept.job,
        key: kept.key.as_mut().map(TaskKey::new),
        plan: kept.plan,
        steps: kept
            .steps
            .into_iter()
            .map(|(needs, is_merge)| StepShape { needs, is_merge })
            .collect(),
        given: kept.given.into_iter().collect(),
        asks: kept.asks,
        answering: Vec::new(),
        tries: BTreeMap::new(),
        results: kept.results.into_iter().collect(),
        ending: kept.ending.map(|ending| match ending {
            KeptEnding::Done => Ending::Done,
            KeptEnding::Refused(error) => Ending::Refused(error),
            KeptEnding::Failed(error) => Ending::Failed(error),
            KeptEnding::Cancelled => Ending::Cancelled,
        }),
        disputes: BTreeSet::new(),
        spec: kept.spec,
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
