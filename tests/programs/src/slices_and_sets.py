def slices_and_sets(words: list[str]) -> dict[int, set[str]]:
    """Group words by length; a word that is another one reversed is left out, palindromes stay."""
    kept: dict[int, set[str]] = {}
    for word in words:
        group = kept.setdefault(len(word), set())
        if word[::-1] not in group - {word}:
            group.add(word)
    return kept


def check(candidate):
    assert candidate(["ab", "ba", "aa", "xyz", "zyx", "q"]) == {2: {"ab", "aa"}, 3: {"xyz"}, 1: {"q"}}
    assert candidate([]) == {}
    items = list(range(10))
    items[2:8:2] = "abc"
    assert items == [0, 1, "a", 3, "b", 5, "c", 7, 8, 9] and items[-3::-3] == [7, "b", 1]
    del items[1:]
    first, *middle, last = "abcd"
    assert (items, first, middle, last) == ([0], "a", ["b", "c"], "d")
    assert {1, 2} ^ {2, 3} == {1, 3} and {1} < {1, 2} and not {1}.isdisjoint({1, 3})
    assert {"a": 1, "b": 2} | {"b": 3} == {"a": 1, "b": 3} and list({"b": 1, "a": 2}) == ["b", "a"]
    assert (n := 5) + n == 10 and [*range(3), *"ab"] == [0, 1, 2, "a", "b"]
