//! What a map has for one key, shown to somebody who trusts its root. The check is total: any value read from a
//! peer gives an answer.

use super::{EMPTY, branch, leaf, turns_right};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::Hash,
};

/// Branches that a way may have: a key hash has as many bits.
pub const SIBLINGS_MAX: usize = 256;

/// What is where a key's way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing, so the key is absent.
    Empty,
    /// The key's own leaf.
    Own,
    /// Another key's leaf, so the key is absent.
    Other {
        /// The other key's hash.
        key: Hash,
        /// Its value's hash.
        value: Hash,
    },
}

/// What the map of one root has for one key, or that it has nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the key's way leaves aside at each branch, from the root on.
    pub siblings: Vec<Hash>,
    /// Where it ends.
    pub end: End,
}

impl Proof {
    /// Whether the map of this root has for `key` a value of the hash `expected`, or none for `None`.
    ///
    /// The proof of one absent key also holds for others that are absent because their way ends at the same place.
    pub fn verify(&self, root: &Hash, key: &Hash, expected: Option<&Hash>) -> bool {
        let depth = self.siblings.len();
        if depth > SIBLINGS_MAX {
            return false;
        }
        let end = match (self.end, expected) {
            (End::Own, Some(value)) => leaf(key, value),
            (End::Empty, None) => EMPTY,
            (End::Other { key: other, value }, None) => {
                let same_way = (0..depth).all(|at| turns_right(&other, at) == turns_right(key, at));
                if other == *key || !same_way {
                    return false;
                }
                leaf(&other, &value)
            }
            (End::Own, None) | (End::Empty | End::Other { .. }, Some(_)) => return false,
        };
        let upwards = self.siblings.iter().enumerate().rev();
        let found = upwards.fold(end, |below, (at, sibling)| {
            if turns_right(key, at) {
                branch(sibling, &below)
            } else {
                branch(&below, sibling)
            }
        });
        found == *root
    }
}

/// Siblings are a count, a bit for each that is not empty (lowest first), and those that are not.
impl Canonical for Proof {
    const DOMAIN: &'static str = "edgecoder/state-proof/1";

    fn encode(&self, to: &mut Encoder) {
        // More than the bound are written as such, and refused when read.
        to.u32(u32::try_from(self.siblings.len()).unwrap_or(u32::MAX));
        for eight in self.siblings.chunks(8) {
            let bits = eight.iter().rev();
            to.u8(bits.fold(0, |bits, hash| bits << 1 | u8::from(*hash != EMPTY)));
        }
        for hash in self.siblings.iter().filter(|hash| **hash != EMPTY) {
            to.fixed(&hash.0);
        }
        match &self.end {
            End::Empty => to.u8(0),
            End::Own => to.u8(1),
            End::Other { key, value } => to.u8(2).fixed(&key.0).fixed(&value.0),
        };
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = from.u32()? as usize;
        if count > SIBLINGS_MAX {
            return Err(DecodeError::Invalid("more siblings than a key has bits"));
        }
        let bits = from.fixed(count.div_ceil(8))?;
        let siblings = (0..count).map(|at| {
            if bits[at / 8] >> (at % 8) & 1 == 1 {
                from.hash()
            } else {
                Ok(EMPTY)
            }
        });
        let siblings = siblings.collect::<Result<_, _>>()?;
        let end = match from.u8()? {
            0 => End::Empty,
            1 => End::Own,
            2 => End::Other {
                key: from.hash()?,
                value: from.hash()?,
            },
            _ => return Err(DecodeError::Invalid("end of a state proof")),
        };
        Ok(Self { siblings, end })
    }
}
