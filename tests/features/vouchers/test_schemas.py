"""Vouchers as the wire shows them, from rows made by hand; and what requests about them may hold."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from builders import EMPTY_LIST, a_shown_voucher, a_voucher, without_identity
from openvoucher.features.categories.schemas import Category
from openvoucher.features.vouchers.schemas import (
    VoucherCreate,
    VoucherQuery,
    VoucherUpdate,
    show_voucher,
)
from openvoucher.platform.call import Call, Caller, Project
from openvoucher.platform.db import Database
from openvoucher.platform.http.violations import describe_violation
from openvoucher.settings import Settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ID, CAMPAIGN_ID, CATEGORY_ID = UUID(int=1), UUID(int=2), UUID(int=3)
SALE = Category(id=f"cat_{CATEGORY_ID.hex}", name="Sale", hierarchy=0, created_at="2026-01-01T00:00:00.000Z")

ORDER = (
    "id code campaign campaign_id category category_id categories type discount gift loyalty_card start_date"
    " expiration_date validity_timeframe validity_day_of_week validity_hours active additional_info metadata"
    " assets is_referral_code created_at updated_at validation_rules_assignments redemption publish object"
)


@pytest.fixture
def project() -> Project:
    return Project(
        id=1, uid=UUID(int=9), name="p", timezone=ZoneInfo("UTC"), currency="EUR", asset_key=b"k" * 64
    )


@pytest.fixture
def call(project: Project) -> Call:
    """A call that reaches no database."""
    caller = Caller(project=project, key_id=UUID(int=8), kind="server", app_id="a")
    return Call(
        caller=caller,
        db=Database("postgresql://nowhere/none"),
        settings=Settings(public_url="http://test"),
        now=NOW,
        request_id="v-0",
        channel="API",
        base_url="http://test",
    )


def a_row(type: str = "DISCOUNT_VOUCHER", code: str = "A", **changes: Any) -> dict[str, Any]:
    """A standalone voucher that was just made, as it is read from the database."""
    own = {name: value for name, value in a_voucher(type).items() if name != "type"}
    if type == "GIFT_VOUCHER":
        own["gift"]["effect"] = "APPLY_TO_ORDER"
    return {
        "id": ID,
        "code": code,
        "type": type,
        "campaign_id": None,
        "campaign_name": None,
        "is_referral_code": None,
        "inherited": None,
        "sent": None,
        "own": own,
        "own_revision": 0,
        "revision": None,
        "holder_id": None,
        "active": True,
        "redeemed_quantity": 0,
        "published_count": 0,
        "credited": None,
        "subtracted": None,
        "spent": None,
        "balance": None,
        "created_at": NOW,
        "updated_at": None,
        **changes,
    }


def show(call: Call, row: dict[str, Any], *, in_list: bool = False) -> dict[str, Any]:
    """The voucher as the answer's JSON has it."""
    made = show_voucher(row, {CATEGORY_ID: SALE}, call, in_list=in_list)
    shown: dict[str, Any] = json.loads(msgspec.json.encode(made))
    return shown


@pytest.mark.parametrize("type", ["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"])
def test_what_is_not_set_is_printed_as_null(call: Call, type: str) -> None:
    shown = show(call, a_row(type))
    assert without_identity(shown) == a_shown_voucher("A", type)
    assert (shown["id"], shown["created_at"]) == (f"v_{ID.hex}", "2026-03-01T12:00:00.000Z")


def test_the_fields_stand_in_the_order_of_the_contract(call: Call) -> None:
    hours = {"daily": [{"days_of_week": [1]}]}
    row = a_row(own={**a_row()["own"], "validity_hours": hours})
    shown = show(call, row)
    assert " ".join(shown) == ORDER
    assert list(shown["redemption"]) == ["quantity", "redeemed_quantity", "object", "url"]
    assert list(shown["publish"]) == ["object", "count", "url"]
    assert shown["validity_hours"] == hours


@pytest.mark.parametrize("cleared", [{}, {"validity_hours": None}])
def test_hours_that_are_not_set_are_absent(call: Call, cleared: dict[str, Any]) -> None:
    assert "validity_hours" not in show(call, a_row(own={**a_row()["own"], **cleared}))


def test_in_a_list_the_assignments_are_absent_and_nothing_else(call: Call) -> None:
    alone, listed = show(call, a_row()), show(call, a_row(), in_list=True)
    assert alone.pop("validation_rules_assignments") == EMPTY_LIST
    assert listed == alone


def test_only_a_change_gives_a_time_of_change(call: Call) -> None:
    changed_at = NOW + timedelta(seconds=1, microseconds=2999)
    assert show(call, a_row(updated_at=changed_at))["updated_at"] == "2026-03-01T12:00:01.002Z"


@pytest.mark.parametrize(
    ("figures", "gift", "redeemed"),
    [
        # (credited, subtracted, spent, balance)
        ((10_000, 0, 0, 10_000), {"amount": 10_000, "balance": 10_000}, 0),
        (
            (10_000, 2000, 3000, 5000),
            {"amount": 10_000, "subtracted_amount": 2000, "balance": 5000},
            3000,
        ),
        (
            (10_500, 2000, 3000, 5500),
            {"amount": 10_500, "subtracted_amount": 2000, "balance": 5500},
            3000,
        ),
        ((10_000, 0, 10_000, 0), {"amount": 10_000, "balance": 0}, 10_000),
    ],
)
def test_a_gift_card_shows_its_ledger(
    call: Call, figures: tuple[int, ...], gift: dict[str, int], redeemed: int
) -> None:
    ledger = zip(("credited", "subtracted", "spent", "balance"), figures, strict=True)
    shown = show(call, {**a_row("GIFT_VOUCHER"), **dict(ledger)})
    assert shown["gift"] == {**gift, "effect": "APPLY_TO_ORDER"}
    assert shown["redemption"]["redeemed_amount"] == redeemed
    assert "redeemed_points" not in shown["redemption"]


def test_a_loyalty_card_shows_its_ledger(call: Call) -> None:
    shown = show(call, a_row("LOYALTY_CARD", credited=300, subtracted=10, spent=100, balance=190))
    assert shown["loyalty_card"] == {"points": 300, "balance": 190, "subtracted_points": 10}
    assert shown["redemption"]["redeemed_points"] == 100
    assert "redeemed_amount" not in shown["redemption"]


def test_a_card_without_a_ledger_shows_what_its_campaign_gives_now(call: Call) -> None:
    inherited = {"gift": {"amount": 700, "effect": "APPLY_TO_ITEMS"}, "metadata": {}}
    row = a_row(
        "GIFT_VOUCHER", own=None, inherited=inherited, sent={}, campaign_id=CAMPAIGN_ID, campaign_name="G"
    )
    assert show(call, row)["gift"] == {"amount": 700, "balance": 700, "effect": "APPLY_TO_ITEMS"}
    opened = {**row, "credited": 500, "subtracted": 0, "spent": 0, "balance": 500}
    assert show(call, opened)["gift"] == {"amount": 500, "balance": 500, "effect": "APPLY_TO_ITEMS"}


def test_a_code_of_a_campaign_lays_its_own_values_over_the_inherited_ones(call: Call) -> None:
    row = a_row(
        campaign_id=CAMPAIGN_ID,
        campaign_name="Spring",
        is_referral_code=True,
        inherited={
            "discount": {"type": "AMOUNT", "amount_off": 5},
            "start_date": "2026-01-01T00:00:00.000Z",
            "expiration_date": "2026-12-31T00:00:00.000Z",
            "redemption_quantity": 1,
            "category_id": CATEGORY_ID.hex,
            "metadata": {"a": 1, "b": 1},
        },
        sent={"start_date": 2, "metadata.b": 2},
        own={
            "start_date": "2020-01-01T00:00:00.000Z",
            "expiration_date": None,
            "redemption_quantity": 7,
            "metadata": {"b": 2, "c": 2},
        },
        own_revision=1,
    )
    assert without_identity(show(call, row)) == a_shown_voucher(
        "A",
        quantity=7,
        campaign="Spring",
        campaign_id=f"camp_{CAMPAIGN_ID.hex}",
        is_referral_code=True,
        discount={"type": "AMOUNT", "amount_off": 5},
        # The campaign sent its start after the code had set its own.
        start_date="2026-01-01T00:00:00.000Z",
        expiration_date=None,
        category="Sale",
        category_id=SALE.id,
        categories=[msgspec.to_builtins(SALE)],
        metadata={"a": 1, "b": 1, "c": 2},
    )


def test_a_category_that_is_gone_shows_as_none(call: Call) -> None:
    shown = show(call, a_row(own={**a_row()["own"], "category_id": UUID(int=4).hex}))
    assert (shown["category"], shown["category_id"], shown["categories"]) == (None, None, [])


@pytest.mark.parametrize(
    ("code", "in_address"),
    [
        ("SPR-aZ3_k.9~X", "SPR-aZ3_k.9~X"),
        ("a/b c#d@e%f?g&h+i", "a%2Fb%20c%23d%40e%25f%3Fg%26h%2Bi"),
        ("zażółć🎁", "za%C5%BC%C3%B3%C5%82%C4%87%F0%9F%8E%81"),
    ],
)
def test_a_code_stands_percent_encoded_in_addresses(call: Call, code: str, in_address: str) -> None:
    shown = show(call, a_row(code=code))
    assert shown["code"] == code
    assert shown["redemption"]["url"] == f"/v1/vouchers/{in_address}/redemptions?page=1&limit=10"
    assert shown["publish"]["url"] == f"/v1/vouchers/{in_address}/publications?page=1&limit=10"


# --- what requests may hold ------------------------------------------------------------------------

BOTH: list[tuple[dict[str, Any], str]] = [
    ({"start_date": 5}, "Property .start_date must be string,null"),
    ({"metadata": []}, "Property .metadata must be object,null"),
    ({"active": "yes"}, "Property .active must be boolean,null"),
    ({"additional_info": 5}, "Property .additional_info must be string,null"),
    ({"category": 5}, "Property .category must be string,null"),
    ({"redemption": 5}, "Property .redemption must be object,null"),
    ({"redemption": {"quantity": 0}}, "Property .redemption.quantity must be >= 1"),
    ({"redemption": {"quantity": "1"}}, "Property .redemption.quantity must be number,null"),
    ({"redemption": {"quantity": 2**53 + 1}}, "Property .redemption.quantity must be <= 9007199254740992"),
    ({"validity_day_of_week": [7]}, "Property .validity_day_of_week[0] must be <= 6"),
    ({"validity_day_of_week": [-1]}, "Property .validity_day_of_week[0] must be >= 0"),
    ({"validity_timeframe": {}}, "Property .validity_timeframe must have required property 'interval'"),
    (
        {"validity_hours": {"daily": [{}]}},
        "Property .validity_hours.daily[0] must have required property 'days_of_week'",
    ),
    ({"discount": {}}, "Property .discount must have required property 'type'"),
    (
        {"discount": {"type": "SOME"}},
        "Property .discount.type must be equal to one of the allowed values [ AMOUNT, PERCENT, FIXED, UNIT ]",
    ),
    (
        {"discount": {"type": "PERCENT", "percent_off": 100.5}},
        "Property .discount.percent_off must be <= 100",
    ),
    ({"discount": {"type": "PERCENT", "percent_off": -0.5}}, "Property .discount.percent_off must be >= 0"),
    (
        {"discount": {"type": "PERCENT", "percent_off": "5"}},
        "Property .discount.percent_off must be number,null",
    ),
    ({"discount": {"type": "AMOUNT", "amount_off": -1}}, "Property .discount.amount_off must be >= 0"),
    (
        {"discount": {"type": "AMOUNT", "amount_off": 0.5}},
        "Property .discount.amount_off must be integer,null",
    ),
    (
        {"discount": {"type": "UNIT", "units": [{"unit_type": "p", "effect": "ADD_SAME_ITEMS"}]}},
        "Property .discount.units[0].effect must be equal to one of the allowed values"
        " [ ADD_NEW_ITEMS, ADD_MISSING_ITEMS ]",
    ),
    (
        {"discount": {"type": "UNIT", "units": [{}]}},
        "Property .discount.units[0] must have required property 'unit_type'",
    ),
]
CREATION: list[tuple[dict[str, Any], str]] = [
    *BOTH,
    ({"type": None}, "Property .type must be string"),
    (
        {"type": "COUPON"},
        "Property .type must be equal to one of the allowed values"
        " [ DISCOUNT_VOUCHER, GIFT_VOUCHER, LOYALTY_CARD ]",
    ),
    ({"code": ""}, "Property .code must NOT have fewer than 1 characters"),
    ({"code": "x" * 501}, "Property .code must NOT have more than 500 characters"),
    ({"code": 5}, "Property .code must be string,null"),
    ({"code_config": {"length": 0}}, "Property .code_config.length must be >= 1"),
    ({"code_config": {"length": 129}}, "Property .code_config.length must be <= 128"),
    ({"gift": {}}, "Property .gift must have required property 'amount'"),
    ({"gift": {"amount": 0.5}}, "Property .gift.amount must be integer"),
    (
        {"gift": {"amount": 5, "effect": "ADD_NEW_ITEMS"}},
        "Property .gift.effect must be equal to one of the allowed values [ APPLY_TO_ORDER, APPLY_TO_ITEMS ]",
    ),
    ({"loyalty_card": {}}, "Property .loyalty_card must have required property 'points'"),
    ({"loyalty_card": {"points": -1}}, "Property .loyalty_card.points must be >= 0"),
    ({"validation_rules": "val_1"}, "Property .validation_rules must be array,null"),
]


def describe(body: Any, model: Any) -> str:
    """What is said of a body."""
    with pytest.raises(msgspec.ValidationError) as violation:
        msgspec.json.decode(msgspec.json.encode(body), type=model)
    return describe_violation(violation.value, model)


@pytest.mark.parametrize(("fields", "details"), CREATION)
def test_a_voucher_of_the_wrong_form_is_refused_by_its_first_fault(
    fields: dict[str, Any], details: str
) -> None:
    assert describe({**a_voucher(), **fields}, VoucherCreate) == details


def test_a_voucher_has_a_type() -> None:
    assert describe({}, VoucherCreate) == "Payload must have required property 'type'"


@pytest.mark.parametrize(("fields", "details"), BOTH)
def test_a_change_of_the_wrong_form_is_refused_by_its_first_fault(
    fields: dict[str, Any], details: str
) -> None:
    assert describe(fields, VoucherUpdate) == details


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ({"limit": "0"}, "Property .limit must be >= 1"),
        ({"limit": "101"}, "Property .limit must be <= 100"),
        ({"limit": "ten"}, "Property .limit must be integer"),
        ({"page": "0"}, "Property .page must be >= 1"),
        (
            {"order": "id"},
            "Property .order must be equal to one of the allowed values"
            " [ created_at, -created_at, updated_at, -updated_at, code, -code ]",
        ),
        ({"created_at": "2026-01-01"}, "Property .created_at must be object,null"),
        ({"filters": "x"}, "Property .filters must be object,null"),
    ],
)
def test_a_query_of_the_wrong_form_is_refused_by_its_first_fault(query: dict[str, Any], details: str) -> None:
    with pytest.raises(msgspec.ValidationError) as violation:
        msgspec.convert(query, VoucherQuery, strict=False)
    assert describe_violation(violation.value, VoucherQuery, noun="Query") == details
