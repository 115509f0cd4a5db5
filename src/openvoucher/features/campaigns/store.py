"""SQL of campaigns and their revisions."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# A campaign with its newest revision.
SELECT = """
select c.*, r.inherited, r.sent
from campaign c
join campaign_revision r on r.project_id = c.project_id and r.campaign_id = c.id and r.revision = c.revision
where c.project_id = $1 and c.deleted_at is null
"""


async def insert_campaign(connection: Connection, project_id: int, values: dict[str, Any]) -> bool:
    """`values` by column. False if the name is taken."""
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(2, len(values) + 2))
    result = await connection.execute(
        f"insert into campaign (project_id, {names}) values ($1, {places})"
        " on conflict (project_id, name) where not purged do nothing",
        project_id,
        *values.values(),
    )
    return result == "INSERT 0 1"


async def insert_revision(
    connection: Connection,
    *,
    project_id: int,
    campaign_id: UUID,
    revision: int,
    inherited: dict[str, Any],
    sent: dict[str, int],
    now: datetime,
) -> None:
    await connection.execute(
        "insert into campaign_revision (project_id, campaign_id, revision, inherited, sent, created_at)"
        " values ($1, $2, $3, $4, $5, $6)",
        project_id,
        campaign_id,
        revision,
        inherited,
        sent,
        now,
    )


async def find_by_id(connection: Connection, project_id: int, campaign_id: UUID) -> Row | None:
    return await connection.fetchrow(SELECT + "and c.id = $2", project_id, campaign_id)


async def find_by_name(connection: Connection, project_id: int, name: str) -> Row | None:
    return await connection.fetchrow(SELECT + "and c.name = $2 and not c.purged", project_id, name)


async def lock_campaign(connection: Connection, project_id: int, campaign_id: UUID) -> None:
    """Keep others from changing it until the commit. To be read again after: a join that waits for
    a lock shows the campaign as it is now beside the revision as it was."""
    await connection.execute(
        "select 1 from campaign where project_id = $1 and id = $2 for no key update", project_id, campaign_id
    )


async def list_campaigns(
    connection: Connection, *, where: str, parameters: list[Any], order: str, limit: int, offset: int
) -> list[Row]:
    return await connection.fetch(
        f"{SELECT} {where} order by {order} limit {limit} offset {offset}", *parameters
    )


async def count_campaigns(connection: Connection, *, where: str, parameters: list[Any]) -> int:
    count: int = await connection.fetchval(f"select count(*) from ({SELECT} {where}) counted", *parameters)
    return count


async def update_campaign(
    connection: Connection, project_id: int, campaign_id: UUID, values: dict[str, Any]
) -> None:
    """`values` by column."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 3))
    await connection.execute(
        f"update campaign set {changes} where project_id = $1 and id = $2",
        project_id,
        campaign_id,
        *values.values(),
    )


async def finish_update(connection: Connection, project_id: int, campaign_id: UUID, *, before: str) -> None:
    """Back to the status `before` the update; if the first codes were being made then, to theirs now.

    Codes that are added later have a status of their own: they make no created campaign unfinished.
    """
    await connection.execute(
        "update campaign set creation_status = case when $3 in ('DONE', 'FAILED') then $3"
        " when generations > 0 then 'IN_PROGRESS' when generation_failed then 'FAILED' else 'DONE' end"
        " where project_id = $1 and id = $2 and creation_status = 'MODIFYING'",
        project_id,
        campaign_id,
        before,
    )


async def mark_purged(connection: Connection, project_id: int, campaign_id: UUID) -> int:
    """Free the name of a campaign that is in the bin; the number of its codes."""
    count: int = await connection.fetchval(
        "update campaign set purged = true where project_id = $1 and id = $2 returning vouchers_count",
        project_id,
        campaign_id,
    )
    return count


async def delete_some_vouchers(
    connection: Connection, project_id: int, campaign_id: UUID, *, limit: int
) -> tuple[int, int]:
    """Remove up to `limit` codes of a campaign for good: (removed, of them outside the bin)."""
    # Locked first, in a statement of its own: whoever is just posting to one of them commits before the
    # next statement looks, so that nothing of a removed code is left behind.
    ids = await connection.fetch(
        "select id from voucher where project_id = $1 and campaign_id = $2 order by id limit $3 for update",
        project_id,
        campaign_id,
        limit,
    )
    row = await connection.fetchrow(
        "with postings as (delete from voucher_transaction where project_id = $1 and voucher_id = any($2)),"
        " entries as (delete from bin_entry where project_id = $1"
        "             and resource_type = 'voucher' and resource_id = any($2)),"
        " gone as (delete from voucher where project_id = $1 and id = any($2) returning deleted_at)"
        " select count(*) as removed, count(*) filter (where deleted_at is null) as seen from gone",
        project_id,
        [row["id"] for row in ids],
    )
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row["removed"], row["seen"]


async def delete_campaign(connection: Connection, project_id: int, campaign_id: UUID) -> None:
    await connection.execute(
        "delete from campaign where project_id = $1 and id = $2", project_id, campaign_id
    )


async def sum_days(
    connection: Connection, project_id: int, campaign_id: UUID, *, first: date | None, last: date | None
) -> dict[str, int]:
    """Counter → sum over the days from `first` to `last`, both included; None: open."""
    rows = await connection.fetch(
        "select counter, sum(amount) as amount from campaign_day"
        " where project_id = $1 and campaign_id = $2"
        " and ($3::date is null or day >= $3) and ($4::date is null or day <= $4) group by counter",
        project_id,
        campaign_id,
        first,
        last,
    )
    return {row["counter"]: int(row["amount"]) for row in rows}
