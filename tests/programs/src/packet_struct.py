import struct
from array import array

HEADER = struct.Struct("!4sBxHIq")


def packet_struct(kind: int, flags: int, number: int, moment: int, payload: bytes) -> bytes:
    """Pack a header in network order (magic EDGE, kind, pad, flags, number, moment) before a length and payload."""
    return HEADER.pack(b"EDGE", kind, flags, number, moment) + struct.pack(f"!I{len(payload)}s", len(payload), payload)


def check(candidate):
    packet = candidate(7, 0x102, 3, -1, b"xyz")
    assert packet == b"EDGE\x07\x00\x01\x02\x00\x00\x00\x03" + b"\xff" * 8 + b"\x00\x00\x00\x03xyz"
    assert HEADER.unpack_from(packet) == (b"EDGE", 7, 0x102, 3, -1) and HEADER.size == 20
    try:
        candidate(256, 0, 0, 0, b"")
    except struct.error:
        pass
    else:
        assert False
    assert struct.unpack("<d", struct.pack("<d", 0.1)) == (0.1,)
    assert list(struct.iter_unpack("<H", b"\x01\x00\x02\x00")) == [(1,), (2,)]
    numbers = array("i", [1, 2, 3])
    numbers.byteswap()
    assert numbers[0] == 1 << 24 and numbers.itemsize == 4
