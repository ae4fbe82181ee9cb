import base64
import binascii


def base64_codec(data: bytes) -> str:
    """Encode bytes in URL-safe base64 without padding, by hand."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    out = []
    for at in range(0, len(data), 3):
        chunk = data[at:at + 3]
        bits = int.from_bytes(chunk.ljust(3, b"\0"), "big")
        out += [letters[bits >> shift & 63] for shift in (18, 12, 6, 0)][:len(chunk) + 1]
    return "".join(out)


def check(candidate):
    for data in (b"", b"f", b"fo", b"foo", bytes(range(256)), "€".encode() * 33):
        assert candidate(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert base64.b32encode(b"hi") == b"NBUQ====" and base64.b85encode(b"hello") == b"Xk~0{Zv"
    try:
        base64.b64decode("a", validate=True)
    except binascii.Error:
        pass
    else:
        assert False
