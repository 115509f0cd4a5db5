"""SQL of the bin."""

from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row


async def insert_entry(
    connection: Connection,
    *,
    project_id: int,
    entry_id: UUID,
    resource_type: str,
    resource_id: UUID,
    name: str,
    parent_id: UUID | None,
    now: datetime,
) -> None:
    await connection.execute(
        "insert into bin_entry (project_id, id, resource_type, resource_id, resource_name,"
        " resource_parent_id, created_at) values ($1, $2, $3, $4, $5, $6, $7)",
        project_id,
        entry_id,
        resource_type,
        resource_id,
        name,
        parent_id,
        now,
    )


async def list_entries(
    connection: Connection, *, where: str, parameters: list[Any], ascending: bool, limit: int
) -> list[Row]:
    """`where` is compiled from filters; its first parameter is the project."""
    direction = "asc" if ascending else "desc"
    return await connection.fetch(
        f"select * from bin_entry where project_id = $1 and {where} order by id {direction} limit {limit}",
        *parameters,
    )


async def delete_entry(connection: Connection, project_id: int, entry_id: UUID) -> Row | None:
    return await connection.fetchrow(
        "delete from bin_entry where project_id = $1 and id = $2 returning *", project_id, entry_id
    )
