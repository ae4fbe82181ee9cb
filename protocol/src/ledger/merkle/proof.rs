//! Proofs about a log to somebody who trusts its root, and their check. How they are made is in `tiles`.
//!
//! A check is total: any value read from a peer gives an answer, in time and memory bounded by [`PATH_MAX`].

use rs_merkle::{Hasher, MerkleProof};

use super::{LogRoot, empty, node};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::Hash,
};

/// Hashes that a proof may have: a log's size has 64 binary digits.
pub const PATH_MAX: usize = 64;

/// The log's hashes as `rs_merkle` asks for them.
#[derive(Clone, Copy, Debug)]
pub struct LogHash;

impl Hasher for LogHash {
    type Hash = [u8; 32];

    fn hash(entry: &[u8]) -> [u8; 32] {
        super::leaf(entry).0
    }

    /// A node without a right sibling is its own parent, which gives RFC 9162's shape.
    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| node(&Hash(*left), &Hash(*right)).0)
    }
}

/// That a leaf stands at an index of a log (RFC 9162, section 2.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Where the leaf stands, from 0.
    pub index: u64,
    /// The log's size.
    pub size: u64,
    /// The siblings on the way from the leaf to the root.
    pub path: Vec<Hash>,
}

impl Inclusion {
    /// Whether `leaf` stands at this index of the log with this root.
    pub fn verify(&self, leaf: Hash, root: &LogRoot) -> bool {
        // rs_merkle checks neither the index nor that all hashes were used, so both are checked before.
        let fits = self.size == root.size
            && self.index < self.size
            && self.path.len() == path_len(self.index, self.size);
        let (Ok(index), Ok(size)) = (usize::try_from(self.index), usize::try_from(self.size))
        else {
            return false;
        };
        fits && MerkleProof::<LogHash>::new(self.path.iter().map(|hash| hash.0).collect()).verify(
            root.hash.0,
            &[index],
            &[leaf.0],
            size,
        )
    }
}

/// Siblings that a leaf has on its way to the root; `index < size`.
fn path_len(index: u64, size: u64) -> usize {
    // Up to where the leaf's way joins that of the last leaf, each level has a sibling; above, only those to
    // the left: where the way turns right.
    let joined = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let above = index.checked_shr(joined).unwrap_or(0);
    (joined + above.count_ones()) as usize
}

impl Canonical for Inclusion {
    const DOMAIN: &'static str = "edgecoder/log-inclusion/1";

    fn encode(&self, to: &mut Encoder) {
        to.u64(self.index).u64(self.size);
        encode_path(&self.path, to);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            index: from.u64()?,
            size: from.u64()?,
            path: decode_path(from)?,
        })
    }
}

/// That one log begins with all of another (RFC 9162, section 2.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Size of the older log.
    pub from: u64,
    /// Size of the newer log.
    pub to: u64,
    /// The subtrees from which both roots follow.
    pub path: Vec<Hash>,
}

impl Consistency {
    /// Whether the log of the root `new` begins with all of the log of the root `old`.
    pub fn verify(&self, old: &LogRoot, new: &LogRoot) -> bool {
        if (self.from, self.to) != (old.size, new.size) {
            return false;
        }
        if old.size == 0 || old.size == new.size {
            let holds = if old.size == new.size {
                old == new
            } else {
                old.hash == empty()
            };
            return holds && self.path.is_empty();
        }
        self.from < self.to && self.leads_to(old.hash, new.hash)
    }

    /// The algorithm of RFC 9162, section 2.1.4.2, for `0 < from < to`.
    fn leads_to(&self, old: Hash, new: Hash) -> bool {
        let mut path = self.path.iter();
        // An old log that is one perfect subtree is where both ways begin, and is not repeated.
        let first = if self.from.is_power_of_two() {
            Some(&old)
        } else {
            path.next()
        };
        let Some(&first) = first else {
            return false;
        };
        let same = (self.from - 1).trailing_ones();
        let (mut left, mut last) = ((self.from - 1) >> same, (self.to - 1) >> same);
        let (mut old_way, mut new_way) = (first, first);
        for sibling in path {
            if last == 0 {
                return false;
            }
            if left & 1 == 1 || left == last {
                old_way = node(sibling, &old_way);
                new_way = node(sibling, &new_way);
                if left & 1 == 0 && left != 0 {
                    // Nothing is to the left before the next 1.
                    let skipped = left.trailing_zeros();
                    left >>= skipped;
                    last >>= skipped;
                }
            } else {
                new_way = node(&new_way, sibling);
            }
            left >>= 1;
            last >>= 1;
        }
        last == 0 && old_way == old && new_way == new
    }
}

impl Canonical for Consistency {
    const DOMAIN: &'static str = "edgecoder/log-consistency/1";

    fn encode(&self, to: &mut Encoder) {
        to.u64(self.from).u64(self.to);
        encode_path(&self.path, to);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            from: from.u64()?,
            to: from.u64()?,
            path: decode_path(from)?,
        })
    }
}

fn encode_path(path: &[Hash], to: &mut Encoder) {
    to.list(path, |to, hash| {
        to.fixed(&hash.0);
    });
}

fn decode_path(from: &mut Decoder<'_>) -> Result<Vec<Hash>, DecodeError> {
    let path = from.list(Decoder::hash)?;
    if path.len() > PATH_MAX {
        return Err(DecodeError::Invalid("a path longer than any log's"));
    }
    Ok(path)
}
