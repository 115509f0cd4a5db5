"""SQL of product collections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# Products and SKUs side by side. $1 is the project.
_CATALOGUE: Final = """(
select p.id, p.id as product_id, p.source_id, p.name, p.price, to_jsonb(p.attributes) as attribute_names,
       'prod_' || replace(p.id::text, '-', '') as wire_id, p.image_url, p.metadata, p.created_at, p.updated_at
from product p where p.project_id = $1 and p.deleted_at is null
union all
select s.id, s.product_id, s.source_id, s.sku, s.price,
       (select jsonb_agg(name) from jsonb_object_keys(s.attributes) as name),
       'sku_' || replace(s.id::text, '-', ''), s.image_url, s.metadata, s.created_at, s.updated_at
from sku s where s.project_id = $1 and s.deleted_at is null
) c"""


# --- collections -------------------------------------------------------------------------------------


async def lock_collections(connection: Connection, project_id: int) -> int:
    """How many there are; nobody else adds one until the commit."""
    await connection.execute("select 1 from project where id = $1 for no key update", project_id)
    count: int = await connection.fetchval(
        "select count(*) from product_collection where project_id = $1", project_id
    )
    return count


async def find_project_start(connection: Connection, project_id: int) -> datetime:
    start: datetime = await connection.fetchval("select created_at from project where id = $1", project_id)
    return start


async def insert_collection(
    connection: Connection,
    *,
    project_id: int,
    collection_id: UUID,
    name: str,
    type: str,
    filter: dict[str, Any] | None,
    now: datetime,
) -> Row | None:
    return await connection.fetchrow(
        "insert into product_collection (project_id, id, name, type, filter, created_at)"
        " values ($1, $2, $3, $4, $5, $6) returning *",
        project_id,
        collection_id,
        name,
        type,
        filter,
        now,
    )


async def insert_items(
    connection: Connection,
    project_id: int,
    collection_id: UUID,
    items: Sequence[tuple[UUID, UUID | None]],
) -> list[Row]:
    """items: (product, its SKU or None for all of the product), in their order."""
    return await connection.fetch(
        "insert into product_collection_item (project_id, collection_id, position, product_id, sku_id)"
        " select $1, $2, item.position, item.product_id, item.sku_id"
        " from unnest($3::uuid[], $4::uuid[]) with ordinality as item(product_id, sku_id, position)"
        " returning *",
        project_id,
        collection_id,
        [product_id for product_id, _ in items],
        [sku_id for _, sku_id in items],
    )


async def find_collection(
    connection: Connection, project_id: int, collection_id: UUID, *, lock: bool = False
) -> Row | None:
    return await connection.fetchrow(
        "select * from product_collection where project_id = $1 and id = $2"
        + (" for no key update" if lock else ""),
        project_id,
        collection_id,
    )


async def list_collections(
    connection: Connection, project_id: int, *, order: str, limit: int, offset: int
) -> list[Row]:
    """`order` comes from the listing."""
    return await connection.fetch(
        f"select * from product_collection where project_id = $1 order by {order}"
        f" limit {limit} offset {offset}",
        project_id,
    )


async def count_collections(connection: Connection, project_id: int) -> int:
    count: int = await connection.fetchval(
        "select count(*) from product_collection where project_id = $1", project_id
    )
    return count


async def list_items(connection: Connection, project_id: int, collection_ids: Sequence[UUID]) -> list[Row]:
    """Of static collections, each in their order."""
    return await connection.fetch(
        "select * from product_collection_item where project_id = $1 and collection_id = any($2)"
        " order by collection_id, position",
        project_id,
        collection_ids,
    )


async def update_collection(
    connection: Connection, row: Row, *, name: str, filter: dict[str, Any] | None, now: datetime
) -> Row | None:
    return await connection.fetchrow(
        "update product_collection set name = $3, filter = $4, updated_at = $5"
        " where project_id = $1 and id = $2 returning *",
        row["project_id"],
        row["id"],
        name,
        filter,
        now,
    )


async def delete_collection(connection: Connection, project_id: int, collection_id: UUID) -> bool:
    """False if it is not there."""
    result = await connection.execute(
        "delete from product_collection where project_id = $1 and id = $2", project_id, collection_id
    )
    return result == "DELETE 1"


# --- what is in them ---------------------------------------------------------------------------------


async def list_entries(
    connection: Connection, *, where: str, parameters: Sequence[Any], order: str, limit: int, offset: int
) -> list[UUID]:
    """Ids of the products and SKUs `c` that the listing asks for. The first parameter is the project."""
    rows = await connection.fetch(
        f"select c.id from {_CATALOGUE} where {where} order by {order} limit {limit} offset {offset}",
        *parameters,
    )
    return [row["id"] for row in rows]


async def count_entries(connection: Connection, *, where: str, parameters: Sequence[Any]) -> int:
    count: int = await connection.fetchval(f"select count(*) from {_CATALOGUE} where {where}", *parameters)
    return count


async def load_skus(connection: Connection, project_id: int, ids: Sequence[UUID]) -> list[Row]:
    return await connection.fetch("select * from sku where project_id = $1 and id = any($2)", project_id, ids)


async def load_products(connection: Connection, project_id: int, ids: Sequence[UUID]) -> list[Row]:
    return await connection.fetch(
        "select * from product where project_id = $1 and id = any($2)", project_id, ids
    )
