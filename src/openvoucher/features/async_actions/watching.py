"""Looking on while an action goes on. Between two looks no connection to the database is held."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from openvoucher.platform.db import DatabaseUnavailable, Row
from openvoucher.platform.http.operations import Watch

_SHORTEST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 0.5
_PAUSE_GROWTH: Final = 1.5
# At most four events a second.
_EVENT_PAUSE_SECONDS: Final = 0.25
_QUIET_SECONDS: Final = 15.0

# What makes an event; the rate and what comes of it change with every look.
_CHANGING: Final = ("status", "progress", "done_count", "failed_count", "started_at", "cancelled")

Look = Callable[[], Awaitable[Row | None]]
"""Reads the action again. None: it is not there any more."""


def has_ended(row: Row) -> bool:
    return row["status"] in ("DONE", "FAILED")


async def wait_for_end(row: Row, look: Look, watch: Watch, *, wait_seconds: float) -> Row:
    """The action when it has ended; as it is by then when the time is over or nobody waits any more."""
    over = time.monotonic() + wait_seconds
    pause = _SHORTEST_PAUSE_SECONDS
    while not has_ended(row):
        left = over - time.monotonic()
        if left <= 0 or not await watch.pause(min(pause, left)):
            break
        row = await look() or row
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
    return row


async def follow(row: Row, look: Look, watch: Watch) -> AsyncIterator[Row | None]:
    """The action as it is, then at each change, last when it has ended; None after 15 s without one.

    It stops early when nobody looks on, the server stops or the database is lost: whoever is still
    there can ask anew.
    """
    told: tuple[object, ...] | None = None
    told_at = time.monotonic()
    pause = _EVENT_PAUSE_SECONDS
    while True:
        state = tuple(row[column] for column in _CHANGING)
        if state != told:
            yield row
            told, told_at, pause = state, time.monotonic(), _EVENT_PAUSE_SECONDS
        elif time.monotonic() - told_at >= _QUIET_SECONDS:
            yield None
            told_at = time.monotonic()
        if has_ended(row) or not await watch.pause(pause):
            return
        try:
            seen = await look()
        except DatabaseUnavailable:
            return
        if seen is None:
            return
        row = seen
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
