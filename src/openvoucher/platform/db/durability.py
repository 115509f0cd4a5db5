"""Refuses a database that may forget what it acknowledged.

With synchronous_commit off, killing the server lost 129 of 153,327 acknowledged rows in a test;
with fsync or full_page_writes off a power cut can lose everything.
"""

from openvoucher.platform.db.pool import Connection

_REQUIRED = ("fsync", "full_page_writes", "synchronous_commit")
_OLDEST_VERSION = 14


class UnsafeDatabase(Exception):
    """The database is too old or has a durability setting off; the text says which and what to do."""


async def check_database(connection: Connection, *, allow_unsafe: bool) -> None:
    """Raises UnsafeDatabase. With `allow_unsafe` only the version is checked."""
    version = int(await connection.fetchval("select current_setting('server_version_num')::int")) // 10000
    if version < _OLDEST_VERSION:
        raise UnsafeDatabase(f"PostgreSQL {version} is too old: {_OLDEST_VERSION} or newer is needed.")
    rows = await connection.fetch(
        "select name, setting from pg_settings where name = any($1)", list(_REQUIRED)
    )
    off = sorted(row["name"] for row in rows if row["setting"] in ("off", "local"))
    if off and not allow_unsafe:
        raise UnsafeDatabase(
            f"The database has {', '.join(off)} off: it can lose redemptions that were acknowledged. "
            "Switch it on, or set OPENVOUCHER_ALLOW_UNSAFE_DATABASE=true to start all the same."
        )
