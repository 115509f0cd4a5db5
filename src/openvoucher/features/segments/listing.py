"""What lists of segments, and of what was done to one, can be filtered and ordered by."""

import dataclasses
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from openvoucher.features.segments.schemas import SegmentActivityQuery, SegmentQuery
from openvoucher.platform.call import Call
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters
from openvoucher.platform.db.conditions.filter_values import add_precision
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import parse_id

_MOST_IDS: Final = 1000

_COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("s.id", "id", prefix="seg"),
    "name": Column("s.name", "text"),
    "type": Column("s.type", "text"),
    "created_at": Column("s.created_at", "instant"),
    "updated_at": Column("s.updated_at", "instant"),
}

# What a feature that uses a segment does to it; all else is done by callers.
_EFFECT: Final = "a.type = 'segment.activated'"


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """`where` starts with "and" or is empty; the first parameter is the project."""

    where: str
    parameters: list[Any]
    ascending: bool


def compile_query(call: Call, query: SegmentQuery) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    ascending = query.order == "created_at"
    terms = _compile_window("s", query, params, ascending=ascending)
    if query.ids is not None:
        terms.append(f"s.id = any({params.add(_read_ids(query.ids))}::uuid[])")
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        terms.append(compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone))
    return CompiledQuery(_join(terms), params.values, ascending)


def compile_activity_query(call: Call, segment_id: UUID, query: SegmentActivityQuery) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    ascending = query.order in ("created_at", "id")
    terms = [
        f"a.segment_id = {params.add(segment_id)}",
        *_compile_window("a", query, params, ascending=ascending),
    ]
    if query.starting_after_id is not None:
        after = parse_id("evseg", query.starting_after_id)
        if after is None:
            raise invalid_query_params("Property .starting_after_id must be an id of a segment activity")
        terms.append(f"a.id {'>' if ascending else '<'} {params.add(after)}")
    if query.type is not None:
        wanted = f"segment.{query.type.removeprefix('segment.')}"
        terms.append(f"a.type = {params.add(wanted)}")
    if query.category is not None:
        terms.append(_EFFECT if query.category == "EFFECT" else f"not {_EFFECT}")
    return CompiledQuery(_join(terms), params.values, ascending)


def _join(terms: list[str]) -> str:
    return "".join(f" and {term}" for term in terms)


def _compile_window(
    table: str, query: SegmentQuery | SegmentActivityQuery, params: Params, *, ascending: bool
) -> list[str]:
    """Dates as the wire shows them: both ends of the window belong to it, the cursor does not."""
    terms = []
    if query.start_date is not None:
        start = _read_instant(query.start_date, "start_date")
        terms.append(f"{table}.created_at >= {params.add(start)}")
    if query.end_date is not None:
        end = add_precision(_read_instant(query.end_date, "end_date"))
        terms.append(f"{table}.created_at < {params.add(end)}")
    if query.starting_after is not None:
        after = _read_instant(query.starting_after, "starting_after")
        if ascending:
            terms.append(f"{table}.created_at >= {params.add(add_precision(after))}")
        else:
            terms.append(f"{table}.created_at < {params.add(after)}")
    return terms


def _read_instant(text: str, name: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise invalid_query_params(
            f"Property .{name} cannot be recognized as a ISO-8601 compliant date"
        ) from None


def _read_ids(sent: list[str] | str | dict[str, Any]) -> list[UUID]:
    if isinstance(sent, dict):
        raise invalid_query_params("Property .ids must be array")
    texts = sent.split(",") if isinstance(sent, str) else sent
    if len(texts) > _MOST_IDS:
        raise invalid_query_params(f"Property .ids must NOT have more than {_MOST_IDS} items")
    # What is no id of a segment is the id of none.
    return [segment_id for text in texts if (segment_id := parse_id("seg", text))]
