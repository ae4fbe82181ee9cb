//! What the ledger says of a peer, as rules on its state: who may connect, who may be lent work.

use edgecoder_protocol::{
    Millis, PeerId,
    ledger::state::{Listing, State},
    operator::{ErrorKind, ErrorObject},
};

/// How a peer stands by the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance<'a> {
    /// Nothing is against it.
    Welcome,
    /// Nobody deals with it until then.
    Listed(&'a Listing),
    /// It takes part no more.
    Revoked,
    /// Its holder goes by this key now.
    Rotated(PeerId),
}

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whoever holds an invite, which an operator has signed: as a network is founded, until its operators decree
    /// anything about admission.
    Invited,
    /// Whoever asks.
    Open,
    /// Whom a decree admitted.
    Closed,
}

/// Why nothing is lent to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It is listed, for this reason.
    Listed(String),
    /// It takes part no more.
    Revoked,
    /// It goes by another key.
    Rotated(PeerId),
    /// Operators have not admitted it.
    NotAdmitted,
}

/// The time that a block would have now: no earlier than the last one's. A chain is quiet when there is nothing to
/// decide, and an entry runs out all the same. A wrong clock lets its own node deal with a peer too early or too late,
/// and changes nothing for others.
pub fn now_by(last: Millis, clock: Millis) -> Millis {
    last.max(clock)
}

/// How `peer` stands.
pub fn stance<'a>(state: &'a State, peer: &PeerId, now: Millis) -> Stance<'a> {
    // A key that was given up is worth nothing, whoever has it, and its listing has gone with its holder.
    if let Some(new) = state.account(peer).rotated {
        return Stance::Rotated(new);
    }
    if let Some(listing) = state.listing(peer).filter(|one| now < one.until) {
        return Stance::Listed(listing);
    }
    match state.peer(peer) {
        Some(one) if one.is_revoked => Stance::Revoked,
        Some(_) | None => Stance::Welcome,
    }
}

/// Whether this node has a connection with `peer`. A member of the council has one as long as it votes, listed or not:
/// else a council that cannot do without it could not decide to do so.
pub fn may_connect(state: &State, peer: &PeerId, now: Millis) -> bool {
    votes(state, peer) || stance(state, peer, now) == Stance::Welcome
}

fn votes(state: &State, peer: &PeerId) -> bool {
    state
        .council()
        .is_some_and(|council| council.members.contains(peer) || council.next.contains(peer))
}

/// Who works by what was decreed. A founded network is not open and nothing was decreed: its invites are admission.
pub fn admission(state: &State) -> Admission {
    match state.network().map(|one| (one.is_open, one.version)) {
        Some((true, _)) => Admission::Open,
        Some((false, 0)) | None => Admission::Invited,
        Some((false, _)) => Admission::Closed,
    }
}

/// Whether `peer` may be lent work.
///
/// # Errors
/// [`Idle`]: why not.
pub fn may_work(state: &State, peer: &PeerId, now: Millis) -> Result<(), Idle> {
    match stance(state, peer, now) {
        Stance::Listed(listing) => Err(Idle::Listed(listing.reason.clone())),
        Stance::Revoked => Err(Idle::Revoked),
        Stance::Rotated(new) => Err(Idle::Rotated(new)),
        Stance::Welcome => match (admission(state), state.peer(peer)) {
            (Admission::Closed, None) => Err(Idle::NotAdmitted),
            (Admission::Invited | Admission::Open, _) | (Admission::Closed, Some(_)) => Ok(()),
        },
    }
}

impl From<Idle> for ErrorObject {
    fn from(idle: Idle) -> Self {
        let (message, next) = match idle {
            Idle::Listed(reason) => (
                format!("the network's operators have listed this node: {reason}"),
                "`edgecoder council status` says until when; object with `edgecoder council appeal`",
            ),
            Idle::Revoked => (
                "the network's operators have revoked this node's admission".into(),
                "ask an operator; `edgecoder council requests` shows them what was asked",
            ),
            Idle::Rotated(new) => (
                format!("this key was given up for {new}"),
                "`edgecoder daemon stop`: the next start goes by the new key",
            ),
            Idle::NotAdmitted => (
                "this network lends work to those whom its operators have admitted".into(),
                "ask them with `edgecoder council request --as worker`",
            ),
        };
        Self::new(ErrorKind::Policy, message, next)
    }
}

#[cfg(test)]
mod tests;
