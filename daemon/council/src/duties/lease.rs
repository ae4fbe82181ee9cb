//! A holder's side: it asks all members to renew, begins once a quorum has promised, and stops before the first of that
//! quorum's promises could be over.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Millis, NetworkId, PeerId, Signed,
    ledger::{
        duty::{Duty, Renewal},
        members::MemberSet,
    },
};

use super::{Ask, Duties, LEASE, Moment, Output, RENEW_EVERY, SKEW, Scene, Why};

/// What would be asked so soon after is asked with it: the duties of one holder cost the others one waking.
const TOGETHER: Duration = Duration::from_millis(300);
/// Until it has begun, a new holder asks so often: the others may see the grant a moment later than it does.
const START_EVERY: Duration = Duration::from_millis(100);
/// For so long: what was promised to the holder before may have to run out first.
const START_SPAN: Duration = Duration::from_millis(3_000);
/// How far members' calendars may be apart, as for blocks.
const CLOCKS: Duration = Duration::from_millis(1_000);

/// A grant, as renewals name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The network.
    pub chain: NetworkId,
    /// The duty.
    pub duty: Duty,
    /// The term.
    pub term: u64,
}

/// A grant to this node.
#[derive(Debug)]
pub(super) struct Holding {
    pub term: u64,
    has_begun: bool,
    asked: Option<Duration>,
    /// Until when it may act; none while too few have promised.
    until: Option<Duration>,
    /// This node's own word, for who wants a proof; none while it may not promise.
    own: Option<Signed<Renewal>>,
    /// The others' promises with when they were asked for; members alone, so at most `MEMBERS_MAX`.
    renewals: BTreeMap<PeerId, (Duration, Signed<Renewal>)>,
}

impl Holding {
    pub fn new(term: u64) -> Self {
        Self {
            term,
            has_begun: false,
            asked: None,
            until: None,
            own: None,
            renewals: BTreeMap::new(),
        }
    }

    /// Until when a quorum has promised: the time of the last one in the best quorum.
    fn promised(&self, members: &MemberSet) -> Option<Duration> {
        let needed = members.quorum() - usize::from(self.own.is_some());
        let Some(last) = needed.checked_sub(1) else {
            return Some(Duration::MAX);
        };
        let mut sent: Vec<Duration> = self.renewals.values().map(|(sent, _)| *sent).collect();
        sent.sort_unstable_by(|one, other| other.cmp(one));
        sent.get(last).map(|sent| *sent + LEASE - SKEW)
    }

    /// When promises are to be asked for, of a grant that this node has seen at `seen`; and how long after that again.
    fn due(&self, seen: Duration, now: Duration) -> (Duration, Duration) {
        let is_starting = !self.has_begun && now < seen + START_SPAN;
        let every = match is_starting {
            true => START_EVERY,
            false => RENEW_EVERY,
        };
        (self.asked.map_or(now, |last| last + every), every)
    }

    fn is_over(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

impl Duties {
    /// The term of a duty that this node may act on at `now`.
    pub fn holds(&self, duty: Duty, now: Duration) -> Option<u64> {
        self.acting(duty, now).map(|one| one.term)
    }

    /// The words of a quorum by which this node holds a duty.
    pub fn lease_proof(&self, duty: Duty, now: Duration) -> Option<Vec<Signed<Renewal>>> {
        let holding = self.acting(duty, now)?;
        let renewals = holding.renewals.values();
        let words = renewals.filter(|(sent, _)| now < *sent + LEASE);
        let words = words.map(|(_, word)| word);
        Some(holding.own.iter().chain(words).cloned().collect())
    }

    fn acting(&self, duty: Duty, now: Duration) -> Option<&Holding> {
        let holding = self.posts.get(&duty)?.holding.as_ref()?;
        (holding.has_begun && !holding.is_over(now)).then_some(holding)
    }

    pub(super) fn end_what_ran_out(&mut self, now: Duration) {
        for duty in self.wanted() {
            let holding = self.posts.get(&duty).and_then(|post| post.holding.as_ref());
            if holding.is_some_and(|one| one.is_over(now)) {
                self.end(duty, Why::RanOut);
            }
        }
    }

    /// Who is a member, and who is ready to hold what, may have changed.
    pub(super) fn weigh_all(&mut self, at: Moment, scene: &Scene<'_>) {
        let is_in = scene.members.contains(&self.me) && !scene.state.is_listed(&self.me, at.wall);
        for duty in self.wanted() {
            let is_willing = self.willing.is_for(duty);
            let Some(holding) = self.holding(duty) else {
                continue;
            };
            holding
                .renewals
                .retain(|peer, _| scene.members.contains(peer));
            holding.until = holding.promised(scene.members);
            match (is_in, is_willing, holding.is_over(at.now)) {
                (false, _, _) => self.end(duty, Why::Excluded),
                (true, false, _) => self.end(duty, Why::GivenBack),
                (true, true, true) => self.end(duty, Why::RanOut),
                (true, true, false) => {}
            }
        }
    }

    pub(super) fn end(&mut self, duty: Duty, why: Why) {
        let holding = self.holding(duty);
        if let Some(holding) = holding.filter(|one| one.has_begun) {
            holding.has_begun = false;
            let term = holding.term;
            self.outputs.push_back(Output::Ended { duty, term, why });
        }
    }

    /// Asks for renewals when it is time to, and begins when there are enough.
    pub(super) fn hold(&mut self, at: Moment, scene: &Scene<'_>, duty: Duty) {
        let is_in = !scene.state.is_listed(&self.me, at.wall);
        let Some(post) = self.posts.get(&duty) else {
            return;
        };
        let (seen, Some(holding)) = (post.seen, post.holding.as_ref()) else {
            return;
        };
        let term = holding.term;
        if !is_in || !self.willing.is_for(duty) {
            return;
        }
        let (due, every) = holding.due(seen, at.now);
        let is_soon = due <= at.now + TOGETHER && self.is_asking(at.now);
        if is_soon || self.is_due(at.now, due) {
            let own = self.promise_self(at, scene, Grant::new(self, duty, term));
            if let Some(holding) = self.holding(duty) {
                holding.asked = Some(at.now);
                holding.own = own;
            }
            for peer in self.others(scene) {
                self.outputs
                    .push_back(Output::Ask(peer, Ask::Renew { duty, term }));
            }
            self.is_due(at.now, at.now + every);
        }
        let Some(holding) = self.holding(duty) else {
            return;
        };
        holding.until = holding.promised(scene.members);
        if holding.is_over(at.now) {
            return;
        }
        let until = holding.until.unwrap_or_default();
        if !holding.has_begun {
            holding.has_begun = true;
            self.outputs.push_back(Output::Began { duty, term });
        }
        self.is_due(at.now, until);
    }

    /// Whether promises for some duty are asked for now.
    fn is_asking(&self, now: Duration) -> bool {
        self.posts.iter().any(|(duty, post)| {
            let holding = post.holding.as_ref();
            let holding = holding.filter(|_| self.willing.is_for(*duty));
            holding.is_some_and(|one| one.asked == Some(now) || one.due(post.seen, now).0 <= now)
        })
    }

    /// A member's promise has come, for what was asked at `sent`.
    pub(super) fn renewed(&mut self, from: PeerId, word: Signed<Renewal>, sent: Duration) {
        let Ok(renewal) = word.open_by(from) else {
            return;
        };
        let (chain, duty, term) = (renewal.chain, renewal.duty, renewal.term);
        if chain != self.chain {
            return;
        }
        let holding = self.holding(duty).filter(|one| one.term == term);
        let Some(holding) = holding else {
            return;
        };
        let last = holding.renewals.get(&from);
        if last.is_none_or(|(last, _)| *last < sent) {
            holding.renewals.insert(from, (sent, word));
        }
    }

    fn holding(&mut self, duty: Duty) -> Option<&mut Holding> {
        self.posts.get_mut(&duty)?.holding.as_mut()
    }
}

impl Grant {
    pub(super) fn new(by: &Duties, duty: Duty, term: u64) -> Self {
        Self {
            chain: by.chain,
            duty,
            term,
        }
    }

    /// A promise of it.
    pub(super) fn renewal(self, until: Millis) -> Renewal {
        Renewal {
            chain: self.chain,
            duty: self.duty,
            term: self.term,
            until,
        }
    }
}

/// Whether `proof` shows that a quorum of members has renewed this grant for about now. Renewals do not name a holder:
/// whose the grant is, the state says, and the asker of a proof has to look there.
pub fn is_current(
    proof: &[Signed<Renewal>],
    members: &MemberSet,
    grant: Grant,
    wall: Millis,
) -> bool {
    if proof.len() > members.members().len() {
        return false;
    }
    // One that reaches further ahead than a lease is no promise that an honest member gives.
    let (first, last) = (wall, wall.after(LEASE + CLOCKS));
    let is_fit = |one: &Renewal| {
        *one == grant.renewal(one.until) && first < one.until.after(CLOCKS) && one.until <= last
    };
    let signers: std::collections::BTreeSet<PeerId> = proof
        .iter()
        .filter_map(|word| word.open().ok())
        .filter(|(renewal, signer)| is_fit(renewal) && members.contains(signer))
        .map(|(_, signer)| signer)
        .collect();
    signers.len() >= members.quorum()
}
