"""The rows of one export as SQL: which, in which order, and what their cells are made of."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from openvoucher.features.exports.columns import (
    METADATA,
    Cell,
    Exportable,
    Surroundings,
    compile_cells,
    make_title,
)
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params, compile_filters
from openvoucher.wire.errors import invalid_export_fields, invalid_payload
from openvoucher.wire.filters import Condition, Filters, parse_filters
from openvoucher.wire.spreadsheets import make_cells_safe

# PostgreSQL selects 1,664 values at most, and some cells need more than one.
MOST_FIELDS: Final = 500

# The index on ids serves these.
_WALKED: Final = ("created_at", "id")


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """What an export holds. `filters` have been read; `created_at`: nothing newer is in the file, and filters
    that speak of now mean then."""

    exportable: Exportable
    fields: Sequence[str]
    order: str
    filters: Filters
    campaign_id: str | None
    created_at: datetime
    surroundings: Surroundings
    major_units: bool

    @property
    def walks(self) -> bool:
        """Whether all rows are read in the order of their ids: then each portion goes on where the one before
        it ended. With filters none can say how far that is, and each portion might look at all rows."""
        narrowed = self.filters.conditions or self.campaign_id
        return not narrowed and self.order.removeprefix("-") in _WALKED

    @property
    def descends(self) -> bool:
        return self.order.startswith("-")

    @property
    def key(self) -> tuple[str, ...]:
        """What tells rows apart, in the order of the index: the id, and the part where there is one."""
        part = self.exportable.part
        return (self.exportable.id, part) if part else (self.exportable.id,)

    @property
    def titles(self) -> list[str]:
        return make_cells_safe(make_title(name, self.exportable) for name in self.fields)

    def compile_rows(self, params: Params) -> str:
        """`from … where …`: the rows that the file has."""
        terms = [f"{self.exportable.created_at} <= {params.add(self.created_at)}"]
        columns = self.exportable.list_columns()
        zone = self.surroundings.project.timezone
        if self.filters.conditions:
            terms.append(compile_filters(self.filters, columns, params, now=self.created_at, timezone=zone))
        if self.campaign_id and "campaign_id" in columns:
            campaign = Filters(conditions=(Condition("campaign_id", "$is", (self.campaign_id,)),))
            terms.append(compile_filters(campaign, columns, params, now=self.created_at, timezone=zone))
        return self.exportable.source + "".join(f" and {term}" for term in terms)

    def compile_values(self, params: Params) -> tuple[str, list[Cell]]:
        """What is selected of a row: its key first, then what the cells need."""
        key = [*self.key, *(["0"] if self.exportable.part is None else [])]
        values, cells = compile_cells(
            self.exportable, self.fields, params, first=len(key), major_units=self.major_units
        )
        return ", ".join([*key, *values]), cells

    def compile_order(self) -> str:
        """Rows without a value are the lowest; rows with the same one are in the order of their keys."""
        direction = " desc nulls last" if self.descends else " nulls first"
        sorts = self.order.removeprefix("-") not in _WALKED
        sort = [self.exportable.find_order(self.order)] if sorts else []
        ends = [f"{term}{' desc' if self.descends else ''}" for term in self.key]
        return ", ".join([*(f"{term}{direction}" for term in sort), *ends])

    def show_row(self, row: Row, cells: Sequence[Cell]) -> list[str]:
        """The cells of a row that was read; none of them is a formula to a spreadsheet."""
        return make_cells_safe(self._show(row, cell) for cell in cells)

    def _show(self, row: Row, cell: Cell) -> str:
        if cell.show is not None:
            return cell.show(row[cell.first : cell.first + cell.values], self.surroundings)
        text: str | None = row[cell.first]
        return text or ""


async def choose_fields(
    connection: Connection, project_id: int, exportable: Exportable, sent: Sequence[str] | None
) -> list[str]:
    """The columns of a file, `metadata` replaced by one for each key of the schema.

    Raises invalid_export_fields, and invalid_payload for too many.
    """
    names = list(sent or exportable.default_fields)
    if len(names) > MOST_FIELDS:
        raise _too_many_fields()
    fields: list[str] = []
    for name in names:
        if name == METADATA and exportable.metadata is not None:
            schema = await exportable.load_schema(connection, project_id) if exportable.load_schema else None
            fields += [f"{METADATA}.{key}" for key in (schema.properties if schema else ())]
        elif exportable.has_field(name):
            fields.append(name)
        else:
            raise invalid_export_fields(exportable.list_fields())
    if len(fields) > MOST_FIELDS:
        raise _too_many_fields()
    return fields


def read_order(exportable: Exportable, sent: str | None) -> str:
    """Raises invalid_payload. An empty text is as good as none."""
    if not sent:
        return exportable.default_order
    orders = exportable.list_orders()
    if sent not in orders:
        raise invalid_payload(
            f"Property .parameters.order must be equal to one of the allowed values [ {', '.join(orders)} ]"
        )
    return sent


async def read_filters(
    connection: Connection, project_id: int, exportable: Exportable, sent: Mapping[str, Any] | None
) -> Filters:
    """Raises invalid_payload. Whether the fields exist is seen when they are compiled."""
    filters = parse_filters(sent, source="body", path=".parameters.filters")
    if exportable.read_filters is not None:
        filters = await exportable.read_filters(connection, project_id, filters)
    return filters


def _too_many_fields() -> Exception:
    return invalid_payload(f"Property .parameters.fields must NOT have more than {MOST_FIELDS} items")
