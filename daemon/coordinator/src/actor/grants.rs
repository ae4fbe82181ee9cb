//! Leases and news on their way out: signed, with keys wrapped, and small enough for one message.

use std::{sync::Arc, time::Duration};

use edgecoder_protocol::{
    Millis, PeerId, Signed,
    ledger::entry::Body,
    operator::ErrorObject,
    sealing::SealKey,
    wire::{CONTROL_MAX, Dispute, Grant, Held, Hint, News, Response, Sealed},
    work::{AttemptId, CapabilityToken, Part, SubtaskLease, TOKEN_MAX_MS},
};
use tokio::sync::oneshot;
use tracing::debug;

use super::{Actor, Event, requests::lease_purpose};
use crate::{Lease, Ports};

/// A slot that could not be asked is left alone for so long: it registers every 15 s if it is there.
const SHUN: Duration = Duration::from_secs(20);

/// Inline bytes of one message; the rest of the service's cap is for what is around them.
const INLINE_TOTAL: usize = CONTROL_MAX - (64 << 10);

impl<P: Ports> Actor<P> {
    pub(super) fn grant(&mut self, poll: u64, leases: Vec<Lease>) {
        let Some(take) = self.takes.remove(&poll) else {
            return;
        };
        let mut grants = Vec::new();
        for (lease, key) in leases.into_iter().zip(take.keys) {
            match self.make(&lease, key) {
                Some(grant) => {
                    let AttemptId {
                        task,
                        subtask,
                        attempt,
                    } = lease.held.attempt;
                    let part = lease.held.part;
                    debug!(%task, step = subtask, attempt, ?part, worker = %take.from, "lent");
                    grants.push(grant);
                }
                // It is never confirmed, and lent again to another.
                None => tracing::warn!(worker = %take.from, "a lease could not be made out"),
            }
        }
        let ports = self.ports.clone();
        let send = |grants| {
            // Who has gone does not confirm its leases.
            // What proves that they may be lent, whoever is asked for it adds.
            let proof = Vec::new();
            take.reply.send(Response::Granted { grants, proof }).ok();
        };
        if sizes(grants.iter_mut().flat_map(of_grant)) <= INLINE_TOTAL {
            return send(grants);
        }
        self.work.spawn(async move {
            match shrink(&ports, grants.iter_mut().flat_map(of_grant).collect()).await {
                Ok(()) => send(grants),
                Err(error) => tracing::error!(%error, "leases cannot be sent"),
            }
            Event::Over
        });
    }

    fn make(&mut self, lent: &Lease, key: SealKey) -> Option<Grant> {
        let now = self.ports.now();
        let held = lent.held;
        let mut random = [0; 32];
        self.ports.random(&mut random);
        let given = self.matters.get(&held.attempt.task)?;
        let given = given.given.get(&held.attempt.subtask).cloned();
        if given.is_some() {
            self.sides(held.attempt)?.answer.clone_from(&given);
        }
        let matter = self.matters.get(&held.attempt.task)?;
        let submitter = matter.submitter;
        let purpose = lease_purpose(&held, lent.worker);
        let wrapped = match &matter.key {
            Some(task) => Some(task.wrap(&key, &purpose, &mut random).ok()?),
            None => None,
        };
        let signed = SubtaskLease {
            network: self.network,
            attempt: held.attempt,
            part: held.part,
            worker: lent.worker,
            key,
            term: held.term,
            granted: now,
        };
        let lease = Signed::new(signed, &self.key);
        let what = lease.commitment();
        self.log(&matter.spec, |task| Body::Assign { task, what });
        let needs_model = matter.need.model && held.part == Part::Author && given.is_none();
        let answer = match (given, held.part) {
            (Some(given), _) => Some(given),
            (None, Part::Author) => None,
            (None, Part::Checker) => {
                let attempt = (held.attempt.subtask, held.attempt.attempt);
                matter
                    .tries
                    .get(&attempt)
                    .and_then(|sides| sides.answer.clone())
            }
        };
        let grant = Grant {
            lease,
            spec: matter.spec.clone(),
            job: matter.job.clone(),
            plan: matter.plan.clone(),
            answers: matter.answers_before(held.attempt.subtask),
            answer,
            key: wrapped,
            token: None,
            hints: Vec::new(),
        };
        // A sealed task's key is its submitter's to give.
        let mut asked = Vec::from_iter(grant.key.is_none().then_some(submitter));
        let token = match needs_model {
            true => {
                let (slot, token) = self.token(lent, now)?;
                asked.push(slot);
                Some(token)
            }
            false => None,
        };
        let hint = |peer| Hint {
            peer,
            addresses: self.machine.addresses(&peer),
        };
        let hints = asked.into_iter().map(hint).collect();
        Some(Grant {
            token,
            hints,
            ..grant
        })
    }

    /// Leave to ask the worker's own model, or the next slot's.
    fn token(&mut self, lease: &Lease, now: Millis) -> Option<(PeerId, Signed<CapabilityToken>)> {
        let attempt = lease.held.attempt;
        let slot = match self.machine.has_model(&lease.worker) {
            true => lease.worker,
            false => self.next_slot()?,
        };
        self.machine.reader(attempt.task, slot);
        if let Some(sides) = self.sides(attempt) {
            sides.slot = Some(slot);
        }
        let matter = self.matters.get(&attempt.task)?;
        let (spec, _) = matter.spec.open().ok()?;
        let token = CapabilityToken {
            network: self.network,
            attempt,
            caller: lease.worker,
            slot,
            budget: spec.tokens,
            term: self.term,
            issued: now,
            life_ms: TOKEN_MAX_MS,
        };
        Some((slot, Signed::new(token, &self.key)))
    }

    /// The next slot in turn, past those that could not be asked lately unless there is no other.
    fn next_slot(&mut self) -> Option<PeerId> {
        self.next_slots(1).into_iter().next()
    }

    /// The next slot in turn and those after it, `count` at most. The turn goes on by one: of two that are asked one
    /// after the other, the second mostly is not.
    pub(super) fn next_slots(&mut self, count: usize) -> Vec<PeerId> {
        let now = self.ports.now();
        self.shunned.retain(|_, until| *until > now);
        let all = self.machine.inference_slots();
        let well = |peer: &&PeerId| !self.shunned.contains_key(peer);
        let good: Vec<PeerId> = all.iter().filter(well).copied().collect();
        let slots = if good.is_empty() { all } else { good };
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % slots.len().max(1);
        let from = slots.iter().cycle().skip(first);
        from.take(count.min(slots.len())).copied().collect()
    }

    /// A worker could not ask the slot that it was sent to: nobody is sent there for a while, and the worker is not to
    /// blame. False when it asked its own.
    pub(super) fn shun_slot(&mut self, held: &Held, worker: PeerId) -> bool {
        let slot = self.sides(held.attempt).and_then(|sides| sides.slot);
        match slot.filter(|slot| *slot != worker) {
            Some(slot) => {
                self.shun(slot);
                true
            }
            None => false,
        }
    }

    /// Sends nobody to a slot for a while.
    pub(super) fn shun(&mut self, slot: PeerId) {
        let until = self.ports.now().after(SHUN);
        self.shunned.insert(slot, until);
    }

    pub(super) fn send_news(&mut self, mut news: News, reply: oneshot::Sender<Response>) {
        if sizes(of_news(&mut news)) <= INLINE_TOTAL {
            reply.send(Response::Task(Box::new(news))).ok();
            return;
        }
        let ports = self.ports.clone();
        self.work.spawn(async move {
            let shrunk = shrink(&ports, of_news(&mut news).collect()).await;
            let response = match shrunk {
                Ok(()) => Response::Task(Box::new(news)),
                Err(error) => Response::Refused(error),
            };
            reply.send(response).ok();
            Event::Over
        });
    }
}

fn of_grant(grant: &mut Grant) -> impl Iterator<Item = &mut Sealed> {
    let answers = grant.answers.iter_mut().map(|(_, answer)| answer);
    [&mut grant.job]
        .into_iter()
        .chain(&mut grant.plan)
        .chain(answers)
        .chain(&mut grant.answer)
}

fn of_news(news: &mut News) -> impl Iterator<Item = &mut Sealed> {
    let disputed = news.dispute.iter_mut().flat_map(|dispute| {
        let Dispute {
            author,
            checker,
            answer,
            ..
        } = &mut **dispute;
        [&mut author.report, &mut checker.report]
            .into_iter()
            .chain(answer)
    });
    let checked = news.results.iter_mut();
    let checked = checked.flat_map(|(_, result)| result.sealed());
    news.plan.iter_mut().chain(disputed).chain(checked)
}

fn sizes<'a>(all: impl Iterator<Item = &'a mut Sealed>) -> usize {
    let inline = |sealed: &mut Sealed| match sealed {
        Sealed::Inline(bytes) => bytes.len(),
        Sealed::Fetch(_) => 0,
    };
    all.map(inline).sum()
}

/// Lets the largest be fetched, until the rest fits.
pub(super) async fn shrink<P: Ports>(
    ports: &Arc<P>,
    mut all: Vec<&mut Sealed>,
) -> Result<(), ErrorObject> {
    loop {
        let total: usize = sizes(all.iter_mut().map(|sealed| &mut **sealed));
        if total <= INLINE_TOTAL {
            return Ok(());
        }
        let length = |sealed: &&mut &mut Sealed| match &***sealed {
            Sealed::Inline(bytes) => bytes.len(),
            Sealed::Fetch(_) => 0,
        };
        let Some(largest) = all.iter_mut().max_by_key(length) else {
            return Ok(());
        };
        if let Sealed::Inline(bytes) = &mut **largest {
            let reference = ports.keep(std::mem::take(bytes)).await?;
            **largest = Sealed::Fetch(reference);
        }
    }
}
