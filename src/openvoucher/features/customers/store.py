"""SQL of customers, and of what other tables say of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvoucher.features.terms.columns import effective_json
from openvoucher.platform.db import Connection, Row

_THERE = "select * from customer where project_id = $1 and deleted_at is null"

# --- customers -----------------------------------------------------------------------------------------


async def find_by_id(
    connection: Connection, project_id: int, customer_id: UUID, *, lock: bool = False
) -> Row | None:
    return await connection.fetchrow(f"{_THERE} and id = $2{_locking(lock)}", project_id, customer_id)


async def find_by_source_id(
    connection: Connection, project_id: int, source_id: str, *, lock: bool = False
) -> Row | None:
    return await connection.fetchrow(f"{_THERE} and source_id = $2{_locking(lock)}", project_id, source_id)


async def find_any_by_id(connection: Connection, project_id: int, customer_id: UUID) -> Row | None:
    """Locked, whether it was deleted or not."""
    return await connection.fetchrow(
        "select * from customer where project_id = $1 and id = $2 for update", project_id, customer_id
    )


async def list_by_ids(connection: Connection, project_id: int, customer_ids: Sequence[UUID]) -> list[Row]:
    """Deleted ones, too."""
    return await connection.fetch(
        "select * from customer where project_id = $1 and id = any($2)", project_id, customer_ids
    )


def _locking(lock: bool) -> str:
    # One row of one table: who waits for the lock gets the row as it is then, or none if it was deleted.
    return " for no key update" if lock else ""


async def insert_customer(connection: Connection, project_id: int, values: dict[str, Any]) -> Row | None:
    """`values` by column. None if there is one with this source id by now; who is just inserting it is
    waited for."""
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(2, len(values) + 2))
    return await connection.fetchrow(
        f"insert into customer (project_id, {names}) values ($1, {places})"
        " on conflict (project_id, source_id) where deleted_at is null do nothing returning *",
        project_id,
        *values.values(),
    )


async def update_customer(
    connection: Connection, project_id: int, customer_id: UUID, values: dict[str, Any]
) -> Row:
    """`values` by column. The row must be locked."""
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 3))
    row = await connection.fetchrow(
        f"update customer set {changes} where project_id = $1 and id = $2 returning *",
        project_id,
        customer_id,
        *values.values(),
    )
    assert row is not None  # noqa: S101 - it is locked
    return row


async def list_customers(
    connection: Connection, *, where: str, parameters: list[Any], order: str, limit: int | None, offset: int
) -> list[Row]:
    paging = f"limit {limit} offset {offset}" if limit is not None else ""
    return await connection.fetch(
        "select c.* from customer c where c.project_id = $1 and c.deleted_at is null"
        f" {where} order by {order} {paging}",
        *parameters,
    )


async def count_customers(connection: Connection, *, where: str, parameters: list[Any]) -> int:
    count: int = await connection.fetchval(
        f"select count(*) from customer c where c.project_id = $1 and c.deleted_at is null {where}",
        *parameters,
    )
    return count


async def list_selected_ids(
    connection: Connection, *, selection: str, parameters: list[Any], order: str, limit: int, offset: int
) -> tuple[list[UUID], int]:
    """A page of a selection that is dear to make, and how many it has: it is made once for both.

    `selection` is what a `select ... from` goes on with, over `customer c`.
    """
    row = await connection.fetchrow(
        "with selected as materialized"
        f" (select c.id, c.created_at, c.updated_at, c.source_id from {selection})"
        f" select array(select c.id from selected c order by {order} limit {limit} offset {offset}) as page,"
        " (select count(*) from selected) as total",
        *parameters,
    )
    assert row is not None  # noqa: S101 - a select without a table has one row
    return row["page"], row["total"]


async def count_all_customers(connection: Connection, project_id: int) -> int:
    """All that are there, without visiting them."""
    count: int = await connection.fetchval(
        "select coalesce(sum(change), 0)::bigint from customer_count where project_id = $1", project_id
    )
    return count


async def fold_counts(connection: Connection, project_id: int) -> None:
    """Make one row of the many that count customers. What others just write or fold is left alone."""
    await connection.execute(
        "with folded as (delete from customer_count where project_id = $1 and id in"
        "  (select id from customer_count where project_id = $1 limit 10000 for update skip locked)"
        "  returning change)"
        " insert into customer_count (project_id, change) select $1, sum(change) from folded"
        " having count(*) > 0",
        project_id,
    )


# --- what other objects say of them ----------------------------------------------------------------------


async def sum_orders(connection: Connection, project_id: int, customer_ids: Sequence[UUID]) -> list[Row]:
    """Of each customer with paid or fulfilled orders: their number, sum and average, and the latest."""
    return await connection.fetch(
        "select customer_id, count(*) as total_count, sum(amount)::bigint as total_amount,"
        " round(avg(amount))::bigint as average_amount,"
        " (array_agg(amount order by created_at desc, id desc))[1] as last_order_amount,"
        " max(created_at) as last_order_date"
        " from (select customer_id, id, created_at, coalesce(total_amount, 0) as amount"
        "       from shop_order where project_id = $1 and customer_id = any($2)"
        "       and status in ('PAID', 'FULFILLED')) counted"
        " group by customer_id",
        project_id,
        customer_ids,
    )


# What a card started with, which it holds until its ledger begins.
_STARTED = (
    f"(case v.type when 'GIFT_VOUCHER' then {effective_json('gift')} ->> 'amount'"
    f" else {effective_json('loyalty_card')} ->> 'points' end)::bigint"
)
_LEFT = (
    "case when h.role <> 'OWNER' or v.type = 'DISCOUNT_VOUCHER' then 0"
    f" else coalesce(v.balance, {_STARTED}, 0) end"
)


async def sum_holdings(connection: Connection, project_id: int, customer_ids: Sequence[UUID]) -> list[Row]:
    """Of each customer what it holds, by role, type of voucher and campaign: what is left on the cards.
    Coupons are not listed, referral codes and referrals are."""
    return await connection.fetch(
        "select h.customer_id, h.role, v.type::text as type, c.name as campaign, c.campaign_type,"
        f" sum({_LEFT})::bigint as balance"
        " from redeemable_holder h"
        " join voucher v on v.project_id = h.project_id and v.id = h.voucher_id"
        " left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
        " left join campaign_revision r on r.project_id = v.project_id and r.campaign_id = v.campaign_id"
        "      and r.revision = coalesce(v.revision, c.revision)"
        " where h.project_id = $1 and h.customer_id = any($2)"
        " and (h.role <> 'OWNER' or v.type <> 'DISCOUNT_VOUCHER' or c.campaign_type = 'REFERRAL_PROGRAM')"
        " and v.deleted_at is null and c.deleted_at is null"
        " group by h.customer_id, h.role, v.type, c.id, c.name, c.campaign_type"
        " order by h.customer_id, c.name",
        project_id,
        customer_ids,
    )


async def count_referees(connection: Connection, project_id: int, customer_ids: Sequence[UUID]) -> list[Row]:
    """Of each customer how many others its codes have referred, by campaign, and of all campaigns
    (`campaign` null, `overall`): who was referred in two of them counts once there."""
    return await connection.fetch(
        "select h.customer_id, c.name as campaign, grouping(c.name) = 1 as overall,"
        " count(distinct e.customer_id) as referees"
        " from redeemable_holder h"
        " join redeemable_holder e on e.project_id = h.project_id and e.voucher_id = h.voucher_id"
        "      and e.role = 'REFEREE'"
        " left join campaign c on c.project_id = h.project_id and c.id = h.campaign_id"
        " where h.project_id = $1 and h.customer_id = any($2) and h.role = 'REFERRER'"
        " group by grouping sets ((h.customer_id, c.name), (h.customer_id))",
        project_id,
        customer_ids,
    )


async def list_referrals(connection: Connection, project_id: int, customer_ids: Sequence[UUID]) -> list[Row]:
    """Of each customer by whom it was referred, the earliest first."""
    return await connection.fetch(
        "select h.customer_id, h.id, h.campaign_id, h.metadata, h.created_at,"
        " referrer.customer_id as referrer_id"
        " from redeemable_holder h"
        " cross join lateral (select f.customer_id from redeemable_holder f"
        "      where f.project_id = h.project_id and f.voucher_id = h.voucher_id and f.role = 'REFERRER'"
        "      order by f.id limit 1) referrer"
        " where h.project_id = $1 and h.customer_id = any($2) and h.role = 'REFEREE'"
        " order by h.customer_id, h.id",
        project_id,
        customer_ids,
    )


# --- deletion ------------------------------------------------------------------------------------------


async def delete_what_ends_with_it(connection: Connection, project_id: int, customer_id: UUID) -> None:
    """A deleted customer is in no segment, and its custom events are gone."""
    for table in ("segment_member", "custom_event"):
        await connection.execute(
            f"delete from {table} where project_id = $1 and customer_id = $2", project_id, customer_id
        )


async def lock_what_refers_to_it(connection: Connection, project_id: int, customer_id: UUID) -> None:
    """Its orders and the vouchers it holds, each in the order of their ids, as everybody locks them."""
    await connection.execute(
        "select 1 from shop_order where project_id = $1 and id in"
        " (select id from shop_order where project_id = $1 and customer_id = $2"
        "  union select id from shop_order where project_id = $1 and referrer_id = $2)"
        " order by id for update",
        project_id,
        customer_id,
    )
    await connection.execute(
        "select 1 from voucher where project_id = $1 and holder_id = $2 order by id for no key update",
        project_id,
        customer_id,
    )


_REMOVALS = {
    "events": "delete from custom_event where project_id = $1 and customer_id = $2",
    "order_events": "delete from customer_activity where project_id = $1 and customer_id = $2"
    " and type like 'customer.order.%'",
    "customer_events": "delete from customer_activity where project_id = $1 and customer_id = $2",
    "segments": "delete from segment_member where project_id = $1 and customer_id = $2",
    "orders": "delete from shop_order where project_id = $1 and customer_id = $2",
    "referred_orders": "update shop_order set referrer_id = null where project_id = $1 and referrer_id = $2",
    "publications": "delete from publication where project_id = $1 and customer_id = $2",
    "holders": "delete from redeemable_holder where project_id = $1 and customer_id = $2",
    "vouchers": "update voucher set holder_id = null where project_id = $1 and holder_id = $2",
    # What is being told at this moment is locked; who tells it waits for the customer, and finds none.
    "outbox": "delete from outbox where project_id = $1 and id in"
    " (select id from outbox where project_id = $1 and customer_id = $2 for update skip locked)",
    "customer": "delete from customer where project_id = $1 and id = $2",
}


async def delete_with_all_that_refers_to_it(
    connection: Connection, project_id: int, customer_id: UUID
) -> dict[str, int]:
    """How many rows of each kind are gone. The customer and what refers to it must be locked."""
    counts = {}
    for name, statement in _REMOVALS.items():
        result = await connection.execute(statement, project_id, customer_id)
        counts[name] = int(result.rpartition(" ")[2])
    return counts


async def mark_deleted(
    connection: Connection, project_id: int, customer_id: UUID, *, source_id: str | None, now: datetime
) -> Row:
    """`source_id`: what it is called from now on."""
    return await update_customer(
        connection, project_id, customer_id, {"source_id": source_id, "deleted_at": now}
    )
