"""Cuts the rows of a file that is coming in into portions in which codes lie side by side.

A portion is inserted in one go. If its codes come from all over the index, each of them touches a page of
its own; if they are neighbours, dozens share one. So rows are put into buckets by the first rows' codes,
a bucket for each range of codes, and a bucket that is full becomes a portion. Rows with the same code
stay in their order. Memory is bounded whatever the file is.
"""

import weakref
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final, Literal, NamedTuple

import msgspec

_SAMPLE_ROWS: Final = 16_384
_SAMPLE_BYTES: Final = 2 * 1024 * 1024
_MOST_RANGES: Final = 128
# For a dry run, which stores nothing and so must see all rows of a code at once.
_GROUPS: Final = 1024
# Of all uploads that one process takes in at a time; each has at least a twelfth of it.
_MAX_HELD_BYTES: Final = 24 * 1024 * 1024
_LEAST_HELD_BYTES: Final = 2 * 1024 * 1024
# A portion of long rows is cut early, so that it fits into memory whatever the rows are.
_MAX_PORTION_BYTES: Final = 4 * 1024 * 1024

# The uploads that this process is taking in.
_CUTTERS: "weakref.WeakSet[PortionCutter]" = weakref.WeakSet()

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
        self._may_hold_bytes = _MAX_HELD_BYTES
        _CUTTERS.add(self)

    @property
    def buckets(self) -> int:
        return len(self._buckets)

    def add(self, rows: Iterable[tuple[int, list[str]]]) -> list[Portion]:
        """Take rows (line on which each begins, cells); the portions that are full with them."""
        full: list[Portion] = []
        column = self._code_column
        number = self._rows
        self._may_hold_bytes = max(_MAX_HELD_BYTES // len(_CUTTERS), _LEAST_HELD_BYTES)
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

    def finish(self) -> Iterator[Portion]:
        """What is left, neighbours together. To be taken one by one: nothing is held twice."""
        rest = _Bucket(0)
        if self._sample is not None:
            for _, data in sorted(self._sample, key=itemgetter(0)):
                rest.add(data)
                if self._is_full(rest):
                    yield rest.empty()
        elif self._order == "group":
            for bucket in self._buckets:
                if bucket.rows:
                    yield bucket.empty()
        else:
            for bucket in self._buckets:
                rows, size = rest.rows + bucket.rows, len(rest.data) + len(bucket.data)
                if rest.rows and (rows > self._rows_per_portion or size > _MAX_PORTION_BYTES):
                    yield rest.empty()
                rest.data += bucket.data
                rest.rows += bucket.rows
                bucket.data = bytearray()
        if rest.rows:
            yield rest.empty()

    def _end_sample(self, full: list[Portion]) -> None:
        sample, self._sample = self._sample or [], None
        if self._order == "group":
            self._buckets = [_Bucket(number) for number in range(_GROUPS)]
        else:
            codes = sorted(code for code, _ in sample)
            ranges = self._count_ranges(len(sample))
            self._borders = [codes[place * len(codes) // ranges] for place in range(1, ranges)]
            self._buckets = [_Bucket(number) for number in range(ranges)]
        for code, data in sample:
            self._put(code, data, full)

    def _count_ranges(self, sampled: int) -> int:
        """So many that their buckets, half full on average, fit into what may be held: with more of them
        the portions of a file of long rows would be small."""
        bytes_per_row = self._sample_bytes / sampled
        portion_bytes = min(bytes_per_row * self._rows_per_portion, _MAX_PORTION_BYTES)
        return max(1, min(_MOST_RANGES, int(2 * self._may_hold_bytes / portion_bytes)))

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
        elif self._held_bytes > self._may_hold_bytes:
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
