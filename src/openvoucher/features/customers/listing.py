"""What the list of customers can be filtered and ordered by, and how it is scrolled."""

import dataclasses
from datetime import datetime
from typing import Any, Final, NamedTuple

from openvoucher.features.customers import store
from openvoucher.features.customers.schemas import CustomerList, CustomerQuery, DateRange
from openvoucher.features.customers.service import show_customers
from openvoucher.features.segments.service import member_condition, member_selection
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import (
    Column,
    ColumnFactory,
    Params,
    compile_filters,
    jsonb_keys,
)
from openvoucher.platform.db.conditions.filter_values import add_precision
from openvoucher.wire.dates import PRECISION, parse_instant
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.filters import parse_filters

_ADDRESS: Final = ("city", "state", "line_1", "line_2", "country", "postal_code")

_COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("c.id", "id", prefix="cust"),
    "source_id": Column("c.source_id", "text"),
    "name": Column("c.name", "text"),
    "description": Column("c.description", "text"),
    "email": Column("c.email", "text"),
    "phone": Column("c.phone", "text"),
    "birthday": Column("c.birthday", "date"),
    "birthdate": Column("c.birthdate", "date"),
    "city": Column("(c.address ->> 'city')", "text"),
    **{f"address.{part}": Column(f"(c.address ->> '{part}')", "text") for part in _ADDRESS},
    "created_at": Column("c.created_at", "instant"),
    "updated_at": Column("c.updated_at", "instant"),
    "metadata.*": jsonb_keys("c.metadata"),
    "system_metadata.*": jsonb_keys("c.system_metadata"),
}

_ORDERS: Final = {
    "created_at": "c.created_at, c.id",
    "-created_at": "c.created_at desc, c.id desc",
    "updated_at": "c.updated_at nulls first, c.id",
    "-updated_at": "c.updated_at desc nulls last, c.id desc",
    # No two are equal; who has none is listed behind all others.
    "source_id": "c.source_id",
    "-source_id": "c.source_id desc",
}


# The order of all of a selection: there is no index of it to go along.
_SELECTION_ORDERS: Final = {
    **_ORDERS,
    "source_id": "c.source_id, c.created_at, c.id",
    "-source_id": "c.source_id desc nulls last, c.created_at desc, c.id desc",
}


async def list_customers(call: Call, query: CustomerQuery) -> CustomerList:
    """Pages, or with `starting_after` a scroll, which visits each customer once."""
    offset = query.offset()
    async with call.db.connection() as connection:
        question = await _compile(connection, call, query)
        has_more: Any = None
        members: _Members | None = None
        if query.starting_after is not None:
            rows, has_more = await _scroll(connection, question, query)
        if question.only_of_segment:
            members = await _list_members(connection, call, query, offset)
        if query.starting_after is None:
            rows = await _list_page(connection, question, query, offset) if members is None else members.rows
        if members is not None:
            total = members.total
        elif question.where:
            total = await store.count_customers(
                connection, where=question.where, parameters=question.params.values
            )
        else:
            total = await store.count_all_customers(connection, call.project.id)
        listed = CustomerList(customers=await show_customers(connection, call.project, rows), total=total)
    if has_more is not None:
        listed.has_more = has_more
    return listed


@dataclasses.dataclass(frozen=True, slots=True)
class _Question:
    """`where` starts with "and" or is empty; the first parameter is the project."""

    where: str
    params: Params
    order: str
    # Whether being in the segment is all that is asked of a customer.
    only_of_segment: bool

    async def list_rows(
        self, connection: Connection, *, limit: int | None, offset: int = 0, more: str = "", values: Any = ()
    ) -> list[Row]:
        """`more`: another condition with a {} for each of the `values`."""
        params = Params(*self.params.values)
        where = self.where + more.format(*(params.add(value) for value in values))
        return await store.list_customers(
            connection, where=where, parameters=params.values, order=self.order, limit=limit, offset=offset
        )


class _Members(NamedTuple):
    rows: list[Row]
    total: int


async def _list_members(
    connection: Connection, call: Call, query: CustomerQuery, offset: int
) -> _Members | None:
    """Of a passive segment: its rule is put to all customers once, for the page and the total. A scroll finds
    its rows itself. None for other segments.
    """
    params = Params()
    selection = await member_selection(connection, call.project, query.segment_id or "", params, now=call.now)
    if selection is None:
        return None
    order = query.order or "-created_at"
    ids, total = await store.list_selected_ids(
        connection,
        selection=selection,
        parameters=params.values,
        order=_SELECTION_ORDERS[order],
        limit=query.limit if query.starting_after is None else 0,
        offset=offset,
    )
    found = {row["id"]: row for row in await store.list_by_ids(connection, call.project.id, ids)}
    # Who was deleted meanwhile is left out.
    rows = [row for row in map(found.get, ids) if row is not None and row["deleted_at"] is None]
    return _Members(rows, total)


async def _list_page(
    connection: Connection, question: _Question, query: CustomerQuery, offset: int
) -> list[Row]:
    if query.order in ("source_id", "-source_id"):
        return await _list_by_source_id(connection, question, query, offset)
    return await question.list_rows(connection, limit=query.limit, offset=offset)


async def _list_by_source_id(
    connection: Connection, question: _Question, query: CustomerQuery, offset: int
) -> list[Row]:
    """Two questions: in one, all who have no source id would be sorted for each page that shows some."""
    named = dataclasses.replace(question, where=f"{question.where} and c.source_id is not null")
    rows = await named.list_rows(connection, limit=query.limit, offset=offset)
    if len(rows) == query.limit:
        return rows
    before = offset + len(rows)
    if not rows and offset > 0:
        before = await store.count_customers(connection, where=named.where, parameters=question.params.values)
    nameless = dataclasses.replace(
        question,
        where=f"{question.where} and c.source_id is null",
        order=_ORDERS["created_at" if query.order == "source_id" else "-created_at"],
    )
    rest = await nameless.list_rows(connection, limit=query.limit - len(rows), offset=max(offset - before, 0))
    return [*rows, *rest]


async def _compile(connection: Connection, call: Call, query: CustomerQuery) -> _Question:
    """Raises invalid_query_params; not_found for an unknown segment."""
    params = Params(call.project.id)
    terms: list[str] = []
    if query.email:
        # As the index has it, which leaves nulls out.
        terms.append(f"c.email is not null and lower(c.email) = lower({params.add(query.email)})")
    if query.city:
        terms.append("c.address is not null and " + _equal_text("c.address ->> 'city'", query.city, params))
    if query.name:
        terms.append("c.name is not null and " + _equal_text("c.name", query.name, params))
    if query.phone:
        terms.append(f"c.phone = {params.add(query.phone)}")
    if query.source_id:
        terms.append(f"c.source_id = {params.add(query.source_id)}")
    if query.segment_id:
        member = await member_condition(connection, call.project, query.segment_id, params, now=call.now)
        terms.append(f"({member})")
    terms += _compile_range("created_at", query.created_at, params)
    terms += _compile_range("updated_at", query.updated_at, params)
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        terms.append(compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone))
    return _Question(
        "".join(f" and {term}" for term in terms),
        params,
        _ORDERS[query.order or "-created_at"],
        only_of_segment=bool(query.segment_id) and len(terms) == 1,
    )


def _equal_text(term: str, sent: str, params: Params) -> str:
    """Without regard to case. The index has the beginnings."""
    text = f"{params.add(sent)}::text"
    return f"lower(left({term}, 500)) = lower(left({text}, 500)) and lower({term}) = lower({text})"


def _compile_range(field: str, sent: DateRange | None, params: Params) -> list[str]:
    terms = []
    if sent is not None and sent.before is not None:
        terms.append(f"c.{field} < {params.add(_read_instant(f'{field}.before', sent.before))}")
    if sent is not None and sent.after is not None:
        # After what the wire shows, as the filter $after has it.
        instant = add_precision(_read_instant(f"{field}.after", sent.after))
        terms.append(f"c.{field} >= {params.add(instant)}")
    return terms


def _read_instant(field: str, text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise invalid_query_params(
            f"Property .{field} cannot be recognized as a ISO-8601 compliant date"
        ) from None


# --- scrolling ---------------------------------------------------------------------------------------------


async def _scroll(
    connection: Connection, question: _Question, query: CustomerQuery
) -> tuple[list[Row], bool]:
    """The rows beyond the cursor, and whether there are more.

    The cursor is an instant of the wire, and many customers share a millisecond (an import makes thousands at
    once): a page that ended among them would lose the others. So it ends before them, and where a whole
    page is of one millisecond it is longer than was asked for.
    """
    order = query.order or "-created_at"
    field, descending = order.removeprefix("-"), order.startswith("-")
    if field == "source_id":
        raise invalid_query_params("Property .starting_after needs an order by created_at or updated_at")
    cursor = _read_instant("starting_after", query.starting_after or "")
    beyond = f" and c.{field} < {{}}" if descending else f" and c.{field} >= {{}}"
    start = cursor if descending else add_precision(cursor)
    rows = await question.list_rows(connection, limit=query.limit + 1, more=beyond, values=[start])
    if len(rows) <= query.limit:
        return rows, False
    last = _millisecond(rows[-1][field])
    page = [row for row in rows if _millisecond(row[field]) != last]
    if page:
        return page, True
    within = f" and c.{field} >= {{}} and c.{field} < {{}}"
    page = await question.list_rows(connection, limit=None, more=within, values=[last, last + PRECISION])
    end = last if descending else last + PRECISION
    return page, bool(await question.list_rows(connection, limit=1, more=beyond, values=[end]))


def _millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
