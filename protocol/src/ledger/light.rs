//! What a node believes that has an invite and no log: it follows checkpoints, and checks what it is shown against the
//! last. No IO: whoever calls brings the checkpoints, the proofs and the time.

use std::time::Duration;

use super::{
    block::{Checkpoint, Header},
    entry::Entry,
    members::MemberSet,
    merkle::{self, Consistency, Inclusion, LogRoot},
    state::{Key, Value},
    trie::Proof,
};
use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    network::Genesis,
    signed::Signed,
    units::Millis,
};

#[cfg(test)]
mod tests;

/// How long who voted is believed without hearing more: members who have left since may lie about what came after.
pub const TRUSTING: Duration = Duration::from_secs(14 * 24 * 3_600);
/// How far a block's time may be ahead of the clock here.
pub const AHEAD: Duration = Duration::from_secs(10);

/// Where to begin: what an invite says, or a network's founding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The network.
    pub chain: NetworkId,
    /// Who decides the next height.
    pub members: MemberSet,
    /// The last block that is believed; none before the first.
    pub head: Option<Header>,
    /// When it was believed.
    pub at: Millis,
}

impl Anchor {
    /// The founding, which is believed from its moment on as a block is from its own: a client that begins here follows
    /// a checkpoint only within 14 days ([`TRUSTING`]) of the founding; later begin with an invite. Those who voted then
    /// may have left since, and whoever has their keys could show another chain from here.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        Self {
            chain: genesis.id(),
            members: genesis.members.clone(),
            head: None,
            at: genesis.founded,
        }
    }
}

impl Canonical for Anchor {
    const DOMAIN: &'static str = "edgecoder/anchor/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0);
        self.members.encode(to);
        to.option(self.head.as_ref(), |to, head| head.encode(to))
            .u64(self.at.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let anchor = Self {
            chain: NetworkId(from.array()?),
            members: MemberSet::decode(from)?,
            head: from.option(Header::decode)?,
            at: Millis(from.u64()?),
        };
        let (chain, next) = (anchor.chain, anchor.members.hash());
        let fits = |head: &Header| head.chain == chain && head.next == next;
        match anchor.head.as_ref().is_none_or(fits) {
            true => Ok(anchor),
            false => Err(DecodeError::Invalid("an anchor")),
        }
    }
}

/// Why a checkpoint is not followed, or what is shown not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// Of another network.
    #[error("it is of another network")]
    Chain,
    /// Not later than the last.
    #[error("it is not later than what is known")]
    Old,
    /// By a clock that is ahead.
    #[error("it says that it is from the future")]
    Future,
    /// What is known is too old to go on from.
    #[error("what is known is older than 14 days: begin with a fresh invite")]
    Stale,
    /// By others than those who vote.
    #[error("it names other members than those who vote at its height")]
    Members,
    /// Not signed by a quorum.
    #[error("no quorum of the members signed it")]
    Certificate,
    /// The next members are not those that it names, or more than one of them changes.
    #[error("the next members are not given, or not those that it names, or more than one changes")]
    Next,
    /// Nothing is known yet.
    #[error("no checkpoint is known yet")]
    Nothing,
    /// The proof does not hold.
    #[error("the proof does not hold against the last checkpoint")]
    Proof,
}

/// A light client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightClient(Anchor);

impl LightClient {
    /// Begins at `anchor`.
    pub fn new(anchor: Anchor) -> Self {
        Self(anchor)
    }

    /// What it believes now: enough to begin again later.
    pub fn anchor(&self) -> &Anchor {
        &self.0
    }

    /// Goes on to a later checkpoint; `next` are the next members where it changes them. Others in between may be left
    /// out as long as the members stay the same.
    ///
    /// # Errors
    /// [`Disbelief`], and then nothing has changed.
    pub fn follow(
        &mut self,
        checkpoint: &Checkpoint,
        next: Option<&MemberSet>,
        now: Millis,
    ) -> Result<(), Disbelief> {
        let (header, known) = (&checkpoint.header, &self.0);
        if header.chain != known.chain {
            return Err(Disbelief::Chain);
        }
        let (height, time, size) = known.head.as_ref().map_or((0, Millis(0), 0), |head| {
            (head.height, head.time, head.log.size)
        });
        if header.height <= height || header.time <= time || header.log.size < size {
            return Err(Disbelief::Old);
        }
        if header.time > now.after(AHEAD) {
            return Err(Disbelief::Future);
        }
        if known.at.after(TRUSTING) < now {
            return Err(Disbelief::Stale);
        }
        if header.members != known.members.hash() {
            return Err(Disbelief::Members);
        }
        if !checkpoint.is_decided_by(&known.members) {
            return Err(Disbelief::Certificate);
        }
        let members = match header.next == header.members {
            true => known.members.clone(),
            false => next
                .filter(|set| set.hash() == header.next && is_one_change(&known.members, set))
                .cloned()
                .ok_or(Disbelief::Next)?,
        };
        self.0 = Anchor {
            chain: header.chain,
            members,
            head: Some(header.clone()),
            at: header.time,
        };
        Ok(())
    }

    fn head(&self) -> Result<&Header, Disbelief> {
        self.0.head.as_ref().ok_or(Disbelief::Nothing)
    }

    /// Whether the log has `entry`.
    ///
    /// # Errors
    /// [`Disbelief`] when that is not shown.
    pub fn includes(&self, entry: &Signed<Entry>, proof: &Inclusion) -> Result<(), Disbelief> {
        let leaf = merkle::leaf(&entry.to_bytes());
        let holds = entry.open().is_ok() && proof.verify(leaf, &self.head()?.log);
        holds.then_some(()).ok_or(Disbelief::Proof)
    }

    /// Whether the log goes on from an earlier one.
    ///
    /// # Errors
    /// [`Disbelief`] when that is not shown.
    pub fn extends(&self, earlier: &LogRoot, proof: &Consistency) -> Result<(), Disbelief> {
        let holds = proof.verify(earlier, &self.head()?.log);
        holds.then_some(()).ok_or(Disbelief::Proof)
    }

    /// Whether the state has `value` under `key`, or nothing.
    ///
    /// # Errors
    /// [`Disbelief`] when that is not shown.
    pub fn has(&self, key: &Key, value: Option<&Value>, proof: &Proof) -> Result<(), Disbelief> {
        let value = value.map(canonical::hash);
        let holds = proof.verify(&self.head()?.state, &key.hash(), value.as_ref());
        holds.then_some(()).ok_or(Disbelief::Proof)
    }
}

/// Whether one comes, one goes, or one takes another's place.
fn is_one_change(old: &MemberSet, new: &MemberSet) -> bool {
    let lost = old
        .members()
        .iter()
        .filter(|one| !new.contains(one))
        .count();
    let won = new
        .members()
        .iter()
        .filter(|one| !old.contains(one))
        .count();
    lost <= 1 && won <= 1
}

/// What two decisions of one height show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fork {
    /// Of one round: these signed both, which no honest member does.
    Guilty(Vec<PeerId>),
    /// Of different rounds: honest members may have signed both. Nothing is settled until members show the votes that
    /// let them move; nobody is blamed.
    Frozen,
}

/// What two checkpoints show about `members`, who voted at their height; `None` when they do not contradict each other,
/// or are not decided.
pub fn fork(one: &Checkpoint, other: &Checkpoint, members: &MemberSet) -> Option<Fork> {
    let (first, second) = (&one.header, &other.header);
    let is_same: (NetworkId, u64) = (first.chain, first.height);
    let differs = is_same == (second.chain, second.height) && first.id() != second.id();
    if !differs || !one.is_decided_by(members) || !other.is_decided_by(members) {
        return None;
    }
    if one.certificate.round != other.certificate.round {
        return Some(Fork::Frozen);
    }
    let signed = |peer: &PeerId| {
        other
            .certificate
            .signatures
            .iter()
            .any(|(by, _)| by == peer)
    };
    let both = one.certificate.signatures.iter().map(|(by, _)| *by);
    Some(Fork::Guilty(both.filter(signed).collect()))
}

/// The parent of a network's first block.
pub fn first_parent(chain: NetworkId) -> Hash {
    Hash(chain.0)
}
