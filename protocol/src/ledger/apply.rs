//! What an entry does to the state: the one place where the ledger's rules are.
//!
//! Pure and total: each entry changes the state as it says or not at all. An entry's own signature is checked before;
//! the words that it carries of others are checked here.

use super::{
    decree::{Approved, Order, Standing},
    entry::{Body, Entry, LIFE_MAX_MS, rotation},
    state::{Account, Key, PeerState, State, TaskState, Value},
};
use crate::{
    ids::{Hash, PeerId},
    key::verify,
    record::Owner,
    units::{Credits, Millis},
};

mod decrees;
mod duties;
#[cfg(test)]
mod tests;

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
    #[error("it has expired, or would after more than a day")]
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

    /// Applies an entry of `signer`, whose signature holds.
    ///
    /// # Errors
    /// [`Refused`], and then nothing has changed.
    pub fn apply(&mut self, entry: &Entry, signer: PeerId, at: At) -> Result<(), Refused> {
        self.admits(entry, signer, at)?;
        match &entry.body {
            // It writes in several places, and the last may refuse. All others write once nothing can refuse any more:
            // with a copy about, each write would be to new nodes.
            Body::Rotate { new, signature } => {
                let mut changed = self.clone();
                changed.rotate(signer, *new, signature)?;
                *self = changed;
            }
            body => self.perform(body, signer, at)?,
        }
        self.count(signer);
        Ok(())
    }

    /// What must hold of every entry.
    fn admits(&self, entry: &Entry, signer: PeerId, at: At) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?;
        if entry.chain != network.chain {
            return Err(Refused::Chain);
        }
        let is_in_time = entry.expires >= at.time && entry.expires.0 - at.time.0 <= LIFE_MAX_MS;
        if !is_in_time {
            return Err(Refused::Expired);
        }
        let account = self.account_of(&signer);
        let takes_part = account.is_some()
            || self.peer(&signer).is_some_and(|peer| !peer.is_revoked)
            || network.operators.contains(&signer)
            || (network.is_open && matches!(entry.body, Body::Register { .. }));
        if !takes_part {
            return Err(Refused::Stranger);
        }
        let account = account.copied().unwrap_or_default();
        if account.rotated.is_some() {
            return Err(Refused::Rotated);
        }
        if self.is_listed(&signer, at.time) && !matches!(entry.body, Body::Appeal { .. }) {
            return Err(Refused::Listed);
        }
        match (entry.nonce, account.nonce) {
            (found, expected) if found == expected => Ok(()),
            (found, expected) => Err(Refused::Nonce { found, expected }),
        }
    }

    /// The signer has said one more thing.
    fn count(&mut self, signer: PeerId) {
        let mut account = self.account(&signer);
        account.nonce = account.nonce.saturating_add(1);
        self.put(&Key::Account(signer), Value::Account(account));
    }

    fn perform(&mut self, body: &Body, signer: PeerId, at: At) -> Result<(), Refused> {
        match body {
            Body::Decree(approved) => self.decree(approved, at),
            Body::Grant { duty, probes } => self.grant(*duty, probes, at),
            Body::Release { duty, term } => self.release(*duty, *term, signer),
            Body::Expire {
                duty,
                term,
                suspicions,
            } => self.expire(*duty, *term, suspicions),
            Body::Register { owner } => self.register(signer, owner.as_ref()),
            Body::Rotate { new, signature } => self.rotate(signer, *new, signature),
            Body::Accept(task) => {
                self.holds_shard(signer, task)?;
                if self.task(&task.task).is_some() {
                    return Err(Refused::State("the task was accepted before"));
                }
                let fresh = TaskState {
                    shard: task.shard,
                    assigned: 0,
                    result: None,
                };
                self.put(&Key::Task(task.task), Value::Task(fresh));
                Ok(())
            }
            Body::Assign { task, .. } => {
                let mut open = self.open_task(signer, task)?;
                open.assigned = open.assigned.saturating_add(1);
                self.put(&Key::Task(task.task), Value::Task(open));
                Ok(())
            }
            Body::End { task, result } => {
                let mut open = self.open_task(signer, task)?;
                open.result = Some(*result);
                self.put(&Key::Task(task.task), Value::Task(open));
                Ok(())
            }
            Body::Transfer { to, amount } => self.transfer(signer, *to, *amount),
            Body::Appeal { statement } => self.appeal(signer, *statement),
        }
    }

    fn transfer(&mut self, from: PeerId, to: PeerId, amount: Credits) -> Result<(), Refused> {
        if amount == Credits(0) || from == to {
            return Err(Refused::State("nothing would change hands"));
        }
        let (mut payer, mut payee) = (self.account(&from), self.account(&to));
        if payee.rotated.is_some() {
            return Err(Refused::State("the payee goes by another key"));
        }
        let left = payer.balance.0.checked_sub(amount.0);
        payer.balance = Credits(left.ok_or(Refused::Balance)?);
        let more = payee.balance.checked_add(amount);
        payee.balance = more.ok_or(Refused::State("more credits than can be counted"))?;
        self.put(&Key::Account(from), Value::Account(payer));
        self.put(&Key::Account(to), Value::Account(payee));
        Ok(())
    }

    /// A worker comes in by itself.
    fn register(&mut self, peer: PeerId, owner: Option<&Owner>) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?;
        if !network.is_open || self.peer(&peer).is_some() {
            return Err(Refused::Forbidden);
        }
        let is_owned = |owner: &Owner| {
            network.operators.contains(&owner.operator) && owner.holds(network.chain, peer)
        };
        if owner.is_some_and(|owner| !is_owned(owner)) {
            return Err(Refused::Words);
        }
        let state = PeerState {
            standing: Standing::Worker,
            owner: owner.map(|owner| owner.operator),
            is_revoked: false,
            version: 0,
        };
        self.put(&Key::Peer(peer), Value::Peer(state));
        Ok(())
    }

    /// All that was the old key's is the new one's, which nobody has used before.
    fn rotate(&mut self, old: PeerId, new: PeerId, signature: &[u8; 64]) -> Result<(), Refused> {
        let chain = self.network().ok_or(Refused::Chain)?.chain;
        if !verify(&new, &rotation(chain, old, new), signature) {
            return Err(Refused::Words);
        }
        let is_used = self.account_of(&new).is_some()
            || self.peer(&new).is_some()
            || self.listing(&new).is_some();
        if is_used || old == new {
            return Err(Refused::State("the new key was used before"));
        }
        let account = self.account(&old);
        let moved = Account {
            nonce: 0,
            ..account
        };
        let left = Account {
            balance: Credits(0),
            rotated: Some(new),
            ..account
        };
        self.put(&Key::Account(old), Value::Account(left));
        self.put(&Key::Account(new), Value::Account(moved));
        if let Some(peer) = self.peer(&old).cloned() {
            let gone = PeerState {
                is_revoked: true,
                ..peer.clone()
            };
            self.put(&Key::Peer(old), Value::Peer(gone));
            self.put(&Key::Peer(new), Value::Peer(peer));
        }
        self.replace_member(old, new)
    }

    fn appeal(&mut self, peer: PeerId, statement: Hash) -> Result<(), Refused> {
        let listing = self.listing(&peer).filter(|one| one.appeal.is_none());
        let mut listing = listing
            .cloned()
            .ok_or(Refused::State("there is nothing to appeal, or it was"))?;
        listing.appeal = Some(statement);
        self.put(&Key::Listing(peer), Value::Listing(listing));
        Ok(())
    }
}
