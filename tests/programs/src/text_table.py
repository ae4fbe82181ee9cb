def text_table(rows: list[list[object]], header: list[str]) -> str:
    """Draw a table with a rule under its header: numbers to the right, the rest to the left."""
    texts = [[f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *texts)]
    marks = [">" if rows and all(isinstance(cell, (int, float)) for cell in column) else "<"
             for column in (zip(*rows) if rows else header)]

    def line(cells):
        parts = (f"{cell:{mark}{width}}" for cell, mark, width in zip(cells, marks, widths))
        return " | ".join(parts).rstrip()

    return "\n".join([line(header), "-+-".join("-" * width for width in widths), *map(line, texts)])


def check(candidate):
    got = candidate([["pen", 12, 1.5], ["notebook", 3, 1234.5]], ["item", "n", "price"])
    assert got == (
        "item     |  n |    price\n"
        "---------+----+---------\n"
        "pen      | 12 |     1.50\n"
        "notebook |  3 | 1,234.50"
    )
    assert candidate([], ["a", "b"]) == "a | b\n--+--"
    assert f"{255:#x} {255:#010b} {-3:+d} {12345.678:.3e} {0.25:.0%}" == "0xff 0b11111111 -3 1.235e+04 25%"
    assert "%-5s|%05.1f" % ("ab", 3.14159) == "ab   |003.1" and f"{'x'!r:*^7}" == "**'x'**"
