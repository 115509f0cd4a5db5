"""SQL of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row


async def open_ledger(connection: Connection, project_id: int, voucher_id: UUID, *, initial: int) -> None:
    """Before the first posting: the card keeps what it holds, whatever its campaign becomes."""
    await connection.execute(
        "update voucher set credited = $3, subtracted = 0, spent = 0, balance = $3"
        " where project_id = $1 and id = $2 and balance is null",
        project_id,
        voucher_id,
        initial,
    )


async def post(
    connection: Connection, project_id: int, voucher_id: UUID, *, amount: int, now: datetime
) -> Row | None:
    """Add a signed amount; the card's new figures, or None if the balance does not allow it."""
    return await connection.fetchrow(
        "update voucher set credited = credited + greatest($3::bigint, 0),"
        " subtracted = subtracted - least($3::bigint, 0), balance = balance + $3::bigint, updated_at = $4"
        " where project_id = $1 and id = $2 and balance + $3::bigint >= 0"
        " returning credited - subtracted as total, balance",
        project_id,
        voucher_id,
        amount,
        now,
    )


async def insert_transaction(connection: Connection, values: dict[str, Any]) -> Row:
    """`values` by column; the row."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    row = await connection.fetchrow(
        f"insert into voucher_transaction ({', '.join(values)}) values ({places}) returning *",
        *values.values(),
    )
    assert row is not None  # noqa: S101 - an insert returns its row or raises
    return row


async def list_transactions(
    connection: Connection, *, where: str, parameters: Sequence[object], ascending: bool, limit: int
) -> list[Row]:
    """`where` is compiled; its first parameter is the project."""
    direction = "asc" if ascending else "desc"
    return await connection.fetch(
        f"select * from voucher_transaction where project_id = $1 and {where}"
        f" order by id {direction} limit {limit}",
        *parameters,
    )
