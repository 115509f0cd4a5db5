"""Which products and SKUs are in a collection, as SQL, and how they can be ordered."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from openvoucher.features.product_collections.schemas import CollectionProductsQuery, Order, parse_entry_id
from openvoucher.features.products.schemas import SHIPPING_ID
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.platform.db.conditions import Column, ColumnFactory, Params, compile_filters, jsonb_keys
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import ApiError, invalid_payload, invalid_query_params
from openvoucher.wire.filters import Filters, parse_filters

# Names of the catalogue `c` that the store puts together.
_COLUMNS: Final[Mapping[str, Column | ColumnFactory]] = {
    "id": Column("c.wire_id", "text"),
    "name": Column("c.name", "text"),
    "source_id": Column("c.source_id", "text"),
    "price": Column("c.price", "number"),
    # Of a SKU the names of its attributes.
    "attributes": Column("c.attribute_names", "json_array"),
    "image_url": Column("c.image_url", "text"),
    "created_at": Column("c.created_at", "instant"),
    "updated_at": Column("c.updated_at", "instant"),
    "metadata.*": jsonb_keys("c.metadata"),
}
# Ids are made at creation and sort by time.
ORDERS: Final[Mapping[Order, str]] = {
    "created_at": "id",
    "-created_at": "id desc",
    "updated_at": "updated_at nulls first, id",
    "-updated_at": "updated_at desc nulls last, id desc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledEntries:
    """`page` narrows `where` down to what follows the cursor; both take the same parameters."""

    where: str
    page: str
    parameters: list[Any]
    counted: list[Any]
    order: str


def read_filter(sent: Any, call: Call) -> Filters:
    """The filter of an AUTO_UPDATE collection, all of which can be applied. Raises invalid_payload."""
    if not isinstance(sent, dict) or "junction" not in sent:
        raise invalid_payload("'AUTO_UPDATE' collection must contain valid filter with 'junction' property")
    if sent["junction"] is None:
        raise invalid_payload("Property .filter has wrong `junction` property. It must be one of: and, or")
    filters = parse_filters(sent, source="body", path=".filter")
    compile_filters(filters, _COLUMNS, Params(), now=call.now, timezone=call.project.timezone)
    return filters


def compile_entries(
    call: Call, query: CollectionProductsQuery, collection: Row | None, items: Sequence[Row]
) -> CompiledEntries:
    """`collection` None: everything. `items`: of a static collection. Raises invalid_query_params."""
    params = Params(call.project.id)
    if collection is None or collection["type"] == "AUTO_UPDATE":
        where = f"c.id <> {params.add(SHIPPING_ID)}"
        if collection is not None:
            filters = parse_filters(collection["filter"], source="body", path=".filter")
            where += " and " + compile_filters(
                filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone
            )
    else:
        whole = [item["product_id"] for item in items if item["sku_id"] is None]
        skus = [item["sku_id"] for item in items if item["sku_id"] is not None]
        where = f"(c.product_id = any({params.add(whole)}::uuid[]) or c.id = any({params.add(skus)}::uuid[]))"
    counted = [*params.values]
    page = where
    if query.starting_after:
        page += f" and {_compile_cursor(query.order, query.starting_after, params)}"
    return CompiledEntries(where, page, params.values, counted, ORDERS[query.order])


def _compile_cursor(order: Order, sent: str, params: Params) -> str:
    beyond = "<" if order.startswith("-") else ">"
    column = order.removeprefix("-")
    entry_id = parse_entry_id(sent)
    if entry_id is not None and column == "created_at":
        return f"c.id {beyond} {params.add(entry_id)}"
    try:
        return f"c.{column} {beyond} {params.add(parse_instant(sent))}"
    except ValueError:
        raise _not_a_cursor(column) from None


def _not_a_cursor(column: str) -> ApiError:
    if column == "created_at":
        return invalid_query_params("Property .starting_after must be an id of a product or SKU, or a date")
    return invalid_query_params("Property .starting_after must be a date where the order is by updated_at")
