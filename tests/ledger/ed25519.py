"""Ed25519 (RFC 8032) signatures: only the check, without cofactor, so that there is one answer.

A key may be any point that is not of small order; S must be below the group's order; R is compared byte by byte.
"""

from functools import lru_cache
from hashlib import sha512

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)
# A scalar is read in four parts at once, so that only a quarter of the doublings are needed.
PARTS, PART_BITS = 4, 64


def _add(p, q):
    """A point in extended coordinates, and one as `_prepared` gives it."""
    x, y, z, t = p
    plus, minus, t2d = q
    a, b, c, d = (y - x) * minus, (y + x) * plus, t * t2d, z + z
    e, f, g, h = b - a, (d - c) % P, (d + c) % P, b + a
    e, h = e % P, h % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p):
    x, y, z, _ = p
    a, b, s = x * x, y * y, x + y
    h, g = (a + b) % P, (a - b) % P
    e, f = (h - s * s) % P, (2 * z * z + g) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def _prepared(p):
    """What an addition needs of a point: y + x, y - x and 2dxy."""
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y + x) % P, (y - x) % P, 2 * D * x * y % P


def _tables(point, width):
    """For each part of a scalar the odd multiples of what it counts, up to 2^(width-1)."""
    tables = []
    for _ in range(PARTS):
        multiples, twice = [point], _prepared(_double(point))
        for _ in range(2**(width - 2) - 1):
            multiples.append(_add(multiples[-1], twice))
        tables.append([_prepared(one) for one in multiples])
        for _ in range(PART_BITS):
            point = _double(point)
    return width, tables


def _collect(places, scalar, prepared):
    """Puts into `places` what is to be added at each bit: signed odd digits, with zeros in between."""
    width, tables = prepared
    for table in tables:
        part, at = scalar & (1 << PART_BITS) - 1, 0
        scalar >>= PART_BITS
        while part:
            zeros = (part & -part).bit_length() - 1
            part, at = part >> zeros, at + zeros
            digit = part & (1 << width) - 1
            if digit >> width - 1:
                digit -= 1 << width
            plus, minus, t2d = table[abs(digit) >> 1]
            places[at].append((plus, minus, t2d) if digit > 0 else (minus, plus, -t2d))
            part -= digit


def _decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, (y & (1 << 255) - 1) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT_OF_MINUS_ONE % P
    if v * x * x % P != u:
        return None
    if x & 1 != sign:
        x = -x % P
    return x, y, 1, x * y % P


BASE_TABLES = _tables((*BASE, 1, BASE[0] * BASE[1] % P), 8)


@lru_cache(maxsize=4096)
def _point(key):
    """What a key is; nothing for one that is no point, or of small order."""
    point = _decompress(key)
    if point is None:
        return None
    x, y, z, _ = _double(_double(_double(point)))
    return None if x == 0 and y == z else point


def is_key(key):
    """Whether anybody can sign as this."""
    return _point(key) is not None


@lru_cache(maxsize=4096)
def _key_tables(key):
    """Tables of the negative of a key, if it is one."""
    point = _point(key)
    if point is None:
        return None
    x, y, z, t = point
    return _tables((-x % P, y, z, -t % P), 5)


# Files that are checked in one run, as a ledger and its changed copies, share most of what is signed.
@lru_cache(maxsize=4096)
def verify(key, message, signature):
    """Whether `signature` over `message` is by `key`."""
    tables, scalar = _key_tables(key), int.from_bytes(signature[32:], "little")
    if tables is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % ORDER
    places = [[] for _ in range(PART_BITS + 1)]
    _collect(places, scalar, BASE_TABLES)
    _collect(places, challenge, tables)
    point = (0, 1, 1, 0)
    for place in reversed(places):
        point = _double(point)
        for one in place:
            point = _add(point, one)
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]
