import random


def seeded_shuffle(items: list, seed: int) -> list:
    """A shuffled copy that is the same for the same seed."""
    copy = list(items)
    random.Random(seed).shuffle(copy)
    return copy


def check(candidate):
    items = list(range(20))
    assert candidate(items, 1) == candidate(items, 1) != candidate(items, 2)
    assert sorted(candidate(items, 3)) == items == list(range(20))
    rng = random.Random(42)
    assert [rng.randint(1, 100) for _ in range(5)] == [82, 15, 4, 95, 36]
    assert round(random.Random(7).random(), 12) == 0.323832764833
    assert random.Random("text").sample(range(100), 3) == random.Random("text").sample(range(100), 3)
    draws = [random.Random(n).gauss(0, 1) for n in range(500)]
    assert abs(sum(draws) / 500) < 0.2
    assert 0 <= random.random() < 1
