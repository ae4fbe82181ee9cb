"""Standard streams: buffered text on the host's descriptors, cut at the request's limit."""

import io, posix, sys

from . import files


class _Capped(io.RawIOBase):
    """Sends what fits the limit and one byte more, by which the host sees that there was more."""

    def __init__(self, fd, name):
        self.fd, self.name, self.mode, self.left = fd, name, "wb", 0

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self.fd

    def write(self, chunk):
        size = len(chunk)
        room = min(self.left, size)
        if room:
            self.left -= room
            posix.write(self.fd, bytes(chunk[:room]))
        return size


def _text(fd, name, errors):
    raw = _Capped(fd, name)
    return io.TextIOWrapper(io.BufferedWriter(raw, 1 << 15), "utf-8", errors), raw


class _Stdin(io.BufferedReader):
    """The bytes that the request gave, known as descriptor 0."""

    def fileno(self):
        return 0

    def isatty(self):
        return False


_stdout, _raw_out = _text(1, "<stdout>", "backslashreplace")
_stderr, _raw_err = _text(2, "<stderr>", "backslashreplace")


def start(limit):
    """Makes them `sys.stdin`, `sys.stdout` and `sys.stderr`."""
    _raw_out.left = _raw_err.left = limit + 1
    sys.stdout = sys.__stdout__ = _stdout
    sys.stderr = sys.__stderr__ = _stderr
    stdin = io.TextIOWrapper(_Stdin(files.stdin), "utf-8", "surrogateescape")
    sys.stdin = sys.__stdin__ = stdin


def error():
    """Where tracebacks go, whatever the program did to `sys.stderr`."""
    return _stderr


def finish():
    """Sends what is buffered. A stream that the program closed stays closed."""
    for stream in (sys.stdout, sys.stderr, _stdout, _stderr):
        try:
            stream.flush()
        except Exception:
            pass
