import sys
from functools import lru_cache


@lru_cache(maxsize=None)
def fibonacci(n: int) -> int:
    """The n-th Fibonacci number by doubling."""
    if n < 3:
        return min(n, 1)
    half = n // 2
    a, b = fibonacci(half), fibonacci(half + 1)
    return a * a + b * b if n % 2 else a * (2 * b - a)


def fibonacci_digits(n: int) -> tuple[int, str, int]:
    """Return the number of digits of the n-th Fibonacci number, its first five, and its remainder by 10**9."""
    value = fibonacci(n)
    text = str(value)
    return len(text), text[:5], value % 10**9


def check(candidate):
    assert candidate(10) == (2, "55", 55)
    assert candidate(1000) == (209, "43466", 849228875)
    assert candidate(20000) == (4180, "25311", 213093125)
    assert fibonacci.cache_info().hits > 0
    assert sys.getrecursionlimit() > 100
