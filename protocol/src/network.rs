//! A network: what its operators founded it with, who coordinates it, and the invite that brings a node into it.
//!
//! An invite is one versioned line. It says where to begin and whom to believe; it admits nobody.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{NetworkId, PeerId},
    key::NodeKey,
    ledger::{light::Anchor, members::MemberSet},
    signed::{Signed, SignedError},
    units::Millis,
};

/// Characters of a network's name.
pub const NAME_MAX: usize = 64;
/// Operators of a network.
pub const OPERATORS_MAX: usize = 64;
/// Addresses in an invite or a record: more are no help in reaching a node.
pub const ADDRESSES_MAX: usize = 16;
/// Bytes of one address.
pub const ADDRESS_LEN_MAX: usize = 256;
/// How an invite of this version begins.
const INVITE: &str = "edgecoder-invite-1:";
/// Characters of an invite's line: what is inside, in base64, with room.
const INVITE_LEN_MAX: usize = 16 << 10;

/// What a network is founded with; never changes, and its hash is the network's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// A name for people.
    pub name: String,
    /// Keys that vouch for owners and sign invites, in rising order.
    pub operators: Vec<PeerId>,
    /// Who decides the first block of its ledger.
    pub members: MemberSet,
    /// When it was founded.
    pub founded: Millis,
    /// Random: two networks of one name and moment differ.
    pub salt: [u8; 16],
}

impl Genesis {
    /// The network's id.
    pub fn id(&self) -> NetworkId {
        NetworkId(canonical::hash(self).0)
    }
}

impl Canonical for Genesis {
    const DOMAIN: &'static str = "edgecoder/genesis/1";

    fn encode(&self, to: &mut Encoder) {
        to.text(&self.name)
            .list(&self.operators, |to, key| {
                to.fixed(&key.0);
            })
            .list(self.members.members(), |to, member| {
                to.fixed(&member.0);
            })
            .u64(self.founded.0)
            .fixed(&self.salt);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let name = from.text()?;
        let is_shown = |name: &str| {
            !name.is_empty()
                && name.chars().count() <= NAME_MAX
                && !name.chars().any(char::is_control)
        };
        if !is_shown(&name) {
            return Err(DecodeError::Invalid("a network's name"));
        }
        let operators = from.list(|from| from.array().map(PeerId))?;
        let is_rising = operators.windows(2).all(|pair| pair[0] < pair[1]);
        if operators.is_empty() || operators.len() > OPERATORS_MAX || !is_rising {
            return Err(DecodeError::Invalid("a network's operators"));
        }
        Ok(Self {
            name,
            operators,
            members: MemberSet::decode(from)?,
            founded: Millis(from.u64()?),
            salt: from.array()?,
        })
    }
}

/// The key of a private network: whoever has it may connect. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct NetworkSecret(pub [u8; 32]);

impl fmt::Debug for NetworkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkSecret(…)")
    }
}

/// What brings a node into a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The network.
    pub genesis: Genesis,
    /// Where to begin: multiaddresses that end in `/p2p/PEER`.
    pub addresses: Vec<String>,
    /// The key of a private network.
    pub secret: Option<NetworkSecret>,
    /// What the operator has seen of the ledger: whoever joins believes no other past.
    pub anchor: Anchor,
    /// Not to be used from then on, by the joining node's clock.
    pub expires: Millis,
}

/// Reads addresses, within their bounds.
pub(crate) fn addresses(from: &mut Decoder<'_>) -> Result<Vec<String>, DecodeError> {
    let addresses = from.list(Decoder::text)?;
    let fits = |text: &String| !text.is_empty() && text.len() <= ADDRESS_LEN_MAX;
    if addresses.len() > ADDRESSES_MAX || !addresses.iter().all(fits) {
        return Err(DecodeError::Invalid("addresses"));
    }
    Ok(addresses)
}

impl Canonical for Invite {
    const DOMAIN: &'static str = "edgecoder/invite/1";

    fn encode(&self, to: &mut Encoder) {
        self.genesis.encode(to);
        to.list(&self.addresses, |to, text| {
            to.text(text);
        })
        .option(self.secret.as_ref(), |to, secret| {
            to.fixed(&secret.0);
        });
        self.anchor.encode(to);
        to.u64(self.expires.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let invite = Self {
            genesis: Genesis::decode(from)?,
            addresses: addresses(from)?,
            secret: from.option(|from| from.array().map(NetworkSecret))?,
            anchor: Anchor::decode(from)?,
            expires: Millis(from.u64()?),
        };
        match invite.anchor.chain == invite.genesis.id() {
            true => Ok(invite),
            false => Err(DecodeError::Invalid("an invite's anchor")),
        }
    }
}

/// Why a line does not bring anybody into a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Not an invite, or one of a newer version.
    #[error("this is not an invite: one begins with `{INVITE}`")]
    Form,
    /// Cut short or mistyped.
    #[error("the invite is damaged ({0}): copy the whole line again")]
    Damaged(String),
    /// Signed by nobody who may.
    #[error("the invite is not signed by an operator of its network ({0}): ask one for a new one")]
    Signature(String),
    /// Too old.
    #[error("the invite has expired: ask an operator of the network for a new one")]
    Expired,
}

/// An invite whose signature holds, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteLine {
    invite: Invite,
    line: String,
}

impl InviteLine {
    /// Signs `invite` with an operator's key.
    ///
    /// # Errors
    /// [`InviteError::Signature`] when the key is not one of the network's operators'.
    pub fn new(invite: Invite, operator: &NodeKey) -> Result<Self, InviteError> {
        Self::check(&Signed::new(invite, operator))
    }

    fn check(signed: &Signed<Invite>) -> Result<Self, InviteError> {
        let wrong = |error: SignedError| InviteError::Signature(error.to_string());
        let (invite, signer) = signed.open().map_err(wrong)?;
        if !invite.genesis.operators.contains(&signer) {
            return Err(InviteError::Signature(format!("{signer} is not one")));
        }
        let bytes = URL_SAFE_NO_PAD.encode(signed.to_bytes());
        Ok(Self {
            invite: invite.clone(),
            line: format!("{INVITE}{bytes}"),
        })
    }

    /// What it says, when it has not expired at `now`.
    ///
    /// # Errors
    /// [`InviteError::Expired`].
    pub fn open(&self, now: Millis) -> Result<&Invite, InviteError> {
        if now >= self.invite.expires {
            return Err(InviteError::Expired);
        }
        Ok(&self.invite)
    }
}

impl fmt::Display for InviteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl FromStr for InviteLine {
    type Err = InviteError;

    fn from_str(line: &str) -> Result<Self, InviteError> {
        let damaged = |why: &dyn fmt::Display| InviteError::Damaged(why.to_string());
        if line.len() > INVITE_LEN_MAX {
            return Err(damaged(&"it is too long"));
        }
        let text = line.trim().strip_prefix(INVITE).ok_or(InviteError::Form)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| damaged(&error))?;
        let signed = Signed::from_bytes(&bytes).map_err(|error| damaged(&error))?;
        Self::check(&signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> NodeKey {
        NodeKey::from_seed(&mut [byte; 32])
    }

    fn invite() -> Invite {
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![key(1).peer_id()],
            members: MemberSet::one(key(2).peer_id()),
            founded: Millis(5),
            salt: [6; 16],
        };
        Invite {
            anchor: Anchor::of_genesis(&genesis),
            genesis,
            addresses: vec!["/ip4/192.0.2.1/tcp/4001/p2p/x".into()],
            secret: Some(NetworkSecret([7; 32])),
            expires: Millis(100),
        }
    }

    #[test]
    fn an_invite_is_one_line_that_reads_back_until_it_expires() {
        let line = InviteLine::new(invite(), &key(1)).unwrap().to_string();
        assert!(!line.contains(char::is_whitespace), "{line}");
        let read: InviteLine = format!(" {line}\n").parse().unwrap();
        assert_eq!(read.open(Millis(99)), Ok(&invite()));
        assert_eq!(read.open(Millis(100)), Err(InviteError::Expired));
    }

    #[test]
    fn an_invite_to_one_network_that_begins_at_another_is_none() {
        let other = Genesis {
            salt: [7; 16],
            ..invite().genesis
        };
        let mixed = Invite {
            anchor: Anchor::of_genesis(&other),
            ..invite()
        };
        assert!(canonical::decode::<Invite>(&canonical::encode(&mixed)).is_err());
        assert!(canonical::decode::<Invite>(&canonical::encode(&invite())).is_ok());
    }

    #[test]
    fn only_an_operator_of_the_network_invites() {
        let forged = InviteLine::new(invite(), &key(2));
        assert!(matches!(forged, Err(InviteError::Signature(_))));
        // As a stranger would send it: well-formed, and signed by themselves.
        let signed = Signed::new(invite(), &key(2)).to_bytes();
        let line = format!("{INVITE}{}", URL_SAFE_NO_PAD.encode(signed));
        assert!(matches!(
            line.parse::<InviteLine>(),
            Err(InviteError::Signature(_))
        ));
    }

    #[test]
    fn a_damaged_line_says_what_to_do() {
        let line = InviteLine::new(invite(), &key(1)).unwrap().to_string();
        assert_eq!("hello".parse::<InviteLine>(), Err(InviteError::Form));
        assert_eq!(
            line.replace("invite-1", "invite-2").parse::<InviteLine>(),
            Err(InviteError::Form)
        );
        for cut in [line.len() - 1, line.len() / 2, INVITE.len()] {
            let read = line[..cut].parse::<InviteLine>();
            assert!(
                matches!(read, Err(InviteError::Damaged(_))),
                "{cut}: {read:?}"
            );
        }
        let long = format!("{line}{}", "A".repeat(INVITE_LEN_MAX));
        assert!(matches!(
            long.parse::<InviteLine>(),
            Err(InviteError::Damaged(_))
        ));
        let shown = format!("{:?}", invite());
        assert!(shown.contains("NetworkSecret(…)"), "{shown}");
    }

    #[test]
    fn a_genesis_with_nobody_or_with_operators_twice_is_none() {
        let genesis = invite().genesis;
        let with = |operators: Vec<PeerId>| {
            let changed = Genesis {
                operators,
                ..genesis.clone()
            };
            canonical::decode::<Genesis>(&canonical::encode(&changed))
        };
        let one = key(1).peer_id();
        assert!(with(vec![one]).is_ok());
        assert!(with(vec![]).is_err());
        assert!(with(vec![one, one]).is_err());
        assert!(with((0..=OPERATORS_MAX as u8).map(|n| PeerId([n; 32])).collect()).is_err());
        let nameless = Genesis {
            name: "\n".into(),
            ..genesis.clone()
        };
        assert!(canonical::decode::<Genesis>(&canonical::encode(&nameless)).is_err());
        assert_ne!(
            Genesis {
                salt: [0; 16],
                ..genesis.clone()
            }
            .id(),
            genesis.id()
        );
    }
}
