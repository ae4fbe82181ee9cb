//! When the next request for work goes out. An idle worker asks once a minute and is otherwise silent: gossip wakes it.
//! One that works, or has heard that there is work, keeps a request waiting at the coordinator.

use std::time::Duration;

use edgecoder_protocol::{
    Millis,
    wire::{Held, TAKE_MAX, WhyBack},
};

use super::{
    Answer, CONFIRM_AFTER, GIVE_BACK_TRIES, Machine, Output,
    lease::Lease,
    pace::{Backoff, Draws},
};
use crate::status::State;

/// How long after work or news of it the next request follows an empty answer at once.
const LIVELY_FOR: Duration = Duration::from_secs(30);
/// Silence of an idle worker: where no announcement reaches it, work waits no longer than that.
const IDLE_EVERY: Duration = Duration::from_secs(60);
/// Least time between the beginnings of two requests unless the first brought work: a coordinator that does not
/// wait, or a flood of announcements, does not make the worker spin.
const GAP: Duration = Duration::from_millis(250);
/// So long after the duty has moved, requests follow each other at once: whoever has it may not have begun.
const SETTLING: Duration = Duration::from_secs(10);
/// How often the host is looked at while its state forbids work.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The request for work.
#[derive(Debug, Default)]
pub(super) struct Taking {
    under_way: bool,
    /// When the next goes out, if one may.
    at: Millis,
    /// When the last went out.
    sent: Option<Millis>,
    lively_until: Millis,
    settling_until: Millis,
    backoff: Backoff,
}

impl Taking {
    fn soonest(&self, now: Millis) -> Millis {
        self.sent.map_or(now, |sent| now.max(sent.after(GAP)))
    }

    /// Asks as soon as may be.
    pub(super) fn hurry(&mut self, now: Millis) {
        self.at = self.at.min(self.soonest(now));
    }

    /// There may be work.
    pub(super) fn wake(&mut self, now: Millis) {
        self.lively_until = now.after(LIVELY_FOR);
        self.hurry(now);
    }

    fn start(&mut self, now: Millis) {
        (self.under_way, self.sent) = (true, Some(now));
    }

    fn succeeded(&mut self, now: Millis, any: bool) {
        self.under_way = false;
        self.backoff.succeed();
        if any {
            self.lively_until = now.after(LIVELY_FOR);
            self.at = now;
        } else if now < self.lively_until {
            self.at = self.soonest(now);
        } else {
            self.at = now.after(IDLE_EVERY);
        }
    }

    /// Somebody has the duty by another grant, and may have work from before.
    pub(super) fn moved(&mut self, now: Millis) {
        self.settling_until = now.after(SETTLING);
        self.wake(now);
    }

    fn failed(&mut self, now: Millis, draws: &mut Draws) {
        self.under_way = false;
        if now < self.settling_until {
            self.at = now.after(GAP);
            return;
        }
        self.at = now.after(self.backoff.fail(draws));
    }
}

impl Machine {
    fn keys(&self) -> usize {
        self.free().min(TAKE_MAX)
    }

    /// Asks for work, if it is time and policy and slots allow it.
    pub(super) fn take(&mut self) {
        let keys = self.keys();
        let due = !self.taking.under_way && self.taking.at <= self.now;
        if due && keys > 0 && self.barred().is_none() {
            self.taking.start(self.now);
            self.outputs.push_back(Output::Take { keys });
        }
    }

    /// When [`Machine::take`] may next do something that no other input brings about.
    pub(super) fn take_at(&self) -> Option<Millis> {
        if self.taking.under_way || self.keys() == 0 {
            return None;
        }
        match self.barred() {
            None => Some(self.taking.at),
            Some(State::OutsideHours | State::NotIdle) => Some(self.now.after(LOOK_EVERY)),
            // Only the owner ends these; the other two are not reasons to take nothing.
            Some(State::Paused | State::Draining | State::Working | State::Unreachable) => None,
        }
    }

    /// The answer to the request has come.
    pub(super) fn taken(&mut self, answer: Answer) {
        let Answer::Granted(granted) = answer else {
            return self.taking.failed(self.now, &mut self.draws);
        };
        let fresh = |held: &Held| {
            // One of an earlier term counts no more. A second grant of one lease is not second work.
            self.seat.is_some_and(|seat| seat.term == held.term)
                && !self.leases.contains_key(held)
                && !self.ending.contains(held)
                && !self.backs.contains_key(held)
        };
        let granted: Vec<Held> = granted.into_iter().filter(fresh).collect();
        self.taking.succeeded(self.now, !granted.is_empty());
        for held in granted {
            // Policy or owner may have changed while the request was under way.
            if self.barred().is_some() || self.free() == 0 {
                let sentence = "The node takes no work at the moment.".to_owned();
                self.give_back(held, WhyBack::Drained, sentence, GIVE_BACK_TRIES);
                continue;
            }
            self.confirm();
            let since = self.now;
            self.leases.insert(held, Lease::Working { since });
            self.outputs.push_back(Output::Work(held));
        }
    }

    /// The coordinator waits for what confirms a lease that is taken now: a heartbeat, or the commitment to what is
    /// made sooner.
    fn confirm(&mut self) {
        let at = self.now.after(CONFIRM_AFTER);
        let is_idle = !self.leases.values().any(Lease::is_named);
        // One that is due earlier, for what was named before, names this lease as well: later grants postpone none.
        self.heartbeat_at = if is_idle {
            at
        } else {
            self.heartbeat_at.min(at)
        };
    }
}
