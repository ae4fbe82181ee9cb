"""Plausible mistakes: small edits of right code."""

import re

SWAPS = (
    (" + ", " - "), (" - ", " + "), (" * ", " + "), (" == ", " != "), (" != ", " == "), (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "),
    (" > ", " < "), (" < ", " > "), ("max(", "min("), ("min(", "max("), ("[::-1]", ""), ("sorted(", "list("), (".upper(", ".lower("), (".lower()", ""),
    ("not in", "in"), (" and ", " or "), ("True", "False"), ("False", "True"), ("sum(", "max("), ("sum(", "len("), ("x * x", "x"), ("x ** 3", "x * 3"),
    ("x * x", "x * 2"), ("abs(x)", "x"), (", reverse=True", ""), ("-x ", "x "), (" % ", " // "), ("all(", "any("), ("any(", "all("), ("[0]", "[-1]"), ("[-1]", "[0]"),
    ("return sum(", "return -sum("), (".startswith(", ".endswith("), (".endswith(", ".startswith("), (" // ", " / "), ("len(set(", "len(list("), ("default=0", "default=1"),
    ("+ 1)", ")"), ("[:1]", "[:2]"), ("key=len", "key=str"), ("set(", "list("), ("' '", "''"), ("result = 1", "result = 0"), ("total = 0", "total = 1"),
)
NUMBER = re.compile(r"(?<![\w.$])\d+(?![\w.])")
FILTER = re.compile(r" if x [^\]\)]*?(?=[\]\)])")


def mutate(rng, body):
    """A changed body, or None where nothing applied."""
    options = [body.replace(old, new, 1) for old, new in SWAPS if old in body]
    for match in NUMBER.finditer(body):
        value = int(match.group()) + rng.choice([-1, 1])
        if value >= 0:
            options.append(body[: match.start()] + str(value) + body[match.end() :])
    match = FILTER.search(body)
    if match:
        options += [body[: match.start()] + body[match.end() :]] * 2
    options = [option for option in options if option != body]
    return rng.choice(options) if options else None
