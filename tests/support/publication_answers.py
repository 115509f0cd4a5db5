"""The form of answers about publications: one voucher in full (in lists: in short), or several codes."""

from collections.abc import Mapping
from typing import Any, Final

from answer_parts import discount, listing, metadata, request_id
from customer_answers import simple_customer
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
    list_of,
    nullable,
    text,
)
from voucher_answers import voucher

_COMMON: Final[Mapping[str, Rule]] = {
    "id": an_id("pub"),
    "object": exactly("publication"),
    "created_at": instant,
    "customer_id": an_id("cust"),
    "tracking_id": text,
    "metadata": metadata,
    "channel": text,
    "source_id": nullable(text),
    "customer": simple_customer,
    "vouchers_id": list_of(an_id("v")),
}
_gift = fields(
    {"amount": count, "balance": count, "effect": exactly("APPLY_TO_ORDER", "APPLY_TO_ITEMS")},
    {"subtracted_amount": count},
)
_card = fields({"points": count, "balance": count}, {"subtracted_points": count})


def _choose_short_voucher(value: dict[str, Any]) -> Rule:
    """It has one benefit and no other."""
    benefits: dict[str, Rule] = {"discount": discount, "gift": _gift, "loyalty_card": _card}
    found = next((name for name in benefits if name in value), "discount")
    return fields(
        {
            "code": text,
            "object": exactly("voucher"),
            "campaign": nullable(text),
            found: benefits[found],
            "is_referral_code": boolean,
        }
    )


def _choose_publication(value: dict[str, Any], voucher_rule: Rule) -> Rule:
    if value.get("result") == "FAILURE":
        return fields(
            {
                **_COMMON,
                "result": exactly("FAILURE"),
                "failure_code": text,
                "failure_message": text,
                "vouchers": exactly([]),
            }
        )
    published: dict[str, Rule] = (
        {"voucher": voucher_rule} if "voucher" in value else {"vouchers": list_of(text)}
    )
    return fields({**_COMMON, "result": exactly("SUCCESS"), **published})


_agrees = both(
    agreeing(
        "customer_id must be the customer's",
        lambda value: value["customer_id"] == value["customer"]["id"],
    ),
    agreeing(
        "tracking_id must be the customer's source_id, or encrypted",
        lambda value: (
            value["tracking_id"] == value["customer"]["source_id"]
            or (value["customer"]["source_id"] is None and value["tracking_id"].startswith("track_"))
        ),
    ),
    agreeing(
        "vouchers_id must have an id for each code",
        lambda value: len(value["vouchers_id"]) == len(value["vouchers"]),
    ),
    agreeing(
        "vouchers_id must have the voucher's id",
        lambda value: value["voucher"] is not None and len(value["vouchers_id"]) == 1,
    ),
)
_succeeded = depending(
    lambda value: _choose_publication(value, voucher) if value.get("result") == "SUCCESS" else fields({})
)
_publication = both(
    _succeeded,
    agreeing(
        "the published voucher must be held and counted",
        lambda value: "holder_id" in value["voucher"] and value["voucher"]["publish"]["count"] > 0,
    ),
    _agrees,
)
# A page is told an encrypted id, whoever its customer is.
_client_publication = both(
    _succeeded,
    agreeing("tracking_id must be encrypted", lambda value: value["tracking_id"].startswith("track_")),
)
_listed = both(depending(lambda value: _choose_publication(value, depending(_choose_short_voucher))), _agrees)


def _choose_refusal(value: dict[str, Any]) -> Rule:
    """That neither voucher nor campaign was sent is said without a request id."""
    shared: dict[str, Rule] = {"code": exactly(400), "key": text, "message": text, "details": text}
    if value.get("key") == "missing_vouchers":
        return fields(shared)
    return fields({**shared, "request_id": request_id})


_refusal = depending(_choose_refusal)
ANSWERS: Final[Mapping[tuple[str, str, int], Rule | str]] = {
    ("POST", "/v1/publications", 200): _publication,
    ("POST", "/v1/publications", 400): _refusal,
    ("GET", "/v1/publications", 200): listing("publications", _listed, total=count),
    ("POST", "/client/v1/publish", 200): _client_publication,
    ("POST", "/client/v1/publish", 400): _refusal,
    ("GET", "/v1/publications/create", 200): _publication,
    ("GET", "/v1/publications/create", 400): _refusal,
}
