from itertools import groupby


def run_length(text: str) -> list[tuple[str, int]]:
    """Return the runs of equal characters with their lengths.

    >>> run_length("aab")
    [('a', 2), ('b', 1)]
    """
    return [(letter, sum(1 for _ in run)) for letter, run in groupby(text)]


def check(candidate):
    assert candidate("") == []
    assert candidate("aaabccdddd") == [("a", 3), ("b", 1), ("c", 2), ("d", 4)]
    text = "mississippi" * 50
    assert "".join(letter * count for letter, count in candidate(text)) == text
