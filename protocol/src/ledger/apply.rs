//! What an entry does to the state: the one place where the ledger's rules are.
//!
//! Pure and total: each entry changes the state as it says or not at all. An entry's own signature is checked before;
//! the words that it carries of others are checked here.

use std::time::Duration;

use super::{
    decree::{Approved, Order, Standing},
    entry::{Body, Entry, LIFE_MAX_MS},
    state::{Account, Key, PeerState, State, Value},
};
use crate::{
    ids::{Hash, PeerId},
    units::{Credits, Millis},
};

mod decrees;
mod duties;
mod peers;
pub use peers::ROTATIONS_MAX;
#[cfg(test)]
mod tests;

/// A task that nobody has spoken of for so long is forgotten: what was said of it stays in the log.
pub const TASK_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
const DAY_MS: u64 = 24 * 3_600_000;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The block's time.
    pub time: Millis,
    /// The id of the block before.
    pub parent: Hash,
    /// How many entries the log has before this one: the term of what is granted by it.
    pub index: u64,
}

/// Why an entry counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Of another network.
    #[error("it is of another network")]
    Chain,
    /// Said before, or too early.
    #[error("its nonce is {found}, and its signer's next {expected}")]
    Nonce {
        /// What it has.
        found: u64,
        /// What it would have to have.
        expected: u64,
    },
    /// Too late, or too far ahead.
    #[error("it has expired, or would too far ahead")]
    Expired,
    /// By one who does not take part.
    #[error("its signer does not take part in this network")]
    Stranger,
    /// By a key that another has taken the place of.
    #[error("its signer goes by another key")]
    Rotated,
    /// By one who is left alone.
    #[error("its signer is blacklisted")]
    Listed,
    /// Not by enough operators.
    #[error("no more than half of the operators approve")]
    Approvals,
    /// Decided on meanwhile.
    #[error("it is about version {found}, and {current} is current")]
    Version {
        /// What it was decided about.
        found: u64,
        /// What is current.
        current: u64,
    },
    /// Not what this one may do.
    #[error("its signer may not do that")]
    Forbidden,
    /// Not possible as things are.
    #[error("it does not fit how things are: {0}")]
    State(&'static str),
    /// Of a grant that is over.
    #[error("it is of term {found}, and {current} is current")]
    Term {
        /// What it names.
        found: u64,
        /// What is current.
        current: u64,
    },
    /// Words of members that do not hold, or are not enough.
    #[error("the members' words that it carries do not hold")]
    Words,
    /// More than there is.
    #[error("the account has less than that")]
    Balance,
}

/// Who says an entry.
struct Signer {
    peer: PeerId,
    /// The hash of its account's key.
    key: Hash,
    account: Option<Account>,
}

impl State {
    /// Goes on to the next height: what was decided about the council counts from here on.
    pub fn next_height(&mut self) {
        if let Some(council) = self.council()
            && council.members != council.next
        {
            let mut council = council.clone();
            council.members = council.next.clone();
            self.put(&Key::Council, Value::Council(council));
        }
    }

    /// Goes on from a block of time `before` to one of time `now`: the first of a day forgets what is old enough.
    pub fn pass(&mut self, before: Millis, now: Millis) {
        if before.0 / DAY_MS >= now.0 / DAY_MS {
            return;
        }
        let is_old = |value: &Value| match value {
            Value::Task(task) => task.at.after(TASK_KEPT) <= now,
            Value::Network(_)
            | Value::Council(_)
            | Value::Supply(_)
            | Value::Account(_)
            | Value::Peer(_)
            | Value::Listing(_)
            | Value::Duty(_)
            | Value::Policy(_) => false,
        };
        self.remove_where(is_old);
    }

    /// Applies an entry of `signer`, whose signature holds.
    ///
    /// # Errors
    /// [`Refused`], and then nothing has changed.
    pub fn apply(&mut self, entry: &Entry, signer: PeerId, at: At) -> Result<(), Refused> {
        let key = Key::Account(signer).hash();
        let by = Signer {
            peer: signer,
            key,
            account: self.account_at(&key),
        };
        self.admits(entry, &by, at)?;
        let mut account = self.perform(&entry.body, &by, at)?;
        account.nonce = account.nonce.saturating_add(1);
        self.put_at(key, Value::Account(account));
        Ok(())
    }

    /// What must hold of every entry.
    fn admits(&self, entry: &Entry, by: &Signer, at: At) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?;
        if entry.chain != network.chain {
            return Err(Refused::Chain);
        }
        let is_in_time = entry.expires >= at.time && entry.expires.0 - at.time.0 <= LIFE_MAX_MS;
        if !is_in_time {
            return Err(Refused::Expired);
        }
        let (signer, account) = (by.peer, by.account.unwrap_or_default());
        if account.rotated.is_some() {
            return Err(Refused::Rotated);
        }
        let is_listed = self.is_listed(&signer, at.time);
        let appeals = is_listed && matches!(entry.body, Body::Appeal { .. });
        // Who was revoked has an account as well, and that alone lets only those speak who never were a peer.
        let takes_part = || match self.peer(&signer) {
            Some(peer) if !peer.is_revoked => true,
            Some(_) => network.operators.contains(&signer),
            None => {
                by.account.is_some()
                    || network.operators.contains(&signer)
                    || (network.is_open && matches!(entry.body, Body::Register { .. }))
            }
        };
        // Whoever is accused is heard.
        if !appeals && !takes_part() {
            return Err(Refused::Stranger);
        }
        if is_listed && !appeals {
            return Err(Refused::Listed);
        }
        match (entry.nonce, account.nonce) {
            (found, expected) if found == expected => Ok(()),
            (found, expected) => Err(Refused::Nonce { found, expected }),
        }
    }

    /// Does what is said, and returns what the signer's account is then.
    fn perform(&mut self, body: &Body, by: &Signer, at: At) -> Result<Account, Refused> {
        let peer = by.peer;
        match body {
            // Most entries are these, and the signer's account is written once.
            Body::Transfer { to, amount } => return self.transfer(by, *to, *amount),
            Body::Decree(approved) => self.decree(approved, at),
            Body::Grant { duty, probes } => self.grant(*duty, probes, at),
            Body::Release { duty, term } => self.release(*duty, *term, peer),
            Body::Expire {
                duty,
                term,
                suspicions,
            } => self.expire(*duty, *term, suspicions, at),
            Body::Register { owner } => self.register(peer, owner.as_ref()),
            Body::Rotate { new, signature } => self.rotate(peer, *new, signature),
            Body::Accept(task) => self.accept(peer, task, at),
            Body::Assign { task, .. } => self.assign(peer, task, at),
            Body::End { task, result } => self.end(peer, task, *result, at),
            Body::Appeal { statement } => self.appeal(peer, *statement),
        }?;
        Ok(self.account_at(&by.key).unwrap_or_default())
    }

    /// Pays, and returns what the payer's account is then, which is not written yet.
    fn transfer(&mut self, from: &Signer, to: PeerId, amount: Credits) -> Result<Account, Refused> {
        if amount == Credits(0) || from.peer == to {
            return Err(Refused::State("nothing would change hands"));
        }
        let key = Key::Account(to).hash();
        let known = self.account_at(&key);
        is_somebody(&to, known)?;
        let mut payee = known.unwrap_or_default();
        if payee.rotated.is_some() {
            return Err(Refused::State("the payee goes by another key"));
        }
        let mut payer = from.account.unwrap_or_default();
        let left = payer.balance.0.checked_sub(amount.0);
        payer.balance = Credits(left.ok_or(Refused::Balance)?);
        let more = payee.balance.checked_add(amount);
        payee.balance = more.ok_or(Refused::State("more credits than can be counted"))?;
        self.put_at(key, Value::Account(payee));
        Ok(payer)
    }
}

/// What is named could be somebody's. Whoever has an account has signed or was asked before, and is not again: it
/// takes longer than all else of a transfer.
fn is_somebody(peer: &PeerId, account: Option<Account>) -> Result<(), Refused> {
    match account.is_some() || peer.is_key() {
        true => Ok(()),
        false => Err(Refused::State("nobody can sign as that")),
    }
}
