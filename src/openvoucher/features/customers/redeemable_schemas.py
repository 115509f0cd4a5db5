"""The wire of holders: which vouchers a customer has, and what they are worth just now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.features.terms.service import read_instant, resolve_terms
from openvoucher.features.vouchers.schemas import Voucher
from openvoucher.features.vouchers.service import Campaign, find_balance
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import CursorQuery

HolderRole = Literal["OWNER", "REFERRER", "REFEREE"]
RedeemableStatus = Literal["ACTIVE", "USED", "DISABLED", "NOT_ACTIVE_YET", "EXPIRED", "NO_BALANCE"]

# Of the full voucher so much is shown in the payload of an event.
_SIMPLE_VOUCHER: Final = (
    "id",
    "code",
    "type",
    "discount",
    "gift",
    "loyalty_card",
    "campaign",
    "campaign_id",
    "is_referral_code",
    "holder_id",
    "referrer_id",
    "active",
    "start_date",
    "expiration_date",
    "metadata",
    "created_at",
    "updated_at",
    "object",
)


class RedeemableQuery(CursorQuery, kw_only=True):
    order: Literal["id", "-id"] = "-id"
    filters: dict[str, Any] | None = None


class Redeemable(msgspec.Struct, kw_only=True):
    type: Literal["voucher"] = "voucher"
    voucher: Voucher
    status: RedeemableStatus


class CustomerRedeemable(msgspec.Struct, kw_only=True):
    """A voucher assigned to a customer; campaign and its type are null for a voucher without one."""

    id: str
    created_at: str
    redeemable_id: str
    redeemable_object: Literal["voucher"] = "voucher"
    customer_id: str
    holder_role: HolderRole
    campaign_id: str | None
    campaign_type: str | None
    voucher_type: str
    redeemable: Redeemable


class CustomerRedeemableList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[CustomerRedeemable]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType = UNSET


def find_status(voucher: Row, *, campaign_active: bool, now: datetime) -> RedeemableStatus:
    """Whether the holder can use it at this moment; of several obstacles the first in this order.

    A code of a disabled campaign is disabled, whatever its own flag says: it cannot be redeemed.
    """
    terms = resolve_terms(voucher)
    starts_at = read_instant(terms.get("start_date"))
    expires_at = read_instant(terms.get("expiration_date"))
    quantity = terms.get("redemption_quantity")
    if not (voucher["active"] and campaign_active):
        return "DISABLED"
    if starts_at is not None and now < starts_at:
        return "NOT_ACTIVE_YET"
    if expires_at is not None and now > expires_at:
        return "EXPIRED"
    if quantity is not None and voucher["redeemed_quantity"] >= quantity:
        return "USED"
    if voucher["type"] != "DISCOUNT_VOUCHER" and find_balance(voucher) <= 0:
        return "NO_BALANCE"
    return "ACTIVE"


def show_customer_redeemable(row: Row, voucher: Voucher, status: RedeemableStatus) -> CustomerRedeemable:
    """`row`: a holder that was read with the types of its voucher and campaign."""
    return CustomerRedeemable(
        id=show_id("rh", row["id"]),
        created_at=format_instant(row["created_at"]),
        redeemable_id=voucher.id,
        customer_id=show_id("cust", row["customer_id"]),
        holder_role=row["role"],
        campaign_id=voucher.campaign_id,
        campaign_type=row["campaign_type"],
        voucher_type=voucher.type,
        redeemable=Redeemable(voucher=voucher, status=status),
    )


# --- in the payload of events --------------------------------------------------------------------------


def show_simple_holder(row: Row, voucher: Mapping[str, Any], campaign: Campaign | None) -> dict[str, Any]:
    return {
        "id": show_id("rh", row["id"]),
        "created_at": format_instant(row["created_at"]),
        "redeemable_id": voucher["id"],
        "redeemable_object": "voucher",
        "campaign_id": voucher["campaign_id"],
        "campaign_type": campaign.campaign_type if campaign else None,
        "voucher_type": voucher["type"],
        "customer_id": show_id("cust", row["customer_id"]),
        "holder_role": row["role"],
        "object": "redeemable_holder",
    }


def show_simple_voucher(voucher: Voucher) -> dict[str, Any]:
    shown = msgspec.to_builtins(voucher)
    return {key: shown[key] for key in _SIMPLE_VOUCHER if key in shown}
