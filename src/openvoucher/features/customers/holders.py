"""Who holds a voucher: written when it is published or a referral code is used; read for customers' lists."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from openvoucher.features.customers.redeemable_schemas import (
    HolderRole,
    show_simple_holder,
    show_simple_voucher,
)
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.vouchers.schemas import show_voucher
from openvoucher.features.vouchers.service import Campaign, load_campaign, show_simple_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params
from openvoucher.wire.ids import new_id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewHolder:
    """`voucher_row`: as `vouchers.service.get_row` reads it, locked by the caller."""

    voucher_row: Row
    customer_id: UUID
    role: HolderRole
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)


async def add_holder(
    connection: Connection,
    call: Call,
    *,
    voucher_row: Row,
    customer_id: UUID,
    role: HolderRole,
    metadata: Mapping[str, Any] | None = None,
) -> Row:
    """`add_holders` of one; its row of redeemable_holder."""
    holder = NewHolder(voucher_row=voucher_row, customer_id=customer_id, role=role, metadata=metadata or {})
    (row,) = await add_holders(connection, call, [holder])
    return row


async def add_holders(connection: Connection, call: Call, holders: Sequence[NewHolder]) -> list[Row]:
    """Assign vouchers to customers in the caller's transaction, which holds their locks; rows in the order of
    `holders`.

    An assignment that is there already stays as it is, and no event tells of it. An owner or referrer
    becomes the holder that the voucher names, if it names none yet. A number of queries that grows with the
    campaigns only.
    """
    project_id = call.project.id
    made = await _insert_holders(connection, call, holders)
    found = await _find_holders(connection, project_id, holders)
    rows = [found[_key_of(holder)] for holder in holders]
    await _set_holder_ids(
        connection,
        project_id,
        {each.voucher_row["id"]: each.customer_id for each in holders if each.role != "REFEREE"},
    )
    if made:
        campaigns = await _load_campaigns(connection, project_id, holders)
        new = {row["id"]: (each, row) for each, row in zip(holders, rows, strict=True) if row["id"] in made}
        await emit_events(
            connection, call, *(_tell(call, holder, row, campaigns) for holder, row in new.values())
        )
    return rows


def _key_of(holder: NewHolder) -> tuple[UUID, UUID, str]:
    return holder.voucher_row["id"], holder.customer_id, holder.role


async def _load_campaigns(
    connection: Connection, project_id: int, holders: Sequence[NewHolder]
) -> dict[UUID | None, Campaign]:
    """Of all vouchers; as a rule they are of one."""
    wanted = {holder.voucher_row["campaign_id"] for holder in holders} - {None}
    campaigns = {}
    for campaign_id in sorted(wanted):
        campaign = await load_campaign(connection, project_id, campaign_id)
        if campaign is not None:
            campaigns[campaign_id] = campaign
    return campaigns


def _tell(call: Call, holder: NewHolder, row: Row, campaigns: Mapping[UUID | None, Campaign]) -> NewEvent:
    campaign = campaigns.get(row["campaign_id"])
    # As it is from now on.
    held = holder.voucher_row["holder_id"]
    if held is None and holder.role != "REFEREE":
        held = holder.customer_id
    voucher = show_simple_voucher(show_voucher({**holder.voucher_row, "holder_id": held}, {}, call))
    return NewEvent(
        type="customer.holder.assignment.created",
        customer_id=row["customer_id"],
        campaign_id=row["campaign_id"],
        data={
            "holder": show_simple_holder(row, voucher, campaign),
            "voucher": voucher,
            "campaign": show_simple_campaign(campaign) if campaign else None,
        },
    )


# --- SQL -----------------------------------------------------------------------------------------------


async def _insert_holders(connection: Connection, call: Call, holders: Sequence[NewHolder]) -> set[UUID]:
    """Ids of those that were not there yet."""
    # In one order, so that two who insert the same ones wait for each other in one direction only.
    ordered = sorted(holders, key=_key_of)
    rows = await connection.fetch(
        "insert into redeemable_holder"
        " (project_id, id, voucher_id, customer_id, campaign_id, role, metadata, created_at)"
        " select $1, holder.*, $8 from"
        " unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb[]) as holder"
        " on conflict on constraint redeemable_holder_is_unique do nothing returning id",
        call.project.id,
        [new_id() for _ in ordered],
        [holder.voucher_row["id"] for holder in ordered],
        [holder.customer_id for holder in ordered],
        [holder.voucher_row["campaign_id"] for holder in ordered],
        [holder.role for holder in ordered],
        [dict(holder.metadata) for holder in ordered],
        call.now,
    )
    return {row["id"] for row in rows}


async def _find_holders(
    connection: Connection, project_id: int, holders: Sequence[NewHolder]
) -> dict[tuple[UUID, UUID, str], Row]:
    rows = await connection.fetch(
        "select h.* from redeemable_holder h"
        " join unnest($2::uuid[], $3::uuid[], $4::text[]) as wanted (voucher_id, customer_id, role)"
        " using (voucher_id, customer_id, role) where h.project_id = $1",
        project_id,
        [holder.voucher_row["id"] for holder in holders],
        [holder.customer_id for holder in holders],
        [holder.role for holder in holders],
    )
    return {(row["voucher_id"], row["customer_id"], row["role"]): row for row in rows}


async def _set_holder_ids(connection: Connection, project_id: int, customer_ids: Mapping[UUID, UUID]) -> None:
    """`customer_ids`: by voucher. The vouchers are locked."""
    if customer_ids:
        await connection.execute(
            "update voucher v set holder_id = held.customer_id"
            " from unnest($2::uuid[], $3::uuid[]) as held (voucher_id, customer_id)"
            " where v.project_id = $1 and v.id = held.voucher_id"
            " and v.holder_id is null",
            project_id,
            [*customer_ids.keys()],
            [*customer_ids.values()],
        )


# What a customer holds. Vouchers in the bin, and those of campaigns there, are not to be seen.
_HELD = (
    " from redeemable_holder h"
    " join voucher v on v.project_id = h.project_id and v.id = h.voucher_id"
    " left join campaign c on c.project_id = v.project_id and c.id = v.campaign_id"
    " where h.project_id = $1 and v.deleted_at is null and c.deleted_at is null"
)


async def list_holders(
    connection: Connection, *, where: str, params: Params, paging: str, ascending: bool, limit: int
) -> list[Row]:
    """With the type of the campaign, and whether it is active. `where` and `paging`: conditions."""
    return await connection.fetch(
        "select h.*, c.campaign_type, coalesce(c.active, true) as campaign_active"
        f"{_HELD} and {where} and {paging} order by h.id {'asc' if ascending else 'desc'} limit {limit}",
        *params.values,
    )


async def count_holders(connection: Connection, *, where: str, params: Params) -> int:
    count: int = await connection.fetchval(f"select count(*){_HELD} and {where}", *params.values)
    return count
