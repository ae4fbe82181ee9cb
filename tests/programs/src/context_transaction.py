from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from io import StringIO


@contextmanager
def transaction(values: dict):
    """Undoes every change to values when the block raises."""
    before = dict(values)
    try:
        yield values
    except Exception:
        values.clear()
        values.update(before)
        raise


def context_transaction(values: dict, changes: list[tuple[str, int]]) -> bool:
    """Apply all (name, difference) changes to values, or none when one would make a value negative."""
    with suppress(ValueError):
        with transaction(values):
            for name, difference in changes:
                values[name] = values.get(name, 0) + difference
                if values[name] < 0:
                    raise ValueError(name)
            return True
    return False


def check(candidate):
    account = {"a": 5}
    assert candidate(account, [("a", -3), ("b", 3)]) is True and account == {"a": 2, "b": 3}
    assert candidate(account, [("b", 1), ("a", -3)]) is False and account == {"a": 2, "b": 3}
    order, out = [], StringIO()
    with ExitStack() as stack, redirect_stdout(out):
        for n in range(3):
            stack.callback(order.append, n)
        print("inside", end="")
    assert order == [2, 1, 0] and out.getvalue() == "inside"
