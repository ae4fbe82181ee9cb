from operator import attrgetter, itemgetter, methodcaller


def league_table(games: list[tuple[str, int, int, str]]) -> list[tuple[str, int, int]]:
    """Rank teams by points, goal difference, and name from games (home, goals, goals, away).

    A win is worth 3 points, a draw 1. Returns (team, points, goal difference).
    """
    points, goals = {}, {}
    for home, scored, conceded, away in games:
        for team, difference in ((home, scored - conceded), (away, conceded - scored)):
            goals[team] = goals.get(team, 0) + difference
            points[team] = points.get(team, 0) + (3 if difference > 0 else difference == 0)
    table = [(team, points[team], goals[team]) for team in points]
    return sorted(table, key=lambda row: (-row[1], -row[2], row[0]))


def check(candidate):
    games = [("Ash", 2, 0, "Elm"), ("Elm", 1, 1, "Oak"), ("Oak", 0, 2, "Ash"), ("Fir", 1, 1, "Oak")]
    assert candidate(games) == [("Ash", 6, 4), ("Oak", 2, -2), ("Fir", 1, 0), ("Elm", 1, -2)]
    rows = [("b", 1), ("a", 1), ("c", 0)]
    assert sorted(rows, key=itemgetter(1)) == [("c", 0), ("b", 1), ("a", 1)]
    assert max(rows, key=itemgetter(1, 0)) == ("b", 1)
    assert methodcaller("split", "-")("a-b") == ["a", "b"] and attrgetter("real")(3j) == 0
    assert sorted(["b", "A", "a"], key=str.lower, reverse=True) == ["b", "A", "a"]
