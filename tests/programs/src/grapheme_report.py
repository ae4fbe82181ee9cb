def grapheme_report(text: str) -> dict:
    """Count code points, UTF-8 bytes and UTF-16 units of a text, and name its widest code point."""
    widest = max(text, default="")
    return {
        "points": len(text),
        "utf8": len(text.encode()),
        "utf16": len(text.encode("utf-16-le")) // 2,
        "widest": f"U+{ord(widest):04X}" if widest else None,
    }


def check(candidate):
    assert candidate("") == {"points": 0, "utf8": 0, "utf16": 0, "widest": None}
    assert candidate("añ€😀") == {"points": 4, "utf8": 10, "utf16": 5, "widest": "U+1F600"}
    try:
        candidate("\ud800")
    except UnicodeEncodeError as error:
        assert error.reason == "surrogates not allowed"
    else:
        assert False
    assert "é".encode("latin-1") == b"\xe9"
    assert b"\xff".decode("utf-8", "replace") == "\ufffd"
