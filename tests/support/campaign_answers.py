"""The form of campaigns and their summaries. Nulls are left out, all but `category_id`."""

from collections.abc import Mapping
from typing import Any, Final

from answer_parts import category, days_of_week, discount, hours, metadata, rule_assignments, timeframe
from field_rules import (
    Rule,
    agreeing,
    an_id,
    boolean,
    both,
    count,
    depending,
    duration,
    exactly,
    fields,
    instant,
    list_of,
    nullable,
    text,
)

code_config = fields({"length": count, "charset": text, "pattern": text}, {"prefix": text, "postfix": text})

_BENEFITS: Final[Mapping[str, tuple[str, Rule]]] = {
    "DISCOUNT_VOUCHER": ("discount", discount),
    "GIFT_VOUCHER": (
        "gift",
        fields({"amount": count}, {"effect": exactly("APPLY_TO_ORDER", "APPLY_TO_ITEMS")}),
    ),
    "LOYALTY_CARD": ("loyalty_card", fields({"points": count}, {"expiration_rules": metadata})),
}
_VOUCHER_TYPES: Final = {
    "DISCOUNT_COUPONS": "DISCOUNT_VOUCHER",
    "REFERRAL_PROGRAM": "DISCOUNT_VOUCHER",
    "GIFT_VOUCHERS": "GIFT_VOUCHER",
    "LOYALTY_PROGRAM": "LOYALTY_CARD",
}


def _campaign_voucher(campaign: Mapping[str, Any]) -> Rule:
    voucher_type = _VOUCHER_TYPES[campaign["campaign_type"]]
    benefit, rule = _BENEFITS[voucher_type]
    referral = campaign["campaign_type"] == "REFERRAL_PROGRAM"
    always: dict[str, Rule] = {
        "type": exactly(voucher_type),
        benefit: rule,
        "redemption": fields({"quantity": nullable(count)}),
        "is_referral_code": exactly(referral),
        "code_config": code_config,
    }
    return fields(
        always,
        {
            "start_date": instant,
            "expiration_date": instant,
            "validity_timeframe": timeframe,
            "validity_day_of_week": days_of_week,
        },
    )


def _choose_campaign(value: dict[str, Any], *, in_list: bool) -> Rule:
    kind = value.get("campaign_type")
    always: dict[str, Rule] = {
        "id": an_id("camp"),
        "name": text,
        "campaign_type": exactly(*_VOUCHER_TYPES, "PROMOTION"),
        "type": exactly("AUTO_UPDATE", "STATIC", "STANDALONE"),
        "auto_join": boolean,
        "join_once": boolean,
        "use_voucher_metadata_schema": boolean,
        "active": boolean,
        "metadata": metadata,
        "created_at": instant,
        "creation_status": exactly("DRAFT", "IN_PROGRESS", "DONE", "FAILED", "MODIFYING"),
        "vouchers_generation_status": exactly("IN_PROGRESS", "DONE", "FAILED"),
        "protected": exactly(False),
        "category_id": nullable(an_id("cat")),
        "categories": list_of(category),
        "object": exactly("campaign"),
    }
    when_set: dict[str, Rule] = {
        "description": text,
        "start_date": instant,
        "expiration_date": instant,
        "validity_timeframe": timeframe,
        "validity_day_of_week": days_of_week,
        "validity_hours": hours,
        "activity_duration_after_publishing": duration,
        "updated_at": instant,
        "category": text,
    }
    if kind in _VOUCHER_TYPES:
        always |= {"voucher": _campaign_voucher(value), "vouchers_count": count}
        if not in_list:
            always["validation_rules_assignments"] = rule_assignments
    else:
        tiers = fields(
            {
                "object": exactly("list"),
                "data_ref": exactly("tiers"),
                "tiers": list_of(metadata),
                "total": count,
            },
            {"has_more": boolean},
        )
        always["promotion"] = tiers
    if kind == "REFERRAL_PROGRAM":
        always["referral_program"] = fields(
            {"conversion_event_type": exactly("redemption", "custom_event")},
            {"custom_event": metadata, "referee_reward": metadata},
        )
    if kind == "LOYALTY_PROGRAM":
        when_set["loyalty_tiers_expiration"] = metadata
    return fields(always, when_set)


_category_agrees = agreeing(
    "category, category_id and categories must name the same",
    lambda value: (
        (value.get("category") is None) == (value["category_id"] is None)
        and all(
            (each["id"], each["name"]) == (value["category_id"], value["category"])
            for each in value["categories"]
        )
    ),
)
campaign = both(depending(lambda value: _choose_campaign(value, in_list=False)), _category_agrees)
campaign_in_list = both(depending(lambda value: _choose_campaign(value, in_list=True)), _category_agrees)

_TRIPLES: Final = ("redemptions", "rollbacks", "validations")
_OF_CODES: Final = (
    "vouchers_created",
    "vouchers_deleted",
    "publications",
    "publications_succeeded",
    "publications_failed",
)
_OF_DISCOUNTS: Final = ("discounted_amount", "rolledback_discounted_amount")
SUMMARY_COUNTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "PROMOTION": _OF_DISCOUNTS,
    "DISCOUNT_COUPONS": (*_OF_CODES, *_OF_DISCOUNTS),
    "REFERRAL_PROGRAM": (*_OF_CODES, *_OF_DISCOUNTS, "referred_customers"),
    "GIFT_VOUCHERS": (
        *_OF_CODES,
        "created_vouchers_amount",
        "amount_added",
        "amount_deleted",
        "amount_redeemed",
        "amount_rolledback",
        "amount_subtracted",
    ),
    "LOYALTY_PROGRAM": (
        *_OF_CODES,
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


def _choose_summary(value: dict[str, Any]) -> Rule:
    kind = (value.get("campaign") or {}).get("campaign_type", "PROMOTION")
    names = [f"{name}{ending}" for name in _TRIPLES for ending in ("", "_succeeded", "_failed")]
    names += ["orders_amount", "orders_rolledback_amount", *SUMMARY_COUNTERS[kind]]
    return fields(
        {
            "object": exactly("campaign_summary"),
            "campaign": campaign_in_list,
            **dict.fromkeys(names, count),
        }
    )


summary = both(
    depending(_choose_summary),
    agreeing("categories must be empty", lambda value: value["campaign"]["categories"] == []),
)
