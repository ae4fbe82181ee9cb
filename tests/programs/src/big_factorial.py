import math


def big_factorial(n: int) -> tuple[int, int]:
    """Number of trailing zeros of n!, and the sum of its decimal digits."""
    value = math.factorial(n)
    text = str(value)
    return len(text) - len(text.rstrip("0")), sum(map(int, text))


def check(candidate):
    assert candidate(0) == (0, 1)
    assert candidate(100) == (24, 648)
    assert candidate(1000) == (249, 10539)
    assert math.isqrt(10**40 + 1) == 10**20
    assert pow(3, -1, 7) == 5 and math.lcm(4, 6, 10) == 60 and math.comb(50, 25) == 126410606437752
    assert int("zz", 36) == 1295 and (1 << 200).to_bytes(26, "big")[0] == 1
    assert divmod(-(10**30), 7) == (-142857142857142857142857142858, 6)
