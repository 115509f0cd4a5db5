"""Reads CSV that is still coming in, with a bounded memory.

RFC 4180, and what spreadsheets make of it: UTF-8 with or without a byte order mark; LF, CRLF or CR; blank
lines, and rows of nothing but empty cells, skipped. The standard library's reader does the parsing; it
wants lines, so it is given those that are complete, and a record that goes on beyond them is parsed again
when twice as much has come. Text without a quote has one record a line and is parsed in one go. What comes
out does not depend on how the bytes were cut into pieces.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final

MAX_RECORD_CHARACTERS: Final = 1_048_576
# So much is collected before it is parsed: a record that came byte by byte would else be parsed at each.
_STEP_BYTES: Final = 65_536

csv.field_size_limit(MAX_RECORD_CHARACTERS)

BAD_ROW_PREFIX: Final = "\x00"
"""A row that cannot be read is one cell: this and the reason."""


class BrokenCsv(ValueError):
    """Where a row ends cannot be told, or what the columns are. The text names the row, for callers."""


class CsvRows:
    """Feed it pieces; it returns rows: the line on which each begins (from 1), and its cells.

    `header` is the first row, not among those returned, once it has been read; None before.
    """

    def __init__(self) -> None:
        self.header: list[str] | None = None
        self._bytes = bytearray()
        # Bytes that are no UTF-8 become lone surrogates, by which their row is told from the others.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._lines = _Lines()
        self._reader = csv.reader(self._lines)
        self._row_count = 0
        self._parse_from = 0

    def feed(self, piece: bytes) -> Iterator[tuple[int, list[str]]]:
        """The rows that are complete by now. Raises BrokenCsv."""
        for start in range(0, len(piece), _STEP_BYTES):
            self._bytes += piece[start : start + _STEP_BYTES]
            if len(self._bytes) >= _STEP_BYTES:
                yield from self._read(final=False)

    def finish(self) -> Iterator[tuple[int, list[str]]]:
        """The last rows. Raises BrokenCsv."""
        yield from self._read(final=True)

    def _read(self, *, final: bool) -> Iterator[tuple[int, list[str]]]:
        self._lines.add(self._decoder.decode(bytes(self._bytes), final), final=final)
        self._bytes.clear()
        if not final and self._lines.pending_characters < self._parse_from:
            return
        if self.header is not None:
            yield from self._read_plain_lines()
        while True:
            self._lines.mark()
            line = self._lines.number
            try:
                row = next(self._reader)
            except _NeedMore:
                self._lines.rewind()
                pending = self._lines.pending_characters
                if pending > MAX_RECORD_CHARACTERS:
                    raise self._broken(_TOO_LONG) from None
                self._parse_from = 2 * pending
                return
            except StopIteration:
                return
            except csv.Error:
                # Given whole lines the reader knows one error only: a cell over its limit.
                raise self._broken(_TOO_LONG) from None
            if self._lines.are_many and self._lines.characters_since_mark > MAX_RECORD_CHARACTERS:
                raise self._broken(_TOO_LONG)
            if self._lines.ended_within_record:
                # The reader takes all that follows for one cell: rows would be lost without a word.
                raise self._broken("has a quote that is not closed")
            if any(row):
                yield from self._accept(line, row)

    def _read_plain_lines(self) -> Iterator[tuple[int, list[str]]]:
        """The same rows, without asking for each of them whether it is complete."""
        line = self._lines.number
        lines = self._lines.take_plain()
        ascii_only = all(map(str.isascii, lines))
        for row in csv.reader(lines):
            if any(row):
                if ascii_only:
                    self._row_count += 1
                    yield line, row
                else:
                    yield from self._accept(line, row)
            line += 1

    def _accept(self, line: int, row: list[str]) -> Iterator[tuple[int, list[str]]]:
        joined = "".join(row)
        readable = joined.isascii() or _is_text(joined)
        if self.header is None:
            if not readable:
                raise self._broken("is not UTF-8 text")
            if "\x00" in joined:
                raise self._broken("has the character U+0000")
            self.header = row
            return
        self._row_count += 1
        yield line, row if readable else [f"{BAD_ROW_PREFIX}the row is not UTF-8 text"]

    def _broken(self, problem: str) -> BrokenCsv:
        row = "The header" if self.header is None else f"Row {self._row_count + 1}"
        return BrokenCsv(f"{row} {problem}")


_TOO_LONG: Final = f"is longer than {MAX_RECORD_CHARACTERS} characters: is a quote not closed?"


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
        self._passed = 0
        self._has_quote = False
        self.pending_characters = 0
        self.are_many = False
        self.ended_within_record = False

    def add(self, text: str, *, final: bool) -> None:
        self.pending_characters += len(text)
        # Only then can a record among them be too long.
        self.are_many = self.pending_characters > MAX_RECORD_CHARACTERS
        lines = io.StringIO(self._tail + text, newline="").readlines()
        # A CR that came last may be the first half of a CRLF.
        self._tail = "" if final or not lines or lines[-1].endswith("\n") else lines.pop()
        self._lines += lines
        self._final = final
        self._has_quote = self._has_quote or '"' in text

    @property
    def number(self) -> int:
        """Of the line that comes next, from 1."""
        return self._passed + self._next + 1

    def take_plain(self) -> list[str]:
        """The lines that are there, if each of them is a record for certain; else none."""
        if self._has_quote or self.are_many:
            return []
        lines, self._lines = self._lines[self._next :], []
        self._passed += self._next + len(lines)
        self._next = self._mark = 0
        return lines

    @property
    def characters_since_mark(self) -> int:
        return sum(map(len, self._lines[self._mark : self._next]))

    def mark(self) -> None:
        self._mark = self._next

    def rewind(self) -> None:
        """Back to the mark. What stands before it is let go."""
        del self._lines[: self._mark]
        self._passed += self._mark
        self._next = self._mark = 0
        self._has_quote = '"' in self._tail or any('"' in line for line in self._lines)
        self.pending_characters = len(self._tail) + sum(map(len, self._lines))

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            return line
        if self._final:
            # Asked for another line where a record began, there is none; within one, it never ends.
            self.ended_within_record = self._next > self._mark
            raise StopIteration
        raise _NeedMore


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
