def closure_counter(step=1):
    """Return (add, total): add() raises a hidden sum by step and returns it; total() returns it."""
    value = 0

    def add():
        nonlocal value
        value += step
        return value

    return add, lambda: value


def check(candidate):
    add, total = candidate()
    other, other_total = candidate(step=10)
    assert [add(), add(), other(), add()] == [1, 2, 10, 3]
    assert (total(), other_total()) == (3, 10)
    late = [lambda: n for n in range(3)]
    bound = [lambda n=n: n for n in range(3)]
    assert [f() for f in late] == [2, 2, 2] and [f() for f in bound] == [0, 1, 2]
    assert candidate.__defaults__ == (1,) and add.__closure__ is not None
