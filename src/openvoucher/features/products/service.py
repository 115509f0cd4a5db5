"""Products: kept by callers, looked up and written by orders and collections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from openvoucher.features.products import items, store
from openvoucher.features.products.listing import compile_product_query
from openvoucher.features.products.schemas import (
    SHIPPING_ID,
    ForceQuery,
    HideQuery,
    ItemOverride,
    ItemReference,
    Product,
    ProductBody,
    ProductList,
    ProductQuery,
    ProductUpdate,
    ResolvedItem,
    SkusOfProduct,
    parse_product_id,
    read_metadata,
    read_product_fields,
    show_product,
    show_product_id,
    show_sku,
)
from openvoucher.features.products.store import Lock
from openvoucher.features.terms.service import check_object_metadata
from openvoucher.features.trash_bin.service import add_bin_entry
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import ApiError, duplicate_found, not_found, resource_in_use
from openvoucher.wire.ids import new_id, show_id

# SKUs that are shown inside of a product; `total` counts them all, and the list of SKUs has the rest.
_MOST_NESTED_SKUS: Final = 500
# Ids that a refusal names.
_MOST_NAMED: Final = 10

# --- for callers -----------------------------------------------------------------------------------


async def list_products(call: Call, query: ProductQuery) -> ProductList:
    """All but the predefined one, the oldest first, each with its SKUs."""
    offset = query.offset()
    compiled = compile_product_query(call, query)
    async with call.db.connection() as connection:
        rows = await store.list_products(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            order=compiled.order,
            limit=query.limit,
            offset=offset,
        )
        total = await store.count_products(connection, where=compiled.where, parameters=compiled.parameters)
        products = await _show(connection, call.project.id, rows, hide=query.hide)
    return ProductList(products=products, total=total)


async def create_product(call: Call, body: ProductBody) -> Product:
    """Create a product, or change the one that has the id or source id. Answered without its SKUs."""
    fields = read_product_fields(body)
    metadata = read_metadata(body.metadata)
    async with call.db.transaction() as connection:
        row = await _find_sent(connection, call.project.id, body)
        if row is None:
            await check_object_metadata(connection, call.project.id, "product", metadata, partial=False)
            new = {"id": new_id(), "source_id": body.source_id or None, "metadata": metadata, **fields}
            made = await store.insert_products(
                connection, call.project.id, [{"attributes": [], **new}], call.now
            )
            if made:
                return show_product(made[0])
            # Somebody else has it by now, or the bin has.
            row = await store.find_product(connection, call.project.id, None, body.source_id, "update")
            if row is None:
                raise duplicate_found("product", "id", body.source_id or "")
        return await _update(connection, call, row, body)


async def get_product(call: Call, product_id: str, query: HideQuery) -> Product:
    async with call.db.connection() as connection:
        row = await find_product(connection, call.project.id, product_id)
        (product,) = await _show(connection, call.project.id, [row], hide=query.hide)
    return product


async def update_product(call: Call, product_id: str, body: ProductUpdate) -> Product:
    async with call.db.transaction() as connection:
        row = await find_product(connection, call.project.id, product_id, lock="update")
        return await _update(connection, call, row, body)


async def delete_product(call: Call, product_id: str, query: ForceQuery) -> None:
    """Into the bin with its SKUs, where its source id stays reserved; with `force` for good."""
    project_id = call.project.id
    async with call.db.transaction() as connection:
        row = await find_product(connection, project_id, product_id, lock="update")
        if row["id"] == SHIPPING_ID:
            raise _protected(product_id)
        await refuse_if_in_collection(connection, project_id, product_id, row["id"])
        if query.force:
            await store.delete_product(connection, project_id, row["id"])
            return
        await store.bin_product(connection, project_id, row["id"], call.now)
        await add_bin_entry(
            connection,
            call,
            resource_type="product",
            resource_id=row["id"],
            name=row["name"] or row["source_id"] or show_product_id(row["id"]),
            parent_id=None,
        )


# --- for other features ----------------------------------------------------------------------------


async def find_product(connection: Connection, project_id: int, sent: str, *, lock: Lock = "none") -> Row:
    """By id or source id. Raises not_found."""
    row = await store.find_product(connection, project_id, parse_product_id(sent), sent, lock)
    if row is None:
        raise not_found("product", sent)
    return row


async def resolve_items(
    connection: Connection, project_id: int, references: Sequence[ItemReference]
) -> list[ResolvedItem]:
    """What each reference stands for, in the order given, in two queries however many there are.

    Tried in this order: sku_id, product_id; source_id with its related object; nested SKU, nested product.
    """
    return await items.resolve_items(connection, project_id, references)


async def lock_items(
    connection: Connection, project_id: int, references: Sequence[ItemReference]
) -> list[ResolvedItem]:
    """As `resolve_items`, and what was found stays as it is until the commit."""
    return await items.lock_items(connection, project_id, references)


async def override_items(connection: Connection, call: Call, overrides: Sequence[ItemOverride]) -> None:
    """Create or change products and SKUs as order items say, in the caller's transaction; before
    `resolve_items`. Of two overrides of one object the later values count. What lies in the bin is left
    there, and a SKU of another product with that product. A constant number of queries.

    Raises metadata_validation_failed.
    """
    await items.override_items(connection, call.project.id, overrides, call.now)


async def override_imported_items(
    connection: Connection, project_id: int, overrides: Sequence[ItemOverride], *, now: datetime
) -> None:
    """`override_items` for jobs, which have no call."""
    await items.override_items(connection, project_id, overrides, now)


async def purge_product(connection: Connection, call: Call, product_id: UUID) -> None:
    """Remove a product that is in the bin for good, and its SKUs."""
    await store.delete_product(connection, call.project.id, product_id)


async def purge_sku(connection: Connection, call: Call, sku_id: UUID) -> None:
    """Remove a SKU that is in the bin for good."""
    await store.delete_sku(connection, call.project.id, sku_id)


async def refuse_if_in_collection(
    connection: Connection, project_id: int, sent: str, product_id: UUID, sku_id: UUID | None = None
) -> None:
    """Raises resource_in_use if a static collection was made of the product or its SKUs, or of the SKU.
    To be asked under the lock of what is being deleted: collections lock what they are made of."""
    found = await store.list_collections_with(connection, project_id, product_id, sku_id)
    if found:
        named = [show_id("pc", collection_id) for collection_id in found[:_MOST_NAMED]]
        kind = "product" if sku_id is None else "sku"
        raise resource_in_use(kind, sent, "products_collection", named, len(found))


# --- inside ------------------------------------------------------------------------------------------


async def _find_sent(connection: Connection, project_id: int, body: ProductBody) -> Row | None:
    """The product that a body names: by its id (or what stands there), else by its source id; locked.
    An id that nothing has names a product to be made, which gets an id of its own."""
    row = None
    if body.id:
        product_id = parse_product_id(body.id)
        row = await store.find_product(connection, project_id, product_id, body.id, "update")
    if row is None and body.source_id:
        row = await store.find_product(connection, project_id, None, body.source_id, "update")
    return row


async def _update(connection: Connection, call: Call, row: Row, body: ProductUpdate) -> Product:
    fields = read_product_fields(body)
    if isinstance(body, ProductBody) and body.source_id and body.source_id != row["source_id"]:
        if row["id"] == SHIPPING_ID:
            raise _protected(show_product_id(row["id"]))
        fields["source_id"] = body.source_id
    metadata = read_metadata(body.metadata)
    if metadata:
        await check_object_metadata(connection, call.project.id, "product", metadata, partial=True)
    try:
        updated = await store.update_product(connection, row, fields, metadata, call.now)
    except store.SourceIdIsTaken:
        raise duplicate_found("product", "id", fields["source_id"]) from None
    assert updated is not None  # noqa: S101 - the row is locked
    return show_product(updated)


async def _show(
    connection: Connection, project_id: int, rows: Sequence[Row], *, hide: Sequence[str] | None
) -> list[Product]:
    if hide and {"sku", "skus"} & {*hide}:
        return [show_product(row) for row in rows]
    skus: dict[UUID, SkusOfProduct] = {row["id"]: SkusOfProduct(data=[], total=0) for row in rows}
    for sku in await store.list_skus_of(connection, project_id, [*skus], most=_MOST_NESTED_SKUS):
        nested = skus[sku["product_id"]]
        nested.data.append(show_sku(sku))
        nested.total = sku["total"]
    return [show_product(row, skus[row["id"]]) for row in rows]


def _protected(sent: str) -> ApiError:
    return ApiError(
        400,
        "resource_protected",
        "Resource is protected",
        f"Resource product with id {sent} is protected and cannot be modified",
        resource_id=sent,
        resource_type="product",
    )
