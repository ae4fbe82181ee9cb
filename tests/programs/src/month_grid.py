import calendar


def month_grid(year: int, month: int) -> list[str]:
    """The weeks of a month from Monday to Sunday, two places a day, '..' for days of other months."""
    weeks = calendar.monthcalendar(year, month)
    return [" ".join(f"{day:2}" if day else ".." for day in week) for week in weeks]


def check(candidate):
    assert candidate(2021, 2) == [" ".join(f"{d:2}" for d in range(n, n + 7)) for n in (1, 8, 15, 22)]
    assert candidate(2026, 8)[0] == ".. .. .. .. ..  1  2" and len(candidate(2026, 8)) == 6
    assert [year for year in range(1896, 1913) if calendar.isleap(year)] == [1896, 1904, 1908, 1912]
    assert calendar.monthrange(2024, 2) == (3, 29) and calendar.timegm((1970, 1, 2, 0, 0, 1)) == 86401
    first = calendar.TextCalendar(6).formatmonth(2024, 9).splitlines()[0].strip()
    assert first == "September 2024"
