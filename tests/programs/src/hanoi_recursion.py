def hanoi_recursion(discs: int, start: str = "A", end: str = "C", spare: str = "B") -> list[tuple[str, str]]:
    """The moves that carry a tower from one peg to another, a larger disc never on a smaller."""
    if discs == 0:
        return []
    return [
        *hanoi_recursion(discs - 1, start, spare, end),
        (start, end),
        *hanoi_recursion(discs - 1, spare, end, start),
    ]


def check(candidate):
    assert candidate(2) == [("A", "B"), ("A", "C"), ("B", "C")]
    moves = candidate(10)
    pegs = {"A": list(range(10, 0, -1)), "B": [], "C": []}
    for source, target in moves:
        disc = pegs[source].pop()
        assert not pegs[target] or pegs[target][-1] > disc
        pegs[target].append(disc)
    assert len(moves) == 1023 and pegs["C"] == list(range(10, 0, -1))

    def endless(n):
        return endless(n + 1)

    try:
        endless(0)
    except RecursionError as error:
        assert "maximum recursion depth" in str(error)
    else:
        assert False
