"""SQL of products and SKUs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row

# "share" keeps an object from being changed or deleted, "update" others from locking it at all.
Lock = Literal["none", "share", "update"]
_LOCKS: Final[Mapping[Lock, str]] = {"none": "", "share": " for share", "update": " for no key update"}

# One row of the parameter that bulk statements read.
_PRODUCT_RECORD: Final = (
    "jsonb_to_recordset($2::jsonb) as r(id uuid, source_id text, name text, price bigint, attributes text[],"
    " image_url text, metadata jsonb)"
)
_SKU_RECORD: Final = (
    "jsonb_to_recordset($2::jsonb) as r(id uuid, product_id uuid, source_id text, sku text, price bigint,"
    " currency text, attributes jsonb, image_url text, metadata jsonb)"
)
_CHANGE_RECORD: Final = (
    "jsonb_to_recordset($2::jsonb) as r(id uuid, fields jsonb, metadata jsonb, replaces_metadata boolean)"
)
# What decides whether and how an object can be written; metadata, which may be large, is not among it.
_PRODUCT_KEYS: Final = "id, source_id, attributes, deleted_at"
_SKU_KEYS: Final = "id, source_id, product_id, deleted_at"


class SourceIdIsTaken(Exception):
    """Another object of the project has this source id. A transaction in which this happens is lost."""


@contextmanager
def _unique_source_ids() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name not in ("product_source_id_is_unique", "sku_source_id_is_unique"):
            raise
        raise SourceIdIsTaken from None


# --- one by one --------------------------------------------------------------------------------------


async def find_product(
    connection: Connection,
    project_id: int,
    product_id: UUID | None,
    source_id: str | None,
    lock: Lock = "none",
) -> Row | None:
    """By id, else by source id; the bin does not count."""
    return await connection.fetchrow(
        "select * from product where project_id = $1 and deleted_at is null and (id = $2 or source_id = $3)"
        f" order by id is not distinct from $2 desc limit 1{_LOCKS[lock]}",
        project_id,
        product_id,
        source_id,
    )


async def find_sku(
    connection: Connection, project_id: int, sku_id: UUID | None, source_id: str | None, lock: Lock = "none"
) -> Row | None:
    """By id, else by source id; the bin does not count."""
    return await connection.fetchrow(
        "select * from sku where project_id = $1 and deleted_at is null and (id = $2 or source_id = $3)"
        f" order by id is not distinct from $2 desc limit 1{_LOCKS[lock]}",
        project_id,
        sku_id,
        source_id,
    )


async def update_product(
    connection: Connection, row: Row, fields: Mapping[str, Any], metadata: Mapping[str, Any], now: datetime
) -> Row | None:
    """Write `fields` over the locked row and `metadata` into its own. Raises SourceIdIsTaken."""
    new = {**row, **fields}
    with _unique_source_ids():
        return await connection.fetchrow(
            "update product set source_id = $3, name = $4, price = $5, attributes = $6, image_url = $7,"
            " metadata = $8, updated_at = $9 where project_id = $1 and id = $2 returning *",
            row["project_id"],
            row["id"],
            new["source_id"],
            new["name"],
            new["price"],
            new["attributes"],
            new["image_url"],
            {**row["metadata"], **metadata},
            now,
        )


async def update_sku(
    connection: Connection, row: Row, fields: Mapping[str, Any], metadata: Mapping[str, Any], now: datetime
) -> Row | None:
    """Write `fields` over the locked row and `metadata` into its own. Raises SourceIdIsTaken."""
    new = {**row, **fields}
    with _unique_source_ids():
        return await connection.fetchrow(
            "update sku set source_id = $3, sku = $4, price = $5, currency = $6, attributes = $7,"
            " image_url = $8, metadata = $9, updated_at = $10 where project_id = $1 and id = $2 returning *",
            row["project_id"],
            row["id"],
            new["source_id"],
            new["sku"],
            new["price"],
            new["currency"],
            new["attributes"],
            new["image_url"],
            {**row["metadata"], **metadata},
            now,
        )


async def bin_product(connection: Connection, project_id: int, product_id: UUID, now: datetime) -> None:
    """Take a product out of sight, and its SKUs with it."""
    await connection.execute(
        "update product set deleted_at = $3 where project_id = $1 and id = $2", project_id, product_id, now
    )
    await connection.execute(
        "update sku set deleted_at = $3 where project_id = $1 and product_id = $2 and deleted_at is null",
        project_id,
        product_id,
        now,
    )


async def bin_sku(connection: Connection, project_id: int, sku_id: UUID, now: datetime) -> None:
    await connection.execute(
        "update sku set deleted_at = $3 where project_id = $1 and id = $2", project_id, sku_id, now
    )


async def delete_product(connection: Connection, project_id: int, product_id: UUID) -> None:
    """With its SKUs, and what the bin had of them."""
    await connection.execute(
        "delete from bin_entry where project_id = $1 and resource_type = 'sku'"
        " and resource_id in (select id from sku where project_id = $1 and product_id = $2)",
        project_id,
        product_id,
    )
    await connection.execute("delete from product where project_id = $1 and id = $2", project_id, product_id)


async def delete_sku(connection: Connection, project_id: int, sku_id: UUID) -> None:
    await connection.execute("delete from sku where project_id = $1 and id = $2", project_id, sku_id)


async def list_collections_with(
    connection: Connection, project_id: int, product_id: UUID, sku_id: UUID | None
) -> list[UUID]:
    """Static collections that were made of a product or one of its SKUs; with `sku_id`: of this SKU."""
    rows = await connection.fetch(
        "select distinct collection_id from product_collection_item"
        " where project_id = $1 and product_id = $2 and ($3::uuid is null or sku_id = $3)"
        " order by collection_id",
        project_id,
        product_id,
        sku_id,
    )
    return [row["collection_id"] for row in rows]


# --- lists -------------------------------------------------------------------------------------------


async def list_products(
    connection: Connection, *, where: str, parameters: Sequence[Any], order: str, limit: int, offset: int
) -> list[Row]:
    """`where` and `order` come from the listing; its first parameter is the project."""
    return await connection.fetch(
        f"select * from product where project_id = $1 and deleted_at is null and {where}"
        f" order by {order} limit {limit} offset {offset}",
        *parameters,
    )


async def count_products(connection: Connection, *, where: str, parameters: Sequence[Any]) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from product where project_id = $1 and deleted_at is null and {where}", *parameters
    )
    return count


async def list_skus(
    connection: Connection, *, where: str, parameters: Sequence[Any], order: str, limit: int, offset: int
) -> list[Row]:
    """`where` and `order` come from the listing; its first parameter is the project."""
    return await connection.fetch(
        f"select * from sku where project_id = $1 and deleted_at is null and {where}"
        f" order by {order} limit {limit} offset {offset}",
        *parameters,
    )


async def count_skus(connection: Connection, *, where: str, parameters: Sequence[Any]) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from sku where project_id = $1 and deleted_at is null and {where}", *parameters
    )
    return count


async def list_skus_of(
    connection: Connection, project_id: int, product_ids: Sequence[UUID], *, most: int
) -> list[Row]:
    """The newest SKUs of each product, `most` at most, newest first; `total` of the product in each row."""
    return await connection.fetch(
        "select * from (select s.*, row_number() over (partition by product_id order by id desc) as place,"
        " count(*) over (partition by product_id) as total from sku s"
        " where project_id = $1 and product_id = any($2) and deleted_at is null) numbered"
        " where place <= $3 order by product_id, place",
        project_id,
        product_ids,
        most,
    )


# --- many at once ------------------------------------------------------------------------------------


async def find_products(
    connection: Connection, project_id: int, product_ids: Sequence[UUID], source_ids: Sequence[str]
) -> list[Row]:
    """Those with one of the ids or source ids. What lies in the bin is among them."""
    return await connection.fetch(
        "select * from product where project_id = $1 and (id = any($2) or source_id = any($3))",
        project_id,
        product_ids,
        source_ids,
    )


async def find_skus(
    connection: Connection, project_id: int, sku_ids: Sequence[UUID], source_ids: Sequence[str]
) -> list[Row]:
    """Those with one of the ids or source ids. What lies in the bin is among them."""
    return await connection.fetch(
        "select * from sku where project_id = $1 and (id = any($2) or source_id = any($3))",
        project_id,
        sku_ids,
        source_ids,
    )


async def find_product_keys(
    connection: Connection,
    project_id: int,
    product_ids: Sequence[UUID],
    source_ids: Sequence[str],
    lock: Lock = "none",
) -> list[Row]:
    """As `find_products`, without the rest of their columns."""
    # In the order of ids: two that lock the same rows wait for each other in one order.
    return await connection.fetch(
        f"select {_PRODUCT_KEYS} from product where project_id = $1 and (id = any($2) or source_id = any($3))"
        f" order by id{_LOCKS[lock]}",
        project_id,
        product_ids,
        source_ids,
    )


async def find_sku_keys(
    connection: Connection,
    project_id: int,
    sku_ids: Sequence[UUID],
    source_ids: Sequence[str],
    lock: Lock = "none",
) -> list[Row]:
    """As `find_skus`, without the rest of their columns."""
    return await connection.fetch(
        f"select {_SKU_KEYS} from sku where project_id = $1 and (id = any($2) or source_id = any($3))"
        f" order by id{_LOCKS[lock]}",
        project_id,
        sku_ids,
        source_ids,
    )


async def insert_products(
    connection: Connection, project_id: int, rows: Sequence[Mapping[str, Any]], now: datetime
) -> list[Row]:
    """New products; what came of them. Left out is what has the source id of another by now.

    Waits for transactions that are just inserting one of the source ids: give the rows in the order of
    their source ids, so that two who insert the same ones wait for each other in one order.
    """
    return await connection.fetch(
        "insert into product (project_id, id, source_id, name, price, attributes, image_url, metadata,"
        " created_at) select $1, r.id, r.source_id, r.name, r.price, r.attributes, r.image_url, r.metadata,"
        f" $3 from {_PRODUCT_RECORD}"
        " on conflict do nothing returning *",
        project_id,
        rows,
        now,
    )


async def insert_skus(
    connection: Connection, project_id: int, rows: Sequence[Mapping[str, Any]], now: datetime
) -> list[Row]:
    """New SKUs, as `insert_products`."""
    return await connection.fetch(
        "insert into sku (project_id, id, product_id, source_id, sku, price, currency, attributes, image_url,"
        " metadata, created_at) select $1, r.id, r.product_id, r.source_id, r.sku, r.price, r.currency,"
        f" r.attributes, r.image_url, r.metadata, $3 from {_SKU_RECORD}"
        " on conflict do nothing returning *",
        project_id,
        rows,
        now,
    )


async def change_products(
    connection: Connection, project_id: int, changes: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Write what was sent over rows that are locked: {id, fields, metadata, replaces_metadata}. The rows
    are not read for it, whatever metadata they hold."""
    await connection.execute(
        "update product p set name = case when r.fields ? 'name' then r.fields ->> 'name' else p.name end,"
        " price = case when r.fields ? 'price' then (r.fields ->> 'price')::bigint else p.price end,"
        " attributes = case when r.fields ? 'attributes'"
        " then array(select jsonb_array_elements_text(r.fields -> 'attributes')) else p.attributes end,"
        " image_url = case when r.fields ? 'image_url' then r.fields ->> 'image_url' else p.image_url end,"
        " metadata = case when r.replaces_metadata then r.metadata else p.metadata || r.metadata end,"
        f" updated_at = $3 from {_CHANGE_RECORD} where p.project_id = $1 and p.id = r.id",
        project_id,
        changes,
        now,
    )


async def change_skus(
    connection: Connection, project_id: int, changes: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """As `change_products`."""
    await connection.execute(
        "update sku s set sku = case when r.fields ? 'sku' then r.fields ->> 'sku' else s.sku end,"
        " price = case when r.fields ? 'price' then (r.fields ->> 'price')::bigint else s.price end,"
        " currency = case when r.fields ? 'currency' then r.fields ->> 'currency' else s.currency end,"
        " attributes = case when r.fields ? 'attributes' then r.fields -> 'attributes' else s.attributes end,"
        " image_url = case when r.fields ? 'image_url' then r.fields ->> 'image_url' else s.image_url end,"
        " metadata = case when r.replaces_metadata then r.metadata else s.metadata || r.metadata end,"
        f" updated_at = $3 from {_CHANGE_RECORD} where s.project_id = $1 and s.id = r.id",
        project_id,
        changes,
        now,
    )
