"""Removing a customer for good, with all that refers to it."""

from openvoucher.features.customers import store
from openvoucher.features.customers.schemas import PermanentDeletion, PermanentDeletionCounts
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.platform.call import Call
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import not_found
from openvoucher.wire.ids import new_id, parse_id, show_id


async def delete_customer_permanently(call: Call, customer_id: str) -> PermanentDeletion:
    """Its orders, publications, activities, events and assignments go along; vouchers stay, held by nobody,
    and orders that it referred stay without a referrer. Nothing that is kept tells of it.

    A customer that was deleted before is still found by its id. Raises not_found.
    """
    project_id = call.project.id
    async with call.db.transaction() as connection:
        uid = parse_id("cust", customer_id)
        row = uid and await store.find_any_by_id(connection, project_id, uid)
        if not row:
            found = await store.find_by_source_id(connection, project_id, customer_id)
            row = found and await store.find_any_by_id(connection, project_id, found["id"])
        if not row:
            raise not_found("customer", customer_id)
        await store.lock_what_refers_to_it(connection, project_id, row["id"])
        counts = await store.delete_with_all_that_refers_to_it(connection, project_id, row["id"])
        # A segment that is being evaluated may take it in once more; so it is looked at again.
        changed = NewEvent(type="customers.changed", data={"customer_ids": [row["id"].hex]})
        await emit_events(connection, call, changed)
    return PermanentDeletion(
        id=show_id("del", new_id()),
        created_at=format_instant(call.now),
        related_object_id=show_id("cust", row["id"]),
        data_json=PermanentDeletionCounts(
            events=counts["events"],
            customer_events=counts["customer_events"],
            daily_events=0,
            segments=counts["segments"],
            orders=counts["orders"],
            order_events=counts["order_events"],
            customer=counts["customer"],
        ),
    )
