from math import isqrt


def prime_sieve(limit: int) -> list[int]:
    """All primes up to limit, limit included."""
    marks = bytearray([1]) * (limit + 1)
    marks[:2] = bytes(min(2, limit + 1))
    for n in range(2, isqrt(limit) + 1):
        if marks[n]:
            marks[n * n:: n] = bytes(len(range(n * n, limit + 1, n)))
    return [n for n, mark in enumerate(marks) if mark]


def check(candidate):
    assert candidate(1) == [] and candidate(2) == [2]
    assert candidate(30) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    primes = candidate(50_000)
    assert len(primes) == 5133 and primes[-1] == 49999
    view = memoryview(bytearray(b"abcdef"))[1:5:2]
    assert bytes(view) == b"bd"
