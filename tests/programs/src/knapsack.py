def knapsack(items: list[tuple[str, int, int]], room: int) -> tuple[int, list[str]]:
    """Choose (name, weight, value) items of the greatest value within room; names in the given order."""
    best: list[tuple[int, tuple[str, ...]]] = [(0, ())] * (room + 1)
    for name, weight, value in items:
        for space in range(room, weight - 1, -1):
            worth, chosen = best[space - weight]
            if worth + value > best[space][0]:
                best[space] = worth + value, (*chosen, name)
    worth, chosen = best[room]
    return worth, list(chosen)


def check(candidate):
    items = [("map", 9, 150), ("compass", 13, 35), ("water", 153, 200), ("sandwich", 50, 160),
             ("glucose", 15, 60), ("tin", 68, 45), ("banana", 27, 60), ("apple", 39, 40),
             ("cheese", 23, 30), ("beer", 52, 10), ("camera", 32, 30), ("note-case", 22, 80),
             ("sunglasses", 7, 20), ("towel", 18, 12), ("socks", 4, 50), ("book", 30, 10)]
    assert candidate(items, 400)[0] == 915
    assert candidate(items, 0) == (0, [])
    assert candidate([("a", 5, 10)], 4) == (0, [])
    assert candidate([("a", 2, 3), ("b", 2, 3), ("c", 3, 4)], 4) == (6, ["a", "b"])
