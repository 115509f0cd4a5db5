"""Bodies of requests in which nothing is remarkable but what a test changes, and of refusals."""

import re
from typing import Any, Final
from urllib.parse import quote

import httpx

# --- campaigns and vouchers ----------------------------------------------------------------------

CHARSET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_CODE_CONFIG: Final = {"length": 8, "charset": CHARSET, "pattern": "########"}

_BENEFITS: Final[dict[str, dict[str, Any]]] = {
    "DISCOUNT_VOUCHER": {"discount": {"type": "PERCENT", "percent_off": 10}},
    "GIFT_VOUCHER": {"gift": {"amount": 10_000}},
    "LOYALTY_CARD": {"loyalty_card": {"points": 300}},
}
_VOUCHER_TYPES: Final = {
    "DISCOUNT_COUPONS": "DISCOUNT_VOUCHER",
    "REFERRAL_PROGRAM": "DISCOUNT_VOUCHER",
    "GIFT_VOUCHERS": "GIFT_VOUCHER",
    "LOYALTY_PROGRAM": "LOYALTY_CARD",
}
_MESSAGES: Final = {
    "duplicate_found": "Duplicated resource found",
    "duplicate_key": "Duplicate codes",
    "gift_amount_exceeded": "Gift amount exceeded",
    "invalid_add_balance_params": "Invalid add balance params",
    "invalid_amount": "Invalid Amount",
    "invalid_async_action": "Invalid async action",
    "invalid_campaign": "Invalid Campaign",
    "invalid_campaign_params": "Invalid campaign params",
    "invalid_code_config": "Invalid code config",
    "invalid_gift": "Invalid gift",
    "invalid_payload": "Invalid payload",
    "invalid_query_params": "Invalid query params",
    "invalid_voucher": "Invalid Voucher",
    "loyalty_card_points_exceeded": "Loyalty card points exceeded",
    "metadata_validation_failed": "Metadata validation failed",
    "not_found": "Resource not found",
    "page_over_limit": "Listing resource above 1000 page is not supported",
}


def a_voucher(type: str = "DISCOUNT_VOUCHER", **changes: Any) -> dict[str, Any]:
    """A voucher, or the voucher block of a campaign: 10 % off, 100.00 to spend, or 300 points."""
    return {"type": type, **_BENEFITS[type], **changes}


def a_campaign(
    *, campaign_type: str = "DISCOUNT_COUPONS", voucher: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A campaign called Spring without codes. `voucher` changes the block that fits its type."""
    body: dict[str, Any] = {"name": "Spring", "campaign_type": campaign_type, **changes}
    if campaign_type in _VOUCHER_TYPES:
        body["voucher"] = {**a_voucher(_VOUCHER_TYPES[campaign_type]), **(voucher or {})}
    return body


# --- vouchers as they are shown ------------------------------------------------------------------

_SHOWN_BENEFITS: Final[dict[str, dict[str, Any]]] = {
    "DISCOUNT_VOUCHER": {"discount": {"type": "PERCENT", "percent_off": 10}},
    "GIFT_VOUCHER": {"gift": {"amount": 10_000, "balance": 10_000, "effect": "APPLY_TO_ORDER"}},
    "LOYALTY_CARD": {"loyalty_card": {"points": 300, "balance": 300}},
}
_REDEEMED: Final = {"GIFT_VOUCHER": {"redeemed_amount": 0}, "LOYALTY_CARD": {"redeemed_points": 0}}
EMPTY_LIST: Final = {"object": "list", "data_ref": "data", "data": [], "total": 0}


def a_shown_voucher(
    code: str, type: str = "DISCOUNT_VOUCHER", *, quantity: int | None = None, **changes: Any
) -> dict[str, Any]:
    """`a_voucher` without a campaign, as it is shown before anything happened to it, but for what
    `without_identity` takes away. `quantity`: how often it can be redeemed."""
    address = f"/v1/vouchers/{quote(code, safe='')}"
    return {
        "code": code,
        "campaign": None,
        "campaign_id": None,
        "category": None,
        "category_id": None,
        "categories": [],
        "type": type,
        "discount": None,
        "gift": None,
        "loyalty_card": None,
        **_SHOWN_BENEFITS[type],
        "start_date": None,
        "expiration_date": None,
        "validity_timeframe": None,
        "validity_day_of_week": None,
        "active": True,
        "additional_info": None,
        "metadata": {},
        "is_referral_code": False,
        "updated_at": None,
        "validation_rules_assignments": EMPTY_LIST,
        "redemption": {
            "quantity": quantity,
            "redeemed_quantity": 0,
            **_REDEEMED.get(type, {}),
            "object": "list",
            "url": f"{address}/redemptions?page=1&limit=10",
        },
        "publish": {"object": "list", "count": 0, "url": f"{address}/publications?page=1&limit=10"},
        "object": "voucher",
        **changes,
    }


def without_identity(voucher: dict[str, Any]) -> dict[str, Any]:
    """Without what the server made up: id, time of creation, assets."""
    return {name: value for name, value in voucher.items() if name not in ("id", "created_at", "assets")}


# --- refusals --------------------------------------------------------------------------------------


def a_refusal(
    status: int, key: str, details: str | None, *, resource: tuple[str, str] | None = None
) -> dict[str, Any]:
    """The body of a refusal without its request id. `resource`: (type, what the caller sent)."""
    body: dict[str, Any] = {"code": status, "key": key, "message": _MESSAGES[key], "details": details}
    if resource is not None:
        body |= {"resource_id": resource[1], "resource_type": resource[0]}
    return body


def not_there(type: str, sent: str) -> dict[str, Any]:
    """The refusal of what cannot be found."""
    return a_refusal(404, "not_found", f"Cannot find {type} with id {sent}", resource=(type, sent))


def is_taken(type: str, field: str, sent: str) -> dict[str, Any]:
    """The refusal of a name or code that is in use."""
    details = f"Duplicated {type} exists with {field} {sent}"
    return a_refusal(409, "duplicate_found", details, resource=(type, sent))


def read_refusal(answer: httpx.Response) -> dict[str, Any]:
    """The body of a refusal, whose status and request id are as they must be, without the latter."""
    body: dict[str, Any] = answer.json()
    assert re.fullmatch(r"v-[0-9a-f]{18}", body.pop("request_id"))
    assert body["code"] == answer.status_code
    return body
