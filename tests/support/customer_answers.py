"""The form of answers about customers. The full form leaves out what was never set and prints what was set to
null; the simple one, inside other objects, prints its nulls."""

from collections.abc import Mapping
from typing import Any, Final

from action_answers import accepted
from answer_parts import cursor_listing, listing, metadata, request_id
from field_rules import (
    Rule,
    agreeing,
    an_id,
    anything,
    boolean,
    both,
    count,
    depending,
    exactly,
    fields,
    instant,
    list_of,
    map_of,
    matching,
    nullable,
    text,
)
from voucher_answers import voucher_in_list

simple_customer = fields(
    {
        "id": an_id("cust"),
        "name": nullable(text),
        "email": nullable(text),
        "source_id": nullable(text),
        "metadata": metadata,
        "object": exactly("customer"),
    }
)

# --- the full form -------------------------------------------------------------------------------------

_day = matching(r"\d{4}-\d\d-\d\d", "a day")
_address = fields(
    {},
    dict.fromkeys(("city", "state", "line_1", "line_2", "country", "postal_code"), nullable(text)),
)
_redemptions = both(
    fields(
        {
            "total_redeemed": count,
            "total_failed": count,
            "total_succeeded": count,
            "total_rolled_back": count,
            "total_rollback_failed": count,
            "total_rollback_succeeded": count,
            "gift": fields({"redeemed_amount": count, "amount_to_go": count}),
            "loyalty_card": fields({"redeemed_points": count, "points_to_go": count}),
        }
    ),
    agreeing(
        "total_redeemed must be total_succeeded",
        lambda value: value["total_redeemed"] == value["total_succeeded"],
    ),
)


def _choose_orders(value: dict[str, Any]) -> Rule:
    """Without an order there is no date of the last one."""
    dated: dict[str, Rule] = {"last_order_date": instant} if value.get("total_count") else {}
    names = ("total_amount", "total_count", "average_amount", "last_order_amount")
    return fields({**dict.fromkeys(names, count), **dated})


_orders = both(
    depending(_choose_orders),
    agreeing(
        "average_amount must be total_amount / total_count",
        lambda value: (
            abs(value["average_amount"] * value["total_count"] - value["total_amount"])
            <= value["total_count"] / 2
        ),
    ),
)
_loyalty = both(
    fields(
        {
            "points": count,
            "referred_customers": count,
            "campaigns": map_of(
                fields({"points": count, "referred_customers": count}, {"loyalty_tier": an_id("ltr")})
            ),
        }
    ),
    agreeing(
        "points must be the sum of the campaigns'",
        lambda value: value["points"] == sum(each["points"] for each in value["campaigns"].values()),
    ),
)
_referral = fields(
    {
        "campaign_id": nullable(an_id("camp")),
        "referrer_id": an_id("cust"),
        "related_object_id": text,
        "related_object_type": text,
        "date": instant,
    }
)
_referrals = both(
    fields({"total": count, "campaigns": list_of(_referral)}),
    agreeing("total must count them", lambda value: value["total"] == len(value["campaigns"])),
)
_ALWAYS: Final[Mapping[str, Rule]] = {
    "id": an_id("cust"),
    "source_id": nullable(text),
    "address": nullable(_address),
    "summary": fields({"redemptions": _redemptions, "orders": _orders}),
    "loyalty": _loyalty,
    "referrals": _referrals,
    "system_metadata": metadata,
    "created_at": instant,
    "object": exactly("customer"),
}
_WHEN_SET: Final[Mapping[str, Rule]] = {
    "name": nullable(text),
    "description": nullable(text),
    "email": nullable(text),
    "phone": nullable(text),
    "birthday": nullable(_day),
    "birthdate": nullable(_day),
    "metadata": nullable(metadata),
    "updated_at": instant,
}
customer = fields(_ALWAYS, _WHEN_SET)
# Asked for alone it has what its cockpit left behind.
customer_alone = fields({**_ALWAYS, "assets": fields({})}, _WHEN_SET)


def _choose_customers(value: dict[str, Any]) -> Rule:
    """Only a list that is scrolled says whether there is more."""
    more: dict[str, Rule] = {"has_more": boolean} if "has_more" in value else {}
    return listing("customers", customer, total=count, **more)


# --- what it holds, what it did ---------------------------------------------------------------------------

_CAMPAIGN_TYPES: Final = (
    "DISCOUNT_COUPONS",
    "REFERRAL_PROGRAM",
    "GIFT_VOUCHERS",
    "LOYALTY_PROGRAM",
)
redeemable = both(
    fields(
        {
            "id": an_id("rh"),
            "created_at": instant,
            "redeemable_id": an_id("v"),
            "redeemable_object": exactly("voucher"),
            "customer_id": an_id("cust"),
            "holder_role": exactly("OWNER", "REFEREE", "REFERRER"),
            "campaign_id": nullable(an_id("camp")),
            "campaign_type": nullable(exactly(*_CAMPAIGN_TYPES)),
            "voucher_type": exactly("DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"),
            "redeemable": fields(
                {
                    "type": exactly("voucher"),
                    "voucher": voucher_in_list,
                    "status": exactly(
                        "ACTIVE", "USED", "DISABLED", "NOT_ACTIVE_YET", "EXPIRED", "NO_BALANCE"
                    ),
                }
            ),
        }
    ),
    agreeing(
        "it must say of its voucher what the voucher says",
        lambda value: (
            (value["redeemable_id"], value["campaign_id"], value["voucher_type"])
            == tuple(value["redeemable"]["voucher"][name] for name in ("id", "campaign_id", "type"))
        ),
    ),
)

event_source = fields(
    {
        "channel": text,
        "user": nullable(fields({"id": text})),
        "api_key": nullable(fields({"name": nullable(text), "app_id": text})),
    }
)
activity = both(
    fields(
        {
            "id": an_id("evcus"),
            "type": matching(r"customer\.[a-z_]+(\.[a-z_]+)*", "a type of customer activity"),
            "data": fields({"data": map_of(anything), "event_source": event_source}),
            "created_at": instant,
            "group_id": request_id,
        }
    ),
    agreeing(
        "its payload must name the customer",
        lambda value: value["data"]["data"]["customer"]["object"] == "customer",
    ),
)

# --- what else is answered ---------------------------------------------------------------------------------

_empty_list = fields(
    {"object": exactly("list"), "data_ref": exactly("data"), "data": exactly([]), "total": exactly(0)}
)
_COUNTS: Final = (
    "events",
    "customer_events",
    "daily_events",
    "segments",
    "orders",
    "order_events",
    "customer",
)
permanent_deletion = fields(
    {
        "id": an_id("del"),
        "created_at": instant,
        "related_object_id": an_id("cust"),
        "related_object": exactly("customer"),
        "status": exactly("DONE"),
        "data_json": fields(dict.fromkeys(_COUNTS, count)),
        "object": exactly("pernament_deletion"),
    }
)
customer_segments = both(
    listing(
        "data",
        fields({"id": an_id("seg"), "name": text, "object": exactly("segment")}),
        total=count,
    ),
    agreeing("total must count them", lambda value: value["total"] == len(value["data"])),
)

_NOTHING: Final = "an empty body"
ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("GET", "/v1/customers", 200): depending(_choose_customers),
    ("POST", "/v1/customers", 200): customer,
    ("POST", "/v1/customers/importCSV", 202): accepted,
    ("POST", "/v1/customers/bulk/async", 202): accepted,
    ("POST", "/v1/customers/metadata/async", 202): accepted,
    ("GET", "/v1/customers/*", 200): customer_alone,
    ("PUT", "/v1/customers/*", 200): customer,
    ("DELETE", "/v1/customers/*", 204): _NOTHING,
    ("POST", "/v1/customers/*/permanent-deletion", 200): permanent_deletion,
    ("GET", "/v1/customers/*/segments", 200): customer_segments,
    ("GET", "/v1/customers/*/redeemables", 200): cursor_listing("data", redeemable, total=count),
    ("GET", "/v1/customers/*/activity", 200): cursor_listing("data", activity),
    ("GET", "/v1/customers/*/activities", 200): cursor_listing("activities", activity),
    ("PUT", "/v1/customers/*/consents", 204): _NOTHING,
    ("GET", "/v1/consents", 200): fields({"groups": _empty_list, "consents": _empty_list}),
}
