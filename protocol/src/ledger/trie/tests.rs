//! The map against a plain one and the definition of its root; what proofs show, and what is refused.

use std::collections::BTreeMap;

use super::*;
use crate::canonical::{DecodeError, Decoder, Encoder};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Balance(u64);

impl Canonical for Balance {
    const DOMAIN: &'static str = "edgecoder/test-balance/1";

    fn encode(&self, to: &mut Encoder) {
        to.u64(self.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        from.u64().map(Self)
    }
}

type Model = BTreeMap<Hash, Balance>;

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

/// One of some 200 keys: hashes, and such as share all but one of their bits with the first.
fn key(number: u64) -> Hash {
    let mut key = Hash::of(&(number % 128).to_le_bytes());
    if number.is_multiple_of(3) {
        key = Hash::of(&0u64.to_le_bytes());
        let bit = (number / 3 % 64 * 4 + 3) as usize;
        key.0[bit / 8] ^= 0x80 >> (bit % 8);
    }
    key
}

/// The root as it is defined: of `items` in order, at `depth`.
fn defined(items: &[(Hash, Balance)], depth: usize) -> Hash {
    match items {
        [] => Hash([0; 32]),
        [(key, value)] => {
            let pair = [key.0, canonical::hash(value).0].concat();
            Hash(*blake3::keyed_hash(b"edgecoder/ledger/state/leaf/0001", &pair).as_bytes())
        }
        _ => {
            let right = |key: &Hash| key.0[depth / 8] & (0x80 >> (depth % 8)) != 0;
            let (left, right) = items.split_at(items.partition_point(|(key, _)| !right(key)));
            let pair = [defined(left, depth + 1).0, defined(right, depth + 1).0].concat();
            Hash(*blake3::keyed_hash(b"edgecoder/ledger/state/branch/01", &pair).as_bytes())
        }
    }
}

fn items(model: &Model) -> Vec<(Hash, Balance)> {
    model.clone().into_iter().collect()
}

fn trie_of(items: impl IntoIterator<Item = (Hash, Balance)>) -> Trie<Balance> {
    let mut trie = Trie::default();
    for (key, value) in items {
        trie.insert(key, value);
    }
    trie
}

/// Some of each kind of key.
fn sample(seed: u64, len: usize) -> Model {
    let mut next = numbers(seed);
    let mut model = Model::new();
    while model.len() < len {
        model.insert(key(next()), Balance(next()));
    }
    model
}

#[test]
fn a_trie_is_a_map_whose_root_is_as_defined_after_any_writes() {
    for seed in 0..8 {
        let mut next = numbers(seed);
        let (mut trie, mut model) = (Trie::default(), Model::new());
        // Grows, then shrinks to nothing.
        for step in 0..1_200 {
            let (key, value) = (key(next()), Balance(next() % 5));
            if next() % 10 < if step < 500 { 8 } else { 2 } {
                let new = model.insert(key, value.clone()).is_none();
                assert_eq!(trie.insert(key, value), new, "seed {seed} step {step}");
            } else {
                let found = model.remove(&key).is_some();
                assert_eq!(trie.remove(&key), found, "seed {seed} step {step}");
            }
            assert_eq!(trie.len(), model.len(), "seed {seed} step {step}");
            assert_eq!(trie.get(&key), model.get(&key), "seed {seed} step {step}");
            // Not at every step, so that several writes meet between two roots.
            if next().is_multiple_of(3) {
                let defined = defined(&items(&model), 0);
                assert_eq!(trie.root(), defined, "seed {seed} step {step}");
                assert!(trie.iter().eq(&model), "seed {seed} step {step}");
            }
        }
        for key in model.keys() {
            assert!(trie.remove(key), "seed {seed}");
        }
        assert!(trie.is_empty());
        assert_eq!(trie.root(), EMPTY);
        assert_eq!(trie.iter().count(), 0);
    }
}

#[test]
fn the_same_content_has_the_same_root_however_it_came_about() {
    let model = sample(1, 150);
    let forwards = trie_of(model.clone());
    let backwards = trie_of(model.clone().into_iter().rev());
    assert_eq!(forwards, backwards);
    let mut detour = trie_of(sample(2, 150));
    for (key, value) in &model {
        detour.insert(*key, Balance(value.0 ^ 1));
        detour.root();
        detour.insert(*key, value.clone());
    }
    for key in sample(2, 150).keys().filter(|key| !model.contains_key(key)) {
        detour.remove(key);
    }
    assert_eq!(detour, forwards);
    assert_eq!(detour.len(), forwards.len());
    detour.insert(key(1), Balance(0));
    assert_ne!(detour, forwards);
}

#[test]
fn a_copy_and_its_origin_do_not_see_each_others_writes() {
    let model = sample(3, 100);
    let origin = trie_of(model.clone());
    let root = origin.root();
    let mut copy = origin.clone();
    let mut changed = model.clone();
    let mut next = numbers(3);
    for _ in 0..300 {
        let (key, value) = (key(next()), Balance(next()));
        if next().is_multiple_of(2) {
            copy.insert(key, value.clone());
            changed.insert(key, value);
        } else {
            copy.remove(&key);
            changed.remove(&key);
        }
        assert_eq!(origin.root(), root);
    }
    assert!(origin.iter().eq(&model));
    assert_eq!(defined(&items(&model), 0), root);
    assert!(copy.iter().eq(&changed));
    assert_eq!(copy.root(), defined(&items(&changed), 0));
    drop(origin);
    assert_eq!(copy.len(), changed.len());
    assert!(copy.iter().eq(&changed));
}

#[test]
fn a_proof_shows_what_is_there_and_what_is_not() {
    let model = sample(4, 120);
    for model in [
        model.clone(),
        model.into_iter().take(1).collect(),
        Model::new(),
    ] {
        let trie = trie_of(model.clone());
        let root = trie.root();
        for key in (0..400).map(key) {
            let proof = trie.prove(&key);
            let held = trie.get(&key).map(canonical::hash);
            assert!(proof.verify(&root, &key, held.as_ref()), "{proof:?}");
            let others = [None, Some(Hash::of(b"other")), Some(EMPTY)];
            for other in others.iter().filter(|other| **other != held) {
                assert!(!proof.verify(&root, &key, other.as_ref()), "{proof:?}");
            }
            let stale = Hash::of(b"another root");
            assert!(!proof.verify(&stale, &key, held.as_ref()));
            let bytes = canonical::encode(&proof);
            assert_eq!(canonical::decode(&bytes), Ok(proof));
        }
    }
}

#[test]
fn a_proof_never_shows_of_another_key_what_is_not_so() {
    let trie = trie_of(sample(5, 100));
    let root = trie.root();
    let mut shared = 0;
    for (of, other) in (0..120).flat_map(|a| (0..120).map(move |b| (key(a), key(b)))) {
        if of == other {
            continue;
        }
        let proof = trie.prove(&of);
        let held = [&of, &other].map(|key| trie.get(key).map(canonical::hash));
        for value in held.iter().flatten() {
            assert!(!proof.verify(&root, &other, Some(value)), "{of} {other}");
        }
        if proof.verify(&root, &other, None) {
            assert_eq!(held, [None, None], "{of} {other}");
            shared += 1;
        }
    }
    // Two absent keys whose ways end at the same place.
    assert!(shared > 0);
}

#[test]
fn a_changed_proof_is_refused() {
    let trie = trie_of(sample(6, 60));
    let root = trie.root();
    let (mut ends, mut seen) = ([0; 3], 0);
    for key in (0..60).map(key) {
        let proof = trie.prove(&key);
        let held = trie.get(&key).map(canonical::hash);
        ends[match proof.end {
            End::Empty => 0,
            End::Own => 1,
            End::Other { .. } => 2,
        }] += 1;
        let mut all = Vec::new();
        let bytes = canonical::encode(&proof);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            all.extend(canonical::decode::<Proof>(&bytes));
        }
        for at in 0..proof.siblings.len() {
            let mut shorter = proof.clone();
            shorter.siblings.remove(at);
            all.push(shorter);
        }
        for at in 0..=proof.siblings.len() {
            for hash in [EMPTY, Hash::of(b"x")] {
                let mut longer = proof.clone();
                longer.siblings.insert(at, hash);
                all.push(longer);
            }
        }
        for end in [End::Empty, End::Own] {
            all.push(Proof {
                end,
                ..proof.clone()
            });
        }
        // One of the ends may be the proof's own.
        for other in all.iter().filter(|other| **other != proof) {
            seen += 1;
            for value in [None, held.as_ref()] {
                assert!(!other.verify(&root, &key, value), "{other:?} for {proof:?}");
            }
        }
    }
    assert!(ends.iter().all(|count| *count > 0), "{ends:?}");
    assert!(seen > 10_000, "{seen}");
}

#[test]
fn hostile_proofs_are_refused() {
    let (own, value) = (key(1), canonical::hash(&Balance(1)));
    let all = [(own, Balance(1)), (key(2), Balance(2))];
    let trie = trie_of(all);
    let root = trie.root();
    let proof = |len: usize, end| Proof {
        siblings: vec![Hash::of(b"s"); len],
        end,
    };
    let other = |key| End::Other { key, value };
    let near = {
        let mut near = own;
        near.0[31] ^= 1;
        near
    };
    // The roots that the proofs do lead to are accepted where the proof is possible, so that what is refused is
    // refused for its own sake.
    let leads_to = |proof: &Proof, end: Hash| {
        let ways = proof.siblings.iter().enumerate().rev();
        ways.fold(end, |below, (at, sibling)| match turns_right(&own, at) {
            true => branch(sibling, &below),
            false => branch(&below, sibling),
        })
    };
    for (what, proof, expected, holds) in [
        ("as deep as can be", proof(256, End::Own), Some(value), true),
        ("too deep", proof(257, End::Own), Some(value), false),
        ("far too deep", proof(300, End::Own), Some(value), false),
        ("far too deep, nothing", proof(300, End::Empty), None, false),
        ("no branch", proof(0, End::Own), Some(value), true),
        ("no branch, another", proof(0, other(key(2))), None, true),
        (
            "the key's own leaf as another's",
            proof(5, other(own)),
            None,
            false,
        ),
        (
            "another on the same way",
            proof(255, other(near)),
            None,
            true,
        ),
        (
            "another that had parted",
            proof(256, other(near)),
            None,
            false,
        ),
        (
            "presence of nothing",
            proof(5, End::Empty),
            Some(EMPTY),
            false,
        ),
        ("absence by its own leaf", proof(5, End::Own), None, false),
    ] {
        let end = match proof.end {
            End::Empty => EMPTY,
            End::Own => leaf(&own, &value),
            End::Other { key, value } => leaf(&key, &value),
        };
        let led = leads_to(&proof, end);
        assert_eq!(proof.verify(&led, &own, expected.as_ref()), holds, "{what}");
        assert!(!proof.verify(&root, &own, expected.as_ref()), "{what}");
        let read = canonical::decode::<Proof>(&canonical::encode(&proof));
        assert_eq!(read.is_ok(), proof.siblings.len() <= SIBLINGS_MAX, "{what}");
    }
}

#[test]
fn a_proof_has_one_encoding_and_a_bound() {
    let mut siblings = vec![EMPTY; 9];
    siblings[8] = Hash([1; 32]);
    let end = End::Empty;
    let proof = Proof { siblings, end };
    let bytes = canonical::encode(&proof);
    let fields = 8 + Proof::DOMAIN.len();
    assert_eq!(bytes.len(), fields + 4 + 2 + 32 + 1);
    assert_eq!(canonical::decode(&bytes), Ok(proof));
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[fields + at] = byte;
        canonical::decode::<Proof>(&bytes)
    };
    let not_canonical = Err(DecodeError::Invalid("not canonical"));
    assert_eq!(with(5, 0b11), not_canonical, "a bit beyond the last");
    let mut zero = bytes.clone();
    zero[fields + 6..fields + 38].fill(0);
    assert_eq!(canonical::decode::<Proof>(&zero), not_canonical, "listed");
    let end = Err(DecodeError::Invalid("end of a state proof"));
    assert_eq!(with(38, 3), end);
    let many = Err(DecodeError::Invalid("more siblings than a key has bits"));
    assert_eq!(with(2, 0xff), many);
}

#[test]
fn a_proof_among_many_accounts_is_small() {
    let many = (0..10_000u64).map(|n| (Hash::of(&n.to_le_bytes()), Balance(n)));
    let trie = trie_of(many);
    let largest = (0..200u64)
        .map(|n| canonical::encode(&trie.prove(&Hash::of(&n.to_le_bytes()))).len())
        .max();
    // Some 14 branches of 32 bytes, and a few more where keys meet.
    assert!(largest.unwrap() < 1_024, "{largest:?}");
}
