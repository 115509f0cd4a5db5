"""SQL of OAuth tokens."""

from datetime import datetime
from uuid import UUID

from openvoucher.platform.db import Connection, Row


async def lock_tokens(connection: Connection, project_id: int) -> None:
    """One issuing at a time in a project, so that the live tokens counted now are those there at the insert.

    The weakest lock that excludes itself: rows that refer to the project are written meanwhile.
    """
    await connection.execute("select 1 from project where id = $1 for no key update", project_id)


async def delete_expired_tokens(connection: Connection, project_id: int, *, now: datetime) -> None:
    await connection.execute(
        "delete from oauth_token where project_id = $1 and expires_at <= $2", project_id, now
    )


async def count_tokens(connection: Connection, project_id: int) -> Row:
    """`live` tokens, and when the first of them expires (null without one)."""
    row = await connection.fetchrow(
        "select count(*) as live, min(expires_at) as first_expires_at from oauth_token where project_id = $1",
        project_id,
    )
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row


async def insert_token(
    connection: Connection,
    *,
    project_id: int,
    key_id: UUID,
    token_sha256: bytes,
    client_id: str,
    scope: str,
    expires_at: datetime,
    now: datetime,
) -> bool:
    """False when the key is blocked or gone by now."""
    result = await connection.execute(
        "insert into oauth_token"
        " (project_id, token_sha256, api_key_id, client_id, scope, expires_at, created_at)"
        " select project_id, $3, id, $4, $5, $6, $7 from api_key"
        # Locked: a key that is being deleted is waited for, and then not found.
        " where project_id = $1 and id = $2 and active for key share",
        project_id,
        key_id,
        token_sha256,
        client_id,
        scope,
        expires_at,
        now,
    )
    return result == "INSERT 0 1"


async def find_live_token(
    connection: Connection, project_id: int, token_sha256: bytes, *, now: datetime
) -> Row | None:
    return await connection.fetchrow(
        "select t.client_id, t.scope, t.expires_at from oauth_token t"
        " join api_key k on k.project_id = t.project_id and k.id = t.api_key_id"
        " where t.project_id = $1 and t.token_sha256 = $2 and t.expires_at > $3 and k.active",
        project_id,
        token_sha256,
        now,
    )


async def delete_token(
    connection: Connection, project_id: int, token_sha256: bytes, *, now: datetime
) -> bool:
    """False if there is no such token or it has expired."""
    result = await connection.execute(
        "delete from oauth_token where project_id = $1 and token_sha256 = $2 and expires_at > $3",
        project_id,
        token_sha256,
        now,
    )
    return result == "DELETE 1"


async def find_caller(connection: Connection, token_sha256: bytes, *, now: datetime) -> Row | None:
    """The key and the project behind a bearer; asks across projects, since it finds whose call it is."""
    return await connection.fetchrow(
        "select t.scope, k.id as key_id, k.kind, k.app_id,"
        " p.id, p.uid, p.name, p.timezone, p.currency, p.asset_key, p.client_trusted_domains,"
        " p.client_features"
        " from oauth_token t"
        " join api_key k on k.project_id = t.project_id and k.id = t.api_key_id"
        " join project p on p.id = t.project_id"
        " where t.token_sha256 = $1 and t.expires_at > $2 and k.active",
        token_sha256,
        now,
    )
