"""The wire of customer activity, and what each type of it carries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import CursorQuery

CampaignType = Literal[
    "PROMOTION", "GIFT_VOUCHERS", "REFERRAL_PROGRAM", "DISCOUNT_COUPONS", "LOYALTY_PROGRAM"
]


class ActivityQuery(CursorQuery, kw_only=True):
    """`type` is any text: types that clients know, but not yet this server, find nothing."""

    order: Literal["created_at", "-created_at"] = "-created_at"
    start_date: str | None = None
    end_date: str | None = None
    campaign_id: str | None = None
    campaign_type: CampaignType | None = None
    category: Literal["ACTION", "EFFECT"] | None = None
    type: str | None = None


class ActivitiesQuery(ActivityQuery, kw_only=True):
    """Of the older path. `starting_after`: an instant, the last item's `created_at`."""

    starting_after: str | None = None


class ActivityData(msgspec.Struct, kw_only=True):
    data: dict[str, Any]
    event_source: dict[str, Any]


class Activity(msgspec.Struct, kw_only=True):
    id: str
    type: str
    data: ActivityData
    created_at: str
    group_id: str


class ActivityList(msgspec.Struct, kw_only=True):
    """Without `total`: counting all that a customer ever did would cost more than the page."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Activity]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET


class ActivitiesList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["activities"] = "activities"
    activities: list[Activity]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET


def show_activity(row: Row) -> Activity:
    return Activity(
        id=show_activity_id(row["id"]),
        type=row["type"],
        data=ActivityData(data=row["data"], event_source=row["source"]),
        created_at=format_instant(row["created_at"]),
        group_id=row["group_id"],
    )


def show_activity_id(event_id: UUID) -> str:
    """An activity is known by the event that it tells of."""
    return show_id("evcus", event_id)


# --- what a type carries -----------------------------------------------------------------------------

# Activities that are what somebody asked for; all others are what came of it. (The contract has the
# parameter and examples of effects, but no list.)
ACTIONS: Final = (
    "customer.confirmed",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.custom_event",
    "customer.publication.succeeded",
    "customer.publication.failed",
    "customer.validation.succeeded",
    "customer.validation.failed",
    "customer.redemption.succeeded",
    "customer.redemption.failed",
    "customer.redemption.rollback.succeeded",
    "customer.redemption.rollback.failed",
)

# These show the customer with summary, loyalty and referrals; all others the short form.
_FULL: Final = frozenset(
    (
        "customer.confirmed",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.segment.entered",
        "customer.segment.left",
    )
)

_PENDING_POINTS: Final = ("campaign", "voucher", "voucher_pending_points_balance", "order", "pending_points")
_POINTS_ACTIVATED: Final = ("campaign", "voucher", "balance", "order", "transaction", "pending_points")
_REDEMPTION: Final = (
    "order",
    "campaign",
    "voucher",
    "holder",
    "promotion_tier",
    "promotion_stack",
    "redemption",
)
_ORDER: Final = ("referrer", "order", "redemption")
_TIER: Final = ("campaign", "loyalty_tier", "created_at")
_TIER_CHANGE: Final = ("campaign", "loyalty_tier_from", "loyalty_tier_to", "created_at")
_ASSIGNMENT: Final = ("holder", "voucher", "campaign")
_LOYALTY_CARD: Final = "customer.voucher.loyalty_card"

# Keys of the payload besides `customer`.
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "customer.confirmed": ("unconfirmed_customer",),
    "customer.referred": ("referrer", "campaign", "voucher", "custom_event", "redemption"),
    "customer.custom_event": ("event", "event_schema", "referral", "loyalty"),
    "customer.segment.entered": ("segment",),
    "customer.segment.left": ("segment",),
    "customer.rewarded": (
        "holder",
        "voucher",
        "campaign",
        "redemption",
        "reward",
        "referral_tier",
        "balance",
        "custom_event",
        "customer_event",
    ),
    "customer.rewarded.loyalty_points": (
        "holder",
        "voucher",
        "campaign",
        "loyalty_tier",
        "earning_rule",
        "balance",
        "order",
        "event",
    ),
    "customer.voucher.gift.balance_added": ("campaign", "voucher", "balance", "transaction"),
    f"{_LOYALTY_CARD}.points_added": ("campaign", "voucher", "balance", "transaction"),
    f"{_LOYALTY_CARD}.points_transferred": (
        "campaign",
        "voucher",
        "source_voucher",
        "destination_voucher",
        "balance",
        "transaction",
    ),
    f"{_LOYALTY_CARD}.points_expired": ("campaign", "voucher", "points", "buckets", "transaction"),
    f"{_LOYALTY_CARD}.points_activated": _POINTS_ACTIVATED,
    f"{_LOYALTY_CARD}.pending_points.activated": _POINTS_ACTIVATED,
    f"{_LOYALTY_CARD}.pending_points.added": _PENDING_POINTS,
    f"{_LOYALTY_CARD}.pending_points.canceled": _PENDING_POINTS,
    f"{_LOYALTY_CARD}.pending_points.updated": _PENDING_POINTS,
    "customer.voucher.deleted": ("campaign", "voucher"),
    "customer.publication.succeeded": ("campaign", "publication"),
    "customer.publication.failed": ("campaign", "publication"),
    "customer.validation.succeeded": ("validation",),
    "customer.validation.failed": ("validation",),
    "customer.redemption.succeeded": _REDEMPTION,
    "customer.redemption.failed": _REDEMPTION,
    "customer.redemption.rollback.succeeded": (*_REDEMPTION, "redemption_rollback"),
    "customer.redemption.rollback.failed": (*_REDEMPTION, "redemption_rollback"),
    "customer.order.created": _ORDER,
    "customer.order.updated": _ORDER,
    "customer.order.paid": _ORDER,
    "customer.order.fulfilled": _ORDER,
    "customer.order.processing": _ORDER,
    "customer.order.canceled": _ORDER,
    **{
        f"customer.reward_redemptions.{state}": (
            "holder",
            "voucher",
            "campaign",
            "reward_redemption",
            "reward",
            "reward_assignment",
            "source",
            "balance",
        )
        for state in ("created", "pending", "completed", "rolledback")
    },
    "customer.loyalty.updated": ("campaign", "loyalty", "created_at"),
    "customer.loyalty.tier.upgraded": _TIER_CHANGE,
    "customer.loyalty.tier.downgraded": _TIER_CHANGE,
    "customer.loyalty.tier.joined": _TIER,
    "customer.loyalty.tier.left": _TIER,
    "customer.loyalty.tier.prolonged": _TIER,
    "customer.loyalty.tier.expiration.changed": (*_TIER, "expiration_date"),
    "customer.holder.assignment.created": _ASSIGNMENT,
    "customer.holder.assignment.deleted": _ASSIGNMENT,
}


def shows_full_customer(type: str) -> bool:
    return type in _FULL


def make_payload(type: str, data: Mapping[str, Any], customer: Any) -> dict[str, Any]:
    """The payload of an activity: what its event carried, its other keys null, and the customer unless the
    event had brought it."""
    return {"customer": customer, **dict.fromkeys(_KEYS.get(type, ())), **data}
