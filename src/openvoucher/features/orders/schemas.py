"""The wire of orders. All amounts are minor units, and zero discounts are left out."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.engine.orders import MAX_LINES
from openvoucher.features.customers.schemas import CustomerReference
from openvoucher.wire.lists import PageQuery

MAX_IMPORTED: Final = 2000

Status = Literal["CREATED", "PAID", "CANCELED", "FULFILLED"]
# Whole numbers; official clients send some of them as text.
Number: TypeAlias = int | float | str
# In no script longer than what an entry of an index can hold (2,704 bytes).
Key = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=100_000)]
Metadata = dict[str, Any]

# --- what is sent ------------------------------------------------------------------------------------


class ProductBody(msgspec.Struct, kw_only=True):
    """What a request says of the product of an item: it counts more than what is stored. With `override`
    it is stored, too."""

    id: Key | None = None
    source_id: Key | None = None
    name: Text | None = None
    price: Number | None = None
    metadata: Metadata | None = None
    override: bool | None = None


class SkuBody(msgspec.Struct, kw_only=True):
    id: Key | None = None
    source_id: Key | None = None
    sku: Text | None = None
    price: Number | None = None
    metadata: Metadata | None = None
    override: bool | None = None


class OrderItemBody(msgspec.Struct, kw_only=True):
    """A line. `initial_quantity` and `discount_quantity` are counted by the server."""

    id: Key | None = None
    product_id: Key | None = None
    sku_id: Key | None = None
    source_id: Key | None = None
    related_object: Literal["product", "sku"] | None = None
    quantity: Number | None = None
    initial_quantity: Number | None = None
    discount_quantity: Number | None = None
    price: Number | None = None
    amount: Number | None = None
    discount_amount: Number | None = None
    initial_amount: Number | None = None
    product: ProductBody | None = None
    sku: SkuBody | None = None
    metadata: Metadata | None = None


class OrderBody(msgspec.Struct, kw_only=True):
    """An order, or what changes of one. Null is the same as absent: official clients send what nobody set as
    null."""

    id: Key | None = None
    source_id: Key | None = None
    status: Status | None = None
    amount: Number | None = None
    initial_amount: Number | None = None
    discount_amount: Number | None = None
    items: Annotated[list[OrderItemBody], Meta(max_length=MAX_LINES)] | None = None
    metadata: Metadata | None = None
    customer: CustomerReference = None
    customer_id: Key | None = None
    referrer: CustomerReference = None
    referrer_id: Key | None = None
    created_at: str | None = None


OrderImportBody = Annotated[list[OrderBody], Meta(min_length=1, max_length=MAX_IMPORTED)]


class DateRange(msgspec.Struct, kw_only=True):
    before: str | None = None
    after: str | None = None


class OrderQuery(PageQuery, kw_only=True):
    """`customer`: id or source id."""

    order: Literal["created_at", "-created_at", "updated_at", "-updated_at"] | None = None
    status: list[Status] | None = None
    customer: str | None = None
    source_id: str | None = None
    created_at: DateRange | None = None
    updated_at: DateRange | None = None
    filters: dict[str, Any] | None = None


# --- what is shown -----------------------------------------------------------------------------------


class CustomerId(msgspec.Struct, kw_only=True):
    id: str
    object: Literal["customer"] = "customer"


class OrderItem(msgspec.Struct, kw_only=True):
    """A line. Without a known amount it has neither price nor amounts."""

    id: str
    object: Literal["order_item"] = "order_item"
    source_id: str | UnsetType = UNSET
    related_object: str | UnsetType = UNSET
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType = UNSET
    quantity: int
    discount_quantity: int | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    discount_amount: int | UnsetType = UNSET
    price: int | UnsetType = UNSET
    subtotal_amount: int | UnsetType = UNSET
    product: dict[str, Any] | UnsetType = UNSET
    sku: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class Order(msgspec.Struct, kw_only=True):
    """An order. Without a known amount it has no total either."""

    id: str
    source_id: str | None
    created_at: str
    updated_at: str | None
    status: Status
    amount: int | UnsetType = UNSET
    initial_amount: int | UnsetType = UNSET
    """Only of an order that effects have added units to."""
    discount_amount: int | UnsetType = UNSET
    items_discount_amount: int | UnsetType = UNSET
    total_discount_amount: int | UnsetType = UNSET
    total_amount: int | UnsetType = UNSET
    items: list[OrderItem] | UnsetType = UNSET
    metadata: Metadata
    customer: CustomerId | UnsetType = UNSET
    referrer: CustomerId | UnsetType = UNSET
    customer_id: str | None
    referrer_id: str | None
    object: Literal["order"] = "order"


class OrderList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["orders"] = "orders"
    orders: list[Order]
    total: int
