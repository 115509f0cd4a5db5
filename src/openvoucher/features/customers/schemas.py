"""The wire of customers: what is sent, the full form, and the simple one that stands inside other objects."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.segments.schemas import SimpleSegment
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import parse_id, show_id
from openvoucher.wire.lists import PageQuery

# In no script longer than what an entry of an index can hold (2,704 bytes).
Key = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=100_000)]

# --- what is sent ------------------------------------------------------------------------------------


class Address(msgspec.Struct, kw_only=True):
    city: Text | None | UnsetType = UNSET
    state: Text | None | UnsetType = UNSET
    line_1: Text | None | UnsetType = UNSET
    line_2: Text | None | UnsetType = UNSET
    country: Text | None | UnsetType = UNSET
    postal_code: Text | None | UnsetType = UNSET


class CustomerBody(msgspec.Struct, kw_only=True):
    """A customer as callers send it, alone or inside another body: absent leaves a field as it is, null
    clears it. Keys of `address` and `metadata` that are not sent stay, too."""

    id: Text | None | UnsetType = UNSET
    source_id: Key | None | UnsetType = UNSET
    name: Text | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    email: Key | None | UnsetType = UNSET
    phone: Text | None | UnsetType = UNSET
    birthday: str | None | UnsetType = UNSET
    birthdate: str | None | UnsetType = UNSET
    address: Address | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET


# How a body refers to a customer: as an object, or as a plain id or source id.
CustomerReference: TypeAlias = CustomerBody | str | None


def read_customer_reference(sent: CustomerReference | UnsetType) -> CustomerBody | None:
    """The customer that a body refers to; None for nobody: absent, null, an empty text, and the `{}` that
    official clients send. A plain text is an id if it looks like one of ours, else a source id."""
    if isinstance(sent, str):
        if not sent:
            return None
        return CustomerBody(id=sent) if parse_id("cust", sent) else CustomerBody(source_id=sent)
    if isinstance(sent, CustomerBody):
        values = (getattr(sent, field) for field in CustomerBody.__struct_fields__)
        return sent if any(value not in (UNSET, None, "", {}) for value in values) else None
    return None


class DateRange(msgspec.Struct, kw_only=True):
    before: str | None = None
    after: str | None = None


CustomerOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at", "source_id", "-source_id"]


class CustomerQuery(PageQuery, kw_only=True):
    """`starting_after`: an instant; with it the list is scrolled and `page` does not count."""

    email: str | None = None
    city: str | None = None
    name: str | None = None
    phone: str | None = None
    source_id: str | None = None
    segment_id: str | None = None
    created_at: DateRange | None = None
    updated_at: DateRange | None = None
    order: CustomerOrder | None = None
    starting_after: str | None = None
    filters: dict[str, Any] | None = None


# --- the simple form -----------------------------------------------------------------------------------


class SimpleCustomer(msgspec.Struct, kw_only=True):
    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: dict[str, Any]
    object: Literal["customer"] = "customer"


def refer_to_customer(customer_id: UUID | None) -> dict[str, str] | None:
    """Somebody else in the data of an event: who reads of it is told the rest."""
    return {"id": show_id("cust", customer_id), "object": "customer"} if customer_id else None


def show_simple_customer(row: Row | Mapping[str, Any]) -> SimpleCustomer:
    return SimpleCustomer(
        id=show_id("cust", row["id"]),
        name=row["name"],
        email=row["email"],
        source_id=row["source_id"],
        metadata=row["metadata"] or {},
    )


# --- the full form -------------------------------------------------------------------------------------


class GiftCredits(msgspec.Struct, kw_only=True):
    redeemed_amount: int = 0
    amount_to_go: int = 0


class LoyaltyPoints(msgspec.Struct, kw_only=True):
    redeemed_points: int = 0
    points_to_go: int = 0


class RedemptionSummary(msgspec.Struct, kw_only=True):
    total_redeemed: int = 0
    total_failed: int = 0
    total_succeeded: int = 0
    total_rolled_back: int = 0
    total_rollback_failed: int = 0
    total_rollback_succeeded: int = 0
    gift: GiftCredits = msgspec.field(default_factory=GiftCredits)
    loyalty_card: LoyaltyPoints = msgspec.field(default_factory=LoyaltyPoints)


class OrderSummary(msgspec.Struct, kw_only=True):
    """Of paid and fulfilled orders; minor units."""

    total_amount: int = 0
    total_count: int = 0
    average_amount: int = 0
    last_order_amount: int = 0
    last_order_date: str | UnsetType = UNSET


class Summary(msgspec.Struct, kw_only=True):
    redemptions: RedemptionSummary = msgspec.field(default_factory=RedemptionSummary)
    orders: OrderSummary = msgspec.field(default_factory=OrderSummary)


class LoyaltyCampaign(msgspec.Struct, kw_only=True):
    points: int = 0
    loyalty_tier: str | UnsetType = UNSET
    referred_customers: int = 0


class Loyalty(msgspec.Struct, kw_only=True):
    """`campaigns` by name."""

    points: int = 0
    referred_customers: int = 0
    campaigns: dict[str, LoyaltyCampaign] = {}


class Referral(msgspec.Struct, kw_only=True):
    campaign_id: str | None
    referrer_id: str
    related_object_id: str
    related_object_type: str
    date: str


class Referrals(msgspec.Struct, kw_only=True):
    total: int = 0
    campaigns: list[Referral] = []


class Computed(msgspec.Struct, kw_only=True):
    """What is worked out of other objects."""

    summary: Summary = msgspec.field(default_factory=Summary)
    loyalty: Loyalty = msgspec.field(default_factory=Loyalty)
    referrals: Referrals = msgspec.field(default_factory=Referrals)


class CustomerAssets(msgspec.Struct, kw_only=True):
    """The cockpit of customers is no more: there is nothing to link to."""


class Customer(msgspec.Struct, kw_only=True):
    """The full form. Fields that were never set are left out, those set to null are null; `address` and
    `source_id` are null in both cases."""

    id: str
    source_id: str | None
    name: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    birthday: str | None | UnsetType = UNSET
    birthdate: str | None | UnsetType = UNSET
    address: dict[str, Any] | None
    summary: Summary
    loyalty: Loyalty
    referrals: Referrals
    metadata: dict[str, Any] | None | UnsetType = UNSET
    system_metadata: dict[str, Any]
    created_at: str
    updated_at: str | UnsetType = UNSET
    assets: CustomerAssets | UnsetType = UNSET
    object: Literal["customer"] = "customer"


class CustomerList(msgspec.Struct, kw_only=True):
    """`has_more` only when the list is scrolled."""

    object: Literal["list"] = "list"
    data_ref: Literal["customers"] = "customers"
    customers: list[Customer]
    total: int
    has_more: bool | UnsetType = UNSET


def show_customer(row: Row | Mapping[str, Any], computed: Computed) -> Customer:
    def show(field: str) -> Any:
        value = row[field]
        return UNSET if value is None and field not in row["cleared"] else value

    def show_date(field: str) -> Any:
        return row[field].isoformat() if row[field] is not None else show(field)

    return Customer(
        id=show_id("cust", row["id"]),
        source_id=row["source_id"],
        name=show("name"),
        description=show("description"),
        email=show("email"),
        phone=show("phone"),
        birthday=show_date("birthday"),
        birthdate=show_date("birthdate"),
        address=row["address"],
        summary=computed.summary,
        loyalty=computed.loyalty,
        referrals=computed.referrals,
        metadata=show("metadata"),
        system_metadata=row["system_metadata"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
    )


class CustomerSegmentList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[SimpleSegment]
    total: int


# --- what else there is ----------------------------------------------------------------------------------


class PermanentDeletionCounts(msgspec.Struct, kw_only=True):
    """How many of each were removed. `events`: custom events; `order_events`: activities about orders;
    `customer_events`: all others; `segments`: memberships."""

    events: int
    customer_events: int
    daily_events: int
    segments: int
    orders: int
    order_events: int
    customer: int


class PermanentDeletion(msgspec.Struct, kw_only=True):
    id: str
    created_at: str
    related_object_id: str
    related_object: Literal["customer"] = "customer"
    status: Literal["DONE"] = "DONE"
    data_json: PermanentDeletionCounts
    # The wire's own spelling.
    object: Literal["pernament_deletion"] = "pernament_deletion"


class EmptyList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Any] = []
    total: int = 0


class ConsentList(msgspec.Struct, kw_only=True):
    groups: EmptyList
    consents: EmptyList
