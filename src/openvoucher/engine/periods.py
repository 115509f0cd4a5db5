"""When a voucher or promotion may be used: start, expiration and limits that recur.

Calendar parts (weekdays, hours, calendar steps) are read in the project's time zone, which the caller passes
in together with the present moment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from enum import StrEnum
from typing import Any

from openvoucher.engine.durations import Duration, InvalidDuration, parse_duration
from openvoucher.engine.timeframes import Timeframe, is_window_open

_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OUT_OF_RANGE = "must be between the years 2 and 9999"


class Refusal(StrEnum):
    """Why something cannot be used at a moment. The values are the error keys of vouchers."""

    DISABLED = "voucher_disabled"
    NOT_ACTIVE = "voucher_not_active"
    EXPIRED = "voucher_expired"
    NOT_ACTIVE_NOW = "voucher_not_active_now"


class InvalidPeriod(ValueError):
    """A malformed time limit: `field` is its path as on the wire, `reason` reads on after it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class DailyHours:
    """Hours of some weekdays (0 = Sunday): from `opens` up to, not including, `closes`; None = midnight."""

    opens: time
    closes: time | None
    days_of_week: frozenset[int]


@dataclass(frozen=True, slots=True)
class Period:
    """All time limits of one voucher or promotion; they must hold together.

    Moments are in UTC. None, an empty set of weekdays (0 = Sunday) and no hours mean no such limit.
    """

    starts_at: datetime | None = None
    expires_at: datetime | None = None
    timeframe: Timeframe | None = None
    days_of_week: frozenset[int] = frozenset()
    hours: tuple[DailyHours, ...] = ()


def make_period(
    *,
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
    timeframe: Any = None,
    days_of_week: Any = None,
    hours: Any = None,
) -> Period:
    """The period that the fields `start_date`, `expiration_date`, `validity_timeframe`,
    `validity_day_of_week` and `validity_hours` describe, the last three in their form on the wire, unchecked.
    None means no such limit, and so does an empty list of days or hours.

    Each field is checked by itself. That they go together is up to `validate_period`: a voucher may inherit
    one date and own the other, and their clash must not make it unreadable.

    Raises InvalidPeriod.
    """
    return Period(
        starts_at=_make_moment("start_date", starts_at),
        expires_at=_make_moment("expiration_date", expires_at),
        timeframe=_make_timeframe(timeframe),
        days_of_week=_make_days("validity_day_of_week", days_of_week),
        hours=_make_hours(hours),
    )


def validate_period(period: Period) -> None:
    """Refuse limits that contradict each other, when they are written.

    Raises InvalidPeriod.
    """
    if period.starts_at and period.expires_at and period.expires_at < period.starts_at:
        raise InvalidPeriod("expiration_date", "must not be before start_date")
    if period.timeframe and not period.starts_at:
        raise InvalidPeriod("validity_timeframe", "needs a start_date")


def _make_moment(field: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise InvalidPeriod(field, "must have a time zone")
    try:
        # Python compares and subtracts two datetimes of the same zone by their clocks on the wall, which is
        # wrong around clock changes. With one of them in UTC it takes them as instants.
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise InvalidPeriod(field, _OUT_OF_RANGE) from None
    # Local time of the very first day may lie in the year 0, which datetime cannot express.
    if moment.year < 2:
        raise InvalidPeriod(field, _OUT_OF_RANGE)
    return moment


def _make_timeframe(timeframe: Any) -> Timeframe | None:
    if timeframe is None:
        return None
    if not isinstance(timeframe, Mapping):
        raise InvalidPeriod("validity_timeframe", "must be an object")
    return Timeframe(
        interval=_make_length("validity_timeframe.interval", timeframe.get("interval")),
        duration=_make_length("validity_timeframe.duration", timeframe.get("duration")),
    )


def _make_length(field: str, text: Any) -> Duration:
    if not isinstance(text, str):
        raise InvalidPeriod(field, "must be an ISO 8601 duration such as P1D or PT2H30M")
    try:
        duration = parse_duration(text)
    except InvalidDuration as error:
        raise InvalidPeriod(field, error.reason) from error
    if duration.is_zero:
        raise InvalidPeriod(field, "must be longer than zero")
    return duration


def _make_days(field: str, days: Any) -> frozenset[int]:
    days = _make_list(field, days)
    for place, day in enumerate(days):
        # type() and not isinstance(): true is no day of the week.
        if type(day) is not int or not 0 <= day <= 6:
            raise InvalidPeriod(f"{field}[{place}]", "must be a whole number from 0 (Sunday) to 6 (Saturday)")
    return frozenset(days)


def _make_list(field: str, items: Any) -> Sequence[Any]:
    if items is None:
        return ()
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise InvalidPeriod(field, "must be a list")
    return items


def _make_hours(hours: Any) -> tuple[DailyHours, ...]:
    if hours is None:
        return ()
    if not isinstance(hours, Mapping):
        raise InvalidPeriod("validity_hours", "must be an object")
    field = "validity_hours.daily"
    made: list[DailyHours] = []
    for place, entry in enumerate(_make_list(field, hours.get("daily"))):
        added = _make_daily_hours(f"{field}[{place}]", entry)
        for earlier, other in enumerate(made):
            if _overlap(added, other):
                raise InvalidPeriod(f"{field}[{place}]", f"must not overlap {field}[{earlier}]")
        made.append(added)
    return tuple(made)


def _make_daily_hours(field: str, entry: Any) -> DailyHours:
    if not isinstance(entry, Mapping):
        raise InvalidPeriod(field, "must be an object")
    opens = _make_time(f"{field}.start_time", entry.get("start_time")) or time.min
    closes = _make_time(f"{field}.expiration_time", entry.get("expiration_time"))
    if closes is not None and closes <= opens:
        raise InvalidPeriod(f"{field}.expiration_time", "must be later than start_time on the same day")
    days = _make_days(f"{field}.days_of_week", entry.get("days_of_week"))
    return DailyHours(opens, closes, days or frozenset(range(7)))


def _make_time(field: str, text: Any) -> time | None:
    if text is None or text == "":
        return None
    found = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidPeriod(field, "must be a time from 00:00 to 23:59, written HH:mm")
    return time(int(found[1]), int(found[2]))


def _overlap(one: DailyHours, other: DailyHours) -> bool:
    return (
        not one.days_of_week.isdisjoint(other.days_of_week)
        and (other.closes is None or one.opens < other.closes)
        and (one.closes is None or other.opens < one.closes)
    )


def check_period(period: Period, now: datetime, timezone: tzinfo, active: bool) -> Refusal | None:
    """The first reason, in a fixed order, why `period` forbids use at an aware `now`; None if it allows it.

    `active` is false when the voucher, or the campaign that it belongs to, is disabled. The start and the
    expiration are both moments at which the use is still allowed. A timeframe without a start, which
    only inheritance can bring about, has no windows and therefore never allows anything.
    """
    if not active:
        return Refusal.DISABLED
    if period.starts_at is not None and now < period.starts_at:
        return Refusal.NOT_ACTIVE
    if period.expires_at is not None and now > period.expires_at:
        return Refusal.EXPIRED
    if not _recurs_now(period, now, timezone):
        return Refusal.NOT_ACTIVE_NOW
    return None


def _recurs_now(period: Period, now: datetime, timezone: tzinfo) -> bool:
    if period.timeframe is not None and (
        period.starts_at is None or not is_window_open(period.timeframe, period.starts_at, now, timezone)
    ):
        return False
    local = now.astimezone(timezone)
    weekday, clock = local.isoweekday() % 7, local.time()
    if period.days_of_week and weekday not in period.days_of_week:
        return False
    return not period.hours or any(
        weekday in entry.days_of_week
        and entry.opens <= clock
        and (entry.closes is None or clock < entry.closes)
        for entry in period.hours
    )
