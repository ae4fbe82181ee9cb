from itertools import product


def game_of_life(rows: list[str], steps: int) -> list[str]:
    """Conway's game on a torus: '#' lives, '.' is dead."""
    height, width = len(rows), len(rows[0])
    alive = {(y, x) for y, row in enumerate(rows) for x, mark in enumerate(row) if mark == "#"}
    around = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]
    for _ in range(steps):
        counts: dict[tuple[int, int], int] = {}
        for (y, x), (dy, dx) in product(alive, around):
            cell = (y + dy) % height, (x + dx) % width
            counts[cell] = counts.get(cell, 0) + 1
        alive = {cell for cell, count in counts.items() if count == 3 or (count == 2 and cell in alive)}
    return ["".join(".#"[(y, x) in alive] for x in range(width)) for y in range(height)]


def check(candidate):
    blinker = [".....", "..#..", "..#..", "..#..", "....."]
    assert candidate(blinker, 1) == [".....", ".....", ".###.", ".....", "....."]
    assert candidate(blinker, 2) == blinker
    glider = [".#......", "..#.....", "###....."] + ["........"] * 5
    assert candidate(glider, 32) == glider
