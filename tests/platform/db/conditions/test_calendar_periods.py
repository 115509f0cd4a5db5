from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.platform.db.conditions.calendar_periods import (
    COUNTED_ANNIVERSARIES,
    PLAIN_ANNIVERSARIES,
    PLAIN_PERIODS,
    find_day_start,
    find_month_days,
    find_period,
)


@pytest.mark.parametrize(
    ("operator", "count", "first", "end"),
    [
        ("$today", 0, "2026-01-31", "2026-02-01"),
        ("$tomorrow", 0, "2026-02-01", "2026-02-02"),
        ("$yesterday", 0, "2026-01-30", "2026-01-31"),
        ("$this_week", 0, "2026-01-26", "2026-02-02"),
        ("$last_week", 0, "2026-01-19", "2026-01-26"),
        ("$next_week", 0, "2026-02-02", "2026-02-09"),
        ("$this_month", 0, "2026-01-01", "2026-02-01"),
        ("$last_month", 0, "2025-12-01", "2026-01-01"),
        ("$next_month", 0, "2026-02-01", "2026-03-01"),
        ("$this_year", 0, "2026-01-01", "2027-01-01"),
        ("$last_year", 0, "2025-01-01", "2026-01-01"),
        ("$next_year", 0, "2027-01-01", "2028-01-01"),
        ("$is_days_ago", 0, "2026-01-31", "2026-02-01"),
        ("$is_days_ago", 31, "2025-12-31", "2026-01-01"),
        ("$is_days_in_future", 29, "2026-03-01", "2026-03-02"),
        ("$is_years_ago", 1000, "1026-01-01", "1027-01-01"),
    ],
)
def test_periods_around_the_last_of_january(operator: str, count: int, first: str, end: str) -> None:
    found = find_period(operator, date(2026, 1, 31), count)
    assert found == (date.fromisoformat(first), date.fromisoformat(end))


@pytest.mark.parametrize("day", ["2026-03-09", "2026-03-11", "2026-03-15"])
def test_a_week_is_monday_to_sunday(day: str) -> None:
    assert find_period("$this_week", date.fromisoformat(day)) == (date(2026, 3, 9), date(2026, 3, 16))


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.sampled_from(["week", "month", "year"]))
def test_last_this_and_next_follow_one_another_without_a_gap(today: date, unit: str) -> None:
    last, this, following = (find_period(f"${when}_{unit}", today) for when in ("last", "this", "next"))
    assert last[1] == this[0]
    assert this[1] == following[0]
    assert this[0] <= today < this[1]


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Warsaw", "2026-03-29", "2026-03-28T23:00:00Z"),
        ("Europe/Warsaw", "2026-03-30", "2026-03-29T22:00:00Z"),
        # No midnight: the day starts with the jump to one o'clock.
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"),
        # Two midnights: the first one.
        ("Atlantic/Azores", "2025-10-26", "2025-10-26T00:00:00Z"),
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"),
        # 23:00 to 24:00 comes twice, and belongs to the day before.
        ("Africa/Cairo", "2024-11-01", "2024-10-31T22:00:00Z"),
    ],
)
def test_a_day_starts_where_clocks_say_so(zone: str, day: str, start: str) -> None:
    assert find_day_start(date.fromisoformat(day), ZoneInfo(zone)) == datetime.fromisoformat(start)


@given(
    st.sampled_from(["Europe/Warsaw", "Africa/Cairo", "America/Havana", "Asia/Tokyo", "Pacific/Apia", "UTC"]),
    st.dates(date(1990, 1, 1), date(2030, 1, 1)),
)
def test_the_first_instant_of_a_day_is_on_that_day_and_the_one_before_is_not(
    zone_name: str, day: date
) -> None:
    zone = ZoneInfo(zone_name)
    if (zone_name, day) == ("Pacific/Apia", date(2011, 12, 30)):
        return  # Samoa skipped this day when it crossed the date line.
    start = find_day_start(day, zone)
    assert start.tzinfo is UTC
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day


@pytest.mark.parametrize(
    ("operator", "today", "count", "days"),
    [
        ("$today_md", "2026-03-01", 0, {301}),
        ("$yesterday_md", "2026-03-01", 0, {228, 229}),
        ("$yesterday_md", "2024-03-01", 0, {229}),
        ("$today_md", "2026-02-28", 0, {228, 229}),
        ("$today_md", "2024-02-28", 0, {228}),
        ("$this_week_md", "2026-01-01", 0, {1229, 1230, 1231, 101, 102, 103, 104}),
        ("$this_month_md", "2026-02-10", 0, {*range(201, 230)}),
        ("$last_month_md", "2026-01-10", 0, {*range(1201, 1232)}),
        ("$is_days_ago_md", "2026-01-03", 6, {1228}),
        ("$is_days_in_future_md", "2026-12-30", 3, {102}),
        ("$is_less_days_ago_md", "2026-01-03", 4, {1231, 101, 102, 103}),
        ("$is_less_days_ago_md", "2026-01-03", 0, set()),
        ("$is_less_days_in_future_md", "2026-12-30", 3, {1230, 1231, 101}),
    ],
)
def test_days_of_any_year_are_found_over_new_year_and_leap_days(
    operator: str, today: str, count: int, days: set[int]
) -> None:
    assert find_month_days(operator, date.fromisoformat(today), count) == (days, True)


@pytest.mark.parametrize("operator", ["$is_more_days_ago_md", "$is_more_days_in_future_md"])
def test_further_away_is_all_that_is_neither_nearer_nor_there(operator: str) -> None:
    today = date(2026, 6, 15)
    step = -1 if "ago" in operator else 1
    near = {(today + step * timedelta(days=n)) for n in range(4)}
    assert find_month_days(operator, today, 3) == ({day.month * 100 + day.day for day in near}, False)


@given(
    st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(0, 10**9), st.sampled_from(["ago", "in_future"])
)
def test_every_day_lies_nearer_or_there_or_further(today: date, count: int, way: str) -> None:
    within, _ = find_month_days(f"$is_less_days_{way}_md", today, count)
    at, _ = find_month_days(f"$is_days_{way}_md", today, count)
    not_beyond, included = find_month_days(f"$is_more_days_{way}_md", today, count)
    assert not included
    assert within | at == not_beyond


def test_every_period_is_found() -> None:
    for operator in PLAIN_PERIODS:
        first, end = find_period(operator, date(2026, 3, 11))
        assert first < end
    for operator in PLAIN_ANNIVERSARIES | COUNTED_ANNIVERSARIES:
        days, _ = find_month_days(operator, date(2026, 3, 11), 5)
        assert days
