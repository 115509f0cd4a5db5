"""SQL of vouchers, and of what they need to know of their campaigns."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.copying import in_pieces
from openvoucher.wire.ids import parse_id

# A voucher with what it inherits: its bound revision, or the newest. Names of the columns are what
# terms.service.resolve_terms and vouchers.schemas.show_voucher read.
SELECT = """
select v.*, c.name as campaign_name, c.is_referral_code, c.revision as newest_revision,
       r.inherited, r.sent
from voucher v
left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id
left join campaign_revision r on r.project_id = v.project_id and r.campaign_id = v.campaign_id
     and r.revision = coalesce(v.revision, c.revision)
where v.project_id = $1 and v.deleted_at is null and c.deleted_at is null
"""

_CAMPAIGN = """
select c.id, c.name, c.type, c.campaign_type, c.revision, c.code_config, c.active,
       c.is_referral_code, c.join_once, c.vouchers_count, r.inherited, r.sent
from campaign c
join campaign_revision r on r.project_id = c.project_id and r.campaign_id = c.id and r.revision = c.revision
where c.project_id = $1 and c.deleted_at is null
"""


async def find_by_id(connection: Connection, project_id: int, voucher_id: UUID) -> Row | None:
    return await connection.fetchrow(SELECT + "and v.id = $2", project_id, voucher_id)


async def find_by_code(connection: Connection, project_id: int, code: str) -> Row | None:
    return await connection.fetchrow(SELECT + "and v.code = $2", project_id, code)


async def lock_voucher(connection: Connection, project_id: int, voucher_id: UUID) -> None:
    """Keep others from changing it until the commit. To be read again after: a join that waits for
    a lock shows the voucher as it is now beside the revision as it was."""
    await connection.execute(
        "select 1 from voucher where project_id = $1 and id = $2 for no key update", project_id, voucher_id
    )


async def lock_vouchers(connection: Connection, project_id: int, voucher_ids: Sequence[UUID]) -> None:
    """Lock in the order of ids: two that lock the same vouchers wait for each other in one order."""
    await connection.execute(
        "select 1 from voucher where project_id = $1 and id = any($2) order by id for no key update",
        project_id,
        voucher_ids,
    )


async def list_by_ids(connection: Connection, project_id: int, voucher_ids: Sequence[UUID]) -> list[Row]:
    return await connection.fetch(SELECT + "and v.id = any($2)", project_id, voucher_ids)


async def find_campaign_by_id(connection: Connection, project_id: int, campaign_id: UUID) -> Row | None:
    return await connection.fetchrow(_CAMPAIGN + "and c.id = $2", project_id, campaign_id)


async def find_campaign_by_name(connection: Connection, project_id: int, name: str) -> Row | None:
    return await connection.fetchrow(_CAMPAIGN + "and c.name = $2 and not c.purged", project_id, name)


async def insert_voucher(
    connection: Connection,
    *,
    project_id: int,
    voucher_id: UUID,
    code: str,
    campaign_id: UUID | None,
    own_revision: int,
    type: str,
    active: bool,
    own: dict[str, Any] | None,
    now: datetime,
) -> bool:
    """False if the code is taken. Waits for a transaction that is just inserting the same code."""
    result = await connection.execute(
        "insert into voucher (project_id, id, code, campaign_id, own_revision, type, active, own, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (project_id, code) do nothing",
        project_id,
        voucher_id,
        code,
        campaign_id,
        own_revision,
        type,
        active,
        own,
        now,
    )
    return result == "INSERT 0 1"


async def copy_vouchers(connection: Connection, columns: Sequence[str], data: bytes) -> bool:
    """Insert vouchers in bulk, given in COPY's binary format; false, with nothing inserted, if a code
    was taken."""
    try:
        async with connection.transaction():
            await connection.copy_to_table(
                "voucher", source=in_pieces(data), columns=columns, format="binary"
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def insert_batch(
    connection: Connection, project_id: int, action_id: UUID, *, first_id: UUID, last_id: UUID
) -> None:
    """The vouchers from one id to the other are what an action made."""
    await connection.execute(
        "insert into async_action_batch (project_id, async_action_id, first_id, last_id)"
        " values ($1, $2, $3, $4)",
        project_id,
        action_id,
        first_id,
        last_id,
    )


async def find_taken_codes(connection: Connection, project_id: int, codes: Sequence[str]) -> list[Row]:
    """Those of the codes that exist in the project, with their owner; the bin counts."""
    return await connection.fetch(
        "select v.id, v.code, v.campaign_id, v.deleted_at is not null or c.deleted_at is not null as binned"
        " from voucher v left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
        " where v.project_id = $1 and v.code = any($2)",
        project_id,
        codes,
    )


async def list_codes_like(connection: Connection, project_id: int, like: str) -> list[str]:
    """Codes of the project, the bin included, that fit a LIKE pattern."""
    rows = await connection.fetch(
        "select code from voucher where project_id = $1 and code like $2", project_id, like
    )
    return [row["code"] for row in rows]


async def count_new_vouchers(
    connection: Connection, project_id: int, campaign_id: UUID, *, added: int, bound: int = 0
) -> int | None:
    """Add to the campaign's counters; the new count. None: the campaign is gone (or in the bin).

    To be called last in a transaction: the campaign's row stays locked from here to the commit.
    """
    count: int | None = await connection.fetchval(
        "update campaign set vouchers_count = vouchers_count + $3, bound_count = bound_count + $4"
        " where project_id = $1 and id = $2 and deleted_at is null returning vouchers_count",
        project_id,
        campaign_id,
        added,
        bound,
    )
    return count


async def add_to_day(
    connection: Connection, project_id: int, campaign_id: UUID, day: date, counters: dict[str, int]
) -> None:
    """Add to the campaign's counters of a day (see campaigns' summary); nothing if the campaign is gone."""
    names = sorted(name for name, amount in counters.items() if amount)
    if names:
        await connection.execute(
            # Locked, it cannot go between this look at it and the check of the foreign key.
            "with present as (select 1 from campaign where project_id = $1 and id = $2 for key share)"
            " insert into campaign_day (project_id, campaign_id, day, counter, amount)"
            " select $1, $2, $3, added.* from present, unnest($4::text[], $5::numeric[]) as added"
            " on conflict (project_id, campaign_id, day, counter)"
            " do update set amount = campaign_day.amount + excluded.amount",
            project_id,
            campaign_id,
            day,
            names,
            [counters[name] for name in names],
        )


async def update_voucher(
    connection: Connection,
    *,
    project_id: int,
    voucher_id: UUID,
    own: dict[str, Any] | None,
    own_revision: int,
    active: bool,
    now: datetime,
) -> None:
    await connection.execute(
        "update voucher set own = $3, own_revision = $4, active = $5, updated_at = $6"
        " where project_id = $1 and id = $2",
        project_id,
        voucher_id,
        own,
        own_revision,
        active,
        now,
    )


async def bin_voucher(connection: Connection, project_id: int, voucher_id: UUID, now: datetime) -> None:
    await connection.execute(
        "update voucher set deleted_at = $3 where project_id = $1 and id = $2", project_id, voucher_id, now
    )


async def delete_voucher(connection: Connection, project_id: int, voucher_id: UUID) -> Row | None:
    """Remove it for good, its postings too; its row as it was."""
    await connection.execute(
        "delete from voucher_transaction where project_id = $1 and voucher_id = $2", project_id, voucher_id
    )
    return await connection.fetchrow(
        "delete from voucher where project_id = $1 and id = $2 returning *", project_id, voucher_id
    )


async def delete_vouchers(connection: Connection, project_id: int, voucher_ids: Sequence[UUID]) -> None:
    """Remove locked vouchers for good, with their postings and what the bin says of them."""
    for statement in (
        "delete from voucher_transaction where project_id = $1 and voucher_id = any($2)",
        "delete from bin_entry where project_id = $1 and resource_type = 'voucher' and resource_id = any($2)",
        "delete from voucher where project_id = $1 and id = any($2)",
    ):
        await connection.execute(statement, project_id, voucher_ids)


async def uncount_vouchers(
    connection: Connection, project_id: int, campaign_id: UUID, *, removed: int, bound: int
) -> None:
    """To be called last in a transaction: the campaign's row stays locked from here to the commit."""
    await connection.execute(
        "update campaign set vouchers_count = vouchers_count - $3, bound_count = bound_count - $4"
        " where project_id = $1 and id = $2",
        project_id,
        campaign_id,
        removed,
        bound,
    )


async def list_vouchers(
    connection: Connection, project_id: int, *, where: str, parameters: list[Any], order: str, paging: str
) -> list[Row]:
    return await connection.fetch(f"{SELECT} {where} order by {order} {paging}", project_id, *parameters)


async def count_vouchers(
    connection: Connection, project_id: int, *, where: str, parameters: list[Any]
) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from ({SELECT} {where}) counted", project_id, *parameters
    )
    return count


async def count_all_vouchers(connection: Connection, project_id: int) -> int:
    """All that are outside the bin, from the campaigns' counters: the codes are not visited."""
    count: int = await connection.fetchval(
        "select coalesce((select sum(vouchers_count) from campaign"
        "                 where project_id = $1 and deleted_at is null), 0)::bigint"
        " + (select count(*) from voucher"
        "    where project_id = $1 and campaign_id is null and deleted_at is null)",
        project_id,
    )
    return count


async def find_campaign_id(connection: Connection, project_id: int, name: str) -> UUID | None:
    campaign_id: UUID | None = await connection.fetchval(
        "select id from campaign where project_id = $1 and name = $2 and deleted_at is null and not purged",
        project_id,
        name,
    )
    return campaign_id


async def count_campaign_vouchers(
    connection: Connection, project_id: int, *, name: str | None, campaign_id: str | None
) -> int:
    """Those of one campaign outside the bin, from its counter; it is named by name, id or both."""
    count: int = await connection.fetchval(
        "select coalesce(sum(vouchers_count), 0)::bigint from campaign"
        " where project_id = $1 and deleted_at is null and ($2 = '' or name = $2)"
        " and ($3 = '' or id = $4::uuid)",
        project_id,
        name or "",
        campaign_id or "",
        parse_id("camp", campaign_id or ""),
    )
    return count
