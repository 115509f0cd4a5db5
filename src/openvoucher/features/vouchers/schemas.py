"""The wire of vouchers. Unlike campaigns, vouchers print their nulls."""

import urllib.parse
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.assets.schemas import Assets, show_assets
from openvoucher.features.categories.schemas import Category
from openvoucher.features.terms.schemas import (
    CodeConfig,
    Discount,
    EmptyList,
    Gift,
    LoyaltyCard,
    RedemptionLimit,
    Text,
    Validity,
    VoucherType,
)
from openvoucher.features.terms.service import category_of, resolve_terms
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import PageQuery

Code = Annotated[str, Meta(min_length=1, max_length=500)]


class VoucherCreate(Validity, kw_only=True):
    type: VoucherType
    discount: Discount | None = None
    gift: Gift | None = None
    loyalty_card: LoyaltyCard | None = None
    code: Code | None = None
    code_config: CodeConfig | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    active: bool | None = None
    additional_info: Text | None | UnsetType = UNSET
    redemption: RedemptionLimit | None = None
    validation_rules: list[str] | None = None


class VoucherUpdate(Validity, kw_only=True):
    active: bool | None = None
    additional_info: Text | None | UnsetType = UNSET
    discount: Discount | None = None
    redemption: RedemptionLimit | None = None


class DateRange(msgspec.Struct, kw_only=True):
    before: str | None = None
    after: str | None = None


class VoucherQuery(PageQuery, kw_only=True):
    category: str | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    customer: str | None = None
    code: str | None = None
    ids: list[str] | str | dict[str, Any] | None = None
    created_at: DateRange | None = None
    updated_at: DateRange | None = None
    order: Literal["created_at", "-created_at", "updated_at", "-updated_at", "code", "-code"] | None = None
    filters: dict[str, Any] | None = None


class ForceQuery(msgspec.Struct, kw_only=True):
    force: bool = False


class Redemption(msgspec.Struct, kw_only=True):
    quantity: int | None
    redeemed_quantity: int
    redeemed_amount: int | UnsetType = UNSET
    redeemed_points: int | UnsetType = UNSET
    object: Literal["list"] = "list"
    url: str


class Publish(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    count: int
    url: str


class Voucher(msgspec.Struct, kw_only=True):
    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category: str | None
    category_id: str | None
    categories: list[Category]
    type: VoucherType
    discount: dict[str, Any] | None
    gift: dict[str, Any] | None
    loyalty_card: dict[str, Any] | None
    start_date: str | None
    expiration_date: str | None
    validity_timeframe: dict[str, Any] | None
    validity_day_of_week: list[int] | None
    validity_hours: dict[str, Any] | UnsetType = UNSET
    active: bool
    additional_info: str | None
    metadata: dict[str, Any]
    assets: Assets
    is_referral_code: bool
    created_at: str
    updated_at: str | None
    holder_id: str | UnsetType = UNSET
    referrer_id: str | UnsetType = UNSET
    validation_rules_assignments: EmptyList | UnsetType = UNSET
    redemption: Redemption
    publish: Publish
    object: Literal["voucher"] = "voucher"


class VoucherList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"
    vouchers: list[Voucher]
    total: int


def show_voucher(
    row: Row | Mapping[str, Any], categories: Mapping[UUID, Category], call: Call, *, in_list: bool = False
) -> Voucher:
    """The voucher of a row that was read with its campaign and revision."""
    terms = resolve_terms(row)
    category_id = category_of(terms)
    category = categories.get(category_id) if category_id else None
    path = f"/v1/vouchers/{urllib.parse.quote(row['code'], safe='')}"
    holder_id = show_id("cust", row["holder_id"]) if row["holder_id"] else UNSET
    return Voucher(
        id=show_id("v", row["id"]),
        code=row["code"],
        campaign=row["campaign_name"],
        campaign_id=show_id("camp", row["campaign_id"]) if row["campaign_id"] else None,
        category=category.name if category else None,
        category_id=category.id if category else None,
        categories=[category] if category else [],
        type=row["type"],
        discount=terms.get("discount"),
        gift=_show_gift(row, terms),
        loyalty_card=_show_loyalty_card(row, terms),
        start_date=terms.get("start_date"),
        expiration_date=terms.get("expiration_date"),
        validity_timeframe=terms.get("validity_timeframe"),
        validity_day_of_week=terms.get("validity_day_of_week"),
        validity_hours=terms.get("validity_hours") or UNSET,
        active=row["active"],
        additional_info=terms.get("additional_info"),
        metadata=terms.get("metadata") or {},
        assets=show_assets(call.project, row["id"], call.base_url),
        is_referral_code=bool(row["is_referral_code"]),
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else None,
        holder_id=holder_id,
        # Of a referral code the holder is who refers.
        referrer_id=holder_id if row["is_referral_code"] else UNSET,
        validation_rules_assignments=UNSET if in_list else EmptyList(),
        redemption=Redemption(
            quantity=terms.get("redemption_quantity"),
            redeemed_quantity=row["redeemed_quantity"],
            redeemed_amount=(row["spent"] or 0) if row["type"] == "GIFT_VOUCHER" else UNSET,
            redeemed_points=(row["spent"] or 0) if row["type"] == "LOYALTY_CARD" else UNSET,
            url=f"{path}/redemptions?page=1&limit=10",
        ),
        publish=Publish(count=row["published_count"], url=f"{path}/publications?page=1&limit=10"),
    )


def _show_gift(row: Row | Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any] | None:
    if row["type"] != "GIFT_VOUCHER":
        return None
    gift = terms.get("gift") or {}
    opened = row["balance"] is not None
    amount = row["credited"] if opened else gift.get("amount", 0)
    shown = {"amount": amount}
    if row["subtracted"]:
        shown["subtracted_amount"] = row["subtracted"]
    return {
        **shown,
        "balance": row["balance"] if opened else amount,
        "effect": gift.get("effect", "APPLY_TO_ORDER"),
    }


def _show_loyalty_card(row: Row | Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any] | None:
    if row["type"] != "LOYALTY_CARD":
        return None
    opened = row["balance"] is not None
    points = row["credited"] if opened else (terms.get("loyalty_card") or {}).get("points", 0)
    shown = {"points": points, "balance": row["balance"] if opened else points}
    if row["subtracted"]:
        shown["subtracted_points"] = row["subtracted"]
    return shown
