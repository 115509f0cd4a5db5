"""SQL of projects and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# Serialises first starts on one empty database.
_FIRST_START_LOCK = 7_036_874_418

_PROJECT = (
    "p.id, p.uid, p.name, p.timezone, p.currency, p.asset_key, p.client_trusted_domains, p.client_features"
)


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


async def get_settings(connection: Connection, project_id: int, *, lock: bool = False) -> Row:
    """All of a project; `lock` keeps others from changing it. Raises LookupError."""
    row = await connection.fetchrow(
        f"select * from project where id = $1 {'for no key update' if lock else ''}", project_id
    )
    if row is None:
        raise LookupError(f"project {project_id}")
    return row


async def update_settings(
    connection: Connection,
    project_id: int,
    *,
    name: str,
    description: str | None,
    timezone: str,
    currency: str,
    client_trusted_domains: list[str],
    client_features: list[str],
    settings: dict[str, Any],
) -> Row:
    row = await connection.fetchrow(
        "update project set name = $2, description = $3, timezone = $4, currency = $5,"
        " client_trusted_domains = $6, client_features = $7, settings = $8 where id = $1 returning *",
        project_id,
        name,
        description,
        timezone,
        currency,
        client_trusted_domains,
        client_features,
        settings,
    )
    assert row is not None  # noqa: S101 - the caller has locked it
    return row
