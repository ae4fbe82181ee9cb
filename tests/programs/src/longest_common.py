from functools import cache


def longest_common(a: str, b: str) -> str:
    """A longest subsequence that both texts have; the one that keeps to the front of a."""

    @cache
    def best(i: int, j: int) -> str:
        if i == len(a) or j == len(b):
            return ""
        if a[i] == b[j]:
            return a[i] + best(i + 1, j + 1)
        return max(best(i, j + 1), best(i + 1, j), key=len)

    return best(0, 0)


def check(candidate):
    assert candidate("AGGTAB", "GXTXAYB") == "GTAB"
    assert candidate("abc", "xyz") == ""
    a, b = "ACCGGTCGAGTGCGCGGAAGCCGGCCGAA", "GTCGTTCGGAATGCCGTTGCTCTGTAAA"
    assert len(candidate(a, b)) == 20
