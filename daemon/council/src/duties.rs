//! Duties: which member does what for all. Decides when one is asked for, granted, begun, renewed, ended, given back and
//! taken away; what an entry then does is the ledger's rule, and sending, clocks and entries' nonces are the caller's.
//!
//! A holder acts while a quorum of members has promised it the duty. Three rules keep two from acting at once, whatever
//! up to a third of the members say, and as long as clocks run at one rate:
//!
//! 1. a member promises a duty of one grant to its holder alone, and of another grant only when that promise is over,
//!    its receiver has given it back, or (after a restart, which forgets) as much time has passed as a promise lasts;
//! 2. a holder counts a promise from before it asked for it, and [`SKEW`] less than it lasts;
//! 3. whatever has run out is ended first on any input, so that a node that slept ends before it does anything.
//!
//! A member that says it suspects a holder does not renew that grant while its word may count. Suspicions decide how soon
//! somebody else may begin, not whether it is safe to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use edgecoder_protocol::{
    Millis, NetworkId, PeerId,
    key::NodeKey,
    ledger::{
        duty::Duty,
        entry::Body,
        members::MemberSet,
        state::{DutyState, State},
    },
};

mod grant;
mod lease;
mod message;
mod promise;
mod reach;

pub use lease::{Grant, is_current};
pub use message::{Answer, Ask, Tell, Willing};

/// How long a promise lasts. Somebody else begins at most this, an exchange and one or two heights after a holder died:
/// under 5 s when the heights take up to 1.8 s. Shorter, and a machine that is busy for two seconds loses its duties.
pub const LEASE: Duration = Duration::from_millis(2_500);
/// A holder asks so often: three exchanges in a row may fail.
pub const RENEW_EVERY: Duration = Duration::from_millis(625);
/// So much before its promises end a holder stops: for clocks that differ in rate, and for what it has just begun to do.
pub const SKEW: Duration = Duration::from_millis(250);
/// How often each other member is asked for a sign of life.
pub const PROBE_EVERY: Duration = Duration::from_millis(1_000);
/// A tick comes at least so often.
const IDLE: Duration = Duration::from_millis(500);
/// No input for so long: this node slept or was stopped, and has heard nobody, which says nothing about them.
const STALL: Duration = Duration::from_millis(1_000);
/// After a stall nobody is suspected for so long, two renewals.
const STALL_GRACE: Duration = Duration::from_millis(1_250);
/// So long a node that has just started, or slept, looks around before it says whom it reaches: two probes.
const SIGHT: Duration = Duration::from_millis(1_500);
/// What a member tells in a second is looked at up to so many times for each duty; an honest one says less than half.
const TELLS_PER_DUTY: u32 = 16;
/// Duties that are wanted together. With more, renewals alone are a thousand messages a second.
pub const WANTED_MAX: usize = 128;

/// What is wanted and what this node is ready to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Shards of the task ids, the same for all members.
    pub shards: u16,
    /// Inference slots, the same for all members.
    pub slots: u16,
    /// What this node is ready to hold.
    pub willing: Willing,
}

/// When an input comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By a clock that only goes forward, also while the machine is suspended.
    pub now: Duration,
    /// By the calendar, for what is signed.
    pub wall: Millis,
}

/// The replicated state as this node follows it.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// After the last block.
    pub state: &'a State,
    /// Who decides the next.
    pub members: &'a MemberSet,
    /// The last block's height.
    pub height: u64,
}

/// Why a holder does a duty no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too few renewed in time. It may begin again under the same term.
    RanOut,
    /// The log says that it is somebody else's, or nobody's.
    Moved,
    /// This node gives it back.
    GivenBack,
    /// This node is no member any more, or blacklisted.
    Excluded,
}

/// What the machine wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask this member; [`Duties::answered`] wants to know from before when it was sent.
    Ask(PeerId, Ask),
    /// Tell these members.
    Tell(Vec<PeerId>, Tell),
    /// Make an entry of this. Bodies that come together have nonces in this order.
    Submit(Body),
    /// Do the duty, with this term in everything that is said about it.
    Began {
        /// Which.
        duty: Duty,
        /// Of which grant.
        term: u64,
    },
    /// Stop at once.
    Ended {
        /// Which.
        duty: Duty,
        /// Of which grant.
        term: u64,
        /// Why.
        why: Why,
    },
}

/// One wanted duty, as this node sees it.
#[derive(Debug, Default)]
struct Post {
    /// What the state says.
    current: DutyState,
    /// Since when.
    seen: Duration,
    /// While the state names this node.
    holding: Option<lease::Holding>,
    promised: promise::Promised,
    granting: grant::Granting,
}

/// The machine; one a node. Its outputs are taken after each input: there are never more than one of each kind for a
/// duty and a member.
#[derive(Debug)]
pub struct Duties {
    me: PeerId,
    key: Arc<NodeKey>,
    chain: NetworkId,
    willing: Willing,
    /// Wanted duties, at most [`WANTED_MAX`].
    posts: BTreeMap<Duty, Post>,
    reach: reach::Reach,
    /// The first and the last input.
    inputs: Option<(Duration, Duration)>,
    /// Nobody is suspected before.
    grace: Duration,
    /// Before, this node has not had the time to see who is there.
    sight: Duration,
    height: Option<u64>,
    /// When the next tick is needed.
    wake: Duration,
    outputs: VecDeque<Output>,
}

impl Duties {
    /// A machine that has heard of nothing yet; `key` signs its words.
    pub fn new(key: Arc<NodeKey>, chain: NetworkId, config: Config) -> Self {
        let shards = (0..config.shards).map(Duty::Coordinator);
        let slots = (0..config.slots).map(Duty::Inference);
        let wanted = [Duty::ControlPlane].into_iter().chain(shards).chain(slots);
        let posts = wanted.take(WANTED_MAX);
        Self {
            me: key.peer_id(),
            key,
            chain,
            willing: config.willing,
            posts: posts.map(|duty| (duty, Post::default())).collect(),
            reach: reach::Reach::default(),
            inputs: None,
            grace: Duration::ZERO,
            sight: Duration::ZERO,
            height: None,
            wake: Duration::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// Time has passed, or the chain has gone on.
    pub fn tick(&mut self, at: Moment, scene: &Scene<'_>) {
        self.enter(at, scene);
        self.advance(at, scene);
    }

    /// A peer asks.
    pub fn ask(&mut self, at: Moment, scene: &Scene<'_>, from: PeerId, ask: Ask) -> Answer {
        self.enter(at, scene);
        let renewal = match ask {
            Ask::Probe => None,
            Ask::Renew { duty, term } => self.renew(at, scene, from, Grant::new(self, duty, term)),
        };
        self.advance(at, scene);
        Answer {
            willing: self.willing,
            renewal,
        }
    }

    /// A member answers what was asked of it not before `sent`.
    pub fn answered(
        &mut self,
        at: Moment,
        scene: &Scene<'_>,
        from: PeerId,
        answer: Answer,
        sent: Duration,
    ) {
        self.enter(at, scene);
        if scene.members.contains(&from) && sent <= at.now {
            self.reach.met(from, at.now, sent, answer.willing);
            if let Some(renewal) = answer.renewal {
                self.renewed(from, renewal, sent);
            }
        }
        self.advance(at, scene);
    }

    /// A member did not answer, or could not be asked.
    pub fn unreached(&mut self, now: Duration, from: PeerId) {
        self.settle(now);
        self.reach.lost(&from);
    }

    /// A peer tells something.
    pub fn told(&mut self, at: Moment, scene: &Scene<'_>, from: PeerId, tell: Tell) {
        self.enter(at, scene);
        let a_second = TELLS_PER_DUTY.saturating_mul(self.posts.len().try_into().unwrap_or(1));
        if scene.members.contains(&from) && self.reach.admits(from, at.now, a_second) {
            match tell {
                Tell::Probes(word) => self.hear_probes(at, from, word),
                Tell::Suspicion(word) => self.hear_suspicion(at, from, word),
                Tell::Left {
                    duty,
                    term,
                    willing,
                } => {
                    self.reach.is_willing(from, willing);
                    if let Some(post) = self.posts.get_mut(&duty) {
                        let current = DutyState {
                            holder: post.current.holder.filter(|_| post.current.term == term),
                            term,
                        };
                        post.promised.given_back(from, current);
                    }
                }
            }
        }
        self.advance(at, scene);
    }

    /// From now on this node holds only such duties, and gives back the others that it has.
    pub fn set_willing(&mut self, at: Moment, scene: &Scene<'_>, willing: Willing) {
        self.willing = willing;
        self.tick(at, scene);
    }

    /// Gives everything back, and takes nothing more. The node may go once [`Duties::is_named`] is false.
    pub fn drain(&mut self, at: Moment, scene: &Scene<'_>) {
        self.set_willing(at, scene, Willing::NOTHING);
    }

    /// Whether the state names this node for anything.
    pub fn is_named(&self) -> bool {
        self.posts.values().any(|post| post.holding.is_some())
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// In how long a tick is needed.
    pub fn next(&self, now: Duration) -> Duration {
        self.wake.saturating_sub(now)
    }

    /// What comes first on any input: what ran out ends, then what the log says counts.
    fn enter(&mut self, at: Moment, scene: &Scene<'_>) {
        self.settle(at.now);
        if self.height != Some(scene.height) {
            self.height = Some(scene.height);
            self.reach.keep(scene.members);
            for duty in self.wanted() {
                self.follow(at.now, duty, scene.state.duty(duty));
            }
        }
        self.weigh_all(at, scene);
    }

    fn settle(&mut self, now: Duration) {
        let (first, last) = self.inputs.unwrap_or((now, now));
        let is_new = self.inputs.is_none();
        if is_new || now.saturating_sub(last) > STALL {
            self.grace = now + STALL_GRACE;
            self.sight = now + SIGHT;
        }
        self.inputs = Some((first, last.max(now)));
        self.end_what_ran_out(now);
    }

    fn follow(&mut self, now: Duration, duty: Duty, current: DutyState) {
        let me = self.me;
        let Some(post) = self.posts.get_mut(&duty) else {
            return;
        };
        if post.current == current {
            return;
        }
        post.granting.follow(post.current, current);
        post.promised.follow(current);
        post.current = current;
        post.seen = now;
        let is_mine = current.holder == Some(me);
        let is_same = post
            .holding
            .as_ref()
            .is_some_and(|one| is_mine && one.term == current.term);
        if !is_same {
            self.end(duty, Why::Moved);
            if let Some(post) = self.posts.get_mut(&duty) {
                post.holding = is_mine.then(|| lease::Holding::new(current.term));
            }
        }
    }

    /// Whatever is due.
    fn advance(&mut self, at: Moment, scene: &Scene<'_>) {
        self.wake = at.now + IDLE;
        if !scene.members.contains(&self.me) {
            return;
        }
        let due = self.reach.probe(self.me, at.now, scene.members);
        for peer in due {
            self.outputs.push_back(Output::Ask(peer, Ask::Probe));
        }
        for duty in self.wanted() {
            self.hold(at, scene, duty);
            self.suspect(at, scene, duty);
            self.speak(at, scene, duty);
            self.originate(at, scene, duty);
        }
        self.wake = self.wake.min(self.reach.next_probe());
    }

    /// Whether `when` has come; if not, a tick comes then.
    fn is_due(&mut self, now: Duration, when: Duration) -> bool {
        if when > now {
            self.wake = self.wake.min(when);
        }
        when <= now
    }

    fn wanted(&self) -> Vec<Duty> {
        self.posts.keys().copied().collect()
    }

    fn others(&self, scene: &Scene<'_>) -> Vec<PeerId> {
        let members = scene.members.members().iter().copied();
        members.filter(|one| *one != self.me).collect()
    }

    fn tell_others(&mut self, scene: &Scene<'_>, tell: Tell) {
        let others = self.others(scene);
        if !others.is_empty() {
            self.outputs.push_back(Output::Tell(others, tell));
        }
    }
}
