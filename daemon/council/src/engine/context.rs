//! The engine's own types, as thin shells around the protocol's. Nothing is decided here but whose turn it is.

use std::{fmt, sync::Arc, time::Duration};

use arc_malachitebft_core_types as core;
use core::{NilOrVal, Round, SignedExtension, TimeoutKind, VoteType};
use edgecoder_protocol::{
    Hash, NetworkId, PeerId,
    ledger::{
        block::{Block, Stage, Vote},
        consensus::Proposal,
        members::MemberSet,
    },
};

use super::turn;

/// Binds the engine to the protocol's types. A signature's bytes cover the network.
#[derive(Clone, Debug)]
pub struct Context {
    pub chain: NetworkId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member(pub PeerId);

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Address for Member {}

impl core::Validator<Context> for Member {
    fn address(&self) -> &Self {
        self
    }

    fn public_key(&self) -> &PeerId {
        &self.0
    }

    fn voting_power(&self) -> u64 {
        1
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A block with its id, shared: the engine copies values freely.
#[derive(Clone)]
pub struct Value {
    pub id: Hash,
    pub block: Arc<Block>,
}

impl Value {
    pub fn new(block: Arc<Block>) -> Self {
        Self {
            id: block.header.id(),
            block,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.id)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl core::Value for Value {
    type Id = Hash;

    fn id(&self) -> Hash {
        self.id
    }
}

/// A proposal with its block and who claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalOf {
    pub height: Height,
    pub round: Round,
    pub value: Value,
    pub valid_round: Round,
    pub by: Member,
}

impl ProposalOf {
    /// As it is signed; none in a round that is none.
    pub fn said(&self, chain: NetworkId) -> Option<Proposal> {
        Some(Proposal {
            chain,
            height: self.height.0,
            round: self.round.as_u32()?,
            valid_round: self.valid_round.as_u32(),
            block: self.value.id,
        })
    }
}

impl core::Proposal<Context> for ProposalOf {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn take_value(self) -> Value {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.valid_round
    }

    fn validator_address(&self) -> &Member {
        &self.by
    }
}

/// Blocks travel whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPart;

impl core::ProposalPart<Context> for NoPart {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// A vote with who claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteOf {
    pub height: Height,
    pub round: Round,
    pub stage: VoteType,
    pub value: NilOrVal<Hash>,
    pub by: Member,
}

impl VoteOf {
    /// As it is signed; none in a round that is none.
    pub fn said(&self, chain: NetworkId) -> Option<Vote> {
        Some(Vote {
            chain,
            height: self.height.0,
            round: self.round.as_u32()?,
            stage: match self.stage {
                VoteType::Prevote => Stage::Prevote,
                VoteType::Precommit => Stage::Precommit,
            },
            block: match self.value {
                NilOrVal::Nil => None,
                NilOrVal::Val(block) => Some(block),
            },
        })
    }

    pub fn of(vote: &Vote, by: PeerId) -> Self {
        Self {
            height: Height(vote.height),
            round: Round::new(vote.round),
            stage: match vote.stage {
                Stage::Prevote => VoteType::Prevote,
                Stage::Precommit => VoteType::Precommit,
            },
            value: vote.block.map_or(NilOrVal::Nil, NilOrVal::Val),
            by: Member(by),
        }
    }
}

impl core::Vote<Context> for VoteOf {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Hash> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Hash> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.stage
    }

    fn validator_address(&self) -> &Member {
        &self.by
    }

    fn extension(&self) -> Option<&SignedExtension<Context>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Context>> {
        None
    }

    fn extend(self, _: SignedExtension<Context>) -> Self {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(pub Arc<Vec<Member>>);

impl Members {
    pub fn new(set: &MemberSet) -> Self {
        Self(Arc::new(
            set.members().iter().copied().map(Member).collect(),
        ))
    }
}

impl core::ValidatorSet<Context> for Members {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.len() as u64
    }

    fn get_by_address(&self, address: &Member) -> Option<&Member> {
        let at = self.0.binary_search(address).ok()?;
        self.0.get(at)
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.0.get(index)
    }
}

/// First timeouts, and what each further round adds: a block crosses the world and back within the first, and a member
/// that is down costs no more than one of them a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts;

/// No timeout is longer: members that were apart for an hour agree again within seconds.
const TIMEOUT_MAX: Duration = Duration::from_secs(8);

impl core::Timeouts<Context> for Timeouts {
    fn duration_for(&self, timeout: core::Timeout) -> Duration {
        let (base, step) = match timeout.kind {
            TimeoutKind::Propose => (800, 400),
            TimeoutKind::Prevote | TimeoutKind::Precommit => (400, 200),
            TimeoutKind::Rebroadcast => (1_000, 400),
            TimeoutKind::FinalizeHeight(span) => return span,
        };
        let rounds = u64::from(timeout.round.as_u32().unwrap_or(0));
        Duration::from_millis(base + step * rounds).min(TIMEOUT_MAX)
    }
}

/// Keys and signatures are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519;

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], &'static str> {
    bytes.try_into().map_err(|_| "bytes of another length")
}

impl core::SigningScheme for Ed25519 {
    type DecodingError = &'static str;
    type Signature = [u8; 64];
    type PublicKey = PeerId;
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<[u8; 64], &'static str> {
        array(bytes)
    }

    fn encode_signature(signature: &[u8; 64]) -> Vec<u8> {
        signature.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PeerId, &'static str> {
        array(bytes).map(PeerId)
    }

    fn encode_public_key(key: &PeerId) -> Vec<u8> {
        key.0.to_vec()
    }
}

impl core::Context for Context {
    type Address = Member;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = ProposalOf;
    type Validator = Member;
    type ValidatorSet = Members;
    type Timeouts = Timeouts;
    type Value = Value;
    type Vote = VoteOf;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(
        &self,
        members: &'a Members,
        height: Height,
        round: Round,
    ) -> &'a Member {
        &members.0[turn(members.0.len(), height.0, round.as_u32().unwrap_or(0))]
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Value,
        valid_round: Round,
        by: Member,
    ) -> ProposalOf {
        ProposalOf {
            height,
            round,
            value,
            valid_round,
            by,
        }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Hash>,
        by: Member,
    ) -> VoteOf {
        VoteOf {
            height,
            round,
            stage: VoteType::Prevote,
            value,
            by,
        }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Hash>,
        by: Member,
    ) -> VoteOf {
        VoteOf {
            height,
            round,
            stage: VoteType::Precommit,
            value,
            by,
        }
    }
}
