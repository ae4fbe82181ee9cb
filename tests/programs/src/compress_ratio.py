import gzip
import zlib


def compress_ratio(data: bytes, chunk: int) -> float:
    """Compressed to plain size of data that is fed to the compressor in chunks, to three digits."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(data[at:at + chunk]) for at in range(0, len(data), chunk))
    packed += packer.flush()
    if zlib.decompress(packed) != data:
        raise AssertionError("the data changed")
    return round(len(packed) / max(len(data), 1), 3)


def check(candidate):
    assert candidate(b"abc" * 10_000, 1000) < 0.01
    noise = bytes((n * n * 7919 >> 5) % 251 for n in range(5000))
    assert candidate(noise, 64) > candidate(bytes(5000), 64)
    assert gzip.decompress(gzip.compress(noise, mtime=0)) == noise
    try:
        zlib.decompress(b"not compressed")
    except zlib.error as error:
        assert "incorrect header" in str(error)
    else:
        assert False
