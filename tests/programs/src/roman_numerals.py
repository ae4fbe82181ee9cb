PAIRS = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
         (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


def to_roman(number: int) -> str:
    """Write a number from 1 to 3999 in Roman numerals.

    >>> to_roman(1994)
    'MCMXCIV'
    """
    if not 1 <= number <= 3999:
        raise ValueError(f"{number} has no Roman numeral")
    out = []
    for value, letters in PAIRS:
        times, number = divmod(number, value)
        out.append(letters * times)
    return "".join(out)


def check(candidate):
    assert [candidate(n) for n in (1, 4, 9, 14, 40, 90, 400, 1994, 2026, 3999)] == [
        "I", "IV", "IX", "XIV", "XL", "XC", "CD", "MCMXCIV", "MMXXVI", "MMMCMXCIX"]
    for bad in (0, -3, 4000):
        try:
            candidate(bad)
        except ValueError as error:
            assert str(bad) in str(error)
        else:
            assert False, bad
