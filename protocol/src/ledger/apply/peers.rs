//! Peers by their own word: who comes in, who goes by another key, who objects.

use super::{Account, Key, PeerState, Refused, Standing, State, Value};
use crate::{
    ids::{Hash, PeerId},
    key::verify,
    ledger::{entry::rotation, state::NetworkState},
    record::Owner,
    units::Credits,
};

/// Changes of key that a decree about an old one follows. Who has changed its key more often is named by a newer one.
pub const ROTATIONS_MAX: usize = 256;

impl State {
    /// A worker comes in by itself.
    pub(super) fn register(&mut self, peer: PeerId, owner: Option<&Owner>) -> Result<(), Refused> {
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
            duties: Vec::new(),
            version: 0,
        };
        self.put(&Key::Peer(peer), Value::Peer(state));
        Ok(())
    }

    /// All that was the old key's is the new one's, which nobody has used before. A member's key is the operators' to
    /// replace: a thief of one would else have its vote for good.
    pub(super) fn rotate(
        &mut self,
        old: PeerId,
        new: PeerId,
        signature: &[u8; 64],
    ) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?;
        if !verify(&new, &rotation(network.chain, old, new), signature) {
            return Err(Refused::Words);
        }
        if self.votes(&old) {
            return Err(Refused::State("it is a member: operators replace it"));
        }
        let is_used = self.account_of(&new).is_some()
            || self.peer(&new).is_some()
            || self.listing(&new).is_some()
            || network.operators.contains(&new);
        if is_used || old == new {
            return Err(Refused::State("the new key was used before"));
        }
        if network.operators.contains(&old) {
            let others = network.operators.iter().filter(|one| **one != old);
            let mut operators: Vec<PeerId> = others.copied().chain([new]).collect();
            operators.sort_unstable();
            let network = NetworkState {
                operators,
                ..network.clone()
            };
            self.put(&Key::Network, Value::Network(network));
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
        // It has run out, and its version goes on.
        if let Some(listing) = self.listing(&old).cloned() {
            self.put(&Key::Listing(new), Value::Listing(listing));
        }
        Ok(())
    }

    pub(super) fn appeal(&mut self, peer: PeerId, statement: Hash) -> Result<(), Refused> {
        let listing = self.listing(&peer).filter(|one| one.appeal.is_none());
        let mut listing = listing
            .cloned()
            .ok_or(Refused::State("there is nothing to appeal, or it was"))?;
        listing.appeal = Some(statement);
        self.put(&Key::Listing(peer), Value::Listing(listing));
        Ok(())
    }

    /// The key by which the holder of this one goes now; none after more than [`ROTATIONS_MAX`] changes.
    pub(super) fn current(&self, peer: &PeerId) -> Option<PeerId> {
        let mut current = *peer;
        for _ in 0..=ROTATIONS_MAX {
            match self.account_of(&current).and_then(|one| one.rotated) {
                None => return Some(current),
                Some(new) => current = new,
            }
        }
        None
    }

    /// Whether it decides this block or the next.
    pub(super) fn votes(&self, peer: &PeerId) -> bool {
        self.council()
            .is_some_and(|council| council.members.contains(peer) || council.next.contains(peer))
    }
}
