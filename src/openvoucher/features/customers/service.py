"""Customers one by one: made, read, changed, deleted. (Many: imports, bulk. For good: permanent_deletion.)"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from openvoucher.features.customers import store
from openvoucher.features.customers.changes import find_changes, read_fields
from openvoucher.features.customers.holders import NewHolder as NewHolder
from openvoucher.features.customers.holders import add_holder as add_holder
from openvoucher.features.customers.holders import add_holders as add_holders
from openvoucher.features.customers.portions import store_bodies
from openvoucher.features.customers.schemas import (
    ConsentList,
    Customer,
    CustomerAssets,
    CustomerBody,
    CustomerSegmentList,
    EmptyList,
    show_customer,
)
from openvoucher.features.customers.summary import compute_parts
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.features.segments import service as segments
from openvoucher.features.terms.service import check_object_metadata
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.jobs import Run
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import multiple_requests, not_found
from openvoucher.wire.ids import new_id, parse_id

# Each try but the last was crossed by a creation and a deletion of the same source id.
_TRIES: Final = 5
# Each customer adds a row to their count; one in so many sums them up.
_FOLD_EVERY: Final = 256

# --- for callers -----------------------------------------------------------------------------------


async def create_customer(call: Call, body: CustomerBody) -> Customer:
    """A customer that is there already is changed."""
    async with call.db.transaction() as connection:
        row = await upsert_customer(connection, call, body)
        return await _show(connection, call, row)


async def get_customer(call: Call, customer_id: str) -> Customer:
    """By id or source id."""
    async with call.db.connection() as connection:
        row = await find_customer(connection, call.project.id, customer_id)
        customer = await _show(connection, call, row)
    customer.assets = CustomerAssets()
    return customer


async def update_customer(call: Call, customer_id: str, body: CustomerBody) -> Customer:
    """The ids in the body do not count: nobody's source id ever changes."""
    async with call.db.transaction() as connection:
        row = await find_customer(connection, call.project.id, customer_id, lock=True)
        return await _show(connection, call, await _update(connection, call, row, body))


async def delete_customer(call: Call, customer_id: str) -> None:
    """Out of sight; what refers to it stays, and its source id is free."""
    async with call.db.transaction() as connection:
        row = await find_customer(connection, call.project.id, customer_id, lock=True)
        await store.delete_what_ends_with_it(connection, call.project.id, row["id"])
        source_id = row["source_id"]
        if source_id is not None:
            source_id = f"{source_id}_deleted{format_instant(call.now)}"
        row = await store.mark_deleted(
            connection, call.project.id, row["id"], source_id=source_id, now=call.now
        )
        # Nobody can look it up any more: the event brings it along.
        customer = msgspec.to_builtins(await _show(connection, call, row))
        event = NewEvent(type="customer.deleted", customer_id=row["id"], data={"customer": customer})
        await emit_events(connection, call, event)
        if row["id"].int % _FOLD_EVERY == 0:
            await store.fold_counts(connection, call.project.id)


async def list_customer_segments(call: Call, customer_id: str) -> CustomerSegmentList:
    """Who is not there is no 404: segments by rule are asked about somebody of whom nothing is known."""
    async with call.db.connection() as connection:
        row = await _look_up(connection, call.project.id, customer_id)
    listed = await segments.list_customer_segments(call, row)
    return CustomerSegmentList(data=listed, total=len(listed))


async def list_consents(call: Call) -> ConsentList:
    """Consents are no more; older clients still ask."""
    return ConsentList(groups=EmptyList(), consents=EmptyList())


async def update_customer_consents(call: Call, customer_id: str) -> None:
    """Nothing to keep, but the customer must be there."""
    async with call.db.connection() as connection:
        await find_customer(connection, call.project.id, customer_id)


# --- for other features ----------------------------------------------------------------------------


async def find_customer(connection: Connection, project_id: int, sent: str, *, lock: bool = False) -> Row:
    """The customer by id or source id; `lock` keeps others from changing or deleting it. Raises not_found."""
    row = await _look_up(connection, project_id, sent, lock=lock)
    if row is None:
        raise not_found("customer", sent)
    return row


async def upsert_customer(connection: Connection, call: Call, body: CustomerBody) -> Row:
    """The customer of a body, locked: changed by what was sent if its id or else its source id is known, new
    otherwise. Emits what happened, if anything did.

    Raises not_found for an unknown id, metadata_validation_failed, invalid_payload; multiple_requests
    when others keep deleting it.
    """
    project_id = call.project.id
    if body.id:
        uid = parse_id("cust", body.id)
        row = uid and await store.find_by_id(connection, project_id, uid, lock=True)
        if not row:
            raise not_found("customer", body.id)
        return await _update(connection, call, row, body)
    if not body.source_id:
        row = await _insert(connection, call, body)
        assert row is not None  # noqa: S101 - nothing is unique about it
        return row
    for _ in range(_TRIES):
        row = await store.find_by_source_id(connection, project_id, body.source_id, lock=True)
        if row is not None:
            return await _update(connection, call, row, body)
        # The index decides who makes it; all others find it there.
        row = await _insert(connection, call, body)
        if row is not None:
            return row
    raise multiple_requests()


async def load_customers(
    connection: Connection, project_id: int, customer_ids: Sequence[UUID]
) -> dict[UUID, Row]:
    """Customers by id, for what refers to them: also deleted ones, but none that was deleted for good."""
    rows = await store.list_by_ids(connection, project_id, customer_ids)
    return {row["id"]: row for row in rows}


async def upsert_customers(run: Run, bodies: Sequence[CustomerBody]) -> list[UUID | str]:
    """`upsert_customer` for jobs: many, in this order, in a constant number of statements. Of each its id, or
    the reason why it was refused. Emits one internal event; the job's payload has `source` and `group_id`."""
    return await store_bodies(run, bodies)


async def show_customers(connection: Connection, project: Project, rows: Sequence[Row]) -> list[Customer]:
    """The full form, in a constant number of queries."""
    parts = await compute_parts(connection, project.id, [row["id"] for row in rows]) if rows else {}
    return [show_customer(row, parts[row["id"]]) for row in rows]


# --- inside ------------------------------------------------------------------------------------------


async def _look_up(connection: Connection, project_id: int, sent: str, *, lock: bool = False) -> Row | None:
    uid = parse_id("cust", sent)
    row = None
    if uid is not None:
        row = await store.find_by_id(connection, project_id, uid, lock=lock)
    if row is None:
        row = await store.find_by_source_id(connection, project_id, sent, lock=lock)
    return row


async def _insert(connection: Connection, call: Call, body: CustomerBody) -> Row | None:
    """None if the source id has just been taken."""
    values = find_changes(None, read_fields(body))
    metadata = values.get("metadata") or {}
    await check_object_metadata(connection, call.project.id, "customer", metadata, partial=False)
    customer_id = new_id()
    values |= {"id": customer_id, "source_id": body.source_id or None, "created_at": call.now}
    row = await store.insert_customer(connection, call.project.id, values)
    if row is not None:
        if customer_id.int % _FOLD_EVERY == 0:
            await store.fold_counts(connection, call.project.id)
        await emit_events(connection, call, NewEvent(type="customer.created", customer_id=row["id"]))
    return row


async def _update(connection: Connection, call: Call, row: Row, body: CustomerBody) -> Row:
    """The locked row with what was sent laid over it; as it is if that changes nothing."""
    if body.metadata is not UNSET and body.metadata != {}:
        # Cleared metadata lacks whatever the schema requires.
        await check_object_metadata(
            connection, call.project.id, "customer", body.metadata or {}, partial=body.metadata is not None
        )
    changes: dict[str, Any] = find_changes(row, read_fields(body))
    if not changes:
        return row
    changes["updated_at"] = call.now
    row = await store.update_customer(connection, call.project.id, row["id"], changes)
    await emit_events(connection, call, NewEvent(type="customer.updated", customer_id=row["id"]))
    return row


async def _show(connection: Connection, call: Call, row: Row) -> Customer:
    [customer] = await show_customers(connection, call.project, [row])
    return customer
