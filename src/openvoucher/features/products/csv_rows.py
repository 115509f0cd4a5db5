"""Rows of CSV imports into products and SKUs."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import UNSET

from openvoucher.features.products.schemas import MAX_PRICE, MAX_SOURCE_ID_CHARACTERS
from openvoucher.features.record_imports.schemas import CsvColumns, ImportedRow, read_columns
from openvoucher.platform.csv import BAD_ROW_PREFIX
from openvoucher.wire.metadata import MetadataSchema, parse_metadata_cell

PRODUCT_HEADERS: Final = ("name", "source_id", "price", "attributes", "image_url")
SKU_HEADERS: Final = ("product_id", "sku", "source_id", "price", "image_url", "attributes")

_LONGEST_TEXT: Final = 10_000
_MOST_ATTRIBUTES: Final = 1000
# What is nested deeper than any body may be could be stored and never be read.
_MOST_BRACKETS: Final = 100
# Of what a cell holds so much is repeated in the reason why it was refused.
_ECHO: Final = 100
_SWAPPED_QUOTES: Final = str.maketrans({"'": '"', '"': "'"})


class RowRefused(Exception):
    """The text is the reason, for whoever sent the row."""


@dataclasses.dataclass(slots=True)
class Record:
    """A row as it was read. fields: columns that the row has a value for; `product` of SKUs: an id or
    source id."""

    source_id: str
    fields: dict[str, Any]
    metadata: dict[str, Any]
    product: str = ""


class RowReader:
    """Reads rows of one file. `major_units`: prices are 10.50 instead of 1050."""

    def __init__(
        self,
        header: Sequence[str],
        known: Sequence[str],
        *,
        schema: MetadataSchema | None,
        major_units: bool,
    ) -> None:
        self._header = header
        self._columns: CsvColumns = read_columns(header, known)
        self._schema = schema
        self._major_units = major_units

    def source_id_of(self, row: ImportedRow) -> str:
        """As far as there is one, to name a row by that failed."""
        if row.cells[0].startswith(BAD_ROW_PREFIX):
            return ""
        return self._columns.cell(row, "source_id")[:MAX_SOURCE_ID_CHARACTERS]

    def read_product(self, row: ImportedRow) -> Record:
        """Raises RowRefused."""
        self._check(row)
        name = self._require(row, "name")
        fields: dict[str, Any] = {"name": name, **self._read_shared(row)}
        attributes = self._text(row, "attributes")
        if attributes:
            names = [name.strip() for name in attributes.split(",")]
            fields["attributes"] = [*dict.fromkeys(name for name in names if name)]
            if len(fields["attributes"]) > _MOST_ATTRIBUTES:
                raise RowRefused(f"Invalid value for attributes: more than {_MOST_ATTRIBUTES}")
        return Record(self._read_source_id(row), fields, self._read_metadata(row))

    def read_sku(self, row: ImportedRow) -> Record:
        """Raises RowRefused."""
        self._check(row)
        product = self._require(row, "product_id")
        self._require(row, "source_id")
        fields = self._read_shared(row)
        name = self._text(row, "sku")
        if name:
            fields["sku"] = name
        attributes = self._text(row, "attributes")
        if attributes:
            fields["attributes"] = _parse_attributes(attributes)
        return Record(self._read_source_id(row), fields, self._read_metadata(row), product)

    def _check(self, row: ImportedRow) -> None:
        if row.cells[0].startswith(BAD_ROW_PREFIX):
            raise RowRefused(row.cells[0].removeprefix(BAD_ROW_PREFIX))
        if "\x00" in "".join(row.cells):
            raise RowRefused("the row has the character U+0000")

    def _text(self, row: ImportedRow, name: str) -> str:
        text = self._columns.cell(row, name)
        if len(text) > _LONGEST_TEXT:
            raise RowRefused(f"Invalid value for {name}: longer than {_LONGEST_TEXT} characters")
        return text

    def _require(self, row: ImportedRow, name: str) -> str:
        text = self._text(row, name)
        if not text:
            raise RowRefused(self._describe_missing(name))
        return text

    def _describe_missing(self, name: str) -> str:
        reason = f"{name} is required"
        if name not in self._columns.known:
            reason += f": the header has no {name} column"
            separators = [text for text in (";", "\t", "|") if any(text in cell for cell in self._header)]
            if separators:
                shown = "tabs" if separators[0] == "\t" else separators[0]
                reason += f"; columns must be separated by commas, this file uses {shown}"
        return reason

    def _read_source_id(self, row: ImportedRow) -> str:
        source_id = self._columns.cell(row, "source_id")
        if len(source_id) > MAX_SOURCE_ID_CHARACTERS:
            raise RowRefused(
                f"Invalid value for source_id: longer than {MAX_SOURCE_ID_CHARACTERS} characters"
            )
        return source_id

    def _read_shared(self, row: ImportedRow) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        price = self._text(row, "price")
        if price:
            fields["price"] = _parse_price(price, major_units=self._major_units)
        image_url = self._text(row, "image_url")
        if image_url:
            fields["image_url"] = image_url
        return fields

    def _read_metadata(self, row: ImportedRow) -> dict[str, Any]:
        metadata: dict[str, Any] = {}
        for key, place in self._columns.metadata.items():
            text = row.cells[place] if place < len(row.cells) else ""
            definition = self._schema.properties.get(key) if self._schema else None
            value = parse_metadata_cell(text, definition)
            if value is not UNSET:
                metadata[key] = value
        return metadata


def _parse_price(text: str, *, major_units: bool) -> int:
    """14.5 → 1450. More than two decimals cannot be money."""
    # Decimal itself also takes 1e9, 1_000, NaN and digits of other scripts, and rounds beyond 28 digits.
    if text.isascii() and text.replace(".", "", 1).isdecimal() and len(text) <= 28:
        price = Decimal(text) * (100 if major_units else 1)
        if price == price.to_integral_value() and price <= MAX_PRICE:
            return int(price)
    raise RowRefused(f"Invalid value for price: {text[:_ECHO]}")


def _parse_attributes(text: str) -> dict[str, Any]:
    """An object in JSON, or as the contract writes it, with the other quotes: {'color':'blue'}."""
    for spelling in (text, text.translate(_SWAPPED_QUOTES)):
        if "\\u0000" in spelling or spelling.count("{") + spelling.count("[") > _MOST_BRACKETS:
            break
        try:
            return msgspec.json.decode(spelling, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError):
            continue
    raise RowRefused(f"Invalid value for attributes: {text[:_ECHO]}")
