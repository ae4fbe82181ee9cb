from pathlib import PurePosixPath, PureWindowsPath


def pure_paths(paths: list[str], base: str) -> list[str]:
    """Paths below base, relative to it and sorted, with the suffix of each Python file in upper case."""
    root, out = PurePosixPath(base), []
    for path in map(PurePosixPath, paths):
        if path.is_relative_to(root) and path != root:
            inner = path.relative_to(root)
            out.append(str(inner.with_suffix(".PY") if inner.match("*.py") else inner))
    return sorted(out)


def check(candidate):
    assert candidate(["/a/b/x.py", "/a/c.tar.gz", "/ab/d", "/a", "a/e.py"], "/a") == ["b/x.PY", "c.tar.gz"]
    path = PurePosixPath("/usr") / "lib" / "../x.tar.gz"
    assert (path.name, path.stem, path.suffixes, path.parts[0]) == ("x.tar.gz", "x.tar", [".tar", ".gz"], "/")
    assert str(PureWindowsPath("C:/a") / "b.txt") == "C:\\a\\b.txt"
    try:
        PurePosixPath("/a").relative_to("/b")
    except ValueError:
        pass
    else:
        assert False
