//! What members say to each other to decide a block: proposals and votes, signed one by one, and collections of votes
//! that let a member who missed some catch up. What they lead to is the consensus engine's to say.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    block::{Block, Certificate, Checkpoint, Stage, Vote},
    members::MEMBERS_MAX,
};
use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    signed::Signed,
};

/// A member proposes a block for a round, as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The network.
    pub chain: NetworkId,
    /// The height.
    pub height: u64,
    /// The round at this height, from 0.
    pub round: u32,
    /// The earlier round in which a quorum prevoted for the block.
    pub valid_round: Option<u32>,
    /// Which block.
    pub block: Hash,
}

impl Canonical for Proposal {
    const DOMAIN: &'static str = "edgecoder/proposal/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0)
            .u64(self.height)
            .u32(self.round)
            .option(self.valid_round.as_ref(), |to, round| {
                to.u32(*round);
            })
            .fixed(&self.block.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            height: from.u64()?,
            round: from.u32()?,
            valid_round: from.option(Decoder::u32)?,
            block: from.hash()?,
        })
    }
}

/// What a collection of votes of one round shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shows {
    /// A quorum prevoted for one block.
    Polka,
    /// A quorum precommitted for no block, or for different ones: the round is over.
    Over,
    /// Enough members are in a later round.
    Later,
}

/// One message between members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// A block is proposed.
    Proposal {
        /// By its proposer.
        proposal: Signed<Proposal>,
        /// The block.
        block: SharedBlock,
    },
    /// A vote.
    Vote(Signed<Vote>),
    /// Votes of one round.
    Votes {
        /// What they show.
        shows: Shows,
        /// At most one of each member.
        #[serde(deserialize_with = "of_members")]
        votes: Vec<Signed<Vote>>,
    },
}

impl Said {
    /// The height that it says it is of, before any signature is checked; none of nothing.
    pub fn claimed_height(&self) -> Option<u64> {
        match self {
            Self::Proposal { proposal, .. } => Some(proposal.parts().0.height),
            Self::Vote(vote) => Some(vote.parts().0.height),
            Self::Votes { votes, .. } => Some(votes.first()?.parts().0.height),
        }
    }
}

/// Votes, at most one of each member's number.
fn of_members<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Signed<Vote>>, D::Error> {
    let votes = Vec::deserialize(from)?;
    match votes.len() <= MEMBERS_MAX {
        true => Ok(votes),
        false => Err(D::Error::custom("more votes than members")),
    }
}

/// A block, shared; in a message its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedBlock(pub Arc<Block>);

impl Serialize for SharedBlock {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&canonical::encode(&*self.0)).serialize(to)
    }
}

impl<'de> Deserialize<'de> for SharedBlock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(from)?;
        let block = canonical::decode(&bytes).map_err(D::Error::custom)?;
        Ok(Self(Arc::new(block)))
    }
}

/// A block with the certificate that decided it, as it is sent to who follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The block.
    pub block: SharedBlock,
    /// In which round.
    pub round: u32,
    /// Whose precommits.
    pub signatures: Vec<(PeerId, Signature)>,
}

/// A signature, in messages as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(from)?;
        let fixed = bytes.into_vec().try_into();
        fixed
            .map(Self)
            .map_err(|_| D::Error::custom("a signature of another length"))
    }
}

impl Decided {
    /// As it is sent.
    pub fn new(block: Arc<Block>, certificate: &Certificate) -> Self {
        let signatures = certificate.signatures.iter();
        Self {
            block: SharedBlock(block),
            round: certificate.round,
            signatures: signatures.map(|(by, one)| (*by, Signature(*one))).collect(),
        }
    }

    /// The certificate.
    pub fn certificate(&self) -> Certificate {
        let signatures = self.signatures.iter();
        Certificate {
            round: self.round,
            signatures: signatures.map(|(by, one)| (*by, one.0)).collect(),
        }
    }

    /// Header and certificate.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            header: self.block.0.header.clone(),
            certificate: self.certificate(),
        }
    }
}

/// How far a member's votes are known: height, round and stage, 0 for none, 1 and 2 for the votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The height.
    pub height: u64,
    /// The round.
    pub round: u32,
    /// Which of the round's votes.
    pub stage: u8,
}

impl Mark {
    /// Where a vote is.
    pub fn of(vote: &Vote) -> Self {
        Self {
            height: vote.height,
            round: vote.round,
            stage: match vote.stage {
                Stage::Prevote => 1,
                Stage::Precommit => 2,
            },
        }
    }
}
