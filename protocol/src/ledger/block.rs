//! Blocks: batches of entries that a quorum of members decided, each naming the one before.

use super::{entry::Entry, members::MemberSet, merkle::LogRoot};
use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    key::verify,
    signed::Signed,
    units::Millis,
};

/// The rules that blocks of this version follow.
pub const VERSION: u32 = 1;

/// What a block's id covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The network.
    pub chain: NetworkId,
    /// From 1.
    pub height: u64,
    /// When it was proposed; later than its parent's.
    pub time: Millis,
    /// The id of the block before; the network's own for the first.
    pub parent: Hash,
    /// All entries up to and with its own.
    pub log: LogRoot,
    /// What the state is after them.
    pub state: Hash,
    /// Who decides it, by the set's hash.
    pub members: Hash,
    /// Who decides the next.
    pub next: Hash,
    /// Which rules it follows.
    pub version: u32,
}

impl Header {
    /// What the block is named by.
    pub fn id(&self) -> Hash {
        canonical::hash(self)
    }
}

impl Canonical for Header {
    const DOMAIN: &'static str = "edgecoder/block/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0)
            .u64(self.height)
            .u64(self.time.0)
            .fixed(&self.parent.0)
            .u64(self.log.size)
            .fixed(&self.log.hash.0)
            .fixed(&self.state.0)
            .fixed(&self.members.0)
            .fixed(&self.next.0)
            .u32(self.version);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            height: from.u64()?,
            time: Millis(from.u64()?),
            parent: from.hash()?,
            log: LogRoot {
                size: from.u64()?,
                hash: from.hash()?,
            },
            state: from.hash()?,
            members: from.hash()?,
            next: from.hash()?,
            version: from.u32()?,
        })
    }
}

/// Entries of a block: as many of the smallest that are common, 210 bytes of a transfer, as have room in
/// [`ENTRIES_BYTES_MAX`], so that each of the two bounds is reached.
pub const ENTRIES_MAX: usize = 2_048;
/// Bytes of a block's entries together: with its header and certificate it fits in one message of 1 MiB, and so do
/// at least two blocks with what frames them.
pub const ENTRIES_BYTES_MAX: usize = 448 << 10;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What its id covers.
    pub header: Header,
    /// In the order in which they count: at most [`ENTRIES_MAX`], of [`ENTRIES_BYTES_MAX`] together.
    pub entries: Vec<Signed<Entry>>,
}

impl Canonical for Block {
    const DOMAIN: &'static str = "edgecoder/whole-block/1";

    fn encode(&self, to: &mut Encoder) {
        self.header.encode(to);
        to.list(&self.entries, |to, entry| {
            to.bytes(&entry.to_bytes());
        });
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let header = Header::decode(from)?;
        let mut bytes = 0;
        let entries = from.list(|from| {
            let one = from.bytes()?;
            bytes += one.len();
            match bytes <= ENTRIES_BYTES_MAX {
                true => Signed::from_bytes(one),
                false => Err(DecodeError::Invalid("a block's size")),
            }
        })?;
        match entries.len() <= ENTRIES_MAX {
            true => Ok(Self { header, entries }),
            false => Err(DecodeError::Invalid("a block's entries")),
        }
    }
}

/// Which of a round's two votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The block is valid.
    Prevote,
    /// A quorum has said so.
    Precommit,
}

/// A member's vote, as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The network.
    pub chain: NetworkId,
    /// The height.
    pub height: u64,
    /// The round at this height, from 0.
    pub round: u32,
    /// Which of the round's votes.
    pub stage: Stage,
    /// For which block; none for no block.
    pub block: Option<Hash>,
}

impl Canonical for Vote {
    const DOMAIN: &'static str = "edgecoder/vote/1";

    fn encode(&self, to: &mut Encoder) {
        let stage = match self.stage {
            Stage::Prevote => 0,
            Stage::Precommit => 1,
        };
        to.fixed(&self.chain.0)
            .u64(self.height)
            .u32(self.round)
            .u8(stage)
            .option(self.block.as_ref(), |to, block| {
                to.fixed(&block.0);
            });
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            height: from.u64()?,
            round: from.u32()?,
            stage: match from.u8()? {
                0 => Stage::Prevote,
                1 => Stage::Precommit,
                _ => return Err(DecodeError::Invalid("a stage")),
            },
            block: from.option(Decoder::hash)?,
        })
    }
}

/// The precommits by which a block was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// In which round.
    pub round: u32,
    /// Who signed, in rising order, with the signature of the precommit.
    pub signatures: Vec<(PeerId, [u8; 64])>,
}

/// A block's header with the quorum that decided it: all that a light client follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The header.
    pub header: Header,
    /// Who decided it.
    pub certificate: Certificate,
}

impl Checkpoint {
    /// Whether a quorum of `members`, who are those that the header names, signed it.
    pub fn is_decided_by(&self, members: &MemberSet) -> bool {
        let vote = Vote {
            chain: self.header.chain,
            height: self.header.height,
            round: self.certificate.round,
            stage: Stage::Precommit,
            block: Some(self.header.id()),
        };
        let bytes = canonical::encode(&vote);
        let signatures = &self.certificate.signatures;
        let is_rising = signatures.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let is_enough = (members.quorum()..=members.members().len()).contains(&signatures.len());
        // Every one, so that none is named beside others without having signed.
        let holds = |(member, signature): &(PeerId, [u8; 64])| {
            members.contains(member) && verify(member, &bytes, signature)
        };
        is_rising
            && is_enough
            && self.header.members == members.hash()
            && signatures.iter().all(holds)
    }
}

impl Canonical for Checkpoint {
    const DOMAIN: &'static str = "edgecoder/checkpoint/1";

    fn encode(&self, to: &mut Encoder) {
        self.header.encode(to);
        to.u32(self.certificate.round).list(
            &self.certificate.signatures,
            |to, (member, signature)| {
                to.fixed(&member.0).fixed(signature);
            },
        );
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let header = Header::decode(from)?;
        let round = from.u32()?;
        let signatures = from.list(|from| Ok((PeerId(from.array()?), from.array()?)))?;
        Ok(Self {
            header,
            certificate: Certificate { round, signatures },
        })
    }
}
