"""SQL of projects and keys."""

from datetime import datetime
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# Serialises first starts on one empty database.
_FIRST_START_LOCK = 7_036_874_418

_PROJECT = "p.id, p.uid, p.name, p.timezone, p.currency, p.asset_key"


async def lock_first_start(connection: Connection) -> None:
    await connection.execute("select pg_advisory_xact_lock($1)", _FIRST_START_LOCK)


async def find_first_project(connection: Connection) -> Row | None:
    return await connection.fetchrow(f"select {_PROJECT} from project p order by p.id limit 1")


async def insert_project(
    connection: Connection, *, uid: UUID, name: str, asset_key: bytes, now: datetime
) -> int:
    project_id: int = await connection.fetchval(
        "insert into project (uid, name, asset_key, created_at) values ($1, $2, $3, $4) returning id",
        uid,
        name,
        asset_key,
        now,
    )
    return project_id


async def upsert_key(
    connection: Connection,
    *,
    project_id: int,
    key_id: UUID,
    kind: str,
    app_id: str,
    secret_sha256: bytes,
    now: datetime,
) -> bool:
    """Add the key, or give an existing one of this project this secret. False: another project's."""
    result = await connection.execute(
        "insert into api_key (project_id, id, kind, app_id, secret_sha256, created_at)"
        " values ($1, $2, $3, $4, $5, $6)"
        " on conflict (kind, app_id) do update set secret_sha256 = excluded.secret_sha256, active = true"
        " where api_key.project_id = excluded.project_id",
        project_id,
        key_id,
        kind,
        app_id,
        secret_sha256,
        now,
    )
    return result == "INSERT 0 1"


async def find_key(connection: Connection, kind: str, app_id: str) -> Row | None:
    """The active key with its project. It asks across projects, because it finds whose call it is."""
    return await connection.fetchrow(
        f"select k.id as key_id, k.kind, k.app_id, k.secret_sha256, {_PROJECT}"
        " from api_key k join project p on p.id = k.project_id"
        " where k.kind = $1 and k.app_id = $2 and k.active",
        kind,
        app_id,
    )


async def find_project(connection: Connection, project_id: int) -> Row | None:
    return await connection.fetchrow(f"select {_PROJECT} from project p where p.id = $1", project_id)


async def find_project_by_uid(connection: Connection, uid: UUID) -> Row | None:
    return await connection.fetchrow(f"select {_PROJECT} from project p where p.uid = $1", uid)
