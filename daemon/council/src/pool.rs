//! Entries that wait for a block: each account's in the order of its nonces, all within bounds, nobody's before
//! another's for being many.

use std::collections::{BTreeMap, BTreeSet};

use edgecoder_protocol::{
    Hash, Millis, PeerId,
    ledger::{apply::Refused, chain::Chain, chain::Executed, entry::Entry, merkle},
    signed::Checked,
};

/// Entries that wait. With more, whoever brings one is told to come back.
pub const POOL_MAX: usize = 32_768;
/// Bytes of them together.
const POOL_BYTES_MAX: usize = 32 << 20;
/// Entries of one account that wait: a coordinator's of some seconds.
pub const ACCOUNT_MAX: u64 = 4_096;
/// How far an entry may be ahead of those of its account that wait without a gap: words that overtook each other.
const GAP_MAX: u64 = 1_024;
/// A proposer that leaves out an entry known for so many heights is not followed (DESIGN 8).
pub const OVERLOOKED: u64 = 8;

/// Why an entry does not wait.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// It waits already.
    #[error("the entry waits already")]
    Known(Hash),
    /// No room.
    #[error("too many entries wait: try again in a few seconds")]
    Full,
    /// The council did not take it.
    #[error("the council refuses it: {0}")]
    Elsewhere(String),
    /// Another with its nonce waits.
    #[error("another entry of this account with the same nonce waits")]
    Taken,
    /// Too far ahead of the account.
    #[error("too many entries of this account wait: its next nonce is {next}")]
    Ahead {
        /// The account's next.
        next: u64,
    },
    /// It would count for nothing.
    #[error("{0}")]
    Refused(#[from] Refused),
}

#[derive(Debug)]
struct Waiting {
    entry: Checked<Entry>,
    leaf: Hash,
    /// The height that was decided last when it came.
    since: u64,
}

/// Entries that wait.
#[derive(Debug, Default)]
pub struct Pool {
    accounts: BTreeMap<PeerId, BTreeMap<u64, Waiting>>,
    leaves: BTreeSet<Hash>,
    bytes: usize,
}

impl Pool {
    /// Entries that wait.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether the entry of this leaf waits, so that its signature holds.
    pub fn knows(&self, leaf: &Hash) -> bool {
        self.leaves.contains(leaf)
    }

    /// The nonce after those of `account` that wait without a gap.
    pub fn next_nonce(&self, chain: &Chain, account: &PeerId) -> u64 {
        let next = chain.state().account(account).nonce;
        let Some(waiting) = self.accounts.get(account) else {
            return next;
        };
        let run = waiting.range(next..).zip(next..);
        next + run.take_while(|((nonce, _), at)| *nonce == at).count() as u64
    }

    /// Takes an entry in that may count at `now`.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn add(
        &mut self,
        chain: &Chain,
        entry: Checked<Entry>,
        now: Millis,
    ) -> Result<Hash, NotTaken> {
        let encoded = entry.signed().to_bytes();
        let leaf = merkle::leaf(&encoded);
        if self.leaves.contains(&leaf) {
            return Err(NotTaken::Known(leaf));
        }
        let (signer, nonce) = (entry.signer(), entry.value().nonce);
        let next = chain.state().account(&signer).nonce;
        if nonce >= next.saturating_add(ACCOUNT_MAX) {
            return Err(NotTaken::Ahead { next });
        }
        // What is ahead of those that wait is kept in small numbers, and of accounts that there are: nobody else's word
        // costs anything to give.
        let run = self.next_nonce(chain, &signer);
        let gap = if chain.state().account_of(&signer).is_some() {
            GAP_MAX
        } else {
            0
        };
        if nonce > run.saturating_add(gap) {
            return Err(NotTaken::Ahead { next });
        }
        let time = Millis(now.0.max(chain.time().0 + 1));
        match chain.would_count(&entry, time) {
            // One whose predecessors wait, or are on their way.
            Err(Refused::Nonce { found, expected }) if found > expected => {}
            Err(why) => return Err(why.into()),
            Ok(()) => {}
        }
        let is_full =
            |pool: &Self| pool.len() >= POOL_MAX || pool.bytes + encoded.len() > POOL_BYTES_MAX;
        while is_full(self) {
            // One whose turn it is goes before those that wait for others.
            if nonce != next || !self.evict(chain) {
                return Err(NotTaken::Full);
            }
        }
        let waiting = self.accounts.get(&signer);
        let before = waiting.and_then(|waiting| waiting.get(&nonce));
        match before.map(|one| one.entry.value().expires < time) {
            Some(true) => self.remove(&signer, nonce),
            Some(false) => return Err(NotTaken::Taken),
            None => None,
        };
        let account = self.accounts.entry(signer).or_default();
        self.leaves.insert(leaf);
        self.bytes += encoded.len();
        let since = chain.height();
        account.insert(nonce, Waiting { entry, leaf, since });
        Ok(leaf)
    }

    /// Forgets the last entry of the account with most of them, unless it is the account's next; whether it did.
    fn evict(&mut self, chain: &Chain) -> bool {
        let most = self
            .accounts
            .iter()
            .max_by_key(|(_, waiting)| waiting.len());
        let last =
            most.and_then(|(account, waiting)| Some((*account, *waiting.last_key_value()?.0)));
        match last {
            Some((account, nonce)) if nonce > chain.state().account(&account).nonce => {
                self.remove(&account, nonce).is_some()
            }
            Some(_) | None => false,
        }
    }

    /// What a block may be put together from: the first of each account, then the second of each, and so on.
    pub fn candidates(&self, chain: &Chain, max: usize) -> Vec<&Checked<Entry>> {
        let mut queues: Vec<_> = self
            .accounts
            .iter()
            .map(|(account, waiting)| {
                let next = chain.state().account(account).nonce;
                waiting.range(next..).zip(next..)
            })
            .collect();
        let mut found = Vec::new();
        while !queues.is_empty() && found.len() < max {
            queues.retain_mut(|queue| match queue.next() {
                Some(((nonce, one), at)) if *nonce == at => {
                    found.push(&one.entry);
                    true
                }
                // Its turn has not come: the one before it is missing.
                Some(_) | None => false,
            });
        }
        found.truncate(max);
        found
    }

    /// Whether `block`, which had room, leaves out what has waited too long.
    pub fn is_overlooked_by(&self, block: &Executed) -> bool {
        let height = block.block.header.height;
        let included: BTreeSet<&Hash> = block.leaves.iter().collect();
        let firsts = self.accounts.values().filter_map(|waiting| {
            let mut left = waiting.values().filter(|one| !included.contains(&one.leaf));
            left.next()
        });
        firsts
            .filter(|one| one.since + OVERLOOKED <= height)
            .any(|one| block.leaves_out(&one.entry))
    }

    /// Forgets one; its leaf.
    pub fn remove(&mut self, account: &PeerId, nonce: u64) -> Option<Hash> {
        let waiting = self.accounts.get_mut(account)?;
        let one = waiting.remove(&nonce)?;
        if waiting.is_empty() {
            self.accounts.remove(account);
        }
        self.leaves.remove(&one.leaf);
        self.bytes -= one.entry.signed().size();
        Some(one.leaf)
    }

    /// Forgets what a new block has made old: what is in it, and what has expired or can never count any more. Of the
    /// latter, the leaves with why.
    pub fn sweep(&mut self, chain: &Chain) -> Vec<(Hash, Refused)> {
        let time = chain.time();
        let mut old = Vec::new();
        for (account, waiting) in &self.accounts {
            let next = chain.state().account(account).nonce;
            let is_old =
                |nonce: u64, one: &Waiting| nonce < next || one.entry.value().expires < time;
            let nonces = waiting.iter().filter(|(nonce, one)| is_old(**nonce, one));
            old.extend(nonces.map(|(nonce, _)| (*account, *nonce)));
        }
        let gone = old.into_iter().filter_map(|(account, nonce)| {
            let leaf = self.remove(&account, nonce)?;
            let expected = chain.state().account(&account).nonce;
            // What is in the block was told of before.
            Some(match nonce < expected {
                true => (
                    leaf,
                    Refused::Nonce {
                        found: nonce,
                        expected,
                    },
                ),
                false => (leaf, Refused::Expired),
            })
        });
        gone.collect()
    }
}

#[cfg(test)]
mod tests {
    use edgecoder_protocol::{
        key::NodeKey,
        ledger::{
            decree::{Approved, Decree, Order},
            entry::Body,
            members::MemberSet,
        },
        network::Genesis,
    };

    use super::*;

    #[test]
    fn what_has_expired_makes_room_for_another_of_its_nonce() {
        let key = NodeKey::from_seed(&mut [1; 32]);
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![key.peer_id()],
            members: MemberSet::one(key.peer_id()),
            founded: Millis(0),
            salt: [0; 16],
        };
        let chain = Chain::new(&genesis);
        let entry = |nonce: u64, expires: u64| {
            let decree = Decree {
                chain: chain.id(),
                version: 0,
                expires: Millis(1_000),
                order: Order::OpenAdmission(true),
            };
            let approvals = vec![decree.approve(&key)];
            let entry = Entry {
                chain: chain.id(),
                nonce,
                expires: Millis(expires),
                body: Body::Decree(Approved { decree, approvals }),
            };
            Checked::new(entry, &key)
        };
        let mut pool = Pool::default();
        let (first, second) = (entry(0, 10), entry(0, 1_000));
        let leaf = pool.add(&chain, first, Millis(5)).unwrap();
        let taken = pool.add(&chain, second.clone(), Millis(10));
        assert_eq!(taken, Err(NotTaken::Taken));
        let other = pool.add(&chain, second, Millis(11)).unwrap();
        assert_eq!((pool.knows(&leaf), pool.knows(&other)), (false, true));
        assert_eq!(pool.len(), 1);
    }
}
