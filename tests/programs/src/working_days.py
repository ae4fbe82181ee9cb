from datetime import date, datetime, timedelta, timezone


def working_days(start: date, end: date, holidays: frozenset = frozenset()) -> int:
    """Count days from start to end, both included, that are neither weekend nor holiday."""
    days = (start + timedelta(n) for n in range((end - start).days + 1))
    return sum(day.weekday() < 5 and day not in holidays for day in days)


def check(candidate):
    assert candidate(date(2024, 2, 26), date(2024, 3, 3)) == 5
    assert candidate(date(2024, 12, 23), date(2024, 12, 31), frozenset({date(2024, 12, 25)})) == 6
    assert candidate(date(2024, 1, 2), date(2024, 1, 1)) == 0
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
    assert moment.astimezone(timezone.utc).isoformat() == "2024-03-01T02:30:00+00:00"
    assert datetime.strptime("31/12/99 07:05", "%d/%m/%y %H:%M") == datetime(1999, 12, 31, 7, 5)
    assert f"{date(2024, 1, 1):%A %d %B %Y, week %V}" == "Monday 01 January 2024, week 01"
    assert date.fromisocalendar(2020, 53, 5).isoformat() == "2021-01-01"
