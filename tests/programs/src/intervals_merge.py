from bisect import bisect_left, insort
from typing import Iterable, NamedTuple


class Span(NamedTuple):
    start: int
    stop: int


def intervals_merge(spans: Iterable[Span]) -> list[Span]:
    """Merge half-open spans that overlap or touch.

    >>> intervals_merge([Span(5, 7), Span(1, 3), Span(3, 4)])
    [Span(start=1, stop=4), Span(start=5, stop=7)]
    """
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = merged[-1]._replace(stop=max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged


def check(candidate):
    assert candidate([]) == []
    assert candidate([Span(1, 9), Span(2, 3), Span(9, 10), Span(12, 12)]) == [(1, 10), (12, 12)]
    assert repr(candidate([Span(1, 2)])) == "[Span(start=1, stop=2)]"
    found = [1, 5]
    insort(found, 3)
    assert found == [1, 3, 5] and bisect_left(found, 4) == 2
