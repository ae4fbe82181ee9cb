def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions, replacements and swaps of neighbours that turn a into b.

    >>> edit_distance("abcd", "acbd")
    1
    """
    before, last = [], list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def check(candidate):
    assert candidate("kitten", "sitting") == 3
    assert candidate("", "abc") == 3 and candidate("abc", "") == 3
    assert candidate("abcd", "acbd") == 1
    assert candidate("intention" * 10, "execution" * 10) == 50
