//! Originating: who is asked for a duty that is free or about to be, and who of the members says so to the log.
//!
//! Only one of them has to. They stand in an order that nobody chooses, each waits for those before it, and what comes
//! twice is refused by the log without harm.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Hash, PeerId, Signed,
    canonical::Encoder,
    ledger::{
        duty::{DUTIES_MAX, Duty, PROBE_AGE_MS, Probes, UNREACHED},
        entry::Body,
        state::DutyState,
    },
    signed::Checked,
};

use super::{Duties, Moment, Output, Scene, Tell};

/// Probes are said again so often while they are needed.
const SAY_EVERY: Duration = Duration::from_millis(750);
/// So often while nobody sees anybody who would take the duty.
const SAY_IN_VAIN: Duration = Duration::from_millis(5_000);
/// When they have changed, so soon.
const SAY_CHANGED: Duration = Duration::from_millis(100);
/// Words heard longer ago than this speak of how things were: two may be lost.
const WORDS_FOR: Duration = Duration::from_millis(2_000);
/// So long the last of those that are reached are waited for: with all words in, one that lies moves no median.
const GATHER: Duration = Duration::from_millis(150);
/// Each in the order waits so much longer than the one before it: several times what a height takes.
const PLACE: Duration = Duration::from_millis(250);
/// What has not come into the log by then is submitted again: two heights in a bad case.
const RESUBMIT: Duration = Duration::from_millis(2_000);

/// What is known and was said towards the next grant of one duty.
#[derive(Debug, Default)]
pub(super) struct Granting {
    /// Each member's last probes with when they were heard; at most `MEMBERS_MAX`.
    words: BTreeMap<PeerId, (Duration, Checked<Probes>)>,
    /// What this node last said.
    said: Option<(Duration, Vec<(PeerId, u8)>)>,
    /// Since when there is enough to submit.
    ready: Option<Duration>,
    /// When each was last submitted.
    released: Option<Duration>,
    expired: Option<Duration>,
    granted: Option<Duration>,
}

impl Granting {
    /// Whether neither these buckets nor what was heard lately speak for anybody.
    fn is_in_vain(&self, now: Duration, buckets: &[(PeerId, u8)]) -> bool {
        let sees_nobody = |buckets: &[(PeerId, u8)]| {
            let mut seen = buckets.iter().map(|(_, bucket)| *bucket);
            seen.all(|bucket| bucket == UNREACHED)
        };
        let mut words = self.words.values();
        sees_nobody(buckets)
            && words.all(|(heard, word)| {
                now >= *heard + WORDS_FOR || sees_nobody(&word.value().buckets)
            })
    }

    /// The log has gone on from `before` to `current`.
    pub fn follow(&mut self, before: DutyState, current: DutyState) {
        self.ready = None;
        self.released = None;
        self.expired = None;
        if current.term != before.term {
            *self = Self::default();
        }
    }
}

impl Duties {
    /// Says whom this node reaches while somebody is wanted for a duty.
    pub(super) fn speak(&mut self, at: Moment, scene: &Scene<'_>, duty: Duty) {
        if !self.is_wanted(at.now, scene, duty) {
            return;
        }
        let buckets = self.buckets(at.now, scene, duty);
        let Some(post) = self.posts.get(&duty) else {
            return;
        };
        let every = match post.granting.is_in_vain(at.now, &buckets) {
            true => SAY_IN_VAIN,
            false => SAY_EVERY,
        };
        // What a node says that has not looked yet counts as much as a lie.
        let is_alone = scene.members.members().len() == 1;
        let due = match &post.granting.said {
            None if is_alone => at.now,
            None => self.sight,
            Some((last, said)) if *said == buckets => *last + every,
            Some((last, _)) => *last + SAY_CHANGED,
        };
        if !self.is_due(at.now, due) {
            return;
        }
        let probes = Probes {
            chain: self.chain,
            at: at.wall,
            buckets: buckets.clone(),
            duty,
        };
        let word = Checked::new(probes, &self.key);
        let signed = word.signed().clone();
        if let Some(post) = self.posts.get_mut(&duty) {
            post.granting.said = Some((at.now, buckets));
            post.granting.words.insert(self.me, (at.now, word));
        }
        self.tell_others(scene, Tell::Probes(signed));
        self.is_due(at.now, at.now + every);
    }

    fn buckets(&self, now: Duration, scene: &Scene<'_>, duty: Duty) -> Vec<(PeerId, u8)> {
        let bucket = |peer: &PeerId| match (*peer == self.me, self.willing.is_for(duty)) {
            (true, true) => 0,
            (true, false) => UNREACHED,
            (false, _) => self.reach.bucket(peer, duty, now),
        };
        let members = scene.members.members().iter();
        members.map(|peer| (*peer, bucket(peer))).collect()
    }

    /// Whether a duty is free, or will be soon.
    fn is_wanted(&self, now: Duration, scene: &Scene<'_>, duty: Duty) -> bool {
        self.posts.get(&duty).is_some_and(|post| {
            let current = post.current;
            let accusers = post.promised.accusers(now, current.term, scene.members);
            current.holder != Some(self.me)
                && (current.holder.is_none()
                    || post.promised.is_lost
                    || accusers.len() >= scene.members.some_honest())
        })
    }

    /// A member says whom it reaches.
    pub(super) fn hear_probes(&mut self, at: Moment, from: PeerId, word: Signed<Probes>) {
        let word = word.checked().ok().filter(|word| word.signer() == from);
        let Some(word) = word else {
            return;
        };
        let probes = word.value();
        // Half of what the log allows, so that it is still in time when it gets there.
        let apart = probes.at.0.abs_diff(at.wall.0);
        if probes.chain != self.chain || apart > PROBE_AGE_MS / 2 {
            return;
        }
        let duty = probes.duty;
        if let Some(post) = self.posts.get_mut(&duty) {
            post.granting.words.insert(from, (at.now, word));
        }
    }

    /// Submits what there is enough for, when it is this node's turn.
    pub(super) fn originate(&mut self, at: Moment, scene: &Scene<'_>, duty: Duty) {
        let Some(post) = self.posts.get(&duty) else {
            return;
        };
        let DutyState { holder, term } = post.current;
        if holder == Some(self.me) {
            self.release(at, scene, duty, term);
            return;
        }
        let accusers = post.promised.accusers(at.now, term, scene.members);
        let words = self.fresh_words(at.now, scene, duty);
        let can_grant = words.len() >= scene.members.quorum() && suits_somebody(&words, at, scene);
        let is_enough = match holder {
            None => can_grant,
            Some(_) => accusers.len() >= scene.members.some_honest(),
        };
        if !is_enough {
            return;
        }
        let is_whole = can_grant && self.has_all(at.now, scene, &words);
        let gather = if is_whole { Duration::ZERO } else { GATHER };
        let turn = self.place(at.now, scene, duty) * PLACE + gather;
        let Some(post) = self.posts.get_mut(&duty) else {
            return;
        };
        let granting = &mut post.granting;
        let ready = *granting.ready.get_or_insert(at.now);
        let last = if holder.is_some() {
            granting.expired
        } else {
            granting.granted
        };
        let due = last.map_or(ready + turn, |last| last + RESUBMIT);
        if due > at.now {
            self.is_due(at.now, due);
            return;
        }
        if holder.is_some() {
            granting.expired = Some(at.now);
            self.outputs.push_back(Output::Submit(Body::Expire {
                duty,
                term,
                suspicions: accusers,
            }));
        }
        // Together with what frees the duty, so that one height is enough for both.
        if can_grant {
            granting.granted = Some(at.now);
            let probes = words.into_values().map(|word| word.signed().clone());
            let probes = probes.collect();
            self.outputs
                .push_back(Output::Submit(Body::Grant { duty, probes }));
        }
        self.is_due(at.now, at.now + RESUBMIT);
    }

    /// Gives back what this node will not do.
    fn release(&mut self, at: Moment, scene: &Scene<'_>, duty: Duty, term: u64) {
        let willing = self.willing;
        let Some(post) = self.posts.get_mut(&duty).filter(|_| !willing.is_for(duty)) else {
            return;
        };
        let due = post
            .granting
            .released
            .map_or(at.now, |last| last + RESUBMIT);
        if due <= at.now {
            post.granting.released = Some(at.now);
            // Whoever hears it need not wait for its promise to be over, and takes somebody else.
            self.tell_others(
                scene,
                Tell::Left {
                    duty,
                    term,
                    willing,
                },
            );
            self.outputs
                .push_back(Output::Submit(Body::Release { duty, term }));
        }
        self.is_due(at.now, due.max(at.now) + RESUBMIT);
    }

    fn fresh_words(
        &self,
        now: Duration,
        scene: &Scene<'_>,
        duty: Duty,
    ) -> BTreeMap<PeerId, Checked<Probes>> {
        let words = self.posts.get(&duty).map(|post| &post.granting.words);
        let words = words.into_iter().flatten();
        words
            .filter(|(peer, (heard, _))| scene.members.contains(peer) && now < *heard + WORDS_FOR)
            .map(|(peer, (_, word))| (*peer, word.clone()))
            .collect()
    }

    fn has_all<T>(&self, now: Duration, scene: &Scene<'_>, words: &BTreeMap<PeerId, T>) -> bool {
        let mut members = scene.members.members().iter();
        members.all(|one| words.contains_key(one) || !self.is_in_order(one, now))
    }

    fn is_in_order(&self, peer: &PeerId, now: Duration) -> bool {
        *peer == self.me || self.reach.is_reached(peer, now)
    }

    /// How many that this node reaches are to submit before it.
    fn place(&self, now: Duration, scene: &Scene<'_>, duty: Duty) -> u32 {
        let current = self.posts.get(&duty).map(|post| post.current);
        let DutyState { holder, term } = current.unwrap_or_default();
        let own = turn(duty, term, &self.me);
        let others =
            scene.members.members().iter().filter(|one| {
                Some(**one) != holder && **one != self.me && self.is_in_order(one, now)
            });
        let before = others.filter(|one| turn(duty, term, one) < own).count();
        u32::try_from(before).unwrap_or(u32::MAX)
    }
}

/// Where a member stands in the order. By the last term, which is the same for all and stays while the log goes on.
fn turn(duty: Duty, term: u64, member: &PeerId) -> Hash {
    let (tag, number) = parts(duty);
    let mut to = Encoder::default();
    to.text("edgecoder/turn/1").u8(tag).u32(u32::from(number));
    to.u64(term).fixed(&member.0);
    Hash::of(&to.finish())
}

/// Whether the log would find anybody by these words: as its rule has it, only so that nothing is submitted in vain.
fn suits_somebody(
    words: &BTreeMap<PeerId, Checked<Probes>>,
    at: Moment,
    scene: &Scene<'_>,
) -> bool {
    let opened = words.iter().map(|(by, word)| (by, word.value()));
    let opened: BTreeMap<&PeerId, &Probes> = opened.collect();
    let is_suited = |candidate: &PeerId| {
        let is_alone = opened.len() == 1;
        let others = opened
            .iter()
            .filter(|(by, _)| **by != candidate || is_alone);
        let mut buckets: Vec<u8> = others
            .map(|(_, probes)| {
                let mut seen = probes.buckets.iter();
                let seen = seen.find(|(peer, _)| peer == candidate);
                seen.map_or(UNREACHED, |(_, bucket)| *bucket)
            })
            .collect();
        buckets.sort_unstable();
        let middle = buckets.get(buckets.len() / 2);
        middle.is_some_and(|bucket| *bucket != UNREACHED)
    };
    let has_room = |one: &PeerId| {
        let peer = scene.state.peer(one);
        peer.is_some_and(|peer| peer.duties.len() < DUTIES_MAX)
    };
    let mut members = scene.members.members().iter();
    members.any(|one| !scene.state.is_listed(one, at.wall) && has_room(one) && is_suited(one))
}

/// A duty as a tag and a number.
fn parts(duty: Duty) -> (u8, u16) {
    match duty {
        Duty::ControlPlane => (0, 0),
        Duty::Coordinator(shard) => (1, shard),
        Duty::Inference(slot) => (2, slot),
    }
}
