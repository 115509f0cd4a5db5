"""SQL of publications and of the pools that they take codes from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.platform.db import Connection, Row

NO_ID = UUID(int=0)

# A code of a campaign that nobody has: bound codes were published or redeemed. The bin does not count.
_NOBODY_S = "v.project_id = $1 and v.revision is null and v.deleted_at is null"
_UNBOUND = f"{_NOBODY_S} and v.campaign_id = $2"
# The same behind an id, to be read in _ORDER. Said this way it can be served by the index of campaigns' codes
# alone, from that id on: by the index of all codes it could lead through a million of another campaign.
_UNBOUND_BEHIND = (
    f"{_NOBODY_S} and (v.campaign_id, v.id) > ($2::uuid, {{after}}::uuid) and v.campaign_id <= $2"
)
_ORDER = "order by v.campaign_id, v.id"
# $3: the revision by which an update of the campaign last set when its codes expire, $4: now, or null where a
# code's own expiration does not matter. No query here joins the campaign: who waits for a lock sees the code
# alone anew.
_AVAILABLE = (
    "v.active and ($4::timestamptz is null or not coalesce("
    "v.own_revision >= $3::integer and (v.own ->> 'expiration_date')::timestamptz < $4, false))"
)


# --- the pool ------------------------------------------------------------------------------------------


async def find_pool(connection: Connection, project_id: int, campaign_id: UUID) -> Row | None:
    return await connection.fetchrow(
        "select after_id, passed_over from publication_pool where project_id = $1 and campaign_id = $2",
        project_id,
        campaign_id,
    )


async def lock_available_codes(
    connection: Connection,
    project_id: int,
    campaign_id: UUID,
    *,
    expiration_sent: int,
    now: datetime | None,
    after: UUID,
    limit: int,
    wait: bool,
) -> list[UUID]:
    """The first codes behind `after` that can be published, locked in the order of their ids. With `wait`
    those that others are just taking are waited for, otherwise they are left to them."""
    rows = await connection.fetch(
        f"select v.id from voucher v where {_UNBOUND_BEHIND.format(after='$5')} and {_AVAILABLE} {_ORDER}"
        f" limit $6 for no key update{'' if wait else ' skip locked'}",
        project_id,
        campaign_id,
        expiration_sent,
        now,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def lock_available_of(
    connection: Connection,
    project_id: int,
    campaign_id: UUID,
    *,
    expiration_sent: int,
    now: datetime | None,
    among: Sequence[UUID],
    limit: int,
) -> list[UUID]:
    """Those of the given codes that can be published, locked in the order of their ids."""
    rows = await connection.fetch(
        f"select v.id from voucher v where {_UNBOUND} and {_AVAILABLE} and v.id = any($5)"
        " order by v.id limit $6 for no key update",
        project_id,
        campaign_id,
        expiration_sent,
        now,
        among,
        limit,
    )
    return [row["id"] for row in rows]


async def count_unbound_codes(connection: Connection, project_id: int, campaign_id: UUID) -> int:
    """How many codes nobody has, from the campaign's counters; 0 too if the campaign is gone."""
    count: int | None = await connection.fetchval(
        "select vouchers_count - bound_count from campaign where project_id = $1 and id = $2",
        project_id,
        campaign_id,
    )
    return count or 0


async def count_unknown_codes(
    connection: Connection,
    project_id: int,
    campaign_id: UUID,
    *,
    after: UUID,
    passed_over: Sequence[UUID],
    unbound: int,
) -> int:
    """Of the codes that nobody has those that are neither behind `after` nor `passed_over`; at one moment,
    whoever is publishing or making codes just then. `unbound`: how many nobody had a moment ago; should there
    be more of them now, those count as unknown."""
    count: int | None = await connection.fetchval(
        "select c.vouchers_count - c.bound_count - (select count(*) from"
        # Told that it will be few, the planner walks the index and not the table.
        f"  (select 1 from voucher v where {_UNBOUND_BEHIND.format(after='$3')} {_ORDER} limit $5) behind)"
        f" - (select count(*) from voucher v where {_UNBOUND} and v.id <= $3 and v.id = any($4))"
        " from campaign c where c.project_id = $1 and c.id = $2",
        project_id,
        campaign_id,
        after,
        passed_over,
        unbound,
    )
    return count or 0


async def list_unbound_codes(
    connection: Connection, project_id: int, campaign_id: UUID, *, up_to: UUID, limit: int
) -> list[UUID]:
    """Codes up to there that nobody has. Visits all codes of the campaign up to there."""
    rows = await connection.fetch(
        f"select v.id from voucher v where {_UNBOUND} and v.id <= $3 order by v.id limit $4",
        project_id,
        campaign_id,
        up_to,
        limit,
    )
    return [row["id"] for row in rows]


async def lock_only_code(connection: Connection, project_id: int, campaign_id: UUID) -> UUID | None:
    """The one code of a STANDALONE campaign, if it is enabled."""
    voucher_id: UUID | None = await connection.fetchval(
        "select v.id from voucher v where v.project_id = $1 and v.campaign_id = $2 and v.deleted_at is null"
        " and v.active order by v.id limit 1 for no key update",
        project_id,
        campaign_id,
    )
    return voucher_id


async def advance_pool(connection: Connection, project_id: int, campaign_id: UUID, after: UUID) -> None:
    """Forward only. After the campaign's row, and last of all."""
    await connection.execute(
        "insert into publication_pool as p (project_id, campaign_id, after_id) values ($1, $2, $3)"
        " on conflict (project_id, campaign_id)"
        " do update set after_id = excluded.after_id where p.after_id < excluded.after_id",
        project_id,
        campaign_id,
        after,
    )


async def rewind_pool(connection: Connection, project_id: int, campaign_id: UUID, after: UUID) -> None:
    """After the campaign's row, and last of all."""
    await connection.execute(
        "update publication_pool set after_id = $3, passed_over = '{}'"
        " where project_id = $1 and campaign_id = $2",
        project_id,
        campaign_id,
        after,
    )


async def remember_passed_over(
    connection: Connection, project_id: int, campaign_id: UUID, passed_over: Sequence[UUID]
) -> None:
    """After the campaign's row, and last of all."""
    await connection.execute(
        "update publication_pool set passed_over = $3 where project_id = $1 and campaign_id = $2",
        project_id,
        campaign_id,
        passed_over,
    )


# --- publishing ------------------------------------------------------------------------------------------


async def insert_publication(connection: Connection, values: dict[str, Any]) -> bool:
    """`values` by column. False if its source id is taken; who is just taking it is waited for."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    result = await connection.execute(
        f"insert into publication ({', '.join(values)}) values ({places})"
        " on conflict (project_id, source_id) where source_id is not null and result = 'SUCCESS' do nothing",
        *values.values(),
    )
    return result == "INSERT 0 1"


async def insert_publication_vouchers(
    connection: Connection, project_id: int, publication_id: UUID, vouchers: Sequence[Row]
) -> None:
    await connection.execute(
        "insert into publication_voucher (project_id, publication_id, position, voucher_id, code)"
        " select $1, $2, published.position, published.id, published.code"
        " from unnest($3::uuid[], $4::text[]) with ordinality as published (id, code, position)",
        project_id,
        publication_id,
        [row["id"] for row in vouchers],
        [row["code"] for row in vouchers],
    )


async def mark_published(
    connection: Connection,
    project_id: int,
    voucher_ids: Sequence[UUID],
    *,
    customer_id: UUID,
    revision: int | None,
    now: datetime | None,
) -> int:
    """Count one publication of each, and bind those that still followed their campaign to its revision; how
    many those were. `now` None: they were made for it, and have not changed since. They must be locked."""
    rows = await connection.fetch(
        "update voucher v set published_count = v.published_count + 1, holder_id = coalesce(v.holder_id, $3),"
        " revision = coalesce(v.revision, $4), updated_at = coalesce($5, v.updated_at)"
        " from voucher before where v.project_id = $1 and v.id = any($2)"
        " and before.project_id = v.project_id and before.id = v.id"
        " returning before.revision is null and v.revision is not null as bound",
        project_id,
        voucher_ids,
        customer_id,
        revision,
        now,
    )
    return sum(row["bound"] for row in rows)


async def write_window(
    connection: Connection,
    project_id: int,
    voucher_id: UUID,
    *,
    own: dict[str, Any],
    own_revision: int,
) -> None:
    await connection.execute(
        "update voucher set own = $3, own_revision = $4 where project_id = $1 and id = $2",
        project_id,
        voucher_id,
        own,
        own_revision,
    )


async def count_published_codes(
    connection: Connection, project_id: int, campaign_id: UUID, *, added: int, bound: int
) -> Row | None:
    """Count at the campaign what was made and bound; its newest (revision, vouchers_count). None: it is gone.

    To be called last in a transaction: the campaign's row stays locked from here to the commit.
    """
    return await connection.fetchrow(
        "update campaign set vouchers_count = vouchers_count + $3, bound_count = bound_count + $4"
        " where project_id = $1 and id = $2 and deleted_at is null returning revision, vouchers_count",
        project_id,
        campaign_id,
        added,
        bound,
    )


# --- reading ---------------------------------------------------------------------------------------------

SELECT = """
select p.*, cu.name as customer_name, cu.email as customer_email, cu.source_id as customer_source_id,
       cu.metadata as customer_metadata
from publication p
join customer cu on cu.project_id = p.project_id and cu.id = p.customer_id
left join campaign c on c.project_id = p.project_id and c.id = p.campaign_id and c.deleted_at is null
where p.project_id = $1
"""


async def find_by_id(connection: Connection, project_id: int, publication_id: UUID) -> Row | None:
    return await connection.fetchrow(SELECT + "and p.id = $2", project_id, publication_id)


async def find_by_source_id(connection: Connection, project_id: int, source_id: str) -> Row | None:
    """The successful one; failures leave a source id free."""
    return await connection.fetchrow(
        SELECT + "and p.source_id = $2 and p.result = 'SUCCESS'", project_id, source_id
    )


async def find_joined(
    connection: Connection, project_id: int, campaign_id: UUID, customer_id: UUID
) -> UUID | None:
    """The first publication by which a customer has a code of the campaign that is still there."""
    publication_id: UUID | None = await connection.fetchval(
        "select p.id from redeemable_holder h"
        " join voucher v on v.project_id = h.project_id and v.id = h.voucher_id and v.deleted_at is null"
        " join publication_voucher pv on pv.project_id = h.project_id and pv.voucher_id = h.voucher_id"
        " join publication p on p.project_id = h.project_id and p.id = pv.publication_id"
        "      and p.customer_id = h.customer_id and p.result = 'SUCCESS'"
        " where h.project_id = $1 and h.campaign_id = $2 and h.customer_id = $3 and h.role <> 'REFEREE'"
        " order by p.id limit 1",
        project_id,
        campaign_id,
        customer_id,
    )
    return publication_id


async def list_published_vouchers(
    connection: Connection, project_id: int, publication_ids: Sequence[UUID]
) -> list[Row]:
    """(publication_id, voucher_id, code) of all of them, in the order in which they were published."""
    return await connection.fetch(
        "select publication_id, voucher_id, code from publication_voucher"
        " where project_id = $1 and publication_id = any($2) order by publication_id, position",
        project_id,
        publication_ids,
    )


async def list_publications(
    connection: Connection, *, where: str, parameters: list[Any], order: str, limit: int, offset: int
) -> list[Row]:
    return await connection.fetch(
        f"{SELECT} {where} order by {order} limit {limit} offset {offset}", *parameters
    )


async def count_publications(connection: Connection, *, where: str, parameters: list[Any]) -> int:
    # Outer joins, which the planner leaves out where nothing asks for them.
    count: int = await connection.fetchval(
        "select count(*) from publication p"
        " left join customer cu on cu.project_id = p.project_id and cu.id = p.customer_id"
        " left join campaign c"
        "      on c.project_id = p.project_id and c.id = p.campaign_id and c.deleted_at is null"
        f" where p.project_id = $1 {where}",
        *parameters,
    )
    return count
