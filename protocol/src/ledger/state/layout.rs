//! The bytes of the state's values, by which its root covers them and a proof shows them.

use super::{
    Account, CouncilState, DutyState, Listing, NetworkState, PeerState, Policy, Supply, TaskState,
    Value,
};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    ledger::{
        decree::Standing,
        duty::{DUTIES_MAX, Duty},
        members::MemberSet,
    },
    network::OPERATORS_MAX,
    units::{Credits, Millis},
};

fn peer(from: &mut Decoder<'_>) -> Result<PeerId, DecodeError> {
    from.array().map(PeerId)
}

fn put_peer(to: &mut Encoder, peer: &PeerId) {
    to.fixed(&peer.0);
}

fn put_hash(to: &mut Encoder, hash: &Hash) {
    to.fixed(&hash.0);
}

impl Canonical for Value {
    const DOMAIN: &'static str = "edgecoder/state-value/1";

    fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Network(one) => {
                to.u8(0)
                    .fixed(&one.chain.0)
                    .list(&one.operators, put_peer)
                    .u8(u8::from(one.is_open))
                    .u64(one.version);
            }
            Self::Council(one) => {
                to.u8(1)
                    .list(one.members.members(), put_peer)
                    .list(one.next.members(), put_peer)
                    .u64(one.version);
            }
            Self::Supply(one) => {
                to.u8(2).u64(one.issued.0).u64(one.burned.0);
            }
            Self::Account(one) => {
                to.u8(3)
                    .u64(one.nonce)
                    .u64(one.balance.0)
                    .option(one.rotated.as_ref(), put_peer);
            }
            Self::Peer(one) => {
                to.u8(4)
                    .u8(one.standing.tag())
                    .option(one.owner.as_ref(), put_peer)
                    .u8(u8::from(one.is_revoked))
                    .list(&one.duties, |to, duty| duty.encode(to))
                    .u64(one.version);
            }
            Self::Listing(one) => {
                to.u8(5)
                    .fixed(&one.evidence.0)
                    .text(&one.reason)
                    .u64(one.until.0)
                    .option(one.appeal.as_ref(), put_hash)
                    .u64(one.version);
            }
            Self::Duty(one) => {
                to.u8(6).option(one.holder.as_ref(), put_peer).u64(one.term);
            }
            Self::Task(one) => {
                to.u8(7)
                    .u32(u32::from(one.shard))
                    .u64(one.assigned)
                    .u64(one.at.0)
                    .option(one.result.as_ref(), put_hash);
            }
            Self::Policy(one) => {
                to.u8(8).fixed(&one.document.0).u64(one.version);
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(match from.u8()? {
            0 => Self::Network(NetworkState {
                chain: NetworkId(from.array()?),
                operators: operators(from)?,
                is_open: from.flag()?,
                version: from.u64()?,
            }),
            1 => Self::Council(CouncilState {
                members: MemberSet::decode(from)?,
                next: MemberSet::decode(from)?,
                version: from.u64()?,
            }),
            2 => Self::Supply(Supply {
                issued: Credits(from.u64()?),
                burned: Credits(from.u64()?),
            }),
            3 => Self::Account(Account {
                nonce: from.u64()?,
                balance: Credits(from.u64()?),
                rotated: from.option(peer)?,
            }),
            4 => Self::Peer(PeerState {
                standing: Standing::of(from.u8()?)?,
                owner: from.option(peer)?,
                is_revoked: from.flag()?,
                duties: duties(from)?,
                version: from.u64()?,
            }),
            5 => Self::Listing(Listing {
                evidence: from.hash()?,
                reason: from.text()?,
                until: Millis(from.u64()?),
                appeal: from.option(Decoder::hash)?,
                version: from.u64()?,
            }),
            6 => Self::Duty(DutyState {
                holder: from.option(peer)?,
                term: from.u64()?,
            }),
            7 => Self::Task(TaskState {
                shard: from.u16()?,
                assigned: from.u64()?,
                at: Millis(from.u64()?),
                result: from.option(Decoder::hash)?,
            }),
            8 => Self::Policy(Policy {
                document: from.hash()?,
                version: from.u64()?,
            }),
            _ => return Err(DecodeError::Invalid("a value of the state")),
        })
    }
}

fn operators(from: &mut Decoder<'_>) -> Result<Vec<PeerId>, DecodeError> {
    let operators = from.list(peer)?;
    match operators.len() <= OPERATORS_MAX {
        true => Ok(operators),
        false => Err(DecodeError::Invalid("operators")),
    }
}

fn duties(from: &mut Decoder<'_>) -> Result<Vec<Duty>, DecodeError> {
    let duties = from.list(Duty::decode)?;
    let is_rising = duties.windows(2).all(|pair| pair[0] < pair[1]);
    match duties.len() <= DUTIES_MAX && is_rising {
        true => Ok(duties),
        false => Err(DecodeError::Invalid("duties of a peer")),
    }
}
