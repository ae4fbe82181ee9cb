//! The operator API's objects of the ledger and of the council that decides it. A node that is alone has both as well.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AdmissionRule, OwnStanding};
use crate::{
    ids::{Hash, NetworkId, PeerId},
    units::{Credits, Millis},
};

/// How a node takes part in deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CouncilPart {
    /// It follows.
    Follower,
    /// It waits for a quorum's word on what it said before it was restarted.
    Recalling,
    /// Its vote log is older than what others hold: it says nothing until they have gone on.
    Muted,
    /// It votes.
    Member,
    /// It cannot go on.
    Broken,
    /// Two decisions of one height are known.
    Frozen,
}

/// `GET /v1/ledger`: the ledger as this node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerView {
    /// `edgecoder/ledger/1`.
    pub schema: String,
    /// The network; a node that is alone has one of its own.
    pub network: NetworkId,
    /// Its name.
    pub name: String,
    /// Height of the last block; 0 before the first.
    pub height: u64,
    /// Entries so far.
    pub entries: u64,
    /// When the last block was proposed.
    pub time: Millis,
    /// Its id; the network's before the first.
    pub head: Hash,
    /// What an invite begins at, in canonical bytes as hexadecimal digits: head and next members.
    pub anchor: String,
    /// The log's root.
    pub log: Hash,
    /// The state's root.
    pub state: Hash,
    /// Values that the state has.
    pub values: u64,
    /// Entries that wait for a block.
    pub waiting: u64,
    /// Credits ever issued, in millionths.
    pub issued: Credits,
    /// Credits ever burned, in millionths.
    pub burned: Credits,
    /// Syncs of the vote log since the start.
    pub vote_syncs: u64,
    /// Syncs of the ledger since the start.
    pub ledger_syncs: u64,
    /// What was found damaged at the start, and what was done about it.
    pub mended: Vec<String>,
}

/// One of who votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// Who.
    pub peer: PeerId,
    /// Whether it is this node.
    pub is_here: bool,
    /// Whether it was seen to sign twice.
    pub signed_twice: bool,
}

/// A duty and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DutyView {
    /// `control-plane`, `coordinator/SHARD` or `inference/SLOT`.
    pub duty: String,
    /// Who; nobody when it is vacant.
    pub holder: Option<PeerId>,
    /// Of the last grant.
    pub term: u64,
}

/// `GET /v1/council`: who decides the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CouncilView {
    /// `edgecoder/council/1`.
    pub schema: String,
    /// How this node takes part.
    pub part: CouncilPart,
    /// Why not more, where there is a reason.
    pub reason: Option<String>,
    /// Who votes on the next block.
    pub members: Vec<MemberView>,
    /// How many must agree.
    pub quorum: u32,
    /// How many may crash or lie without harm.
    pub tolerates: u32,
    /// What the operator should know of a council of this size.
    pub warning: Option<String>,
    /// Who decrees; more than half must approve.
    pub operators: Vec<PeerId>,
    /// Whether whoever asks is admitted as a worker.
    pub is_open: bool,
    /// Who works.
    pub admission: AdmissionRule,
    /// How this node stands.
    pub own: OwnStanding,
    /// Duties, and who has them.
    pub duties: Vec<DutyView>,
}

/// `GET /v1/ledger/blocks/{height}`: a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    /// Its height.
    pub height: u64,
    /// Its id.
    pub id: Hash,
    /// The block before.
    pub parent: Hash,
    /// When it was proposed.
    pub time: Millis,
    /// Entries up to and with its own.
    pub size: u64,
    /// The log's root after it.
    pub log: Hash,
    /// The state's root after it.
    pub state: Hash,
    /// In which round it was decided.
    pub round: u32,
    /// Who signed.
    pub signers: Vec<PeerId>,
    /// Its entries.
    pub entries: Vec<EntryView>,
}

/// An entry of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// Entries before it.
    pub index: u64,
    /// Its leaf in the log.
    pub leaf: Hash,
    /// Who says it.
    pub signer: PeerId,
    /// How many entries its signer has had before.
    pub nonce: u64,
    /// What it says, for people.
    pub what: String,
}

/// `POST /v1/ledger/verify`: everything checked again, from the first block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerReport {
    /// `edgecoder/ledger-report/1`.
    pub schema: String,
    /// Blocks that hold.
    pub blocks: u64,
    /// Entries of them.
    pub entries: u64,
    /// The state's root after the last that holds.
    pub state: Hash,
    /// What is wrong, and at which height; absent when nothing is.
    pub problem: Option<String>,
}

/// `POST /v1/ledger/proofs`: what is to be shown. The answer is a proof's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofRequest {
    /// That the log has the entry of this index.
    Entry(u64),
    /// What the state has under this key: `council`, `duty/coordinator/0`, `account/PEER` and so on.
    State(String),
}

/// `POST /v1/council/decrees`: what is a decree's version now; `POST /v1/council/approved`: one that enough operators
/// approved is to be put into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecreeRequest {
    /// Its line, `edgecoder-decree-1:…`.
    pub line: String,
}

/// What an order would have to be signed as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecreeAnswer {
    /// How often its subject was decided on before.
    pub version: u64,
    /// Who decrees.
    pub operators: Vec<PeerId>,
}

/// `POST /v1/ledger/entries`: entries that their signers want in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntriesRequest {
    /// Each as `Signed::to_bytes` has it, in hexadecimal digits; at most 4,096.
    pub entries: Vec<String>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryOutcome {
    /// It is in the log.
    Placed(PlacedView),
    /// It counts for nothing, for this reason.
    Refused(String),
}

/// Where something stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlacedView {
    /// The block's height.
    pub height: u64,
    /// Entries before it.
    pub index: u64,
}
