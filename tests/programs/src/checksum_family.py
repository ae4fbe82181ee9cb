import hashlib
import hmac
import zlib
from binascii import crc32, hexlify


def checksum_family(text: str) -> dict[str, str]:
    """Hexadecimal checksums of a text's UTF-8 bytes."""
    raw = text.encode()
    sums = {name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")}
    sums["blake2s"] = hashlib.blake2s(raw, digest_size=8).hexdigest()
    sums["crc32"] = f"{crc32(raw):08x}"
    sums["adler32"] = f"{zlib.adler32(raw):08x}"
    return sums


def check(candidate):
    got = candidate("abc")
    assert got["md5"] == "900150983cd24fb0d6963f7d28e17f72"
    assert got["sha1"] == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert got["sha256"].startswith("ba7816bf8f01cfea") and len(got["blake2s"]) == 16
    assert (got["crc32"], got["adler32"]) == ("352441c2", "024d0127")
    assert hashlib.sha3_256(b"").hexdigest()[:8] == "a7ffc6f8"
    mac = hmac.new(b"key", b"The quick brown fox jumps over the lazy dog", "sha256").digest()
    assert hexlify(mac)[:16] == b"f7bc83f430538424" and hmac.compare_digest(mac, mac)
