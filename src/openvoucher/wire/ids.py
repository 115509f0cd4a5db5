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


def new_ids(count: int) -> list[UUID]:
    """`count` new ids of one moment, ascending, so that a bulk insert appends to the index.

    The 12 bits after the time count up within a portion of 4096; the rest is random.
    """
    milliseconds = time.time_ns() // 1_000_000
    noise = os.urandom(8 * count)
    # Each 4096 ids move on by a millisecond: ids of one call stay distinct in their leading 60 bits.
    return [
        UUID(
            int=(milliseconds + index // 4096) << 80
            | 0x7 << 76
            | (index % 4096) << 64
            | 0b10 << 62
            | int.from_bytes(noise[8 * index : 8 * index + 8], "big") >> 2
        )
        for index in range(count)
    ]


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
