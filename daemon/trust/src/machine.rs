//! How much each may ask for, and what lies on the operators' desk.
//!
//! Limits refuse and say when to come back; they never blame: what proves a fault is evidence, and neither speed nor
//! silence is. What is about work that was lent, or a task that was taken, is held against its key alone.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Hash, Millis, PeerId,
    operator::{ErrorKind, ErrorObject},
    wire::{AdmissionAsk, Charge, Desk},
};

use crate::config::{
    ASK_LIFE, ASKS_MAX, CHARGES_MAX, IDENTITIES_MAX, NEWCOMERS_OF_OWNER, OWNERS_MAX,
    REQUESTS_OF_KEY, REQUESTS_OF_OWNER, Rate, TASKS_OF_KEY, TASKS_OF_OWNER,
};

#[cfg(test)]
mod tests;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its key.
    pub key: PeerId,
    /// Whose it is; none for the one owner of all others.
    pub owner: Option<PeerId>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// About work that it was lent, or a task of its own that was taken.
    Held,
    /// Anything else.
    Request,
    /// A task.
    Task,
    /// To be taken in as a node, by a key that nobody has heard of.
    Newcomer,
}

/// Not now: who has asked too often, and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What of.
    pub kind: Kind,
    /// Whether all of its owner's keys together have; it alone otherwise.
    pub is_owners: bool,
    /// How long until it may.
    pub wait: Duration,
}

/// When it is as if nothing had been asked for: one number is a whole bucket (the generic cell rate algorithm of ITU-T
/// I.371), in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket(u64);

impl Bucket {
    fn span(rate: Rate) -> u64 {
        60_000_000 / rate.a_minute
    }

    /// How long until one more may be taken; none when it may be now.
    fn wait(self, now: u64, rate: Rate) -> Option<Duration> {
        let room = Self::span(rate) * rate.at_once;
        // A clock that was set back must not shut anybody out for as long.
        let after = self.0.clamp(now, now + room) + Self::span(rate);
        let over = after.saturating_sub(now + room);
        (over > 0).then(|| Duration::from_micros(over))
    }

    fn take(&mut self, now: u64, rate: Rate) {
        let room = Self::span(rate) * rate.at_once;
        self.0 = (self.0.clamp(now, now + room) + Self::span(rate)).min(now + room);
    }

    fn has_rested(self, now: u64) -> bool {
        self.0 <= now
    }
}

/// What a key or an owner has asked for lately.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    requests: Bucket,
    tasks: Bucket,
    newcomers: Bucket,
}

impl Used {
    fn has_rested(&self, now: u64) -> bool {
        [self.requests, self.tasks, self.newcomers]
            .iter()
            .all(|one| one.has_rested(now))
    }
}

/// Limits and desk.
#[derive(Debug, Default)]
pub struct Machine {
    keys: BTreeMap<PeerId, Used>,
    owners: BTreeMap<Option<PeerId>, Used>,
    asks: BTreeMap<PeerId, AdmissionAsk>,
    charges: BTreeMap<(PeerId, Hash), Charge>,
}

impl Machine {
    /// Whether `by` may ask that now; what is refused costs nothing.
    ///
    /// # Errors
    /// [`Wait`]: when to come back.
    pub fn admit(&mut self, now: Millis, by: Asker, kind: Kind) -> Result<(), Wait> {
        let now = now.0.saturating_mul(1_000);
        let has_room = self.make_room(now, &by.key);
        let owner = match self.owners.len() < OWNERS_MAX || self.owners.contains_key(&by.owner) {
            true => by.owner,
            false => None,
        };
        let own = self.keys.get(&by.key).copied().unwrap_or_default();
        let all = self.owners.get(&owner).copied().unwrap_or_default();
        let of_key = [
            own.requests.wait(now, REQUESTS_OF_KEY),
            own.tasks
                .wait(now, TASKS_OF_KEY)
                .filter(|_| kind == Kind::Task),
        ];
        // Who is not in haste does not wait for others' haste.
        let is_hasty = !own.requests.has_rested(now);
        let of_owner = match kind {
            Kind::Held => None,
            Kind::Request if !is_hasty => None,
            Kind::Request => all.requests.wait(now, REQUESTS_OF_OWNER),
            Kind::Task => all.tasks.wait(now, TASKS_OF_OWNER),
            Kind::Newcomer => all.newcomers.wait(now, NEWCOMERS_OF_OWNER),
        };
        let refuse = |is_owners| {
            move |wait| Wait {
                kind,
                is_owners,
                wait,
            }
        };
        let of_key = of_key.into_iter().flatten().max().map(refuse(false));
        if let Some(wait) = of_key.or(of_owner.map(refuse(true))) {
            return Err(wait);
        }
        if has_room {
            let own = self.keys.entry(by.key).or_default();
            own.requests.take(now, REQUESTS_OF_KEY);
            if kind == Kind::Task {
                own.tasks.take(now, TASKS_OF_KEY);
            }
        }
        let all = self.owners.entry(owner).or_default();
        match kind {
            Kind::Held => {}
            Kind::Request => all.requests.take(now, REQUESTS_OF_OWNER),
            Kind::Task => all.tasks.take(now, TASKS_OF_OWNER),
            Kind::Newcomer => all.newcomers.take(now, NEWCOMERS_OF_OWNER),
        }
        Ok(())
    }

    /// Whether a key's use can be counted. What has worn off is forgotten without a difference.
    fn make_room(&mut self, now: u64, key: &PeerId) -> bool {
        if self.keys.len() >= IDENTITIES_MAX && !self.keys.contains_key(key) {
            self.keys.retain(|_, used| !used.has_rested(now));
        }
        self.keys.len() < IDENTITIES_MAX || self.keys.contains_key(key)
    }

    /// A peer asks to be admitted; what it asked before is replaced.
    ///
    /// # Errors
    /// [`ErrorObject`] when too many wait.
    pub fn ask(&mut self, now: Millis, ask: AdmissionAsk) -> Result<(), ErrorObject> {
        self.asks.retain(|_, one| one.at.after(ASK_LIFE) > now);
        if self.asks.len() >= ASKS_MAX && !self.asks.contains_key(&ask.peer) {
            let message = format!("{ASKS_MAX} requests wait for the operators already");
            let next = "give an operator the line that `edgecoder council request` prints";
            return Err(ErrorObject::new(ErrorKind::Busy, message, next));
        }
        self.asks.insert(ask.peer, ask);
        Ok(())
    }

    /// A lie was proven. Each is proposed once.
    pub fn charge(&mut self, charge: Charge) {
        let name = (charge.peer, charge.evidence);
        if self.charges.len() >= CHARGES_MAX && !self.charges.contains_key(&name) {
            let oldest = self
                .charges
                .iter()
                .min_by_key(|(name, one)| (one.at, **name));
            if let Some(oldest) = oldest.map(|(name, _)| *name) {
                self.charges.remove(&oldest);
            }
        }
        self.charges.entry(name).or_insert(charge);
    }

    /// What waits for the operators, without what `is_decided` says of.
    pub fn desk(
        &self,
        now: Millis,
        is_asked: impl Fn(&AdmissionAsk) -> bool,
        is_charged: impl Fn(&Charge) -> bool,
    ) -> Desk {
        let asks = self
            .asks
            .values()
            .filter(|one| one.at.after(ASK_LIFE) > now);
        Desk {
            asks: asks.filter(|one| is_asked(one)).cloned().collect(),
            charges: self
                .charges
                .values()
                .filter(|one| is_charged(one))
                .copied()
                .collect(),
        }
    }
}

impl From<Wait> for ErrorObject {
    fn from(wait: Wait) -> Self {
        let who = match wait.is_owners {
            true => "all nodes of this owner together (those without one have the same)",
            false => "this node",
        };
        let what = match wait.kind {
            Kind::Held | Kind::Request => "asked more often than the coordinator answers",
            Kind::Task => "gave more tasks than the coordinator takes in a minute",
            Kind::Newcomer => "are new in greater number than the coordinator takes in a minute",
        };
        let next = format!("try again in {} s", wait.wait.as_secs() + 1);
        Self::new(ErrorKind::Busy, format!("{who} {what}"), next)
    }
}
