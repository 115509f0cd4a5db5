"""The wire of products and SKUs, and what orders ask of them."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.ids import parse_id, show_id
from openvoucher.wire.lists import PageQuery

# --- for orders --------------------------------------------------------------------------------------

ItemKind = Literal["product", "sku"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ItemReference:
    """What an order item says about its product or SKU; each text is an id or a source id, as it was sent.

    sku_id, product_id: the item's own. source_id, related_object: the item's pair (no related object:
    product). nested_sku, nested_product: `id`, else `source_id`, of the objects `sku` and `product`
    inside the item.
    """

    sku_id: str | None = None
    product_id: str | None = None
    source_id: str | None = None
    related_object: ItemKind | None = None
    nested_sku: str | None = None
    nested_product: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ResolvedItem:
    """What an item refers to: rows of the tables `product` and `sku` with all their columns.

    Neither: nothing that exists. A SKU always comes with its product. Show the ids with
    `show_product_id` and `show_sku_id`: not all ids of products are hex digits.
    """

    product: Row | None = None
    sku: Row | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ItemOverride:
    """What an item with `override` says of a product or SKU: create it, or replace what was sent.

    source_id: what the item names it by. An id or source id that exists is that object; any other text
    becomes the source id of a new one. product: for SKUs, the product by id or source id; one that must
    be created itself is a further override, and a new SKU without a product is not created. `metadata`
    replaces all that was there; UNSET leaves as it is.
    """

    kind: ItemKind
    source_id: str
    name: str | None | UnsetType = UNSET
    price: int | None | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    product: str | None = None


# --- ids ---------------------------------------------------------------------------------------------

# The product that every project has; migration 0005 makes its row.
SHIPPING_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
SHIPPING_WIRE_ID: Final = "prod_5h1pp1ng"


def show_product_id(product_id: UUID) -> str:
    return SHIPPING_WIRE_ID if product_id == SHIPPING_ID else show_id("prod", product_id)


def parse_product_id(sent: str) -> UUID | None:
    return SHIPPING_ID if sent == SHIPPING_WIRE_ID else parse_id("prod", sent)


def show_sku_id(sku_id: UUID) -> str:
    return show_id("sku", sku_id)


# --- bodies ------------------------------------------------------------------------------------------

# An index entry of PostgreSQL holds it in any script.
MAX_SOURCE_ID_CHARACTERS: Final = 500
# Integers up to here survive the clients that read every number as a double.
MAX_PRICE: Final = 2**53

SourceId = Annotated[str, Meta(max_length=MAX_SOURCE_ID_CHARACTERS)]
Text = Annotated[str, Meta(max_length=10_000)]
# Minor units, as a number or as the text of one: `read_price`.
Price = int | float | Annotated[str, Meta(max_length=100)] | None | UnsetType
AttributeName = Annotated[str, Meta(min_length=1, max_length=500)]
AttributeNames = Annotated[list[AttributeName], Meta(max_length=1000)]
Metadata = dict[str, Any]


class ProductUpdate(msgspec.Struct, kw_only=True):
    """Absent leaves as it is; null clears, but not metadata, whose keys are merged."""

    name: Text | None | UnsetType = UNSET
    price: Price = UNSET
    attributes: AttributeNames | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET
    image_url: Text | None | UnsetType = UNSET


class ProductBody(ProductUpdate, kw_only=True):
    id: str | None = None
    source_id: SourceId | None = None


class BulkProduct(ProductUpdate, kw_only=True):
    source_id: Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE_ID_CHARACTERS)]


class SharedMetadata(msgspec.Struct, kw_only=True):
    source_ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE_ID_CHARACTERS)]], Meta(min_length=1)
    ]
    metadata: Metadata


class SkuUpdate(msgspec.Struct, kw_only=True):
    """Absent leaves as it is; null clears, but not metadata, whose keys are merged."""

    sku: Text | None | UnsetType = UNSET
    price: Price = UNSET
    currency: Annotated[str, Meta(max_length=100)] | None | UnsetType = UNSET
    attributes: dict[str, Any] | None | UnsetType = UNSET
    image_url: Text | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class SkuBody(SkuUpdate, kw_only=True):
    id: str | None = None
    source_id: SourceId | None = None


class ProductQuery(PageQuery, kw_only=True):
    """start_date, end_date: created from then, until then."""

    order: Literal["created_at", "-created_at", "updated_at", "-updated_at"] = "created_at"
    start_date: str | None = None
    end_date: str | None = None
    hide: list[str] | None = None
    filters: dict[str, Any] | None = None


class SkuQuery(PageQuery, kw_only=True):
    order: Literal["created_at", "-created_at", "updated_at", "-updated_at"] = "created_at"
    start_date: str | None = None
    end_date: str | None = None
    filters: dict[str, Any] | None = None


class HideQuery(msgspec.Struct, kw_only=True):
    """hide=sku: without the SKUs."""

    hide: list[str] | None = None


class ForceQuery(msgspec.Struct, kw_only=True):
    force: bool = False


def read_price(sent: float | str | UnsetType | None, path: str = "") -> int | UnsetType | None:
    """Minor units. `path`: of the object in the body. Raises invalid_payload."""
    if sent is None or sent is UNSET:
        return sent
    if isinstance(sent, str):
        digits = sent.strip()
        if not (digits.isascii() and digits.removeprefix("-").isdecimal()):
            raise invalid_payload(f"Property {path}.price must be integer")
        sent = int(digits)
    if sent < 0:
        raise invalid_payload(f"Property {path}.price must be >= 0")
    if sent > MAX_PRICE:
        raise invalid_payload(f"Property {path}.price must be <= {MAX_PRICE}")
    if sent != int(sent):
        raise invalid_payload(f"Property {path}.price must be integer")
    return int(sent)


def read_product_fields(body: ProductUpdate, path: str = "") -> dict[str, Any]:
    """The columns that were sent, without metadata. Raises invalid_payload."""
    sent = {"name": body.name, "price": read_price(body.price, path), "image_url": body.image_url}
    fields: dict[str, Any] = {name: value for name, value in sent.items() if value is not UNSET}
    if body.attributes is not UNSET:
        fields["attributes"] = list(dict.fromkeys(body.attributes or ()))
    return fields


def read_sku_fields(body: SkuUpdate, product: Row) -> dict[str, Any]:
    """The columns that were sent, without metadata; of the attributes those that the product has.
    Raises invalid_payload."""
    sent = {
        "sku": body.sku,
        "price": read_price(body.price),
        "currency": body.currency,
        "image_url": body.image_url,
    }
    fields: dict[str, Any] = {name: value for name, value in sent.items() if value is not UNSET}
    if body.attributes is not UNSET:
        fields["attributes"] = keep_known_attributes(body.attributes or {}, product)
    return fields


def keep_known_attributes(sent: Mapping[str, Any], product: Row) -> dict[str, Any]:
    """Others are dropped without a word, as everything that is not listed."""
    return {name: value for name, value in sent.items() if name in product["attributes"]}


def read_metadata(sent: Metadata | UnsetType | None) -> Metadata:
    """Null counts as nothing sent: official clients write it for what nobody set."""
    return sent if isinstance(sent, dict) else {}


# --- answers -----------------------------------------------------------------------------------------


class ParentProduct(msgspec.Struct, kw_only=True):
    id: str
    source_id: str | None
    name: str | None
    price: int | None
    attributes: list[str]
    metadata: Metadata
    object: Literal["product"] = "product"


class Sku(msgspec.Struct, kw_only=True):
    """`product`: where a SKU stands outside of its product."""

    id: str
    source_id: str | None
    product_id: str
    sku: str | None
    price: int | None
    currency: str | None
    attributes: dict[str, Any]
    image_url: str | None
    metadata: Metadata
    created_at: str
    updated_at: str | None
    object: Literal["sku"] = "sku"
    product: ParentProduct | UnsetType = UNSET


class SkusOfProduct(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Sku]
    total: int


class Product(msgspec.Struct, kw_only=True):
    id: str
    source_id: str | None
    name: str | None
    price: int | None
    attributes: list[str]
    metadata: Metadata
    image_url: str | None
    created_at: str
    updated_at: str | None
    object: Literal["product"] = "product"
    skus: SkusOfProduct | UnsetType = UNSET


class ProductList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["products"] = "products"
    products: list[Product]
    total: int


class SkuList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["skus"] = "skus"
    skus: list[Sku]
    total: int


def show_product(row: Row, skus: SkusOfProduct | UnsetType = UNSET) -> Product:
    return Product(
        id=show_product_id(row["id"]),
        source_id=row["source_id"],
        name=row["name"],
        price=row["price"],
        attributes=row["attributes"],
        metadata=row["metadata"],
        image_url=row["image_url"],
        created_at=format_instant(row["created_at"]),
        updated_at=_format(row["updated_at"]),
        skus=skus,
    )


def show_sku(row: Row, product: Row | None = None) -> Sku:
    return Sku(
        id=show_sku_id(row["id"]),
        source_id=row["source_id"],
        product_id=show_product_id(row["product_id"]),
        sku=row["sku"],
        price=row["price"],
        currency=row["currency"],
        attributes=row["attributes"],
        image_url=row["image_url"],
        metadata=row["metadata"],
        created_at=format_instant(row["created_at"]),
        updated_at=_format(row["updated_at"]),
        product=UNSET if product is None else show_parent_product(product),
    )


def show_parent_product(row: Row) -> ParentProduct:
    return ParentProduct(
        id=show_product_id(row["id"]),
        source_id=row["source_id"],
        name=row["name"],
        price=row["price"],
        attributes=row["attributes"],
        metadata=row["metadata"],
    )


def _format(instant: Any) -> str | None:
    return format_instant(instant) if instant else None
