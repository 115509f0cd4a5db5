"""Orders: made, changed and read by callers, worked out and stored for whoever redeems something on one."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from openvoucher.features.customers.schemas import (
    CustomerBody,
    CustomerReference,
    read_customer_reference,
    refer_to_customer,
)
from openvoucher.features.customers.service import find_customer, upsert_customer
from openvoucher.features.orders import store
from openvoucher.features.orders.drafting import differ, draft_order, list_values
from openvoucher.features.orders.items import describe_items, store_overrides
from openvoucher.features.orders.listing import compile_query
from openvoucher.features.orders.reading import SentOrder, read_order
from openvoucher.features.orders.records import OrderRecord, read_record, show_order
from openvoucher.features.orders.rules import load_rules
from openvoucher.features.orders.schemas import Order, OrderBody, OrderList, OrderQuery
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_events
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row, TransactionConflict
from openvoucher.wire.errors import duplicate_found, not_found
from openvoucher.wire.ids import parse_id


@dataclasses.dataclass(frozen=True, slots=True)
class People:
    """Who buys, and who brought them: rows of customers, None for nobody that a body tells of."""

    customer: Row | None = None
    referrer: Row | None = None


# --- for callers -----------------------------------------------------------------------------------


async def list_orders(call: Call, query: OrderQuery) -> OrderList:
    """The oldest first; product data in brief."""
    offset = query.offset()
    async with call.db.connection() as connection:
        compiled = await compile_query(connection, call, query)
        rows = await store.list_orders(
            connection,
            where=compiled.where,
            parameters=compiled.parameters,
            order=compiled.order,
            limit=query.limit,
            offset=offset,
        )
        total = await store.count_orders(connection, where=compiled.where, parameters=compiled.parameters)
    return OrderList(orders=[show_order(read_record(row), in_list=True) for row in rows], total=total)


async def create_order(call: Call, body: OrderBody) -> Order:
    """An order whose id or source id is there already is changed. An unknown id names nothing: the order gets
    one of its own."""
    sent = read_order(body)
    async with call.db.transaction() as connection:
        people = await upsert_people(connection, call, body)
        before = await find_order(connection, call.project.id, sent, lock=True)
        return show_order(await _write(connection, call, sent, people, before))


async def get_order(call: Call, order_id: str) -> Order:
    """By id or source id."""
    async with call.db.connection() as connection:
        return show_order(await load_order(connection, call.project.id, order_id))


async def update_order(call: Call, order_id: str, body: OrderBody) -> Order:
    """What was not sent stays; items replace the whole list."""
    sent = dataclasses.replace(read_order(body), id=None)
    async with call.db.transaction() as connection:
        people = await upsert_people(connection, call, body)
        before = await load_order(connection, call.project.id, order_id, lock=True)
        return show_order(await _write(connection, call, sent, people, before))


async def _write(
    connection: Connection, call: Call, sent: SentOrder, people: People, before: OrderRecord | None
) -> OrderRecord:
    order = await work_out_order(connection, call, sent, people, before, keep_products=True)
    return await store_order(connection, call, order, before=before)


# --- for other features ----------------------------------------------------------------------------
#
# In a transaction, in this order: upsert_people, find_order or load_order with lock, work_out_order,
# (whatever discounts it, on `OrderRecord.amounts`,) store_order.


async def upsert_people(connection: Connection, call: Call, body: OrderBody) -> People:
    """Customer and referrer of an order, locked, created and changed as the body says.

    Before the order is locked: customers come first everywhere. Raises not_found and what
    customers.service.upsert_customer raises.
    """
    sent = {
        "customer": _read_person(body.customer, body.customer_id),
        "referrer": _read_person(body.referrer, body.referrer_id),
    }
    # Two who send the same pair the other way round wait for each other in one direction only.
    ordered = sorted(sent.items(), key=lambda role: _name_person(role[1]))
    rows = {role: await _store_person(connection, call, person) for role, person in ordered}
    return People(**rows)


def _read_person(reference: CustomerReference, person_id: str | None) -> CustomerBody | str | None:
    """What a body has as an object counts more than an id beside it."""
    return read_customer_reference(reference) or person_id or None


def _name_person(person: CustomerBody | str | None) -> str:
    if isinstance(person, CustomerBody):
        return person.id or person.source_id or ""
    return person or ""


async def _store_person(connection: Connection, call: Call, person: CustomerBody | str | None) -> Row | None:
    if isinstance(person, CustomerBody):
        return await upsert_customer(connection, call, person)
    return await find_customer(connection, call.project.id, person, lock=True) if person else None


async def load_order(
    connection: Connection, project_id: int, sent: str, *, lock: bool = False
) -> OrderRecord:
    """The order by id or source id; `lock` keeps others from changing it. Raises not_found."""
    row = await store.find_order(
        connection, project_id, order_id=parse_id("ord", sent), source_id=sent, lock=lock
    )
    if row is None:
        raise not_found("order", sent)
    return read_record(row)


async def find_order(
    connection: Connection, project_id: int, sent: SentOrder, *, lock: bool = False
) -> OrderRecord | None:
    """The stored order that a body names, by its id or else its source id; None: it is a new one."""
    order_id = parse_id("ord", sent.id) if sent.id else None
    if order_id is None and sent.source_id is None:
        return None
    row = await store.find_order(
        connection, project_id, order_id=order_id, source_id=sent.source_id, lock=lock
    )
    return read_record(row) if row else None


async def work_out_order(
    connection: Connection,
    call: Call,
    sent: SentOrder,
    people: People,
    before: OrderRecord | None,
    *,
    keep_products: bool,
) -> OrderRecord:
    """The order as it is after a request, priced by the catalogue; stores nothing but, with `keep_products`,
    the products and SKUs that say `override`. Raises invalid_payload, metadata_validation_failed.
    """
    rules = await load_rules(connection, call.project.id)
    rules.check(sent, is_new=before is None)
    goods = None
    if sent.items is not None:
        if keep_products:
            await store_overrides(connection, call, sent.items)
        goods = await describe_items(connection, call.project.id, sent.items)
    return draft_order(
        sent,
        goods,
        before,
        customer_id=people.customer["id"] if people.customer else None,
        referrer_id=people.referrer["id"] if people.referrer else None,
        now=call.now,
    )


async def store_order(
    connection: Connection,
    call: Call,
    order: OrderRecord,
    *,
    before: OrderRecord | None,
    redemption: dict[str, Any] | None = None,
) -> OrderRecord:
    """Write an order that was worked out, and tell what happened to it. `before`: as it was locked; None:
    it is new. Nothing is written or told if they are the same. `redemption`: through which it came, as
    events show it.

    Raises TransactionConflict when another transaction has just made an order with its source id (then
    the whole is done again, and finds that one), duplicate_found for a source id that another has.
    """
    if before is not None and not differ(order, before):
        return before
    values = list_values(order)
    if before is None:
        if not await store.insert_orders(connection, call.project.id, [values]):
            raise TransactionConflict(
                f"another order with the source id {order.source_id} has just been made"
            )
    else:
        try:
            await store.update_orders(connection, call.project.id, [values])
        except store.SourceIdIsTaken:
            raise duplicate_found("order", "source_id", order.source_id or "") from None
    await _tell(connection, call, order, before, redemption)
    return order


# --- events ------------------------------------------------------------------------------------------

_STATUS_EVENTS: Final = {"PAID": "paid", "FULFILLED": "fulfilled", "CANCELED": "canceled"}


def list_facts(order: OrderRecord, before: OrderRecord | None) -> Iterator[str]:
    yield "created" if before is None else "updated"
    if (before is None or before.status != order.status) and order.status in _STATUS_EVENTS:
        yield _STATUS_EVENTS[order.status]


async def _tell(
    connection: Connection,
    call: Call,
    order: OrderRecord,
    before: OrderRecord | None,
    redemption: dict[str, Any] | None,
) -> None:
    data = {
        # By id alone: of somebody who is deleted for good nothing may be left at others.
        "referrer": refer_to_customer(order.referrer_id),
        "order": msgspec.to_builtins(show_order(order)),
        "redemption": redemption,
    }
    # Activity is a customer's; an order of nobody's is known to webhooks only.
    prefix = "customer.order" if order.customer_id else "order"
    events = [
        NewEvent(type=f"{prefix}.{fact}", customer_id=order.customer_id, data=data)
        for fact in list_facts(order, before)
    ]
    previous = before.customer_id if before else None
    if previous is not None and previous != order.customer_id:
        # Who had it before has other sums now, too.
        events.append(NewEvent(type="customers.changed", data={"customer_ids": [previous.hex]}))
    await emit_events(connection, call, *events)
