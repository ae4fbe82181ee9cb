"""Checks an exported ledger from nothing but the file: chain, certificates, entries, roots and credits.

Written from the format and the rules alone, so that what it accepts is shown by two programs that share no code:

    python3 check.py FILE...

prints for each file `ok: …` or `bad: height H: what: why`, and ends with 1 when any is bad. Whether the network is the
right one nothing in the file can show, so its id is printed.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
# An isolated interpreter does not look beside the script.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from blake3 import blake3
from ed25519 import verify
from layout import MEMBERS_MAX, Entry, Genesis, Header, Invalid, keys, need, peer_key, precommit, text
from rules import Refused, State, quorum

FORMAT = "edgecoder-ledger/1"
VERSION = 1
LINE_MAX = 1 << 20
ENTRIES_MAX = 2048
ENTRIES_BYTES_MAX = 448 << 10


class Bad(Exception):
    """What is wrong at a height, and why."""


def expect(holds, what, why):
    if not holds:
        raise Bad(f"{what}: {why}")


def unhex(spelled, length=None):
    data = bytes.fromhex(spelled)
    need(data.hex() == spelled and length in (None, len(data)), "hexadecimal digits")
    return data


def parsed(line, fields):
    """The fields of a line that is spelled as it would be written: no spaces, nothing twice, nothing else."""
    need(len(line) <= LINE_MAX, "a line's length")
    record = json.loads(line)
    need(isinstance(record, dict) and list(record) == fields, "a line's fields")
    need(json.dumps(record, separators=(",", ":")).encode() == line, "a line's spelling")
    return record.values()


def read(kind, line):
    try:
        return kind(line)
    except (Invalid, ValueError, TypeError, RecursionError) as error:
        raise Bad(f"line: {error}") from error


def read_founding(line):
    form, genesis = parsed(line, ["format", "genesis"])
    need(form == FORMAT, "the format")
    genesis = unhex(genesis)
    return blake3(genesis), Genesis.read(genesis)


def read_block(line):
    header, round_, signatures, entries = parsed(line, ["header", "round", "signatures", "entries"])
    need(isinstance(signatures, list) and isinstance(entries, list), "lists")
    need(type(round_) is int and 0 <= round_ < 1 << 32, "a round")
    need(len(signatures) <= MEMBERS_MAX and len(entries) <= ENTRIES_MAX, "a count")
    signatures = [(peer_key(by), unhex(signature, 64)) for by, signature in signatures]
    entries = [unhex(entry) for entry in entries]
    header = unhex(header)
    return blake3(header), Header.read(header), round_, signatures, [(data, Entry.read(data)) for data in entries]


def set_hash(members):
    return blake3(text("edgecoder/member-set/1") + keys(members))


class Log:
    """The running root of all entries: the roots of perfect trees, one for each 1 in the binary form of the size."""

    def __init__(self):
        self.size, self.trees = 0, []

    def push(self, entry):
        tree, size = blake3(b"\0" + entry), self.size
        while size & 1:
            tree, size = blake3(b"\1" + self.trees.pop() + tree), size >> 1
        self.trees.append(tree)
        self.size += 1

    def root(self):
        root = self.trees[-1]
        for left in reversed(self.trees[:-1]):
            root = blake3(b"\1" + left + root)
        return root


class Ledger:
    """The chain so far."""

    def __init__(self, chain, genesis):
        self.chain, self.parent, self.height, self.time = chain, chain, 0, genesis.founded
        self.state, self.log = State(chain, genesis.operators, genesis.members), Log()

    def is_decided(self, block, header, round_, signatures):
        members, message = self.state.council().next, precommit(header, round_, block)
        signers = [by for by, _ in signatures]
        return (header.members == set_hash(members)
                and all(a < b for a, b in zip(signers, signers[1:]))
                and quorum(members) <= len(signers) <= len(members)
                and all(by in members and verify(by, message, signature) for by, signature in signatures))

    def follow(self, block, header, round_, signatures, entries):
        expect(self.is_decided(block, header, round_, signatures), "certificate", "no quorum of the members")
        expect((header.chain, header.version) == (self.chain, VERSION), "foreign", "another network or version")
        expect(header.height == self.height + 1, "height", "not the next")
        expect(header.parent == self.parent, "parent", "not the last block")
        expect(header.time > self.time, "time", "not later than its parent's, or than the founding")
        expect(entries, "size", "no entries")
        state, size = self.state, 0
        state.time, state.parent = header.time, self.parent
        state.next_height(self.time)
        for index, (data, entry) in enumerate(entries):
            size += len(data)
            expect(size <= ENTRIES_BYTES_MAX, "size", "too much")
            expect(entry.holds(), f"signature {index}", "it does not hold")
            try:
                state.apply(entry.value, entry.signer)
            except Refused as why:
                raise Bad(f"entry {index}: {why}") from why
            self.log.push(data)
        council, supply = state.council(), state.get("supply")
        names = (set_hash(council.members), set_hash(council.next))
        expect((header.members, header.next) == names, "members", "not those who vote")
        expect((header.size, header.log) == (self.log.size, self.log.root()), "log", "not these entries' root")
        expect(header.state == state.root(), "state", "not what the entries lead to")
        expect(state.balances == supply.issued - supply.burned, "credits", "not as many as were issued")
        self.parent, self.height, self.time = block, header.height, header.time

    def summary(self):
        return (f"ok: {self.log.size} entries in {self.height} blocks, state root {self.state.root().hex()}, "
                f"supply {self.state.balances}, network {self.chain.hex()}")


def lines(file):
    # A line that is too long is cut, and then refused for its length.
    while line := file.readline(LINE_MAX + 2):
        yield line.removesuffix(b"\n")


def check(path):
    """The verdict on one file, and whether it is good."""
    height = 0
    try:
        with open(path, "rb") as file:
            every = lines(file)
            ledger = Ledger(*read(read_founding, next(every, b"")))
            for height, line in enumerate(every, 1):
                ledger.follow(*read(read_block, line))
        return ledger.summary(), True
    except Bad as bad:
        return f"bad: height {height}: {bad}", False
    except OSError as error:
        sys.exit(f"{error}: name a file that can be read")


def main():
    verdicts = [check(path) for path in sys.argv[1:]]
    for verdict, _ in verdicts:
        print(verdict)
    sys.exit(0 if verdicts and all(good for _, good in verdicts) else 1)


if __name__ == "__main__":
    main()
