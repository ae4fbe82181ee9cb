"""Inputs for the tasks, and running code on them."""

import copy

WORDS = "level hello World abba Python code Rust test aEiou xyz 42 a1b2 Noon kayak data is the quick Brown fox Anna go Tree banana See".split()
SMALL_WORDS = "abc hello noon a go Abba hi tree cat aa Bob xy".split()
LETTERS = ["a", "e", "l", "he", "Wo", "t", "x", "A", "an", "o", "L"]
RAISED = "raised"


def argument(rng, kind, small=False):
    """One value of the kind; `small` ones are what a written test would use."""
    if kind == "s":
        if small:
            return rng.choice(SMALL_WORDS)
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 4)))
    if kind == "c":
        return rng.choice(LETTERS)
    if kind == "n":
        return rng.randint(1, 9) if small else rng.choice([rng.randint(1, 12), rng.randint(1, 12), rng.randint(0, 40), rng.randint(1, 500)])
    if kind == "z":
        return rng.randint(-9, 9) if small else rng.randint(-120, 250)
    if kind == "i":
        return rng.randint(1, 9) if small else rng.choice([rng.randint(-9, 20), rng.randint(1, 30), rng.randint(0, 4)])
    if kind == "l":
        if small:
            return [rng.randint(-3 if rng.random() < 0.3 else 0, 9) for _ in range(rng.choice([1, 2, 2, 3, 3]))]
        size = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 9])
        span = rng.choice([(-15, 20), (-4, 5), (0, 9)])
        return [rng.randint(*span) for _ in range(size)]
    if kind == "L":
        return [rng.choice(SMALL_WORDS if small else WORDS) for _ in range(rng.randint(1, 3) if small else rng.randint(0, 5))]
    return {rng.choice("abcdefgh"): rng.randint(-5, 20) for _ in range(rng.randint(1, 2) if small else rng.randint(0, 5))}


def arguments(rng, task, small=False):
    """One value per parameter, adjusted where a combination needs it."""
    if task.key == "from_binary":
        return ["".join(rng.choice("01") for _ in range(rng.randint(1, 4 if small else 9)))]
    values = [argument(rng, kind, small) for kind in task.kinds]
    if task.key in ("power", "repeat_string", "multiples", "first_chars", "last_chars", "long_words"):
        values[1] = rng.randint(0, 6)
    elif task.kinds == "ln":
        values[1] = rng.choice([rng.randint(1, 9), rng.choice(values[0]) if values[0] and task.key in CHOSEN else rng.randint(1, 5)])
    elif task.kinds == "iii" and task.key != "max_of_three":
        values[1:] = sorted(values[1:])
        if rng.random() < 0.3:
            values[0] = rng.choice(values[1:])
    elif task.key == "range_sum":
        values.sort()
    elif task.kinds == "ss" and rng.random() < 0.6:
        letters = list(rng.choice([values[0], values[0].lower(), values[0].upper()]).replace(" ", rng.choice(["", " "])))
        rng.shuffle(letters)
        values[1] = rng.choice(["".join(letters), "".join(letters), values[0].lower(), values[0].upper(), values[0]])
    elif task.kinds in ("sc", "Lc", "dc") and values[0] and rng.random() < 0.5:
        values[1] = near(rng, task, values[0])
    elif task.key in ("ends_equal",) and rng.random() < 0.5 and values[0]:
        values[0][-1] = values[0][0]
    elif task.key == "is_sorted" and rng.random() < 0.6:
        values[0].sort(reverse=rng.random() < 0.3)
    elif task.key in ("all_positive", "all_even") and rng.random() < 0.5:
        values[0] = [abs(x) * 2 for x in values[0]]
    elif task.key in ("is_perfect", "is_square", "is_power_of_two") and rng.random() < 0.5:
        values[0] = rng.choice([6, 28, 496, 4, 16, 25, 64, 81, 32, 1])
    elif task.key == "is_leap":
        values[0] = rng.choice([1900, 2000, 2024, 2023, 1996, 2100, 2400, rng.randint(1800, 2200)])
    elif task.key == "is_palindrome" and rng.random() < 0.5:
        values[0] = rng.choice(["noon", "Anna", "level", "Level", "kayak", "a", "nurses run", "Never odd or even", "abba", "No on", "Aba", "Noon", "Otto", "top spot", "Pop", "Race car"])
    elif task.key == "unique_chars":
        values[0] = rng.choice(["Aa", "Noon", "abA", "Otto", "Test", "Python", "hello", "Pop", "Lol", "world", "Did", "Anna", "abc", "Rust go"])
    elif task.key == "is_positive" and rng.random() < 0.4:
        values[0] = 0
    return values


CHOSEN = frozenset("contains find_index count_value remove_value".split())


def near(rng, task, whole):
    """A second argument that has something to do with the first."""
    if task.kinds == "dc":
        return rng.choice(list(whole))
    text = rng.choice(whole) if task.kinds == "Lc" else whole
    if not text:
        return "a"
    size = rng.randint(1, 2)
    piece = {"starts_with": text[:size], "ends_with": text[-size:], "starting_with": text[:size]}.get(task.key, rng.choice(text))
    return rng.choice([piece, piece, piece.lower(), piece.upper()])


def load(source, name):
    """The function of that name from its source."""
    scope = {}
    exec(compile(source, "<generated>", "exec"), scope)
    return scope[name]


def outcome(function, values):
    """("returned", repr) or ("raised", exception name); values compare by repr."""
    try:
        return "returned", repr(function(*copy.deepcopy(values)))
    except Exception as error:  # Generated code may fail in any way.
        return RAISED, type(error).__name__


def call_text(name, values):
    """The call as it would be typed."""
    return f"{name}({', '.join(map(repr, values))})"
