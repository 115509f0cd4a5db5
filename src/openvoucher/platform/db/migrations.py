"""Numbered SQL migrations, applied one at a time however many processes start at once.

Each file is one transaction with lock and statement time-outs, so that a migration that meets a
long-running query gives up instead of blocking everybody behind it. A file that has been
released never changes: its SHA-256 stands in `checksums.txt` beside it.
"""

import asyncio
import dataclasses
import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from openvoucher.platform.db.pool import Connection

# Any number that no other program on this database uses; it names "the migrations of OpenVoucher".
_ADVISORY_LOCK = 7_036_874_417
_LOCK_TIMEOUT_SECONDS = 4
_STATEMENT_TIMEOUT_SECONDS = 600
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
CHECKSUMS = "checksums.txt"


class MigrationError(Exception):
    """The migrations on disk and those of the database do not fit; the text says what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str
    sha256: str


def load_migrations(folder: Traversable | None = None) -> list[Migration]:
    """The migrations in order. Raises MigrationError on a gap or a foreign file."""
    migrations = []
    for entry in sorted((folder or _folder()).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        match = _FILE_NAME.fullmatch(entry.name)
        if match is None:
            raise MigrationError(f"{entry.name}: a migration is called 0001_what_it_does.sql")
        sql = entry.read_text("utf-8")
        digest = hashlib.sha256(sql.encode()).hexdigest()
        migrations.append(Migration(int(match[1]), entry.name, sql, digest))
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationError("Migrations are numbered from 0001 without a gap")
    return migrations


def find_drift(folder: Traversable | None = None) -> list[str]:
    """What differs between the files and `checksums.txt`, a line each; empty when nothing does."""
    folder = folder or _folder()
    lines = (folder / CHECKSUMS).read_text("utf-8").splitlines()
    recorded = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    actual = {migration.name: migration.sha256 for migration in load_migrations(folder)}
    problems = [f"{name} is not in {CHECKSUMS}" for name in actual if name not in recorded]
    problems += [f"{name} is gone" for name in recorded if name not in actual]
    problems += [
        f"{name} was changed after its release: write a new migration instead"
        for name, sha256 in actual.items()
        if recorded.get(name, sha256) != sha256
    ]
    return problems


async def apply_migrations(connection: Connection, migrations: list[Migration] | None = None) -> list[str]:
    """Bring the database up to date; the names of what was applied now.

    Waits for another process that is migrating. Raises MigrationError when the database is newer
    than this program or a released migration was changed.
    """
    known = load_migrations() if migrations is None else migrations
    await _lock(connection)
    try:
        await connection.execute(
            "create table if not exists schema_migration (number integer primary key, name text not null,"
            " sha256 text not null, applied_at timestamptz not null default now())"
        )
        rows = await connection.fetch("select number, name, sha256 from schema_migration order by number")
        applied = {row["number"]: (row["name"], row["sha256"]) for row in rows}
        for number, (name, sha256) in applied.items():
            if number > len(known):
                raise MigrationError(
                    f"The database has migration {name}, which this version does not know: "
                    "start a version at least as new as the one that wrote it."
                )
            if known[number - 1].sha256 != sha256:
                raise MigrationError(
                    f"{name} differs from what was applied to this database: start the release that applied "
                    "it, or one whose migrations were not edited."
                )
        new = [migration for migration in known if migration.number not in applied]
        for migration in new:
            await _apply(connection, migration)
        return [migration.name for migration in new]
    finally:
        await connection.execute("select pg_advisory_unlock($1)", _ADVISORY_LOCK)


async def _lock(connection: Connection) -> None:
    # Polling instead of a blocking call: the statement time-out must not end the wait for another
    # process's long migration, and a wait in the server would show as a stuck query.
    while not await connection.fetchval("select pg_try_advisory_lock($1)", _ADVISORY_LOCK):  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'")
        await connection.execute(f"set local statement_timeout = '{_STATEMENT_TIMEOUT_SECONDS}s'")
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into schema_migration (number, name, sha256) values ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.sha256,
        )


def _folder() -> Traversable:
    return files("openvoucher") / "migrations"
