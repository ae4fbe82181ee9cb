//! Duties: what members hold leases to do for all, and the signed words by which one is granted, kept and lost.

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{NetworkId, PeerId},
    units::Millis,
};

/// Probes older than this, by the block's time, rank nobody.
pub const PROBE_AGE_MS: u64 = 30_000;
/// Suspicions further than this from the block's time, either way, end nothing: the holder may have come back since.
pub const SUSPICION_AGE_MS: u64 = 30_000;
/// Duties of one holder: as many as a node alone has with every shard and slot, and room; a peer's value stays below
/// 1 KiB in a proof. Who has so many is given no more.
pub const DUTIES_MAX: usize = 64;
/// The bucket of a candidate that was not reached at all.
pub const UNREACHED: u8 = u8::MAX;
/// Candidates in one member's probes.
pub const CANDIDATES_MAX: usize = super::members::MEMBERS_MAX;

/// What one of the trusted peers does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Duty {
    /// Rollouts, approvals, the blacklist's upkeep.
    ControlPlane,
    /// Lends the tasks of one shard of the task ids.
    Coordinator(u16),
    /// Answers for a model.
    Inference(u16),
}

/// Who holds a duty, by which grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub holder: PeerId,
    /// Of which grant.
    pub term: u64,
}

impl Duty {
    /// Its kind, and its number as four bytes.
    pub(super) fn bytes(self) -> [u8; 5] {
        let (kind, number) = match self {
            Self::ControlPlane => (0, 0),
            Self::Coordinator(shard) => (1, shard),
            Self::Inference(slot) => (2, slot),
        };
        let [low, high] = u16::to_le_bytes(number);
        [kind, low, high, 0, 0]
    }

    pub(super) fn encode(self, to: &mut Encoder) {
        to.fixed(&self.bytes());
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match (from.u8()?, from.u16()?) {
            (0, 0) => Ok(Self::ControlPlane),
            (1, shard) => Ok(Self::Coordinator(shard)),
            (2, slot) => Ok(Self::Inference(slot)),
            _ => Err(DecodeError::Invalid("a duty")),
        }
    }
}

/// How well a member reaches the others, measured by itself: what they say of themselves counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probes {
    /// The network.
    pub chain: NetworkId,
    /// When they were made, by the member's clock.
    pub at: Millis,
    /// Each candidate for this duty with its bucket, 0 the best; in rising order of keys.
    pub buckets: Vec<(PeerId, u8)>,
    /// For which duty.
    pub duty: Duty,
}

impl Canonical for Probes {
    const DOMAIN: &'static str = "edgecoder/probes/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0)
            .u64(self.at.0)
            .list(&self.buckets, |to, (peer, bucket)| {
                to.fixed(&peer.0).u8(*bucket);
            });
        self.duty.encode(to);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let chain = NetworkId(from.array()?);
        let at = Millis(from.u64()?);
        let buckets = from.list(|from| Ok((PeerId(from.array()?), from.u8()?)))?;
        let is_rising = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if buckets.len() > CANDIDATES_MAX || !is_rising {
            return Err(DecodeError::Invalid("probes"));
        }
        Ok(Self {
            chain,
            at,
            buckets,
            duty: Duty::decode(from)?,
        })
    }
}

/// A member has not been able to reach a duty's holder for so long that its lease is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// The network.
    pub chain: NetworkId,
    /// When it was said, by its signer's clock.
    pub at: Millis,
    /// The duty.
    pub duty: Duty,
    /// Of which grant.
    pub term: u64,
}

/// The word of a quorum's member that a holder may go on until a moment. Not an entry: nothing in the log changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The network.
    pub chain: NetworkId,
    /// The duty.
    pub duty: Duty,
    /// Of which grant.
    pub term: u64,
    /// Until when its signer suspects nobody, by its own clock.
    pub until: Millis,
}

impl Canonical for Suspicion {
    const DOMAIN: &'static str = "edgecoder/suspicion/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0).u64(self.at.0);
        self.duty.encode(to);
        to.u64(self.term);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            at: Millis(from.u64()?),
            duty: Duty::decode(from)?,
            term: from.u64()?,
        })
    }
}

impl Canonical for Renewal {
    const DOMAIN: &'static str = "edgecoder/renewal/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0);
        self.duty.encode(to);
        to.u64(self.term).u64(self.until.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            duty: Duty::decode(from)?,
            term: from.u64()?,
            until: Millis(from.u64()?),
        })
    }
}
