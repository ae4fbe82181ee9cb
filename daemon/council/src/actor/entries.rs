//! Entries on their way into the log: this node's own, those that were submitted here, and whom a place or a refusal is
//! told.

use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed,
    ledger::{
        apply::Refused,
        entry::{Body, Entry, LIFE_MAX_MS},
    },
    signed::Checked,
    wire::{CouncilAnswer, CouncilAsk, CouncilReply},
};

use super::{Actor, Answered, Done, JOBS_MAX, Placed, SubmitError};
use crate::{NotTaken, ports::Ports};

/// Words about a duty are of the moment, and said again while they hold. One that waited for another of its account
/// would count when things are different.
const MOMENT_MS: u64 = 4_000;

impl<P: Ports> Actor<P> {
    /// An entry of this node's own.
    pub(super) fn entry(&self, body: Body) -> Checked<Entry> {
        self.entry_of(body, self.machine.next_nonce(&self.key.peer_id()))
    }

    fn entry_of(&self, body: Body, nonce: u64) -> Checked<Entry> {
        let life = match body {
            Body::Grant { .. } | Body::Expire { .. } | Body::Release { .. } => MOMENT_MS,
            _ => LIFE_MAX_MS / 2,
        };
        let entry = Entry {
            chain: self.machine.chain().id(),
            nonce,
            expires: Millis(self.ports.now().0 + life),
            body,
        };
        Checked::new(entry, &self.key)
    }

    /// Signs all of it and has it wait for one block; what does not, and why the first of that does not.
    pub(super) fn enter(&mut self, bodies: Vec<Body>) -> (Vec<Body>, Option<NotTaken>) {
        let now = self.ports.now();
        let mut nonce = self.machine.next_nonce(&self.key.peer_id());
        let entry = |body: &Body| {
            let entry = self.entry_of(body.clone(), nonce);
            nonce += 1;
            entry
        };
        let entries = bodies.iter().map(entry).collect();
        let (taken, why) = self.machine.submit_all(now, entries);
        (bodies.into_iter().skip(taken.len()).collect(), why)
    }

    pub(super) fn submit(&mut self, entry: Checked<Entry>, reply: Answered<Placed>) {
        match self.machine.submit(self.ports.now(), entry) {
            Ok(leaf) => self.waiting.entry(leaf).or_default().push(reply),
            // It was submitted before, here or elsewhere: it is waited for as well.
            Err(NotTaken::Known(leaf)) => self.waiting.entry(leaf).or_default().push(reply),
            Err(error) => {
                reply.send(Err(error.into())).ok();
            }
        }
    }

    /// Gives an entry to as many members as one of them is honest.
    pub(super) fn forward(&mut self, leaf: Hash, entry: &Signed<Entry>, members: &[PeerId]) {
        if self.jobs.len() >= JOBS_MAX {
            return self.forwarded(leaf, None);
        }
        let some_honest = members.len() / 3 + 1;
        for peer in members.iter().take(some_honest).copied() {
            let (ports, entry) = (self.ports.clone(), Box::new(entry.clone()));
            self.jobs.spawn(async move {
                let answer = ports.ask(peer, CouncilAsk::Submit(entry)).await;
                Done::Forwarded(peer, leaf, answer)
            });
        }
    }

    /// A member that was given an entry refuses it, which whoever wanted it in the log is told.
    pub(super) fn forwarded(&mut self, leaf: Hash, answer: Option<&CouncilAnswer>) {
        let why = match answer.map(|answer| &answer.reply) {
            Some(CouncilReply::Refused(why)) => why.clone(),
            Some(_) => return,
            None => "a member was not reached; try again".into(),
        };
        for reply in self.waiting.remove(&leaf).unwrap_or_default() {
            let error = SubmitError::from(NotTaken::Elsewhere(why.clone()));
            reply.send(Err(error)).ok();
        }
    }

    pub(super) fn dropped(&mut self, leaf: Hash, why: Refused) {
        for reply in self.waiting.remove(&leaf).unwrap_or_default() {
            let error = SubmitError::from(NotTaken::from(why));
            reply.send(Err(error)).ok();
        }
    }
}
