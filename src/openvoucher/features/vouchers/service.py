"""Vouchers one by one: made, read, changed, deleted. (Bulk: code_generation, code_imports, bulk_updates.)"""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET

from openvoucher.engine.codes import MAX_CODE_LENGTH, CodePattern
from openvoucher.engine.inheritance import live_overrides
from openvoucher.features.categories.schemas import Category
from openvoucher.features.categories.service import load_categories
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.terms.service import (
    category_of,
    check_object_metadata,
    check_validity,
    read_category,
    read_code_config,
    read_discount,
    read_validity,
    resolve_terms,
)
from openvoucher.features.trash_bin.service import add_bin_entry
from openvoucher.features.vouchers import store
from openvoucher.features.vouchers.campaigns import Campaign as Campaign
from openvoucher.features.vouchers.campaigns import find_campaign as find_campaign
from openvoucher.features.vouchers.campaigns import load_campaign as load_campaign
from openvoucher.features.vouchers.campaigns import show_simple_campaign as show_simple_campaign
from openvoucher.features.vouchers.creation import read_overrides
from openvoucher.features.vouchers.drawing import draw_candidates
from openvoucher.features.vouchers.listing import compile_query
from openvoucher.features.vouchers.schemas import (
    ForceQuery,
    Voucher,
    VoucherCreate,
    VoucherList,
    VoucherQuery,
    VoucherUpdate,
    show_voucher,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import (
    duplicate_found,
    invalid_campaign,
    invalid_code_config,
    invalid_payload,
    invalid_voucher,
    limit_exceeded,
    not_found,
)
from openvoucher.wire.ids import new_id, parse_id

# --- for callers -----------------------------------------------------------------------------------


async def create_random_voucher(call: Call, body: VoucherCreate) -> Voucher:
    """`code` of the body wins over its code config; without both it is eight random characters."""
    return await _create(call, body, body.code, generated=True)


async def create_voucher(call: Call, code: str, body: VoucherCreate) -> Voucher:
    return await _create(call, body, code, generated=False)


async def get_voucher(call: Call, code: str) -> Voucher:
    async with call.db.connection() as connection:
        return await _show(connection, call, await get_row(connection, call.project.id, code))


async def list_vouchers(call: Call, query: VoucherQuery) -> VoucherList:
    offset = query.offset()
    async with call.db.connection() as connection:
        compiled = await compile_query(connection, call, query)
        rows = await store.list_vouchers(
            connection,
            call.project.id,
            where=compiled.where,
            parameters=compiled.parameters,
            order=compiled.order,
            paging=f"limit {query.limit} offset {offset}",
        )
        if compiled.counted:
            total = await store.count_campaign_vouchers(
                connection, call.project.id, name=query.campaign, campaign_id=query.campaign_id
            )
        elif compiled.where:
            total = await store.count_vouchers(
                connection, call.project.id, where=compiled.where, parameters=compiled.parameters
            )
        else:
            total = await store.count_all_vouchers(connection, call.project.id)
        categories = await load_categories_of(connection, call, rows)
    return VoucherList(
        vouchers=[show_voucher(row, categories, call, in_list=True) for row in rows], total=total
    )


async def update_voucher(call: Call, code: str, body: VoucherUpdate) -> Voucher:
    async with call.db.transaction() as connection:
        row = await get_row(connection, call.project.id, code, lock=True)
        changes = read_validity(body)
        if body.additional_info is not UNSET:
            changes["additional_info"] = body.additional_info
        category = await read_category(connection, call.project.id, body)
        if category is not UNSET:
            changes["category_id"] = category
        if body.discount is not None:
            stored = (resolve_terms(row).get("discount") or {}).get("type")
            if stored != body.discount.type:
                raise invalid_voucher("It is not possible to change Voucher discount type")
            changes["discount"] = read_discount(body.discount)
        if body.redemption is not None and body.redemption.quantity is not UNSET:
            changes["redemption_quantity"] = body.redemption.quantity
        metadata = body.metadata if isinstance(body.metadata, dict) else {}
        if metadata:
            await check_object_metadata(connection, call.project.id, "voucher", metadata, partial=True)
        active = row["active"] if body.active is None else body.active
        await write_own(connection, row, changes, metadata, active=active, now=call.now)
        row = await get_row(connection, call.project.id, code)
        if changes:
            check_validity(resolve_terms(row))
        return await _show(connection, call, row)


async def delete_voucher(call: Call, code: str, query: ForceQuery) -> None:
    """Into the bin, where its code stays reserved; with `force` for good."""
    async with call.db.transaction() as connection:
        row = await get_row(connection, call.project.id, code, lock=True)
        if row["holder_id"]:
            await _tell_holder(connection, call, row)
        if query.force:
            await store.delete_voucher(connection, call.project.id, row["id"])
        else:
            await store.bin_voucher(connection, call.project.id, row["id"], call.now)
            await add_bin_entry(
                connection,
                call,
                resource_type="voucher",
                resource_id=row["id"],
                name=row["code"],
                parent_id=row["campaign_id"],
            )
        await _count_deleted(connection, call, row)


async def enable_voucher(call: Call, code: str) -> Voucher:
    return await _set_active(call, code, True)


async def disable_voucher(call: Call, code: str) -> Voucher:
    return await _set_active(call, code, False)


# --- for other features ----------------------------------------------------------------------------


async def get_row(connection: Connection, project_id: int, code: str, *, lock: bool = False) -> Row:
    """The voucher by id or code, with what it inherits; `lock` keeps others from changing it.
    Raises not_found."""
    voucher_id = parse_id("v", code)
    row = None
    if voucher_id is not None:
        row = await store.find_by_id(connection, project_id, voucher_id)
    if row is None:
        row = await store.find_by_code(connection, project_id, code)
    if row is not None and lock:
        await store.lock_voucher(connection, project_id, row["id"])
        row = await store.find_by_id(connection, project_id, row["id"])
    if row is None:
        raise not_found("voucher", code)
    return row


async def insert_voucher(
    connection: Connection,
    call: Call,
    *,
    campaign: Campaign | None,
    type: str,
    code: str | None,
    pattern: CodePattern | None,
    own: dict[str, Any] | None,
    active: bool = True,
) -> UUID:
    """Add one voucher and count it, in the caller's transaction.

    Without `code` a free one is drawn from `pattern`. Raises duplicate_found, invalid_payload for a
    code that is too long, invalid_code_config when no free code was found, not_found if the
    campaign has just been deleted, invalid_campaign if its one code has just been added,
    invalid_campaign_params if it has as many codes as it may have.
    """
    voucher_id = await insert_uncounted_voucher(
        connection, call, campaign=campaign, type=type, code=code, pattern=pattern, own=own, active=active
    )
    if campaign is not None:
        await add_to_campaign_day(connection, call, campaign.id, created_counters(campaign, own, 1))
        # Last, because the campaign's row stays locked from here to the commit.
        count = await store.count_new_vouchers(connection, call.project.id, campaign.id, added=1)
        if count is None:
            raise not_found("campaign", campaign.name)
        if campaign.type == "STANDALONE" and count > 1:
            # Another added the one code after this call had looked for it.
            raise _no_room_in_standalone()
        most = call.settings.max_codes_per_campaign
        if most and count > most:
            raise limit_exceeded(f"A campaign can have at most {most} vouchers")
    return voucher_id


async def insert_uncounted_voucher(
    connection: Connection,
    call: Call,
    *,
    campaign: Campaign | None,
    type: str,
    code: str | None,
    pattern: CodePattern | None,
    own: dict[str, Any] | None,
    active: bool = True,
) -> UUID:
    """`insert_voucher` for who counts at the end of a longer transaction. Raises duplicate_found,
    invalid_payload, invalid_code_config."""
    voucher_id = new_id()

    async def insert(candidate: str) -> bool:
        return await store.insert_voucher(
            connection,
            project_id=call.project.id,
            voucher_id=voucher_id,
            code=candidate,
            campaign_id=campaign.id if campaign else None,
            own_revision=campaign.revision if campaign else 0,
            type=type,
            active=active,
            own=own or None,
            now=call.now,
        )

    if code is not None:
        # A code of the path comes here unchecked, and no index holds one of any length.
        if len(code) > MAX_CODE_LENGTH:
            raise invalid_payload(f"Property .code must NOT have more than {MAX_CODE_LENGTH} characters")
        if not await insert(code):
            raise duplicate_found("voucher", "id", code)
        return voucher_id
    assert pattern is not None  # noqa: S101 - the caller gives a code or a pattern
    async for candidate in draw_candidates(connection, call.project.id, pattern):
        if await insert(candidate):
            return voucher_id
    raise invalid_code_config("Not possible to generate requested number of codes.")


def created_counters(campaign: Campaign, own: dict[str, Any] | None, count: int) -> dict[str, int]:
    """What `count` new codes with these overrides add to the campaign's summary of the day."""
    terms = {**campaign.terms, **(own or {})}
    counters = {"vouchers_created": count}
    if campaign.campaign_type == "GIFT_VOUCHERS":
        counters["created_vouchers_amount"] = count * (terms.get("gift") or {}).get("amount", 0)
    if campaign.campaign_type == "LOYALTY_PROGRAM":
        counters["created_vouchers_points"] = count * (terms.get("loyalty_card") or {}).get("points", 0)
    return counters


def deleted_counters(row: Row) -> dict[str, int]:
    """What the end of a voucher adds to its campaign's summary of the day."""
    counters = {"vouchers_deleted": 1}
    if row["type"] != "DISCOUNT_VOUCHER":
        unit = "amount" if row["type"] == "GIFT_VOUCHER" else "points"
        counters[f"{unit}_deleted"] = find_balance(row)
    return counters


async def write_own(
    connection: Connection,
    row: Row,
    changes: dict[str, Any],
    metadata: dict[str, Any],
    *,
    active: bool,
    now: datetime,
) -> None:
    """Lay changes over what the voucher overrides already. The row must be locked."""
    revision = row["revision"] or row["newest_revision"] or 0
    # Overrides that a later update of the campaign has replaced must not come back to life now.
    own = live_overrides(row["own"], row["own_revision"], row["sent"] or {})
    own |= changes
    if metadata:
        own["metadata"] = {**own.get("metadata", {}), **metadata}
    await store.update_voucher(
        connection,
        project_id=row["project_id"],
        voucher_id=row["id"],
        own=own or None,
        own_revision=revision,
        active=active,
        now=now,
    )


async def lock_rows(connection: Connection, project_id: int, voucher_ids: list[UUID]) -> dict[UUID, Row]:
    """Vouchers by id, locked in the order of their ids, with what they inherit; without those that
    are gone by now."""
    await store.lock_vouchers(connection, project_id, sorted(voucher_ids))
    return {row["id"]: row for row in await store.list_by_ids(connection, project_id, voucher_ids)}


async def load_categories_of(connection: Connection, call: Call, rows: list[Row]) -> dict[UUID, Category]:
    """The categories that these vouchers show; no query if they have none."""
    if any(category_of(resolve_terms(row)) for row in rows):
        return await load_categories(connection, call.project.id)
    return {}


async def add_to_campaign_day(
    connection: Connection, call: Call, campaign_id: UUID, counters: dict[str, int]
) -> None:
    """Add to the campaign's summary of today, in the project's time zone."""
    day = call.now.astimezone(call.project.timezone).date()
    await store.add_to_day(connection, call.project.id, campaign_id, day, counters)


def find_balance(row: Row) -> int:
    """What is left on a card: minor units or points. Without a ledger it is what the card started with."""
    if row["balance"] is not None:
        balance: int = row["balance"]
        return balance
    terms = resolve_terms(row)
    benefit = terms.get("gift") if row["type"] == "GIFT_VOUCHER" else terms.get("loyalty_card")
    started_with: int = (benefit or {}).get("amount" if row["type"] == "GIFT_VOUCHER" else "points", 0)
    return started_with


async def purge_voucher(connection: Connection, call: Call, voucher_id: UUID) -> None:
    """Remove a voucher that is in the bin for good. Its campaign does not count it any more."""
    await store.delete_voucher(connection, call.project.id, voucher_id)


async def show_voucher_by_id(connection: Connection, call: Call, voucher_id: UUID) -> Voucher:
    """Raises LookupError if it is not there."""
    row = await store.find_by_id(connection, call.project.id, voucher_id)
    if row is None:
        raise LookupError(f"voucher {voucher_id}")
    return await _show(connection, call, row)


# --- inside ------------------------------------------------------------------------------------------


async def _create(call: Call, body: VoucherCreate, code: str | None, *, generated: bool) -> Voucher:
    async with call.db.transaction() as connection:
        campaign = None
        sent_campaign = body.campaign_id or body.campaign
        if sent_campaign:
            campaign = await find_campaign(connection, call.project.id, sent_campaign)
            _check_campaign(campaign, body, generated=generated)
        own = await read_overrides(connection, call, body, inherited=campaign.terms if campaign else None)
        inherited_config = campaign.code_config if campaign else None
        _, pattern = read_code_config(body.code_config, inherited=inherited_config)
        voucher_id = await insert_voucher(
            connection,
            call,
            campaign=campaign,
            type=body.type,
            code=code,
            pattern=pattern,
            own=own,
            active=body.active is not False,
        )
        return await show_voucher_by_id(connection, call, voucher_id)


def _check_campaign(campaign: Campaign, body: VoucherCreate, *, generated: bool) -> None:
    if campaign.voucher_type != body.type:
        raise invalid_voucher(f"Voucher type {body.type} does not fit {campaign.campaign_type} campaign")
    if campaign.type == "STANDALONE" and (generated or campaign.vouchers_count > 0):
        raise _no_room_in_standalone()


def _no_room_in_standalone() -> Exception:
    return invalid_campaign("You can not generate vouchers for STANDALONE type campaign.")


async def _set_active(call: Call, code: str, active: bool) -> Voucher:
    async with call.db.transaction() as connection:
        row = await get_row(connection, call.project.id, code, lock=True)
        if row["active"] != active:
            await write_own(connection, row, {}, {}, active=active, now=call.now)
            row = await get_row(connection, call.project.id, code)
        return await _show(connection, call, row)


async def _show(connection: Connection, call: Call, row: Row) -> Voucher:
    return show_voucher(row, await load_categories_of(connection, call, [row]), call)


async def _count_deleted(connection: Connection, call: Call, row: Row) -> None:
    if row["campaign_id"] is not None:
        await add_to_campaign_day(connection, call, row["campaign_id"], deleted_counters(row))
        await store.uncount_vouchers(
            connection, call.project.id, row["campaign_id"], removed=1, bound=int(row["revision"] is not None)
        )


async def _tell_holder(connection: Connection, call: Call, row: Row) -> None:
    """A voucher that somebody holds is being deleted."""
    campaign = row["campaign_id"] and await load_campaign(connection, call.project.id, row["campaign_id"])
    event = NewEvent(
        type="customer.voucher.deleted",
        customer_id=row["holder_id"],
        campaign_id=row["campaign_id"],
        data={
            "campaign": show_simple_campaign(campaign) if campaign else None,
            "voucher": await _show(connection, call, row),
        },
    )
    await emit_events(connection, call, event)
