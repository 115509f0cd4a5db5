"""SQL of orders."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row

# The columns of an order, each with the type of its parameter. An array of arrays cannot be taken apart by
# rows: items come as the text of their JSON.
_COLUMNS: Final = {
    "id": "uuid",
    "source_id": "text",
    "status": "text",
    "customer_id": "uuid",
    "referrer_id": "uuid",
    "amount": "bigint",
    "initial_amount": "bigint",
    "discount_amount": "bigint",
    "items_discount_amount": "bigint",
    "total_amount": "bigint",
    "items": "text",
    "metadata": "jsonb",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
_VALUES: Final = {name: f"sent.{name}{'::jsonb' if name == 'items' else ''}" for name in _COLUMNS}
_SENT: Final = "unnest({}) as sent ({})".format(
    ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_COLUMNS.values(), 2)), ", ".join(_COLUMNS)
)
_INSERT: Final = (
    f"insert into shop_order (project_id, {', '.join(_COLUMNS)})"
    f" select $1, {', '.join(_VALUES.values())} from {_SENT}"
    " on conflict (project_id, source_id) where source_id is not null do nothing"
)
_ASSIGNMENTS: Final = ", ".join(f"{name} = {value}" for name, value in _VALUES.items() if name != "id")
_UPDATE: Final = (
    f"update shop_order set {_ASSIGNMENTS} from {_SENT}"
    " where shop_order.project_id = $1 and shop_order.id = sent.id"
)
# Keeps others from changing it, not from referring to it.
_LOCK: Final = " for no key update"


class SourceIdIsTaken(Exception):
    """Another order of the project has this source id. A transaction in which this happens is lost."""


async def find_order(
    connection: Connection, project_id: int, *, order_id: UUID | None, source_id: str | None, lock: bool
) -> Row | None:
    """By id, and if there is none, by source id."""
    suffix = _LOCK if lock else ""
    row = None
    if order_id is not None:
        row = await connection.fetchrow(
            f"select * from shop_order where project_id = $1 and id = $2{suffix}", project_id, order_id
        )
    if row is None and source_id is not None:
        row = await connection.fetchrow(
            f"select * from shop_order where project_id = $1 and source_id = $2{suffix}",
            project_id,
            source_id,
        )
    return row


async def find_orders(
    connection: Connection,
    project_id: int,
    order_ids: Sequence[UUID],
    source_ids: Sequence[str],
    *,
    lock: bool,
) -> list[Row]:
    """Those of them that are there. They are locked in the order of their ids: two who lock the same ones
    wait for each other in one direction only."""
    return await connection.fetch(
        "select * from shop_order where project_id = $1"
        " and (id = any($2::uuid[]) or source_id = any($3::text[]))"
        f" order by id{_LOCK if lock else ''}",
        project_id,
        order_ids,
        source_ids,
    )


async def insert_orders(connection: Connection, project_id: int, orders: Sequence[Mapping[str, Any]]) -> int:
    """How many were inserted: those whose source id is taken are left out. Waits for others that are
    inserting the same."""
    if not orders:
        return 0
    result = await connection.execute(_INSERT, project_id, *_turn(orders))
    return int(result.rpartition(" ")[2])


async def update_orders(connection: Connection, project_id: int, orders: Sequence[Mapping[str, Any]]) -> None:
    """Write all of locked orders, by id. Raises SourceIdIsTaken."""
    if not orders:
        return
    try:
        await connection.execute(_UPDATE, project_id, *_turn(orders))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "shop_order_source_id_is_unique":
            raise
        raise SourceIdIsTaken from None


def _turn(orders: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Rows into columns."""
    return [[order[name] for order in orders] for name in _COLUMNS]


async def list_orders(
    connection: Connection, *, where: str, parameters: Sequence[Any], order: str, limit: int, offset: int
) -> list[Row]:
    """`where` and `order` come from the listing; the first parameter is the project."""
    return await connection.fetch(
        f"select * from shop_order where project_id = $1 and {where}"
        f" order by {order} limit {limit:d} offset {offset:d}",
        *parameters,
    )


async def count_orders(connection: Connection, *, where: str, parameters: Sequence[Any]) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from shop_order where project_id = $1 and {where}", *parameters
    )
    return count
