"""Cuts the rows of a file that is coming in into portions in which codes lie side by side.

A portion is inserted in one go. If its codes come from all over the index, each of them touches a page of
its own; if they are neighbours, dozens share one. So rows are put into buckets by the first rows' codes,
a bucket for each range of codes, and a bucket that is full becomes a portion. Rows with the same code
stay in their order. Memory is bounded whatever the file is.
"""

import zlib
from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Final, Literal, NamedTuple

import msgspec

_SAMPLE_ROWS: Final = 16_384
_SAMPLE_BYTES: Final = 8 * 1024 * 1024
_RANGES: Final = 128
# For a dry run, which stores nothing and so must see all rows of a code at once.
_GROUPS: Final = 1024
_MAX_HELD_BYTES: Final = 24 * 1024 * 1024
# A portion of long rows is cut early, so that it fits into memory whatever the rows are.
_MAX_PORTION_BYTES: Final = 4 * 1024 * 1024

_encode_row = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[tuple[int, int, list[str]]]).decode


class Portion(NamedTuple):
    """data: what `decode_portion` reads. bucket: rows of one code are all in the same one."""

    data: bytes
    rows: int
    bucket: int


def decode_portion(data: bytes) -> list[tuple[int, int, list[str]]]:
    """(number of the row, line on which it begins, cells)."""
    return _decode_rows(data)


class PortionCutter:
    """code_column: None if the file has none. order: `code`: portions of neighbouring codes; `file`: as
    they come; `group`: all rows of a code in one bucket, of which there are `buckets`."""

    def __init__(
        self, code_column: int | None, rows_per_portion: int, *, order: Literal["code", "file", "group"]
    ) -> None:
        self._code_column = code_column
        self._rows_per_portion = rows_per_portion
        self._order = order
        self._rows = 0
        self._sample: list[tuple[str, bytes]] | None = None if order == "file" else []
        self._sample_bytes = 0
        self._borders: list[str] = []
        self._buckets = [_Bucket(0)]
        self._held_bytes = 0

    @property
    def buckets(self) -> int:
        return len(self._buckets)

    def add(self, rows: Iterable[tuple[int, list[str]]]) -> list[Portion]:
        """Take rows (line on which each begins, cells); the portions that are full with them."""
        full: list[Portion] = []
        column = self._code_column
        number = self._rows
        for line, cells in rows:
            number += 1
            code = cells[column].strip() if column is not None and column < len(cells) else ""
            data = _encode_row((number, line, cells))
            if self._sample is None:
                self._put(code, data, full)
            else:
                self._sample.append((code, data))
                self._sample_bytes += len(data)
                if len(self._sample) >= _SAMPLE_ROWS or self._sample_bytes >= _SAMPLE_BYTES:
                    self._end_sample(full)
        self._rows = number
        return full

    def finish(self) -> list[Portion]:
        """What is left, neighbours together."""
        full: list[Portion] = []
        rest = _Bucket(0)
        if self._sample is not None:
            for _, data in sorted(self._sample, key=itemgetter(0)):
                rest.add(data)
                if self._is_full(rest):
                    full.append(rest.empty())
        elif self._order == "group":
            full += [bucket.empty() for bucket in self._buckets if bucket.rows]
        else:
            for bucket in self._buckets:
                rows, size = rest.rows + bucket.rows, len(rest.data) + len(bucket.data)
                if rest.rows and (rows > self._rows_per_portion or size > _MAX_PORTION_BYTES):
                    full.append(rest.empty())
                rest.data += bucket.data
                rest.rows += bucket.rows
        if rest.rows:
            full.append(rest.empty())
        return full

    def _end_sample(self, full: list[Portion]) -> None:
        sample, self._sample = self._sample or [], None
        if self._order == "group":
            self._buckets = [_Bucket(number) for number in range(_GROUPS)]
        else:
            codes = sorted(code for code, _ in sample)
            self._borders = [codes[place * len(codes) // _RANGES] for place in range(1, _RANGES)]
            self._buckets = [_Bucket(number) for number in range(_RANGES)]
        for code, data in sample:
            self._put(code, data, full)

    def _put(self, code: str, data: bytes, full: list[Portion]) -> None:
        if self._order == "group":
            # (Rows without a code have no others to be with, and may be all there are.)
            place = zlib.crc32(code.encode() or data) % len(self._buckets)
        else:
            place = bisect_right(self._borders, code)
        bucket = self._buckets[place]
        bucket.add(data)
        self._held_bytes += len(data)
        if self._is_full(bucket):
            self._held_bytes -= len(bucket.data)
            full.append(bucket.empty())
        elif self._held_bytes > _MAX_HELD_BYTES:
            bucket = max(self._buckets, key=lambda bucket: len(bucket.data))
            self._held_bytes -= len(bucket.data)
            full.append(bucket.empty())

    def _is_full(self, bucket: "_Bucket") -> bool:
        return bucket.rows >= self._rows_per_portion or len(bucket.data) >= _MAX_PORTION_BYTES


class _Bucket:
    __slots__ = ("data", "number", "rows")

    def __init__(self, number: int) -> None:
        self.number = number
        self.rows = 0
        self.data = bytearray()

    def add(self, data: bytes) -> None:
        self.data += data
        self.rows += 1

    def empty(self) -> Portion:
        """What was in it."""
        # MessagePack's head of an array with a length of 32 bits.
        portion = Portion(b"\xdd" + self.rows.to_bytes(4, "big") + self.data, self.rows, self.number)
        self.rows = 0
        self.data = bytearray()
        return portion
