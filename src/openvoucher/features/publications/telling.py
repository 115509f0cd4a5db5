"""Publications as callers and listeners are told of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UnsetType

from openvoucher.features.customers.schemas import CustomerBody
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.publications import store
from openvoucher.features.publications.schemas import (
    ListedPublication,
    Publication,
    shorten_voucher,
    show_listed_publication,
    show_publication,
)
from openvoucher.features.vouchers.batches import list_rows
from openvoucher.features.vouchers.schemas import Voucher, show_voucher
from openvoucher.features.vouchers.service import Campaign, load_categories_of, show_simple_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.ids import new_id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be published, however it was asked for. `voucher`: code or id; `campaign`: name or id; one
    of them is there. `count`: codes of the campaign."""

    customer: CustomerBody
    voucher: str | None
    campaign: str | None
    count: int
    join_once: bool
    source_id: str | None
    channel: str
    metadata: dict[str, Any]


def make_values(call: Call, request: Request, campaign_id: UUID | None, customer: Row) -> dict[str, Any]:
    """The row of a new publication, by column."""
    return {
        "project_id": call.project.id,
        "id": new_id(),
        "customer_id": customer["id"],
        "campaign_id": campaign_id,
        "source_id": request.source_id,
        "channel": request.channel,
        "metadata": request.metadata,
        "result": "SUCCESS",
        "failure_code": None,
        "failure_message": None,
        "created_at": call.now,
    }


def name_customer(customer: Row) -> dict[str, Any]:
    """The columns of a customer that publications are read with."""
    return {f"customer_{field}": customer[field] for field in ("name", "email", "source_id", "metadata")}


# --- to callers ----------------------------------------------------------------------------------------


async def show_new(
    connection: Connection, call: Call, row: Mapping[str, Any], vouchers: Sequence[Row]
) -> Publication:
    """`row`: the new publication with its customer."""
    published = [{"voucher_id": voucher["id"], "code": voucher["code"]} for voucher in vouchers]
    voucher = await _show_only(connection, call, vouchers)
    return show_publication(row, published, voucher, call.project)


async def show_stored(connection: Connection, call: Call, row: Row, published: Sequence[Row]) -> Publication:
    """`published`: (voucher_id, code) of each voucher. One that is gone by now is told by its code alone."""
    voucher = None
    if len(published) == 1:
        rows = await list_rows(connection, call.project.id, [published[0]["voucher_id"]])
        voucher = await _show_only(connection, call, [*rows.values()])
    return show_publication(row, published, voucher, call.project)


async def _show_only(connection: Connection, call: Call, vouchers: Sequence[Row]) -> Voucher | None:
    """In full, if it is one."""
    if len(vouchers) != 1:
        return None
    return show_voucher(vouchers[0], await load_categories_of(connection, call, [*vouchers]), call)


async def show_page(connection: Connection, call: Call, rows: Sequence[Row]) -> list[ListedPublication]:
    """A number of queries that does not depend on the page."""
    published: dict[UUID, list[Row]] = {row["id"]: [] for row in rows}
    for each in await store.list_published_vouchers(connection, call.project.id, [*published]):
        published[each["publication_id"]].append(each)
    only = [vouchers[0]["voucher_id"] for vouchers in published.values() if len(vouchers) == 1]
    found = await list_rows(connection, call.project.id, only) if only else {}
    listed = []
    for row in rows:
        vouchers = published[row["id"]]
        voucher = found.get(vouchers[0]["voucher_id"]) if len(vouchers) == 1 else None
        short = shorten_voucher(show_voucher(voucher, {}, call, in_list=True)) if voucher else None
        listed.append(show_listed_publication(row, vouchers, short, call.project))
    return listed


# --- to listeners --------------------------------------------------------------------------------------


async def tell(
    connection: Connection,
    call: Call,
    row: Mapping[str, Any],
    vouchers: Sequence[Row],
    voucher: Voucher | UnsetType | None,
    campaign: Campaign | None,
) -> None:
    """One event of a publication, succeeded or failed. `voucher`: the only one, in full."""
    published = [{"voucher_id": each["id"], "code": each["code"]} for each in vouchers]
    short = shorten_voucher(voucher) if isinstance(voucher, Voucher) else None
    listed = show_listed_publication(row, published, short, call.project)
    event = NewEvent(
        type=f"customer.publication.{'succeeded' if row['result'] == 'SUCCESS' else 'failed'}",
        customer_id=row["customer_id"],
        campaign_id=row["campaign_id"],
        data={
            "campaign": show_simple_campaign(campaign) if campaign else None,
            "publication": msgspec.to_builtins(listed),
        },
    )
    await emit_events(connection, call, event)
