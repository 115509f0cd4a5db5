"""Rows as they were sent, and which column of a file means what."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec


class ImportedRow(NamedTuple):
    """number: from 1, headers not counted. line: on which it begins in the file, from 1."""

    number: int
    line: int
    cells: list[str]


class RecordImportQuery(msgspec.Struct, kw_only=True):
    """Who asks for a dry run must not get the import instead (see `refuse_dry_run`)."""

    dry_run: bool = False


class BulkMetadata(msgspec.Struct, kw_only=True):
    """The same metadata for many."""

    source_ids: list[str]
    metadata: dict[str, object]


@dataclasses.dataclass(frozen=True, slots=True)
class CsvColumns:
    """Where each known column stands (by its lower-case header), and the metadata columns."""

    known: Mapping[str, int]
    metadata: Mapping[str, int]

    def cell(self, row: ImportedRow, name: str) -> str:
        """The cell under a known header, trimmed; empty where the row or the file has none."""
        place = self.known.get(name)
        return row.cells[place].strip() if place is not None and place < len(row.cells) else ""


def read_columns(header: Sequence[str], known: Sequence[str]) -> CsvColumns:
    """`known`: headers in lower case; case does not matter, and of two that are equal the first counts.
    Every other header names a key of the metadata."""
    places: dict[str, int] = {}
    metadata: dict[str, int] = {}
    for place, sent in enumerate(header):
        name = sent.strip()
        if name.lower() in known:
            places.setdefault(name.lower(), place)
        elif name:
            metadata.setdefault(name, place)
    return CsvColumns(places, metadata)
