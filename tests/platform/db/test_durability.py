"""A database that may forget what it acknowledged is refused."""

import pytest

from openvoucher.platform.db import Database
from openvoucher.platform.db.durability import UnsafeDatabase, check_database


async def test_a_safe_database_is_accepted(db: Database) -> None:
    async with db.connection() as connection:
        await check_database(connection, allow_unsafe=False)


async def test_a_database_with_a_setting_off_is_refused_by_the_setting_s_name(db: Database) -> None:
    connection = await db.open_connection()
    await connection.execute("set synchronous_commit = off")
    with pytest.raises(UnsafeDatabase, match="has synchronous_commit off"):
        await check_database(connection, allow_unsafe=False)
    await check_database(connection, allow_unsafe=True)
    await connection.close()
