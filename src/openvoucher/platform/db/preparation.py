"""What happens to a database before anybody works on it: it is checked, then brought up to date."""

import dataclasses
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import asyncpg

from openvoucher.platform.db.durability import UnsafeDatabase, check_database
from openvoucher.platform.db.migrations import (
    Migration,
    MigrationError,
    apply_migrations,
    load_migrations,
)
from openvoucher.platform.db.pool import Connection, Database, DatabaseUnavailable


@dataclasses.dataclass(frozen=True, slots=True)
class Preparation:
    """applied: names of the migrations that were applied now. most_connections: how many the
    database allows in all."""

    applied: list[str]
    most_connections: int


async def prepare_database(url: str, *, allow_unsafe: bool) -> Preparation:
    """Check and migrate. Raises DatabaseUnavailable, UnsafeDatabase, MigrationError, each with a
    text for the operator."""
    async with _open(url) as connection:
        await check_database(connection, allow_unsafe=allow_unsafe)
        applied = await _migrate(connection)
        most = int(await connection.fetchval("show max_connections"))
        return Preparation(applied, most)


async def migrate_database(url: str) -> list[str]:
    """Migrate whatever the durability settings are: nobody relies on the database yet.

    Returns the names of what was applied now. Raises DatabaseUnavailable, UnsafeDatabase (for a
    PostgreSQL that is too old), MigrationError.
    """
    return (await prepare_database(url, allow_unsafe=True)).applied


async def check_prepared_database(url: str, *, allow_unsafe: bool) -> None:
    """For processes that only join in: the same checks, but nothing is changed.

    Raises like `prepare_database`, MigrationError also when migrations are missing.
    """
    async with _open(url) as connection:
        await check_database(connection, allow_unsafe=allow_unsafe)
        pending = await list_pending_migrations(connection)
    if pending:
        raise MigrationError(
            f"The database lacks the migrations {', '.join(pending)}: run `openvoucher migrate`, or start "
            "`openvoucher serve` of this version first."
        )


@dataclasses.dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What a look at a database shows. unsafe: why the start would refuse it, empty if it would not.
    clock_ahead_seconds: how far its clock is ahead of ours."""

    version: str
    unsafe: str
    pending: list[str]
    clock_ahead_seconds: float


async def examine_database(url: str) -> DatabaseReport:
    """Look without changing anything. Raises DatabaseUnavailable."""
    async with _open(url) as connection:
        asked_at = datetime.now(UTC)
        its_time: datetime = await connection.fetchval("select clock_timestamp()")
        # Half of the way there and back is what the answer is old.
        our_time = asked_at + (datetime.now(UTC) - asked_at) / 2
        unsafe = ""
        try:
            await check_database(connection, allow_unsafe=False)
        except UnsafeDatabase as error:
            unsafe = str(error)
        return DatabaseReport(
            version=str(await connection.fetchval("show server_version")),
            unsafe=unsafe,
            pending=await list_pending_migrations(connection),
            clock_ahead_seconds=(its_time - our_time).total_seconds(),
        )


async def list_pending_migrations(connection: Connection) -> list[str]:
    """Names of the migrations that this version needs and the database does not have.

    A database that is ahead lacks nothing: each release works on the next one's tables.
    """
    try:
        rows = await connection.fetch("select number from schema_migration")
    except asyncpg.UndefinedTableError:
        rows = []
    applied = {row["number"] for row in rows}
    return [migration.name for migration in _known_migrations() if migration.number not in applied]


@functools.cache
def _known_migrations() -> tuple[Migration, ...]:
    return tuple(load_migrations())


def describe_database(url: str) -> str:
    """A database's URL for messages: where it is and its name, without user and password."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        place = parts.hostname or query.get("host", [""])[0]
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the given URL"
    return f"{place or 'the default host'}{port}{parts.path}"


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[Connection]:
    database = Database(url, size=1, application_name="openvoucher start")
    where = describe_database(url)
    try:
        connection = await database.open_connection()
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            f"The database {where} cannot be reached: {error}. Does it run, and is the address right?"
        ) from error
    except (asyncpg.PostgresError, ValueError) as error:
        # It is there and refuses: wrong password, no such database.
        raise DatabaseUnavailable(f"The database {where} refuses the connection: {error}") from error
    try:
        yield connection
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError) as error:
        raise DatabaseUnavailable(f"The connection to the database {where} broke: {error}") from error
    finally:
        connection.terminate()


async def _migrate(connection: Connection) -> list[str]:
    try:
        return await apply_migrations(connection)
    except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as error:
        raise MigrationError(
            f"A migration was blocked by other work on the database and undone ({error}). Nothing is half "
            "done: try again, at a quieter moment if need be."
        ) from error
    except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError):
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(
            f"A migration failed and was undone: {error}. The migrations before it are applied."
        ) from error
