//! What a node says of itself to the network: keys, owner, roles, abilities, addresses.
//!
//! A record is signed by its node and lives for a span counted from when it is heard, so that a wrong clock neither
//! ages nor preserves it. The owner counts only when an operator of the network vouches for it.

use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId, ProfileId},
    network::{Genesis, addresses},
    sealing::SealKey,
    signed::{Signed, SignedError},
};

mod owner;

pub use owner::{Owner, Vouch, VouchError};

/// Milliseconds that a record may live: a node that has gone leaves the listings within a minute.
pub const LIFE_MAX_MS: u32 = 60_000;
/// Languages or models that a record names.
pub const ABILITIES_MAX: usize = 32;
/// Bytes of a language's, model's or build's name.
pub const LABEL_MAX: usize = 128;
/// Subtasks that a node may offer to do at once.
pub const SLOTS_MAX: u32 = 1_024;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// What a node does for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Submits its user's tasks.
    Agent,
    /// Answers for a model.
    Inference,
    /// Does subtasks and checks.
    Worker,
    /// Leases subtasks.
    Coordinator,
    /// Address book and Kademlia server, nothing else.
    Bootstrap,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Agent,
        Self::Inference,
        Self::Worker,
        Self::Coordinator,
        Self::Bootstrap,
    ];

    fn tag(self) -> u8 {
        match self {
            Self::Agent => 0,
            Self::Inference => 1,
            Self::Worker => 2,
            Self::Coordinator => 3,
            Self::Bootstrap => 4,
        }
    }
}

/// A model that a node answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOffer {
    /// Its name.
    pub name: String,
    /// blake3 of its file.
    pub hash: Hash,
}

/// Hours of each day, UTC, as minutes after midnight; `from` after `until` spans midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute.
    pub from: u16,
    /// First minute that is not in it.
    pub until: u16,
}

impl Hours {
    /// Whether `minute` of the day is within.
    pub fn contains(&self, minute: u16) -> bool {
        match self.from <= self.until {
            true => (self.from..self.until).contains(&minute),
            false => minute >= self.from || minute < self.until,
        }
    }
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// The network it speaks in.
    pub network: NetworkId,
    /// The node.
    pub peer: PeerId,
    /// What is sealed for it as a reader of whole tasks.
    pub seal: SealKey,
    /// Whose it is, when an operator vouches for it.
    pub owner: Option<Owner>,
    /// What it does, in rising order.
    pub roles: Vec<Role>,
    /// Languages that its sandbox runs, in rising order.
    pub languages: Vec<String>,
    /// Models it answers for.
    pub models: Vec<ModelOffer>,
    /// Subtasks it does at once.
    pub slots: u32,
    /// When it works; always when absent.
    pub hours: Option<Hours>,
    /// What its executions agree with.
    pub profile: ProfileId,
    /// Its engine's build.
    pub build: String,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Rises with each record of this node; an older one never replaces a newer.
    pub sequence: u64,
    /// Milliseconds it holds, from when it is heard.
    pub life_ms: u32,
}

impl Canonical for PeerRecord {
    const DOMAIN: &'static str = "edgecoder/peer-record/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0)
            .fixed(&self.peer.0)
            .fixed(&self.seal.0)
            .option(self.owner.as_ref(), |to, owner| owner.encode(to))
            .list(&self.roles, |to, role| {
                to.u8(role.tag());
            })
            .list(&self.languages, |to, name| {
                to.text(name);
            })
            .list(&self.models, |to, model| {
                to.text(&model.name).fixed(&model.hash.0);
            })
            .u32(self.slots)
            .option(self.hours.as_ref(), |to, hours| {
                to.u32(u32::from(hours.from)).u32(u32::from(hours.until));
            })
            .fixed(&self.profile.0)
            .text(&self.build)
            .list(&self.addresses, |to, text| {
                to.text(text);
            })
            .u64(self.sequence)
            .u32(self.life_ms);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            network: NetworkId(from.array()?),
            peer: PeerId(from.array()?),
            seal: SealKey(from.array()?),
            owner: from.option(Owner::decode)?,
            roles: from.list(|from| {
                let tag = from.u8()?;
                let role = Role::ALL.into_iter().find(|role| role.tag() == tag);
                role.ok_or(DecodeError::Invalid("role"))
            })?,
            languages: from.list(label)?,
            models: from.list(|from| {
                Ok(ModelOffer {
                    name: label(from)?,
                    hash: from.hash()?,
                })
            })?,
            slots: from.u32()?,
            hours: from.option(|from| {
                let (from, until) = (from.u16()?, from.u16()?);
                Ok(Hours { from, until })
            })?,
            profile: ProfileId(from.array()?),
            build: label(from)?,
            addresses: addresses(from)?,
            sequence: from.u64()?,
            life_ms: from.u32()?,
        };
        match record.breach() {
            None => Ok(record),
            Some(what) => Err(DecodeError::Invalid(what)),
        }
    }
}

/// A name within its bounds.
fn label(from: &mut Decoder<'_>) -> Result<String, DecodeError> {
    let text = from.text()?;
    if text.len() > LABEL_MAX || text.chars().any(char::is_control) {
        return Err(DecodeError::Invalid("label"));
    }
    Ok(text)
}

impl PeerRecord {
    /// Which bound a decoded record breaks.
    fn breach(&self) -> Option<&'static str> {
        let hours = self.hours.unwrap_or(Hours { from: 0, until: 0 });
        [
            ("roles", self.roles.windows(2).all(|pair| pair[0] < pair[1])),
            (
                "languages",
                self.languages.len() <= ABILITIES_MAX
                    && self.languages.windows(2).all(|pair| pair[0] < pair[1]),
            ),
            ("models", self.models.len() <= ABILITIES_MAX),
            ("slots", self.slots <= SLOTS_MAX),
            ("hours", hours.from < DAY && hours.until <= DAY),
            ("life", (1..=LIFE_MAX_MS).contains(&self.life_ms)),
        ]
        .into_iter()
        .find_map(|(what, holds)| (!holds).then_some(what))
    }

    /// Whose the node is by the network's rules: `None` is the one unattributed owner of all others.
    pub fn owner_in(&self, genesis: &Genesis) -> Option<PeerId> {
        let owner = self.owner.as_ref()?;
        let is_listed = genesis.operators.contains(&owner.operator);
        (is_listed && owner.holds(self.network, self.peer)).then_some(owner.operator)
    }
}

/// Why a record is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The signature is not the node's.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// Of another network.
    #[error("the record is of the network {found}")]
    Network {
        /// Which.
        found: NetworkId,
    },
}

/// The record that `signed` holds, when its own node signed it for `network`.
///
/// # Errors
/// [`RecordError`] when it did not.
pub fn open_record(
    signed: &Signed<PeerRecord>,
    network: NetworkId,
) -> Result<&PeerRecord, RecordError> {
    let (record, signer) = signed.open()?;
    if signer != record.peer {
        let expected = record.peer;
        return Err(SignedError::Signer { signer, expected }.into());
    }
    if record.network != network {
        return Err(RecordError::Network {
            found: record.network,
        });
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{canonical, key::NodeKey, units::Millis};

    fn key(byte: u8) -> NodeKey {
        NodeKey::from_seed(&mut [byte; 32])
    }

    fn genesis() -> Genesis {
        Genesis {
            name: "lab".into(),
            operators: vec![key(1).peer_id()],
            members: crate::ledger::members::MemberSet::one(key(2).peer_id()),
            founded: Millis(5),
            salt: [6; 16],
        }
    }

    fn record() -> PeerRecord {
        let network = genesis().id();
        PeerRecord {
            network,
            peer: key(2).peer_id(),
            seal: SealKey([3; 32]),
            owner: Some(Owner::vouch(network, key(2).peer_id(), &key(1))),
            roles: vec![Role::Agent, Role::Worker],
            languages: vec!["python".into()],
            models: vec![ModelOffer {
                name: "m".into(),
                hash: Hash([4; 32]),
            }],
            slots: 2,
            hours: Some(Hours {
                from: 1_320,
                until: 360,
            }),
            profile: ProfileId([5; 32]),
            build: "b".into(),
            addresses: vec!["/ip4/192.0.2.1/tcp/4001".into()],
            sequence: 7,
            life_ms: LIFE_MAX_MS,
        }
    }

    #[test]
    fn a_record_reads_back_and_breaking_any_bound_makes_it_none() {
        let read =
            |record: &PeerRecord| canonical::decode::<PeerRecord>(&canonical::encode(record));
        assert_eq!(read(&record()), Ok(record()));
        let many = |count: usize| (0..count).map(|n| format!("{n:04}")).collect::<Vec<_>>();
        let bad = [
            PeerRecord {
                roles: vec![Role::Worker, Role::Agent],
                ..record()
            },
            PeerRecord {
                languages: vec!["b".into(), "a".into()],
                ..record()
            },
            PeerRecord {
                languages: many(ABILITIES_MAX + 1),
                ..record()
            },
            PeerRecord {
                slots: SLOTS_MAX + 1,
                ..record()
            },
            PeerRecord {
                hours: Some(Hours {
                    from: DAY,
                    until: 0,
                }),
                ..record()
            },
            PeerRecord {
                life_ms: LIFE_MAX_MS + 1,
                ..record()
            },
            PeerRecord {
                life_ms: 0,
                ..record()
            },
            PeerRecord {
                build: "x".repeat(LABEL_MAX + 1),
                ..record()
            },
            PeerRecord {
                build: "\u{1b}[2J".into(),
                ..record()
            },
            PeerRecord {
                addresses: many(17),
                ..record()
            },
            PeerRecord {
                addresses: vec![String::new()],
                ..record()
            },
        ];
        for record in bad {
            assert!(read(&record).is_err(), "{record:?}");
        }
    }

    #[test]
    fn a_record_counts_when_its_own_node_signed_it_for_this_network() {
        let network = genesis().id();
        let own = Signed::new(record(), &key(2));
        assert_eq!(open_record(&own, network), Ok(&record()));
        let forged = Signed::new(record(), &key(3));
        assert!(matches!(
            open_record(&forged, network),
            Err(RecordError::Signed(_))
        ));
        let other = open_record(&own, NetworkId([0; 32]));
        assert_eq!(other, Err(RecordError::Network { found: network }));
    }

    #[test]
    fn an_owner_counts_when_a_listed_operator_vouches_for_this_node() {
        let genesis = genesis();
        let network = genesis.id();
        let owned = |owner| PeerRecord { owner, ..record() }.owner_in(&genesis);
        let node = record().peer;
        assert_eq!(owned(record().owner), Some(key(1).peer_id()));
        assert_eq!(owned(None), None);
        let stranger = Owner::vouch(network, node, &key(9));
        assert_eq!(owned(Some(stranger)), None, "not an operator");
        let elsewhere = Owner::vouch(NetworkId([0; 32]), node, &key(1));
        assert_eq!(owned(Some(elsewhere)), None, "another network");
        let another = Owner::vouch(network, key(3).peer_id(), &key(1));
        assert_eq!(owned(Some(another)), None, "another node");
    }

    #[test]
    fn hours_may_span_midnight() {
        let night = Hours {
            from: 1_320,
            until: 360,
        };
        assert!(night.contains(1_320) && night.contains(0) && night.contains(359));
        assert!(!night.contains(360) && !night.contains(1_319));
        let day = Hours {
            from: 480,
            until: 1_080,
        };
        assert!(day.contains(480) && !day.contains(1_080) && !day.contains(0));
    }
}
