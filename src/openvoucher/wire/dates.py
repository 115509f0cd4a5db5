"""Dates and instants as the wire spells them: ISO 8601, UTC, exactly three decimals going out."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

# What is left of a second when it is spelled: two instants of one millisecond look the same.
PRECISION: Final = timedelta(milliseconds=1)

# Offsets end at 15:59 as they do in PostgreSQL, so that a date kept as text means the same to both.
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<zone_hours>0[0-9]|1[0-5])(?::?(?P<zone_minutes>[0-5][0-9]))?)?)?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


# Files and lists repeat few dates very often.
@lru_cache(maxsize=4096)
def parse_instant(text: str) -> datetime:
    """The instant that `text` names, aware and in UTC, to the microsecond (more digits are cut).

    Read are a date, and a date followed by `THH`, `THH:mm`, `THH:mm:ss` or `THH:mm:ss.S…`, these
    with `Z`, an offset (`+02`, `+0200`, `+02:00`) or nothing, which means UTC. A bare date is its
    first moment in UTC. Raises ValueError for anything else, for days and times that do not exist,
    and for instants outside the years 1 to 9999 UTC.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 date or instant")
    offset = timedelta(hours=int(match["zone_hours"] or 0), minutes=int(match["zone_minutes"] or 0))
    try:
        day = date.fromisoformat(match["day"])
        return datetime(
            day.year,
            day.month,
            day.day,
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int((match["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=timezone(-offset if match["sign"] == "-" else offset),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not an ISO 8601 date or instant: no such moment") from None


def format_instant(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:mm:ss.SSSZ`. What is finer than a millisecond is cut, never rounded up: an
    instant must not look later than it is. Raises ValueError for a naive datetime.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant must know its time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_date(text: str) -> date:
    """The day of a `YYYY-MM-DD`. Raises ValueError for anything else."""
    # date.fromisoformat alone reads week dates and dates without hyphens, from Python 3.11 on.
    if _DATE.fullmatch(text) is None:
        raise ValueError("not an ISO 8601 date")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("not an ISO 8601 date: no such day") from None
