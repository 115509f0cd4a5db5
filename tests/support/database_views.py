"""What tests see and hold in the database itself, past the application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openvoucher.platform.db import Connection, Database


async def count_rows(db: Database) -> dict[str, int]:
    """The number of rows of every table."""
    async with db.connection() as connection:
        tables = [row[0] for row in await connection.fetch("select relname from pg_stat_user_tables")]
        counts = ", ".join(f"(select count(*) from {table})" for table in tables)
        numbers = await connection.fetchrow(f"select {counts}")
    assert numbers is not None
    return dict(sorted(zip(tables, numbers, strict=True)))


async def count_more_rows(db: Database, before: dict[str, int]) -> dict[str, int]:
    """How many rows came, by table; tables in which as many are as before are left out."""
    after = await count_rows(db)
    return {table: after[table] - before[table] for table in after if after[table] != before[table]}


async def read_row_versions(db: Database, table: str) -> list[tuple[str, str]]:
    """Place and writer of every row: any write of a row, even of the same values, changes them."""
    async with db.connection() as connection:
        return [tuple(row) for row in await connection.fetch(f"select ctid::text, xmin::text from {table}")]


@asynccontextmanager
async def holding_locks(db: Database, sql: str) -> AsyncIterator[Connection]:
    """A transaction of one's own that has done `sql`, and ends with the block."""
    connection = await db.open_connection()
    try:
        async with connection.transaction():
            await connection.execute(sql)
            yield connection
    finally:
        await connection.close()


async def wait_for_waiting_statements(db: Database, count: int) -> None:
    """Until so many statements wait for locks that others hold: a race at its starting line."""
    connection = await db.open_connection()
    try:
        async with asyncio.timeout(30):
            while await connection.fetchval(_WAITING) < count:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


_WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""
