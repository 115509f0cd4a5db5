"""Migrations: in order, once, one process at a time, never changed after their release."""

import asyncio
from pathlib import Path

import pytest

from openvoucher.platform.db import Database
from openvoucher.platform.db.migrations import (
    CHECKSUMS,
    MigrationError,
    apply_migrations,
    find_drift,
    load_migrations,
)


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


async def test_the_project_s_own_migrations_are_as_released() -> None:
    assert find_drift() == []


async def test_an_up_to_date_database_is_left_alone(db: Database) -> None:
    connection = await db.open_connection()
    assert await apply_migrations(connection) == []
    await connection.close()


async def test_ten_connections_at_once_apply_each_migration_once(db: Database) -> None:
    own = load_migrations()
    number = len(own) + 1
    sql = "create table made_once (number integer); insert into made_once values (1)"
    new = [*own, type(own[0])(number, f"{number:04}_made_once.sql", sql, "sum")]

    async def apply() -> list[str]:
        connection = await db.open_connection()
        try:
            return await apply_migrations(connection, new)
        finally:
            await connection.close()

    applied = await asyncio.gather(*(apply() for _ in range(10)))
    assert sorted(applied) == [[]] * 9 + [[f"{number:04}_made_once.sql"]]
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from made_once") == 1


async def test_a_migration_that_fails_leaves_nothing_of_itself(db: Database) -> None:
    own = load_migrations()
    number = len(own) + 1
    broken = type(own[0])(number, "broken.sql", "create table half (n integer); select 1/0", "sum")
    connection = await db.open_connection()
    with pytest.raises(Exception, match="division by zero"):
        await apply_migrations(connection, [*own, broken])
    assert await connection.fetchval("select to_regclass('half')") is None
    # The lock is free again: the repaired one goes through.
    repaired = type(own[0])(number, "broken.sql", "create table half (n integer)", "sum2")
    assert await apply_migrations(connection, [*own, repaired]) == ["broken.sql"]
    await connection.close()


async def test_a_database_of_a_newer_version_is_refused(db: Database) -> None:
    connection = await db.open_connection()
    with pytest.raises(MigrationError, match="does not know"):
        await apply_migrations(connection, load_migrations()[:-1])
    await connection.close()


async def test_a_changed_migration_is_refused_by_the_database_that_has_it(db: Database) -> None:
    own = load_migrations()
    changed = [type(own[0])(own[0].number, own[0].name, own[0].sql, "other"), *own[1:]]
    connection = await db.open_connection()
    with pytest.raises(MigrationError, match=f"{own[0].name} differs"):
        await apply_migrations(connection, changed)
    await connection.close()


def test_a_gap_and_a_foreign_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, **{"0001_one": "", "0003_three": ""})
    with pytest.raises(MigrationError, match="without a gap"):
        load_migrations(tmp_path)
    write(tmp_path, **{"0002_two": "", "notes": ""})
    with pytest.raises(MigrationError, match=r"notes\.sql"):
        load_migrations(tmp_path)


def test_drift_names_what_changed_what_is_new_and_what_is_gone(tmp_path: Path) -> None:
    write(tmp_path, **{"0001_one": "select 1", "0002_two": "select 2"})
    first = load_migrations(tmp_path)[0]
    (tmp_path / CHECKSUMS).write_text(f"{first.sha256}  {first.name}\n{'0' * 64}  0003_gone.sql\n")
    assert find_drift(tmp_path) == ["0002_two.sql is not in checksums.txt", "0003_gone.sql is gone"]
    (tmp_path / CHECKSUMS).write_text(f"{'0' * 64}  {first.name}\n")
    assert "0001_one.sql was changed after its release: write a new migration instead" in find_drift(tmp_path)


async def test_every_table_leads_with_its_project(db: Database) -> None:
    # Tenants are shards: the exceptions stand here with their reason.
    exceptions = {
        "schema_migration": "of the installation",
        "project": "is the project",
    }
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select c.relname as table, array_agg(a.attname::text order by k.ordinality) as key"
            " from pg_index i join pg_class c on c.oid = i.indrelid"
            " join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'"
            " cross join unnest(i.indkey) with ordinality k (number, ordinality)"
            " join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number"
            " where i.indisprimary group by 1"
        )
    leading = {row["table"]: row["key"][0] for row in rows}
    assert len(leading) > 10
    assert {name for name, column in leading.items() if column != "project_id"} == exceptions.keys()
