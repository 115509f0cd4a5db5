"""Reads CSV that is still coming in, in portions, with a bounded memory.

RFC 4180, and what spreadsheets make of it: UTF-8 with or without a byte order mark, LF or CRLF, blank
lines skipped. The standard library's reader does the parsing; it wants lines, so it is given those
that are complete, and a record that goes on beyond them is parsed again when more has come.
"""

import codecs
import csv
from collections.abc import Iterator
from typing import Final

MAX_RECORD_CHARACTERS: Final = 1_048_576
# A portion of long rows is cut early, so that it fits into memory whatever the rows are.
_MAX_PORTION_CHARACTERS: Final = 4_194_304

csv.field_size_limit(MAX_RECORD_CHARACTERS)

BAD_ROW_PREFIX: Final = "\x00"
"""A row that cannot be read stands in its portion as one cell: this and the reason."""


class RecordTooLong(ValueError):
    """A record does not end: most likely a quote that is never closed. Names the row."""


class CsvPortions:
    """Feed it pieces; it returns portions: lists of rows, each a list of cells.

    `header` is the first row, in no portion, once it has been read; None before.
    """

    def __init__(self, rows_per_portion: int) -> None:
        self.header: list[str] | None = None
        self._rows_per_portion = rows_per_portion
        # Bytes that are no UTF-8 become lone surrogates, by which their row is told from the others.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._lines = _Lines()
        self._reader = csv.reader(self._lines)
        self._rows: list[list[str]] = []
        self._characters = 0
        self._row_count = 0

    def feed(self, piece: bytes) -> Iterator[list[list[str]]]:
        """The portions that this piece completes. Raises RecordTooLong."""
        yield from self._read(self._decoder.decode(piece), final=False)

    def finish(self) -> Iterator[list[list[str]]]:
        """The last portion, if there is one. Raises RecordTooLong."""
        yield from self._read(self._decoder.decode(b"", final=True), final=True)
        if self._rows:
            yield self._take_portion()

    def _read(self, text: str, *, final: bool) -> Iterator[list[list[str]]]:
        self._lines.add(text, final=final)
        while True:
            self._lines.mark()
            try:
                row = next(self._reader)
            except _NeedMore:
                self._lines.rewind()
                if self._lines.pending_characters > MAX_RECORD_CHARACTERS:
                    raise RecordTooLong(
                        f"Row {self._row_count + 1} is longer than {MAX_RECORD_CHARACTERS} characters: "
                        "is a quote not closed?"
                    ) from None
                return
            except StopIteration:
                return
            except csv.Error as error:
                row = [f"{BAD_ROW_PREFIX}{error}"]
            if any(row):
                self._accept(row)
                if len(self._rows) >= self._rows_per_portion or self._characters > _MAX_PORTION_CHARACTERS:
                    yield self._take_portion()

    def _accept(self, row: list[str]) -> None:
        joined = "".join(row)
        if not joined.isascii() and not _is_text(joined):
            row = [f"{BAD_ROW_PREFIX}the row is not UTF-8 text"]
        if self.header is None:
            self.header = row
            return
        self._rows.append(row)
        self._row_count += 1
        self._characters += len(joined)

    def _take_portion(self) -> list[list[str]]:
        portion, self._rows, self._characters = self._rows, [], 0
        return portion


class _NeedMore(Exception):
    """The record goes on beyond the lines that are there."""


class _Lines:
    """The lines that the reader pulls; it can be taken back to where a record began."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._next = 0
        self._mark = 0
        self._tail = ""
        self._final = False

    def add(self, text: str, *, final: bool) -> None:
        lines = (self._tail + text).split("\n")
        self._tail = lines.pop()
        complete = [line + "\n" for line in lines]
        if final and self._tail:
            complete.append(self._tail)
            self._tail = ""
        self._lines = self._lines[self._next :] + complete
        self._next = 0
        self._final = final

    @property
    def pending_characters(self) -> int:
        return len(self._tail) + sum(map(len, self._lines[self._next :]))

    def mark(self) -> None:
        self._mark = self._next

    def rewind(self) -> None:
        self._next = self._mark

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            return line
        if self._final:
            raise StopIteration
        raise _NeedMore


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
