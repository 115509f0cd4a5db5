"""Windows of time that open again and again, by the calendar of a time zone."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, tzinfo

from openvoucher.engine.durations import Duration, add_duration


@dataclass(frozen=True, slots=True)
class Timeframe:
    """Windows of length `duration` that open every `interval`, the first at the start of the period.

    A duration longer than the interval makes windows that overlap. Neither is zero.
    """

    interval: Duration
    duration: Duration


def is_window_open(timeframe: Timeframe, starts_at: datetime, now: datetime, timezone: tzinfo) -> bool:
    """Whether `now` lies in a window [opens, opens + duration) of a timeframe that began at `starts_at`.

    `starts_at` is in UTC, and `now` is aware and not before it. A few steps, whatever the age: windows open
    in order, so the last one opened is found by bisection, between bounds that follow from the shortest and
    the longest real length of the interval.
    """
    interval, duration = timeframe.interval, timeframe.duration

    def open_window(number: int) -> datetime:
        return add_duration(starts_at, interval, timezone, number)

    age = now - starts_at
    first = max((age - interval.offset_slack) // interval.longest, 0)
    beyond = (age + interval.offset_slack) // interval.shortest + 1
    number = bisect_right(range(beyond), now, lo=first, key=open_window) - 1
    # No earlier window is open when this one is closed: windows are then further apart than a duration lasts.
    # Ends of months and clock changes let windows close in another order than they open in, but only windows
    # that opened within days (a duration in months) or hours (one in days) of each other.
    return now < add_duration(open_window(number), duration, timezone)
