"""SQL of the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# First half of the advisory locks of readers; the second is the project.
_LOCK = 0x6F757462


async def insert_events(
    connection: Connection,
    project_id: int,
    events: Sequence[tuple[UUID, str, UUID | None, UUID | None, dict[str, Any]]],
    *,
    source: dict[str, Any],
    group_id: str,
    now: datetime,
) -> None:
    """`events`: (id, type, customer, campaign, data)."""
    ids, types, customers, campaigns, data = zip(*events, strict=True)
    await connection.execute(
        "insert into outbox"
        " (project_id, id, type, customer_id, campaign_id, data, source, group_id, created_at)"
        " select $1, event.*, $7, $8, $9"
        " from unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::jsonb[]) as event",
        project_id,
        ids,
        types,
        customers,
        campaigns,
        data,
        source,
        group_id,
        now,
    )


async def find_due_project(connection: Connection, *, after: int) -> int | None:
    """The next project, by number, with something to tell."""
    project_id: int | None = await connection.fetchval(
        "select project_id from outbox where project_id > $1 and run_after <= clock_timestamp()"
        " order by project_id limit 1",
        after,
    )
    return project_id


async def lock_outbox(connection: Connection, project_id: int) -> bool:
    """Be its only reader until the transaction ends: two would tell things out of order. False: another
    is."""
    locked: bool = await connection.fetchval("select pg_try_advisory_xact_lock($1, $2)", _LOCK, project_id)
    return locked


async def take_due_events(connection: Connection, project_id: int, *, limit: int) -> list[Row]:
    """Remove the oldest, and return them in their order."""
    rows = await connection.fetch(
        "delete from outbox where project_id = $1 and id in"
        " (select id from outbox where project_id = $1 and run_after <= clock_timestamp()"
        "  order by id limit $2)"
        " returning project_id, id, type, customer_id, campaign_id, data, source, group_id, created_at,"
        " tries",
        project_id,
        limit,
    )
    return sorted(rows, key=lambda row: row["id"])


async def put_back(
    connection: Connection,
    *,
    project_id: int,
    event_id: UUID,
    type: str,
    customer_id: UUID | None,
    campaign_id: UUID | None,
    data: dict[str, Any],
    source: dict[str, Any],
    group_id: str,
    created_at: datetime,
    tries: int,
    again_in_seconds: float | None,
    error: str,
) -> None:
    """`again_in_seconds` None: never by itself."""
    await connection.execute(
        "insert into outbox (project_id, id, type, customer_id, campaign_id, data, source, group_id,"
        " created_at, tries, error, run_after) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " coalesce(clock_timestamp() + $12 * interval '1 second', 'infinity'))",
        project_id,
        event_id,
        type,
        customer_id,
        campaign_id,
        data,
        source,
        group_id,
        created_at,
        tries,
        error,
        again_in_seconds,
    )
