//! The operator API's objects of who is dealt with: how this node stands, what waits for the network's operators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::{Hash, PeerId},
    units::Millis,
};

/// Who works in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionRule {
    /// Whoever holds an invite: as founded, until operators decree something.
    Invited,
    /// Whoever asks.
    Open,
    /// Whom a decree admitted.
    Closed,
}

/// How this node stands by its own ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnStanding {
    /// As what operators admitted it: `trusted` or `worker`; absent when they have not.
    pub admitted: Option<String>,
    /// Whether it was, and takes part no more.
    pub is_revoked: bool,
    /// The key that took this one's place.
    pub rotated: Option<PeerId>,
    /// Why nobody deals with it.
    pub listing: Option<ListingView>,
}

/// An entry of the blacklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingView {
    /// Why.
    pub reason: String,
    /// The hash of what proves it.
    pub evidence: Hash,
    /// Until when, by the blocks' time.
    pub until: Millis,
    /// The hash of what the peer said to it; absent when it has not yet.
    pub appeal: Option<Hash>,
}

/// `GET /v1/council/requests`: what waits for the network's operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestsView {
    /// `edgecoder/requests/1`.
    pub schema: String,
    /// Who asks to be admitted.
    pub asks: Vec<AskView>,
    /// Who was proven to have lied.
    pub charges: Vec<ChargeView>,
    /// Members that did not say what waits with them.
    pub silent: Vec<PeerId>,
}

/// A peer asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskView {
    /// Who.
    pub peer: PeerId,
    /// As what: `trusted` or `worker`.
    pub standing: String,
    /// What it says of itself.
    pub note: String,
    /// When, by the clock of the member that heard it.
    pub at: Millis,
}

/// A lie that a coordinator proved by running the thing again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChargeView {
    /// Who signed it.
    pub peer: PeerId,
    /// The hash of the bundle that shows it, in the `evidence` folder of the node that proved it.
    pub evidence: Hash,
    /// When.
    pub at: Millis,
}

/// `POST /v1/council/requests`: this node asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskRequest {
    /// As what: `trusted` or `worker`.
    pub standing: String,
    /// What it says of itself, at most 200 bytes.
    pub note: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskAnswer {
    /// Who asks.
    pub peer: PeerId,
    /// It is admitted by its own entry, in this block: the network is open.
    pub registered: Option<u64>,
    /// Members with whom the request waits.
    pub kept_by: Vec<PeerId>,
    /// Why it does not with others.
    pub refused: Vec<String>,
}

/// `POST /v1/council/appeals`: this node objects to its listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppealRequest {
    /// What it says; its hash goes into the log.
    pub statement: String,
}

/// An entry that another node is to put into the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryLine {
    /// As hexadecimal digits.
    pub entry: String,
    /// How this node stands.
    pub own: OwnStanding,
}

/// `POST /v1/council/rotations`: this node is to go by another key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotateRequest {
    /// The new key.
    pub new: PeerId,
    /// The new key's signature, as hexadecimal digits.
    pub signature: String,
}
