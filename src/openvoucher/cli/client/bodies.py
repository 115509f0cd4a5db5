"""What imports send: a CSV file or a JSON array as it is, lines of NDJSON as arrays of so many rows."""

import dataclasses
import os
import stat
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from openvoucher.cli.options import CommandFailed

JSON: Final = "application/json"
# The original refuses bodies of more than 10 MB, and nobody says of which kind of MB.
MOST_BODY_BYTES: Final = 9_500_000
_PIECE_BYTES: Final = 65_536


class BrokenInput(CommandFailed):
    """What was read is not of its format. The text says where."""


class Body(Protocol):
    """What one request carries. `size_bytes` and `rows` are None where only the end tells."""

    @property
    def media_type(self) -> str: ...
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def can_be_sent_again(self) -> bool: ...
    def pieces(self) -> Iterator[bytes]: ...


class Sending:
    """One attempt to send a body, and how far it got.

    is_complete: the end was handed over, too, so the server may have it all. While it is not, no server has,
    since both forms of a body tell its end.
    """

    def __init__(self, body: Body, on_progress: Callable[["Sending"], None]) -> None:
        self.body = body
        self.sent_bytes = 0
        self.has_begun = False
        self.is_complete = False
        self._on_progress = on_progress

    def pieces(self) -> Iterator[bytes]:
        for piece in self.body.pieces():
            self.has_begun = True
            yield piece
            self.sent_bytes += len(piece)
            self._on_progress(self)
        self.is_complete = True

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": self.body.media_type}
        if self.body.size_bytes is not None:
            headers["Content-Length"] = str(self.body.size_bytes)
        return headers


class CsvFile:
    """A CSV file as the `file` of a form, read piece by piece while it is sent."""

    rows: int | None = None

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        boundary = f"openvoucher-{os.urandom(16).hex()}"
        self.media_type = f"multipart/form-data; boundary={boundary}"
        # Quotes and line ends would end the header; browsers write them like this, too.
        name = urllib.parse.quote(name, safe=" !#$&'()+,-.;=@[]^_`{}~")
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        # Of pipes and terminals the length is not known, and they cannot be read twice.
        status = os.fstat(file.fileno())
        self.can_be_sent_again = stat.S_ISREG(status.st_mode)
        # Not exact: cells may have line ends, and lines may be empty.
        self.guessed_rows: int | None = None
        self._start = file.tell() if self.can_be_sent_again else 0
        self._file_bytes = max(status.st_size - self._start, 0) if self.can_be_sent_again else None

    @property
    def size_bytes(self) -> int | None:
        if self._file_bytes is None:
            return None
        return len(self._head) + self._file_bytes + len(self._tail)

    def pieces(self) -> Iterator[bytes]:
        if self.can_be_sent_again:
            self._file.seek(self._start)
        yield self._head
        left = self._file_bytes
        lines = 0
        while piece := self._file.read(_PIECE_BYTES if left is None else min(_PIECE_BYTES, left)):
            if left is not None:
                left -= len(piece)
            lines += piece.count(b"\n")
            yield piece
        if left:
            raise CommandFailed("The file became shorter while it was sent: nothing was imported.")
        self.guessed_rows = max(lines - 1, 1)
        yield self._tail


@dataclasses.dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON value that fits into memory."""

    data: bytes

    media_type = JSON
    can_be_sent_again = True

    @property
    def rows(self) -> int | None:
        return None

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), _PIECE_BYTES):
            yield self.data[start : start + _PIECE_BYTES]


@dataclasses.dataclass(frozen=True, slots=True)
class JsonRows(JsonBody):
    """A JSON array, checked as far as to be one."""

    codes: list[str]
    """The code of each row, "" where there is none: failures are told by code only."""
    lines: list[int]
    """NDJSON: the line of each row; else empty."""
    source_bytes: int
    """How much of the input these rows are."""

    @property
    def rows(self) -> int:
        return len(self.codes)


class _Coded(msgspec.Struct):
    code: msgspec.Raw = msgspec.Raw(b'""')


_ARRAY = msgspec.json.Decoder(list[_Coded])
_OBJECT = msgspec.json.Decoder(_Coded)


def read_json_rows(data: bytes) -> JsonRows:
    """A whole JSON file. Raises BrokenInput."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        rows = _ARRAY.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenInput(
            f"The file is not a JSON array of objects: {error}. (Is it one object a line? --format ndjson)"
        ) from error
    return JsonRows(data, [_read_code(row) for row in rows], [], len(data))


def cut_ndjson(
    file: Iterable[bytes], *, most_rows: int, most_bytes: int = MOST_BODY_BYTES
) -> Iterator[JsonRows]:
    """Arrays of up to `most_rows` lines; empty lines are skipped. Raises BrokenInput at the line that is
    not a JSON object: the rows before it have been returned, those of its own array have not."""
    rows: list[bytes] = []
    codes: list[str] = []
    lines: list[int] = []
    size = source_bytes = 0
    for number, line in enumerate(file, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
        if text:
            try:
                code = _read_code(_OBJECT.decode(text))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenInput(f"Line {number} is not a JSON object: {error}.") from error
            if len(text) + 2 > most_bytes:
                raise BrokenInput(f"Line {number} is longer than a request may be: {most_bytes} bytes.")
            if rows and (len(rows) >= most_rows or size + len(text) + 2 > most_bytes):
                yield JsonRows(b"[" + b",".join(rows) + b"]", codes, lines, source_bytes)
                rows, codes, lines = [], [], []
                size = source_bytes = 0
            rows.append(text)
            codes.append(code)
            lines.append(number)
            size += len(text) + 1
        source_bytes += len(line)
    if rows:
        yield JsonRows(b"[" + b",".join(rows) + b"]", codes, lines, source_bytes)


def _read_code(row: _Coded) -> str:
    try:
        return msgspec.json.decode(row.code, type=str)
    except msgspec.DecodeError:
        # What is wrong with it is for the server to say.
        return ""


def open_input(path: str) -> BinaryIO:
    """The file, or standard input for "-". Raises CommandFailed."""
    try:
        # (Descriptor 0 stays open: it is not ours.)
        return open(0, "rb", closefd=False) if path == "-" else Path(path).open("rb")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error


def find_size(file: BinaryIO) -> int | None:
    """Bytes of a regular file; None for pipes and terminals."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
