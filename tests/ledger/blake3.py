"""BLAKE3 (github.com/BLAKE3-team/BLAKE3-specs, section 2) with 32 bytes of output, plain and keyed.

A row of four 32-bit words is one integer, a word in every 64 bits: four columns are then mixed at once, with room for
carries and for what a rotation pushes out.
"""

from operator import itemgetter
from struct import pack, unpack

CHUNK = 1024
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)

WORDS = (1 << 32) - 1 << 192 | (1 << 32) - 1 << 128 | (1 << 32) - 1 << 64 | (1 << 32) - 1
LOW1, LOW2, LOW3 = (1 << 64) - 1, (1 << 128) - 1, (1 << 192) - 1


def _row(words):
    return int.from_bytes(pack("<4Q", *words), "little")


def _words(row):
    return unpack("<4Q", row.to_bytes(32, "little"))


IV = _row((0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A)), _row((0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19))


def _schedule():
    """Which words of the block are mixed in, in the order in which `_compress` takes them."""
    words, taken = tuple(range(16)), []
    for _ in range(7):
        for start in (0, 1, 8, 9):
            taken += words[start:start + 8:2]
        words = tuple(words[index] for index in PERMUTATION)
    return itemgetter(*taken)


SCHEDULE = _schedule()


def _mix(a, b, c, d, first, second):
    a = (a + b + first) & WORDS
    d ^= a
    d = (d >> 16 | d << 16) & WORDS
    c = (c + d) & WORDS
    b ^= c
    b = (b >> 12 | b << 20) & WORDS
    a = (a + b + second) & WORDS
    d ^= a
    d = (d >> 8 | d << 24) & WORDS
    c = (c + d) & WORDS
    b ^= c
    return a, (b >> 7 | b << 25) & WORDS, c, d


def _compress(value, block, counter, flags):
    """The chaining value after `block`, of at most 64 bytes."""
    words = unpack("<16I", block.ljust(64, b"\0"))
    message = pack("<112Q", *SCHEDULE(words))
    rows = [int.from_bytes(message[at:at + 32], "little") for at in range(0, 896, 32)]
    a, b = value
    c, d = IV[0], _row((counter & 0xFFFFFFFF, counter >> 32, len(block), flags))
    for at in range(0, 28, 4):
        a, b, c, d = _mix(a, b, c, d, rows[at], rows[at + 1])
        b, c, d = b >> 64 | (b & LOW1) << 192, c >> 128 | (c & LOW2) << 128, d >> 192 | (d & LOW3) << 64
        a, b, c, d = _mix(a, b, c, d, rows[at + 2], rows[at + 3])
        b, c, d = b >> 192 | (b & LOW3) << 64, c >> 128 | (c & LOW2) << 128, d >> 64 | (d & LOW1) << 192
    return a ^ c, b ^ d


def _bytes(value):
    return pack("<8I", *_words(value[0]), *_words(value[1]))


def _chunk(key, chunk, counter, flags):
    value = key
    for at in range(0, max(len(chunk), 1), 64):
        block = flags & ~ROOT | (CHUNK_START if at == 0 else 0)
        if at + 64 >= len(chunk):
            block |= CHUNK_END | flags & ROOT
        value = _compress(value, chunk[at:at + 64], counter, block)
    return value


def _tree(key, data, counter, flags):
    if len(data) <= CHUNK:
        return _chunk(key, data, counter, flags)
    # The left one has as many whole chunks as the largest power of two leaves something to its right.
    left = 1 << ((len(data) - 1) // CHUNK).bit_length() - 1
    below = flags & ~ROOT
    block = _bytes(_tree(key, data[:left * CHUNK], counter, below)) \
        + _bytes(_tree(key, data[left * CHUNK:], counter + left, below))
    return _compress(key, block, 0, flags | PARENT)


def blake3(data):
    """The hash of `data`."""
    return _bytes(_tree(IV, data, 0, ROOT))


def keyed(key, data):
    """The hash of `data` under a key of 32 bytes."""
    words = unpack("<8I", key)
    return _bytes(_tree((_row(words[:4]), _row(words[4:])), data, 0, ROOT | KEYED))
