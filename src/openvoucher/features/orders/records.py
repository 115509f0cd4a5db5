"""An order as it is kept: who buys what for how much, ready for arithmetic and for the wire."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from msgspec import UNSET

from openvoucher.engine import orders as engine
from openvoucher.features.orders.schemas import CustomerId, Metadata, Order, OrderItem, Status
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id

ItemKey: TypeAlias = tuple[str, ...]

_LINE_FIELDS: Final = tuple(field.name for field in dataclasses.fields(engine.Line))
# What a list shows of what is bought.
_BRIEF: Final = ("name", "sku", "price")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a line is about: the ids as they are shown, and what was known of product and SKU when it was
    bought (`id`: that of the line). Its amounts are those of the engine's line in the same place."""

    id: UUID
    source_id: str | None = None
    related_object: str | None = None
    product_id: str | None = None
    sku_id: str | None = None
    product: dict[str, Any] | None = None
    sku: dict[str, Any] | None = None
    metadata: Metadata | None = None

    @property
    def key(self) -> ItemKey:
        """Equal for two lines about the same thing, however each refers to it."""
        for kind, found in (("sku", self.sku), ("product", self.product)):
            if found and "id" in found:
                return (kind, found["id"])
        sent = (self.sku_id, self.product_id, self.related_object, self.source_id)
        return tuple(each or "" for each in sent)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order. `items` and the lines of `amounts` belong together, one to one."""

    id: UUID
    source_id: str | None
    status: Status
    customer_id: UUID | None
    referrer_id: UUID | None
    items: tuple[Item, ...]
    amounts: engine.Order
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None


# --- from and to the database --------------------------------------------------------------------------


def read_record(row: Row | Mapping[str, Any]) -> OrderRecord:
    stored: list[dict[str, Any]] = row["items"]
    lines = tuple(
        engine.Line(**{field: item[field] for field in _LINE_FIELDS if field in item}) for item in stored
    )
    return OrderRecord(
        id=row["id"],
        source_id=row["source_id"],
        status=row["status"],
        customer_id=row["customer_id"],
        referrer_id=row["referrer_id"],
        items=tuple(_read_item(item) for item in stored),
        amounts=engine.Order(
            lines=lines,
            amount=row["amount"],
            initial_amount=row["initial_amount"],
            discount_amount=row["discount_amount"],
        ),
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _read_item(stored: Mapping[str, Any]) -> Item:
    return Item(
        id=UUID(hex=stored["id"]),
        source_id=stored.get("source_id"),
        related_object=stored.get("related_object"),
        product_id=stored.get("product_id"),
        sku_id=stored.get("sku_id"),
        product=stored.get("product"),
        sku=stored.get("sku"),
        metadata=stored.get("metadata"),
    )


def store_items(record: OrderRecord) -> list[dict[str, Any]]:
    """Items and their lines as the column `items` holds them."""
    return [
        {
            "id": item.id.hex,
            **_drop_nulls(
                source_id=item.source_id,
                related_object=item.related_object,
                product_id=item.product_id,
                sku_id=item.sku_id,
                product=item.product,
                sku=item.sku,
                metadata=item.metadata,
            ),
            **dataclasses.asdict(line),
        }
        for item, line in zip(record.items, record.amounts.lines, strict=True)
    ]


def _drop_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# --- to the wire ---------------------------------------------------------------------------------------


def show_order(record: OrderRecord, *, in_list: bool = False) -> Order:
    amounts = record.amounts
    customer_id = show_id("cust", record.customer_id) if record.customer_id else None
    referrer_id = show_id("cust", record.referrer_id) if record.referrer_id else None
    order = Order(
        id=show_id("ord", record.id),
        source_id=record.source_id,
        created_at=format_instant(record.created_at),
        updated_at=format_instant(record.updated_at) if record.updated_at else None,
        status=record.status,
        discount_amount=amounts.discount_amount or UNSET,
        items_discount_amount=amounts.items_discount_amount or UNSET,
        total_discount_amount=amounts.total_discount_amount or UNSET,
        items=_show_items(record.items, amounts.lines, in_list) or UNSET,
        metadata=record.metadata,
        customer=CustomerId(id=customer_id) if customer_id else UNSET,
        referrer=CustomerId(id=referrer_id) if referrer_id else UNSET,
        customer_id=customer_id,
        referrer_id=referrer_id,
    )
    if amounts.amount is not None and amounts.total_amount is not None:
        order.amount, order.total_amount = amounts.amount, amounts.total_amount
    if amounts.initial_amount is not None and amounts.initial_amount != amounts.amount:
        order.initial_amount = amounts.initial_amount
    return order


def _show_items(items: Sequence[Item], lines: Sequence[engine.Line], in_list: bool) -> list[OrderItem]:
    return [_show_item(item, line, in_list) for item, line in zip(items, lines, strict=True)]


def _show_item(item: Item, line: engine.Line, in_list: bool) -> OrderItem:
    shown = OrderItem(
        id=show_id("ordli", item.id),
        source_id=item.source_id or UNSET,
        related_object=item.related_object or UNSET,
        product_id=item.product_id or UNSET,
        sku_id=item.sku_id or UNSET,
        quantity=line.quantity,
        discount_quantity=line.discount_quantity or UNSET,
        discount_amount=line.discount_amount or UNSET,
        product=_show_part(item.product, in_list),
        sku=_show_part(item.sku, in_list),
        metadata=UNSET if item.metadata is None else item.metadata,
    )
    if line.price is not None:
        shown.price = line.price
    if line.amount is not None and line.subtotal_amount is not None:
        shown.amount, shown.subtotal_amount = line.amount, line.subtotal_amount
    return shown


def _show_part(known: dict[str, Any] | None, in_list: bool) -> Any:
    if known is None:
        return UNSET
    return {name: known[name] for name in _BRIEF if name in known} if in_list else known
