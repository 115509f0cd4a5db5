"""Calendar periods of the filters: which days "last week" or "in the next 5 days, any year" are.

Days are the project's days. Weeks start on Monday. Nothing here reads a clock.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)

_Period = tuple[date, date]


def find_day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC.

    Where clocks jump over midnight the day starts with the jump: a gap is read with the offset
    before it, which is that very instant. Where 00:00 comes twice, the first one counts.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _month_of(day: date, offset: int) -> _Period:
    index = day.year * 12 + day.month - 1 + offset
    return date(index // 12, index % 12 + 1, 1), date((index + 1) // 12, (index + 1) % 12 + 1, 1)


def _week_of(day: date, offset: int) -> _Period:
    monday = day - timedelta(days=day.weekday()) + offset * _WEEK
    return monday, monday + _WEEK


def _year_of(day: date, offset: int) -> _Period:
    return date(day.year + offset, 1, 1), date(day.year + offset + 1, 1, 1)


def _day_of(day: date, offset: int) -> _Period:
    return day + offset * _DAY, day + (offset + 1) * _DAY


_PERIODS: Final[dict[str, tuple[Callable[[date, int], _Period], int]]] = {
    "$today": (_day_of, 0),
    "$tomorrow": (_day_of, 1),
    "$yesterday": (_day_of, -1),
    "$this_week": (_week_of, 0),
    "$last_week": (_week_of, -1),
    "$next_week": (_week_of, 1),
    "$this_month": (_month_of, 0),
    "$last_month": (_month_of, -1),
    "$next_month": (_month_of, 1),
    "$this_year": (_year_of, 0),
    "$last_year": (_year_of, -1),
    "$next_year": (_year_of, 1),
}
# Operators that count: the period lies so many days or years away, in this direction.
_COUNTED: Final[dict[str, tuple[Callable[[date, int], _Period], int]]] = {
    "$is_days_ago": (_day_of, -1),
    "$is_days_in_future": (_day_of, 1),
    "$is_years_ago": (_year_of, -1),
}
_ANY_YEAR: Final = {f"{name}_md": period for name, period in _PERIODS.items() if not name.endswith("_year")}
# Operators that measure the way between today and an anniversary: direction, and whether the
# nearest one must lie exactly there, nearer, or further.
_ANNIVERSARIES: Final = {
    "$is_days_ago_md": (-1, "at"),
    "$is_less_days_ago_md": (-1, "within"),
    "$is_more_days_ago_md": (-1, "beyond"),
    "$is_days_in_future_md": (1, "at"),
    "$is_less_days_in_future_md": (1, "within"),
    "$is_more_days_in_future_md": (1, "beyond"),
}

PLAIN_PERIODS: Final = frozenset(_PERIODS)
COUNTED_PERIODS: Final = frozenset(_COUNTED)
PLAIN_ANNIVERSARIES: Final = frozenset(_ANY_YEAR)
COUNTED_ANNIVERSARIES: Final = frozenset(_ANNIVERSARIES)


def find_period(operator: str, today: date, count: int = 0) -> tuple[date, date]:
    """The half-open range of days that `operator` (`$last_week`, `$is_days_ago` …) means on `today`."""
    if operator in _COUNTED:
        find, direction = _COUNTED[operator]
        return find(today, direction * count)
    find, offset = _PERIODS[operator]
    return find(today, offset)


def find_month_days(operator: str, today: date, count: int = 0) -> tuple[set[int], bool]:
    """The days of any year (month * 100 + day: 229 is 29 February) that a `…_md` operator means, and
    whether they are the days that match (True) or the ones that do not (False).

    Distances go to the nearest anniversary in the operator's direction, over New Year as well: on 3
    January, 28 December was 6 days ago. In a year without a 29 February, that day is kept with the
    28th, or who was born on it would have no birthday for three years out of four.
    """
    if operator in _ANY_YEAR:
        find, offset = _ANY_YEAR[operator]
        first, end = find(today, offset)
        return _list_month_days(first, end), True
    direction, distance = _ANNIVERSARIES[operator]
    # 366 days are a whole round: from there on nothing is left that lies further away.
    count = min(count, 366)
    if distance == "at":
        day = today + direction * count * _DAY
        return _list_month_days(day, day + _DAY), True
    nearest, furthest = (0, count - 1) if distance == "within" else (0, count)
    ends = sorted((today + direction * nearest * _DAY, today + direction * furthest * _DAY))
    return _list_month_days(ends[0], ends[1] + _DAY) if furthest >= 0 else set(), distance == "within"


def _list_month_days(first: date, end: date) -> set[int]:
    found = set()
    day = first
    while day < end:
        found.add(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and (day + _DAY).day == 1:
            found.add(229)
        day += _DAY
    return found
