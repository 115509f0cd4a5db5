"""The summary of a campaign: which counters its type has, and where they come from."""

from typing import Any, Final

import msgspec

from openvoucher.features.campaigns.schemas import Campaign

_EVERY: Final = (
    "redemptions",
    "redemptions_succeeded",
    "redemptions_failed",
    "rollbacks",
    "rollbacks_succeeded",
    "rollbacks_failed",
    "validations",
    "validations_succeeded",
    "validations_failed",
    "orders_amount",
    "orders_rolledback_amount",
)
_CODES: Final = (
    "vouchers_created",
    "vouchers_deleted",
    "publications",
    "publications_succeeded",
    "publications_failed",
)
_DISCOUNTS: Final = ("discounted_amount", "rolledback_discounted_amount")
_OF_TYPE: Final[dict[str, tuple[str, ...]]] = {
    "PROMOTION": _DISCOUNTS,
    "DISCOUNT_COUPONS": (*_CODES, *_DISCOUNTS),
    "REFERRAL_PROGRAM": (*_CODES, *_DISCOUNTS, "referred_customers"),
    "GIFT_VOUCHERS": (
        *_CODES,
        "created_vouchers_amount",
        "amount_added",
        "amount_deleted",
        "amount_redeemed",
        "amount_rolledback",
        "amount_subtracted",
    ),
    "LOYALTY_PROGRAM": (
        *_CODES,
        "created_vouchers_points",
        "points_deleted",
        "points_subtracted",
        "points_added",
        "points_rewarded",
        "points_redeemed",
        "points_rolledback",
        "points_expired",
        "points_transferred_out",
        "points_transferred_in",
        "pending_points_added",
        "pending_points_subtracted",
        "pending_points_activated",
        "pending_points_canceled",
    ),
}


def show_summary(campaign: Campaign, sums: dict[str, int]) -> dict[str, Any]:
    """All counters of the campaign's type; those that nothing has counted yet are 0."""
    counters = {name: sums.get(name, 0) for name in (*_EVERY, *_OF_TYPE[campaign.campaign_type])}
    return {"object": "campaign_summary", "campaign": msgspec.to_builtins(campaign), **counters}
