def miller_rabin(n: int) -> bool:
    """Whether n is prime, certain below 3.3e24 (first thirteen primes as witnesses)."""
    witnesses = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if n < 2 or any(n % p == 0 and n != p for p in witnesses):
        return False
    if n in witnesses:
        return True
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in witnesses:
        power = pow(witness, odd, n)
        if power in (1, n - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % n
            if power == n - 1:
                break
        else:
            return False
    return True


def check(candidate):
    assert [n for n in range(40) if candidate(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
    assert candidate(2**61 - 1) and not candidate(2**67 - 1)
    assert not candidate(561) and not candidate(3215031751)
    assert candidate(1000000007 * 1 + 2) and not candidate(1000000007 * 998244353)
