"""Rows of CSV imports: which header means what, and cells into values.

Headers are compared without regard to case; one that is not known names a metadata key.
"""

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from openvoucher.features.code_imports.schemas import ImportRow, RowRefused
from openvoucher.features.terms.schemas import Discount, Gift
from openvoucher.features.terms.service import read_discount, read_gift
from openvoucher.platform.csv import BAD_ROW_PREFIX
from openvoucher.wire.dates import format_instant, parse_instant
from openvoucher.wire.errors import ApiError
from openvoucher.wire.metadata import MetadataSchema, parse_metadata_cell

_CAMPAIGN_HEADERS: Final = (
    "Code",
    "Category",
    "Active",
    "Loyalty Points",
    "Gift Amount",
    "Redeemed Amount",
    "Redeemed Quantity",
    "Start Date",
    "Expiration Date",
)
_STANDALONE_HEADERS: Final = (
    "Code",
    "Voucher Type",
    "Value",
    "Discount Type",
    "Discount Effect",
    "Validation Rule ID",
    "Category",
    "Start Date",
    "Expiration Date",
    "Redemption Limit",
    "Redeemed Quantity",
    "Redeemed Amount",
    "Active",
    "Additional Info",
    "Formula",
)
_MOST: Final = 2**53
_LONGEST_CODE: Final = 500
# Of what a cell holds so much is repeated in the reason why it was refused.
_ECHO: Final = 100
# Stands in for the product while the rest of a UNIT discount is held against its rules.
_NO_PRODUCT: Final = "product"
_Value = TypeVar("_Value")
_VALUE_FIELD: Final = {
    "AMOUNT": "amount_off",
    "PERCENT": "percent_off",
    "FIXED": "fixed_amount",
    "UNIT": "unit_off",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CsvColumns:
    """Where each known column stands (by its lower-case header), and the metadata columns."""

    known: Mapping[str, int]
    metadata: Mapping[str, int]
    missing_code: str


def read_header(header: list[str], *, standalone: bool) -> CsvColumns:
    """Never fails: a header without a Code column makes every row fail, with the reason in it."""
    names = {name.lower() for name in (_STANDALONE_HEADERS if standalone else _CAMPAIGN_HEADERS)}
    known: dict[str, int] = {}
    metadata: dict[str, int] = {}
    for index, cell in enumerate(header):
        name = cell.strip()
        if name.lower() in names:
            known.setdefault(name.lower(), index)
        elif name:
            metadata.setdefault(name, index)
    reason = "Code is required"
    if "code" not in known:
        reason += ": the header has no Code column"
        separator = next((text for text in (";", "\t", "|") if any(text in cell for cell in header)), None)
        if separator:
            shown = "tabs" if separator == "\t" else separator
            reason += f"; columns must be separated by commas, this file uses {shown}"
    return CsvColumns(known, metadata, reason)


class CsvRowReader:
    """Reads rows of one file. `major_units`: money cells are 10.50 instead of 1050."""

    def __init__(
        self,
        columns: CsvColumns,
        *,
        campaign_type: str | None,
        schema: MetadataSchema | None,
        major_units: bool,
    ) -> None:
        self._columns = columns
        self._code_column = columns.known.get("code")
        self._schema = schema
        self._standalone = campaign_type is None
        self._read_money = _parse_major_units if major_units else _parse_whole
        readers: dict[str, Callable[[ImportRow, str], None]] = {
            "Active": _read_active,
            "Start Date": partial(_read_moment, "Start Date", "start_date"),
            "Expiration Date": partial(_read_moment, "Expiration Date", "expiration_date"),
            "Category": _read_category,
            "Redeemed Quantity": _read_redeemed_quantity,
        }
        if campaign_type == "GIFT_VOUCHERS":
            readers |= {"Gift Amount": self._read_gift_amount, "Redeemed Amount": self._read_spent}
        elif campaign_type == "LOYALTY_PROGRAM":
            readers["Loyalty Points"] = _read_points
        # Only the columns that the file has are looked at: most files have two of them.
        self._readers = [
            (columns.known[header.lower()], read)
            for header, read in readers.items()
            if header.lower() in columns.known
        ]

    def code_of(self, cells: list[str]) -> str:
        """The code, as far as there is one, to name a row by that failed."""
        return "" if cells[0].startswith(BAD_ROW_PREFIX) else self._text(cells, "code")[:_LONGEST_CODE]

    def read(self, cells: list[str], number: int) -> ImportRow:
        """Raises RowRefused."""
        if cells[0].startswith(BAD_ROW_PREFIX):
            raise RowRefused(cells[0].removeprefix(BAD_ROW_PREFIX))
        if "\x00" in "".join(cells):
            raise RowRefused("the row has the character U+0000")
        column = self._code_column
        code = cells[column].strip() if column is not None and column < len(cells) else ""
        if not code:
            raise RowRefused(self._columns.missing_code)
        if len(code) > _LONGEST_CODE:
            raise RowRefused(f"Invalid value for Code: longer than {_LONGEST_CODE} characters")
        row = ImportRow(number, code)
        for column, read in self._readers:
            text = cells[column].strip() if column < len(cells) else ""
            if text:
                read(row, text)
        if self._standalone:
            self._read_standalone(cells, row)
        if self._columns.metadata:
            metadata = self._read_metadata(cells)
            if metadata:
                row.own["metadata"] = metadata
        return row

    def _read_gift_amount(self, row: ImportRow, text: str) -> None:
        amount = _read("Gift Amount", text, self._read_money)
        row.own["gift"] = {"amount": amount}
        if amount == 0:
            raise RowRefused("Invalid value for Gift Amount: must be greater than zero")

    def _read_spent(self, row: ImportRow, text: str) -> None:
        row.spent = _read("Redeemed Amount", text, self._read_money)

    def _read_standalone(self, cells: list[str], row: ImportRow) -> None:
        row.type = self._text(cells, "voucher type").upper()
        if not row.type:
            raise RowRefused("Voucher Type is required")
        if row.type not in ("DISCOUNT_VOUCHER", "GIFT_VOUCHER"):
            raise RowRefused(f"Invalid value for Voucher Type: {row.type[:_ECHO]}")
        rule = self._text(cells, "validation rule id")
        if rule:
            raise RowRefused(f"Cannot find validation_rules with id {rule[:_ECHO]}")
        limit = self._whole(cells, "Redemption Limit")
        if limit == 0:
            raise RowRefused("Invalid value for Redemption Limit: must be at least 1")
        if limit is not None or "redemption limit" in self._columns.known:
            # An empty cell says that there is no limit; without the column the row says nothing of it.
            row.own["redemption_quantity"] = limit
        info = self._text(cells, "additional info")
        if info:
            row.own["additional_info"] = info
        try:
            if row.type == "GIFT_VOUCHER":
                self._read_gift(cells, row)
            else:
                row.own["discount"] = self._read_discount(cells)
        except ApiError as error:
            raise RowRefused(error.details or error.message) from None

    def _read_gift(self, cells: list[str], row: ImportRow) -> None:
        amount = self._money(cells, "Value")
        if amount is None:
            raise RowRefused("Value is required")
        row.own["gift"] = read_gift(Gift(amount=amount))
        row.spent = self._money(cells, "Redeemed Amount")

    def _read_discount(self, cells: list[str]) -> dict[str, Any]:
        kind = self._text(cells, "discount type").upper()
        if not kind:
            raise RowRefused("Discount Type is required")
        if kind not in _VALUE_FIELD:
            raise RowRefused(f"Invalid value for Discount Type: {kind[:_ECHO]}")
        formula = self._text(cells, "formula")
        value: int | float | None
        if kind in ("AMOUNT", "FIXED"):
            value = self._money(cells, "Value")
        elif kind == "UNIT":
            value = self._whole(cells, "Value")
        else:
            value = self._percent(cells)
        if value is None and not formula:
            raise RowRefused("Value is required")
        sent: dict[str, Any] = {"type": kind, _VALUE_FIELD[kind]: value}
        if formula:
            sent[f"{_VALUE_FIELD[kind]}_formula"] = formula
        effect = self._text(cells, "discount effect").upper()
        if effect:
            sent["effect"] = effect
        if kind == "UNIT":
            sent["unit_type"] = _NO_PRODUCT
        try:
            discount = read_discount(msgspec.convert(sent, Discount))
        except msgspec.ValidationError:
            raise RowRefused(f"Invalid value for Discount Effect: {effect[:_ECHO]}") from None
        if kind == "UNIT":
            # There is no column for the product: the discount names none.
            del discount["unit_type"]
        return discount

    def _read_metadata(self, cells: list[str]) -> dict[str, Any]:
        metadata: dict[str, Any] = {}
        for key, index in self._columns.metadata.items():
            text = cells[index] if index < len(cells) else ""
            definition = self._schema.properties.get(key) if self._schema else None
            value = parse_metadata_cell(text, definition)
            if value is not UNSET:
                metadata[key] = value
        return metadata

    def _text(self, cells: list[str], name: str) -> str:
        index = self._columns.known.get(name)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    def _whole(self, cells: list[str], header: str) -> int | None:
        text = self._text(cells, header.lower())
        return _read(header, text, _parse_whole) if text else None

    def _money(self, cells: list[str], header: str) -> int | None:
        text = self._text(cells, header.lower())
        if not text:
            return None
        return _read(header, text, self._read_money)

    def _percent(self, cells: list[str]) -> int | float | None:
        text = self._text(cells, "value")
        return _read("Value", text, _parse_percent) if text else None


def _read_active(row: ImportRow, text: str) -> None:
    text = text.lower()
    if text not in ("true", "false"):
        raise RowRefused("Invalid value for Active: must be TRUE or FALSE")
    row.active = text == "true"


def _read_moment(header: str, field: str, row: ImportRow, text: str) -> None:
    row.own[field] = _read(header, text, _format_moment)


@lru_cache(maxsize=4096)
def _format_moment(text: str) -> str:
    return format_instant(parse_instant(text))


def _read_category(row: ImportRow, text: str) -> None:
    row.category = text


def _read_redeemed_quantity(row: ImportRow, text: str) -> None:
    row.redeemed_quantity = _read("Redeemed Quantity", text, _parse_whole)


def _read_points(row: ImportRow, text: str) -> None:
    row.own["loyalty_card"] = {"points": _read("Loyalty Points", text, _parse_whole)}


def _read(header: str, text: str, parse: Callable[[str], _Value]) -> _Value:
    try:
        return parse(text)
    except (ValueError, InvalidOperation):
        raise RowRefused(f"Invalid value for {header}: {text[:_ECHO]}") from None


def _parse_whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or int(text) > _MOST:
        raise ValueError(text)
    return int(text)


def _parse_major_units(text: str) -> int:
    """10.5 → 1050. More than two decimals cannot be money."""
    minor = _parse_plain_decimal(text) * 100
    if minor != minor.to_integral_value() or minor > _MOST:
        raise ValueError(text)
    return int(minor)


def _parse_percent(text: str) -> int | float:
    value = _parse_plain_decimal(text)
    if value > 100:
        raise ValueError(text)
    return int(value) if value == value.to_integral_value() else float(value)


def _parse_plain_decimal(text: str) -> Decimal:
    # Decimal itself also takes 1e9, 1_000, NaN and digits of other scripts, and rounds beyond 28 digits.
    if not text.isascii() or not text.replace(".", "", 1).isdecimal() or len(text) > 28:
        raise ValueError(text)
    return Decimal(text)
