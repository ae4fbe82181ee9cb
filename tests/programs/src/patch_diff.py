import difflib


def patch_diff(before: str, after: str) -> list[str]:
    """The changed lines of a unified diff without context."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "a", "b", n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++"))]


def check(candidate):
    assert candidate("one\ntwo\nthree", "one\n2\nthree\nfour") == [
        "@@ -2 +2 @@", "-two", "+2", "@@ -3,0 +4 @@", "+four"]
    assert candidate("same", "same") == []
    assert difflib.get_close_matches("appel", ["ape", "apple", "peach"]) == ["apple", "ape"]
    matcher = difflib.SequenceMatcher(None, "qabxcd", "abycdf")
    assert [tag for tag, *_ in matcher.get_opcodes()] == ["delete", "equal", "replace", "equal", "insert"]
