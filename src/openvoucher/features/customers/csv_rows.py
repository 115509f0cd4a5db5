"""Rows of CSV imports of customers: which header means what, and cells into values."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from msgspec import UNSET

from openvoucher.features.customers.bulk_schemas import CustomerRow
from openvoucher.features.record_imports.schemas import CsvColumns, ImportedRow, read_columns
from openvoucher.platform.csv import BAD_ROW_PREFIX
from openvoucher.wire.dates import parse_date, parse_instant
from openvoucher.wire.ids import parse_id
from openvoucher.wire.metadata import MetadataSchema, parse_metadata_cell

_TEXTS: Final[Mapping[str, tuple[str, int]]] = {
    # Header: column, and the longest text (of what is indexed: see schemas.Key).
    "name": ("name", 100_000),
    "description": ("description", 100_000),
    "email": ("email", 500),
    "phone": ("phone", 100_000),
}
_ADDRESS: Final[Mapping[str, str]] = {
    f"address_{key}": key for key in ("line_1", "line_2", "postal_code", "city", "state", "country")
}
_KNOWN: Final = ("id", "source_id", "birthdate", *_TEXTS, *_ADDRESS)
_LONGEST_ID: Final = 500
_ECHO: Final = 100


class RowRefused(Exception):
    """The reason."""


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """`problem`: why no row of this file can be read, if it is so."""

    columns: CsvColumns
    problem: str | None


def read_header(header: Sequence[str]) -> Header:
    """Of the columns that are known a space is as good as the underscore (`Source ID`). Every other header
    is a key of the metadata, as it is spelled. A file with none of the known ones is no list of customers."""
    names = []
    for cell in header:
        name = cell.strip().replace(" ", "_")
        names.append(name if name.lower() in _KNOWN else cell)
    columns = read_columns(names, _KNOWN)
    if columns.known:
        return Header(columns, None)
    problem = "The header names no column of customers"
    separator = next((text for text in (";", "\t", "|") if any(text in cell for cell in header)), None)
    if separator:
        shown = "tabs" if separator == "\t" else separator
        problem += f"; columns must be separated by commas, this file uses {shown}"
    return Header(columns, problem)


class CustomerRowReader:
    """Reads rows of one file; only the columns that it has are looked at."""

    def __init__(self, header: Header, schema: MetadataSchema | None) -> None:
        columns = header.columns
        self._problem = header.problem
        self._columns = columns
        self._texts = [(columns.known[name], *each) for name, each in _TEXTS.items() if name in columns.known]
        self._address = [
            (columns.known[name], key) for name, key in _ADDRESS.items() if name in columns.known
        ]
        self._metadata = [
            (place, key, schema.properties.get(key) if schema else None)
            for key, place in columns.metadata.items()
        ]

    def read(self, row: ImportedRow) -> CustomerRow:
        """With a reason where it cannot be taken."""
        if row.cells[0].startswith(BAD_ROW_PREFIX):
            return CustomerRow(row.number, None, {}, reason=row.cells[0].removeprefix(BAD_ROW_PREFIX))
        id_sent = self._columns.cell(row, "id")[:_LONGEST_ID]
        source_id = self._columns.cell(row, "source_id") or None
        read = CustomerRow(row.number, source_id, {}, customer_id=parse_id("cust", id_sent), id_sent=id_sent)
        try:
            self._read_into(read, row)
        except RowRefused as refusal:
            read.reason = str(refusal)
            read.source_id = source_id[:_LONGEST_ID] if source_id else None
        return read

    def _read_into(self, read: CustomerRow, row: ImportedRow) -> None:
        """Raises RowRefused."""
        if self._problem:
            raise RowRefused(self._problem)
        cells = row.cells
        if "\x00" in "".join(cells):
            raise RowRefused("the row has the character U+0000")
        if read.source_id and len(read.source_id) > _LONGEST_ID:
            raise RowRefused(f"Invalid value for Source_id: longer than {_LONGEST_ID} characters")
        sent = read.sent
        count = len(cells)
        for place, field, longest in self._texts:
            text = cells[place].strip() if place < count else ""
            if len(text) > longest:
                raise RowRefused(f"Invalid value for {field.capitalize()}: longer than {longest} characters")
            sent[field] = text or None
        if "birthdate" in self._columns.known:
            sent["birthdate"] = self._read_date(self._columns.cell(row, "birthdate"))
        if self._address:
            sent["address"] = {
                key: (cells[place].strip() or None) if place < count else None for place, key in self._address
            }
        if self._metadata:
            sent["metadata"] = self._read_metadata(cells)

    def _read_date(self, text: str) -> date | None:
        """A day, or the day of an instant."""
        if not text:
            return None
        try:
            return parse_instant(text).date() if "T" in text else parse_date(text)
        except ValueError:
            raise RowRefused(f"Invalid value for Birthdate: {text[:_ECHO]}") from None

    def _read_metadata(self, cells: list[str]) -> dict[str, Any]:
        metadata = {}
        count = len(cells)
        for place, key, definition in self._metadata:
            value = parse_metadata_cell(cells[place] if place < count else "", definition)
            if value is not UNSET:
                metadata[key] = value
        return metadata
