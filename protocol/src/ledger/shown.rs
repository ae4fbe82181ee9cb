//! A proof as a file: what a node shows to one who has an invite or the network's founding and no ledger, and how it is
//! checked without asking anybody.
//!
//! ```text
//! {"format":"edgecoder-proof/1","network":HASH,
//!  "checkpoints":[{"checkpoint":HEX,"next":HEX or null},…],
//!  "shows":{"entry":{"entry":HEX,"proof":HEX}} or {"state":{"key":TEXT,"value":HEX or null,"proof":HEX}}}
//! ```
//!
//! The checkpoints are those at which the members change, each with the next members, and the one that the proof is
//! against, all in rising order; one before it that is known already is passed over.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    block::Checkpoint,
    duty::Duty,
    entry::Entry,
    light::{Disbelief, LightClient},
    members::MemberSet,
    merkle::Inclusion,
    state::{Key, Value},
    trie::Proof,
};
use crate::{
    canonical::{self, Canonical},
    ids::{Hash, NetworkId},
    signed::Signed,
    units::Millis,
};

#[cfg(test)]
mod tests;

/// What the file calls itself.
const FORMAT: &str = "edgecoder-proof/1";
/// Bytes of a file: ten thousand changes of the largest council would have room.
pub const FILE_MAX: usize = 128 << 20;

/// Why a file shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Not such a file.
    #[error("this is no proof: {0}")]
    Form(String),
    /// It does not hold.
    #[error(transparent)]
    Disbelief(#[from] Disbelief),
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The log has this entry.
    Entry {
        /// The entry.
        entry: Box<Signed<Entry>>,
        /// Entries before it.
        index: u64,
    },
    /// The state has this, or nothing.
    State {
        /// Under which key.
        key: Key,
        /// What.
        value: Option<Box<Value>>,
    },
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    format: String,
    network: NetworkId,
    checkpoints: Vec<Step>,
    shows: Shows,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    checkpoint: Hex,
    next: Option<Hex>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Shows {
    Entry {
        entry: Hex,
        proof: Hex,
    },
    State {
        key: String,
        value: Option<Hex>,
        proof: Hex,
    },
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Hex(Vec<u8>);

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        crate::hex::hex(&hex.0)
    }
}

impl TryFrom<String> for Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = crate::hex::unhex(&text);
        bytes.map(Self).ok_or("not hexadecimal digits in pairs")
    }
}

impl Hex {
    fn of<T: Canonical>(value: &T) -> Self {
        Self(canonical::encode(value))
    }

    fn read<T: Canonical>(&self) -> Result<T, ProofError> {
        canonical::decode(&self.0).map_err(|error| ProofError::Form(error.to_string()))
    }
}

/// A checkpoint on the way, with the next members where it changes them.
pub type Way = (Checkpoint, Option<MemberSet>);

impl ProofFile {
    /// Shows that the log has `entry`, by the last checkpoint of `way`.
    pub fn entry(
        network: NetworkId,
        way: &[Way],
        entry: &Signed<Entry>,
        proof: &Inclusion,
    ) -> Self {
        Self::new(
            network,
            way,
            Shows::Entry {
                entry: Hex(entry.to_bytes()),
                proof: Hex::of(proof),
            },
        )
    }

    /// Shows what the state has under `key`, by the last checkpoint of `way`.
    pub fn state(
        network: NetworkId,
        way: &[Way],
        key: &Key,
        value: Option<&Value>,
        proof: &Proof,
    ) -> Self {
        Self::new(
            network,
            way,
            Shows::State {
                key: key.to_string(),
                value: value.map(Hex::of),
                proof: Hex::of(proof),
            },
        )
    }

    fn new(network: NetworkId, way: &[Way], shows: Shows) -> Self {
        let step = |(checkpoint, next): &Way| Step {
            checkpoint: Hex::of(checkpoint),
            next: next.as_ref().map(Hex::of),
        };
        Self {
            format: FORMAT.into(),
            network,
            checkpoints: way.iter().map(step).collect(),
            shows,
        }
    }

    /// What the file shows to `client`, which is led to the file's last checkpoint by it.
    ///
    /// # Errors
    /// [`ProofError`]; how far the client was led is then open.
    pub fn check(&self, client: &mut LightClient, now: Millis) -> Result<Shown, ProofError> {
        if self.format != FORMAT {
            return Err(ProofError::Form(format!("its format is {:?}", self.format)));
        }
        if self.network != client.anchor().chain {
            return Err(Disbelief::Chain.into());
        }
        let last = self.checkpoints.len().saturating_sub(1);
        for (number, step) in self.checkpoints.iter().enumerate() {
            let checkpoint: Checkpoint = step.checkpoint.read()?;
            let header = &checkpoint.header;
            let known = client.anchor().head.as_ref();
            let is_passed = known.is_some_and(|head| header.height < head.height);
            let is_known = known.is_some_and(|head| head == header);
            // What is against one that is past cannot be checked here: following it says so.
            if is_known || (is_passed && number < last) {
                continue;
            }
            if step.next.is_some() != (header.next != header.members) {
                return Err(Disbelief::Next.into());
            }
            let next: Option<MemberSet> = step.next.as_ref().map(Hex::read).transpose()?;
            client.follow(&checkpoint, next.as_ref(), now)?;
        }
        match &self.shows {
            Shows::Entry { entry, proof } => {
                let read = Signed::from_bytes(&entry.0);
                let entry = read.map_err(|error| ProofError::Form(error.to_string()))?;
                let proof: Inclusion = proof.read()?;
                client.includes(&entry, &proof)?;
                Ok(Shown::Entry {
                    entry: Box::new(entry),
                    index: proof.index,
                })
            }
            Shows::State { key, value, proof } => {
                let key: Key = key.parse()?;
                let value: Option<Value> = value.as_ref().map(Hex::read).transpose()?;
                let proof: Proof = proof.read()?;
                client.has(&key, value.as_ref(), &proof)?;
                Ok(Shown::State {
                    key,
                    value: value.map(Box::new),
                })
            }
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane => f.write_str("control-plane"),
            Self::Coordinator(shard) => write!(f, "coordinator/{shard}"),
            Self::Inference(slot) => write!(f, "inference/{slot}"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => f.write_str("network"),
            Self::Council => f.write_str("council"),
            Self::Supply => f.write_str("supply"),
            Self::Account(peer) => write!(f, "account/{peer}"),
            Self::Peer(peer) => write!(f, "peer/{peer}"),
            Self::Listing(peer) => write!(f, "listing/{peer}"),
            Self::Duty(duty) => write!(f, "duty/{duty}"),
            Self::Task(task) => write!(f, "task/{task}"),
            Self::Policy(name) => write!(f, "policy/{name}"),
        }
    }
}

impl FromStr for Key {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let odd = || {
            ProofError::Form(format!(
                "{text:?} is no key: network, council, supply, account/PEER, peer/PEER, listing/PEER, duty/control-plane, duty/coordinator/N, duty/inference/N, task/HASH or policy/NAME"
            ))
        };
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let number = |text: &str| {
            text.parse::<u16>()
                .ok()
                .filter(|one| one.to_string() == text)
        };
        let found = match (kind, name.split_once('/')) {
            ("network", _) if name.is_empty() => Some(Self::Network),
            ("council", _) if name.is_empty() => Some(Self::Council),
            ("supply", _) if name.is_empty() => Some(Self::Supply),
            ("account", None) => name.parse().ok().map(Self::Account),
            ("peer", None) => name.parse().ok().map(Self::Peer),
            ("listing", None) => name.parse().ok().map(Self::Listing),
            ("duty", None) if name == "control-plane" => Some(Self::Duty(Duty::ControlPlane)),
            ("duty", Some(("coordinator", shard))) => {
                number(shard).map(|shard| Self::Duty(Duty::Coordinator(shard)))
            }
            ("duty", Some(("inference", slot))) => {
                number(slot).map(|slot| Self::Duty(Duty::Inference(slot)))
            }
            ("task", None) => name.parse::<Hash>().ok().map(Self::Task),
            ("policy", _) if !name.is_empty() => Some(Self::Policy(name.to_owned())),
            _ => None,
        };
        found.ok_or_else(odd)
    }
}
