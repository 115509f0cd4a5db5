"""Product collections: kept and read by callers."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET

from openvoucher.features.product_collections import store
from openvoucher.features.product_collections.listing import ORDERS, compile_entries, read_filter
from openvoucher.features.product_collections.schemas import (
    EVERYTHING,
    Collection,
    CollectionBody,
    CollectionItem,
    CollectionList,
    CollectionProductList,
    CollectionProductsQuery,
    CollectionQuery,
    CollectionUpdate,
    ListedProduct,
    ListedSku,
    show_collection,
    show_listed_product,
    show_listed_sku,
)
from openvoucher.features.products.schemas import ItemReference
from openvoucher.features.products.service import lock_items
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import ApiError, invalid_payload, not_found
from openvoucher.wire.ids import new_id, parse_id

_MOST_COLLECTIONS: Final = 100


async def list_product_collections(call: Call, query: CollectionQuery) -> CollectionList:
    """All but the predefined one, the newest first."""
    offset = query.offset()
    async with call.db.connection() as connection:
        rows = await store.list_collections(
            connection, call.project.id, order=ORDERS[query.order], limit=query.limit, offset=offset
        )
        total = await store.count_collections(connection, call.project.id)
        items = await _load_items(connection, call.project.id, rows)
    return CollectionList(data=[show_collection(row, items.get(row["id"], ())) for row in rows], total=total)


async def create_product_collection(call: Call, body: CollectionBody) -> Collection:
    type = body.type or ("STATIC" if body.filter is None else "AUTO_UPDATE")
    filter: dict[str, Any] | None = None
    if type == "AUTO_UPDATE":
        read_filter(body.filter, call)
        filter = body.filter
    project_id = call.project.id
    async with call.db.transaction() as connection:
        members: list[tuple[UUID, UUID | None]] = []
        if type == "STATIC":
            members = await _find_members(connection, project_id, body.products or ())
        if await store.lock_collections(connection, project_id) >= _MOST_COLLECTIONS:
            raise invalid_payload(f"A project has {_MOST_COLLECTIONS} product collections at most")
        row = await store.insert_collection(
            connection,
            project_id=project_id,
            collection_id=new_id(),
            name=body.name,
            type=type,
            filter=filter,
            now=call.now,
        )
        assert row is not None  # noqa: S101 - an insert returns its row or raises
        items = await store.insert_items(connection, project_id, row["id"], members)
    return show_collection(row, sorted(items, key=lambda item: int(item["position"])))


async def get_product_collection(call: Call, product_collection_id: str) -> Collection:
    async with call.db.connection() as connection:
        if product_collection_id == EVERYTHING:
            return await _show_everything(connection, call.project.id)
        row = await _find(connection, call.project.id, product_collection_id)
        items = await _load_items(connection, call.project.id, [row])
    return show_collection(row, items.get(row["id"], ()))


async def update_product_collection(
    call: Call, product_collection_id: str, body: CollectionUpdate
) -> Collection:
    """The name, and of AUTO_UPDATE the filter; what else was sent is skipped."""
    async with call.db.transaction() as connection:
        row = await _find(connection, call.project.id, product_collection_id, change=True)
        filter = row["filter"]
        if row["type"] == "AUTO_UPDATE" and body.filter is not UNSET:
            read_filter(body.filter, call)
            filter = body.filter
        name = row["name"] if body.name is UNSET else body.name
        updated = await store.update_collection(connection, row, name=name, filter=filter, now=call.now)
        assert updated is not None  # noqa: S101 - the row is locked
        items = await _load_items(connection, call.project.id, [updated])
    return show_collection(updated, items.get(updated["id"], ()))


async def delete_product_collection(call: Call, product_collection_id: str) -> None:
    """What was in it stays."""
    async with call.db.transaction() as connection:
        row = await _find(connection, call.project.id, product_collection_id, change=True)
        await store.delete_collection(connection, call.project.id, row["id"])


async def list_collection_products(
    call: Call, product_collection_id: str, query: CollectionProductsQuery
) -> CollectionProductList:
    """Products and SKUs that are in it now, the newest first."""
    offset = query.offset()
    async with call.db.connection() as connection:
        row = None
        items: Sequence[Row] = ()
        if product_collection_id != EVERYTHING:
            row = await _find(connection, call.project.id, product_collection_id)
            items = (await _load_items(connection, call.project.id, [row])).get(row["id"], ())
        compiled = compile_entries(call, query, row, items)
        ids = await store.list_entries(
            connection,
            where=compiled.page,
            parameters=compiled.parameters,
            order=compiled.order,
            limit=query.limit,
            offset=offset,
        )
        total = await store.count_entries(connection, where=compiled.where, parameters=compiled.counted)
        data = await _show_members(connection, call.project.id, ids)
    return CollectionProductList(data=data, total=total)


# --- inside ------------------------------------------------------------------------------------------


async def _find(connection: Connection, project_id: int, sent: str, *, change: bool = False) -> Row:
    """Raises not_found; resource_protected where the predefined one is to be changed."""
    if change and sent == EVERYTHING:
        raise ApiError(
            400,
            "resource_protected",
            "Resource is protected",
            f"Resource products_collection with id {sent} is protected and cannot be modified",
            resource_id=sent,
            resource_type="products_collection",
        )
    collection_id = parse_id("pc", sent)
    row = collection_id and await store.find_collection(connection, project_id, collection_id, lock=change)
    if not row:
        raise not_found("products_collection", sent)
    return row


async def _find_members(
    connection: Connection, project_id: int, sent: Sequence[CollectionItem]
) -> list[tuple[UUID, UUID | None]]:
    """(product, SKU or None), each once, in their order; none of them can be deleted until the commit.
    Raises not_found."""
    references = [
        ItemReference(sku_id=item.id) if item.object == "sku" else ItemReference(product_id=item.id)
        for item in sent
    ]
    members: dict[tuple[UUID, UUID | None], None] = {}
    for item, found in zip(sent, await lock_items(connection, project_id, references), strict=True):
        if found.product is None:
            raise not_found(item.object, item.id)
        members[found.product["id"], found.sku["id"] if found.sku is not None else None] = None
    return [*members]


async def _load_items(connection: Connection, project_id: int, rows: Sequence[Row]) -> dict[UUID, list[Row]]:
    """The items of the static ones, by collection."""
    static = [row["id"] for row in rows if row["type"] == "STATIC"]
    items: dict[UUID, list[Row]] = {collection_id: [] for collection_id in static}
    if static:
        for item in await store.list_items(connection, project_id, static):
            items[item["collection_id"]].append(item)
    return items


async def _show_members(
    connection: Connection, project_id: int, ids: Sequence[UUID]
) -> list[ListedProduct | ListedSku]:
    """Products and SKUs in the order of their ids here; what has been deleted meanwhile is left out."""
    skus = {row["id"]: row for row in await store.load_skus(connection, project_id, ids)}
    product_ids = {*ids, *(row["product_id"] for row in skus.values())}
    products = {row["id"]: row for row in await store.load_products(connection, project_id, [*product_ids])}
    shown: list[ListedProduct | ListedSku] = []
    for each in ids:
        sku = skus.get(each)
        product = products.get(each if sku is None else sku["product_id"])
        if product is not None:
            shown.append(show_listed_product(product) if sku is None else show_listed_sku(sku, product))
    return shown


async def _show_everything(connection: Connection, project_id: int) -> Collection:
    start = await store.find_project_start(connection, project_id)
    return Collection(
        id=EVERYTHING,
        name="All Products",
        type="AUTO_UPDATE",
        filter={"junction": "and"},
        created_at=format_instant(start),
    )
