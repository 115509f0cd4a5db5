"""SQL of categories."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row


class NameIsTaken(Exception):
    """Another category of the project has this name. A transaction in which this happens is lost."""


@contextmanager
def _unique_names() -> Iterator[None]:
    # The index decides, not a look beforehand: of two who write one name at once it lets one through.
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "category_name_is_unique":
            raise
        raise NameIsTaken from None


async def list_categories(connection: Connection, project_id: int) -> list[Row]:
    return await connection.fetch(
        "select * from category where project_id = $1 order by hierarchy desc, id desc", project_id
    )


async def find_category(connection: Connection, project_id: int, category_id: UUID) -> Row | None:
    return await connection.fetchrow(
        "select * from category where project_id = $1 and id = $2", project_id, category_id
    )


async def find_category_by_name(connection: Connection, project_id: int, name: str) -> Row | None:
    return await connection.fetchrow(
        "select * from category where project_id = $1 and name = $2", project_id, name
    )


async def insert_category(
    connection: Connection, *, project_id: int, category_id: UUID, name: str, hierarchy: int, now: datetime
) -> Row | None:
    """Raises NameIsTaken."""
    with _unique_names():
        return await connection.fetchrow(
            "insert into category (project_id, id, name, hierarchy, created_at) values ($1, $2, $3, $4, $5)"
            " returning *",
            project_id,
            category_id,
            name,
            hierarchy,
            now,
        )


async def update_category(
    connection: Connection, *, project_id: int, category_id: UUID, name: str, hierarchy: int, now: datetime
) -> Row | None:
    """None if it is not there. Raises NameIsTaken."""
    with _unique_names():
        return await connection.fetchrow(
            "update category set name = $3, hierarchy = $4, updated_at = $5"
            " where project_id = $1 and id = $2 returning *",
            project_id,
            category_id,
            name,
            hierarchy,
            now,
        )


async def delete_category(connection: Connection, project_id: int, category_id: UUID) -> bool:
    """False if it is not there."""
    result = await connection.execute(
        "delete from category where project_id = $1 and id = $2", project_id, category_id
    )
    return result == "DELETE 1"
