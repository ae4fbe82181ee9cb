"""Returned values as JSON: tuple = list, set = sorted list, generator = list, dictionary keys by `str`."""

import collections, json

# The host reads no deeper than 128.
DEPTH_MAX = 100


class Unsupported(Exception):
    """The value cannot be given to the host; the text says why."""


class _Budget:
    def __init__(self, limit):
        self.limit = self.left = limit

    def spend(self, size):
        self.left -= size
        if self.left < 0:
            raise Unsupported(f"returned a value larger than {self.limit} bytes")


_VIEWS = (type({}.keys()), type({}.values()), type({}.items()), range, collections.deque)
_dumps = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


def to_json(value, limit):
    """The JSON of `value`, at most `limit` bytes."""
    text = _dumps(_plain(value, _Budget(limit), 0))
    if len(text) > limit:
        raise Unsupported(f"returned a value larger than {limit} bytes")
    return text


def _plain(value, budget, depth):
    budget.spend(1)
    if depth > DEPTH_MAX:
        raise Unsupported(f"returned a value nested deeper than {DEPTH_MAX} levels")
    if value is None or value is True or value is False:
        return value
    # By the real type, not `isinstance`: that asks the value itself, and a program can make it lie.
    kinds = type(value).__mro__
    if int in kinds:
        # Decimal digits grow as the number does; asking first keeps a huge one from being spelt at all.
        budget.spend(int.bit_length(value) // 4)
        return int.__add__(value, 0)
    if float in kinds:
        return float.__add__(value, 0.0) if value == value else float("nan")
    if str in kinds:
        budget.spend(str.__len__(value))
        return str.__str__(value)
    if dict in kinds:
        return {_key(k, budget): _plain(v, budget, depth + 1) for k, v in dict.items(value)}
    if list in kinds or tuple in kinds:
        return [_plain(item, budget, depth + 1) for item in (list if list in kinds else tuple).__iter__(value)]
    if set in kinds or frozenset in kinds:
        items = [_plain(item, budget, depth + 1) for item in (set if set in kinds else frozenset).__iter__(value)]
        try:
            return sorted(items)
        except TypeError:
            return sorted(items, key=repr)
    if type(value) in _VIEWS or hasattr(type(value), "__next__"):
        return [_plain(item, budget, depth + 1) for item in value]
    raise Unsupported(f"returned an unsupported type {type(value).__name__}")


def _key(key, budget):
    text = str(key)
    budget.spend(len(text))
    return text
