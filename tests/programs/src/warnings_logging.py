import logging
import warnings
from io import StringIO


def warnings_logging(values: list[str]) -> tuple[list[float], str]:
    """Read numbers; what is none is logged and skipped, and a decimal comma is accepted with a warning."""
    stream = StringIO()
    log = logging.getLogger("reader")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    log.handlers, log.propagate = [handler], False
    numbers = []
    for value in values:
        if "," in value:
            warnings.warn(f"decimal comma in {value}", DeprecationWarning, stacklevel=2)
            value = value.replace(",", ".")
        try:
            numbers.append(float(value))
        except ValueError:
            log.warning("no number: %r", value)
    return numbers, stream.getvalue()


def check(candidate):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = candidate(["1", "x", "2,5", "inf"])
    assert got == ([1.0, 2.5, float("inf")], "WARNING reader: no number: 'x'\n")
    assert [str(one.message) for one in caught] == ["decimal comma in 2,5"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            candidate(["1,0"])
        except DeprecationWarning:
            pass
        else:
            assert False
