"""Codes to import: as random in their order as drawn ones, but numbered, so that no two of them are equal."""

from collections.abc import Iterator
from typing import Final

SYMBOLS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIX: Final = "10OFF-"
PATTERN: Final = PREFIX + "########"
"""What generations draw from: their codes have the same shape, and all of the space."""

_PAIRS: Final = [first + second for first in SYMBOLS for second in SYMBOLS]
_HALF: Final = len(_PAIRS) ** 2
_KEYS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


def make_codes(start: int, count: int) -> Iterator[str]:
    """Codes number `start` to `start + count - 1` of a fixed shuffle of the whole space of PATTERN."""
    pairs, size = _PAIRS, len(_PAIRS)
    for number in range(start, start + count):
        # A Feistel network: whatever its round function, different numbers stay different.
        left, right = divmod(number, _HALF)
        for key in _KEYS:
            mixed = (right + 1) * key
            left, right = right, (left + ((mixed ^ mixed >> 29) * key >> 32)) % _HALF
        yield (PREFIX + pairs[left // size] + pairs[left % size] + pairs[right // size] + pairs[right % size])
