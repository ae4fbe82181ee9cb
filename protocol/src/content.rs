//! Large contents: named by their plain blake3 hash, moved and checked in chunks of 1 MiB; `wire` has what peers
//! say to each other about them. Pure: nothing is read, sent or kept here.
//!
//! blake3 is a tree over leaves of 1 KiB, and each aligned MiB is a subtree of it. An [`Outline`] lists the
//! subtrees' chaining values, so that who trusts the hash can check the outline once and then each chunk as it
//! comes. The list alone does not prove the size: with the values of larger or smaller subtrees, or with another
//! length of the last chunk, the same hash comes out, honest chunks are found wrong and their senders blamed.
//! So an outline also carries the tree's right edge down to the last leaf (as Bao does for its length header):
//! a leaf's value contains its position and length, and a verified outline is the only one that there is.

use blake3::hazmat::{
    HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::{
    canonical::{DecodeError, Encoder},
    ids::Hash,
};

mod wire;

pub use wire::{ContentRequest, ContentResponse, REQUEST_MAX, RESPONSE_MAX};

/// Bytes of a chunk, the last one excepted: a power of two of leaves, so that each chunk is a subtree.
pub const CHUNK: usize = 1 << 20;
/// Bytes of the largest content: the largest models run on one node, and their outline is one MiB.
pub const CONTENT_MAX: u64 = 32 << 30;
/// Chunks of the largest content.
pub const CHUNKS_MAX: u32 = (CONTENT_MAX / CHUNK as u64) as u32;
/// Bytes of the largest encoded outline: size, chunks, ten values of the edge, one leaf.
pub const OUTLINE_MAX: usize = 8 + 32 * (CHUNKS_MAX as usize + 10) + LEAF;

/// Bytes of a leaf of blake3's tree.
const LEAF: usize = blake3::CHUNK_LEN;

/// What a subtree is worth in its parent.
type Value = [u8; 32];

/// Why bytes are not the outline of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutlineError {
    /// Above [`CONTENT_MAX`].
    #[error("a content of {size} bytes is too large: at most {CONTENT_MAX}")]
    TooLarge {
        /// The size, or what is claimed to be it.
        size: u64,
    },
    /// Not the layout of an outline of the size that it gives.
    #[error("not an outline: {0}")]
    Malformed(#[from] DecodeError),
    /// A well-formed outline, of something else.
    #[error("the outline does not belong to {hash}")]
    WrongHash {
        /// The hash that is trusted.
        hash: Hash,
    },
}

/// How a content of one size is divided. An empty content is one empty chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    size: u64,
}

impl Shape {
    /// The shape of a content of `size` bytes.
    ///
    /// # Errors
    /// [`OutlineError::TooLarge`].
    pub fn new(size: u64) -> Result<Self, OutlineError> {
        if size > CONTENT_MAX {
            return Err(OutlineError::TooLarge { size });
        }
        Ok(Self { size })
    }

    /// Bytes of the content.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Number of chunks: 1 to [`CHUNKS_MAX`].
    pub fn chunks(self) -> u32 {
        // Fits: the size is at most CONTENT_MAX.
        self.size.div_ceil(CHUNK as u64).max(1) as u32
    }

    /// Bytes of chunk `index`; `None` when there is no such chunk.
    pub fn chunk_len(self, index: u32) -> Option<usize> {
        let left = self.size.saturating_sub(offset_of(index));
        (index < self.chunks()).then(|| left.min(CHUNK as u64) as usize)
    }

    /// Where the last leaf begins, and its length.
    fn last_leaf(self) -> (u64, usize) {
        let offset = self.size.saturating_sub(1) / LEAF as u64 * LEAF as u64;
        (offset, (self.size - offset) as usize)
    }

    /// Subtrees of the last chunk that hang to the left of the way to the last leaf. Left ones are complete and
    /// as large as can be, so there is one for each bit of the number of leaves before the last.
    fn edge_len(self) -> usize {
        let leaf = self.last_leaf().0 / LEAF as u64;
        (leaf % (CHUNK / LEAF) as u64).count_ones() as usize
    }

    /// What chunk `index` is worth: in its parent, or, when it is the only one, as the content's hash.
    fn value_of(self, index: u32, bytes: &[u8]) -> Value {
        if self.chunks() == 1 {
            Hash::of(bytes).0
        } else {
            subtree(offset_of(index), bytes)
        }
    }
}

/// Where chunk `index` begins in its content.
pub fn offset_of(index: u32) -> u64 {
    u64::from(index) * CHUNK as u64
}

/// What lets each chunk of a content be checked by itself. Only [`Outline::verify`] says of which content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    shape: Shape,
    chunks: Vec<Value>,
    /// The last chunk's subtrees to the left of the way to its last leaf, the largest first.
    edge: Vec<Value>,
    leaf: Vec<u8>,
}

impl Outline {
    /// The outline of `bytes`.
    ///
    /// # Errors
    /// [`OutlineError::TooLarge`].
    pub fn of(bytes: &[u8]) -> Result<Self, OutlineError> {
        let shape = Shape::new(bytes.len() as u64)?;
        Self::build(shape, |index, chunk| {
            let begin = offset_of(index) as usize;
            chunk.copy_from_slice(&bytes[begin..begin + chunk.len()]);
            Ok(())
        })
    }

    /// The outline of a content of which `fill` writes one chunk after the other; one is held in memory.
    ///
    /// # Errors
    /// What `fill` fails with.
    pub fn build<E>(
        shape: Shape,
        mut fill: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut buffer = vec![0; shape.size.min(CHUNK as u64) as usize];
        let mut chunks = Vec::with_capacity(shape.chunks() as usize);
        for index in 0..shape.chunks() {
            buffer.truncate(shape.chunk_len(index).unwrap_or_default());
            fill(index, &mut buffer)?;
            chunks.push(shape.value_of(index, &buffer));
        }
        let (mut edge, mut rest) = (Vec::new(), &buffer[..]);
        let mut offset = offset_of(shape.chunks() - 1);
        while rest.len() > LEAF {
            let (left, right) = rest.split_at(left_subtree_len(rest.len() as u64) as usize);
            edge.push(subtree(offset, left));
            offset += left.len() as u64;
            rest = right;
        }
        let leaf = rest.to_vec();
        Ok(Self {
            shape,
            chunks,
            edge,
            leaf,
        })
    }

    /// How the content is divided. Proven once [`Outline::verify`] agrees.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The hash of the content that this was built from. Of an outline from outside it says nothing: ask
    /// [`Outline::verify`].
    pub fn hash(&self) -> Hash {
        Hash(match self.chunks.as_slice() {
            [only] => *only,
            several => root_of(several),
        })
    }

    /// Whether this is the outline of the content `hash`: then its size and every chunk's value are true.
    ///
    /// # Errors
    /// [`OutlineError::WrongHash`].
    pub fn verify(&self, hash: Hash) -> Result<(), OutlineError> {
        if self.chunks.last() != Some(&self.last_value()) || self.hash() != hash {
            return Err(OutlineError::WrongHash { hash });
        }
        Ok(())
    }

    /// Whether `bytes` are chunk `index`, length included. Says nothing before [`Outline::verify`] has agreed.
    pub fn chunk_matches(&self, index: u32, bytes: &[u8]) -> bool {
        self.shape.chunk_len(index) == Some(bytes.len())
            && self.chunks.get(index as usize) == Some(&self.shape.value_of(index, bytes))
    }

    /// The last chunk's value as its edge gives it.
    fn last_value(&self) -> Value {
        let whole = self.shape.chunks() == 1;
        let Some((largest, smaller)) = self.edge.split_first() else {
            return match whole {
                true => Hash::of(&self.leaf).0,
                false => subtree(self.shape.last_leaf().0, &self.leaf),
            };
        };
        let leaf = subtree(self.shape.last_leaf().0, &self.leaf);
        let right = smaller.iter().rev().fold(leaf, |right, left| {
            merge_subtrees_non_root(left, &right, Mode::Hash)
        });
        match whole {
            true => *merge_subtrees_root(largest, &right, Mode::Hash).as_bytes(),
            false => merge_subtrees_non_root(largest, &right, Mode::Hash),
        }
    }

    /// The size (8 bytes, little-endian), the chunks' values, the edge's, the last leaf; the size gives all
    /// lengths. At most [`OUTLINE_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u64(self.shape.size);
        for value in self.chunks.iter().chain(&self.edge) {
            to.fixed(value);
        }
        to.fixed(&self.leaf);
        to.finish()
    }

    /// Reads what [`Outline::encode`] writes; allocates no more than `bytes` has.
    ///
    /// # Errors
    /// [`OutlineError::TooLarge`], [`OutlineError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OutlineError> {
        let (size, bytes) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let shape = Shape::new(u64::from_le_bytes(*size))?;
        let mut rest = bytes;
        let mut take = |len: usize| {
            let (head, tail) = rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
            rest = tail;
            Ok::<_, DecodeError>(head)
        };
        let chunks = values(take(32 * shape.chunks() as usize)?);
        let edge = values(take(32 * shape.edge_len())?);
        let leaf = take(shape.last_leaf().1)?.to_vec();
        if !rest.is_empty() {
            return Err(DecodeError::Trailing.into());
        }
        Ok(Self {
            shape,
            chunks,
            edge,
            leaf,
        })
    }
}

fn values(bytes: &[u8]) -> Vec<Value> {
    bytes.as_chunks().0.to_vec()
}

/// The value of the subtree over `bytes` (never empty) that begins at `offset`.
fn subtree(offset: u64, bytes: &[u8]) -> Value {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes).finalize_non_root()
}

/// Two subtrees or more, cut as blake3 cuts: the left one complete and as large as can be.
fn halves(values: &[Value]) -> (&[Value], &[Value]) {
    values.split_at(values.len().div_ceil(2).next_power_of_two())
}

fn root_of(values: &[Value]) -> Value {
    let (left, right) = halves(values);
    *merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).as_bytes()
}

fn merged(values: &[Value]) -> Value {
    match values {
        [one] => *one,
        several => {
            let (left, right) = halves(several);
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = CHUNK;
    /// Around every border: nothing, leaf, chunk, two chunks; and edges of one and of many subtrees.
    const SIZES: [usize; 16] = [
        0,
        1,
        1023,
        1024,
        1025,
        3 * 1024,
        MIB / 2 + 1,
        MIB - 1,
        MIB,
        MIB + 1,
        2 * MIB - 1,
        2 * MIB,
        2 * MIB + 1025,
        7 * MIB / 2,
        5 * MIB,
        6 * MIB + 777,
    ];

    /// Bytes that follow from `seed`, which the failing assertion names.
    fn bytes_of(seed: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }

    fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
        match bytes {
            [] => vec![&[]],
            several => several.chunks(CHUNK).collect(),
        }
    }

    #[test]
    fn an_outline_of_any_size_is_of_its_content_and_its_chunks_match() {
        for size in SIZES {
            let bytes = bytes_of(size as u64, size);
            let outline = Outline::of(&bytes).unwrap();
            assert_eq!(outline.hash(), Hash::of(&bytes), "{size}");
            assert_eq!(outline.verify(outline.hash()), Ok(()), "{size}");
            assert_eq!(outline.shape().size(), size as u64);
            let pieces = pieces(&bytes);
            assert_eq!(pieces.len(), outline.shape().chunks() as usize, "{size}");
            for (index, piece) in (0..).zip(&pieces) {
                assert!(outline.chunk_matches(index, piece), "{size}: {index}");
            }
            assert!(!outline.chunk_matches(outline.shape().chunks(), b""));
            let encoded = outline.encode();
            assert!(encoded.len() <= OUTLINE_MAX, "{size}");
            assert_eq!(Outline::decode(&encoded), Ok(outline), "{size}");
        }
    }

    #[test]
    fn every_flipped_bit_of_an_outline_is_detected() {
        for size in SIZES {
            let bytes = bytes_of(1, size);
            let hash = Hash::of(&bytes);
            let mut encoded = Outline::of(&bytes).unwrap().encode();
            for bit in 0..encoded.len() * 8 {
                encoded[bit / 8] ^= 1 << (bit % 8);
                let found = Outline::decode(&encoded).and_then(|o| o.verify(hash));
                assert!(found.is_err(), "size {size}, bit {bit}");
                encoded[bit / 8] ^= 1 << (bit % 8);
            }
            for len in 0..encoded.len() {
                assert!(Outline::decode(&encoded[..len]).is_err(), "{size}: {len}");
            }
            encoded.push(0);
            assert!(Outline::decode(&encoded).is_err(), "{size}");
        }
    }

    #[test]
    fn a_flipped_bit_another_length_and_another_place_make_a_wrong_chunk() {
        for size in SIZES {
            let bytes = bytes_of(2, size);
            let outline = Outline::of(&bytes).unwrap();
            for (index, piece) in (0..).zip(pieces(&bytes)) {
                let mut piece = piece.to_vec();
                // Every bit of a small chunk; of a large one, bits that are far apart, and never the same.
                let bits = piece.len() * 8;
                for bit in (0..bits).step_by((bits / 100).max(1)) {
                    piece[bit / 8] ^= 1 << (bit % 8);
                    assert!(!outline.chunk_matches(index, &piece), "{size}: {bit}");
                    piece[bit / 8] ^= 1 << (bit % 8);
                }
                let others = (0..outline.shape().chunks()).filter(|other| *other != index);
                for other in others {
                    assert!(!outline.chunk_matches(other, &piece), "{size}: {other}");
                }
                piece.push(0);
                assert!(!outline.chunk_matches(index, &piece), "{size}: longer");
                piece.truncate(piece.len().saturating_sub(2));
                assert!(size == 0 || !outline.chunk_matches(index, &piece), "{size}");
            }
        }
    }

    #[test]
    fn the_outline_of_another_content_is_refused() {
        let mut all = Vec::new();
        for size in SIZES {
            all.push((size, bytes_of(3, size)));
            all.push((size, bytes_of(4, size)));
        }
        for (size, bytes) in &all {
            let outline = Outline::of(bytes).unwrap();
            for (other, theirs) in all.iter().filter(|(_, theirs)| theirs != bytes) {
                let hash = Hash::of(theirs);
                let refused = Err(OutlineError::WrongHash { hash });
                assert_eq!(outline.verify(hash), refused, "{size}, {other}");
            }
        }
    }

    /// The values of subtrees twice as large give the same hash: only the edge tells that the size is a lie.
    #[test]
    fn an_outline_with_the_right_hash_and_a_wrong_shape_is_refused() {
        let bytes = bytes_of(5, 4 * MIB);
        let outline = Outline::of(&bytes).unwrap();
        let parents: Vec<Value> = outline.chunks.chunks(2).map(merged).collect();
        assert_eq!(root_of(&parents), Hash::of(&bytes).0);
        let honest_edge = Outline {
            shape: Shape::new(2 * MIB as u64).unwrap(),
            chunks: parents.clone(),
            ..outline.clone()
        };
        // An edge as long as the truth's, so that the last value comes out.
        let longer_edge = Outline {
            edge: [&outline.chunks[2..3], &outline.edge].concat(),
            ..honest_edge.clone()
        };
        for lie in [honest_edge, longer_edge] {
            let told = Outline::decode(&lie.encode());
            assert!(told.and_then(|o| o.verify(Hash::of(&bytes))).is_err());
        }
    }

    #[test]
    fn a_size_above_the_limit_is_refused_before_anything_is_allocated() {
        assert_eq!(Shape::new(CONTENT_MAX).unwrap().chunks(), CHUNKS_MAX);
        for size in [CONTENT_MAX + 1, u64::MAX] {
            let refused = OutlineError::TooLarge { size };
            assert_eq!(Shape::new(size), Err(refused));
            assert_eq!(Outline::decode(&size.to_le_bytes()), Err(refused));
        }
        // A claim within the limit allocates no more than came.
        let claim = CONTENT_MAX.to_le_bytes();
        let truncated = Err(OutlineError::Malformed(DecodeError::Truncated));
        assert_eq!(Outline::decode(&claim), truncated);
    }

    /// Changing this means that nodes of two versions cannot give each other contents.
    #[test]
    fn the_layout_of_an_outline_is_fixed() {
        let small = Outline::of(b"edgecoder").unwrap().encode();
        let expected = [
            &9_u64.to_le_bytes()[..],
            &Hash::of(b"edgecoder").0,
            b"edgecoder",
        ];
        assert_eq!(small, expected.concat());
        let large = Outline::of(&vec![7; 2 * MIB + 1025]).unwrap().encode();
        assert_eq!(large.len(), 8 + 3 * 32 + 32 + 1);
        let pinned = "2869aff23bfb5f47174ef34d0226adc6b2c33c7424365082020adf60ea176dfc";
        assert_eq!(Hash::of(&large).to_string(), pinned);
    }
}
