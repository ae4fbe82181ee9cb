from functools import wraps


def retry_decorator(times, errors=(Exception,), log=None):
    """A decorator that calls a function again, up to times calls in all, when it raises one of errors."""

    def decorate(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            for left in reversed(range(times)):
                try:
                    return function(*args, **kwargs)
                except errors as error:
                    if log is not None:
                        log.append(f"{function.__name__}: {error!r}")
                    if not left:
                        raise
            return None

        return wrapper

    return decorate


def check(candidate):
    log, calls = [], iter([ValueError("a"), KeyError("b"), "good"])

    @candidate(3, (ValueError, LookupError), log)
    def flaky(prefix, *, end=""):
        """Fails twice."""
        step = next(calls)
        if isinstance(step, Exception):
            raise step
        return prefix + step + end

    assert flaky("very ", end="!") == "very good!"
    assert log == ["flaky: ValueError('a')", "flaky: KeyError('b')"]
    assert (flaky.__name__, flaky.__doc__) == ("flaky", "Fails twice.")

    @candidate(2)
    def broken():
        raise OSError("gone") from KeyError("cause")

    try:
        broken()
    except OSError as error:
        assert isinstance(error.__cause__, KeyError)
    else:
        assert False
