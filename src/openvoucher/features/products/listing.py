"""What the lists of products and SKUs can be filtered and ordered by."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from openvoucher.features.products.schemas import SHIPPING_ID, ProductQuery, SkuQuery
from openvoucher.platform.call import Call
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters, jsonb_keys
from openvoucher.platform.db.conditions.filter_values import add_precision
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import invalid_query_params
from openvoucher.wire.filters import parse_filters

_SHARED: Final[dict[str, Column | ColumnFactory]] = {
    "source_id": Column("source_id", "text"),
    "price": Column("price", "number"),
    "image_url": Column("image_url", "text"),
    "created_at": Column("created_at", "instant"),
    "updated_at": Column("updated_at", "instant"),
    "metadata.*": jsonb_keys("metadata"),
}
_PRODUCT_COLUMNS: Final[Mapping[str, Column | ColumnFactory]] = {
    **_SHARED,
    "id": Column("id", "id", prefix="prod"),
    "name": Column("name", "text"),
    "attributes": Column("attributes", "text_array"),
}
_SKU_COLUMNS: Final[Mapping[str, Column | ColumnFactory]] = {
    **_SHARED,
    "id": Column("id", "id", prefix="sku"),
    "sku": Column("sku", "text"),
    "currency": Column("currency", "text"),
    "attributes.*": jsonb_keys("attributes"),
}
_ORDERS: Final = {
    # Ids are made at creation and sort by time; the index on them serves the default order.
    "created_at": "id",
    "-created_at": "id desc",
    "updated_at": "updated_at nulls first, id",
    "-updated_at": "updated_at desc nulls last, id desc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A condition, its parameters (the first is the project), and an order."""

    where: str
    parameters: list[Any]
    order: str


def compile_product_query(call: Call, query: ProductQuery) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    terms = [f"id <> {params.add(SHIPPING_ID)}"]
    return _compile(call, query, _PRODUCT_COLUMNS, params, terms)


def compile_sku_query(call: Call, query: SkuQuery, product_id: UUID) -> CompiledQuery:
    """Raises invalid_query_params."""
    params = Params(call.project.id)
    terms = [f"product_id = {params.add(product_id)}"]
    return _compile(call, query, _SKU_COLUMNS, params, terms)


def _compile(
    call: Call,
    query: ProductQuery | SkuQuery,
    columns: Mapping[str, Column | ColumnFactory],
    params: Params,
    terms: list[str],
) -> CompiledQuery:
    if query.start_date:
        terms.append(f"created_at >= {params.add(_read_instant(query.start_date, 'start_date'))}")
    if query.end_date:
        # Up to the end of the millisecond that the wire shows.
        until = add_precision(_read_instant(query.end_date, "end_date"))
        terms.append(f"created_at < {params.add(until)}")
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        terms.append(compile_filters(filters, columns, params, now=call.now, timezone=call.project.timezone))
    return CompiledQuery(" and ".join(terms), params.values, _ORDERS[query.order])


def _read_instant(text: str, name: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise invalid_query_params(
            f"Property .{name} cannot be recognized as a ISO-8601 compliant date"
        ) from None
