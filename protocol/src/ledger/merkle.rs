//! The log of entries as a Merkle tree of RFC 9162's shape (section 2.1) over blake3.
//!
//! A leaf is `blake3(0x00 ‖ entry)`, a node `blake3(0x01 ‖ left ‖ right)`, and the tree of no entries
//! `blake3("")`. Here is the running root; `proof` has what a node that trusts one root can be shown, and
//! `tiles` what has to be stored so that proofs can be made. What an entry means is not decided here.

use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::Hash,
};

mod proof;
mod tiles;

#[cfg(test)]
mod tests;

pub use proof::{Consistency, Inclusion, LogHash, PATH_MAX};
pub use tiles::{TILE, Tile, TileWriter, Tiles, consistency, inclusion, range_at};

/// The root of the log of no entries.
pub fn empty() -> Hash {
    Hash::of(&[])
}

/// The leaf of an entry's bytes.
pub fn leaf(entry: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[0x00]).update(entry);
    Hash(*hasher.finalize().as_bytes())
}

/// The parent of two nodes.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    // One slice, because blake3 is faster in one piece than incrementally.
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Hash::of(&bytes)
}

/// A log as a checkpoint states it. A root alone does not say how many entries it has: the same path can lead
/// to it from different indices in trees of different sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRoot {
    /// Number of entries.
    pub size: u64,
    /// Root of their tree.
    pub hash: Hash,
}

/// A growing log's root, from the roots of its perfect subtrees: one for each 1 in the binary form of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// From the left, which is from the largest.
    subtrees: Vec<Hash>,
}

/// Above what any log reaches, and low enough that a size read from elsewhere can still grow.
const SIZE_MAX: u64 = 1 << 62;

impl CompactRange {
    /// Appends a leaf: at most as many hashes as the size has binary digits, one on average.
    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        // Each trailing 1 of the size is a subtree as large as the one that comes to its right.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                subtree = node(&left, &subtree);
            }
        }
        self.subtrees.push(subtree);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Size and root of the log so far.
    pub fn root(&self) -> LogRoot {
        let mut right_to_left = self.subtrees.iter().rev();
        let hash = match right_to_left.next() {
            None => empty(),
            Some(last) => right_to_left.fold(*last, |right, left| node(left, &right)),
        };
        let size = self.size;
        LogRoot { size, hash }
    }
}

impl Extend<Hash> for CompactRange {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<Hash> for CompactRange {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut range = Self::default();
        range.extend(leaves);
        range
    }
}

impl Canonical for CompactRange {
    const DOMAIN: &'static str = "edgecoder/log-range/1";

    /// The size alone says how many subtrees follow.
    fn encode(&self, to: &mut Encoder) {
        to.u64(self.size);
        for subtree in &self.subtrees {
            to.fixed(&subtree.0);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let size = from.u64()?;
        if size > SIZE_MAX {
            return Err(DecodeError::Invalid("a log of a size that none has"));
        }
        let subtrees = (0..size.count_ones()).map(|_| from.hash());
        Ok(Self {
            size,
            subtrees: subtrees.collect::<Result<_, _>>()?,
        })
    }
}
