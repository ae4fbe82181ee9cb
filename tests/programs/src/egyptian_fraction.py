from fractions import Fraction
from math import ceil


def egyptian_fraction(value: Fraction) -> list[Fraction]:
    """Split a fraction between 0 and 1 into different unit fractions, greedily."""
    parts = []
    while value:
        part = Fraction(1, ceil(1 / value))
        parts.append(part)
        value -= part
    return parts


def check(candidate):
    assert candidate(Fraction(7, 15)) == [Fraction(1, 3), Fraction(1, 8), Fraction(1, 120)]
    parts = candidate(Fraction(5, 121))
    assert sum(parts) == Fraction(5, 121) and len(set(parts)) == len(parts) == 5
    assert all(part.numerator == 1 for part in parts)
    assert parts[-1].denominator == 1527612795642093418846225
    assert Fraction("0.125") == Fraction(1, 8) and Fraction(3.14159).limit_denominator(10) == Fraction(22, 7)
