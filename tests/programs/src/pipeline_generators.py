from itertools import accumulate, chain, islice, tee


def numbers(start):
    while True:
        received = yield start
        start = received if received is not None else start + 1


def flatten(nested):
    for item in nested:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


def pipeline_generators(nested: list, count: int) -> list[int]:
    """Running sums of the numbers in a nested list followed by 1, 2, 3, ..., the first count of them."""
    return list(islice(accumulate(chain(flatten(nested), numbers(1))), count))


def check(candidate):
    assert candidate([1, [2, [3, []]], 4], 6) == [1, 3, 6, 10, 11, 13]
    counter = numbers(10)
    assert [next(counter), counter.send(3), next(counter)] == [10, 3, 4]
    counter.close()
    assert next(counter, None) is None
    deep = []
    for n in range(200):
        deep = [n, deep]
    assert candidate(deep, 200)[-1] == sum(range(200))
    a, b = tee(iter("xy"))
    assert list(zip(a, b)) == [("x", "x"), ("y", "y")]
