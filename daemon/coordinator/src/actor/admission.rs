//! A task's way in: its contents are opened, its tests run on nothing, its plan made; then the machine lends it.

use std::{sync::Arc, time::Duration};

use edgecoder_protocol::{
    PeerId, Signed, TaskId,
    ledger::entry::Body,
    operator::{ErrorKind, ErrorObject},
    plan::Plan,
    sealing::TaskKey,
    wire::{Kept, Mark, Response, Sealed},
    work::{AttemptId, CapabilityToken, Job, TOKEN_MAX_MS, label},
};

use super::{
    Actor, Event, Matter,
    grants::shrink,
    record::{Record, RecordError},
};
use crate::{Need, Ports, StepShape, config::TASKS_MAX};

/// Slots that are asked for a plan, one after the other.
const PLANNERS: usize = 2;

/// What admission came to.
pub struct Admitted {
    /// Its steps.
    pub steps: Vec<StepShape>,
    /// The sealed reply that the plan was read from; none for one step.
    pub plan: Option<Sealed>,
}

/// What admission works on, away from the loop.
struct Applicant {
    submitter: PeerId,
    need: Need,
    job: Sealed,
    key: Option<TaskKey>,
    /// Leave to ask for a plan, at the slots in the order in which they are tried.
    tokens: Vec<(PeerId, Signed<CapabilityToken>)>,
}

impl<P: Ports> Actor<P> {
    /// A task that is durable.
    pub(super) fn accept(&mut self, matter: Matter) {
        let id = matter.id;
        let deadline = matter
            .accepted
            .after(Duration::from_millis(matter.deadline_ms));
        self.machine
            .submitted(id, matter.submitter, matter.need.clone(), deadline);
        let tokens = self.planning_tokens(&matter);
        let applicant = Applicant {
            submitter: matter.submitter,
            need: matter.need.clone(),
            job: matter.job.clone(),
            key: matter.key.clone(),
            tokens,
        };
        for (slot, _) in &applicant.tokens {
            self.machine.reader(id, *slot);
        }
        self.matters.insert(id, matter);
        let (ports, places) = (self.ports.clone(), self.admissions.clone());
        self.work.spawn(async move {
            // Never closed.
            let _place = places.acquire_owned().await;
            let mut silent = Vec::new();
            let admitted = admit(&ports, applicant, &mut silent).await;
            Event::Admitted(id, admitted, silent)
        });
    }

    /// What was kept of a task, if this node can go on with it.
    pub(super) fn read(&self, kept: &Kept) -> Option<Matter> {
        let me = self.key.peer_id();
        let matter = Record::read(kept).and_then(|(record, spec)| match record.name() {
            (name, false) if self.ports.is_over(name) => Err(RecordError::Over),
            _ => record.matter(&spec, me, &self.open),
        });
        let warn = |error: &RecordError| {
            tracing::warn!(task = %kept.task, %error, "a task is not gone on with");
        };
        matter.inspect_err(warn).ok()
    }

    /// Another member kept this, and it may be unknown here.
    pub(super) fn take_over(&mut self, kept: &Kept) {
        let is_known =
            self.matters.contains_key(&kept.task) || self.incoming.contains_key(&kept.task);
        if is_known || self.matters.len() >= TASKS_MAX {
            return;
        }
        let now = self.ports.now();
        if let Some(matter) = self.read(kept) {
            let name = matter.spec.commitment();
            if self.ports.is_over(name) || !self.is_ours(&matter) {
                return;
            }
            // Of what one member says alone, the submitter's words count.
            let id = matter.id;
            self.gathered.insert(id);
            self.restore(matter.begun_anew(now, self.first_mark()));
            self.save(id);
        }
    }

    /// Whether it is of this network.
    fn is_ours(&self, matter: &Matter) -> bool {
        let spec = matter.spec.open();
        spec.is_ok_and(|(spec, _)| spec.network == self.network)
    }

    /// What the record of a task is called that begins here.
    pub(super) fn first_mark(&self) -> Mark {
        let (term, version) = (self.term, 0);
        Mark { term, version }
    }

    /// A task that was coordinated before, here or by another.
    pub(super) fn restore(&mut self, matter: Matter) {
        let (id, now) = (matter.id, self.ports.now());
        let is_planned = !matter.steps.is_empty();
        if matter.ending.is_none() {
            // Whoever acknowledged it may have been gone before the log said so.
            self.log(&matter.spec, Body::Accept);
        }
        if matter.ending.is_none() && !is_planned {
            return self.accept(matter);
        }
        let deadline = matter
            .accepted
            .after(Duration::from_millis(matter.deadline_ms));
        self.machine
            .submitted(id, matter.submitter, matter.need.clone(), deadline);
        if is_planned {
            self.machine.planned(id, matter.steps.clone());
        }
        for (step, answer) in &matter.given {
            self.machine.restore_given(id, *step, answer.reference());
        }
        if let Some(step) = matter.asks {
            self.machine.restore_asks(now, id, step);
        }
        for step in matter.results.keys() {
            self.machine.restore_step(now, id, *step);
        }
        if let Some(ending) = matter.ending.clone() {
            self.machine.restore_end(now, id, ending);
        }
        self.matters.insert(id, matter);
        // Who has come to the council since, or was away, does not have it.
        drop(self.ports.share(id));
    }

    /// Leave for the coordinator itself to ask a model for a plan: at two slots, since one may just have gone.
    fn planning_tokens(&mut self, matter: &Matter) -> Vec<(PeerId, Signed<CapabilityToken>)> {
        if !matter.need.model || matter.key.is_none() {
            return Vec::new();
        }
        let Ok((spec, _)) = matter.spec.open() else {
            return Vec::new();
        };
        let mut tokens = Vec::new();
        for slot in self.next_slots(PLANNERS) {
            let token = CapabilityToken {
                network: self.network,
                attempt: AttemptId {
                    task: matter.id,
                    subtask: 0,
                    attempt: 0,
                },
                caller: self.key.peer_id(),
                slot,
                budget: spec.tokens,
                term: self.term,
                issued: self.ports.now(),
                life_ms: TOKEN_MAX_MS,
            };
            tokens.push((slot, Signed::new(token, &self.key)));
        }
        tokens
    }

    pub(super) fn admission_ended(
        &mut self,
        task: TaskId,
        result: Result<Admitted, ErrorObject>,
        silent: Vec<PeerId>,
    ) {
        for slot in silent {
            self.shun(slot);
        }
        let now = self.ports.now();
        let is_gathered = self.gathered.remove(&task);
        match result {
            // What one member says of a task is no word of its submitter's, who gives it again if it is still wanted.
            Err(error) if is_gathered => {
                tracing::warn!(%task, %error, "a task that was taken over is let go");
                self.machine.forget(task);
                self.forget(task);
            }
            Err(error) => self.machine.refused(now, task, error),
            Ok(Admitted { steps, plan }) => {
                tracing::debug!(%task, steps = steps.len(), "planned");
                let is_planned = plan.is_some();
                if let Some(matter) = self.matters.get_mut(&task) {
                    matter.steps.clone_from(&steps);
                    matter.plan = plan;
                }
                // Without a plan nothing is new: after a restart it is admitted again, the same way.
                if is_planned {
                    self.save(task);
                }
                self.machine.admitted(now, task, steps);
            }
        }
    }

    /// Writes a task's record behind what happens, or removes that of a task which is no more. A restart before the
    /// write is done does the last step again.
    pub(super) fn save(&mut self, task: TaskId) {
        if let Some(is_stale) = self.saving.get_mut(&task) {
            *is_stale = true;
            return;
        }
        self.saving.insert(task, false);
        let term = self.term;
        let record = self.matters.get_mut(&task).map(|matter| {
            let known = matter.mark;
            // Another's count is another's.
            let version = if known.term == term {
                known.version.saturating_add(1)
            } else {
                1
            };
            matter.mark = Mark { term, version };
            Record::of(matter)
        });
        let ports = self.ports.clone();
        self.work.spawn(async move {
            if let Err(error) = store(&ports, task, record).await {
                tracing::error!(%task, %error, "a task's progress is not durable");
            }
            Event::Saved(task)
        });
    }

    pub(super) fn saved(&mut self, task: TaskId) {
        if self.saving.remove(&task) == Some(true) {
            return self.save(task);
        }
        let now = self.ports.now();
        let matter = self.matters.get_mut(&task);
        for reply in matter
            .into_iter()
            .flat_map(|matter| matter.answering.drain(..))
        {
            // Who has gone asks again.
            reply.send(Response::Done { now }).ok();
        }
    }
}

/// Keeps what a task has come to, here and with other members; or has all forget it.
async fn store<P: Ports>(
    ports: &Arc<P>,
    task: TaskId,
    record: Option<Record>,
) -> Result<(), String> {
    match record {
        Some(mut record) => {
            let shrunk = shrink(ports, record.sealed().collect()).await;
            shrunk.map_err(|error| error.message)?;
            let stored = ports.store(record.write(task)?).await;
            stored.map_err(|error| error.message)?;
        }
        None => ports.unstore(task).await,
    }
    // Others hear of it in their time: what they miss is done again.
    drop(ports.share(task));
    Ok(())
}

async fn admit<P: Ports>(
    ports: &Arc<P>,
    applicant: Applicant,
    silent: &mut Vec<PeerId>,
) -> Result<Admitted, ErrorObject> {
    let one = Admitted {
        steps: vec![StepShape::default()],
        plan: None,
    };
    let bytes = ports.load(&applicant.job, applicant.submitter).await?;
    // What is sealed from the coordinator was tried and planned by its submitter.
    let Some(key) = applicant.key else {
        return Ok(one);
    };
    let bad = |message: String| {
        let next = "submit the task again from a node of this version";
        ErrorObject::new(ErrorKind::BadRequest, message, next)
    };
    let clear = key
        .open(label::JOB, &bytes)
        .map_err(|error| bad(error.to_string()))?;
    let job = Job::from_bytes(&clear).map_err(|error| bad(error.to_string()))?;
    if matches!(job, Job::Solve(_)) != applicant.need.model {
        return Err(bad("the task is not what it says of itself".into()));
    }
    ports.baseline(&job).await?;
    let Job::Solve(task) = &job else {
        return Ok(one);
    };
    // A plan that cannot be had is no reason to refuse: one step always does.
    let mut reply = None;
    for (slot, token) in applicant.tokens {
        match ports.plan(task, slot, token).await {
            Ok(said) => {
                reply = said;
                break;
            }
            Err(error) => {
                tracing::info!(%slot, %error, "no plan was made");
                silent.push(slot);
            }
        }
    }
    let Some(reply) = reply else {
        return Ok(one);
    };
    let plan = match Plan::read(&reply, task) {
        Ok(plan) if plan.steps().len() > 1 => plan,
        Ok(_) => return Ok(one),
        Err(error) => {
            tracing::info!(%error, "the model's plan is none");
            return Ok(one);
        }
    };
    let mut nonce = [0; 24];
    ports.random(&mut nonce);
    let sealed = key
        .seal(label::PLAN, reply.as_bytes(), &nonce)
        .map_err(|error| bad(error.to_string()))?;
    let sealed = match sealed.len() <= edgecoder_protocol::wire::INLINE_MAX {
        true => Sealed::Inline(sealed),
        false => Sealed::Fetch(ports.keep(sealed).await?),
    };
    let steps = plan.steps().iter().map(|step| StepShape {
        needs: step.needs.clone(),
        is_merge: !step.merges.is_empty(),
    });
    let steps = steps.collect();
    Ok(Admitted {
        steps,
        plan: Some(sealed),
    })
}
