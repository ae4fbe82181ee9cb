//! Decrees: what more than half of the operators decided, once.

use super::{Approved, At, Key, Order, PeerState, Refused, Standing, State, Value};
use crate::{
    ids::PeerId,
    ledger::{
        members::MemberSet,
        state::{CouncilState, Listing, NetworkState, Policy, Supply},
    },
    units::Credits,
};

impl State {
    pub(super) fn decree(&mut self, approved: &Approved, at: At) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?.clone();
        let decree = &approved.decree;
        if decree.chain != network.chain {
            return Err(Refused::Chain);
        }
        let (found, current) = (decree.version, self.version_of(&decree.order));
        if found != current {
            return Err(Refused::Version { found, current });
        }
        if !approved.holds(&network.operators) {
            return Err(Refused::Approvals);
        }
        match &decree.order {
            Order::AddMember(peer) => {
                let known = self.peer(peer);
                let is_trusted =
                    known.is_some_and(|one| one.standing == Standing::Trusted && !one.is_revoked);
                if !is_trusted || self.is_listed(peer, at.time) {
                    return Err(Refused::State("it is no trusted peer"));
                }
                self.change_council(|set| set.with(*peer))
            }
            Order::RemoveMember(peer) => self.change_council(|set| set.without(peer)),
            Order::Revoke { peer, .. } => self.revoke(peer),
            Order::Pardon(peer) => self.pardon(peer, at),
            Order::Issue { to, amount } => self.issue(*to, *amount),
            order => {
                self.note(order, network, current + 1);
                Ok(())
            }
        }
    }

    /// What needs nothing but the operators' word.
    fn note(&mut self, order: &Order, network: NetworkState, version: u64) {
        let (key, value) = match order {
            Order::Admit {
                peer,
                standing,
                owner,
            } => {
                let state = PeerState {
                    standing: *standing,
                    owner: *owner,
                    is_revoked: false,
                    version,
                };
                (Key::Peer(*peer), Value::Peer(state))
            }
            Order::Blacklist {
                peer,
                evidence,
                reason,
                until,
            } => {
                let listing = Listing {
                    evidence: *evidence,
                    reason: reason.clone(),
                    until: *until,
                    appeal: None,
                    version,
                };
                (Key::Listing(*peer), Value::Listing(listing))
            }
            Order::Policy { name, document } => {
                let policy = Policy {
                    document: *document,
                    version,
                };
                (Key::Policy(name.clone()), Value::Policy(policy))
            }
            Order::OpenAdmission(is_open) => {
                let network = NetworkState {
                    is_open: *is_open,
                    version,
                    ..network
                };
                (Key::Network, Value::Network(network))
            }
            // Decided one by one.
            Order::AddMember(_)
            | Order::RemoveMember(_)
            | Order::Revoke { .. }
            | Order::Pardon(_)
            | Order::Issue { .. } => return,
        };
        self.put(&key, value);
    }

    fn pardon(&mut self, peer: &PeerId, at: At) -> Result<(), Refused> {
        let listing = self.listing(peer).cloned();
        let mut listing = listing.ok_or(Refused::State("it is not listed"))?;
        listing.until = at.time;
        listing.version += 1;
        self.put(&Key::Listing(*peer), Value::Listing(listing));
        Ok(())
    }

    /// How often the subject of an order was decided on.
    pub fn version_of(&self, order: &Order) -> u64 {
        let version = match order {
            Order::AddMember(_) | Order::RemoveMember(_) => self.council().map(|one| one.version),
            Order::Admit { peer, .. } | Order::Revoke { peer, .. } => {
                self.peer(peer).map(|one| one.version)
            }
            Order::Blacklist { peer, .. } | Order::Pardon(peer) => {
                self.listing(peer).map(|one| one.version)
            }
            Order::Policy { name, .. } => self.policy(name).map(|one| one.version),
            Order::OpenAdmission(_) => self.network().map(|one| one.version),
            // What is issued only grows.
            Order::Issue { .. } => self.supply().map(|one| one.issued.0),
        };
        version.unwrap_or_default()
    }

    /// One change at a height, which counts from the next.
    fn change_council(
        &mut self,
        change: impl FnOnce(&MemberSet) -> Option<MemberSet>,
    ) -> Result<(), Refused> {
        let council = self.council().ok_or(Refused::Chain)?;
        if council.members != council.next {
            return Err(Refused::State("the council changes at this height already"));
        }
        let next = change(&council.members);
        let next = next.ok_or(Refused::State("the council cannot change so"))?;
        let council = CouncilState {
            members: council.members.clone(),
            next,
            version: council.version + 1,
        };
        self.put(&Key::Council, Value::Council(council));
        Ok(())
    }

    /// A member goes by another key from the next height on.
    pub(super) fn replace_member(&mut self, old: PeerId, new: PeerId) -> Result<(), Refused> {
        let is_member = self
            .council()
            .is_some_and(|council| council.next.contains(&old));
        if !is_member {
            return Ok(());
        }
        self.change_council(|set| {
            let others = set.members().iter().copied().filter(|one| *one != old);
            MemberSet::new(others.chain([new]))
        })
    }

    fn revoke(&mut self, peer: &PeerId) -> Result<(), Refused> {
        let votes = self
            .council()
            .is_some_and(|council| council.next.contains(peer));
        if votes {
            return Err(Refused::State("it is a member: remove it first"));
        }
        let known = self.peer(peer).filter(|one| !one.is_revoked);
        let mut known = known
            .cloned()
            .ok_or(Refused::State("it does not take part"))?;
        known.is_revoked = true;
        known.version += 1;
        self.put(&Key::Peer(*peer), Value::Peer(known));
        Ok(())
    }

    fn issue(&mut self, to: PeerId, amount: Credits) -> Result<(), Refused> {
        let much = Refused::State("more credits than can be counted");
        let supply = self.supply().copied().unwrap_or_default();
        let mut account = self.account(&to);
        if account.rotated.is_some() || amount == Credits(0) {
            return Err(Refused::State("nobody would have more"));
        }
        let supply = Supply {
            issued: supply.issued.checked_add(amount).ok_or(much)?,
            ..supply
        };
        account.balance = account.balance.checked_add(amount).ok_or(much)?;
        self.put(&Key::Supply, Value::Supply(supply));
        self.put(&Key::Account(to), Value::Account(account));
        Ok(())
    }
}
