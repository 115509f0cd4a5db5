"""Ids: UUID version 7 in the tables, `prefix_` and 32 hex digits on the wire.

Version 7 starts with the time in milliseconds, so that new rows stand side by side in the index
and the order of ids is the order of creation. RFC 9562, section 5.7.
"""

import os
import re
import time
from uuid import UUID

# Milliseconds since this instant lead the contract's 18-digit ids (request ids are of this family).
_WIRE_EPOCH_MS = 1_462_320_000_000  # 2016-05-04T00:00:00Z

_HEX = re.compile(r"[0-9a-f]{32}")


_last_moment = (0, 0)


def new_id() -> UUID:
    """A new version 7 UUID, greater than the one before it in this process: what was made first comes
    first in lists, within a millisecond, too."""
    global _last_moment
    milliseconds, count = time.time_ns() // 1_000_000, os.urandom(1)[0]
    if milliseconds <= _last_moment[0]:
        milliseconds, count = _last_moment[0], _last_moment[1] + 1
        if count > 0xFFF:
            milliseconds, count = milliseconds + 1, 0
    _last_moment = (milliseconds, count)
    return _make_id(milliseconds, count.to_bytes(2, "big") + os.urandom(8))


class IdBatch:
    """Ids of one bulk insert: ascending, and no other id ever lies between two of them.

    They share their first 96 bits, 42 of which are random (with the milliseconds: 2**-42 that a
    second batch of the same millisecond takes the same), and count up in the last 32. So the first and
    the last of them say which rows an insert has made.
    """

    MOST = 1 << 32

    def __init__(self, count: int) -> None:
        if not 1 <= count <= self.MOST:
            raise ValueError(f"a batch has 1 to {self.MOST} ids, not {count}")
        self.shared = _make_id(time.time_ns() // 1_000_000, os.urandom(10)).bytes[:12]
        self.count = count

    @property
    def first(self) -> UUID:
        return UUID(bytes=self.shared + bytes(4))

    @property
    def last(self) -> UUID:
        return UUID(bytes=self.shared + (self.count - 1).to_bytes(4, "big"))


def _make_id(milliseconds: int, noise: bytes) -> UUID:
    return UUID(
        int=milliseconds << 80
        | 0x7 << 76
        | (int.from_bytes(noise[:2], "big") & 0xFFF) << 64
        | 0b10 << 62
        | int.from_bytes(noise[2:], "big") >> 2
    )


def show_id(prefix: str, value: UUID) -> str:
    """The wire form: show_id("camp", …) → camp_0197…"""
    return f"{prefix}_{value.hex}"


def parse_id(prefix: str, text: str) -> UUID | None:
    """The UUID of a wire id, or None if the text is not an id with this prefix (the caller's 404)."""
    head, _, digits = text.rpartition("_")
    if head != prefix or not _HEX.fullmatch(digits):
        return None
    return UUID(hex=digits)


def new_request_id() -> str:
    """`v-` and 18 hex digits, sortable by time: (ms since 2016-05-04) << 30 | random."""
    milliseconds = time.time_ns() // 1_000_000 - _WIRE_EPOCH_MS
    return f"v-{milliseconds << 30 | int.from_bytes(os.urandom(4), 'big') >> 2:018x}"
