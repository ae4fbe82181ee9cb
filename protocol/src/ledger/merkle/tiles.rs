//! The log's tree in tiles of 256 hashes: what is stored of it, and how proofs are made from that.
//!
//! The leaves fill the tiles of level 0 from the left. The root of a full tile is a hash of the next level, whose
//! hashes fill tiles likewise. Every other node of the tree follows from one tile, so that a proof touches at most
//! two tiles of each level. The last tile of a level may be partial; a full tile never changes again. Where tiles
//! are kept is decided elsewhere.

use std::{collections::BTreeMap, mem};

use rs_merkle::MerkleTree;

use super::{CompactRange, Consistency, Inclusion, LogHash, PATH_MAX, SIZE_MAX};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::Hash,
};

/// Hashes of a full tile: 8 KiB, the largest value that a node's database is given.
pub const TILE: usize = 1 << TILE_BITS;
/// Levels of the tree that one tile spans.
const TILE_BITS: u8 = 8;
/// Levels of tiles above which no log of 64-bit size reaches.
const LEVELS: u8 = 8;

/// Where tiles are read.
pub trait Tiles {
    /// The hashes of a tile, as many as there are: those of later sizes may be among them. `None` when the store
    /// has no such tile.
    fn tile(&self, level: u8, index: u64) -> Option<Vec<Hash>>;
}

/// Tiles in memory, by level and index.
impl Tiles for BTreeMap<(u8, u64), Vec<Hash>> {
    fn tile(&self, level: u8, index: u64) -> Option<Vec<Hash>> {
        self.get(&(level, index)).cloned()
    }
}

/// A tile as it is to be stored, over whatever is stored of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// 0 for leaves.
    pub level: u8,
    /// Position in its level, from 0.
    pub index: u64,
    /// One to [`TILE`] hashes.
    pub hashes: Vec<Hash>,
}

/// The last tile of each level, into which a growing log's leaves go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileWriter {
    size: u64,
    /// By level; never full.
    edge: Vec<Vec<Hash>>,
    /// Whether the edge of a level, a bit each, has hashes that [`TileWriter::changed`] has not told of.
    grown: u8,
    filled: Vec<Tile>,
}

impl TileWriter {
    /// Goes on with a log of `size` leaves; `None` when a tile that it needs is missing or too short.
    pub fn resume(tiles: &impl Tiles, size: u64) -> Option<Self> {
        if size > SIZE_MAX {
            return None;
        }
        let levels = (0..LEVELS).take_while(|level| hashes_of(size, *level) > 0);
        let edge = levels.map(|level| {
            let (index, len) = place(hashes_of(size, level));
            read(tiles, level, index, len)
        });
        Some(Self {
            size,
            edge: edge.collect::<Option<_>>()?,
            ..Self::default()
        })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Full tiles pile up until [`TileWriter::changed`] takes them: take them once per block.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0..LEVELS {
            let at = usize::from(level);
            if self.edge.len() == at {
                self.edge.push(Vec::new());
            }
            self.edge[at].push(hash);
            self.grown |= 1 << level;
            if self.edge[at].len() < TILE {
                break;
            }
            let hashes = mem::take(&mut self.edge[at]);
            self.grown &= !(1 << level);
            hash = root_of(&hashes);
            // The leaf's own tile: counted before the leaf is.
            let index = place(hashes_of(self.size, level)).0;
            self.filled.push(Tile {
                level,
                index,
                hashes,
            });
        }
        self.size += 1;
    }

    /// The tiles that it goes on with.
    pub fn edge(&self) -> Vec<Tile> {
        let levels = (0..LEVELS)
            .zip(&self.edge)
            .filter(|(_, hashes)| !hashes.is_empty());
        let tile = |(level, hashes): (u8, &Vec<Hash>)| Tile {
            level,
            index: place(hashes_of(self.size, level)).0,
            hashes: hashes.clone(),
        };
        levels.map(tile).collect()
    }

    /// The running root.
    pub fn range(&self) -> Option<CompactRange> {
        range_at(self, self.size)
    }

    /// The tiles that changed since the last call: at most one partial tile of each level, and the filled ones.
    pub fn changed(&mut self) -> Vec<Tile> {
        let mut tiles = mem::take(&mut self.filled);
        let grown = mem::take(&mut self.grown);
        for (level, hashes) in (0..LEVELS).zip(&self.edge) {
            if grown >> level & 1 == 1 {
                tiles.push(Tile {
                    level,
                    index: place(hashes_of(self.size, level)).0,
                    hashes: hashes.clone(),
                });
            }
        }
        tiles
    }
}

/// Itself alone: all that the running root needs.
impl Tiles for TileWriter {
    fn tile(&self, level: u8, index: u64) -> Option<Vec<Hash>> {
        let is_edge = index == place(hashes_of(self.size, level)).0;
        self.edge
            .get(usize::from(level))
            .filter(|_| is_edge)
            .cloned()
    }
}

impl Canonical for TileWriter {
    const DOMAIN: &'static str = "edgecoder/log-edge/1";

    /// The size alone says how many hashes follow.
    fn encode(&self, to: &mut Encoder) {
        to.u64(self.size);
        for hash in self.edge.iter().flatten() {
            to.fixed(&hash.0);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let size = from.u64()?;
        if size > SIZE_MAX {
            return Err(DecodeError::Invalid("a log of a size that none has"));
        }
        let levels = (0..LEVELS).take_while(|level| hashes_of(size, *level) > 0);
        let edge = levels.map(|level| {
            let len = place(hashes_of(size, level)).1;
            (0..len).map(|_| from.hash()).collect()
        });
        Ok(Self {
            size,
            edge: edge.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }
}

/// The running root as it was at `size`; `None` when a tile that it needs is missing or too short, or when no log
/// has this size.
pub fn range_at(tiles: &impl Tiles, size: u64) -> Option<CompactRange> {
    if size > SIZE_MAX {
        return None;
    }
    range(tiles, 0, size)
}

/// Proves that the leaf at `index` is in the log of the first `size` leaves; `None` when it is not, or a tile that
/// the proof needs is missing or too short.
pub fn inclusion(tiles: &impl Tiles, index: u64, size: u64) -> Option<Inclusion> {
    if index >= size {
        return None;
    }
    let mut path = Vec::with_capacity(PATH_MAX);
    // The root of what has not filled a tile of the level below: it counts as the last hash of its level here,
    // though no tile has it.
    let mut partial: Option<Hash> = None;
    let mut at = index;
    for level in 0..LEVELS {
        let whole = hashes_of(size, level);
        let (last, len) = place(whole);
        let (own, slot) = place(at);
        let own_len = if own < last { TILE } else { len };
        let mut hashes = read(tiles, level, own, own_len)?;
        if own == last {
            hashes.extend(partial);
        }
        let tree = tree_of(&hashes);
        path.extend(tree.proof(&[slot]).proof_hashes().iter().copied().map(Hash));
        if last == 0 {
            break;
        }
        partial = if own == last {
            tree.root().map(Hash)
        } else {
            let mut hashes = read(tiles, level, last, len)?;
            hashes.extend(partial);
            (!hashes.is_empty()).then(|| root_of(&hashes))
        };
        at = own;
    }
    Some(Inclusion { index, size, path })
}

/// Proves that the log of the first `to` leaves begins with that of the first `from`; `None` when it is the shorter
/// one, or a tile that the proof needs is missing or too short.
pub fn consistency(tiles: &impl Tiles, from: u64, to: u64) -> Option<Consistency> {
    if from > to {
        return None;
    }
    let mut path = Vec::new();
    if from > 0 && from < to {
        // RFC 9162, section 2.1.4.1, from the root down: what the path needs of `all` leaves from `start`, of which
        // the older log has `old`.
        let (mut start, mut old, mut all) = (0, from, to);
        while old < all {
            let left = 1 << (all - 1).ilog2();
            if old <= left {
                path.push(range(tiles, start + left, all - left)?.root().hash);
                all = left;
            } else {
                path.push(range(tiles, start, left)?.root().hash);
                (start, old, all) = (start + left, old - left, all - left);
            }
        }
        // The older log's own root is known to who checks.
        if start > 0 {
            path.push(range(tiles, start, all)?.root().hash);
        }
        path.reverse();
    }
    Some(Consistency { from, to, path })
}

/// The perfect subtrees of `size` leaves from `start`, a multiple of the largest of them.
fn range(tiles: &impl Tiles, start: u64, size: u64) -> Option<CompactRange> {
    let mut subtrees = Vec::new();
    let mut at = start;
    for height in (0..TILE_BITS * LEVELS).rev() {
        if size >> height & 1 == 1 {
            subtrees.push(subtree(tiles, height, at >> height)?);
            at += 1 << height;
        }
    }
    Some(CompactRange { size, subtrees })
}

/// The root of the perfect subtree of `2^height` leaves that has `index` others of its size to its left.
fn subtree(tiles: &impl Tiles, height: u8, index: u64) -> Option<Hash> {
    let (level, within) = (height / TILE_BITS, height % TILE_BITS);
    let (tile, slot) = place(index << within);
    let hashes = read(tiles, level, tile, slot + (1 << within))?;
    Some(root_of(&hashes[slot..]))
}

/// The first `len` hashes of a tile.
fn read(tiles: &impl Tiles, level: u8, index: u64, len: usize) -> Option<Vec<Hash>> {
    if len == 0 {
        return Some(Vec::new());
    }
    let mut hashes = tiles.tile(level, index)?;
    hashes.truncate(len);
    (hashes.len() == len).then_some(hashes)
}

/// Hashes of `level` in the tiles of a log of `size` leaves.
fn hashes_of(size: u64, level: u8) -> u64 {
    size >> (level * TILE_BITS)
}

/// The tile of the hash at `index` of a level, and where it stands there.
fn place(index: u64) -> (u64, usize) {
    // Fits: below TILE.
    (index >> TILE_BITS, (index % TILE as u64) as usize)
}

fn root_of(hashes: &[Hash]) -> Hash {
    hashes.iter().copied().collect::<CompactRange>().root().hash
}

fn tree_of(hashes: &[Hash]) -> MerkleTree<LogHash> {
    let hashes: Vec<_> = hashes.iter().map(|hash| hash.0).collect();
    MerkleTree::from_leaves(&hashes)
}
