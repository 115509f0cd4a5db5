from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvoucher.engine.durations import Duration, InvalidDuration, add_duration, parse_duration

WARSAW = ZoneInfo("Europe/Warsaw")
NEW_YORK = ZoneInfo("America/New_York")
APIA = ZoneInfo("Pacific/Apia")


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    """The moment in UTC that a local time means: the text's own offset, or that of `zone`."""
    moment = datetime.fromisoformat(text)
    return (moment if zone is None else moment.replace(tzinfo=zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P1D", Duration(days=1)),
        ("P24D", Duration(days=24)),
        ("PT1H", Duration(hours=1)),
        ("P1M", Duration(months=1)),
        ("PT1M", Duration(minutes=1)),
        ("P2W", Duration(weeks=2)),
        ("P1Y2M3W4DT5H6M7S", Duration(1, 2, 3, 4, 5, 6, 7)),
        ("P1YT1S", Duration(years=1, seconds=1)),
        ("PT90M", Duration(minutes=90)),
        ("PT0S", Duration()),
        ("P007D", Duration(days=7)),
        ("P1000Y", Duration(years=1000)),
    ],
)
def test_an_iso_duration_is_read(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PT", "P1", "1D", "P1DT", "PTD", "P1S", "PT1D", "PT1Y", "P1D1M", "P1H", "PT1S1H", "p1d",
        "P1d", "P-1D", "-P1D", "+P1D", "P1.5D", "PT0.5S", "P1,5D", " P1D", "P1D\n", "P 1D", "P1DP1D",
        "P\u0661D", "PT" + "9" * 5000 + "S", "P1D;", "2026-01-01",
    ],
)  # fmt: skip
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration) as refusal:
        parse_duration(text)

    assert refusal.value.reason == str(refusal.value)
    assert refusal.value.reason == "must be an ISO 8601 duration such as P1D or PT2H30M"


@pytest.mark.parametrize("text", ["P1001Y", "P1000Y1D", "P12001M", "P999999999999D", "PT999999999999S"])
def test_a_duration_of_more_than_a_thousand_years_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="must not be longer than 1000 years"):
        parse_duration(text)


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(InvalidDuration, match="must not be negative"):
        Duration(days=1, hours=-1)


@pytest.mark.parametrize(
    ("duration", "shortest", "longest", "slack"),
    [
        (Duration(hours=1, seconds=5), timedelta(seconds=3605), timedelta(seconds=3605), timedelta(0)),
        (Duration(weeks=1, days=1), timedelta(days=8), timedelta(days=8), timedelta(days=2)),
        (Duration(years=1, minutes=1), timedelta(336, 60), timedelta(372, 60), timedelta(days=2)),
    ],
)
def test_the_bounds_of_the_real_length_are_known(
    duration: Duration, shortest: timedelta, longest: timedelta, slack: timedelta
) -> None:
    assert (duration.shortest, duration.longest, duration.offset_slack) == (shortest, longest, slack)


def test_a_duration_is_zero_only_when_every_part_is() -> None:
    names = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")

    assert Duration().is_zero
    assert [name for name in names if Duration(**{name: 1}).is_zero] == []


@pytest.mark.parametrize(
    ("start", "duration", "times", "end"),
    [
        # Month ends: from the first moment each time, so nothing drifts.
        ("2026-01-31T10:00", "P1M", 1, "2026-02-28T10:00"),
        ("2026-01-31T10:00", "P1M", 2, "2026-03-31T10:00"),
        ("2026-01-31T10:00", "P1M", 3, "2026-04-30T10:00"),
        ("2027-12-31T10:00", "P2M", 1, "2028-02-29T10:00"),
        ("2026-10-31T10:00", "P4M", 1, "2027-02-28T10:00"),
        ("2026-11-15T10:00", "P14M", 1, "2028-01-15T10:00"),
        # 29 February
        ("2024-02-29T10:00", "P1Y", 1, "2025-02-28T10:00"),
        ("2024-02-29T10:00", "P1Y", 4, "2028-02-29T10:00"),
        ("2096-02-29T10:00", "P4Y", 1, "2100-02-28T10:00"),
        ("1996-02-29T10:00", "P4Y", 1, "2000-02-29T10:00"),
        ("2028-02-28T10:00", "P1D", 1, "2028-02-29T10:00"),
        # Months before days
        ("2026-01-30T10:00", "P1M1D", 1, "2026-03-01T10:00"),
        ("2026-01-31T10:00", "P1M1D", 2, "2026-04-02T10:00"),
        ("2026-01-01T10:00", "P1W", 3, "2026-01-22T10:00"),
        # The hour stays when clocks change; elapsed hours do not care.
        ("2026-03-28T10:00", "P1D", 1, "2026-03-29T10:00"),
        ("2026-03-28T10:00", "PT24H", 1, "2026-03-29T11:00"),
        ("2026-10-24T10:00", "P1D", 1, "2026-10-25T10:00"),
        ("2026-10-24T10:00", "PT24H", 1, "2026-10-25T09:00"),
        ("2026-01-15T10:00", "P6M", 1, "2026-07-15T10:00"),
        ("2026-03-28T10:00", "P1DT12H", 1, "2026-03-29T22:00"),
        # 02:30 does not exist on 29 March: an hour later, and only on that day.
        ("2026-03-28T02:30", "P1D", 1, "2026-03-29T03:30"),
        ("2026-03-28T02:30", "P1D", 2, "2026-03-30T02:30"),
        ("2026-06-01T10:00", "P1D", 0, "2026-06-01T10:00"),
    ],
)
def test_the_calendar_of_warsaw_is_followed(start: str, duration: str, times: int, end: str) -> None:
    moved = add_duration(at(start, WARSAW), parse_duration(duration), WARSAW, times)

    assert moved == at(end, WARSAW)
    assert moved.tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-07T10:00-05:00", "P1D", "2026-03-08T10:00-04:00"),
        ("2026-03-07T02:30-05:00", "P1D", "2026-03-08T03:30-04:00"),
        ("2026-10-31T10:00-04:00", "P1D", "2026-11-01T10:00-05:00"),
        # 01:30 comes twice on 1 November: the first is meant.
        ("2026-10-31T01:30-04:00", "P1D", "2026-11-01T01:30-04:00"),
        # Started in the second 01:30, a week on is unambiguous again, a skipped hour moves later as ever.
        ("2026-11-01T01:30-05:00", "P1W", "2026-11-08T01:30-05:00"),
        ("2025-11-02T01:30-05:00", "P364D", "2026-11-01T01:30-04:00"),
        ("2026-11-01T01:30-05:00", "PT1H", "2026-11-01T02:30-05:00"),
        ("2026-11-01T01:30-04:00", "PT1H", "2026-11-01T01:30-05:00"),
    ],
)
def test_the_clock_changes_of_new_york_are_followed(start: str, duration: str, end: str) -> None:
    assert add_duration(at(start), parse_duration(duration), NEW_YORK) == at(end)


def test_the_second_of_two_equal_hours_is_not_moved_into_a_skipped_hour_of_spring() -> None:
    second = at("2026-10-25T02:30+01:00")

    # 28 March 2027 is the day on which Warsaw skips 02:00 to 03:00.
    assert add_duration(second, Duration(days=154), WARSAW) == at("2027-03-28T03:30+02:00")


@pytest.mark.parametrize("start", ["2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00"])
def test_no_step_stays_on_the_spot_even_in_a_repeated_hour(start: str) -> None:
    assert add_duration(at(start), Duration(months=1, days=1, hours=1), NEW_YORK, 0) == at(start)
    assert add_duration(at(start), Duration(), NEW_YORK) == at(start)


def test_a_day_that_a_country_skipped_counts_as_the_next() -> None:
    # Samoa had no 30 December 2011.
    assert add_duration(at("2011-12-29T10:00", APIA), Duration(days=1), APIA) == at("2011-12-31T10:00", APIA)
    assert add_duration(at("2011-12-29T10:00", APIA), Duration(days=2), APIA) == at("2011-12-31T10:00", APIA)


def test_a_moment_given_in_another_zone_moves_the_same() -> None:
    there = at("2026-03-07T10:00-05:00").astimezone(NEW_YORK)

    assert add_duration(there, Duration(hours=24), WARSAW) == at("2026-03-08T15:00+00:00")
    assert add_duration(there, Duration(days=1), WARSAW) == at("2026-03-08T15:00+00:00")


@pytest.mark.parametrize("text", ["P1000Y", "P999Y12M", "P370000D", "PT8880000H"])
def test_a_sum_beyond_the_calendar_overflows(text: str) -> None:
    with pytest.raises(OverflowError):
        add_duration(at("9000-06-01T00:00+00:00"), parse_duration(text), WARSAW)


moments = st.builds(
    lambda day, micros: at("1950-01-01T00:00Z") + timedelta(days=day, microseconds=micros),
    st.integers(0, 40_000),
    st.integers(0, 86_400_000_000 - 1),
)
zones = st.sampled_from([WARSAW, NEW_YORK, APIA, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])


@settings(deadline=None)
@given(moments, st.integers(1, 800), zones)
def test_days_keep_the_local_time_unless_the_clocks_skip_it(
    start: datetime, days: int, zone: ZoneInfo
) -> None:
    moved = add_duration(start, Duration(days=days), zone).astimezone(zone)

    wanted = start.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    skipped = wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wanted
    if skipped:
        assert moved.replace(tzinfo=None) > wanted
    else:
        assert moved.replace(tzinfo=None, fold=0) == wanted
        assert moved.fold == 0


@settings(deadline=None)
@given(
    moments,
    st.builds(Duration, st.integers(0, 2), st.integers(0, 14), st.integers(0, 3), st.integers(0, 40)),
    st.integers(0, 100_000),
    zones,
    st.integers(0, 30),
)
def test_the_real_length_of_repeated_durations_stays_inside_the_bounds(
    start: datetime, calendar: Duration, seconds: int, zone: ZoneInfo, times: int
) -> None:
    duration = Duration(calendar.years, calendar.months, calendar.weeks, calendar.days, seconds=seconds)

    length = add_duration(start, duration, zone, times) - start

    slack = duration.offset_slack
    assert duration.shortest * times - slack <= length <= duration.longest * times + slack


@settings(deadline=None)
@given(moments, st.integers(0, 5_000_000), st.integers(0, 50), zones)
def test_elapsed_time_is_exact_in_every_zone(
    start: datetime, seconds: int, times: int, zone: ZoneInfo
) -> None:
    moved = add_duration(start, Duration(seconds=seconds), zone, times)

    assert moved - start == timedelta(seconds=seconds * times)
