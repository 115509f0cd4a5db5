"""The wire of campaigns. Unlike vouchers, campaigns leave nulls out (all but `category_id`)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.categories.schemas import Category
from openvoucher.features.terms.schemas import (
    CodeConfig,
    Discount,
    EmptyList,
    Gift,
    Labels,
    LoyaltyCard,
    RedemptionLimit,
    Text,
    Validity,
    VoucherType,
)
from openvoucher.features.terms.service import category_of
from openvoucher.features.vouchers.schemas import Code
from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import PageQuery

CampaignType = Literal[
    "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
]
CampaignKind = Literal["AUTO_UPDATE", "STATIC", "STANDALONE"]
CreationStatus = Literal["DRAFT", "IN_PROGRESS", "DONE", "FAILED", "MODIFYING"]
VouchersCount = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
# ISO 8601 duration.
DurationText = Annotated[str, Meta(max_length=100)]


class CampaignVoucher(Validity, kw_only=True):
    """What each code of the campaign is."""

    type: VoucherType
    discount: Discount | None = None
    gift: Gift | None = None
    loyalty_card: LoyaltyCard | None = None
    redemption: RedemptionLimit | None = None
    code_config: CodeConfig | None = None
    code: Code | None = None
    is_referral_code: bool | None = None


class CustomEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    id: str | None = None
    name: str | None = None


class RewardParent(msgspec.Struct, kw_only=True, omit_defaults=True):
    id: str | None = None
    name: str | None = None
    object: str | None = None


class RefereeReward(msgspec.Struct, kw_only=True, omit_defaults=True):
    related_object_parent: RewardParent | None = None
    type: Literal["LOYALTY_CARD", "GIFT_VOUCHER"] | None = None
    # Text is how the official Python client models it.
    amount: int | str | None = None


class ReferralProgram(msgspec.Struct, kw_only=True, omit_defaults=True):
    conversion_event_type: Literal["redemption", "custom_event"] | None = None
    custom_event: CustomEvent | None = None
    referee_reward: RefereeReward | None = None


class PromotionTiers(msgspec.Struct, kw_only=True):
    tiers: list[dict[str, Any]] | None = None


class CampaignCreate(Validity, kw_only=True):
    name: Name
    # Null is what the official Python client sends for "not set".
    campaign_type: CampaignType | None = None
    type: CampaignKind | None = None
    description: Text | None = None
    vouchers_count: VouchersCount | None = None
    voucher: CampaignVoucher | None = None
    join_once: bool | None = None
    auto_join: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    activity_duration_after_publishing: DurationText | None = None
    validation_rules: list[str] | None = None
    referral_program: ReferralProgram | None = None
    loyalty_tiers_expiration: dict[str, Any] | None = None
    promotion: PromotionTiers | None = None


class CampaignUpdate(Validity, kw_only=True):
    description: Text | None | UnsetType = UNSET
    unset_metadata_fields: list[str] | None = None
    activity_duration_after_publishing: DurationText | None | UnsetType = UNSET
    join_once: bool | None = None
    auto_join: bool | None = None
    type: CampaignKind | None = None
    default_voucher_redemption: RedemptionLimit | None = None
    discount: Discount | None = None
    gift: Gift | None = None
    loyalty_tiers_expiration: dict[str, Any] | None | UnsetType = UNSET
    referral_program: ReferralProgram | None = None


class CampaignQuery(PageQuery, kw_only=True):
    campaign_type: CampaignType | None = None
    expand: Literal["category", "access_settings_assignments"] | None = None
    campaign_status: CreationStatus | None = None
    is_referral_code: bool | None = None
    order: Literal["created_at", "-created_at", "updated_at", "-updated_at"] | None = None
    filters: dict[str, Any] | None = None


class SummaryQuery(msgspec.Struct, kw_only=True):
    start_date: str | None = None
    end_date: str | None = None


class AddVouchersQuery(msgspec.Struct, kw_only=True):
    vouchers_count: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1


class AddVouchers(Labels, kw_only=True):
    code_config: CodeConfig | None = None
    code: Code | None = None
    redemption: RedemptionLimit | None = None
    additional_info: Text | None | UnsetType = UNSET
    start_date: str | None | UnsetType = UNSET
    expiration_date: str | None | UnsetType = UNSET


class TierList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["tiers"] = "tiers"
    tiers: list[dict[str, Any]] = []
    total: int = 0
    has_more: bool = False


class Campaign(msgspec.Struct, kw_only=True):
    id: str
    name: str
    campaign_type: CampaignType
    type: CampaignKind
    voucher: dict[str, Any] | UnsetType = UNSET
    referral_program: dict[str, Any] | UnsetType = UNSET
    auto_join: bool
    join_once: bool
    use_voucher_metadata_schema: bool
    description: str | UnsetType = UNSET
    start_date: str | UnsetType = UNSET
    expiration_date: str | UnsetType = UNSET
    validity_timeframe: dict[str, Any] | UnsetType = UNSET
    validity_day_of_week: list[int] | UnsetType = UNSET
    validity_hours: dict[str, Any] | UnsetType = UNSET
    activity_duration_after_publishing: str | UnsetType = UNSET
    vouchers_count: int | UnsetType = UNSET
    active: bool
    metadata: dict[str, Any]
    created_at: str
    updated_at: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    creation_status: CreationStatus
    vouchers_generation_status: Literal["IN_PROGRESS", "DONE", "FAILED"]
    protected: bool = False
    promotion: TierList | UnsetType = UNSET
    validation_rules_assignments: EmptyList | UnsetType = UNSET
    category_id: str | None
    categories: list[Category]
    loyalty_tiers_expiration: dict[str, Any] | UnsetType = UNSET
    object: Literal["campaign"] = "campaign"


class CampaignList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["campaigns"] = "campaigns"
    campaigns: list[Campaign]
    total: int


def show_campaign(
    row: Row, categories: Mapping[UUID, Category], *, in_list: bool = False, expand: bool = True
) -> Campaign:
    """The campaign of a row that was read with its newest revision. `expand`: fill `categories`."""
    terms: dict[str, Any] = row["inherited"]
    settings: dict[str, Any] = row["settings"]
    category_id = category_of(terms)
    category = categories.get(category_id) if category_id else None
    promotion = row["campaign_type"] == "PROMOTION"
    return Campaign(
        id=show_id("camp", row["id"]),
        name=row["name"],
        campaign_type=row["campaign_type"],
        type=row["type"],
        voucher=UNSET if promotion else _show_voucher_block(row, terms),
        referral_program=settings.get("referral_program") or UNSET,
        auto_join=row["auto_join"],
        join_once=row["join_once"],
        use_voucher_metadata_schema=row["use_voucher_metadata_schema"],
        description=_or_unset(row["description"]),
        start_date=_or_unset(terms.get("start_date")),
        expiration_date=_or_unset(terms.get("expiration_date")),
        validity_timeframe=_or_unset(terms.get("validity_timeframe")),
        validity_day_of_week=_or_unset(terms.get("validity_day_of_week")),
        validity_hours=_or_unset(terms.get("validity_hours")),
        activity_duration_after_publishing=_or_unset(terms.get("activity_duration_after_publishing")),
        vouchers_count=UNSET if promotion else row["vouchers_count"],
        active=row["active"],
        metadata=row["metadata"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
        category=category.name if category else UNSET,
        creation_status=row["creation_status"],
        vouchers_generation_status=_generation_status(row),
        promotion=TierList() if promotion else UNSET,
        validation_rules_assignments=UNSET if promotion or in_list else EmptyList(),
        category_id=category.id if category else None,
        categories=[category] if category and expand else [],
        loyalty_tiers_expiration=settings.get("loyalty_tiers_expiration") or UNSET,
    )


def _show_voucher_block(row: Row, terms: Mapping[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = {"type": terms["type"]}
    for field in ("discount", "gift", "loyalty_card"):
        if terms.get(field):
            block[field] = terms[field]
    block["redemption"] = {"quantity": terms.get("redemption_quantity")}
    # Of STANDALONE campaigns, too, where it decides nothing: the official Python client demands it.
    block["code_config"] = row["code_config"]
    block["is_referral_code"] = row["is_referral_code"]
    for field in ("start_date", "expiration_date", "validity_timeframe", "validity_day_of_week"):
        if terms.get(field):
            block[field] = terms[field]
    return block


def _generation_status(row: Row) -> Literal["IN_PROGRESS", "DONE", "FAILED"]:
    if row["generations"] > 0:
        return "IN_PROGRESS"
    return "FAILED" if row["generation_failed"] else "DONE"


def _or_unset(value: Any) -> Any:
    return UNSET if value is None else value
