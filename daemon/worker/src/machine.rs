//! The pure half of a worker: what is taken, what is said to the coordinator and said again, what is kept and when it
//! is forgotten, given what came and the time.
//!
//! Each lease is worked on, then its result committed to until the coordinator has answered, then kept until opened.
//! The coordinator decides alone whether a lease still stands; silence ends only work, never a result.

mod lease;
mod pace;
mod take;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use edgecoder_protocol::{
    Millis, PeerId,
    ledger::duty::Seat,
    operator::{ErrorKind, ErrorObject},
    record::Hours,
    wire::{Commit, Held, Response, WhyBack},
};

pub use lease::Fixed;
use lease::{Back, Delivery, Lease};
use pace::Draws;
use take::Taking;

use crate::{
    Policy, SLOTS_MAX,
    status::{Counters, Holding, Stage, State, Status},
};

/// Results that are kept, at up to 96 KiB each; of more the oldest is dropped, one that was opened before any other.
pub const RESULTS_MAX: usize = 64;
/// Leases on their way back: as many as can be held. Of more the coordinator is not told, and misses their heartbeat.
const BACKS_MAX: usize = SLOTS_MAX as usize;
/// Commits and returns under way at once: half of what the mesh lets be unanswered at one peer. Others wait.
const DELIVERIES_MAX: usize = 32;
/// How often the coordinator hears of what is held: three are lost before a lease of 6 s is.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);
/// A fresh lease is confirmed so soon: a fifth of what the coordinator waits for that, and longer than most executions.
const CONFIRM_AFTER: Duration = Duration::from_millis(500);
/// Heartbeats under way at once: two that are slow, and two for new grants. Another waits for an answer.
const HEARTBEATS_MAX: usize = 4;
/// Silence of the coordinator after which it has long lent the work to others.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long an opened result can be opened again: the answer may have been lost on its way.
const OPENED_FOR: Duration = Duration::from_secs(120);
/// How long stopping may take, commits, openings and returns together.
const STOP_MAX: Duration = Duration::from_secs(2);
/// Times that a lease is given back: after some seconds its heartbeat has been missed anyway.
const GIVE_BACK_TRIES: u32 = 4;
/// Bytes of a returned lease's sentence, below what the message may carry.
const SENTENCE_MAX: usize = 2_000;

/// What the host looks like at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Minutes since midnight, UTC.
    pub minute: u16,
    /// Whether nobody else uses it.
    pub idle: bool,
}

/// What the coordinator was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// For work.
    Take,
    /// To note what is held.
    Heartbeat,
    /// To take a commitment.
    Commit(Held),
    /// To take a lease back.
    GiveBack(Held),
}

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Leases, checked; maybe none. Only for [`Errand::Take`].
    Granted(Vec<Held>),
    /// Done, or done before.
    Done,
    /// It will not.
    Refused,
    /// These are no longer ours.
    Lost(Vec<Held>),
    /// Something that does not answer the question.
    Unfit,
    /// Nothing, in time or ever.
    Nothing,
}

/// Everything that can happen to a worker.
#[derive(Clone, Debug)]
pub enum Input {
    /// The time of [`Machine::next_deadline`] has come.
    Tick,
    /// Somebody else coordinates, by another grant, or nobody does.
    Seat(Option<Seat>),
    /// The owner changed the policy.
    Policy(Policy),
    /// Take nothing until resumed.
    Pause,
    /// Take work again, after [`Input::Pause`] or [`Input::Drain`].
    Resume,
    /// Finish what is held and take nothing more.
    Drain,
    /// There may be work now.
    Wake,
    /// The node stops: nothing is taken, and what is not finished goes back.
    Stop,
    /// An errand came to its end.
    Answered(Errand, Answer),
    /// Work came to a result, which is fixed.
    Made {
        /// The lease.
        held: Held,
        /// The result.
        fixed: Box<Fixed>,
    },
    /// Work came to nothing.
    NotMade {
        /// The lease.
        held: Held,
        /// In one word.
        why: WhyBack,
        /// In a sentence.
        sentence: String,
    },
}

/// Why a lease is forgotten before its result was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// The coordinator says that it is no longer ours.
    Lost,
    /// The coordinator said to stop.
    Stopped,
    /// Another coordinator has come, who lends everything anew.
    Deposed,
    /// The coordinator refused the commitment.
    Refused,
    /// The coordinator has been silent for too long.
    Silent,
    /// Too many results are kept.
    Full,
    /// The node stops; the lease goes back.
    Drained,
}

/// Everything that a worker asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask for work with so many fresh keys; answer with [`Errand::Take`].
    Take {
        /// At least 1, at most [`TAKE_MAX`](edgecoder_protocol::wire::TAKE_MAX).
        keys: usize,
    },
    /// Say what is held; answer with [`Errand::Heartbeat`].
    Heartbeat {
        /// All that is.
        held: Vec<Held>,
    },
    /// Send the commitment; answer with [`Errand::Commit`].
    Commit(Box<Commit>),
    /// Give the lease back; answer with [`Errand::GiveBack`].
    GiveBack {
        /// The lease.
        held: Held,
        /// In one word.
        why: WhyBack,
        /// In a sentence.
        sentence: String,
    },
    /// Work on a lease that was just granted; ends with [`Input::Made`] or [`Input::NotMade`].
    Work(Held),
    /// Cancel the lease's work if it is worked on; it still ends with [`Input::Made`] or [`Input::NotMade`].
    Forget {
        /// The lease.
        held: Held,
        /// Why.
        why: Forgotten,
    },
}

/// What the owner said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Will {
    Take,
    Pause,
    Drain,
}

/// One worker's state.
#[derive(Debug)]
pub struct Machine {
    /// Who coordinates, as far as is known.
    seat: Option<Seat>,
    /// The last term that was heard of.
    term: Option<u64>,
    policy: Policy,
    will: Will,
    /// When the last input came, and what the host looked like.
    now: Millis,
    seen: Seen,
    /// At most [`SLOTS_MAX`] and [`RESULTS_MAX`] together.
    leases: BTreeMap<Held, Lease>,
    /// Cancelled work that has not ended: it still has its slot. At most as many as slots.
    ending: BTreeSet<Held>,
    /// At most [`BACKS_MAX`].
    backs: BTreeMap<Held, Back>,
    /// Commits and returns under way, at most [`DELIVERIES_MAX`].
    deliveries: usize,
    taking: Taking,
    heartbeat_at: Millis,
    /// At most [`HEARTBEATS_MAX`].
    heartbeats: usize,
    /// When the coordinator last answered anything.
    heard: Millis,
    /// Whether it answered the last time.
    reached: bool,
    /// Results so far: their order.
    results: u64,
    /// When stopping ends, once it has begun.
    stop_by: Option<Millis>,
    counters: Counters,
    draws: Draws,
    /// Bounded by the above and the driver, which takes all after each input.
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A worker that has heard of no coordinator yet; `seed`, any random number, spreads its repeated requests.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            seat: None,
            term: None,
            policy,
            will: Will::Take,
            now: Millis(0),
            seen: Seen {
                minute: 0,
                idle: false,
            },
            leases: BTreeMap::new(),
            ending: BTreeSet::new(),
            backs: BTreeMap::new(),
            deliveries: 0,
            taking: Taking::default(),
            heartbeat_at: Millis(0),
            heartbeats: 0,
            heard: Millis(0),
            reached: true,
            results: 0,
            stop_by: None,
            counters: Counters::default(),
            draws: Draws::new(seed),
            outputs: VecDeque::new(),
        }
    }

    /// Applies one input at `now`, which never goes back, with the host as it is `seen` then.
    pub fn handle(&mut self, now: Millis, seen: Seen, input: Input) {
        (self.now, self.seen) = (now, seen);
        match input {
            Input::Tick => {}
            Input::Seat(seat) => self.seated(seat),
            Input::Policy(policy) => {
                self.policy = policy;
                self.taking.hurry(now);
            }
            Input::Pause => self.will = Will::Pause,
            Input::Drain => self.will = Will::Drain,
            Input::Resume => {
                self.will = Will::Take;
                self.taking.hurry(now);
            }
            Input::Wake => self.taking.wake(now),
            Input::Stop => self.stop(),
            Input::Answered(errand, answer) => self.answered(errand, answer),
            Input::Made { held, fixed } => self.made(held, *fixed),
            Input::NotMade {
                held,
                why,
                sentence,
            } => self.not_made(held, why, sentence),
        }
        self.advance();
    }

    /// Next action for the driver, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Answers `from`, who asks at `now` to open a commitment.
    pub fn open(&mut self, now: Millis, from: PeerId, held: Held) -> Response {
        if !self.is_from(from, held) {
            return not_yours();
        }
        match self.leases.get_mut(&held).map(|lease| lease.open(now)) {
            Some(Some(opening)) => Response::Opened(Box::new(opening)),
            Some(None) => Response::Refused(ErrorObject::new(
                ErrorKind::Conflict,
                "The lease has no commitment that was confirmed yet.",
                "Ask again after the commitment has arrived.",
            )),
            None => Response::Refused(ErrorObject::new(
                ErrorKind::NotFound,
                "This worker holds no such lease.",
                "Lend the subtask again.",
            )),
        }
    }

    /// Answers `from`, who says at `now` that the lease has no use any more.
    pub fn stopped(&mut self, now: Millis, from: PeerId, held: Held) -> Response {
        if !self.is_from(from, held) {
            return not_yours();
        }
        self.now = now;
        self.forget(held, Forgotten::Stopped);
        self.backs.remove(&held);
        self.advance();
        Response::Done { now }
    }

    /// Whether `from` lends by the term of this lease.
    fn is_from(&self, from: PeerId, held: Held) -> bool {
        let (holder, term) = (from, held.term);
        self.seat == Some(Seat { holder, term })
    }

    /// Who coordinates has changed. While nobody does, what is held is worked on: its coordinator may come back.
    fn seated(&mut self, seat: Option<Seat>) {
        self.seat = seat;
        let Some(Seat { term, .. }) = seat else {
            return;
        };
        let leases = self.leases.keys().copied();
        let old: Vec<Held> = leases.filter(|held| held.term != term).collect();
        for held in old {
            self.forget(held, Forgotten::Deposed);
        }
        self.backs.retain(|held, _| held.term == term);
        match self.term.replace(term) {
            Some(before) if before != term => self.taking.moved(self.now),
            Some(_) | None => self.taking.hurry(self.now),
        }
    }

    /// Whether nothing is left to wait for, once the node stops. What is left after 2 s is left undone.
    pub fn finished(&self) -> bool {
        let waits = || {
            let unopened = |lease: &Lease| lease.stage() != Stage::Opened;
            !self.backs.is_empty() || !self.ending.is_empty() || self.leases.values().any(unopened)
        };
        self.stop_by.is_some_and(|by| self.now >= by || !waits())
    }

    /// When [`Input::Tick`] is next needed; always later than the last input.
    pub fn next_deadline(&self) -> Option<Millis> {
        let leases = self.leases.values().filter_map(|lease| match lease {
            Lease::Working { .. } => Some(self.heard.after(SILENCE_MAX)),
            Lease::Kept(kept) => match &kept.delivery {
                Delivery::Committing { again, .. } => again.due().filter(|_| self.may_deliver()),
                Delivery::Committed => None,
                Delivery::Opened { at } => Some(at.after(OPENED_FOR)),
            },
        });
        let backs = self.backs.values();
        let backs = backs.filter_map(|back| back.again.due().filter(|_| self.may_deliver()));
        let beats = self.heartbeats < HEARTBEATS_MAX && self.leases.values().any(Lease::is_named);
        leases
            .chain(backs)
            .chain(beats.then_some(self.heartbeat_at))
            .chain(self.take_at())
            .chain(self.stop_by)
            .min()
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let state = match (self.barred(), self.reached) {
            (Some(why), _) => why,
            (None, true) => State::Working,
            (None, false) => State::Unreachable,
        };
        let held = self.leases.iter().map(|(held, lease)| Holding {
            held: *held,
            stage: lease.stage(),
            since: lease.since(),
        });
        Status {
            state,
            slots: self.slots(),
            free: u32::try_from(self.free()).unwrap_or(SLOTS_MAX),
            held: held.collect(),
            counters: self.counters,
        }
    }

    fn slots(&self) -> u32 {
        self.policy.slots.min(SLOTS_MAX)
    }

    /// Slots that nothing is worked on in. A result keeps its slot until its commitment is confirmed: a node whose
    /// results are not taken must not make more of them.
    fn free(&self) -> usize {
        let busy = self.leases.values().filter(|lease| lease.has_slot());
        (self.slots() as usize).saturating_sub(busy.count() + self.ending.len())
    }

    fn may_deliver(&self) -> bool {
        self.deliveries < DELIVERIES_MAX
    }

    /// Why nothing new may be taken, if so.
    fn barred(&self) -> Option<State> {
        let outside = |hours: Hours| !hours.contains(self.seen.minute);
        match self.will {
            _ if self.stop_by.is_some() => Some(State::Draining),
            Will::Drain => Some(State::Draining),
            Will::Pause => Some(State::Paused),
            Will::Take if self.policy.hours.is_some_and(outside) => Some(State::OutsideHours),
            Will::Take if self.policy.only_when_idle && !self.seen.idle => Some(State::NotIdle),
            Will::Take => None,
        }
    }
}

/// Whoever asks is not the coordinator.
fn not_yours() -> Response {
    Response::Refused(ErrorObject::new(
        ErrorKind::Policy,
        "Only the coordinator that lends this worker its leases may say this.",
        "Ask the coordinator.",
    ))
}
