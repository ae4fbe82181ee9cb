//! Decrees: what more than half of the operators decided, once.

use super::{Approved, At, Key, Order, PeerState, Refused, Standing, State, Value, is_somebody};
use crate::{
    ids::PeerId,
    ledger::{
        decree::DECREE_LIFE_MAX_MS,
        members::MemberSet,
        state::{CouncilState, Listing, NetworkState, Policy, Supply},
    },
    units::Credits,
};

impl State {
    pub(super) fn decree(&mut self, approved: &Approved, at: At) -> Result<(), Refused> {
        let network = self.network().ok_or(Refused::Chain)?;
        let decree = &approved.decree;
        if decree.chain != network.chain {
            return Err(Refused::Chain);
        }
        let is_in_time =
            decree.expires >= at.time && decree.expires.0 - at.time.0 <= DECREE_LIFE_MAX_MS;
        if !is_in_time {
            return Err(Refused::Expired);
        }
        let (found, current) = (decree.version, self.version_of(&decree.order));
        if found != current {
            return Err(Refused::Version { found, current });
        }
        if !approved.holds(&network.operators) {
            return Err(Refused::Approvals);
        }
        self.carry_out(&decree.order, current.saturating_add(1), at)
    }

    fn carry_out(&mut self, order: &Order, version: u64, at: At) -> Result<(), Refused> {
        match order {
            Order::AddMember(peer) => {
                self.may_join(peer, at)?;
                self.change_council(|set| set.with(*peer))
            }
            Order::RemoveMember(peer) => {
                self.change_council(|set| set.without(peer))?;
                self.stand_down(peer);
                Ok(())
            }
            Order::ReplaceMember { old, new } => {
                self.may_join(new, at)?;
                self.change_council(|set| set.replaced(old, *new))?;
                self.stand_down(old);
                Ok(())
            }
            Order::Admit {
                peer,
                standing,
                owner,
            } => self.admit(peer, *standing, *owner, version),
            Order::Revoke { peer, .. } => self.revoke(peer, version),
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
                let peer = self.subject(peer)?;
                self.put(&Key::Listing(peer), Value::Listing(listing));
                self.stand_down(&peer);
                Ok(())
            }
            Order::Pardon(peer) => {
                let peer = self.subject(peer)?;
                let listing = self.listing(&peer).cloned();
                let mut listing = listing.ok_or(Refused::State("it is not listed"))?;
                (listing.until, listing.version) = (at.time, version);
                self.put(&Key::Listing(peer), Value::Listing(listing));
                Ok(())
            }
            Order::Policy { name, document } => {
                let policy = Policy {
                    document: *document,
                    version,
                };
                self.put(&Key::Policy(name.clone()), Value::Policy(policy));
                Ok(())
            }
            Order::OpenAdmission(is_open) => {
                let network = NetworkState {
                    is_open: *is_open,
                    version,
                    ..self.network().ok_or(Refused::Chain)?.clone()
                };
                self.put(&Key::Network, Value::Network(network));
                Ok(())
            }
            Order::Issue { to, amount } => self.issue(*to, *amount),
        }
    }

    /// How often the subject of an order was decided on.
    pub fn version_of(&self, order: &Order) -> u64 {
        let version = match order {
            Order::AddMember(_) | Order::RemoveMember(_) | Order::ReplaceMember { .. } => {
                self.council().map(|one| one.version)
            }
            Order::Admit { peer, .. } => self.peer(peer).map(|one| one.version),
            Order::Revoke { peer, .. } => {
                let peer = self.current(peer);
                peer.and_then(|peer| self.peer(&peer))
                    .map(|one| one.version)
            }
            Order::Blacklist { peer, .. } | Order::Pardon(peer) => {
                let peer = self.current(peer);
                peer.and_then(|peer| self.listing(&peer))
                    .map(|one| one.version)
            }
            Order::Policy { name, .. } => self.policy(name).map(|one| one.version),
            Order::OpenAdmission(_) => self.network().map(|one| one.version),
            // What is issued only grows.
            Order::Issue { .. } => self.supply().map(|one| one.issued.0),
        };
        version.unwrap_or_default()
    }

    /// Whom a decree is about that names a key: whoever goes by another since does not get away by that.
    fn subject(&self, peer: &PeerId) -> Result<PeerId, Refused> {
        let current = self.current(peer);
        current.ok_or(Refused::State("its key has changed too often since"))
    }

    fn may_join(&self, peer: &PeerId, at: At) -> Result<(), Refused> {
        is_somebody(peer, self.account_of(peer).copied())?;
        let known = self.peer(peer);
        let is_trusted =
            known.is_some_and(|one| one.standing == Standing::Trusted && !one.is_revoked);
        match is_trusted && !self.is_listed(peer, at.time) {
            true => Ok(()),
            false => Err(Refused::State("it is no trusted peer")),
        }
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

    fn admit(
        &mut self,
        peer: &PeerId,
        standing: Standing,
        owner: Option<PeerId>,
        version: u64,
    ) -> Result<(), Refused> {
        is_somebody(peer, self.account_of(peer).copied())?;
        if self.account(peer).rotated.is_some() {
            return Err(Refused::State("it goes by another key"));
        }
        if standing != Standing::Trusted && self.votes(peer) {
            return Err(Refused::State("it is a member: remove it first"));
        }
        let state = PeerState {
            standing,
            owner,
            is_revoked: false,
            duties: self
                .peer(peer)
                .map(|one| one.duties.clone())
                .unwrap_or_default(),
            version,
        };
        self.put(&Key::Peer(*peer), Value::Peer(state));
        Ok(())
    }

    fn revoke(&mut self, peer: &PeerId, version: u64) -> Result<(), Refused> {
        let peer = self.subject(peer)?;
        let votes = self
            .council()
            .is_some_and(|council| council.next.contains(&peer));
        if votes {
            return Err(Refused::State("it is a member: remove it first"));
        }
        let known = self.peer(&peer).filter(|one| !one.is_revoked);
        let mut known = known
            .cloned()
            .ok_or(Refused::State("it does not take part"))?;
        (known.is_revoked, known.version) = (true, version);
        // It holds no duty: only members are given any, and who leaves them stood down.
        self.put(&Key::Peer(peer), Value::Peer(known));
        Ok(())
    }

    fn issue(&mut self, to: PeerId, amount: Credits) -> Result<(), Refused> {
        let much = Refused::State("more credits than can be counted");
        is_somebody(&to, self.account_of(&to).copied())?;
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
