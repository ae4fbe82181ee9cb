import heapq
from collections.abc import Iterable, Iterator


def median_stream(numbers: Iterable[int]) -> Iterator[float]:
    """Yield the median of all numbers so far after each of them."""
    low: list[int] = []
    high: list[int] = []
    for number in numbers:
        heapq.heappush(high, -heapq.heappushpop(low, -number))
        if len(high) > len(low):
            heapq.heappush(low, -heapq.heappop(high))
        yield -low[0] if len(low) > len(high) else (high[0] - low[0]) / 2


def check(candidate):
    import statistics

    numbers = [(n * 7919) % 1009 for n in range(300)]
    wanted = [statistics.median(numbers[:n]) for n in range(1, 301)]
    assert list(candidate(numbers)) == wanted
    stream = candidate(iter([5, 1]))
    assert (next(stream), next(stream), next(stream, "end")) == (5, 3.0, "end")
