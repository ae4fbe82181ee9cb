//! Entries: one record each, signed by whoever says it. Neither forged nor said twice nor said late by a proposer.

use super::{
    decree::Approved,
    duty::{Duty, Probes, Suspicion},
};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    record::Owner,
    signed::Signed,
    units::{Credits, Millis},
};

/// How far ahead an entry may expire, in milliseconds: what was not included by then is signed anew.
pub const LIFE_MAX_MS: u64 = 24 * 3_600 * 1_000;
/// Members whose words one entry carries.
const WORDS_MAX: usize = super::members::MEMBERS_MAX;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The network.
    pub chain: NetworkId,
    /// How many entries its signer has had in the log before.
    pub nonce: u64,
    /// It counts in no block after this.
    pub expires: Millis,
    /// What it says.
    pub body: Body,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// What the network's operators decided.
    Decree(Approved),
    /// A vacant duty goes to the best candidate by these probes of members.
    Grant {
        /// Which.
        duty: Duty,
        /// Each member's own, at least a quorum's.
        probes: Vec<Signed<Probes>>,
    },
    /// The holder of a duty gives it back.
    Release {
        /// Which.
        duty: Duty,
        /// Of which grant.
        term: u64,
    },
    /// A duty whose holder is gone is vacant.
    Expire {
        /// Which.
        duty: Duty,
        /// Of which grant.
        term: u64,
        /// Members who have not reached the holder: at least one more than may lie.
        suspicions: Vec<Signed<Suspicion>>,
    },
    /// A worker asks to take part, where admission is open.
    Register {
        /// Whose it is.
        owner: Option<Owner>,
    },
    /// Its signer, who is no member, goes by another key from now on.
    Rotate {
        /// The new key.
        new: PeerId,
        /// The new key's signature of [`rotation`].
        signature: [u8; 64],
    },
    /// A coordinator has taken in a task.
    Accept(Fenced),
    /// A coordinator has lent an attempt of it.
    Assign {
        /// The task.
        task: Fenced,
        /// A salted commitment to the step, the attempt and its worker.
        what: Hash,
    },
    /// A task is over.
    End {
        /// The task.
        task: Fenced,
        /// A salted commitment to how.
        result: Hash,
    },
    /// Credits change hands.
    Transfer {
        /// To whom.
        to: PeerId,
        /// How many.
        amount: Credits,
    },
    /// A blacklisted peer objects.
    Appeal {
        /// What it says, by its hash.
        statement: Hash,
    },
}

/// A task as the log names it, with the term that gives its coordinator the right to speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// A salted commitment to the task.
    pub task: Hash,
    /// The shard.
    pub shard: u16,
    /// Of which grant.
    pub term: u64,
}

/// What a new key signs to take the place of `old`.
pub fn rotation(chain: NetworkId, old: PeerId, new: PeerId) -> Vec<u8> {
    let mut to = Encoder::default();
    to.text("edgecoder/rotation/1")
        .fixed(&chain.0)
        .fixed(&old.0)
        .fixed(&new.0);
    to.finish()
}

impl Fenced {
    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.task.0)
            .u32(u32::from(self.shard))
            .u64(self.term);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            task: from.hash()?,
            shard: from.u16()?,
            term: from.u64()?,
        })
    }
}

/// Words of members, each in its canonical bytes with who signed.
fn encode_words<T: Canonical>(to: &mut Encoder, words: &[Signed<T>]) {
    to.list(words, |to, word| {
        to.bytes(&word.to_bytes());
    });
}

fn decode_words<T: Canonical>(from: &mut Decoder<'_>) -> Result<Vec<Signed<T>>, DecodeError> {
    let words = from.list(|from| Signed::from_bytes(from.bytes()?))?;
    match words.len() <= WORDS_MAX {
        true => Ok(words),
        false => Err(DecodeError::Invalid("words of members")),
    }
}

impl Canonical for Entry {
    const DOMAIN: &'static str = "edgecoder/entry/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.chain.0).u64(self.nonce).u64(self.expires.0);
        self.body.encode(to);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: NetworkId(from.array()?),
            nonce: from.u64()?,
            expires: Millis(from.u64()?),
            body: Body::decode(from)?,
        })
    }
}

impl Body {
    fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Decree(approved) => approved.encode(to.u8(0)),
            Self::Grant { duty, probes } => {
                duty.encode(to.u8(1));
                encode_words(to, probes);
            }
            Self::Release { duty, term } => {
                duty.encode(to.u8(2));
                to.u64(*term);
            }
            Self::Expire {
                duty,
                term,
                suspicions,
            } => {
                duty.encode(to.u8(3));
                encode_words(to.u64(*term), suspicions);
            }
            Self::Register { owner } => {
                to.u8(4)
                    .option(owner.as_ref(), |to, owner| owner.encode(to));
            }
            Self::Rotate { new, signature } => {
                to.u8(5).fixed(&new.0).fixed(signature);
            }
            Self::Accept(task) => task.encode(to.u8(6)),
            Self::Assign { task, what } => {
                task.encode(to.u8(7));
                to.fixed(&what.0);
            }
            Self::End { task, result } => {
                task.encode(to.u8(8));
                to.fixed(&result.0);
            }
            Self::Transfer { to: payee, amount } => {
                to.u8(9).fixed(&payee.0).u64(amount.0);
            }
            Self::Appeal { statement } => {
                to.u8(10).fixed(&statement.0);
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(match from.u8()? {
            0 => Self::Decree(Approved::decode(from)?),
            1 => Self::Grant {
                duty: Duty::decode(from)?,
                probes: decode_words(from)?,
            },
            2 => Self::Release {
                duty: Duty::decode(from)?,
                term: from.u64()?,
            },
            3 => Self::Expire {
                duty: Duty::decode(from)?,
                term: from.u64()?,
                suspicions: decode_words(from)?,
            },
            4 => Self::Register {
                owner: from.option(Owner::decode)?,
            },
            5 => Self::Rotate {
                new: PeerId(from.array()?),
                signature: from.array()?,
            },
            6 => Self::Accept(Fenced::decode(from)?),
            7 => Self::Assign {
                task: Fenced::decode(from)?,
                what: from.hash()?,
            },
            8 => Self::End {
                task: Fenced::decode(from)?,
                result: from.hash()?,
            },
            9 => Self::Transfer {
                to: PeerId(from.array()?),
                amount: Credits(from.u64()?),
            },
            10 => Self::Appeal {
                statement: from.hash()?,
            },
            _ => return Err(DecodeError::Invalid("what an entry says")),
        })
    }
}
