"""The files of a run: CSV and JSON to upload, and rows for COPY that were not made by the server."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

# Ids of rows that were there before: older than those that the server makes.
_OLD_MOMENT_MS: Final = 1_750_000_000_000
_OLD_DATE: Final = "2025-06-15T15:06:40Z"
_PIECE_BYTES: Final = 262_144
_LINES: Final = 10_000

# What a row needs; everything else has a default.
COPY_COLUMNS: Final = (
    "id", "campaign_id", "created_at", "project_id", "own_revision", "type", "active", "code",
)  # fmt: skip


def write_copy_file(
    path: Path, codes: Iterable[str], *, project_id: int, campaign: UUID, first_number: int = 0
) -> None:
    """Rows as COPY's text, of a campaign that has only had one revision; ids ascend with `first_number`."""
    constant = f"\t{campaign}\t{_OLD_DATE}\t{project_id}\t1\tDISCOUNT_VOUCHER\tt\t"
    with path.open("w", encoding="ascii") as file:
        for number, code in enumerate(codes, first_number):
            moment, place = divmod(number, 4096)
            voucher_id = (_OLD_MOMENT_MS + moment) << 80 | 7 << 76 | place << 64 | 2 << 62 | number
            file.write(f"{voucher_id:032x}{constant}{code}\n")
    # The database server may run as another user.
    path.chmod(0o644)


def write_csv(path: Path, codes: Iterable[str], *, wide: bool = False) -> None:
    with path.open("wb") as file:
        file.writelines(make_wide_lines(codes) if wide else make_plain_lines(codes))


def make_plain_lines(codes: Iterable[str]) -> Iterator[bytes]:
    """One column. As small as rows get: what a row costs stands out."""
    yield b"Code\n"
    for chunk in _chunks(codes):
        yield ("\n".join(chunk) + "\n").encode()


def make_wide_lines(codes: Iterable[str]) -> Iterator[bytes]:
    """What people export from elsewhere: dates, state, and metadata that differ from row to row."""
    yield b"Code,Active,Start Date,Expiration Date,region,batch\n"
    for number, chunk in enumerate(_chunks(codes)):
        tail = f",true,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,region-{number % 7},"
        yield "".join(f"{code}{tail}{code[-4:]}\n" for code in chunk).encode()


class StuffedCsv:
    """A CSV of about `size` bytes, made while it is read: a kilobyte a row, most of it metadata."""

    ROW_BYTES: Final = 1_000
    _HEADER: Final = b"Code,first,second,third\n"

    def __init__(self, codes: Iterable[str], rows: int) -> None:
        self._codes = codes
        self._rows = rows

    @property
    def size(self) -> int:
        return len(self._HEADER) + self._rows * self.ROW_BYTES

    def pieces(self) -> Iterator[bytes]:
        yield self._HEADER
        text = "The quick brown fox jumps over the lazy dog. " * 40
        for chunk in _chunks(self._codes, 200):
            yield "".join(self._make_row(code, text) for code in chunk).encode()

    def _make_row(self, code: str, text: str) -> str:
        room = self.ROW_BYTES - len(code) - 4
        first, second = room // 3, room // 3
        third = room - first - second
        return f"{code},{text[:first]},{text[5 : 5 + second]},{text[9 : 9 + third]}\n"


def make_json(codes: Iterable[str]) -> bytes:
    return json.dumps([{"code": code} for code in codes], separators=(",", ":")).encode()


def read_pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _chunks(codes: Iterable[str], size: int = _LINES) -> Iterator[list[str]]:
    remaining = iter(codes)
    while chunk := list(itertools.islice(remaining, size)):
        yield chunk
