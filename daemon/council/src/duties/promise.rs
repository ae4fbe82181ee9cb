//! A member's side: what it promises to holders, and when it says that one is gone.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    PeerId, Signed,
    ledger::{
        duty::{Renewal, SUSPICION_AGE_MS, Suspicion},
        members::MemberSet,
        state::DutyState,
    },
};

use super::{Duties, Duty, Grant, LEASE, Moment, SKEW, Scene, Tell};

/// A holder that asks again so soon gets the same words again, so that it cannot keep a member busy signing. The promise
/// is as new as the asking all the same.
const SIGN_EVERY: Duration = Duration::from_millis(100);
/// A new holder is expected to ask within a lease, and as much later as it may hear of its grant.
const START_MARGIN: Duration = SKEW;
/// A holder that answers, but has not asked for renewals for so long after its lease, does not do its duty.
const ABSENT_FOR: Duration = Duration::from_millis(10_000);
/// A suspicion is said again so often, until the log has gone on or the holder is back.
const SUSPECT_EVERY: Duration = Duration::from_millis(1_000);
/// A suspicion that has not been said again for so long is not passed on: the holder is back. Two may be lost.
const ACCUSED_FOR: Duration = Duration::from_millis(3_000);
/// So long after its last suspicion, which by then counts nowhere, a member promises again: else each that ever lost
/// sight of a holder would be lost to it for good.
const RELENT: Duration = Duration::from_millis(SUSPICION_AGE_MS + 5_000);

#[derive(Debug)]
struct Promise {
    to: PeerId,
    term: u64,
    until: Duration,
    signed: Duration,
    word: Signed<Renewal>,
}

#[derive(Debug)]
struct Heard {
    term: u64,
    at: Duration,
    word: Signed<Suspicion>,
}

/// What was promised and suspected of one duty.
#[derive(Debug, Default)]
pub(super) struct Promised {
    /// The last promise, of whatever grant.
    given: Option<Promise>,
    /// When the current grant's holder last asked for a promise, given or not.
    asked: Option<Duration>,
    /// The last grant that its holder gave back: what it had asked for before may come after.
    left: Option<u64>,
    /// The last grant that this member suspected, and when it last said so.
    suspected: Option<(u64, Duration)>,
    /// Whether the holder seems gone to this member, now.
    pub is_lost: bool,
    /// Members' last suspicions with when they were heard, of the current grant, or of a later one that this node has not
    /// seen yet: one a member, so at most `MEMBERS_MAX`.
    heard: BTreeMap<PeerId, Heard>,
}

impl Promised {
    /// The log has gone on to `current`.
    pub fn follow(&mut self, current: DutyState) {
        self.asked = None;
        self.is_lost = false;
        self.heard.retain(|_, one| one.term >= current.term);
    }

    /// The holder's own word that it does the duty no more.
    pub fn given_back(&mut self, by: PeerId, current: DutyState) {
        if current.holder == Some(by) {
            self.left = Some(current.term);
        }
        self.given.take_if(|one| one.to == by);
    }

    /// Members' suspicions of that grant, as far as they still hold.
    pub fn accusers(
        &self,
        now: Duration,
        term: u64,
        members: &MemberSet,
    ) -> Vec<Signed<Suspicion>> {
        let heard = self.heard.iter().filter(|(peer, one)| {
            members.contains(peer) && one.term == term && now < one.at + ACCUSED_FOR
        });
        heard.map(|(_, one)| one.word.clone()).collect()
    }

    fn hear(&mut self, from: PeerId, at: Duration, term: u64, word: Signed<Suspicion>) {
        self.heard.insert(from, Heard { term, at, word });
    }

    /// Whether a promise of another grant is not over.
    fn is_bound(&self, me: PeerId, term: u64, now: Duration) -> bool {
        // What this node promised itself it has ended before it follows a later grant.
        self.given
            .as_ref()
            .is_some_and(|one| one.to != me && one.term != term && now < one.until)
    }
}

impl Duties {
    /// Whether this node may promise `of` to the one that the state names for it.
    fn may_promise(&self, now: Duration, scene: &Scene<'_>, of: Grant) -> bool {
        if scene.members.members() == [self.me] {
            // Nobody else could hold anything.
            return true;
        }
        let Some((post, (first, _))) = self.posts.get(&of.duty).zip(self.inputs) else {
            return false;
        };
        let promised = &post.promised;
        let suspects = promised.suspected.as_ref();
        // What it promised before it was started anew it has forgotten.
        now >= first + LEASE
            && promised.left != Some(of.term)
            && !promised.is_bound(self.me, of.term, now)
            && suspects.is_none_or(|(term, last)| *term != of.term || now >= *last + RELENT)
    }

    /// A holder asks for its promise to be renewed.
    pub(super) fn renew(
        &mut self,
        at: Moment,
        scene: &Scene<'_>,
        from: PeerId,
        of: Grant,
    ) -> Option<Signed<Renewal>> {
        let is_member = |peer| scene.members.contains(peer);
        if !is_member(&self.me) || !is_member(&from) || scene.state.is_listed(&from, at.wall) {
            return None;
        }
        let current = DutyState {
            holder: Some(from),
            term: of.term,
        };
        let post = self.posts.get_mut(&of.duty)?;
        if post.current != current || from == self.me {
            return None;
        }
        post.promised.asked = Some(at.now);
        if !self.may_promise(at.now, scene, of) {
            return None;
        }
        let post = self.posts.get_mut(&of.duty)?;
        let until = at.now + LEASE;
        let last = post.promised.given.as_mut().filter(|one| {
            one.term == of.term && one.to == from && at.now < one.signed + SIGN_EVERY
        });
        if let Some(last) = last {
            last.until = until;
            return Some(last.word.clone());
        }
        let word = Signed::new(of.renewal(at.wall.after(LEASE)), &self.key);
        post.promised.given = Some(Promise {
            to: from,
            term: of.term,
            until,
            signed: at.now,
            word: word.clone(),
        });
        Some(word)
    }

    /// This node's word for its own grant.
    pub(super) fn promise_self(
        &self,
        at: Moment,
        scene: &Scene<'_>,
        of: Grant,
    ) -> Option<Signed<Renewal>> {
        let may = self.may_promise(at.now, scene, of);
        may.then(|| Signed::new(of.renewal(at.wall.after(LEASE)), &self.key))
    }

    /// Says that a holder is gone once it is.
    pub(super) fn suspect(&mut self, at: Moment, scene: &Scene<'_>, duty: Duty) {
        let Some(post) = self.posts.get(&duty) else {
            return;
        };
        let term = post.current.term;
        let Some(holder) = post.current.holder.filter(|one| *one != self.me) else {
            return;
        };
        let gone_at = self.gone_at(at, scene, post, holder);
        let is_lost = self.is_due(at.now, gone_at);
        let Some(post) = self.posts.get_mut(&duty) else {
            return;
        };
        post.promised.is_lost = is_lost;
        if !is_lost {
            return;
        }
        let last = post.promised.suspected.filter(|(of, _)| *of == term);
        let due = last.map_or(at.now, |(_, last)| last + SUSPECT_EVERY);
        if !self.is_due(at.now, due) {
            return;
        }
        if last.is_none() {
            self.reach.lost(&holder);
        }
        let suspicion = Suspicion {
            chain: self.chain,
            at: at.wall,
            duty,
            term,
        };
        let word = Signed::new(suspicion, &self.key);
        if let Some(post) = self.posts.get_mut(&duty) {
            post.promised.suspected = Some((term, at.now));
            post.promised.hear(self.me, at.now, term, word.clone());
        }
        self.tell_others(scene, Tell::Suspicion(word));
        self.is_due(at.now, at.now + SUSPECT_EVERY);
    }

    /// When `holder` is gone, if nothing is heard of it before.
    fn gone_at(
        &self,
        at: Moment,
        scene: &Scene<'_>,
        post: &super::Post,
        holder: PeerId,
    ) -> Duration {
        if !scene.members.contains(&holder) || scene.state.is_listed(&holder, at.wall) {
            return at.now;
        }
        let promised = &post.promised;
        let start = post.seen + LEASE + START_MARGIN;
        let over = promised.asked.map_or(start, |asked| asked + LEASE);
        let over = over.max(self.grace);
        let there = self.reach.there_until(&holder).unwrap_or_default();
        over.max(there).min(over + ABSENT_FOR)
    }

    /// A member says that a holder is gone.
    pub(super) fn hear_suspicion(&mut self, at: Moment, from: PeerId, word: Signed<Suspicion>) {
        let Ok(said) = word.open_by(from) else {
            return;
        };
        // Half of what the log allows, so that it is still in time when it gets there.
        let apart = said.at.0.abs_diff(at.wall.0);
        if said.chain != self.chain || apart > SUSPICION_AGE_MS / 2 {
            return;
        }
        let term = said.term;
        if let Some(post) = self.posts.get_mut(&said.duty)
            && term >= post.current.term
        {
            post.promised.hear(from, at.now, term, word);
        }
    }
}
