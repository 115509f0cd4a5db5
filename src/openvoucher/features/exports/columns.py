"""What can be exported: of each kind of object the rows, the columns of its file, and the text of a cell."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params
from openvoucher.wire.filters import Filters
from openvoucher.wire.metadata import MetadataSchema

METADATA: Final = "metadata"

_INSTANT: Final = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

_TITLES: Final = {
    "bar_code": "Barcode",
    "created_at": "Creation Date",
    "is_referral_code": "Is referral code?",
    "loyalty_balance": "Loyalty Card Balance",
    "redemption_quantity": "Redemption Limit",
    "updated_at": "Last Update Date",
}
_WORDS: Final = {"id": "ID", "qr": "QR", "sku": "SKU", "url": "URL"}


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What a cell may need besides its row. `base_url`: how who asked for the export reached the server."""

    project: Project
    base_url: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExportField:
    """A column of the file whose cells PostgreSQL writes; filters and orders know it by the same `column`.

    title: empty: made of the field's name. money: an SQL condition under which the number is money in minor
    units and is written in major ones.
    """

    column: Column
    title: str = ""
    money: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class ShownField:
    """A column of the file whose cells `show` makes of some values of the row (`values`: SQL)."""

    values: tuple[str, ...]
    show: Callable[[Sequence[Any], Surroundings], str]
    title: str = ""


ReadFilters = Callable[[Connection, int, Filters], Awaitable[Filters]]
LoadSchema = Callable[[Connection, int], Awaitable[MetadataSchema | None]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exportable:
    """A kind of object that can be exported.

    source: `from … where …`, the project being $1. id: the version 7 id of a row, which sorts by creation
    (and has an index). part: an int4 that tells rows of one id apart; None: there is one row of each.
    fields: by wire name, in the order in which refusals list them. orders: names of fields or filters,
    without the sign. filters: what rows can be filtered by besides the fields. metadata: makes the column of
    one key; its schema says which keys the field `metadata` stands for. read_filters: replaces what filters
    may name in another way than the columns have it.
    """

    source: str
    id: str
    created_at: str
    fields: Mapping[str, ExportField | ShownField]
    default_fields: tuple[str, ...]
    orders: tuple[str, ...]
    part: str | None = None
    default_order: str = "-created_at"
    filters: Mapping[str, Column | ColumnFactory] = dataclasses.field(default_factory=dict)
    metadata: ColumnFactory | None = None
    load_schema: LoadSchema | None = None
    read_filters: ReadFilters | None = None

    def list_fields(self) -> list[str]:
        """The names that a caller may ask for, `metadata.<key>` not counted."""
        return [*self.fields, *([METADATA] if self.metadata else [])]

    def has_field(self, name: str) -> bool:
        """Whether there is such a column; `metadata` stands for several and is none itself."""
        return name in self.fields or (self.metadata is not None and _metadata_key(name) != "")

    def list_orders(self) -> list[str]:
        return [sign + name for name in self.orders for sign in ("-", "")]

    def list_columns(self) -> dict[str, Column | ColumnFactory]:
        """Everything that rows can be filtered by."""
        columns: dict[str, Column | ColumnFactory] = {
            name: field.column for name, field in self.fields.items() if isinstance(field, ExportField)
        }
        if self.metadata:
            columns[f"{METADATA}.*"] = self.metadata
        return {**columns, **self.filters}

    def find_order(self, order: str) -> str:
        """The SQL of an order that `list_orders` has, without the sign."""
        column = self.list_columns()[order.removeprefix("-")]
        assert isinstance(column, Column)  # noqa: S101 - orders name columns
        return column.sql


exportables: dict[str, Exportable] = {}
"""By wire name. Features that have something to export are put in by the composition root."""


def _metadata_key(name: str) -> str:
    head, _, key = name.partition(".")
    return key if head == METADATA else ""


def make_title(name: str, exportable: Exportable) -> str:
    """What stands above a column. Metadata stands under its key, as in the files that imports read."""
    field = exportable.fields.get(name)
    if field is None:
        return _metadata_key(name)
    words = name.replace(".", "_").split("_")
    made = " ".join(_WORDS.get(word, word.capitalize()) for word in words)
    return field.title or _TITLES.get(name) or made


# --- cells -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """How a cell of a row that was read is written: `values` of it from `first` on, as they are or shown."""

    first: int
    values: int
    show: Callable[[Sequence[Any], Surroundings], str] | None = None


def compile_cells(
    exportable: Exportable, fields: Sequence[str], params: Params, *, first: int, major_units: bool
) -> tuple[list[str], list[Cell]]:
    """The SQL of all values that the cells need, and how the cells are made of them; `first`: how many values
    stand before them in the row."""
    sql: list[str] = []
    cells: list[Cell] = []
    for name in fields:
        field = exportable.fields.get(name)
        if isinstance(field, ShownField):
            values, show = [*field.values], field.show
        elif field is not None:
            values, show = [_write_text(field.column, field.money if major_units else "")], None
        else:
            assert exportable.metadata is not None  # noqa: S101 - `has_field` said so
            values, show = [_write_text(exportable.metadata(_metadata_key(name), params), "")], None
        cells.append(Cell(first + len(sql), len(values), show))
        sql += values
    return sql, cells


def _write_text(column: Column, money: str) -> str:
    """A column as the text of its cell; null where there is none."""
    sql = column.sql
    match column.kind:
        case "text":
            return sql
        case "number":
            plain = f"({sql})::text"
            major = f"round(({sql})::numeric / 100, 2)::text"
            return f"case when {money} then {major} else {plain} end" if money else plain
        case "boolean":
            return f"({sql})::text"
        case "instant":
            # Cut to milliseconds, as everywhere on the wire.
            return f"to_char(({sql}) at time zone 'UTC', '{_INSTANT}')"
        case "date":
            return f"to_char({sql}, 'YYYY-MM-DD')"
        case "id":
            return f"'{column.prefix}_' || replace(({sql})::text, '-', '')"
        case "text_array":
            return f"array_to_string({sql}, ',')"
    return (
        "(select case"
        " when jsonb_typeof(value) <> 'array' then value #>> '{}'"
        """ when value @? '$[*] ? (@.type() == "object" || @.type() == "array")' then value::text"""
        " else (select string_agg(item.value #>> '{}', ',' order by item.place)"
        "       from jsonb_array_elements(value) with ordinality as item (value, place))"
        f" end from (select {sql} as value) as found)"
    )
