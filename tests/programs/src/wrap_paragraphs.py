import textwrap


def wrap_paragraphs(text: str, width: int) -> str:
    """Wrap each paragraph to width with a hanging indent of two; paragraphs are parted by empty lines."""
    paragraphs = (" ".join(part.split()) for part in textwrap.dedent(text).split("\n\n"))
    return "\n\n".join(textwrap.fill(part, width, subsequent_indent="  ") for part in paragraphs if part)


def check(candidate):
    got = candidate("""
        The quick brown fox
        jumps over the lazy dog.

        Short.
    """, 20)
    assert got == "The quick brown fox\n  jumps over the\n  lazy dog.\n\nShort."
    assert textwrap.shorten("one two three four", 12, placeholder="...") == "one two..."
    assert textwrap.indent("a\n\nb", "> ") == "> a\n\n> b"
