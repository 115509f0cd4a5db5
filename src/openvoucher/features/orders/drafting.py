"""What an order is after a change. No database: one order and two thousand of an import go the same way."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from openvoucher.engine.orders import AmountTooLarge, Line, make_order
from openvoucher.engine.orders import Order as Amounts
from openvoucher.features.orders.items import Goods
from openvoucher.features.orders.reading import SentOrder
from openvoucher.features.orders.records import Item, ItemKey, OrderRecord, store_items
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.ids import new_id, show_id

# All of an order's items as they are stored. Product data of the catalogue is copied into each, so a short
# body could otherwise ask for gigabytes.
_MOST_ITEM_BYTES: Final = 16 * 1024 * 1024

_encode = msgspec.json.Encoder(order="deterministic").encode


def draft_order(
    sent: SentOrder,
    goods: Sequence[Goods] | None,
    before: OrderRecord | None,
    *,
    customer_id: UUID | None,
    referrer_id: UUID | None,
    now: datetime,
) -> OrderRecord:
    """The order as it would be stored: new, or `before` with what was sent laid over it.

    `goods`: its items if any were sent; they replace the list, amounts are counted anew, and the discounts
    that were there stay, those of a line on the line about the same thing. Raises invalid_payload.
    """
    if before is None:
        items, amounts = _count_new(sent, goods or ())
        return OrderRecord(
            id=new_id(),
            source_id=sent.source_id,
            status=sent.status or "CREATED",
            customer_id=customer_id,
            referrer_id=referrer_id,
            items=items,
            amounts=amounts,
            metadata=sent.metadata or {},
            created_at=sent.created_at or now,
            updated_at=None,
        )
    items, amounts = _count_changed(sent, goods, before)
    order = OrderRecord(
        id=before.id,
        source_id=sent.source_id or before.source_id,
        status=sent.status or before.status,
        customer_id=customer_id or before.customer_id,
        referrer_id=referrer_id or before.referrer_id,
        items=items,
        amounts=amounts,
        metadata={**before.metadata, **(sent.metadata or {})},
        created_at=sent.created_at or before.created_at,
        updated_at=before.updated_at,
    )
    return dataclasses.replace(order, updated_at=now) if differ(order, before) else order


def differ(one: OrderRecord, other: OrderRecord) -> bool:
    # As JSON: to Python true and 1 are the same.
    return _encode(one) != _encode(other)


def list_values(order: OrderRecord) -> dict[str, Any]:
    """The columns of an order, its items as JSON. Raises invalid_payload if they are too much to store."""
    items = _encode(store_items(order))
    if len(items) > _MOST_ITEM_BYTES:
        raise invalid_payload(
            f"Property .items must NOT be larger than {_MOST_ITEM_BYTES} bytes, product data included"
        )
    amounts = order.amounts
    return {
        "id": order.id,
        "source_id": order.source_id,
        "status": order.status,
        "customer_id": order.customer_id,
        "referrer_id": order.referrer_id,
        "amount": amounts.amount,
        "initial_amount": amounts.initial_amount,
        "discount_amount": amounts.discount_amount,
        "items_discount_amount": amounts.items_discount_amount,
        "total_amount": amounts.total_amount,
        "items": items.decode(),
        "metadata": order.metadata,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def _count_new(sent: SentOrder, goods: Sequence[Goods]) -> tuple[tuple[Item, ...], Amounts]:
    items, lines = tuple(item for item, _ in goods), tuple(line for _, line in goods)
    return items, _sum_up(lines, sent.amount, sent.initial_amount, sent.discount_amount or 0)


def _count_changed(
    sent: SentOrder, goods: Sequence[Goods] | None, before: OrderRecord
) -> tuple[tuple[Item, ...], Amounts]:
    discount = before.amounts.discount_amount if sent.discount_amount is None else sent.discount_amount
    if goods is not None:
        items, lines = _carry_over(sent, goods, before)
        return items, _sum_up(lines, sent.amount, sent.initial_amount, discount)
    amount, initial_amount = sent.amount, sent.initial_amount
    if amount is None:
        amount = before.amounts.amount
        initial_amount = before.amounts.initial_amount if initial_amount is None else initial_amount
    amounts = Amounts(
        lines=before.amounts.lines,
        amount=amount,
        initial_amount=amount if initial_amount is None else initial_amount,
        discount_amount=discount,
    )
    return before.items, amounts


def _sum_up(
    lines: Sequence[Line], amount: int | None, initial_amount: int | None, discount_amount: int
) -> Amounts:
    try:
        return make_order(
            lines, amount=amount, initial_amount=initial_amount, discount_amount=discount_amount
        )
    except AmountTooLarge:
        raise invalid_payload("Property .amount must be within range") from None


def _carry_over(
    sent: SentOrder, goods: Sequence[Goods], before: OrderRecord
) -> tuple[tuple[Item, ...], tuple[Line, ...]]:
    """A line about the same thing is the same line: it keeps its id, and its discounts unless new ones were
    sent."""
    left: dict[ItemKey, list[tuple[Item, Line]]] = {}
    for old in zip(before.items, before.amounts.lines, strict=True):
        left.setdefault(old[0].key, []).append(old)
    items, lines = [], []
    for (item, line), said in zip(goods, sent.items or (), strict=True):
        same = left.get(item.key)
        if same:
            old_item, old_line = _take(same, said.body.id)
            item = dataclasses.replace(item, id=old_item.id)
            if said.discount_amount is None:
                line = dataclasses.replace(
                    line,
                    discount_amount=min(old_line.discount_amount, line.amount or 0),
                    discount_quantity=min(old_line.discount_quantity, line.quantity),
                )
        items.append(item)
        lines.append(line)
    return tuple(items), tuple(lines)


def _take(same: list[tuple[Item, Line]], sent_id: str | None) -> tuple[Item, Line]:
    """Of several lines about one thing the one that was named, else the first."""
    for place, (item, _) in enumerate(same):
        if sent_id == show_id("ordli", item.id):
            return same.pop(place)
    return same.pop(0)
