//! Duties: granted to the best candidate that members see, given back, or lost when enough of them see nobody.

use std::collections::BTreeMap;

use super::{At, Refused};
use crate::{
    canonical::Canonical,
    ids::{Hash, PeerId},
    ledger::{
        duty::{DUTIES_MAX, Duty, PROBE_AGE_MS, Probes, SUSPICION_AGE_MS, Suspicion, UNREACHED},
        entry::Fenced,
        members::MemberSet,
        state::{DutyState, Key, State, TaskState, Value},
    },
    signed::Signed,
};

impl State {
    pub(super) fn grant(
        &mut self,
        duty: Duty,
        probes: &[Signed<Probes>],
        at: At,
    ) -> Result<(), Refused> {
        if self.duty(duty).holder.is_some() {
            return Err(Refused::State("the duty is somebody's"));
        }
        let council = self.council().ok_or(Refused::Chain)?;
        let members = &council.members;
        let words = words_of(members, probes)?;
        let chain = self.network().ok_or(Refused::Chain)?.chain;
        let is_fit = |one: &&Probes| {
            one.chain == chain && one.duty == duty && one.at.0.abs_diff(at.time.0) <= PROBE_AGE_MS
        };
        if words.len() < members.quorum() || !words.values().all(is_fit) {
            return Err(Refused::Words);
        }
        let has_room = |one: &PeerId| {
            self.peer(one)
                .is_some_and(|peer| peer.duties.len() < DUTIES_MAX)
        };
        let candidates = members
            .members()
            .iter()
            // Who leaves with the next block would take the duty along.
            .filter(|one| council.next.contains(one) && has_room(one))
            .filter(|one| !self.is_listed(one, at.time))
            .filter_map(|one| Some((median(&words, one)?, tie(at.parent, duty, one), *one)));
        let best = candidates.min();
        let (_, _, holder) = best.ok_or(Refused::State("nobody is reached by enough"))?;
        let granted = DutyState {
            holder: Some(holder),
            term: at.index,
        };
        self.put(&Key::Duty(duty), Value::Duty(granted));
        if let Some(mut peer) = self.peer(&holder).cloned() {
            let place = peer.duties.partition_point(|one| *one < duty);
            peer.duties.insert(place, duty);
            self.put(&Key::Peer(holder), Value::Peer(peer));
        }
        Ok(())
    }

    pub(super) fn release(&mut self, duty: Duty, term: u64, by: PeerId) -> Result<(), Refused> {
        let held = self.held(duty, term)?;
        if held.holder != Some(by) {
            return Err(Refused::Forbidden);
        }
        self.vacate(duty, held);
        Ok(())
    }

    pub(super) fn expire(
        &mut self,
        duty: Duty,
        term: u64,
        suspicions: &[Signed<Suspicion>],
        at: At,
    ) -> Result<(), Refused> {
        let held = self.held(duty, term)?;
        let members = &self.council().ok_or(Refused::Chain)?.members;
        let words = words_of(members, suspicions)?;
        let chain = self.network().ok_or(Refused::Chain)?.chain;
        let is_fit = |one: &&Suspicion| {
            one.chain == chain
                && one.duty == duty
                && one.term == term
                && one.at.0.abs_diff(at.time.0) <= SUSPICION_AGE_MS
        };
        if words.len() < members.some_honest() || !words.values().all(is_fit) {
            return Err(Refused::Words);
        }
        self.vacate(duty, held);
        Ok(())
    }

    fn held(&self, duty: Duty, term: u64) -> Result<DutyState, Refused> {
        let held = self.duty(duty);
        if held.holder.is_none() {
            return Err(Refused::State("the duty is vacant"));
        }
        match (term, held.term) {
            (found, current) if found == current => Ok(held),
            (found, current) => Err(Refused::Term { found, current }),
        }
    }

    fn vacate(&mut self, duty: Duty, held: DutyState) {
        let vacant = DutyState {
            holder: None,
            ..held
        };
        self.put(&Key::Duty(duty), Value::Duty(vacant));
        let holder = held.holder.and_then(|one| Some((one, self.peer(&one)?)));
        if let Some((holder, peer)) = holder {
            let mut peer = peer.clone();
            peer.duties.retain(|one| *one != duty);
            self.put(&Key::Peer(holder), Value::Peer(peer));
        }
    }

    /// A peer loses its standing, and with it at once all that it held: none waits for suspicions of it.
    pub(super) fn stand_down(&mut self, peer: &PeerId) {
        let held = self.peer(peer).map(|one| one.duties.clone());
        for duty in held.unwrap_or_default() {
            self.vacate(duty, self.duty(duty));
        }
    }

    /// The fence: whoever speaks of a task holds its shard, by the current term.
    fn holds_shard(&self, by: PeerId, task: &Fenced) -> Result<(), Refused> {
        let held = self.held(Duty::Coordinator(task.shard), task.term)?;
        match held.holder == Some(by) {
            true => Ok(()),
            false => Err(Refused::Forbidden),
        }
    }

    pub(super) fn accept(&mut self, by: PeerId, task: &Fenced, at: At) -> Result<(), Refused> {
        self.holds_shard(by, task)?;
        let key = Key::Task(task.task).hash();
        if self.task_at(&key).is_some() {
            return Err(Refused::State("the task was accepted before"));
        }
        let fresh = TaskState {
            shard: task.shard,
            assigned: 0,
            at: at.time,
            result: None,
        };
        self.put_at(key, Value::Task(fresh));
        Ok(())
    }

    pub(super) fn assign(&mut self, by: PeerId, task: &Fenced, at: At) -> Result<(), Refused> {
        let (key, mut open) = self.open_task(by, task, at)?;
        open.assigned = open.assigned.saturating_add(1);
        self.put_at(key, Value::Task(open));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        by: PeerId,
        task: &Fenced,
        result: Hash,
        at: At,
    ) -> Result<(), Refused> {
        let (key, mut open) = self.open_task(by, task, at)?;
        open.result = Some(result);
        self.put_at(key, Value::Task(open));
        Ok(())
    }

    /// A task of which `by` may speak, as it is spoken of at `at`, with its key's hash.
    fn open_task(&self, by: PeerId, task: &Fenced, at: At) -> Result<(Hash, TaskState), Refused> {
        self.holds_shard(by, task)?;
        let key = Key::Task(task.task).hash();
        let open = self
            .task_at(&key)
            .filter(|one| one.shard == task.shard && one.result.is_none());
        let open = open.ok_or(Refused::State("there is no such task, or it is over"))?;
        Ok((
            key,
            TaskState {
                at: at.time,
                ..open
            },
        ))
    }
}

/// Words of members, one each; none may be another's, or forged.
fn words_of<'a, T: Canonical>(
    members: &MemberSet,
    words: &'a [Signed<T>],
) -> Result<BTreeMap<PeerId, &'a T>, Refused> {
    let opened = words.iter().map(|word| {
        let (value, signer) = word.open().map_err(|_| Refused::Words)?;
        match members.contains(&signer) {
            true => Ok((signer, value)),
            false => Err(Refused::Words),
        }
    });
    let opened = opened.collect::<Result<BTreeMap<_, _>, _>>()?;
    match opened.len() == words.len() {
        true => Ok(opened),
        false => Err(Refused::Words),
    }
}

/// In which bucket the middle one of the other members sees `candidate`; the worse of two in the middle. `None` when
/// that one does not reach it.
fn median(words: &BTreeMap<PeerId, &Probes>, candidate: &PeerId) -> Option<u8> {
    let alone = words.len() == 1;
    let others = words.iter().filter(|(by, _)| *by != candidate || alone);
    let mut buckets: Vec<u8> = others
        .map(|(_, probes)| {
            let seen = probes.buckets.iter().find(|(peer, _)| peer == candidate);
            seen.map_or(UNREACHED, |(_, bucket)| *bucket)
        })
        .collect();
    buckets.sort_unstable();
    let middle = *buckets.get(buckets.len() / 2)?;
    (middle != UNREACHED).then_some(middle)
}

/// Whom nobody can choose to be: equals are ordered by what the block before was.
fn tie(parent: Hash, duty: Duty, candidate: &PeerId) -> Hash {
    let mut to = crate::canonical::Encoder::default();
    duty.encode(to.text("edgecoder/tie/1").fixed(&parent.0));
    to.fixed(&candidate.0);
    Hash::of(&to.finish())
}
