def sudoku_backtracking(grid: str) -> str | None:
    """Solve a sudoku given as 81 characters, '.' for empty cells; None when it has no solution."""
    rows, columns, boxes = ([0] * 9 for _ in range(3))
    cells, open_cells = list(grid), []
    for at, mark in enumerate(grid):
        if mark == ".":
            open_cells.append(at)
        else:
            bit = 1 << int(mark)
            y, x = divmod(at, 9)
            box = y // 3 * 3 + x // 3
            if (rows[y] | columns[x] | boxes[box]) & bit:
                return None
            rows[y], columns[x], boxes[box] = rows[y] | bit, columns[x] | bit, boxes[box] | bit

    def choices(at):
        y, x = divmod(at, 9)
        return ~(rows[y] | columns[x] | boxes[y // 3 * 3 + x // 3]) & 0b1111111110

    def solve():
        if not open_cells:
            return True
        at = min(open_cells, key=lambda cell: choices(cell).bit_count())
        y, x = divmod(at, 9)
        box = y // 3 * 3 + x // 3
        free = choices(at)
        open_cells.remove(at)
        while free:
            bit = free & -free
            free ^= bit
            rows[y], columns[x], boxes[box] = rows[y] | bit, columns[x] | bit, boxes[box] | bit
            cells[at] = str(bit.bit_length() - 1)
            if solve():
                return True
            rows[y], columns[x], boxes[box] = rows[y] ^ bit, columns[x] ^ bit, boxes[box] ^ bit
        open_cells.append(at)
        return False

    return "".join(cells) if solve() else None


def check(candidate):
    grid = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    solved = candidate(grid)
    assert solved.startswith("534678912672195348198342567")
    assert all(a in (b, ".") for a, b in zip(grid, solved))
    for start in range(9):
        assert len(set(solved[start::9])) == len(set(solved[start * 9:start * 9 + 9])) == 9
    assert candidate("55" + "." * 79) is None
