import io


def report_stringio(text: str) -> dict[str, int]:
    """Count lines, words and longest line of a text, read like a file."""
    lines = words = longest = 0
    with io.StringIO(text) as stream:
        for line in stream:
            lines += 1
            words += len(line.split())
            longest = max(longest, len(line.rstrip("\n")))
    return {"lines": lines, "words": words, "longest": longest}


def check(candidate):
    assert candidate("") == {"lines": 0, "words": 0, "longest": 0}
    assert candidate("one two\nthree\n\nfour") == {"lines": 4, "words": 4, "longest": 7}
    stream = io.StringIO("a\r\nb", newline=None)
    assert stream.read() == "a\nb"
    raw = io.BytesIO(b"0123456789")
    raw.seek(-3, io.SEEK_END)
    assert raw.read(2) == b"78" and raw.tell() == 9
    wrapped = io.TextIOWrapper(io.BytesIO("ä\nö".encode()), encoding="utf-8")
    assert [line.strip() for line in wrapped] == ["ä", "ö"]
    out = io.StringIO()
    print("a", 1, sep="-", end=";", file=out)
    assert out.getvalue() == "a-1;"
