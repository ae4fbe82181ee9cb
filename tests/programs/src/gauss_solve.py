from fractions import Fraction


def gauss_solve(rows):
    """Solve a square linear system given as rows of coefficients with the right side last, exactly.

    Returns None when it has no single solution.
    """
    rows = [[Fraction(value) for value in row] for row in rows]
    size = len(rows)
    for column in range(size):
        pivot = next((at for at in range(column, size) if rows[at][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column]
        rows[column] = lead = [value / lead[column] for value in lead]
        for at in range(size):
            if at != column and rows[at][column]:
                factor = rows[at][column]
                rows[at] = [a - factor * b for a, b in zip(rows[at], lead)]
    return [row[-1] for row in rows]


def check(candidate):
    assert candidate([[2, 1, 3], [1, 3, 5]]) == [Fraction(4, 5), Fraction(7, 5)]
    assert candidate([[0, 1, 2], [1, 0, 3]]) == [3, 2]
    assert candidate([[1, 2, 3], [2, 4, 6]]) is None
    size = 8
    hilbert = [[Fraction(1, i + j + 1) for j in range(size)] for i in range(size)]
    assert candidate([row + [sum(row)] for row in hilbert]) == [1] * size
