import operator
from functools import partial, partialmethod, reduce, singledispatch


@singledispatch
def size(value):
    raise TypeError(f"no size for {type(value).__name__}")


@size.register
def _(value: int | bool) -> int:
    return value.bit_length()


@size.register(str)
def _(value):
    return len(value)


@size.register(list)
@size.register(tuple)
def _(value):
    return reduce(operator.add, map(size, value), 1)


class Cell:
    def set(self, value):
        self.value = value
        return self

    on, off = partialmethod(set, True), partialmethod(set, False)


def dispatch_functions(values):
    """Sizes by type: bits of whole numbers, letters of texts, one more than its items for a list."""
    return [size(value) for value in values]


def check(candidate):
    assert candidate([255, "abc", [1, "xy", []], (), True]) == [8, 3, 5, 1, 1]
    try:
        candidate([1.5])
    except TypeError as error:
        assert str(error) == "no size for float"
    else:
        assert False
    assert Cell().on().value is True and Cell().off().value is False
    assert partial(int, base=2)("1011") == 11 and partial(pow, 2)(5) == 32
