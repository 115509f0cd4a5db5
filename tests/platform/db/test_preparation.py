import asyncio
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from openvoucher.platform.db import Database, DatabaseUnavailable
from openvoucher.platform.db import migrations as migrations_module
from openvoucher.platform.db.durability import UnsafeDatabase
from openvoucher.platform.db.migrations import MigrationError, load_migrations
from openvoucher.platform.db.preparation import (
    check_prepared_database,
    describe_database,
    examine_database,
    list_pending_migrations,
    migrate_database,
    prepare_database,
)

NAMES = [migration.name for migration in load_migrations()]


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """URL of an empty database."""
    name = f"empty_{os.urandom(4).hex()}"
    head, _, query = postgres.partition("?")
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name}")
    yield f"{head.rpartition('/')[0]}/{name}?{query}"
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def set_for_database(url: str, setting: str) -> None:
    await execute(
        url, f"do $$ begin execute format('alter database %I set {setting}', current_database()); end $$"
    )


def replace_migrations(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    only = migrations_module.Migration(1, "0001_only.sql", f"set local lock_timeout = '50ms'; {sql}", "")
    monkeypatch.setattr(migrations_module, "load_migrations", lambda: [only])


async def test_an_empty_database_is_given_every_migration_once(empty_url: str) -> None:
    prepared = await prepare_database(empty_url, allow_unsafe=False)
    assert prepared.applied == NAMES
    assert prepared.most_connections == 100
    assert (await prepare_database(empty_url, allow_unsafe=False)).applied == []
    await check_prepared_database(empty_url, allow_unsafe=False)


async def test_a_database_that_may_forget_is_refused_and_left_as_it_is(empty_url: str) -> None:
    await set_for_database(empty_url, "synchronous_commit = off")
    with pytest.raises(UnsafeDatabase, match=r"synchronous_commit off.*OPENVOUCHER_ALLOW_UNSAFE_DATABASE"):
        await prepare_database(empty_url, allow_unsafe=False)
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    await connection.close()


async def test_it_is_taken_when_it_is_allowed_by_name(empty_url: str) -> None:
    await set_for_database(empty_url, "synchronous_commit = off")
    assert (await prepare_database(empty_url, allow_unsafe=True)).applied == NAMES
    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        await check_prepared_database(empty_url, allow_unsafe=False)
    await check_prepared_database(empty_url, allow_unsafe=True)


async def test_who_only_joins_in_changes_nothing_and_says_what_is_missing(empty_url: str) -> None:
    with pytest.raises(MigrationError, match=f"lacks the migrations {', '.join(NAMES)}: run"):
        await check_prepared_database(empty_url, allow_unsafe=False)
    database = Database(empty_url, size=1)
    async with database.connection() as connection:
        assert await list_pending_migrations(connection) == NAMES
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    await database.close()


async def test_a_look_at_a_database_changes_nothing(empty_url: str) -> None:
    before = await examine_database(empty_url)
    assert (before.unsafe, before.pending) == ("", NAMES)
    assert abs(before.clock_ahead_seconds) < 1
    await migrate_database(empty_url)
    await set_for_database(empty_url, "synchronous_commit = off")
    after = await examine_database(empty_url)
    assert after.pending == []
    assert after.unsafe.startswith("The database has synchronous_commit off")
    assert after.version == before.version


async def test_a_migration_that_is_blocked_says_that_nothing_is_half_done(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(empty_url, "create table busy ()")
    replace_migrations(monkeypatch, "alter table busy add column more integer")
    worker = await asyncpg.connect(empty_url)
    async with worker.transaction():
        await worker.execute("lock table busy in access share mode")
        with pytest.raises(MigrationError, match="blocked by other work on the database and undone"):
            await migrate_database(empty_url)
    assert await migrate_database(empty_url) == ["0001_only.sql"]
    await worker.close()


async def test_a_migration_that_fails_is_undone_and_reported(empty_url: str) -> None:
    await execute(empty_url, "create table job (in_the_way integer)")
    with pytest.raises(
        MigrationError, match='A migration failed and was undone: relation "job" already exists'
    ):
        await migrate_database(empty_url)
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("select array_agg(name) from schema_migration") == NAMES[:1]
    await connection.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/promo", r"The database 127\.0\.0\.1:1/promo cannot be reached"),
        ("postgresql://ann:secret@[::1", "The database the given URL"),
    ],
)
async def test_a_database_that_is_not_there_is_named_without_its_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as raised:
        await prepare_database(url, allow_unsafe=False)
    assert "secret" not in str(raised.value)


async def test_a_database_that_does_not_exist_is_told_from_one_that_cannot_be_reached(postgres: str) -> None:
    head, _, query = postgres.partition("?")
    url = f"{head.rpartition('/')[0]}/no_such_database?{query}"
    with pytest.raises(
        DatabaseUnavailable, match=r'refuses the connection: database "no_such_database" does not'
    ):
        await prepare_database(url, allow_unsafe=False)


async def test_a_connection_that_breaks_is_no_broken_migration(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_migrations(monkeypatch, "select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseUnavailable, match="broke"):
        await asyncio.wait_for(migrate_database(empty_url), 30)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@db.example.com:6432/promo?sslmode=require", "db.example.com:6432/promo"),
        ("postgresql://ann:secret@db.example.com/promo", "db.example.com/promo"),
        ("postgresql://ann@/promo?host=%2Fsrv%2Frun&port=5432", "/srv/run/promo"),
        ("postgresql:///promo", "the default host/promo"),
        ("postgresql://ann:secret@host:port/promo", "the given URL"),
    ],
)
def test_a_database_is_described_without_user_and_password(url: str, shown: str) -> None:
    assert describe_database(url) == shown
