"""Operands of filters as values of a type. A query sends everything as text, a body as JSON: both are read.

Each function answers None for what is not of the type; whoever asked knows where the value stood
and says so.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final
from zoneinfo import ZoneInfo

from openvoucher.platform.db.conditions.calendar_periods import find_day_start, find_period
from openvoucher.wire.dates import PRECISION, parse_date, parse_instant
from openvoucher.wire.filters import FilterValue

# Beyond these a `numeric` of PostgreSQL would overflow, or the text of a number take a page.
_NUMBER: Final = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_INTEGER_BITS: Final = 1300

# A thousand years in either direction of today, so that no date leaves the years 1 to 9999.
MAX_DAYS: Final = 365_000
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def read_number(value: FilterValue) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() <= _LONGEST_INTEGER_BITS else None
    if isinstance(value, float):
        return Decimal(repr(value)) if isfinite(value) else None
    return Decimal(value) if _NUMBER.fullmatch(value) else None


def read_whole_number(value: FilterValue) -> int | None:
    number = read_number(value)
    if number is None or abs(number) > 10**9 or number != number.to_integral_value():
        return None
    return int(number)


def read_boolean(value: FilterValue) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def read_text(value: FilterValue) -> str | None:
    """The text that JSON would have for it: true, 5, 0.5 (and 5 for 5.0)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = read_number(value)
    if number is None:
        return None
    return format(number.to_integral_value() if number == number.to_integral_value() else number, "f")


def read_instant(value: FilterValue) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def add_precision(instant: datetime) -> datetime:
    """The end of the millisecond in which `instant` lies. The wire shows milliseconds, so what it
    shows as one instant is this range; the last one of all time ends with it.
    """
    start = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    return start + PRECISION if start <= _LAST - PRECISION else _LAST


def read_instant_range(value: FilterValue, today: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The half-open range that equality with `value` means: a date is that day in the project's zone,
    a whole number n the day n days ago, an instant its millisecond.
    """
    day = read_day(value, today)
    if day is not None:
        try:
            return find_day_start(day, zone), find_day_start(day + timedelta(days=1), zone)
        except OverflowError:
            return None
    instant = read_instant(value)
    if instant is None:
        return None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000), add_precision(instant)


def read_day(value: FilterValue, today: date) -> date | None:
    """A date, or the day that lies a whole number of days ago."""
    days = read_whole_number(value)
    if days is not None:
        return find_period("$is_days_ago", today, days)[0] if 0 <= days <= MAX_DAYS else None
    try:
        return parse_date(value) if isinstance(value, str) else None
    except ValueError:
        return None


def escape_pattern(text: str) -> str:
    """`text` as a LIKE pattern that matches itself only."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
