import re
from collections.abc import Callable

TOKEN = re.compile(r"\s*(?:(\d+\.?\d*)|(.))")
BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (1, lambda a, b: a + b),
    "-": (1, lambda a, b: a - b),
    "*": (2, lambda a, b: a * b),
    "/": (2, lambda a, b: a / b),
    "^": (4, lambda a, b: a**b),
}


def arithmetic_parser(text: str) -> float:
    """Evaluate + - * / ^ with parentheses and signs; ^ binds to the right and before a sign.

    >>> arithmetic_parser("2 + 3 * -(4 - 1)")
    -7.0
    """
    tokens = [float(number) if number else mark for number, mark in TOKEN.findall(text)]
    tokens.append("end")
    at = 0

    def take():
        nonlocal at
        at += 1
        return tokens[at - 1]

    def operand():
        token = take()
        if token == "-":
            return -expression(3)
        if token == "(":
            value = expression(0)
            if take() != ")":
                raise SyntaxError("')' is missing")
            return value
        if not isinstance(token, float):
            raise SyntaxError(f"unexpected {token!r}")
        return token

    def expression(least):
        left = operand()
        while tokens[at] in BINARY and BINARY[tokens[at]][0] > least:
            mark = take()
            strength, apply = BINARY[mark]
            left = apply(left, expression(strength - (mark == "^")))
        return left

    value = expression(0)
    if tokens[at] != "end":
        raise SyntaxError(f"unexpected {tokens[at]!r}")
    return value


def check(candidate):
    for text, value in [("1+2*3", 7), ("(1+2)*3", 9), ("2^3^2", 512), ("-2^2", -4), ("8/4/2", 1),
                        ("2 * -3", -6), ("10 - 4 - 3", 3), ("2^-1", 0.5), ("1.5e", None), ("(1", None), ("", None)]:
        if value is None:
            try:
                candidate(text)
            except SyntaxError:
                continue
            assert False, text
        assert candidate(text) == value, text
    try:
        candidate("1/0")
    except ZeroDivisionError:
        pass
    else:
        assert False
