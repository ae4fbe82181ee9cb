from itertools import permutations


def permutation_puzzle(puzzle: str) -> dict[str, int] | None:
    """Solve a sum like 'SEND + MORE == MONEY': a digit for each letter, no leading zero, or None."""
    words = [word for word in puzzle.split() if word.isalpha()]
    letters = sorted(set("".join(words)))
    weights = dict.fromkeys(letters, 0)
    for word in words:
        sign = -1 if word is words[-1] else 1
        for place, letter in enumerate(reversed(word)):
            weights[letter] += sign * 10**place
    leading = {word[0] for word in words}
    order = sorted(letters, key=lambda letter: -abs(weights[letter]))

    def place(at, rest, used):
        if at == len(order):
            return {} if rest == 0 else None
        reach = 9 * sum(abs(weights[letter]) for letter in order[at:])
        if abs(rest) > reach:
            return None
        letter = order[at]
        for digit in range(letter in leading, 10):
            if digit not in used:
                found = place(at + 1, rest + weights[letter] * digit, used | {digit})
                if found is not None:
                    return {letter: digit, **found}
        return None

    return place(0, 0, frozenset())


def check(candidate):
    got = candidate("SEND + MORE == MONEY")
    assert got == dict(zip("SENDMORY", (9, 5, 6, 7, 1, 0, 8, 2)))
    assert candidate("A + A == A") is None
    assert len(list(permutations(range(5), 3))) == 60
