from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openvoucher.engine import timeframes
from openvoucher.engine.durations import Duration, add_duration, parse_duration
from openvoucher.engine.timeframes import Timeframe, is_window_open

WARSAW = ZoneInfo("Europe/Warsaw")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def make_timeframe(interval: str, duration: str) -> Timeframe:
    return Timeframe(parse_duration(interval), parse_duration(duration))


@pytest.mark.parametrize(
    ("start", "interval", "duration", "now", "open_"),
    [
        # Every other day, in Warsaw
        ("2026-01-01T10:00+01:00", "P2D", "P1D", "2026-01-01T10:00+01:00", True),
        ("2026-01-01T10:00+01:00", "P2D", "P1D", "2026-01-02T09:59:59.999999+01:00", True),
        ("2026-01-01T10:00+01:00", "P2D", "P1D", "2026-01-02T10:00+01:00", False),
        ("2026-01-01T10:00+01:00", "P2D", "P1D", "2026-01-03T09:59:59.999999+01:00", False),
        ("2026-01-01T10:00+01:00", "P2D", "P1D", "2026-01-03T10:00+01:00", True),
        # The window keeps its local hour in summer: 10:00+02:00, an hour earlier in UTC.
        ("2026-01-01T10:00+01:00", "P1D", "PT1H", "2026-07-01T10:00+02:00", True),
        ("2026-01-01T10:00+01:00", "P1D", "PT1H", "2026-07-01T11:00+02:00", False),
        # Elapsed intervals do not.
        ("2026-01-01T10:00+01:00", "PT24H", "PT1H", "2026-07-01T10:30+02:00", False),
        ("2026-01-01T10:00+01:00", "PT24H", "PT1H", "2026-07-01T11:30+02:00", True),
        # A window of one day has 23 hours when clocks go forward and 25 when they go back.
        ("2026-03-28T10:00+01:00", "P7D", "P1D", "2026-03-29T09:59+02:00", True),
        ("2026-03-28T10:00+01:00", "P7D", "P1D", "2026-03-29T10:00+02:00", False),
        ("2026-03-28T10:00+01:00", "P7D", "PT24H", "2026-03-29T10:59+02:00", True),
        ("2026-10-24T10:00+02:00", "P7D", "P1D", "2026-10-25T09:59+01:00", True),
        ("2026-10-24T10:00+02:00", "P7D", "PT24H", "2026-10-25T09:00+01:00", False),
        # A window at a skipped hour opens an hour later that day.
        ("2026-03-28T02:30+01:00", "P1D", "PT1H", "2026-03-29T03:15+02:00", False),
        ("2026-03-28T02:30+01:00", "P1D", "PT1H", "2026-03-29T03:30+02:00", True),
        # Months: the 31st where there is one, else the last day.
        ("2026-01-31T00:00+01:00", "P1M", "P1D", "2026-02-28T12:00+01:00", True),
        ("2026-01-31T00:00+01:00", "P1M", "P1D", "2026-03-28T12:00+01:00", False),
        ("2026-01-31T00:00+01:00", "P1M", "P1D", "2026-03-31T12:00+02:00", True),
        ("2024-02-29T00:00+01:00", "P1Y", "P1D", "2025-02-28T12:00+01:00", True),
        ("2024-02-29T00:00+01:00", "P1Y", "P1D", "2028-02-28T12:00+01:00", False),
        ("2024-02-29T00:00+01:00", "P1Y", "P1D", "2028-02-29T12:00+01:00", True),
        # A duration beyond the interval leaves no gap.
        ("2026-01-01T00:00Z", "P1D", "P3D", "2026-05-05T05:05Z", True),
        ("2026-01-01T00:00Z", "PT1S", "P1Y", "2026-05-05T05:05Z", True),
        # Months from 30 January 15:00 and 31 January 10:00 end in another order than they begin in.
        ("2026-01-30T15:00+01:00", "PT19H", "P1M", "2026-02-28T12:00+01:00", True),
        # The first window has closed, the second is yet to open.
        ("2026-01-30T15:00+01:00", "P29DT1H", "P1M", "2026-02-28T15:30+01:00", False),
        ("2026-01-01T00:00Z", "P100Y", "P1M", "2026-02-01T12:00Z", False),
    ],
)
def test_a_timeframe_opens_windows_from_the_start_on(
    start: str, interval: str, duration: str, now: str, open_: bool
) -> None:
    timeframe = make_timeframe(interval, duration)

    assert is_window_open(timeframe, at(start), at(now), WARSAW) is open_


@pytest.mark.parametrize(
    ("start", "interval", "duration"),
    [
        ("1970-01-01T00:00Z", "PT2S", "PT1S"),
        ("0002-01-01T00:00Z", "PT2S", "PT1S"),
        ("0002-01-01T00:00Z", "P1D", "PT1S"),
        ("1970-01-31T00:00Z", "P1M", "PT1S"),
        ("1970-01-01T00:00Z", "P1DT1S", "PT1S"),
        ("1970-01-01T00:00Z", "PT1S", "P10Y"),
        ("2025-12-31T00:00Z", "P1D", "P5000M"),
    ],
)
def test_the_age_of_a_period_costs_nothing(
    start: str, interval: str, duration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def count_calls(moment: datetime, length: Duration, zone: ZoneInfo, times: int = 1) -> datetime:
        calls.append(times)
        assert len(calls) < 20
        return add_duration(moment, length, zone, times)

    monkeypatch.setattr(timeframes, "add_duration", count_calls)

    for now in (at("2026-11-21T21:45:00Z"), at("2026-11-21T21:45:01Z")):
        calls.clear()
        is_window_open(make_timeframe(interval, duration), at(start), now, WARSAW)
        assert calls


def test_windows_of_a_second_are_found_after_decades() -> None:
    timeframe, start = make_timeframe("PT2S", "PT1S"), at("1970-01-01T00:00Z")

    assert is_window_open(timeframe, start, at("2026-11-21T21:45:00.999999Z"), WARSAW)
    assert not is_window_open(timeframe, start, at("2026-11-21T21:45:01Z"), WARSAW)
    assert is_window_open(timeframe, start, at("2026-11-21T21:45:02Z"), WARSAW)


zones = st.sampled_from([WARSAW, NEW_YORK, ZoneInfo("Pacific/Apia"), ZoneInfo("Australia/Lord_Howe")])
starts = st.one_of(
    st.builds(
        lambda minutes: at("2009-01-01T00:00Z") + timedelta(minutes=minutes),
        st.integers(0, 2_000_000),
    ),
    # Around clock changes, leap days, month ends and the day that Samoa skipped
    st.builds(
        lambda day, minutes: at(day) + timedelta(minutes=minutes),
        st.sampled_from(
            [
                "2012-03-25T00:00Z", "2012-10-27T12:00Z", "2012-03-11T00:00Z", "2012-11-03T12:00Z",
                "2011-12-28T10:00Z", "2012-01-29T12:00Z", "2012-02-29T12:00Z", "2011-10-31T00:00Z",
            ]
        ),
        st.integers(0, 3000),
    ),
)  # fmt: skip
durations = st.one_of(
    st.builds(Duration, months=st.integers(0, 3), days=st.integers(0, 3), hours=st.integers(0, 30)),
    st.builds(Duration, hours=st.integers(0, 60), minutes=st.integers(0, 59), seconds=st.integers(0, 59)),
    st.sampled_from([Duration(years=1), Duration(weeks=1), Duration(days=1), Duration(months=1)]),
).filter(lambda duration: not duration.is_zero)


def make_similar(one: Duration, hours: int, longer_first: bool) -> tuple[Duration, Duration]:
    other = replace(one, hours=one.hours + hours)
    return (other, one) if longer_first else (one, other)


short_durations = st.builds(Duration, hours=st.integers(0, 5), seconds=st.integers(1, 1800))
lengths = st.one_of(
    st.tuples(durations, durations),
    st.tuples(durations, short_durations),
    st.builds(make_similar, durations, st.integers(0, 4), st.booleans()),
)


@settings(deadline=None, max_examples=400)
@given(starts, lengths, zones, st.integers(0, 40), st.data())
def test_a_timeframe_is_open_exactly_when_some_window_is(
    start: datetime, lengths: tuple[Duration, Duration], zone: ZoneInfo, number: int, data: st.DataObject
) -> None:
    interval, duration = lengths
    assume(interval.shortest >= timedelta(minutes=30))
    opens = add_duration(start, interval, zone, number)
    edge = data.draw(st.sampled_from([opens, add_duration(opens, duration, zone)]))
    seconds = data.draw(st.sampled_from([0, 1, -1, 1800, -1800, 86_400]) | st.integers(-9_000, 9_000))
    now = edge + timedelta(seconds=seconds)
    assume(start <= now)

    found = is_window_open(Timeframe(interval, duration), start, now, zone)

    # All windows that could have opened by now, and some more; no assumption that they open in order.
    windows = (now - start + timedelta(days=2)) // interval.shortest + 2
    assume(windows < 3000)
    starts_of_windows = [add_duration(start, interval, zone, number) for number in range(windows)]
    assert found == any(
        opens <= now < add_duration(opens, duration, zone) for opens in starts_of_windows if opens <= now
    )
