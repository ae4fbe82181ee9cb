//! The log's tree against RFC 9162's definitions, and what is refused.

use std::collections::BTreeMap;

use rs_merkle::MerkleProof;

use super::*;
use crate::canonical;

mod rfc9162;

use rfc9162::{leads_to, mth, path, subproof};

/// Two full tiles of level 1, and the first hash of level 2's: every border is below it.
const LARGE: u64 = 2 * 65_536 + 257;
const BORDERS: [u64; 14] = [
    1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, 131_072, LARGE,
];

type Stored = BTreeMap<(u8, u64), Vec<Hash>>;

fn leaves(size: u64) -> Vec<Hash> {
    let leaf = |at: u64| {
        let leaf = leaf(&at.to_le_bytes());
        assert_eq!(leaf, rfc9162::leaf(&at.to_le_bytes()));
        leaf
    };
    (0..size).map(leaf).collect()
}

fn store(to: &mut Stored, tiles: Vec<Tile>) {
    to.extend(
        tiles
            .into_iter()
            .map(|tile| ((tile.level, tile.index), tile.hashes)),
    );
}

fn stored(leaves: &[Hash]) -> Stored {
    let (mut writer, mut tiles) = (TileWriter::default(), Stored::new());
    for leaf in leaves {
        writer.push(*leaf);
    }
    store(&mut tiles, writer.changed());
    tiles
}

fn root(leaves: &[Hash]) -> LogRoot {
    LogRoot {
        size: leaves.len() as u64,
        hash: mth(leaves),
    }
}

/// Numbers that follow from `seed`, which the failing assertion names.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[test]
fn roots_are_of_rfc_9162s_shape_at_every_size() {
    let all = leaves(LARGE);
    let (mut range, mut writer) = (CompactRange::default(), TileWriter::default());
    let mut tiles = Stored::new();
    for size in 0..=LARGE {
        let at = size as usize;
        if size <= 600 || BORDERS.contains(&size) {
            store(&mut tiles, writer.changed());
            assert_eq!(range.root(), root(&all[..at]), "size {size}");
            assert_eq!(range_at(&tiles, size).as_ref(), Some(&range), "size {size}");
            assert_eq!(TileWriter::resume(&tiles, size).as_ref(), Some(&writer));
            assert_eq!(range.size(), writer.size());
        }
        if size < LARGE {
            range.push(all[at]);
            writer.push(all[at]);
        }
    }
    for size in (0..=600).chain(BORDERS) {
        let earlier = range_at(&tiles, size).unwrap().root();
        assert_eq!(earlier, root(&all[..size as usize]), "earlier size {size}");
        let bytes = canonical::encode(&range_at(&tiles, size).unwrap());
        assert_eq!(
            canonical::decode::<CompactRange>(&bytes).unwrap().root(),
            earlier
        );
    }
}

#[test]
fn a_writer_tells_the_tiles_that_changed_and_no_others() {
    let told = |tiles: Vec<Tile>| -> Vec<(u8, u64, usize)> {
        let brief = |tile: Tile| (tile.level, tile.index, tile.hashes.len());
        tiles.into_iter().map(brief).collect()
    };
    let full = |first, end| (first..end).map(|index| (0, index, 256));
    let mut writer = TileWriter::default();
    for (size, expected) in [
        (0, vec![]),
        (1, vec![(0, 0, 1)]),
        (255, vec![(0, 0, 255)]),
        (256, vec![(0, 0, 256), (1, 0, 1)]),
        (256, vec![]),
        (258, vec![(0, 1, 2)]),
        (858, full(1, 3).chain([(0, 3, 90), (1, 0, 3)]).collect()),
        (
            65_535,
            full(3, 255).chain([(0, 255, 255), (1, 0, 255)]).collect(),
        ),
        (65_536, vec![(0, 255, 256), (1, 0, 256), (2, 0, 1)]),
        (65_537, vec![(0, 256, 1)]),
        (65_792, vec![(0, 256, 256), (1, 1, 1)]),
    ] {
        for _ in writer.size()..size {
            writer.push(LEAF);
        }
        assert_eq!(told(writer.changed()), expected, "to {size}");
    }
}

#[test]
fn inclusion_is_proved_as_rfc_9162_has_it_at_any_earlier_size() {
    let all = leaves(LARGE);
    let tiles = stored(&all);
    for size in (1..=600).chain(BORDERS) {
        let log = &all[..size as usize];
        let root = root(log);
        let every = [7, 64, 255, 256, 257, 513].contains(&size);
        let some = [
            0,
            1,
            size / 3,
            255,
            256,
            65_535,
            65_536,
            size.saturating_sub(2),
            size - 1,
        ];
        let indices = if every {
            (0..size).collect()
        } else {
            some.to_vec()
        };
        for index in indices.into_iter().filter(|index| *index < size) {
            let proof = inclusion(&tiles, index, size).unwrap();
            let leaf = log[index as usize];
            if size <= 600 {
                assert_eq!(proof.path, path(index as usize, log), "{index} of {size}");
            }
            assert_eq!(leads_to(&proof, leaf), Some(root.hash), "{index} of {size}");
            assert!(proof.verify(leaf, &root), "{index} of {size}");
            assert!(!proof.verify(log[0], &root) || index == 0);
        }
        assert_eq!(inclusion(&tiles, size, size), None);
    }
}

#[test]
fn consistency_is_proved_as_rfc_9162_has_it_for_any_two_sizes() {
    let all = leaves(LARGE);
    let tiles = stored(&all);
    for sizes in [(0..=200).collect::<Vec<u64>>(), BORDERS.to_vec()] {
        let roots = sizes.iter().map(|size| root(&all[..*size as usize]));
        let roots: Vec<LogRoot> = roots.collect();
        for (old, new) in roots.iter().flat_map(|a| roots.iter().map(move |b| (a, b))) {
            let (from, to) = (old.size, new.size);
            let Some(proof) = consistency(&tiles, from, to) else {
                assert!(from > to, "{from} to {to}");
                continue;
            };
            assert!(from <= to, "{from} to {to}");
            if (1..to).contains(&from) && to <= 600 {
                let reference = subproof(from as usize, &all[..to as usize], true);
                assert_eq!(proof.path, reference, "{from} to {to}");
            }
            assert!(proof.verify(old, new), "{from} to {to}");
            assert!(!proof.verify(&wrong(old), new), "{from} to {to}");
            // Every log begins with the empty one.
            let any = from == 0 && to > 0;
            assert_eq!(proof.verify(old, &wrong(new)), any, "{from} to {to}");
        }
    }
}

/// The same size with another root.
fn wrong(root: &LogRoot) -> LogRoot {
    let mut wrong = *root;
    wrong.hash.0[31] ^= 1;
    wrong
}

/// Every bit of the encoding flipped, and its path longer, shorter and in another order.
fn changed<T: Canonical>(proof: &T, with_path: impl Fn(Vec<Hash>) -> T, path: &[Hash]) -> Vec<T> {
    let bytes = canonical::encode(proof);
    let mut all: Vec<T> = (0..bytes.len() * 8)
        .filter_map(|bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            canonical::decode(&bytes).ok()
        })
        .collect();
    assert!(all.len() >= 128 + 256 * path.len(), "numbers and hashes");
    for at in 0..=path.len() {
        for hash in [Hash([0; 32]), path.first().copied().unwrap_or(LEAF)] {
            let mut longer = path.to_vec();
            longer.insert(at, hash);
            all.push(with_path(longer));
        }
    }
    for at in 0..path.len() {
        let mut shorter = path.to_vec();
        shorter.remove(at);
        all.push(with_path(shorter));
        if at > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(at - 1, at);
            all.push(with_path(swapped));
        }
    }
    all
}

const LEAF: Hash = Hash([7; 32]);

#[test]
fn a_changed_inclusion_proof_is_refused() {
    let all = leaves(600);
    let tiles = stored(&all);
    for (index, size) in [(0, 1), (0, 2), (1, 2), (2, 3), (6, 7), (5, 8), (300, 600)] {
        let root = root(&all[..size as usize]);
        let leaf = all[index as usize];
        let proof = inclusion(&tiles, index, size).unwrap();
        let bytes = canonical::encode(&proof);
        assert_eq!(canonical::decode(&bytes), Ok(proof.clone()));
        let with_path = |path| Inclusion {
            path,
            ..proof.clone()
        };
        for other in changed(&proof, with_path, &proof.path) {
            assert!(!other.verify(leaf, &root), "{other:?} for {proof:?}");
        }
        assert!(!proof.verify(leaf, &wrong(&root)));
        assert!(!proof.verify(super::leaf(b"another"), &root));
        // A node is not a leaf: the path from half way is none.
        if let [sibling, rest @ ..] = &proof.path[..] {
            let parent = [node(&leaf, sibling), node(sibling, &leaf)];
            let upper = Inclusion {
                index: index / 2,
                size,
                path: rest.to_vec(),
            };
            assert!(!parent.iter().any(|node| upper.verify(*node, &root)));
        }
    }
}

#[test]
fn a_proof_of_another_index_or_size_is_refused() {
    let all = leaves(40);
    let tiles = stored(&all);
    for size in 1..=40 {
        let root = root(&all[..size as usize]);
        for index in 0..size {
            let proof = inclusion(&tiles, index, size).unwrap();
            for (other_index, other_size) in (0..=41).flat_map(|a| (0..=41).map(move |b| (a, b))) {
                let other = Inclusion {
                    index: other_index,
                    size: other_size,
                    path: proof.path.clone(),
                };
                let holds = other.verify(all[index as usize], &root);
                assert_eq!(holds, other == proof, "{other:?} for {proof:?}");
            }
        }
    }
}

#[test]
fn a_changed_consistency_proof_is_refused() {
    let all = leaves(600);
    let tiles = stored(&all);
    for (from, to) in [
        (0, 3),
        (3, 3),
        (1, 2),
        (3, 4),
        (4, 7),
        (6, 8),
        (300, 600),
        (512, 513),
    ] {
        let (old, new) = (root(&all[..from as usize]), root(&all[..to as usize]));
        let proof = consistency(&tiles, from, to).unwrap();
        let bytes = canonical::encode(&proof);
        assert_eq!(canonical::decode(&bytes), Ok(proof.clone()));
        let with_path = |path| Consistency {
            path,
            ..proof.clone()
        };
        for other in changed(&proof, with_path, &proof.path) {
            assert!(!other.verify(&old, &new), "{other:?} for {proof:?}");
        }
        assert!(from == to || !proof.verify(&new, &old));
    }
}

#[test]
fn a_root_without_its_size_would_prove_wrong_indices() {
    let all = leaves(3);
    let proof = inclusion(&stored(&all), 2, 3).unwrap();
    let root = root(&all);
    let lie = Inclusion {
        index: 1,
        size: 2,
        path: proof.path,
    };
    assert!(!lie.verify(all[2], &root));
    // Which is why a root is trusted together with its size.
    let hash = root.hash;
    assert!(lie.verify(all[2], &LogRoot { size: 2, hash }));
}

#[test]
fn any_numbers_and_paths_are_judged_as_rfc_9162_judges_them() {
    let seed = 9162;
    let mut next = numbers(seed);
    let (mut held, mut refused) = (0, 0);
    for _ in 0..20_000 {
        // Of any magnitude, and often at a border.
        let mut number = || match next() % 4 {
            0 => next() >> (next() % 64),
            1 => (1u64 << (next() % 64)).wrapping_sub(next() % 2),
            2 => u64::MAX - next() % 3,
            _ => next() % 70,
        };
        let (index, size) = (number(), number());
        let likely = (index < size).then(|| (u64::MAX >> (size - 1).leading_zeros()).count_ones());
        let len = match next() % 3 {
            0 => likely.unwrap_or(0) as usize,
            1 => likely.unwrap_or(0).saturating_sub((next() % 8) as u32) as usize,
            _ => (next() % 67) as usize,
        };
        let path = (0..len).map(|at| leaf(&[at as u8])).collect();
        let proof = Inclusion { index, size, path };
        let reference = leads_to(&proof, LEAF);
        let hash = reference.unwrap_or(LEAF);
        let holds = proof.verify(LEAF, &LogRoot { size, hash });
        assert_eq!(holds, reference.is_some(), "seed {seed}: {proof:?}");
        held += usize::from(holds);
        refused += usize::from(!holds);
        let consistency = Consistency {
            from: index,
            to: size,
            path: proof.path,
        };
        let [old, new] = [index, size].map(|size| LogRoot { size, hash });
        // The one root that anything follows from is the same again.
        let same = index == size && consistency.path.is_empty();
        assert_eq!(consistency.verify(&old, &new), same, "seed {seed}");
    }
    assert!(held > 1_000 && refused > 1_000, "{held} {refused}");
}

#[test]
fn an_index_outside_the_log_is_refused_whatever_it_leads_to() {
    let mut led = 0;
    for (size, beyond, len) in
        (0..12u64).flat_map(|a| (0..12).flat_map(move |b| (0..8).map(move |c| (a, b, c))))
    {
        let path: Vec<Hash> = (0..len).map(|at| leaf(&[at])).collect();
        let index = size + beyond;
        let lax = MerkleProof::<LogHash>::new(path.iter().map(|hash| hash.0).collect());
        let Ok(hash) = lax.root(&[index as usize], &[LEAF.0], size as usize) else {
            continue;
        };
        let hash = Hash(hash);
        let proof = Inclusion { index, size, path };
        assert!(!proof.verify(LEAF, &LogRoot { size, hash }), "{proof:?}");
        led += 1;
    }
    // rs_merkle alone would have accepted these.
    assert!(led > 100, "{led}");
}

#[test]
fn a_consistency_path_that_goes_on_above_the_roots_is_refused() {
    let all = leaves(9);
    let tiles = stored(&all);
    for (from, to) in [(1, 2), (3, 4), (5, 8), (6, 9)] {
        let mut proof = consistency(&tiles, from, to).unwrap();
        proof.path.push(LEAF);
        let [old, new] = [from, to].map(|size| LogRoot {
            size,
            hash: node(&LEAF, &mth(&all[..size as usize])),
        });
        assert!(!proof.verify(&old, &new), "{proof:?}");
    }
}

/// A store that claims to have everything.
struct Full;

impl Tiles for Full {
    fn tile(&self, _: u8, _: u64) -> Option<Vec<Hash>> {
        Some(vec![LEAF; TILE])
    }
}

#[test]
fn a_store_that_lacks_a_tile_or_a_part_of_it_gives_no_proof() {
    let all = leaves(66_000);
    let whole = stored(&all);
    let made = |tiles: &Stored| {
        [
            inclusion(tiles, 300, 66_000).is_some(),
            consistency(tiles, 65_900, 66_000).is_some(),
            range_at(tiles, 66_000).is_some(),
            TileWriter::resume(tiles, 66_000).is_some(),
        ]
    };
    assert_eq!(made(&whole), [true; 4]);
    for (tile, expected) in [
        // The leaf's own tile, and the last one of each level.
        ((0, 1), [false, true, true, true]),
        ((0, 257), [false; 4]),
        ((1, 0), [false, true, true, true]),
        ((1, 1), [false; 4]),
        ((2, 0), [false; 4]),
    ] {
        let mut tiles = whole.clone();
        tiles.get_mut(&tile).unwrap().pop();
        assert_eq!(made(&tiles), expected, "{tile:?} is too short");
        tiles.remove(&tile);
        assert_eq!(made(&tiles), expected, "{tile:?} is missing");
    }
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 62) + 1] {
        assert_eq!(inclusion(&whole, size - 1, size), None);
        assert_eq!(consistency(&whole, 1, size), None);
        assert_eq!(range_at(&whole, size), None);
        assert_eq!(range_at(&Full, size), None);
        assert_eq!(TileWriter::resume(&Full, size), None);
        let path = |index| inclusion(&Full, index, size).unwrap().path.len();
        assert!(path(0) <= PATH_MAX && path(size - 1) <= PATH_MAX);
        assert!(consistency(&Full, size / 3, size).is_some());
    }
}

#[test]
fn what_is_read_is_bounded() {
    let path = |len: u8| (0..len).map(|at| leaf(&[at])).collect::<Vec<_>>();
    let proof = |len| Inclusion {
        index: 0,
        size: u64::MAX,
        path: path(len),
    };
    let read = |len| canonical::decode::<Inclusion>(&canonical::encode(&proof(len)));
    assert_eq!(read(64), Ok(proof(64)));
    let long = Err(DecodeError::Invalid("a path longer than any log's"));
    assert_eq!(read(65), long);
    let mut bytes = canonical::encode(&proof(0));
    let count = bytes.len() - 8;
    bytes[count..].fill(0xff);
    assert_eq!(
        canonical::decode::<Inclusion>(&bytes),
        Err(DecodeError::Truncated)
    );
    let mut range = canonical::encode(&CompactRange::default());
    let size = range.len() - 8;
    range[size..].fill(0xff);
    assert_eq!(
        canonical::decode::<CompactRange>(&range),
        Err(DecodeError::Invalid("a log of a size that none has"))
    );
    for (len, read) in [(SIZE_MAX, true), (SIZE_MAX + 1, false)] {
        let subtrees = vec![LEAF; len.count_ones() as usize];
        let size = len;
        let bytes = canonical::encode(&CompactRange { size, subtrees });
        assert_eq!(canonical::decode::<CompactRange>(&bytes).is_ok(), read);
    }
    range[size..].copy_from_slice(&7u64.to_le_bytes());
    range.extend([0; 64]);
    let short = canonical::decode::<CompactRange>(&range);
    assert_eq!(short, Err(DecodeError::Truncated));
}
