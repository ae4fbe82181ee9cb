"""The replicated state: what each key has, and one root over all of it.

The root is that of a binary trie over the hashes of the keys, highest bit first, each value in a leaf at the smallest
depth where it is alone. A key is a tuple of its kind and name; a value one of the records below. What may be written
is decided in `rules`.
"""

from typing import NamedTuple

from blake3 import blake3, keyed
from layout import duty_bytes, keys, option, text, u32, u64

LEAF, BRANCH = b"edgecoder/ledger/state/leaf/0001", b"edgecoder/ledger/state/branch/01"
EMPTY = bytes(32)


class Network(NamedTuple):
    chain: bytes
    operators: list
    is_open: int = 0
    version: int = 0

    def bytes(self):
        return b"\0" + self.chain + keys(self.operators) + bytes((self.is_open,)) + u64(self.version)


class Council(NamedTuple):
    members: list
    next: list
    version: int = 0

    def bytes(self):
        return b"\1" + keys(self.members) + keys(self.next) + u64(self.version)


class Supply(NamedTuple):
    issued: int = 0
    burned: int = 0

    def bytes(self):
        return b"\2" + u64(self.issued) + u64(self.burned)


class Account(NamedTuple):
    nonce: int = 0
    balance: int = 0
    rotated: bytes | None = None

    def bytes(self):
        return b"\3" + u64(self.nonce) + u64(self.balance) + option(self.rotated)


class Peer(NamedTuple):
    standing: int
    owner: bytes | None
    is_revoked: int = 0
    version: int = 0
    duties: tuple = ()

    def bytes(self):
        return (b"\4" + bytes((self.standing,)) + option(self.owner) + bytes((self.is_revoked,))
                + u64(len(self.duties)) + b"".join(map(duty_bytes, self.duties)) + u64(self.version))


class Listing(NamedTuple):
    evidence: bytes
    reason: str
    until: int
    appeal: bytes | None
    version: int

    def bytes(self):
        return b"\5" + self.evidence + text(self.reason) + u64(self.until) + option(self.appeal) + u64(self.version)


class Duty(NamedTuple):
    holder: bytes | None = None
    term: int = 0

    def bytes(self):
        return b"\6" + option(self.holder) + u64(self.term)


class Task(NamedTuple):
    shard: int
    assigned: int
    at: int
    result: bytes | None = None

    def bytes(self):
        return b"\7" + u32(self.shard) + u64(self.assigned) + u64(self.at) + option(self.result)


class Policy(NamedTuple):
    document: bytes
    version: int

    def bytes(self):
        return b"\x08" + self.document + u64(self.version)


KINDS = ["network", "council", "supply", "account", "peer", "listing", "duty", "task", "policy"]
NAMES = {"duty": duty_bytes, "policy": text}


def key_hash(key):
    kind, *name = key
    spelled = b"".join(map(NAMES.get(kind, bytes), name))
    return blake3(text("edgecoder/state-key/1") + bytes((KINDS.index(kind),)) + spelled)


class Leaf:
    def __init__(self, key, value):
        self.key, self.value = key, value
        self.hash = keyed(LEAF, key + value)


class Branch:
    """`hash` is None where something below was written since it was last asked for."""

    def __init__(self):
        self.children, self.hash = [None, None], None


def turn(key, depth):
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def placed(node, leaf, depth):
    """What is at a place once `leaf` is put below it."""
    if node is None or isinstance(node, Leaf) and node.key == leaf.key:
        return leaf
    if isinstance(node, Leaf):
        branch = Branch()
        branch.children[turn(node.key, depth)] = node
        return placed(branch, leaf, depth)
    node.hash, side = None, turn(leaf.key, depth)
    node.children[side] = placed(node.children[side], leaf, depth + 1)
    return node


def without(node, key, depth):
    """What is at a place once the leaf of `key`, which is below it, is taken out: one that is alone then moves up."""
    if isinstance(node, Leaf):
        return None
    node.hash, side = None, turn(key, depth)
    node.children[side] = without(node.children[side], key, depth + 1)
    left, right = node.children
    alone = right if left is None else left if right is None else None
    return alone if isinstance(alone, Leaf) else node


def node_hash(node):
    if node is None:
        return EMPTY
    if node.hash is None:
        node.hash = keyed(BRANCH, b"".join(map(node_hash, node.children)))
    return node.hash


class Store:
    """Values by key. What is written counts once it is kept, all or nothing."""

    def __init__(self):
        self.values, self.written, self.changed = {}, {}, set()
        self.hashes, self.placed, self.trie, self.balances = {}, set(), None, 0

    def get(self, *key):
        return self.written[key] if key in self.written else self.values.get(key)

    def put(self, value, *key):
        self.written[key] = value

    def remove(self, *key):
        self.written[key] = None

    def all(self, kind):
        return [(key, value) for key, value in self.values.items() if key[0] == kind]

    def drop(self):
        self.written = {}

    def keep(self):
        for key, value in self.written.items():
            if key[0] == "account":
                before = self.values.get(key)
                self.balances += value.balance - (before.balance if before else 0)
            if value is None:
                del self.values[key]
            else:
                self.values[key] = value
        self.changed |= self.written.keys()
        self.written = {}

    def root(self):
        for key in self.changed:
            if key not in self.hashes:
                self.hashes[key] = key_hash(key)
            found, name = self.values.get(key), self.hashes[key]
            if found is not None:
                value = blake3(text("edgecoder/state-value/1") + found.bytes())
                self.trie = placed(self.trie, Leaf(name, value), 0)
            elif key in self.placed:
                self.trie = without(self.trie, name, 0)
            (self.placed.discard if found is None else self.placed.add)(key)
        self.changed = set()
        return node_hash(self.trie)
