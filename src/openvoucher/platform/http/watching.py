"""Requests that look on until something ends: with `Prefer: wait` (RFC 7240), or as a stream of events."""

from typing import Final

from openvoucher.platform.http.exchange import Exchange

# Proxies commonly give up a request that has had no byte of an answer for 60 s.
LONGEST_WAIT_SECONDS: Final = 60


class RequestWatch:
    """The `Watch` of one HTTP request."""

    def __init__(self, exchange: Exchange, *, wait_seconds: int | None, wants_events: bool) -> None:
        self.wait_seconds = wait_seconds
        self.wants_events = wants_events
        self._exchange = exchange

    async def pause(self, seconds: float) -> bool:
        return await self._exchange.outlasts(seconds)


def read_wait_seconds(prefer: str | None) -> int | None:
    """The `wait` of a Prefer header, at most LONGEST_WAIT_SECONDS; None if it says none that can be read.

    Of two the first one counts, as RFC 7240 has it.
    """
    for preference in (prefer or "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            seconds = value.strip()
            if len(seconds) > 1 and seconds[0] == seconds[-1] == '"':
                seconds = seconds[1:-1]
            if not (seconds.isascii() and seconds.isdecimal()):
                return None
            # A number of thousands of digits is not worth converting.
            return LONGEST_WAIT_SECONDS if len(seconds) > 9 else min(int(seconds), LONGEST_WAIT_SECONDS)
    return None
