"""The wire of product collections."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.products.schemas import (
    ParentProduct,
    parse_product_id,
    show_parent_product,
    show_product_id,
    show_sku_id,
)
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import parse_id, show_id
from openvoucher.wire.lists import PageQuery

# The collection of everything, which every project has without a row of its own.
EVERYTHING: Final = "pc_a11pr0dUc75"

Name = Annotated[str, Meta(min_length=1, max_length=10_000)]
ObjectName = Literal["product", "sku"]
Order = Literal["created_at", "-created_at", "updated_at", "-updated_at"]


class CollectionItem(msgspec.Struct, kw_only=True):
    """`id`: an id or source id. `product_id`: of SKUs."""

    id: str
    product_id: str | None | UnsetType = UNSET
    object: ObjectName


class CollectionBody(msgspec.Struct, kw_only=True):
    """`filter` of AUTO_UPDATE, `products` of STATIC; without a type the one of the two decides."""

    name: Name
    type: Literal["STATIC", "AUTO_UPDATE"] | None = None
    filter: Any = None
    products: Annotated[list[CollectionItem], Meta(max_length=1000)] | None = None


class CollectionUpdate(msgspec.Struct, kw_only=True):
    name: Name | UnsetType = UNSET
    filter: Any = UNSET


class CollectionQuery(PageQuery, kw_only=True):
    order: Order = "-created_at"


class CollectionProductsQuery(PageQuery, kw_only=True):
    """starting_after: the last object of the page before, by its id or instant."""

    order: Order = "-created_at"
    starting_after: str | None = None


class Collection(msgspec.Struct, kw_only=True):
    id: str
    name: str
    type: Literal["STATIC", "AUTO_UPDATE"]
    filter: dict[str, Any] | UnsetType = UNSET
    products: list[CollectionItem] | UnsetType = UNSET
    created_at: str
    updated_at: str | UnsetType = UNSET
    object: Literal["products_collection"] = "products_collection"


class CollectionList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Collection]
    total: int


class ListedProduct(msgspec.Struct, kw_only=True, tag_field="object", tag="product"):
    id: str
    source_id: str | None
    name: str | None
    price: int | None
    attributes: list[str]
    metadata: dict[str, Any]
    image_url: str | None
    created_at: str
    updated_at: str | None


class ListedSku(msgspec.Struct, kw_only=True, tag_field="object", tag="sku"):
    id: str
    source_id: str | None
    product_id: str
    sku: str | None
    price: int | None
    currency: str | None
    attributes: dict[str, Any]
    image_url: str | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str | None
    product: ParentProduct


class CollectionProductList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[ListedProduct | ListedSku]
    total: int


def parse_entry_id(sent: str) -> UUID | None:
    """The id of a product or SKU."""
    return parse_product_id(sent) or parse_id("sku", sent)


def show_collection(row: Row, items: Sequence[Row] = ()) -> Collection:
    """`items`: of a static collection, in their order."""
    is_static = row["type"] == "STATIC"
    return Collection(
        id=show_id("pc", row["id"]),
        name=row["name"],
        type=row["type"],
        filter=UNSET if is_static else row["filter"],
        products=[_show_item(item) for item in items] if is_static else UNSET,
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
    )


def _show_item(row: Row) -> CollectionItem:
    product_id = show_product_id(row["product_id"])
    if row["sku_id"] is None:
        return CollectionItem(id=product_id, object="product")
    return CollectionItem(id=show_sku_id(row["sku_id"]), product_id=product_id, object="sku")


def show_listed_product(row: Row) -> ListedProduct:
    return ListedProduct(
        id=show_product_id(row["id"]),
        source_id=row["source_id"],
        name=row["name"],
        price=row["price"],
        attributes=row["attributes"],
        metadata=row["metadata"],
        image_url=row["image_url"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else None,
    )


def show_listed_sku(row: Row, product: Row) -> ListedSku:
    return ListedSku(
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
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else None,
        product=show_parent_product(product),
    )
