def bit_tricks(number: int) -> dict:
    """Describe a 32-bit unsigned number: ones, lowest set bit, next power of two, bits reversed, Gray code."""
    return {
        "ones": number.bit_count(),
        "lowest": number & -number,
        "power": 1 << max(number - 1, 0).bit_length(),
        "reversed": int(f"{number:032b}"[::-1], 2),
        "gray": number ^ (number >> 1),
    }


def check(candidate):
    assert candidate(0) == {"ones": 0, "lowest": 0, "power": 1, "reversed": 0, "gray": 0}
    assert candidate(44) == {"ones": 3, "lowest": 4, "power": 64, "reversed": 0x34000000, "gray": 58}
    assert candidate(2**32 - 1)["reversed"] == 2**32 - 1
    codes = [candidate(n)["gray"] for n in range(256)]
    assert sorted(codes) == list(range(256))
    assert all((a ^ b).bit_count() == 1 for a, b in zip(codes, codes[1:]))
    assert ~5 == -6 and -7 >> 1 == -4 and (-7) % 3 == 2
