"""SQL of metadata schemas."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row


class SchemaExists(Exception):
    """The project has a schema of this name. A transaction in which this happens is lost."""


async def list_schemas(connection: Connection, project_id: int) -> list[Row]:
    return await connection.fetch(
        'select * from metadata_schema where project_id = $1 order by related_object collate "C"', project_id
    )


async def find_schema(
    connection: Connection, project_id: int, schema_id: UUID | None, related_object: str | None
) -> Row | None:
    """By id or by name; the id goes before a schema that is called like it."""
    return await connection.fetchrow(
        "select * from metadata_schema where project_id = $1 and (id = $2 or related_object = $3)"
        " order by (id = $2) desc nulls last limit 1",
        project_id,
        schema_id,
        related_object,
    )


async def lock_schema(connection: Connection, project_id: int, schema_id: UUID) -> Row | None:
    """Its newest state, which nobody else changes before this transaction ends."""
    return await connection.fetchrow(
        "select * from metadata_schema where project_id = $1 and id = $2 for update", project_id, schema_id
    )


async def insert_schema(
    connection: Connection,
    *,
    project_id: int,
    schema_id: UUID,
    related_object: str,
    properties: Any,
    allow_defined_only: bool,
    now: datetime,
) -> Row:
    """Raises SchemaExists."""
    try:
        row = await connection.fetchrow(
            "insert into metadata_schema"
            " (project_id, id, related_object, properties, allow_defined_only, created_at)"
            " values ($1, $2, $3, $4, $5, $6) returning *",
            project_id,
            schema_id,
            related_object,
            properties,
            allow_defined_only,
            now,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "metadata_schema_is_unique":
            raise
        raise SchemaExists from None
    assert row is not None  # noqa: S101 - an insert returns its row or raises
    return row


async def update_schema(
    connection: Connection,
    *,
    project_id: int,
    schema_id: UUID,
    properties: Any,
    allow_defined_only: bool,
    now: datetime,
) -> Row | None:
    """None if it is not there."""
    return await connection.fetchrow(
        "update metadata_schema set properties = $3, allow_defined_only = $4, updated_at = $5"
        " where project_id = $1 and id = $2 returning *",
        project_id,
        schema_id,
        properties,
        allow_defined_only,
        now,
    )


async def delete_schema(connection: Connection, project_id: int, schema_id: UUID) -> bool:
    """False if it is not there."""
    result = await connection.execute(
        "delete from metadata_schema where project_id = $1 and id = $2", project_id, schema_id
    )
    return result == "DELETE 1"
