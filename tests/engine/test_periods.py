from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openvoucher.engine.durations import Duration
from openvoucher.engine.periods import (
    DailyHours,
    InvalidPeriod,
    Period,
    Refusal,
    check_period,
    make_period,
    validate_period,
)
from openvoucher.engine.timeframes import Timeframe

WARSAW = ZoneInfo("Europe/Warsaw")
NEW_YORK = ZoneInfo("America/New_York")
EVERY_DAY = frozenset(range(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def check(period: Period, now: str, zone: ZoneInfo = WARSAW) -> Refusal | None:
    return check_period(period, at(now), zone, active=True)


def make_timeframe(start: str, interval: str, duration: str) -> Period:
    return make_period(starts_at=at(start), timeframe={"interval": interval, "duration": duration})


# --- making ---


def test_all_fields_are_read() -> None:
    period = make_period(
        starts_at=at("2026-01-01T01:00+01:00"),
        expires_at=at("2026-12-31T00:00Z"),
        timeframe={"interval": "P2D", "duration": "PT1H"},
        days_of_week=[5, 6, 5],
        hours={"daily": [{"start_time": "16:00", "expiration_time": "22:30", "days_of_week": [5, 6]}]},
    )

    assert period == Period(
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        expires_at=datetime(2026, 12, 31, tzinfo=UTC),
        timeframe=Timeframe(Duration(days=2), Duration(hours=1)),
        days_of_week=frozenset({5, 6}),
        hours=(DailyHours(time(16), time(22, 30), frozenset({5, 6})),),
    )
    assert period.starts_at is not None
    assert period.starts_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("days", "hours"), [(None, None), ([], {}), ((), {"daily": None}), ([], {"daily": []})]
)
def test_empty_limits_are_no_limits(days: Any, hours: Any) -> None:
    assert make_period(days_of_week=days, hours=hours) == Period()


@pytest.mark.parametrize(
    ("entry", "hours"),
    [
        ({}, DailyHours(time(0), None, EVERY_DAY)),
        ({"start_time": "", "expiration_time": "", "days_of_week": []}, DailyHours(time(0), None, EVERY_DAY)),
        ({"start_time": None, "expiration_time": None}, DailyHours(time(0), None, EVERY_DAY)),
        ({"start_time": "23:59", "days_of_week": [0]}, DailyHours(time(23, 59), None, frozenset({0}))),
        ({"expiration_time": "00:01"}, DailyHours(time(0), time(0, 1), EVERY_DAY)),
    ],
)
def test_what_an_entry_of_hours_leaves_out_is_the_whole_day_and_every_day(
    entry: dict[str, Any], hours: DailyHours
) -> None:
    assert make_period(hours={"daily": [entry]}).hours == (hours,)


NO_DURATION = "must be an ISO 8601 duration such as P1D or PT2H30M"
NO_TIME = "must be a time from 00:00 to 23:59, written HH:mm"
NO_DAY = "must be a whole number from 0 (Sunday) to 6 (Saturday)"


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"starts_at": datetime(2026, 1, 1)}, "start_date", "must have a time zone"),  # noqa: DTZ001
        ({"expires_at": datetime(2026, 1, 1)}, "expiration_date", "must have a time zone"),  # noqa: DTZ001
        ({"starts_at": at("0001-01-01T00:00Z")}, "start_date", "must be between the years 2 and 9999"),
        ({"starts_at": at("0001-01-01T00:00+02:00")}, "start_date", "must be between the years 2 and 9999"),
        (
            {"expires_at": at("9999-12-31T23:59-02:00")},
            "expiration_date",
            "must be between the years 2 and 9999",
        ),
        ({"timeframe": "P1D"}, "validity_timeframe", "must be an object"),
        ({"timeframe": {}}, "validity_timeframe.interval", NO_DURATION),
        ({"timeframe": {"interval": "P1D"}}, "validity_timeframe.duration", NO_DURATION),
        ({"timeframe": {"interval": 1, "duration": "P1D"}}, "validity_timeframe.interval", NO_DURATION),
        ({"timeframe": {"interval": "1 day", "duration": "P1D"}}, "validity_timeframe.interval", NO_DURATION),
        (
            {"timeframe": {"interval": "PT0S", "duration": "P1D"}},
            "validity_timeframe.interval",
            "must be longer than zero",
        ),
        (
            {"timeframe": {"interval": "P1D", "duration": "P0D"}},
            "validity_timeframe.duration",
            "must be longer than zero",
        ),
        (
            {"timeframe": {"interval": "P2000Y", "duration": "P1D"}},
            "validity_timeframe.interval",
            "must not be longer than 1000 years",
        ),
        ({"days_of_week": 5}, "validity_day_of_week", "must be a list"),
        ({"days_of_week": "56"}, "validity_day_of_week", "must be a list"),
        ({"days_of_week": [0, 7]}, "validity_day_of_week[1]", NO_DAY),
        ({"days_of_week": [-1]}, "validity_day_of_week[0]", NO_DAY),
        ({"days_of_week": [True]}, "validity_day_of_week[0]", NO_DAY),
        ({"days_of_week": ["1"]}, "validity_day_of_week[0]", NO_DAY),
        ({"days_of_week": [1.0]}, "validity_day_of_week[0]", NO_DAY),
        ({"hours": []}, "validity_hours", "must be an object"),
        ({"hours": {"daily": {}}}, "validity_hours.daily", "must be a list"),
        ({"hours": {"daily": "x"}}, "validity_hours.daily", "must be a list"),
        ({"hours": {"daily": [{}, 1]}}, "validity_hours.daily[1]", "must be an object"),
        ({"hours": {"daily": [{"start_time": "24:00"}]}}, "validity_hours.daily[0].start_time", NO_TIME),
        ({"hours": {"daily": [{"start_time": "9:00"}]}}, "validity_hours.daily[0].start_time", NO_TIME),
        ({"hours": {"daily": [{"start_time": "09:60"}]}}, "validity_hours.daily[0].start_time", NO_TIME),
        ({"hours": {"daily": [{"start_time": "09:00:00"}]}}, "validity_hours.daily[0].start_time", NO_TIME),
        ({"hours": {"daily": [{"start_time": 9}]}}, "validity_hours.daily[0].start_time", NO_TIME),
        (
            {"hours": {"daily": [{"expiration_time": "24:00"}]}},
            "validity_hours.daily[0].expiration_time",
            NO_TIME,
        ),
        (
            {"hours": {"daily": [{"start_time": "22:00", "expiration_time": "02:00"}]}},
            "validity_hours.daily[0].expiration_time",
            "must be later than start_time on the same day",
        ),
        (
            {"hours": {"daily": [{"start_time": "22:00", "expiration_time": "22:00"}]}},
            "validity_hours.daily[0].expiration_time",
            "must be later than start_time on the same day",
        ),
        (
            {"hours": {"daily": [{"expiration_time": "00:00"}]}},
            "validity_hours.daily[0].expiration_time",
            "must be later than start_time on the same day",
        ),
        ({"hours": {"daily": [{"days_of_week": [9]}]}}, "validity_hours.daily[0].days_of_week[0]", NO_DAY),
    ],
)
def test_a_malformed_limit_is_refused_with_its_field(fields: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidPeriod) as refusal:
        make_period(**fields)

    assert (refusal.value.field, refusal.value.reason) == (field, reason)
    assert str(refusal.value) == f"{field} {reason}"


def make_entry(start: str, end: str, *days: int) -> dict[str, Any]:
    return {"start_time": start, "expiration_time": end, "days_of_week": list(days)}


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (make_entry("08:00", "10:00", 1), make_entry("09:00", "11:00", 1), True),
        (make_entry("08:00", "10:00", 1), make_entry("09:00", "11:00", 2), False),
        (make_entry("08:00", "10:00", 1), make_entry("10:00", "11:00", 1), False),
        (make_entry("08:00", "10:01", 1), make_entry("10:00", "11:00", 1), True),
        (make_entry("08:00", "20:00", 1, 2), make_entry("10:00", "11:00", 2, 3), True),
        (make_entry("08:00", "", 1), make_entry("23:59", "", 1), True),
        (make_entry("08:00", "", 1), make_entry("07:00", "08:00", 1), False),
        (make_entry("08:00", "09:00"), make_entry("08:30", "08:40", 4), True),
    ],
)
def test_hours_may_touch_but_not_overlap_on_the_same_day(
    one: dict[str, Any], other: dict[str, Any], overlap: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        if not overlap:
            assert len(make_period(hours={"daily": [first, second]}).hours) == 2
            continue
        with pytest.raises(InvalidPeriod) as refusal:
            make_period(hours={"daily": [make_entry("00:00", "00:01"), first, second]})
        assert refusal.value.field == "validity_hours.daily[2]"
        assert refusal.value.reason == "must not overlap validity_hours.daily[1]"


def test_an_expiration_before_the_start_is_refused_when_written_but_can_be_read() -> None:
    period = make_period(starts_at=at("2026-02-02T00:00Z"), expires_at=at("2026-02-01T00:00Z"))

    with pytest.raises(InvalidPeriod, match=r"^expiration_date must not be before start_date$"):
        validate_period(period)

    assert check(period, "2026-02-01T00:00Z") is Refusal.NOT_ACTIVE
    assert check(period, "2026-02-02T00:00Z") is Refusal.EXPIRED


def test_a_timeframe_without_a_start_is_refused_when_written_and_never_open() -> None:
    period = make_period(timeframe={"interval": "P1D", "duration": "P1D"})

    with pytest.raises(InvalidPeriod, match=r"^validity_timeframe needs a start_date$"):
        validate_period(period)

    assert check(period, "2026-02-01T00:00Z") is Refusal.NOT_ACTIVE_NOW


@pytest.mark.parametrize(
    "period",
    [
        Period(),
        make_period(starts_at=at("2026-02-02T00:00Z"), expires_at=at("2026-02-02T01:00+01:00")),
        make_period(expires_at=at("9999-12-31T23:59:59.999Z")),
        make_timeframe("2026-02-02T00:00Z", "P1D", "P2D"),
    ],
)
def test_limits_that_go_together_are_accepted(period: Period) -> None:
    validate_period(period)


# --- checking: order and dates ---


def test_a_period_without_limits_allows_everything() -> None:
    assert check(Period(), "2026-02-01T00:00Z") is None


def test_the_first_reason_wins_in_the_fixed_order() -> None:
    never = make_period(
        starts_at=at("2026-03-01T00:00Z"),
        expires_at=at("2026-01-01T00:00Z"),
        timeframe={"interval": "P2D", "duration": "PT1H"},
    )
    started = make_period(
        starts_at=at("2026-01-01T00:00Z"),
        expires_at=at("2026-01-01T00:00Z"),
        timeframe={"interval": "P2D", "duration": "PT1H"},
    )
    unexpired = make_timeframe("2026-01-01T00:00Z", "P2D", "PT1H")
    now = at("2026-01-02T00:00Z")

    assert check_period(never, now, WARSAW, active=False) == "voucher_disabled"
    assert check_period(never, now, WARSAW, active=True) == "voucher_not_active"
    assert check_period(started, now, WARSAW, active=True) == "voucher_expired"
    assert check_period(unexpired, now, WARSAW, active=True) == "voucher_not_active_now"


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        ("2026-01-31T23:59:59.999999Z", Refusal.NOT_ACTIVE),
        ("2026-02-01T00:00:00Z", None),
        ("2026-03-01T00:00:00Z", None),
        ("2026-03-01T00:00:00.000001Z", Refusal.EXPIRED),
        ("2026-02-01T00:30:00+01:00", Refusal.NOT_ACTIVE),
    ],
)
def test_start_and_expiration_are_both_included(now: str, refusal: Refusal | None) -> None:
    period = make_period(starts_at=at("2026-02-01T00:00Z"), expires_at=at("2026-03-01T00:00Z"))

    assert check(period, now) is refusal


def test_moments_given_in_the_same_zone_are_compared_as_instants() -> None:
    # 02:30 comes twice in Warsaw on 25 October; the clock on the wall cannot tell which is earlier.
    first = datetime(2026, 10, 25, 2, 40, tzinfo=WARSAW)
    second = datetime(2026, 10, 25, 2, 30, tzinfo=WARSAW, fold=1)

    assert check_period(make_period(expires_at=first), second, WARSAW, active=True) is Refusal.EXPIRED
    assert check_period(make_period(starts_at=second), first, WARSAW, active=True) is Refusal.NOT_ACTIVE
    assert check_period(make_period(starts_at=first), second, WARSAW, active=True) is None
    hourly = make_period(starts_at=first, timeframe={"interval": "P1D", "duration": "PT1H"})
    assert check_period(hourly, second.replace(minute=39), WARSAW, active=True) is None
    assert check_period(hourly, second.replace(minute=40), WARSAW, active=True) is Refusal.NOT_ACTIVE_NOW


# --- checking: weekdays and hours ---


@pytest.mark.parametrize("day", range(7))
def test_zero_is_sunday(day: int) -> None:
    sunday = date(2026, 6, 7)
    noon = datetime.combine(sunday + timedelta(days=day), time(12), tzinfo=WARSAW)

    allowed = [
        number
        for number in range(7)
        if check_period(make_period(days_of_week=[number]), noon, WARSAW, active=True) is None
    ]

    assert allowed == [day]


def test_the_weekday_is_that_of_the_project_and_not_of_utc() -> None:
    friday = make_period(days_of_week=[5])

    assert check(friday, "2026-06-04T22:00Z", WARSAW) is None  # midnight in Warsaw
    assert check(friday, "2026-06-04T21:59Z", WARSAW) is Refusal.NOT_ACTIVE_NOW
    assert check(friday, "2026-06-04T22:00Z", NEW_YORK) is Refusal.NOT_ACTIVE_NOW
    assert check(friday, "2026-06-06T03:59Z", NEW_YORK) is None


HAPPY_HOURS = make_period(
    hours={
        "daily": [
            {"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5, 6]},
            {"start_time": "20:00", "days_of_week": [0]},
            {"expiration_time": "06:00", "days_of_week": [1]},
        ]
    }
)


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-06-05T15:59:59.999999", False),  # Friday
        ("2026-06-05T16:00", True),
        ("2026-06-05T21:59:59.999999", True),
        ("2026-06-05T22:00", False),
        ("2026-06-06T16:30", True),
        ("2026-06-04T16:30", False),
        ("2026-06-07T19:59", False),  # Sunday, up to midnight
        ("2026-06-07T20:00", True),
        ("2026-06-07T23:59:59.999999", True),
        ("2026-06-08T00:00", True),  # Monday, from midnight
        ("2026-06-08T05:59:59", True),
        ("2026-06-08T06:00", False),
        # The hours stay the same on the clock in winter and on the days of a change.
        ("2026-12-04T16:00", True),
        ("2026-12-04T15:59", False),
        ("2026-10-25T20:00", True),
        ("2026-10-25T19:59", False),
        ("2026-03-29T20:00", True),
        ("2026-03-29T19:59", False),
    ],
)
@pytest.mark.parametrize("zone", [WARSAW, NEW_YORK], ids=str)
def test_hours_are_local_and_end_before_their_expiration_time(
    local: str, open_: bool, zone: ZoneInfo
) -> None:
    now = at(local).replace(tzinfo=zone).astimezone(UTC)

    assert check_period(HAPPY_HOURS, now, zone, active=True) is (None if open_ else Refusal.NOT_ACTIVE_NOW)


def test_the_hour_that_comes_twice_is_open_both_times() -> None:
    period = make_period(hours={"daily": [{"start_time": "02:00", "expiration_time": "03:00"}]})

    opened = [
        minutes
        for minutes in range(0, 240, 30)
        if check_period(period, at("2026-10-24T23:00Z") + timedelta(minutes=minutes), WARSAW, True) is None
    ]

    assert opened == [60, 90, 120, 150]


def test_all_recurring_limits_must_hold_together() -> None:
    period = make_period(
        starts_at=at("2026-06-01T10:00+02:00"),  # a Monday
        timeframe={"interval": "P2D", "duration": "P1D"},
        days_of_week=[5, 6],
        hours={"daily": [{"start_time": "16:00", "expiration_time": "22:00"}]},
    )

    assert check(period, "2026-06-05T17:00+02:00") is None
    assert check(period, "2026-06-06T17:00+02:00") is Refusal.NOT_ACTIVE_NOW  # only the timeframe fails
    assert check(period, "2026-06-03T17:00+02:00") is Refusal.NOT_ACTIVE_NOW  # only the weekday
    assert check(period, "2026-06-05T15:00+02:00") is Refusal.NOT_ACTIVE_NOW  # only the hour
