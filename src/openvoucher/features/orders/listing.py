"""What the list of orders can be filtered and ordered by."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

from openvoucher.features.customers.service import find_customer
from openvoucher.features.orders.schemas import DateRange, OrderQuery
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters, jsonb_keys
from openvoucher.platform.db.conditions.filter_values import add_precision
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import ApiError, invalid_query_params
from openvoucher.wire.filters import parse_filters

COLUMNS: Final[dict[str, Column | ColumnFactory]] = {
    "id": Column("id", "id", prefix="ord"),
    "source_id": Column("source_id", "text"),
    "status": Column("status", "text"),
    "amount": Column("amount", "number"),
    "initial_amount": Column("initial_amount", "number"),
    "discount_amount": Column("discount_amount", "number"),
    "items_discount_amount": Column("items_discount_amount", "number"),
    "total_discount_amount": Column("(discount_amount + items_discount_amount)", "number"),
    "total_amount": Column("total_amount", "number"),
    "customer_id": Column("customer_id", "id", prefix="cust"),
    "referrer_id": Column("referrer_id", "id", prefix="cust"),
    "created_at": Column("created_at", "instant"),
    "updated_at": Column("updated_at", "instant"),
    "metadata.*": jsonb_keys("metadata"),
}

# Callers can say when an order was created, so its id does not tell.
_ORDERS: Final = {
    "created_at": "created_at, id",
    "-created_at": "created_at desc, id desc",
    "updated_at": "updated_at nulls first, id",
    "-updated_at": "updated_at desc nulls last, id desc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A condition, its parameters (the first is the project), and an order."""

    where: str
    parameters: list[Any]
    order: str


async def compile_query(connection: Connection, call: Call, query: OrderQuery) -> CompiledQuery:
    """Raises invalid_query_params. A customer that is not there has no orders."""
    params = Params(call.project.id)
    terms = ["true"]
    if query.status is not None:
        terms.append(f"status = any({params.add(query.status)}::text[])")
    if query.source_id is not None:
        terms.append(f"source_id = {params.add(query.source_id)}")
    if query.customer is not None:
        try:
            customer = await find_customer(connection, call.project.id, query.customer)
            terms.append(f"customer_id = {params.add(customer['id'])}")
        except ApiError:
            terms.append("false")
    terms += _compile_range("created_at", query.created_at, params)
    terms += _compile_range("updated_at", query.updated_at, params)
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        terms.append(compile_filters(filters, COLUMNS, params, now=call.now, timezone=call.project.timezone))
    return CompiledQuery(" and ".join(terms), params.values, _ORDERS[query.order or "created_at"])


def _compile_range(field: str, sent: DateRange | None, params: Params) -> Iterator[str]:
    for bound in ("before", "after"):
        text = getattr(sent, bound, None)
        if text is None:
            continue
        try:
            instant = parse_instant(text)
        except ValueError:
            raise invalid_query_params(
                f"Property .{field}.{bound} cannot be recognized as a ISO-8601 compliant date"
            ) from None
        if bound == "before":
            yield f"{field} < {params.add(instant)}"
        else:
            # After what the wire shows, as the filter $after has it.
            yield f"{field} >= {params.add(add_precision(instant))}"
