from __future__ import annotations

Matrix = list[list[int]]


def multiply(a: Matrix, b: Matrix, modulus: int) -> Matrix:
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) % modulus for column in columns] for row in a]


def matrix_power(base: Matrix, exponent: int, modulus: int) -> Matrix:
    """Raise a square matrix to a power, every entry modulo a number, by squaring."""
    size = len(base)
    result = [[int(i == j) for j in range(size)] for i in range(size)]
    while exponent:
        if exponent & 1:
            result = multiply(result, base, modulus)
        base = multiply(base, base, modulus)
        exponent >>= 1
    return result


def check(candidate):
    assert candidate([[1, 1], [1, 0]], 10**18, 10**9 + 7)[0][1] == 209783453
    assert candidate([[2, 0], [0, 3]], 5, 1000) == [[32, 0], [0, 243]]
    assert candidate([[7]], 0, 10) == [[1]]
