//! RFC 9162's definitions as they stand there: slow, and plainly the same.

use super::{Hash, Inclusion};

/// Section 2.1.1, with blake3 in SHA-256's place.
pub(super) fn leaf(entry: &[u8]) -> Hash {
    Hash::of(&[&[0x00], entry].concat())
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[0x01], &left.0[..], &right.0[..]].concat())
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// Section 2.1.1.
pub(super) fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&mth(left), &mth(right))
        }
    }
}

/// Section 2.1.3.1.
pub(super) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = match index.checked_sub(left.len()) {
        None => (path(index, left), mth(right)),
        Some(index) => (path(index, right), mth(left)),
    };
    below.push(sibling);
    below
}

/// Section 2.1.4.1.
pub(super) fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { vec![] } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = if old <= left.len() {
        (subproof(old, left, known), mth(right))
    } else {
        (subproof(old - left.len(), right, false), mth(left))
    };
    below.push(sibling);
    below
}

/// Section 2.1.3.2: the root that an inclusion proof leads to, if it is one.
pub(super) fn leads_to(proof: &Inclusion, leaf: Hash) -> Option<Hash> {
    if proof.index >= proof.size {
        return None;
    }
    let (mut at, mut last, mut hash) = (proof.index, proof.size - 1, leaf);
    for sibling in &proof.path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}
