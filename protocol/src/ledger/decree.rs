//! Decrees: what the network's operators decide, each approved by more than half of them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    key::{NodeKey, verify},
    network::OPERATORS_MAX,
    units::{Credits, Millis},
};

/// How far ahead of a block's time a decree may expire, in milliseconds: operators have a month to gather approvals, and
/// what they gave up counts no more after it.
pub const DECREE_LIFE_MAX_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Characters of a reason or of a policy's name.
pub const TEXT_MAX: usize = 200;

/// How a decree's line of this version begins.
const LINE: &str = "edgecoder-decree-1:";
/// Characters of a decree's line: all approvals that there can be, in base64, with room.
const LINE_LEN_MAX: usize = 16 << 10;

/// Why a line is not a decree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Not one, or one of a newer version.
    #[error("this is not a decree: one begins with `{LINE}`")]
    Form,
    /// Cut short or mistyped.
    #[error("the decree is damaged ({0}): copy the whole line again")]
    Damaged(String),
}

/// What a peer was admitted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// May vote and hold duties once it is a member.
    Trusted,
    /// Is lent work.
    Worker,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A trusted peer votes from the next block on.
    AddMember(PeerId),
    /// A member votes no more from the next block on.
    RemoveMember(PeerId),
    /// A peer takes part, for this owner.
    Admit {
        /// Who.
        peer: PeerId,
        /// As what.
        standing: Standing,
        /// Whose it is; none for the unattributed owner.
        owner: Option<PeerId>,
    },
    /// A peer takes part no more.
    Revoke {
        /// Who.
        peer: PeerId,
        /// Why, for people.
        reason: String,
    },
    /// Nobody deals with a peer until then.
    Blacklist {
        /// Who.
        peer: PeerId,
        /// What proves it: the hash of a bundle or of signed words.
        evidence: Hash,
        /// Why, for people.
        reason: String,
        /// Until when, by the blocks' time.
        until: Millis,
    },
    /// A peer is dealt with again.
    Pardon(PeerId),
    /// A document that all go by.
    Policy {
        /// Its name.
        name: String,
        /// What it says, by its hash.
        document: Hash,
    },
    /// Whether whoever asks is admitted as a worker.
    OpenAdmission(bool),
    /// Credits come into being. Its version is how many were issued before.
    Issue {
        /// For whom.
        to: PeerId,
        /// How many.
        amount: Credits,
    },
    /// From the next block on a trusted peer votes in a member's place.
    ReplaceMember {
        /// The member.
        old: PeerId,
        /// The peer.
        new: PeerId,
    },
}

/// An order for one network, once: `version` is how often its subject was decided on before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decree {
    /// The network.
    pub chain: NetworkId,
    /// How often the order's subject was decided on before.
    pub version: u64,
    /// It counts in no block after this.
    pub expires: Millis,
    /// What is decided.
    pub order: Order,
}

/// A decree with the operators who approve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The decree.
    pub decree: Decree,
    /// Who approves, in rising order, with the signature of the decree's canonical bytes.
    pub approvals: Vec<(PeerId, [u8; 64])>,
}

impl Decree {
    /// An operator's approval.
    pub fn approve(&self, key: &NodeKey) -> (PeerId, [u8; 64]) {
        (key.peer_id(), key.sign(&canonical::encode(self)))
    }
}

impl Approved {
    /// With one more approval, in its place; one of the same operator is replaced.
    pub fn with(mut self, approval: (PeerId, [u8; 64])) -> Self {
        self.approvals
            .retain(|(operator, _)| *operator != approval.0);
        self.approvals.push(approval);
        self.approvals
            .sort_unstable_by_key(|(operator, _)| *operator);
        self
    }

    /// Whether more than half of `operators` have signed.
    pub fn holds(&self, operators: &[PeerId]) -> bool {
        let bytes = canonical::encode(&self.decree);
        let signed: BTreeSet<&PeerId> = self
            .approvals
            .iter()
            .filter(|(operator, signature)| {
                operators.contains(operator) && verify(operator, &bytes, signature)
            })
            .map(|(operator, _)| operator)
            .collect();
        signed.len() > operators.len() / 2
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        self.decree.encode(to);
        to.list(&self.approvals, |to, (operator, signature)| {
            to.fixed(&operator.0).fixed(signature);
        });
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let decree = Decree::decode(from)?;
        let approvals = from.list(|from| Ok((PeerId(from.array()?), from.array()?)))?;
        let is_rising = approvals.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if approvals.len() > OPERATORS_MAX || !is_rising {
            return Err(DecodeError::Invalid("approvals"));
        }
        Ok(Self { decree, approvals })
    }
}

/// A decree is passed on between operators as one line.
impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut to = Encoder::default();
        self.encode(&mut to);
        write!(f, "{LINE}{}", URL_SAFE_NO_PAD.encode(to.finish()))
    }
}

impl FromStr for Approved {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        if line.len() > LINE_LEN_MAX {
            return Err(LineError::Damaged("it is too long".into()));
        }
        let text = line.trim().strip_prefix(LINE).ok_or(LineError::Form)?;
        let damaged = |why: &dyn fmt::Display| LineError::Damaged(why.to_string());
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| damaged(&error))?;
        canonical::read_whole(&bytes, Self::decode).map_err(|error| damaged(&error))
    }
}

fn text(from: &mut Decoder<'_>) -> Result<String, DecodeError> {
    let text = from.text()?;
    match text.chars().count() <= TEXT_MAX && !text.chars().any(char::is_control) {
        true => Ok(text),
        false => Err(DecodeError::Invalid("a reason or name")),
    }
}

impl Canonical for Decree {
    const DOMAIN: &'static str = "edgecoder/decree/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0)
            .u64(self.version)
            .u64(self.expires.0);
        match &self.order {
            Order::AddMember(peer) => to.u8(0).fixed(&peer.0),
            Order::RemoveMember(peer) => to.u8(1).fixed(&peer.0),
            Order::Admit {
                peer,
                standing,
                owner,
            } => to
                .u8(2)
                .fixed(&peer.0)
                .u8(standing.tag())
                .option(owner.as_ref(), |to, owner| {
                    to.fixed(&owner.0);
                }),
            Order::Revoke { peer, reason } => to.u8(3).fixed(&peer.0).text(reason),
            Order::Blacklist {
                peer,
                evidence,
                reason,
                until,
            } => to
                .u8(4)
                .fixed(&peer.0)
                .fixed(&evidence.0)
                .text(reason)
                .u64(until.0),
            Order::Pardon(peer) => to.u8(5).fixed(&peer.0),
            Order::Policy { name, document } => to.u8(6).text(name).fixed(&document.0),
            Order::OpenAdmission(is_open) => to.u8(7).u8(u8::from(*is_open)),
            Order::Issue { to: payee, amount } => to.u8(8).fixed(&payee.0).u64(amount.0),
            Order::ReplaceMember { old, new } => to.u8(9).fixed(&old.0).fixed(&new.0),
        };
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let chain = NetworkId(from.array()?);
        let version = from.u64()?;
        let expires = Millis(from.u64()?);
        let peer = |from: &mut Decoder<'_>| from.array().map(PeerId);
        let order = match from.u8()? {
            0 => Order::AddMember(peer(from)?),
            1 => Order::RemoveMember(peer(from)?),
            2 => Order::Admit {
                peer: peer(from)?,
                standing: Standing::of(from.u8()?)?,
                owner: from.option(peer)?,
            },
            3 => Order::Revoke {
                peer: peer(from)?,
                reason: text(from)?,
            },
            4 => Order::Blacklist {
                peer: peer(from)?,
                evidence: from.hash()?,
                reason: text(from)?,
                until: Millis(from.u64()?),
            },
            5 => Order::Pardon(peer(from)?),
            6 => Order::Policy {
                name: text(from)?,
                document: from.hash()?,
            },
            7 => Order::OpenAdmission(from.flag()?),
            8 => Order::Issue {
                to: peer(from)?,
                amount: Credits(from.u64()?),
            },
            9 => Order::ReplaceMember {
                old: peer(from)?,
                new: peer(from)?,
            },
            _ => return Err(DecodeError::Invalid("an order")),
        };
        Ok(Self {
            chain,
            version,
            expires,
            order,
        })
    }
}

impl Standing {
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Trusted => 0,
            Self::Worker => 1,
        }
    }

    pub(super) fn of(tag: u8) -> Result<Self, DecodeError> {
        match tag {
            0 => Ok(Self::Trusted),
            1 => Ok(Self::Worker),
            _ => Err(DecodeError::Invalid("a standing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decrees_line_reads_back_and_not_when_it_is_cut() {
        let key = |byte| NodeKey::from_seed(&mut [byte; 32]);
        let decree = Decree {
            chain: NetworkId([1; 32]),
            version: 2,
            expires: Millis(3),
            order: Order::RemoveMember(key(4).peer_id()),
        };
        let approvals = Vec::new();
        let approved = Approved { decree, approvals };
        let all = [7, 5, 6, 5].into_iter().fold(approved, |approved, by| {
            let approval = approved.decree.approve(&key(by));
            approved.with(approval)
        });
        assert!(all.approvals.is_sorted() && all.approvals.len() == 3);
        let operators = [5, 6, 7].map(|by| key(by).peer_id());
        assert!(all.holds(&operators));
        let line = all.to_string();
        assert_eq!(format!(" {line}\n").parse(), Ok(all));
        assert_eq!("hello".parse::<Approved>(), Err(LineError::Form));
        let long = format!("{line}{}", "A".repeat(LINE_LEN_MAX));
        for damaged in [&line[..line.len() - 2], &format!("{line}AAAA"), &long] {
            let read = damaged.parse::<Approved>();
            assert!(matches!(read, Err(LineError::Damaged(_))), "{read:?}");
        }
    }
}
