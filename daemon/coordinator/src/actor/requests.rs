//! What nodes ask: each request is verified here, before the machine hears of it.

use std::sync::Arc;

use edgecoder_protocol::{
    Millis, PeerId, Signed, TaskId,
    canonical::Canonical,
    ledger::entry::Body,
    operator::{ErrorKind, ErrorObject},
    record::{PeerRecord, Role, open_record},
    sealing::{Purpose, SealError, SealKey},
    task::PrivacyClass,
    wire::{
        Commit, DONE_AFTER_MAX, Held, Listed, News, Request, Response, Sealed, Submission, WhyBack,
    },
    work::{LeaseKey, Part},
};
use tokio::sync::oneshot;

use super::{
    Actor, Event, Matter,
    record::{self, Record},
    refusal,
};
use crate::{Ending, NodeOffer, Ports};

/// Watches that wait; a further one is answered at once.
const WATCHES_MAX: usize = 8_192;

/// A poll for work that waits.
pub struct Take {
    pub from: PeerId,
    pub keys: Vec<SealKey>,
    pub reply: oneshot::Sender<Response>,
}

/// A submitter that waits for news.
pub struct Watch {
    pub from: PeerId,
    pub task: TaskId,
    pub after: u64,
    pub until: Millis,
    pub reply: oneshot::Sender<Response>,
}

type Reply = oneshot::Sender<Response>;

impl<P: Ports> Actor<P> {
    pub(super) fn request(&mut self, from: PeerId, request: Request, reply: Reply) {
        let now = self.ports.now();
        let done = Response::Done { now };
        let response = match request {
            Request::Register(record) => self.register(now, from, &record),
            Request::Submit(submission) => return self.submit(now, from, *submission, reply),
            Request::Watch {
                task,
                after,
                wait_ms,
            } => {
                let until = Millis(now.0 + u64::from(wait_ms.min(DONE_AFTER_MAX)));
                let watch = Watch {
                    from,
                    task,
                    after,
                    until,
                    reply,
                };
                return self.watch(watch);
            }
            Request::Resolve { task, step, answer } => {
                return self.resolve(now, from, task, (step, answer), reply);
            }
            Request::Received { task } => {
                self.machine.received(from, task);
                done
            }
            Request::Cancel { task } => {
                self.machine.cancel(now, from, task);
                done
            }
            Request::Take { keys, wait_ms } => return self.take(now, from, &keys, wait_ms, reply),
            Request::Heartbeat { held } => {
                let lost = self.machine.heartbeat(now, from, &held);
                Response::Lost { held: lost, now }
            }
            Request::Commit(commit) => self.commit(now, from, *commit),
            Request::GiveBack {
                held,
                why,
                sentence,
            } => {
                let is_slots_fault = why == WhyBack::Unable
                    && held.part == Part::Author
                    && self.shun_slot(&held, from);
                let why = if is_slots_fault {
                    WhyBack::Drained
                } else {
                    why
                };
                self.machine.given_back(now, from, held, why, &sentence);
                done
            }
            Request::Judge { held, opening } => self.judged(now, from, held, opening),
            Request::Peers { .. }
            | Request::Open { .. }
            | Request::Stop { .. }
            | Request::Keep(_)
            | Request::Unkeep { .. }
            | Request::Marks { .. }
            | Request::Fetch { .. }
            | Request::AskAdmission { .. }
            | Request::Desk
            | Request::Key { .. } => not_for_a_coordinator(),
        };
        // Who has gone needs no answer.
        reply.send(response).ok();
    }

    /// What was refused is an offence when it is what nobody honest sends: something signed, and not by its sender.
    fn blame_forged<T: Canonical>(&mut self, from: PeerId, signed: &[Signed<T>]) {
        if signed.iter().any(|one| one.open_by(from).is_err()) {
            let ports = self.ports.clone();
            self.work.spawn(async move {
                ports.penalise(from).await;
                Event::Over
            });
        }
    }

    fn register(&mut self, now: Millis, from: PeerId, signed: &Signed<PeerRecord>) -> Response {
        let record = match open_record(signed, self.network) {
            Ok(record) if record.peer == from => record,
            Ok(_) => {
                self.blame_forged(from, std::slice::from_ref(signed));
                let message = "the record is another node's";
                return refusal(ErrorKind::BadRequest, message, "register with your own");
            }
            Err(error) => {
                self.blame_forged(from, std::slice::from_ref(signed));
                let next = "join this network with a fresh invite";
                return refusal(ErrorKind::BadRequest, error.to_string(), next);
            }
        };
        let until = Millis(now.0 + u64::from(record.life_ms));
        let offer = self.offer(record, until);
        match self.machine.register(now, from, offer) {
            Ok(()) => Response::Done { now },
            Err(error) => Response::Refused(error),
        }
    }

    fn offer(&self, record: &PeerRecord, until: Millis) -> NodeOffer {
        NodeOffer {
            owner: record.owner_in(&self.genesis),
            is_worker: record.roles.contains(&Role::Worker),
            is_admitted: self.ports.refuses(record.peer).is_none(),
            slots: record.slots as usize,
            has_model: !record.models.is_empty(),
            is_inference: record.roles.contains(&Role::Inference) && !record.models.is_empty(),
            languages: record.languages.iter().cloned().collect(),
            profile: record.profile,
            addresses: record.addresses.clone(),
            until,
        }
    }

    /// A node that is known here, and may have registered with another coordinator.
    pub(super) fn known(&mut self, now: Millis, node: &Listed) {
        let Ok(record) = open_record(&node.record, self.network) else {
            return;
        };
        let until = Millis(now.0 + u64::from(record.life_ms.min(node.left_ms)));
        let offer = self.offer(record, until);
        // With too many, those that are there register again.
        self.machine.register(now, record.peer, offer).ok();
    }

    fn submit(&mut self, now: Millis, from: PeerId, submission: Submission, reply: Reply) {
        let spec = submission.spec.clone();
        let matter = match self.matter(now, from, submission) {
            Ok(matter) => matter,
            Err(error) => {
                self.blame_forged(from, &[spec]);
                reply.send(Response::Refused(error)).ok();
                return;
            }
        };
        let id = matter.id;
        if let Some((known, waiting)) = self.incoming.get_mut(&id) {
            match known.submitter == from {
                true => waiting.push(reply),
                // As for any task that is another's.
                false => drop(reply),
            }
            return;
        }
        match self.machine.check(now, from, id, &matter.need) {
            Ok(true) => {}
            Ok(false) => {
                reply.send(Response::Done { now }).ok();
                return;
            }
            Err(error) => {
                reply.send(Response::Refused(error)).ok();
                return;
            }
        }
        let ports = self.ports.clone();
        let (record, job) = (Record::of(&matter), matter.job.clone());
        self.incoming.insert(id, (matter, vec![reply]));
        self.work.spawn(async move {
            Event::Stored(id, store_first(&ports, id, record, &job, from).await)
        });
    }

    /// What a submission is, once signature, network and key are verified.
    fn matter(
        &self,
        now: Millis,
        from: PeerId,
        submission: Submission,
    ) -> Result<Matter, ErrorObject> {
        let bad = |message: String| {
            let next = "submit the task again from a node of this network and version";
            ErrorObject::new(ErrorKind::BadRequest, message, next)
        };
        let signed = submission.spec.clone();
        let spec = signed
            .open_by(from)
            .map_err(|error| bad(error.to_string()))?;
        if spec.network != self.network {
            return Err(bad("the task is of another network".into()));
        }
        if submission.job.reference() != spec.content {
            return Err(bad("the content is not what the task names".into()));
        }
        let me = self.key.peer_id();
        let key = record::task_key(spec.id, &submission.keys, me, &self.open);
        match (spec.class == PrivacyClass::Sealed, key) {
            (true, _) if !submission.keys.is_empty() => {
                Err(bad("a sealed task came with its key".into()))
            }
            (false, None) if submission.keys.iter().any(|(reader, _)| *reader == me) => {
                Err(bad(SealError::Unreadable.to_string()))
            }
            (false, None) => Err(bad("the task came without its key for this node".into())),
            (_, key) => Ok(Matter {
                accepted: now,
                mark: self.first_mark(),
                ..Matter::of(submission, spec, from, key)
            }),
        }
    }

    pub(super) fn stored(&mut self, task: TaskId, result: Result<(), ErrorObject>) {
        let Some((matter, waiting)) = self.incoming.remove(&task) else {
            return;
        };
        let now = self.ports.now();
        let response = match result {
            Ok(()) => {
                self.log(&matter.spec, Body::Accept);
                self.accept(matter);
                Response::Done { now }
            }
            Err(error) => Response::Refused(error),
        };
        for reply in waiting {
            reply.send(response.clone()).ok();
        }
    }

    fn watch(&mut self, watch: Watch) {
        self.watches.push(watch);
        let task = self.watches.last().map(|watch| watch.task);
        self.answer_watches(task);
        if self.watches.len() > WATCHES_MAX {
            // The oldest asks again.
            self.watches.remove(0);
        }
    }

    /// Answers who has waited long enough, or has news to hear; of one task or all.
    pub(super) fn answer_watches(&mut self, of: Option<TaskId>) {
        let now = self.ports.now();
        let watches = std::mem::take(&mut self.watches);
        for watch in watches {
            if of.is_some_and(|task| task != watch.task) {
                self.watches.push(watch);
                continue;
            }
            let Some(standing) = self.machine.standing(watch.from, watch.task, watch.after) else {
                let next = "`edgecoder task list` shows the tasks of this node";
                let message = "the coordinator does not know this task";
                watch
                    .reply
                    .send(refusal(ErrorKind::NotFound, message, next))
                    .ok();
                continue;
            };
            let has_news = standing.cursor > watch.after || standing.ending.is_some();
            if !has_news && now < watch.until && !watch.reply.is_closed() {
                self.watches.push(watch);
                continue;
            }
            let matter = self.matters.get(&watch.task);
            let mut news = News {
                cursor: standing.cursor,
                state: standing.state,
                notes: standing.notes,
                fault: None,
                plan: matter.and_then(|matter| matter.plan.clone()),
                results: Vec::new(),
                asks: standing.asks,
                dispute: matter.and_then(Matter::dispute),
                readers: standing.readers,
            };
            let is_shown = standing.ending == Some(Ending::Done) || standing.asks.is_some();
            if let Some(matter) = matter.filter(|_| is_shown) {
                news.results = matter.results.clone().into_iter().collect();
            }
            match standing.ending {
                Some(Ending::Refused(error) | Ending::Failed(error)) => news.fault = Some(error),
                Some(Ending::Done | Ending::Cancelled) | None => {}
            }
            self.send_news(news, watch.reply);
        }
    }

    fn take(
        &mut self,
        now: Millis,
        from: PeerId,
        keys: &[Signed<LeaseKey>],
        wait_ms: u32,
        reply: Reply,
    ) {
        let network = self.network;
        let verified = keys.iter().map(|key| {
            let key = key.open_by(from).ok()?;
            (key.network == network).then_some(key.key)
        });
        let Some(keys) = verified
            .collect::<Option<Vec<SealKey>>>()
            .filter(|keys| !keys.is_empty())
        else {
            self.blame_forged(from, keys);
            let message = "a lease key is not signed by the node that asks, or of another network";
            reply
                .send(refusal(ErrorKind::BadRequest, message, "sign fresh keys"))
                .ok();
            return;
        };
        if let Some(why) = self.ports.refuses(from) {
            // Who has gone needs no answer.
            reply.send(Response::Refused(why)).ok();
            return;
        }
        self.number += 1;
        let (number, count) = (self.number, keys.len());
        self.takes.insert(number, Take { from, keys, reply });
        let until = Millis(now.0 + u64::from(wait_ms.min(DONE_AFTER_MAX)));
        self.machine.take(now, number, from, count, until);
    }

    fn resolve(
        &mut self,
        now: Millis,
        from: PeerId,
        task: TaskId,
        (step, answer): (u16, Sealed),
        reply: Reply,
    ) {
        let reference = answer.reference();
        if let Err(error) = self.machine.resolved(now, from, task, step, reference) {
            // Who has gone needs no answer.
            reply.send(Response::Refused(error)).ok();
            return;
        }
        // The deadline has moved with the time that its user took.
        let deadline = self.machine.deadline(task);
        if let Some(matter) = self.matters.get_mut(&task) {
            matter.given.insert(step, answer);
            matter.asks = None;
            let span = deadline.map(|deadline| deadline.0.saturating_sub(matter.accepted.0));
            matter.deadline_ms = span.unwrap_or(matter.deadline_ms);
            // Told once it is durable.
            matter.answering.push(reply);
        }
        self.save(task);
    }

    fn commit(&mut self, now: Millis, from: PeerId, commit: Commit) -> Response {
        let Commit {
            held,
            commitment,
            answer,
        } = commit;
        let reference = answer.as_ref().map(|answer| answer.reference());
        match self
            .machine
            .committed(now, from, held, commitment, reference)
        {
            Ok(()) => {
                if held.part == Part::Author
                    && let Some(sides) = self.sides(held.attempt)
                {
                    sides.answer = sides.answer.take().or(answer);
                }
                Response::Done { now }
            }
            Err(error) => Response::Refused(error),
        }
    }
}

fn not_for_a_coordinator() -> Response {
    let message = "this is not for a coordinator";
    refusal(
        ErrorKind::BadRequest,
        message,
        "ask the node that it is for",
    )
}

/// A task is kept, here and by others, before it is acknowledged: its sealed request as well, of which there may be no
/// other copy.
async fn store_first<P: Ports>(
    ports: &Arc<P>,
    task: TaskId,
    record: Record,
    job: &Sealed,
    from: PeerId,
) -> Result<(), ErrorObject> {
    let too_large = |error: String| ErrorObject::new(ErrorKind::TooLarge, error, "send less");
    ports.load(job, from).await?;
    let kept = record.write(task).map_err(too_large)?;
    ports.store(kept).await?;
    let shared = ports.share(task).await;
    if shared.is_err() {
        // What was not acknowledged must not be done later, behind its submitter's back.
        ports.unstore(task).await;
        drop(ports.share(task));
    }
    shared
}

/// What a task's key is wrapped for a worker under.
pub fn lease_purpose(held: &Held, worker: PeerId) -> Purpose {
    Purpose {
        task: held.attempt.task,
        subtask: held.attempt.subtask,
        attempt: held.attempt.attempt,
        reader: worker,
        term: held.term,
    }
}
