//! A ledger as lines of text, for whoever checks it with a program of their own; and that check.
//!
//! Each line is one JSON object, spelled as [`Display`](fmt::Display) here writes it: no spaces, fields in this order,
//! lower-case hexadecimal, peers as libp2p spells them. Another spelling is refused, as canonical bytes are, and so is
//! a line above [`LINE_MAX`].
//!
//! ```text
//! {"format":"edgecoder-ledger/1","genesis":HEX}
//! {"header":HEX,"round":NUMBER,"signatures":[[PEER,HEX],…],"entries":[HEX,…]}
//! …
//! ```
//!
//! `genesis` are the canonical bytes whose hash is the network's id. Then one line for each height from 1: the header's
//! canonical bytes; the round and the precommits of its certificate; and the entries, each as `Signed::to_bytes` has it.
//!
//! [`verify`] asks of each line in turn that it reads; that a quorum of the members after the last block signed it; what
//! [`Chain::check`] asks: network and version, height, parent, time, size, each entry's signature and then its effect,
//! members, log, state; and at the end that accounts have what was issued and not burned. A height's members change
//! before its first entry is applied, and its state's root is that after its last.
//!
//! No file is opened here.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    block::{Block, Certificate, Checkpoint, ENTRIES_BYTES_MAX, ENTRIES_MAX, Header},
    chain::{BadBlock, Chain},
    entry::Entry,
    members::MEMBERS_MAX,
    state::{State, Value},
};
use crate::{
    canonical::{self, DecodeError},
    hex::{hex, unhex},
    ids::{Hash, PeerId},
    network::Genesis,
    signed::Signed,
    units::Credits,
};

/// What the first line begins with.
const FORMAT: &str = "edgecoder-ledger/1";
/// Bytes of a line, without its end. The largest block's has room.
pub const LINE_MAX: usize = 1 << 20;
/// Room for a header and its field names, a signature with its peer, and what is around an entry.
const _: () =
    assert!(2 * ENTRIES_BYTES_MAX + 3 * ENTRIES_MAX + 256 * MEMBERS_MAX + 1_024 <= LINE_MAX);

/// Why a line is not one of an exported ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Too long.
    #[error("it is longer than a line may be")]
    Long,
    /// Not such an object.
    #[error("it is no such object: {0}")]
    Json(String),
    /// Of another format, or a newer version of this.
    #[error("its format is {0:?}, and not `{FORMAT}`")]
    Format(String),
    /// More than a block has.
    #[error("it has more signatures or entries than a block")]
    Count,
    /// Not hexadecimal digits in pairs.
    #[error("something in it is not hexadecimal digits of the right number")]
    Hex,
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Bytes(#[from] DecodeError),
    /// What it says can be spelled in one way, and is not.
    #[error("it is not spelled as it would be written")]
    Spelling,
}

/// What is wrong with an exported ledger, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("height {height}: {breach}")]
pub struct ExportError {
    /// The line's number, from 0 for the first: the height of a block that would belong there.
    pub height: u64,
    /// What is wrong.
    pub breach: Breach,
}

/// What is wrong with a line of an exported ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// There is no first line.
    #[error("there is nothing")]
    Empty,
    /// It does not read.
    #[error("the line does not read: {0}")]
    Line(#[from] LineError),
    /// Nobody decided it who may.
    #[error("no quorum of the members signed it")]
    Certificate,
    /// It does not follow the last block.
    #[error("the block cannot be the next: {0}")]
    Block(#[from] BadBlock),
    /// Credits came from nowhere, or went there.
    #[error("accounts have {held} credits, and {expected} were issued and not burned")]
    Credits {
        /// What they have.
        held: u128,
        /// What they would have to have.
        expected: u128,
    },
}

/// What a good ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Blocks.
    pub blocks: u64,
    /// Entries of all blocks.
    pub entries: u64,
    /// The state's root after the last.
    pub state: Hash,
    /// Credits that accounts have.
    pub supply: Credits,
}

/// The first line: how a network began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// What its id is the hash of.
    pub genesis: Genesis,
}

/// Any other line: a block with the quorum that decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The block.
    pub block: Block,
    /// Its certificate.
    pub certificate: Certificate,
}

/// [`Founding`] as JSON has it.
#[derive(Serialize, Deserialize)]
struct FoundingLine {
    format: String,
    genesis: String,
}

/// [`Decided`] as JSON has it.
#[derive(Serialize, Deserialize)]
struct DecidedLine {
    header: String,
    round: u32,
    signatures: Vec<(PeerId, String)>,
    entries: Vec<String>,
}

fn read_hex(text: &str) -> Result<Vec<u8>, LineError> {
    unhex(text).ok_or(LineError::Hex)
}

fn write(line: &impl Serialize, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    to.write_str(&serde_json::to_string(line).map_err(|_| fmt::Error)?)
}

/// Reads a line's object, and what it says by `value`; refuses one that would be written otherwise.
fn read<'a, L: Deserialize<'a>, T: fmt::Display>(
    line: &'a str,
    value: impl FnOnce(L) -> Result<T, LineError>,
) -> Result<T, LineError> {
    if line.len() > LINE_MAX {
        return Err(LineError::Long);
    }
    let object = serde_json::from_str(line).map_err(|error| LineError::Json(error.to_string()))?;
    let value = value(object)?;
    match value.to_string() == line {
        true => Ok(value),
        false => Err(LineError::Spelling),
    }
}

impl fmt::Display for Founding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = FoundingLine {
            format: FORMAT.to_owned(),
            genesis: hex(&canonical::encode(&self.genesis)),
        };
        write(&line, f)
    }
}

impl FromStr for Founding {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        read(line, |object: FoundingLine| {
            if object.format != FORMAT {
                return Err(LineError::Format(object.format.chars().take(80).collect()));
            }
            Ok(Self {
                genesis: canonical::decode(&read_hex(&object.genesis)?)?,
            })
        })
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signatures = self.certificate.signatures.iter();
        let line = DecidedLine {
            header: hex(&canonical::encode(&self.block.header)),
            round: self.certificate.round,
            signatures: signatures.map(|(by, one)| (*by, hex(one))).collect(),
            entries: (self.block.entries.iter().map(|one| hex(&one.to_bytes()))).collect(),
        };
        write(&line, f)
    }
}

impl FromStr for Decided {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        read(line, |object: DecidedLine| {
            let (signatures, entries) = (object.signatures, object.entries);
            if signatures.len() > MEMBERS_MAX || entries.len() > ENTRIES_MAX {
                return Err(LineError::Count);
            }
            let signature = |(by, text): (PeerId, String)| {
                let bytes = read_hex(&text)?.try_into().map_err(|_| LineError::Hex)?;
                Ok::<_, LineError>((by, bytes))
            };
            let entry = |text: String| Ok::<_, LineError>(Signed::from_bytes(&read_hex(&text)?)?);
            let header: Header = canonical::decode(&read_hex(&object.header)?)?;
            let entries: Vec<Signed<Entry>> =
                entries.into_iter().map(entry).collect::<Result<_, _>>()?;
            Ok(Self {
                block: Block { header, entries },
                certificate: Certificate {
                    round: object.round,
                    signatures: (signatures.into_iter().map(signature))
                        .collect::<Result<_, _>>()?,
                },
            })
        })
    }
}

/// Checks all lines of an exported ledger, without their ends.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Summary, ExportError> {
    let mut lines = lines.into_iter();
    let first = lines.next().ok_or(Breach::Empty);
    let founding = first.and_then(|line| Ok(line.parse::<Founding>()?));
    let founding = founding.map_err(|breach| ExportError { height: 0, breach })?;
    let mut chain = Chain::new(&founding.genesis);
    for line in lines {
        follow(&mut chain, line).map_err(|breach| ExportError {
            height: chain.height() + 1,
            breach,
        })?;
    }
    // At the end and not at each height: only `apply` moves credits, and a sum for each block would make a long
    // ledger's check quadratic.
    let supply = supply(chain.state()).map_err(|breach| ExportError {
        height: chain.height(),
        breach,
    })?;
    Ok(Summary {
        blocks: chain.height(),
        entries: chain.size(),
        state: chain.state().root(),
        supply,
    })
}

fn follow(chain: &mut Chain, line: &str) -> Result<(), Breach> {
    let Decided { block, certificate } = line.parse()?;
    let checkpoint = Checkpoint {
        header: block.header.clone(),
        certificate,
    };
    let is_decided = chain
        .deciders()
        .is_some_and(|members| checkpoint.is_decided_by(members));
    if !is_decided {
        return Err(Breach::Certificate);
    }
    let executed = chain.check(Arc::new(block), |_| false)?;
    Ok(chain.commit(&executed)?)
}

/// What accounts have, when it is what was issued and not burned.
fn supply(state: &State) -> Result<Credits, Breach> {
    let balances = state.values().map(|value| match value {
        Value::Account(account) => u128::from(account.balance.0),
        Value::Network(_)
        | Value::Council(_)
        | Value::Supply(_)
        | Value::Peer(_)
        | Value::Listing(_)
        | Value::Duty(_)
        | Value::Task(_)
        | Value::Policy(_) => 0,
    });
    let held: u128 = balances.sum();
    let supply = state.supply().copied().unwrap_or_default();
    let expected = u128::from(supply.issued.saturating_sub(supply.burned).0);
    match u64::try_from(held) {
        Ok(credits) if held == expected => Ok(Credits(credits)),
        Ok(_) | Err(_) => Err(Breach::Credits { held, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::members::MemberSet,
        ledger::state::{Account, Key, Supply},
        units::Millis,
    };

    #[test]
    fn credits_that_were_not_issued_or_are_gone_are_noticed() {
        let (one, other) = (PeerId([1; 32]), PeerId([2; 32]));
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![one],
            members: MemberSet::one(one),
            founded: Millis(0),
            salt: [0; 16],
        };
        let mut state = State::new(&genesis);
        let account = |credits| {
            Value::Account(Account {
                balance: Credits(credits),
                ..Account::default()
            })
        };
        let issued = Supply {
            issued: Credits(u64::MAX),
            burned: Credits(3),
        };
        assert_eq!(supply(&state), Ok(Credits(0)));
        state.put(&Key::Supply, Value::Supply(issued));
        state.put(&Key::Account(one), account(u64::MAX - 4));
        let breach = |held| Breach::Credits {
            held,
            expected: u128::from(u64::MAX - 3),
        };
        assert_eq!(supply(&state), Err(breach(u128::from(u64::MAX) - 4)));
        state.put(&Key::Account(other), account(1));
        assert_eq!(supply(&state), Ok(Credits(u64::MAX - 3)));
        state.put(&Key::Account(other), account(9));
        assert_eq!(supply(&state), Err(breach(u128::from(u64::MAX) + 5)));
    }
}
