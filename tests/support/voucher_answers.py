"""The form of vouchers, which print their nulls, and of what happens to their balances."""

from typing import Any

from answer_parts import (
    category,
    cursor_listing,
    days_of_week,
    discount,
    hours,
    metadata,
    rule_assignments,
    timeframe,
)
from field_rules import (
    Rule,
    agreeing,
    an_id,
    boolean,
    both,
    count,
    depending,
    exactly,
    fields,
    instant,
    integer,
    list_of,
    matching,
    nullable,
    text,
)

_gift = both(
    fields(
        {"amount": count, "balance": count, "effect": exactly("APPLY_TO_ORDER", "APPLY_TO_ITEMS")},
        {"subtracted_amount": count},
    ),
)
_card = fields(
    {"points": count, "balance": count},
    {
        "next_expiration_date": matching(r"\d{4}-\d\d-\d\d", "a day"),
        "next_expiration_points": count,
        "pending_points": count,
        "expired_points": count,
        "subtracted_points": count,
    },
)


def _asset(kind: str) -> Rule:
    return fields(
        {
            "id": matching(r"U2FsdGVkX1[0-9A-Za-z+/]+=*", "an asset id"),
            "url": matching(rf"https?://[^/]+/api/v1/assets/{kind}/U2FsdGVkX1[0-9A-Za-z%]+", "its address"),
        }
    )


def _choose_voucher(value: dict[str, Any], *, in_list: bool) -> Rule:
    kind = value.get("type")
    null = exactly(None)
    redeemed: dict[str, Rule] = {}
    if kind == "GIFT_VOUCHER":
        redeemed["redeemed_amount"] = count
    if kind == "LOYALTY_CARD":
        redeemed["redeemed_points"] = count
    always: dict[str, Rule] = {
        "id": an_id("v"),
        "code": text,
        "campaign": nullable(text),
        "campaign_id": nullable(an_id("camp")),
        "category": nullable(text),
        "category_id": nullable(an_id("cat")),
        "categories": list_of(category),
        "type": exactly("DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"),
        "discount": discount if kind == "DISCOUNT_VOUCHER" else null,
        "gift": _gift if kind == "GIFT_VOUCHER" else null,
        "loyalty_card": _card if kind == "LOYALTY_CARD" else null,
        "start_date": nullable(instant),
        "expiration_date": nullable(instant),
        "validity_timeframe": nullable(timeframe),
        "validity_day_of_week": nullable(days_of_week),
        "active": boolean,
        "additional_info": nullable(text),
        "metadata": metadata,
        "assets": fields({"qr": _asset("qr"), "barcode": _asset("barcode")}),
        "is_referral_code": boolean,
        "created_at": instant,
        "updated_at": nullable(instant),
        "redemption": fields(
            {
                "quantity": nullable(count),
                "redeemed_quantity": count,
                **redeemed,
                "object": exactly("list"),
                "url": matching(r"/v1/vouchers/[^/?#]+/redemptions\?page=1&limit=10", "its redemptions"),
            }
        ),
        "publish": fields(
            {
                "object": exactly("list"),
                "count": count,
                "url": matching(r"/v1/vouchers/[^/?#]+/publications\?page=1&limit=10", "its publications"),
            }
        ),
        "object": exactly("voucher"),
    }
    if not in_list:
        always["validation_rules_assignments"] = rule_assignments
    return fields(always, {"validity_hours": hours, "holder_id": an_id("cust"), "referrer_id": an_id("cust")})


_voucher_agrees = both(
    agreeing(
        "campaign and campaign_id must be null together",
        lambda value: (value["campaign"] is None) == (value["campaign_id"] is None),
    ),
    agreeing(
        "category, category_id and categories must name the same",
        lambda value: (
            [(each["id"], each["name"]) for each in value["categories"]]
            == ([(value["category_id"], value["category"])] if value["category_id"] else [])
        ),
    ),
    agreeing(
        "gift.balance must be amount - subtracted_amount - redeemed_amount",
        lambda value: (
            value["gift"]["balance"]
            == value["gift"]["amount"]
            - value["gift"].get("subtracted_amount", 0)
            - value["redemption"]["redeemed_amount"]
        ),
    ),
    agreeing(
        "loyalty_card.balance must be points - expired - subtracted - redeemed",
        lambda value: (
            value["loyalty_card"]["balance"]
            == value["loyalty_card"]["points"]
            - value["loyalty_card"].get("expired_points", 0)
            - value["loyalty_card"].get("subtracted_points", 0)
            - value["redemption"]["redeemed_points"]
        ),
    ),
)
voucher = both(depending(lambda value: _choose_voucher(value, in_list=False)), _voucher_agrees)
voucher_in_list = both(depending(lambda value: _choose_voucher(value, in_list=True)), _voucher_agrees)

_related_voucher = fields({"type": exactly("voucher"), "id": an_id("v")})
balance = fields(
    {
        "amount": integer,
        "total": count,
        "balance": count,
        "type": exactly("gift_voucher", "loyalty_card"),
        "operation_type": exactly("MANUAL"),
        "object": exactly("balance"),
        "related_object": _related_voucher,
    }
)


def _choose_transaction_balance(value: dict[str, Any]) -> Rule:
    changed = "points" if value.get("type") == "loyalty_card" else "amount"
    return fields(
        {
            "type": exactly("gift_voucher", "loyalty_card"),
            "total": count,
            "object": exactly("balance"),
            changed: integer,
            "balance": count,
            "related_object": _related_voucher,
        },
        {"operation_type": exactly("MANUAL", "AUTOMATIC")},
    )


transaction = fields(
    {
        "id": an_id("vtx"),
        "source_id": nullable(text),
        "voucher_id": an_id("v"),
        "campaign_id": nullable(an_id("camp")),
        "source": nullable(text),
        "reason": nullable(text),
        "type": matching(r"(CREDITS|POINTS)_(ADDITION|REMOVAL|REDEMPTION|REFUND)", "a type of transaction"),
        "details": fields({"balance": depending(_choose_transaction_balance)}),
        "related_transaction_id": nullable(an_id("vtx")),
        "created_at": instant,
    }
)
transactions = cursor_listing("data", transaction)
no_transactions = fields(
    {"object": exactly("list"), "data_ref": exactly("data"), "data": exactly([]), "total": exactly(0)}
)
