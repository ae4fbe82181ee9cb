from collections import OrderedDict
from collections.abc import Hashable, MutableMapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(MutableMapping, Generic[K, V]):
    """A dictionary that holds the most recently used entries only."""

    def __init__(self, room: int):
        self.room, self.entries = room, OrderedDict()

    def __getitem__(self, key: K) -> V:
        self.entries.move_to_end(key)
        return self.entries[key]

    def __setitem__(self, key: K, value: V) -> None:
        self.entries[key] = value
        self.entries.move_to_end(key)
        if len(self.entries) > self.room:
            self.entries.popitem(last=False)

    def __delitem__(self, key: K) -> None:
        del self.entries[key]

    def __iter__(self):
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def lru_cache_class(room: int, steps: list[str]) -> str:
    """Replay steps like 'a' (read) and 'a=1' (write) on a cache; a letter a read: its value or '-'."""
    cache: Recent[str, str] = Recent(room)
    out = ""
    for step in steps:
        key, is_write, value = step.partition("=")
        if is_write:
            cache[key] = value
        else:
            out += cache.get(key, "-")
    return out


def check(candidate):
    assert candidate(2, ["a=1", "b=2", "a", "c=3", "b", "a", "c"]) == "1-13"
    assert candidate(1, ["x", "x=5", "x", "y=6", "x"]) == "-5-"
    cache = Recent(3)
    cache.update(a=1, b=2)
    assert cache.setdefault("a", 9) == 1 and list(cache) == ["b", "a"] and cache.pop("b") == 2
    assert "b" not in cache and dict(cache) == {"a": 1}
