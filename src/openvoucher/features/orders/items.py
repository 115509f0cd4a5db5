"""What is bought: items of a body looked up in the catalogue, described and priced."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from msgspec import UNSET

from openvoucher.engine.orders import AmountTooLarge, Line, price_line
from openvoucher.features.orders.reading import SentItem
from openvoucher.features.orders.records import Item
from openvoucher.features.orders.schemas import ProductBody, SkuBody
from openvoucher.features.products.schemas import (
    ItemOverride,
    ItemReference,
    ResolvedItem,
    show_product_id,
    show_sku_id,
)
from openvoucher.features.products.service import override_items, resolve_items
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.ids import new_id

Goods: TypeAlias = tuple[Item, Line]


async def describe_items(connection: Connection, project_id: int, items: Sequence[SentItem]) -> list[Goods]:
    """Items as they would be bought now, each with its line, all with new ids. Raises invalid_payload."""
    found = await resolve_items(connection, project_id, [make_reference(item) for item in items])
    return [
        (make_item(item, each), price_item(item, each, f".items[{place}]"))
        for place, (item, each) in enumerate(zip(items, found, strict=True))
    ]


async def store_overrides(connection: Connection, call: Call, items: Sequence[SentItem]) -> None:
    """Create or change products and SKUs whose items say so."""
    overrides = [override for item in items for override in list_overrides(item)]
    if overrides:
        await override_items(connection, call, overrides)


# --- what an item says of the catalogue ------------------------------------------------------------------


def make_reference(item: SentItem) -> ItemReference:
    body = item.body
    return ItemReference(
        sku_id=body.sku_id or None,
        product_id=body.product_id or None,
        source_id=body.source_id or None,
        related_object=body.related_object,
        nested_sku=_name_part(body.sku),
        nested_product=_name_part(body.product),
    )


def list_overrides(item: SentItem) -> Iterator[ItemOverride]:
    """The product before the SKU that may need it. An override of something without any id says nothing."""
    body = item.body
    is_sku = body.related_object == "sku"
    product = body.product_id or (None if is_sku else body.source_id) or _name_part(body.product)
    sku = body.sku_id or (body.source_id if is_sku else None) or _name_part(body.sku)
    if body.product is not None and body.product.override and product:
        yield ItemOverride(
            kind="product",
            source_id=product,
            name=_or_unset(body.product.name),
            price=_or_unset(item.product_price),
            metadata=_or_unset(body.product.metadata),
        )
    if body.sku is not None and body.sku.override and sku:
        yield ItemOverride(
            kind="sku",
            source_id=sku,
            name=_or_unset(body.sku.sku),
            price=_or_unset(item.sku_price),
            metadata=_or_unset(body.sku.metadata),
            product=product,
        )


def _name_part(part: ProductBody | SkuBody | None) -> str | None:
    return (part.id or part.source_id or None) if part is not None else None


def _or_unset(value: Any) -> Any:
    return UNSET if value is None else value


# --- what it is and costs ----------------------------------------------------------------------------------


def price_item(item: SentItem, found: ResolvedItem, path: str) -> Line:
    """The request's price counts most, then that of the SKU, then that of the product, each as the request
    has it before as it is stored. Raises invalid_payload, with the item's place `path`."""
    prices = (
        item.price,
        item.sku_price,
        found.sku["price"] if found.sku else None,
        item.product_price,
        found.product["price"] if found.product else None,
    )
    try:
        return price_line(
            quantity=item.quantity,
            amount=item.amount,
            prices=prices,
            discount_amount=item.discount_amount or 0,
        )
    except AmountTooLarge:
        raise invalid_payload(f"Property {path}.amount must be within range") from None


def make_item(item: SentItem, found: ResolvedItem) -> Item:
    """Ids are those that were sent; a SKU that was found by its source id brings its product's."""
    body = item.body
    product_id = body.product_id or None
    if found.sku and found.product and product_id is None and not body.sku_id:
        product_id = show_product_id(found.product["id"])
    return Item(
        id=new_id(),
        source_id=body.source_id or None,
        related_object=body.related_object,
        product_id=product_id,
        sku_id=body.sku_id or None,
        product=_describe_product(item, found),
        sku=_describe_sku(item, found),
        metadata=body.metadata,
    )


def _describe_product(item: SentItem, found: ResolvedItem) -> dict[str, Any] | None:
    sent = item.body.product
    said = _drop_nulls(
        id=sent and sent.id,
        source_id=sent and sent.source_id,
        name=sent and sent.name,
        metadata=sent and sent.metadata,
        price=item.product_price,
    )
    row = found.product
    if row is None:
        return said or None
    return _lay_over(show_product_id(row["id"]), row["source_id"], "name", row["name"], row, said)


def _describe_sku(item: SentItem, found: ResolvedItem) -> dict[str, Any] | None:
    sent = item.body.sku
    said = _drop_nulls(
        id=sent and sent.id,
        source_id=sent and sent.source_id,
        sku=sent and sent.sku,
        metadata=sent and sent.metadata,
        price=item.sku_price,
    )
    row = found.sku
    if row is None:
        return said or None
    return _lay_over(show_sku_id(row["id"]), row["source_id"], "sku", row["sku"], row, said)


def _lay_over(
    shown_id: str, source_id: str | None, name_key: str, name: str | None, row: Any, said: dict[str, Any]
) -> dict[str, Any]:
    """What is stored, and over it what the request says; never another id than that which was found."""
    known = {"id": shown_id, "source_id": source_id, name_key: said.get(name_key, name)}
    metadata = {**row["metadata"], **said.get("metadata", {})}
    if metadata:
        known["metadata"] = metadata
    price = said.get("price", row["price"])
    if price is not None:
        known["price"] = price
    return known


def _drop_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
