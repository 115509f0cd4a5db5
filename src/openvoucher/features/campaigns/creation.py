"""Reads a request to create a campaign into its row and what its codes inherit."""

import dataclasses
from typing import Any, Final

import msgspec
from msgspec import UNSET

from openvoucher.engine.codes import CodePattern
from openvoucher.engine.durations import InvalidDuration, parse_duration
from openvoucher.features.campaigns.schemas import CampaignCreate, CampaignType, CampaignVoucher
from openvoucher.features.terms.schemas import Discount
from openvoucher.features.terms.service import (
    check_validity,
    read_code_config,
    read_discount,
    read_gift,
    read_validity,
)
from openvoucher.wire.errors import invalid_campaign, invalid_payload, not_found

# What a campaign of each type is made of: the type of its vouchers and the field they need.
_VOUCHERS: Final = {
    "DISCOUNT_COUPONS": ("DISCOUNT_VOUCHER", "discount"),
    "REFERRAL_PROGRAM": ("DISCOUNT_VOUCHER", "discount"),
    "GIFT_VOUCHERS": ("GIFT_VOUCHER", "gift"),
    "LOYALTY_PROGRAM": ("LOYALTY_CARD", "loyalty_card"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class NewCampaign:
    """columns: of the campaign's row. inherited: its first revision. code: of a STANDALONE campaign."""

    columns: dict[str, Any]
    inherited: dict[str, Any]
    vouchers_count: int
    pattern: CodePattern | None
    code: str | None


def read_campaign(body: CampaignCreate, category_id: str | None) -> NewCampaign:
    """Raises invalid_campaign, invalid_payload, invalid_code_config, invalid_gift, not_found (rules)."""
    if body.validation_rules:
        if len(body.validation_rules) > 1:
            raise invalid_payload("Property .validation_rules must NOT have more than 1 items")
        raise not_found("validation_rules", body.validation_rules[0])
    if body.promotion is not None and body.promotion.tiers:
        raise invalid_payload("Property .promotion.tiers must NOT have more than 0 items")
    kind = body.type or ("STATIC" if _type_of(body) == "PROMOTION" else "AUTO_UPDATE")
    if kind == "STANDALONE" and _type_of(body) not in ("DISCOUNT_COUPONS", "GIFT_VOUCHERS"):
        raise invalid_campaign(f"{_type_of(body)} campaign cannot be of type STANDALONE")
    inherited = read_validity(body)
    config: dict[str, Any] = {}
    pattern = None
    if _type_of(body) != "PROMOTION":
        voucher = _check_voucher(body)
        inherited = {**read_validity(voucher), **inherited}
        inherited |= _read_benefit(_type_of(body), voucher)
        config, pattern = read_code_config(voucher.code_config)
    check_validity(inherited)
    inherited["category_id"] = category_id
    if body.activity_duration_after_publishing:
        inherited["activity_duration_after_publishing"] = read_duration(
            body.activity_duration_after_publishing
        )
    metadata = body.metadata if isinstance(body.metadata, dict) else {}
    shares_metadata = body.use_voucher_metadata_schema is not False
    inherited["metadata"] = metadata if shares_metadata else {}
    loyalty = _type_of(body) == "LOYALTY_PROGRAM"
    standalone = kind == "STANDALONE"
    return NewCampaign(
        columns={
            "campaign_type": _type_of(body),
            "type": kind,
            "description": body.description,
            "code_config": config,
            "is_referral_code": _type_of(body) == "REFERRAL_PROGRAM",
            "auto_join": bool(body.auto_join) and loyalty,
            "join_once": loyalty or (bool(body.join_once) and not standalone),
            "use_voucher_metadata_schema": shares_metadata,
            "settings": _read_settings(body),
            "metadata": metadata,
        },
        inherited=inherited,
        vouchers_count=_count_vouchers(body, standalone),
        pattern=pattern,
        code=body.voucher.code if body.voucher and standalone else None,
    )


def read_discount_of(inherited: dict[str, Any], discount: Discount) -> dict[str, Any]:
    """A discount that replaces the campaign's. Raises invalid_campaign if its type differs."""
    if (inherited.get("discount") or {}).get("type") != discount.type:
        raise invalid_campaign("It is not possible to change Campaign discount type")
    return read_discount(discount)


def read_duration(text: str) -> str:
    """Raises invalid_payload."""
    try:
        parse_duration(text)
    except InvalidDuration as error:
        raise invalid_payload(f"Property .activity_duration_after_publishing {error}") from None
    return text


def _type_of(body: CampaignCreate) -> CampaignType:
    return body.campaign_type or "DISCOUNT_COUPONS"


def _check_voucher(body: CampaignCreate) -> CampaignVoucher:
    if body.voucher is None:
        raise invalid_payload("Payload must have required property 'voucher'")
    voucher_type, field = _VOUCHERS[_type_of(body)]
    if body.voucher.type != voucher_type:
        raise invalid_campaign(f"Voucher type {body.voucher.type} does not fit {_type_of(body)} campaign")
    if getattr(body.voucher, field) is None:
        raise invalid_campaign(f"Property '{field}' is required for {_type_of(body)} campaign")
    return body.voucher


def _read_benefit(campaign_type: str, voucher: CampaignVoucher) -> dict[str, Any]:
    benefit: dict[str, Any] = {"type": voucher.type, "redemption_quantity": None}
    if voucher.redemption is not None and voucher.redemption.quantity is not UNSET:
        benefit["redemption_quantity"] = voucher.redemption.quantity
    if campaign_type == "GIFT_VOUCHERS" and voucher.gift is not None:
        benefit["gift"] = read_gift(voucher.gift)
    elif campaign_type == "LOYALTY_PROGRAM":
        benefit["loyalty_card"] = msgspec.to_builtins(voucher.loyalty_card)
    elif voucher.discount is not None:
        benefit["discount"] = read_discount(voucher.discount, path=".voucher.discount")
    return benefit


def _read_settings(body: CampaignCreate) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if _type_of(body) == "REFERRAL_PROGRAM" and body.referral_program is not None:
        settings["referral_program"] = msgspec.to_builtins(body.referral_program)
    if _type_of(body) == "LOYALTY_PROGRAM" and body.loyalty_tiers_expiration is not None:
        settings["loyalty_tiers_expiration"] = body.loyalty_tiers_expiration
    return settings


def _count_vouchers(body: CampaignCreate, standalone: bool) -> int:
    if _type_of(body) == "PROMOTION":
        return 0
    return 1 if standalone else body.vouchers_count or 0
