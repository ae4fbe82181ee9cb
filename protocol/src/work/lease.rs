//! What a coordinator lends, and the leave to ask a model that goes with it.

use serde::{Deserialize, Serialize};

use super::AttemptId;
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{NetworkId, PeerId},
    sealing::SealKey,
    units::{Millis, Tokens},
};

/// Milliseconds that a capability token may live: one long generation, and little more.
pub const TOKEN_MAX_MS: u32 = 600_000;

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// To make a result.
    Author,
    /// To replay one.
    Checker,
}

impl Part {
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Author => 0,
            Self::Checker => 1,
        }
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match from.u8()? {
            0 => Ok(Self::Author),
            1 => Ok(Self::Checker),
            _ => Err(DecodeError::Invalid("part")),
        }
    }
}

/// A worker's key for what it may read under one lease, signed by the worker: a coordinator cannot put its own in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseKey {
    /// The network.
    pub network: NetworkId,
    /// The key.
    pub key: SealKey,
}

impl Canonical for LeaseKey {
    const DOMAIN: &'static str = "edgecoder/lease-key/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0).fixed(&self.key.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            key: SealKey(from.array()?),
        })
    }
}

/// A subtask lent to a worker; signed by the coordinator of `term`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtaskLease {
    /// The network.
    pub network: NetworkId,
    /// What is lent.
    pub attempt: AttemptId,
    /// What for.
    pub part: Part,
    /// To whom.
    pub worker: PeerId,
    /// The worker's key under this lease.
    pub key: SealKey,
    /// Whose term the coordinator has.
    pub term: u64,
    /// When it was granted, by the coordinator's clock.
    pub granted: Millis,
}

impl Canonical for SubtaskLease {
    const DOMAIN: &'static str = "edgecoder/subtask-lease/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0);
        self.attempt.encode(to);
        to.u8(self.part.tag())
            .fixed(&self.worker.0)
            .fixed(&self.key.0)
            .u64(self.term)
            .u64(self.granted.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            attempt: AttemptId::decode(from)?,
            part: Part::decode(from)?,
            worker: PeerId(from.array()?),
            key: SealKey(from.array()?),
            term: from.u64()?,
            granted: Millis(from.u64()?),
        })
    }
}

/// Leave to ask a model; signed by the coordinator that lent the subtask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityToken {
    /// The network.
    pub network: NetworkId,
    /// What for.
    pub attempt: AttemptId,
    /// Who asks.
    pub caller: PeerId,
    /// The inference slot that is asked: it alone counts what was used.
    pub slot: PeerId,
    /// Tokens that may be generated under it.
    pub budget: Tokens,
    /// The coordinator's term.
    pub term: u64,
    /// When it was issued, by the coordinator's clock.
    pub issued: Millis,
    /// Milliseconds it lives, at most [`TOKEN_MAX_MS`].
    pub life_ms: u32,
}

impl Canonical for CapabilityToken {
    const DOMAIN: &'static str = "edgecoder/capability-token/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0);
        self.attempt.encode(to);
        to.fixed(&self.caller.0)
            .fixed(&self.slot.0)
            .u64(self.budget.0)
            .u64(self.term)
            .u64(self.issued.0)
            .u32(self.life_ms);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            attempt: AttemptId::decode(from)?,
            caller: PeerId(from.array()?),
            slot: PeerId(from.array()?),
            budget: Tokens(from.u64()?),
            term: from.u64()?,
            issued: Millis(from.u64()?),
            life_ms: match from.u32()? {
                life @ 1..=TOKEN_MAX_MS => life,
                _ => return Err(DecodeError::Invalid("life")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{canonical, ids::TaskId};

    #[test]
    fn an_immortal_token_is_not_read() {
        let token = |life_ms| CapabilityToken {
            network: NetworkId([1; 32]),
            attempt: AttemptId {
                task: TaskId([2; 16]),
                subtask: 3,
                attempt: 4,
            },
            caller: PeerId([4; 32]),
            slot: PeerId([5; 32]),
            budget: Tokens(6),
            term: 7,
            issued: Millis(8),
            life_ms,
        };
        let read = |life| canonical::decode::<CapabilityToken>(&canonical::encode(&token(life)));
        assert_eq!(read(TOKEN_MAX_MS), Ok(token(TOKEN_MAX_MS)));
        assert!(read(TOKEN_MAX_MS + 1).is_err() && read(0).is_err());
    }
}
