import statistics
from collections import Counter


def describe_sample(values: list[float]) -> dict[str, object]:
    """Mean, median, population and sample deviation, quartiles and modes of a sample."""
    return {
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "pstdev": round(statistics.pstdev(values), 6),
        "stdev": round(statistics.stdev(values), 6),
        "quartiles": statistics.quantiles(values, n=4, method="inclusive"),
        "modes": statistics.multimode(values),
    }


def check(candidate):
    assert candidate([2, 4, 4, 4, 5, 5, 7, 9]) == {
        "mean": 5.0, "median": 4.5, "pstdev": 2.0, "stdev": 2.13809,
        "quartiles": [4.0, 4.5, 5.5], "modes": [4]}
    assert candidate([1, 1, 2, 2])["modes"] == [1, 2]
    try:
        candidate([1])
    except statistics.StatisticsError:
        pass
    else:
        assert False
    assert round(statistics.correlation([1, 2, 3], [2, 4, 7]), 4) == 0.9934
    assert Counter("abracadabra").most_common(2) == [("a", 5), ("b", 2)]
    assert Counter(a=3) - Counter(a=1, b=2) == Counter(a=2)
