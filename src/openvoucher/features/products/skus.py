"""SKUs: the variants of a product, kept by callers."""

from openvoucher.features.products import store
from openvoucher.features.products.listing import compile_sku_query
from openvoucher.features.products.schemas import (
    ForceQuery,
    Sku,
    SkuBody,
    SkuList,
    SkuQuery,
    SkuUpdate,
    read_metadata,
    read_sku_fields,
    show_product_id,
    show_sku,
    show_sku_id,
)
from openvoucher.features.products.service import find_product, refuse_if_in_collection
from openvoucher.features.products.store import Lock
from openvoucher.features.terms.service import check_object_metadata
from openvoucher.features.trash_bin.service import add_bin_entry
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import ApiError, duplicate_found, not_found, resource_in_use
from openvoucher.wire.ids import new_id, parse_id


async def list_skus(call: Call, product_id: str, query: SkuQuery) -> SkuList:
    """Those of a product, the oldest first."""
    offset = query.offset()
    async with call.db.connection() as connection:
        product = await find_product(connection, call.project.id, product_id)
        compiled = compile_sku_query(call, query, product["id"])
        rows = await store.list_skus(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            order=compiled.order,
            limit=query.limit,
            offset=offset,
        )
        total = await store.count_skus(connection, where=compiled.where, parameters=compiled.parameters)
    return SkuList(skus=[show_sku(row) for row in rows], total=total)


async def get_sku(call: Call, sku_id: str) -> Sku:
    """With its product."""
    async with call.db.connection() as connection:
        row = await _find(connection, call.project.id, sku_id)
        product = await store.find_product(connection, call.project.id, row["product_id"], None)
    if product is None:
        # It went in between, and took the SKU along.
        raise not_found("sku", sku_id)
    return show_sku(row, product)


async def create_sku(call: Call, product_id: str, body: SkuBody) -> Sku:
    """Create a SKU of a product, or change the one that has the id or source id.

    Raises resource_in_use for a SKU of another product.
    """
    metadata = read_metadata(body.metadata)
    async with call.db.transaction() as connection:
        # Locked, so that nobody deletes the product meanwhile.
        product = await find_product(connection, call.project.id, product_id, lock="share")
        fields = read_sku_fields(body, product)
        row = await _find_sent(connection, call.project.id, body)
        if row is None:
            await check_object_metadata(connection, call.project.id, "product", metadata, partial=False)
            new = {
                "id": new_id(),
                "product_id": product["id"],
                "source_id": body.source_id or None,
                "attributes": {},
                "metadata": metadata,
                **fields,
            }
            made = await store.insert_skus(connection, call.project.id, [new], call.now)
            if made:
                return show_sku(made[0])
            # Somebody else has it by now, or the bin has.
            row = await store.find_sku(connection, call.project.id, None, body.source_id, "update")
            if row is None:
                raise duplicate_found("sku", "id", body.source_id or "")
        if row["product_id"] != product["id"]:
            raise _belongs_to_another(body.source_id or body.id or "", row)
        return await _update(connection, call, row, product, body)


async def update_sku(call: Call, product_id: str, sku_id: str, body: SkuUpdate) -> Sku:
    async with call.db.transaction() as connection:
        product = await find_product(connection, call.project.id, product_id, lock="share")
        row = await _find(connection, call.project.id, sku_id, product=product, lock="update")
        return await _update(connection, call, row, product, body)


async def delete_sku(call: Call, product_id: str, sku_id: str, query: ForceQuery) -> None:
    """Into the bin, where its source id stays reserved; with `force` for good."""
    project_id = call.project.id
    async with call.db.transaction() as connection:
        product = await find_product(connection, project_id, product_id)
        row = await _find(connection, project_id, sku_id, product=product, lock="update")
        await refuse_if_in_collection(connection, project_id, sku_id, row["product_id"], row["id"])
        if query.force:
            await store.delete_sku(connection, project_id, row["id"])
            return
        await store.bin_sku(connection, project_id, row["id"], call.now)
        await add_bin_entry(
            connection,
            call,
            resource_type="sku",
            resource_id=row["id"],
            name=row["sku"] or row["source_id"] or show_sku_id(row["id"]),
            parent_id=row["product_id"],
        )


async def _find(
    connection: Connection,
    project_id: int,
    sent: str,
    *,
    product: Row | None = None,
    lock: Lock = "none",
) -> Row:
    """By id or source id; with `product` only among its SKUs. Raises not_found."""
    row = await store.find_sku(connection, project_id, parse_id("sku", sent), sent, lock)
    if row is None or (product is not None and row["product_id"] != product["id"]):
        raise not_found("sku", sent)
    return row


async def _find_sent(connection: Connection, project_id: int, body: SkuBody) -> Row | None:
    """The SKU that a body names: by its id (or what stands there), else by its source id; locked. An id
    that nothing has names a SKU to be made, which gets an id of its own."""
    row = None
    if body.id:
        row = await store.find_sku(connection, project_id, parse_id("sku", body.id), body.id, "update")
    if row is None and body.source_id:
        row = await store.find_sku(connection, project_id, None, body.source_id, "update")
    return row


async def _update(connection: Connection, call: Call, row: Row, product: Row, body: SkuUpdate) -> Sku:
    fields = read_sku_fields(body, product)
    if isinstance(body, SkuBody) and body.source_id:
        fields["source_id"] = body.source_id
    metadata = read_metadata(body.metadata)
    if metadata:
        await check_object_metadata(connection, call.project.id, "product", metadata, partial=True)
    try:
        updated = await store.update_sku(connection, row, fields, metadata, call.now)
    except store.SourceIdIsTaken:
        raise duplicate_found("sku", "id", fields["source_id"]) from None
    assert updated is not None  # noqa: S101 - the row is locked
    return show_sku(updated)


def _belongs_to_another(sent: str, row: Row) -> ApiError:
    return resource_in_use("sku", sent, "product", [show_product_id(row["product_id"])], 1)
