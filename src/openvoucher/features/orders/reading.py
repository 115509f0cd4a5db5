"""Reads the numbers and dates of a body, and refuses those that no order can have."""

import dataclasses
import re
from datetime import datetime
from typing import Final

from openvoucher.engine.orders import MAX_AMOUNT
from openvoucher.features.orders.schemas import Metadata, Number, OrderBody, OrderItemBody, Status
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import invalid_payload

# More digits than any number here may have, but int() is never fed a novel.
_WHOLE: Final = re.compile(r"\s*([+-]?[0-9]{1,100})(?:\.0{1,100})?\s*")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SentItem:
    """An item with its numbers read. `body`: all else that was sent of it."""

    body: OrderItemBody
    quantity: int
    price: int | None
    sku_price: int | None
    product_price: int | None
    amount: int | None
    discount_amount: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SentOrder:
    """An order as it was sent. None: nothing was sent, a field stays as it is."""

    id: str | None
    source_id: str | None
    status: Status | None
    amount: int | None
    initial_amount: int | None
    discount_amount: int | None
    items: tuple[SentItem, ...] | None
    metadata: Metadata | None
    created_at: datetime | None


def read_order(body: OrderBody, *, imported: bool = False) -> SentOrder:
    """`imported`: the contract's check of imports holds, too, and the time of creation does not count.
    Raises invalid_payload."""
    items = body.items
    return SentOrder(
        id=body.id or None,
        source_id=body.source_id or None,
        status=body.status,
        amount=_read_amount(body.amount, ".amount"),
        initial_amount=_read_amount(body.initial_amount, ".initial_amount"),
        discount_amount=_read_amount(body.discount_amount, ".discount_amount"),
        items=None
        if items is None
        else tuple(
            _read_item(item, f".items[{place}]", imported=imported) for place, item in enumerate(items)
        ),
        metadata=body.metadata,
        created_at=None if imported else _read_instant(body.created_at),
    )


def _read_item(body: OrderItemBody, path: str, *, imported: bool) -> SentItem:
    if imported:
        _read_quantity(body.initial_quantity, f"{path}.initial_quantity")
    return SentItem(
        body=body,
        quantity=_read_quantity(body.quantity, f"{path}.quantity"),
        price=_read_amount(body.price, f"{path}.price"),
        sku_price=_read_amount(body.sku.price, f"{path}.sku.price") if body.sku else None,
        product_price=_read_amount(body.product.price, f"{path}.product.price") if body.product else None,
        amount=_read_amount(body.amount, f"{path}.amount"),
        discount_amount=_read_amount(body.discount_amount, f"{path}.discount_amount"),
    )


def _read_quantity(sent: Number | None, path: str) -> int:
    """One where nothing was sent."""
    quantity = _read_whole(sent, path)
    if quantity is None:
        return 1
    if quantity < 1:
        raise invalid_payload(f"Property {path} cannot be lower than 1")
    return _limit(quantity, path)


def _read_amount(sent: Number | None, path: str) -> int | None:
    amount = _read_whole(sent, path)
    if amount is None:
        return None
    if amount < 0:
        raise invalid_payload(f"Property {path} must be >= 0")
    return _limit(amount, path)


def _limit(number: int, path: str) -> int:
    if number > MAX_AMOUNT:
        raise invalid_payload(f"Property {path} must be <= {MAX_AMOUNT}")
    return number


def _read_whole(sent: Number | None, path: str) -> int | None:
    """Cents have no fractions: 10.0 is ten, 10.5 is refused and never rounded."""
    if isinstance(sent, str):
        spelled = _WHOLE.fullmatch(sent)
        if spelled is None and sent:
            raise invalid_payload(f"Property {path} must be integer")
        return int(spelled[1]) if spelled else None
    if isinstance(sent, float):
        if not sent.is_integer():
            raise invalid_payload(f"Property {path} must be integer")
        return int(sent)
    return sent


def _read_instant(sent: str | None) -> datetime | None:
    if not sent:
        return None
    try:
        return parse_instant(sent)
    except ValueError:
        raise invalid_payload(
            "Property .created_at cannot be recognized as a ISO-8601 compliant date"
        ) from None
