//! A map whose root proves what it has for any key, or that it has nothing.
//!
//! A binary trie over 256-bit key hashes, highest bit first. Each value sits in a leaf at the smallest depth where it
//! is alone, so the shape, and with it the root, follows from the content and not from how it came about. A leaf's
//! hash is `blake3(key hash ‖ value hash)` and a branch's `blake3(left ‖ right)`, each keyed by a text of its own,
//! which sets them apart from one another and from the log's tree and takes one block of blake3 instead of two;
//! the hash of an empty place is 32 zeros. A value's hash is that of its canonical bytes.
//!
//! Copies share their nodes, so that a proposed block can be applied to a copy and dropped. `proof` has what a node
//! that trusts one root can be shown. What keys and values mean is not decided here.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{
    canonical::{self, Canonical},
    ids::Hash,
};

mod proof;

#[cfg(test)]
mod tests;

pub use proof::{End, Proof, SIBLINGS_MAX};

/// The hash of an empty place, and the root of an empty map.
pub const EMPTY: Hash = Hash([0; 32]);

const LEAF_KEY: &[u8; 32] = b"edgecoder/ledger/state/leaf/0001";
const BRANCH_KEY: &[u8; 32] = b"edgecoder/ledger/state/branch/01";

fn leaf(key: &Hash, value: &Hash) -> Hash {
    pair(LEAF_KEY, key, value)
}

fn branch(left: &Hash, right: &Hash) -> Hash {
    pair(BRANCH_KEY, left, right)
}

fn pair(domain: &[u8; 32], first: &Hash, second: &Hash) -> Hash {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&first.0);
    bytes[32..].copy_from_slice(&second.0);
    Hash(*blake3::keyed_hash(domain, &bytes).as_bytes())
}

/// Whether the way to `key` turns right at `depth`.
fn turns_right(key: &Hash, depth: usize) -> bool {
    let byte = key.0.get(depth / 8);
    byte.is_some_and(|byte| byte << (depth % 8) & 0x80 != 0)
}

/// A map from key hashes to values. A copy costs nothing until one of the two is written to, and then the ways to
/// what is written.
///
/// Keys must be hashes: where many others share their first bits the way to a value is as long, up to 256 branches.
#[derive(Clone)]
pub struct Trie<V> {
    root: Link<V>,
    len: usize,
}

/// A place in the trie. Its hash is kept here and not in what it leads to, so that no node beside the written ways
/// is read when they are hashed: most of those are in no processor's cache (measured: 15 % of a batch).
#[derive(Clone)]
struct Link<V> {
    node: Node<V>,
    /// Emptied on the way of every write, filled when it is next asked for.
    hash: OnceLock<Hash>,
}

#[derive(Clone)]
enum Node<V> {
    Empty,
    Leaf(Arc<Leaf<V>>),
    Branch(Arc<Branch<V>>),
}

struct Leaf<V> {
    key: Hash,
    value: V,
}

/// At least two leaves are below it.
#[derive(Clone)]
struct Branch<V> {
    left: Link<V>,
    right: Link<V>,
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        let root = Link::from(Node::Empty);
        Self { root, len: 0 }
    }
}

impl<V> fmt::Debug for Trie<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trie")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<V> Trie<V> {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the map has for `key`.
    pub fn get(&self, key: &Hash) -> Option<&V> {
        let mut link = &self.root;
        let mut depth = 0;
        while let Node::Branch(branch) = &link.node {
            link = branch.child(turns_right(key, depth));
            depth += 1;
        }
        match &link.node {
            Node::Leaf(leaf) if leaf.key == *key => Some(&leaf.value),
            Node::Empty | Node::Leaf(_) | Node::Branch(_) => None,
        }
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter(vec![&self.root])
    }
}

impl<V: Clone> Trie<V> {
    /// Sets the value of `key`. Returns whether the key is new.
    pub fn insert(&mut self, key: Hash, value: V) -> bool {
        let new = self.root.insert(Arc::new(Leaf { key, value }), 0);
        self.len += usize::from(new);
        new
    }

    /// Takes `key` out. Returns whether it was there.
    pub fn remove(&mut self, key: &Hash) -> bool {
        // Asked first, because the way to what is not there would be copied for nothing.
        if self.get(key).is_none() {
            return false;
        }
        self.root.remove(key, 0);
        self.len -= 1;
        true
    }
}

impl<V: Canonical> Trie<V> {
    /// The root of what the map has. What was written since it was last asked for is hashed now, each node once.
    pub fn root(&self) -> Hash {
        self.root.hash()
    }

    /// Proves to somebody who trusts the root what the map has for `key`, which may be nothing.
    pub fn prove(&self, key: &Hash) -> Proof {
        let mut siblings = Vec::new();
        let mut link = &self.root;
        while let Node::Branch(branch) = &link.node {
            let right = turns_right(key, siblings.len());
            siblings.push(branch.child(!right).hash());
            link = branch.child(right);
        }
        let end = match &link.node {
            Node::Leaf(leaf) if leaf.key == *key => End::Own,
            Node::Leaf(leaf) => End::Other {
                key: leaf.key,
                value: canonical::hash(&leaf.value),
            },
            Node::Empty | Node::Branch(_) => End::Empty,
        };
        Proof { siblings, end }
    }
}

/// Equal content has an equal root, and other content another.
impl<V: Canonical> PartialEq for Trie<V> {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl<V: Canonical> Eq for Trie<V> {}

impl<V> From<Node<V>> for Link<V> {
    fn from(node: Node<V>) -> Self {
        let hash = OnceLock::new();
        Self { node, hash }
    }
}

impl<V> Branch<V> {
    /// A branch with one child.
    fn above(child: Node<V>, right: bool) -> Self {
        let (child, empty) = (Link::from(child), Link::from(Node::Empty));
        let (left, right) = if right {
            (empty, child)
        } else {
            (child, empty)
        };
        Self { left, right }
    }

    fn child(&self, right: bool) -> &Link<V> {
        if right { &self.right } else { &self.left }
    }

    fn child_mut(&mut self, right: bool) -> &mut Link<V> {
        if right {
            &mut self.right
        } else {
            &mut self.left
        }
    }
}

impl<V: Clone> Link<V> {
    /// Puts `leaf` below. Returns whether its key is new.
    fn insert(&mut self, leaf: Arc<Leaf<V>>, depth: usize) -> bool {
        self.hash.take();
        match &mut self.node {
            Node::Branch(branch) => Arc::make_mut(branch)
                .child_mut(turns_right(&leaf.key, depth))
                .insert(leaf, depth + 1),
            // Two keys' ways part at the latest at their last bit, so this comes to an end.
            Node::Leaf(other) if other.key != leaf.key => {
                let right = turns_right(&other.key, depth);
                let other = Node::Leaf(Arc::clone(other));
                self.node = Node::Branch(Arc::new(Branch::above(other, right)));
                self.insert(leaf, depth)
            }
            Node::Empty | Node::Leaf(_) => {
                let new = matches!(self.node, Node::Empty);
                self.node = Node::Leaf(leaf);
                new
            }
        }
    }

    /// Takes out `key`, which is below.
    fn remove(&mut self, key: &Hash, depth: usize) {
        self.hash.take();
        let Node::Branch(branch) = &mut self.node else {
            self.node = Node::Empty;
            return;
        };
        let branch = Arc::make_mut(branch);
        branch
            .child_mut(turns_right(key, depth))
            .remove(key, depth + 1);
        // A leaf that is alone now moves up: the shape follows from the content.
        let alone = match (&branch.left.node, &branch.right.node) {
            (Node::Empty, Node::Leaf(leaf)) | (Node::Leaf(leaf), Node::Empty) => Arc::clone(leaf),
            _ => return,
        };
        self.node = Node::Leaf(alone);
    }
}

impl<V: Canonical> Link<V> {
    fn hash(&self) -> Hash {
        match &self.node {
            Node::Empty => EMPTY,
            Node::Leaf(node) => *self
                .hash
                .get_or_init(|| leaf(&node.key, &canonical::hash(&node.value))),
            Node::Branch(node) => *self
                .hash
                .get_or_init(|| branch(&node.left.hash(), &node.right.hash())),
        }
    }
}

/// Keys and values of a [`Trie`], in the order of the keys.
pub struct Iter<'a, V>(Vec<&'a Link<V>>);

impl<V> fmt::Debug for Iter<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a Hash, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match &self.0.pop()?.node {
                Node::Empty => {}
                Node::Leaf(leaf) => return Some((&leaf.key, &leaf.value)),
                Node::Branch(branch) => self.0.extend([&branch.right, &branch.left]),
            }
        }
    }
}

impl<'a, V> IntoIterator for &'a Trie<V> {
    type Item = (&'a Hash, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}
