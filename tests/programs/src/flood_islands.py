from collections import deque


def flood_islands(rows: list[str]) -> list[int]:
    """Sizes of the connected areas of '#' in a map, largest first; diagonals do not connect."""
    land = {(y, x) for y, row in enumerate(rows) for x, mark in enumerate(row) if mark == "#"}
    sizes = []
    while land:
        queue, size = deque([land.pop()]), 0
        while queue:
            y, x = queue.popleft()
            size += 1
            for step in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if step in land:
                    land.remove(step)
                    queue.append(step)
        sizes.append(size)
    return sorted(sizes, reverse=True)


def check(candidate):
    assert candidate([]) == []
    assert candidate(["#..#", "##.#", "...."]) == [3, 2]
    assert candidate(["#.#", ".#.", "#.#"]) == [1] * 5
    assert candidate(["#" * 60] * 60) == [3600]
