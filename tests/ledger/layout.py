"""The bytes of what is signed and hashed: integers little-endian, texts and lists behind a 64-bit length or count.

Everything is read strictly, so that a value has one spelling and need not be written again to be compared.
"""

from typing import NamedTuple

from ed25519 import verify

MEMBERS_MAX = 31
OPERATORS_MAX = 64
SIGNED_MAX = 64 << 10
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# What libp2p puts before an ed25519 key: identity multihash, protobuf key of type 1.
PEER_PREFIX = bytes((0x00, 0x24, 0x08, 0x01, 0x12, 0x20))


class Invalid(Exception):
    """Bytes that are no such value."""


def need(holds, what):
    if not holds:
        raise Invalid(what)


def u64(value):
    return value.to_bytes(8, "little")


def u32(value):
    return value.to_bytes(4, "little")


def text(value):
    data = value.encode()
    return u64(len(data)) + data


def option(value):
    return b"\0" if value is None else b"\1" + value


def keys(values):
    return u64(len(values)) + b"".join(values)


def peer_id(key):
    """A key as libp2p spells it."""
    number, digits = int.from_bytes(PEER_PREFIX + key, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    # One for the zero with which the prefix begins.
    return "1" + digits


def peer_key(spelled):
    number = 0
    need(isinstance(spelled, str) and len(spelled) <= 52, "a peer")
    for digit in spelled:
        need(digit in BASE58, "a peer")
        number = number * 58 + BASE58.index(digit)
    need(number < 1 << 304, "a peer")
    key = number.to_bytes(38, "big")[6:]
    need(peer_id(key) == spelled, "a peer")
    return key


class Reader:
    """Reads one value's fields."""

    def __init__(self, data, domain=None):
        self.data, self.at = data, 0
        need(domain is None or self.bytes() == domain.encode(), "another kind of value")

    def fixed(self, count):
        start, self.at = self.at, self.at + count
        need(self.at <= len(self.data), "cut short")
        return self.data[start:self.at]

    def number(self, size, below=None):
        value = int.from_bytes(self.fixed(size), "little")
        need(below is None or value < below, "a number")
        return value

    def u64(self):
        return self.number(8)

    def u16(self):
        return self.number(4, 1 << 16)

    def key(self):
        return self.fixed(32)

    def bytes(self):
        return self.fixed(self.u64())

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError as error:
            raise Invalid("a text") from error

    def label(self):
        """A text for people: at most 200 characters, no control characters."""
        label = self.text()
        need(len(label) <= 200 and not any(map(is_control, label)), "a text for people")
        return label

    def option(self, each):
        return each() if self.number(1, 2) else None

    def list(self, each):
        count = self.u64()
        need(count <= len(self.data) - self.at, "cut short")
        return [each() for _ in range(count)]

    def rising(self, most, each):
        """A list in rising order of the keys with which its items begin, without any twice."""
        items = self.list(each)
        order = [item if isinstance(item, bytes) else item[0] for item in items]
        need(len(items) <= most and all(a < b for a, b in zip(order, order[1:])), "an order")
        return items

    def signature(self):
        return self.fixed(64)

    def end(self):
        need(self.at == len(self.data), "something is left over")


def is_control(character):
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


class Signed(NamedTuple):
    """A value with who says so."""

    value: tuple
    message: bytes
    signer: bytes
    signature: bytes

    def holds(self):
        return verify(self.signer, self.message, self.signature)


def signed(data, domain, fields):
    """A signature, its key and then the value."""
    need(len(data) <= SIGNED_MAX + 96, "a length")
    outer = Reader(data)
    signature, signer = outer.fixed(64), outer.key()
    inner = Reader(data[96:], domain)
    value = fields(inner)
    inner.end()
    return Signed(value, data[96:], signer, signature)


class Genesis(NamedTuple):
    """What a network is founded with."""

    name: str
    operators: list
    members: list
    founded: int
    salt: bytes

    @classmethod
    def read(cls, data):
        reader = Reader(data, "edgecoder/genesis/1")
        genesis = cls(reader.text(), reader.rising(OPERATORS_MAX, reader.key),
                      reader.rising(MEMBERS_MAX, reader.key), reader.u64(), reader.fixed(16))
        need(0 < len(genesis.name) <= 64 and not any(map(is_control, genesis.name)), "a name")
        need(genesis.operators and genesis.members, "operators and members")
        reader.end()
        return genesis


class Header(NamedTuple):
    """What a block's id covers."""

    chain: bytes
    height: int
    time: int
    parent: bytes
    size: int
    log: bytes
    state: bytes
    members: bytes
    next: bytes
    version: int

    @classmethod
    def read(cls, data):
        reader = Reader(data, "edgecoder/block/1")
        header = cls(reader.key(), reader.u64(), reader.u64(), reader.key(), reader.u64(), reader.key(),
                     reader.key(), reader.key(), reader.key(), reader.number(4))
        reader.end()
        return header


def precommit(header, round_, block):
    """What a member signs to decide a block."""
    return text("edgecoder/vote/1") + header.chain + u64(header.height) + u32(round_) + b"\1" + option(block)


def rotation(chain, old, new):
    """What a new key signs to take an old one's place."""
    return text("edgecoder/rotation/1") + chain + old + new


def belonging(chain, peer):
    """What an operator signs to say that a peer is its own."""
    return text("edgecoder/belongs/1") + chain + peer


def duty_bytes(duty):
    return bytes((duty[0],)) + u32(duty[1])


class Entry(NamedTuple):
    """One record: `say` is what it says, `what` that in fields."""

    chain: bytes
    nonce: int
    expires: int
    say: str
    what: tuple

    @classmethod
    def read(cls, data):
        return signed(data, "edgecoder/entry/1", lambda reader: cls(
            reader.key(), reader.u64(), reader.u64(), *chosen(reader, BODIES)))


def chosen(reader, choices):
    name, fields = choices[reader.number(1, len(choices))]
    return name, fields(reader)


def duty(reader):
    kind, number = reader.number(1, 3), reader.u16()
    need(kind or not number, "a duty")
    return kind, number


def fenced(reader):
    return reader.key(), reader.u16(), reader.u64()


def approval(reader):
    return reader.key(), reader.signature()


def decree(reader):
    start = reader.at
    chain, version, expires, order = reader.key(), reader.u64(), reader.u64(), chosen(reader, ORDERS)
    message = text("edgecoder/decree/1") + reader.data[start:reader.at]
    return chain, version, expires, *order, message, reader.rising(OPERATORS_MAX, lambda: approval(reader))


def words(reader, domain, fields):
    """Words of members, each signed."""
    items = reader.list(lambda: signed(reader.bytes(), domain, fields))
    need(len(items) <= MEMBERS_MAX, "words of members")
    return items


def probes(reader):
    chain, at = reader.key(), reader.u64()
    buckets = reader.rising(MEMBERS_MAX, lambda: (reader.key(), reader.number(1)))
    return chain, at, dict(buckets), duty(reader)


def suspicion(reader):
    return reader.key(), reader.u64(), duty(reader), reader.u64()


BODIES = [
    ("decree", decree),
    ("grant", lambda r: (duty(r), words(r, "edgecoder/probes/1", probes))),
    ("release", lambda r: (duty(r), r.u64())),
    ("expire", lambda r: (duty(r), r.u64(), words(r, "edgecoder/suspicion/1", suspicion))),
    ("register", lambda r: (r.option(lambda: approval(r)),)),
    ("rotate", lambda r: (r.key(), r.signature())),
    ("accept", lambda r: (fenced(r),)),
    ("assign", lambda r: (fenced(r), r.key())),
    ("end", lambda r: (fenced(r), r.key())),
    ("transfer", lambda r: (r.key(), r.u64())),
    ("appeal", lambda r: (r.key(),)),
]
ORDERS = [
    ("add_member", lambda r: (r.key(),)),
    ("remove_member", lambda r: (r.key(),)),
    ("admit", lambda r: (r.key(), r.number(1, 2), r.option(r.key))),
    ("revoke", lambda r: (r.key(), r.label())),
    ("blacklist", lambda r: (r.key(), r.key(), r.label(), r.u64())),
    ("pardon", lambda r: (r.key(),)),
    ("policy", lambda r: (r.label(), r.key())),
    ("open_admission", lambda r: (r.number(1, 2),)),
    ("issue", lambda r: (r.key(), r.u64())),
    ("replace_member", lambda r: (r.key(), r.key())),
]
