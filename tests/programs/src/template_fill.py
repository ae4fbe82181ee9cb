import string


class Dotted(string.Template):
    idpattern = r"[a-z][a-z0-9_.]*"


def template_fill(text, values):
    """Fill $name and ${dotted.name} from values; unknown names stay as they are."""
    return Dotted(text).safe_substitute(values)


def check(candidate):
    assert candidate("$who owes $$${cost.total}", {"who": "Ann", "cost.total": 5}) == "Ann owes $5"
    assert candidate("hello $nobody", {}) == "hello $nobody"
    assert string.capwords("the old man") == "The Old Man"
    assert string.Formatter().format("{0!r:>6}|{a[1]}", "x", a=[1, 2]) == "   'x'|2"
