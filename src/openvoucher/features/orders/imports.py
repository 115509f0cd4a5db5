"""Imports of historical orders: up to 2,000 in a body, taken over in the background, nobody told of them."""

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome
from openvoucher.features.customers.schemas import CustomerBody, read_customer_reference
from openvoucher.features.customers.service import upsert_customers
from openvoucher.features.orders import store
from openvoucher.features.orders.drafting import differ, draft_order, list_values
from openvoucher.features.orders.items import (
    Goods,
    list_overrides,
    make_item,
    make_reference,
    price_item,
)
from openvoucher.features.orders.reading import SentOrder, read_order
from openvoucher.features.orders.records import OrderRecord, read_record
from openvoucher.features.orders.rules import load_rules
from openvoucher.features.orders.schemas import OrderBody
from openvoucher.features.outbox.schemas import NewEvent
from openvoucher.features.outbox.service import emit_project_events, show_source
from openvoucher.features.products.schemas import ItemOverride, ResolvedItem
from openvoucher.features.products.service import override_imported_items, resolve_items
from openvoucher.features.record_imports.schemas import RecordImportQuery
from openvoucher.features.record_imports.service import load_items, receive_items, record_rows, refuse_dry_run
from openvoucher.platform.call import Call
from openvoucher.platform.db import TransactionConflict
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.wire.errors import ApiError, duplicate_found
from openvoucher.wire.ids import parse_id

JOB_KIND: Final = "order_import"

# Orders that are looked at before other calls have their turn.
_READ_AT_ONCE: Final = 20
# Each round but the last met source ids that others had just taken.
_MOST_ROUNDS: Final = 5

_ITEMS = msgspec.json.Decoder(list[OrderBody])


@dataclasses.dataclass(slots=True)
class _Row:
    """An order of the import. `reason`: why it was refused, once it was; nothing is done with it then."""

    number: int
    sent: SentOrder
    people: tuple[CustomerBody | None, CustomerBody | None]
    reason: str | None = None
    customer_id: UUID | None = None
    referrer_id: UUID | None = None
    goods: list[Goods] | None = None

    def refuse(self, error: ApiError) -> None:
        self.reason = error.details or error.message


async def import_orders(call: Call, body: list[OrderBody], query: RecordImportQuery) -> AcceptedAction:
    """Take them in, if all have the form of orders. Imports of a project run one after the other."""
    refuse_dry_run(query)
    for number, order in enumerate(body, 1):
        if number % _READ_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            read_order(order, imported=True)
        except ApiError as error:
            # The contract names the place within the order only.
            error.extra["row"] = number
            raise
    payload = {
        "source": show_source(call.channel, app_id=call.caller.app_id),
        "group_id": call.request_id,
    }
    return await receive_items(call, body, type="ORDERS.IMPORT", job_kind=JOB_KIND, payload=payload)


async def import_portion(run: Run) -> PortionResult:
    """Store one portion in a constant number of statements. A second run after a crash finds nothing of the
    first. Raises TransactionConflict when others keep making orders with the same source ids."""
    rows = [_read_row(number, body) for number, body in await load_items(run, _ITEMS)]
    await _check_metadata(run, rows)
    await _store_people(run, rows)
    await _store_overrides(run, rows)
    await _describe_items(run, rows)
    await _store_orders(run, rows)
    failed = [
        RowOutcome(row.number, row.sent.source_id or row.sent.id or "", row.reason)
        for row in rows
        if row.reason is not None
    ]
    return await record_rows(run, done=len(rows) - len(failed), failed=failed)


def _read_row(number: int, body: OrderBody) -> _Row:
    customer = read_customer_reference(body.customer) or _refer_to(body.customer_id)
    referrer = read_customer_reference(body.referrer) or _refer_to(body.referrer_id)
    return _Row(number, read_order(body, imported=True), (customer, referrer))


def _refer_to(customer_id: str | None) -> CustomerBody | None:
    return CustomerBody(id=customer_id) if customer_id else None


def _remaining(rows: Sequence[_Row]) -> list[_Row]:
    return [row for row in rows if row.reason is None]


async def _check_metadata(run: Run, rows: Sequence[_Row]) -> None:
    """First of all: what is refused leaves no customers behind."""
    rules = await load_rules(run.connection, run.job.project_id)
    if rules.order is None and rules.item is None:
        return
    orders = _Orders(await _load_orders(run, rows, lock=False))
    made: set[str | None] = set()
    for row in rows:
        is_new = orders.find(row.sent) is None and row.sent.source_id not in made
        try:
            rules.check(row.sent, is_new=is_new)
        except ApiError as error:
            row.refuse(error)
        else:
            made |= {row.sent.source_id} - {None}


async def _store_people(run: Run, rows: Sequence[_Row]) -> None:
    """Customers and referrers, in the order in which the orders came."""
    sent = [
        (row, role, person) for row in _remaining(rows) for role, person in enumerate(row.people) if person
    ]
    stored = await upsert_customers(run, [person for _, _, person in sent])
    for (row, role, _), outcome in zip(sent, stored, strict=True):
        if isinstance(outcome, str):
            row.reason = outcome
        elif role == 0:
            row.customer_id = outcome
        else:
            row.referrer_id = outcome


async def _store_overrides(run: Run, rows: Sequence[_Row]) -> None:
    """All at once, or, if one of them is refused, order by order."""
    overrides = [(row, [*_list_overrides(row)]) for row in _remaining(rows)]
    overrides = [(row, sent) for row, sent in overrides if sent]
    try:
        await _override(run, [override for _, sent in overrides for override in sent])
    except ApiError:
        for row, sent in overrides:
            try:
                await _override(run, sent)
            except ApiError as error:
                row.refuse(error)


def _list_overrides(row: _Row) -> Iterator[ItemOverride]:
    for item in row.sent.items or ():
        yield from list_overrides(item)


async def _override(run: Run, overrides: Sequence[ItemOverride]) -> None:
    """All of them, or none."""
    if overrides:
        async with run.connection.transaction():
            await override_imported_items(run.connection, run.job.project_id, overrides, now=run.now)


async def _describe_items(run: Run, rows: Sequence[_Row]) -> None:
    with_items = [row for row in _remaining(rows) if row.sent.items]
    references = [make_reference(item) for row in with_items for item in row.sent.items or ()]
    found = iter(await resolve_items(run.connection, run.job.project_id, references) if references else [])
    for row in with_items:
        sent = row.sent.items or ()
        # Taken before anything can be refused: the rest belongs to the next order.
        resolved: list[ResolvedItem] = [next(found) for _ in sent]
        try:
            row.goods = [
                (make_item(item, each), price_item(item, each, f".items[{place}]"))
                for place, (item, each) in enumerate(zip(sent, resolved, strict=True))
            ]
        except ApiError as error:
            row.refuse(error)
    for row in rows:
        if row.sent.items is not None and row.goods is None:
            row.goods = []


class _Orders:
    """Orders as they are so far, by what a body calls them."""

    def __init__(self, orders: Sequence[OrderRecord]) -> None:
        self._by_id: dict[UUID, OrderRecord] = {}
        self._id_by_source_id: dict[str, UUID] = {}
        # Also those that were given up since: in the table they are there until the end.
        self._last_id_by_source_id: dict[str, UUID] = {}
        for order in orders:
            self.put(order)

    def put(self, order: OrderRecord) -> None:
        before = self._by_id.get(order.id)
        if before is not None and before.source_id is not None:
            del self._id_by_source_id[before.source_id]
        self._by_id[order.id] = order
        if order.source_id is not None:
            self._id_by_source_id[order.source_id] = order.id
            self._last_id_by_source_id[order.source_id] = order.id

    def find(self, sent: SentOrder) -> OrderRecord | None:
        order_id = parse_id("ord", sent.id) if sent.id else None
        order = self._by_id.get(order_id) if order_id else None
        if order is None and sent.source_id is not None:
            order_id = self._id_by_source_id.get(sent.source_id)
            order = self._by_id[order_id] if order_id else None
        return order

    def is_taken(self, source_id: str | None, order_id: UUID) -> bool:
        """Whether another order has this source id, or had it when all began."""
        return source_id is not None and self._last_id_by_source_id.get(source_id, order_id) != order_id


async def _load_orders(run: Run, rows: Sequence[_Row], *, lock: bool) -> list[OrderRecord]:
    named = _remaining(rows)
    found = await store.find_orders(
        run.connection,
        run.job.project_id,
        [order_id for row in named if row.sent.id and (order_id := parse_id("ord", row.sent.id))],
        [row.sent.source_id for row in named if row.sent.source_id],
        lock=lock,
    )
    return [read_record(row) for row in found]


class _Crossed(Exception):
    """Others have just made orders with the same source ids, which can be found now."""


async def _store_orders(run: Run, rows: Sequence[_Row]) -> None:
    for _ in range(_MOST_ROUNDS):
        try:
            # All of the round, or none.
            async with run.connection.transaction():
                await _store_orders_at_once(run, rows)
            return
        except _Crossed:
            continue
    raise TransactionConflict("others keep making orders with the same source ids")


async def _store_orders_at_once(run: Run, rows: Sequence[_Row]) -> None:
    """Raises _Crossed."""
    stored = {order.id: order for order in await _load_orders(run, rows, lock=True)}
    orders = _Orders([*stored.values()])
    written: dict[UUID, OrderRecord] = {}
    values: dict[UUID, dict[str, Any]] = {}
    for row in _remaining(rows):
        try:
            order = _draft(run, row, orders)
            values[order.id] = list_values(order)
        except ApiError as error:
            row.refuse(error)
            continue
        orders.put(order)
        written[order.id] = order
    new = [values[order_id] for order_id in written if order_id not in stored]
    changed = [
        values[order_id]
        for order_id, order in written.items()
        if order_id in stored and differ(order, stored[order_id])
    ]
    try:
        # Before the new ones, which may have source ids that these give up.
        await store.update_orders(run.connection, run.job.project_id, changed)
    except store.SourceIdIsTaken:
        raise _Crossed from None
    # In the order of source ids: two that make the same ones wait for each other in one direction only.
    new.sort(key=lambda values: values["source_id"] or "")
    if await store.insert_orders(run.connection, run.job.project_id, new) < len(new):
        raise _Crossed
    await _tell(run, written, stored)


def _draft(run: Run, row: _Row, orders: _Orders) -> OrderRecord:
    """Raises ApiError."""
    before = orders.find(row.sent)
    if before is not None and orders.is_taken(row.sent.source_id, before.id):
        raise duplicate_found("order", "source_id", row.sent.source_id or "")
    return draft_order(
        row.sent,
        row.goods,
        before,
        customer_id=row.customer_id,
        referrer_id=row.referrer_id,
        now=run.now,
    )


async def _tell(run: Run, written: dict[UUID, OrderRecord], stored: dict[UUID, OrderRecord]) -> None:
    """Nobody but ourselves: segments look at the sums of a customer's orders."""
    touched = [*written.values(), *(stored[order_id] for order_id in written if order_id in stored)]
    customer_ids = {order.customer_id.hex for order in touched if order.customer_id}
    events = []
    if customer_ids:
        events.append(NewEvent(type="customers.changed", data={"customer_ids": sorted(customer_ids)}))
    payload = run.job.payload
    await emit_project_events(
        run.connection,
        run.job.project_id,
        events,
        source=payload["source"],
        group_id=payload["group_id"],
        now=run.now,
    )
