"""ISO 8601 durations and calendar arithmetic with them.

Years, months, weeks and days move the clock on the wall: a day later is the same local time on the next day,
even when clocks change in between. Hours, minutes and seconds are elapsed time.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MAX_YEARS = 1000
"""Longest duration; keeps sums of a present-day moment and a few durations inside the range of datetime."""

_DAY_SECONDS = 86_400
_LONGEST_MONTH_DAYS = 31
_SHORTEST_MONTH_DAYS = 28
_OFFSET_SLACK = timedelta(days=2)
"""More than a zone's offset from UTC ever changes by (a day, when a country crosses the date line)."""

# Twelve digits hold MAX_YEARS in seconds, and keep int() away from its limit on very long numbers.
_DURATION = re.compile(
    r"P(?=[0-9T])"
    r"(?:([0-9]{1,12})Y)?(?:([0-9]{1,12})M)?(?:([0-9]{1,12})W)?(?:([0-9]{1,12})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,12})H)?(?:([0-9]{1,12})M)?(?:([0-9]{1,12})S)?)?"
)


class InvalidDuration(ValueError):
    """Text that is no duration, or a duration out of range; `reason` can be shown to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in calendar units, each part as written: 90 minutes do not become 1 h 30 min.

    Raises InvalidDuration for a negative part or more than about MAX_YEARS in total.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    def __post_init__(self) -> None:
        parts = (self.years, self.months, self.weeks, self.days, self.hours, self.minutes, self.seconds)
        if min(parts) < 0:
            raise InvalidDuration("must not be negative")
        # In integers: timedelta itself overflows on parts that are far too large.
        days = self.calendar_months * _LONGEST_MONTH_DAYS + self.calendar_days
        if days * _DAY_SECONDS + self.elapsed_seconds > MAX_YEARS * 12 * _LONGEST_MONTH_DAYS * _DAY_SECONDS:
            raise InvalidDuration(f"must not be longer than {MAX_YEARS} years")

    @property
    def calendar_months(self) -> int:
        """Years and months, in months."""
        return self.years * 12 + self.months

    @property
    def calendar_days(self) -> int:
        """Weeks and days, in days."""
        return self.weeks * 7 + self.days

    @property
    def elapsed_seconds(self) -> int:
        """Hours, minutes and seconds, in seconds."""
        return self.hours * 3600 + self.minutes * 60 + self.seconds

    @property
    def is_zero(self) -> bool:
        return not (self.calendar_months or self.calendar_days or self.elapsed_seconds)

    @property
    def has_calendar_part(self) -> bool:
        """Whether its real length depends on where in the calendar it begins."""
        return bool(self.calendar_months or self.calendar_days)

    @property
    def offset_slack(self) -> timedelta:
        """How much changes of the UTC offset can lengthen or shorten this duration, at most."""
        return _OFFSET_SLACK if self.has_calendar_part else timedelta(0)

    @property
    def shortest(self) -> timedelta:
        """Lower bound of the real length, changes of the UTC offset left aside."""
        return self._measure(_SHORTEST_MONTH_DAYS)

    @property
    def longest(self) -> timedelta:
        """Upper bound of the real length, changes of the UTC offset left aside."""
        return self._measure(_LONGEST_MONTH_DAYS)

    def _measure(self, month_days: int) -> timedelta:
        days = self.calendar_months * month_days + self.calendar_days
        return timedelta(days=days, seconds=self.elapsed_seconds)


def parse_duration(text: str) -> Duration:
    """The duration that an ISO 8601 text such as `P1Y2M10DT2H30M` means.

    Whole numbers only; weeks may stand beside other parts. Zero (`PT0S`) is a duration.

    Raises InvalidDuration.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InvalidDuration("must be an ISO 8601 duration such as P1D or PT2H30M")
    return Duration(*(int(number or 0) for number in found.groups()))


def add_duration(moment: datetime, duration: Duration, timezone: tzinfo, times: int = 1) -> datetime:
    """The moment that lies `times` (0 or more) durations after an aware `moment`, in UTC.

    The multiplied months come first, then the days, on the calendar of `timezone`; the elapsed part last. A
    day that its month does not have becomes the month's last one, so monthly steps from 31 January reach
    28 February and then 31 March. A local time that a clock change skips moves later by the skipped stretch;
    one that occurs twice means its first occurrence.

    Raises OverflowError when the result lies beyond the year 9999.
    """
    months = duration.calendar_months * times
    days = duration.calendar_days * times
    # Only a step on the calendar may re-read the wall clock: reading it back on the spot would turn the
    # second occurrence of a repeated hour into the first.
    if months or days:
        wall = moment.astimezone(timezone).replace(tzinfo=None)
        # The sum has fold 0, whatever the fold of the wall clock was.
        wall = _add_months(wall, months) + timedelta(days=days)
        moment = wall.replace(tzinfo=timezone)
    return moment.astimezone(UTC) + timedelta(seconds=duration.elapsed_seconds * times)


def _add_months(wall: datetime, months: int) -> datetime:
    years, month_index = divmod(wall.month - 1 + months, 12)
    year, month = wall.year + years, month_index + 1
    if year > 9999:
        raise OverflowError("date value out of range")
    return wall.replace(year=year, month=month, day=min(wall.day, monthrange(year, month)[1]))
