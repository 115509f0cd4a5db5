"""SQL of custom events and their schemas."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row


class SchemaExists(Exception):
    """The project has a schema for events of this name. A transaction in which this happens is lost."""


async def insert_event(
    connection: Connection,
    *,
    project_id: int,
    event_id: UUID,
    customer_id: UUID,
    name: str,
    metadata: dict[str, Any] | None,
    referral: dict[str, Any] | None,
    loyalty: dict[str, Any] | None,
    now: datetime,
) -> None:
    await connection.execute(
        "insert into custom_event"
        " (project_id, id, customer_id, name, metadata, referral, loyalty, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        project_id,
        event_id,
        customer_id,
        name,
        metadata,
        referral,
        loyalty,
        now,
    )


async def find_schema_by_name(connection: Connection, project_id: int, name: str) -> Row | None:
    return await connection.fetchrow(
        "select * from custom_event_schema where project_id = $1 and name = $2", project_id, name
    )


async def list_schemas(connection: Connection, project_id: int) -> list[Row]:
    return await connection.fetch(
        "select * from custom_event_schema where project_id = $1 order by id desc", project_id
    )


async def find_schema(
    connection: Connection, project_id: int, schema_id: UUID, *, lock: bool = False
) -> Row | None:
    """`lock` keeps others from changing it."""
    return await connection.fetchrow(
        "select * from custom_event_schema where project_id = $1 and id = $2"
        f" {'for no key update' if lock else ''}",
        project_id,
        schema_id,
    )


async def insert_schema(
    connection: Connection,
    *,
    project_id: int,
    schema_id: UUID,
    name: str,
    properties: dict[str, Any],
    now: datetime,
) -> Row:
    """Raises SchemaExists."""
    try:
        row = await connection.fetchrow(
            "insert into custom_event_schema (project_id, id, name, properties, created_at)"
            " values ($1, $2, $3, $4, $5) returning *",
            project_id,
            schema_id,
            name,
            properties,
            now,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "custom_event_schema_is_unique":
            raise
        raise SchemaExists from None
    assert row is not None  # noqa: S101 - an insert returns its row or raises
    return row


async def update_schema(
    connection: Connection, *, project_id: int, schema_id: UUID, properties: dict[str, Any], now: datetime
) -> Row:
    row = await connection.fetchrow(
        "update custom_event_schema set properties = $3, updated_at = $4"
        " where project_id = $1 and id = $2 returning *",
        project_id,
        schema_id,
        properties,
        now,
    )
    assert row is not None  # noqa: S101 - the caller has locked it
    return row


async def delete_schema(connection: Connection, project_id: int, schema_id: UUID) -> bool:
    """False if it is not there."""
    result = await connection.execute(
        "delete from custom_event_schema where project_id = $1 and id = $2", project_id, schema_id
    )
    return result == "DELETE 1"
