"""Items of JSON imports read into rows, with the reason of each that cannot be read."""

from typing import Any

import msgspec
import pytest

from openvoucher.features.code_imports.json_rows import read_json_row
from openvoucher.features.code_imports.schemas import CampaignCode, ImportRow, RowRefused, StandaloneCode

DISCOUNT = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 1000}}
MOST = 2**53


def convert(campaign_type: str | None, fields: dict[str, Any]) -> CampaignCode:
    """As the request's body is read, and then kept for the job."""
    model = StandaloneCode if campaign_type is None else CampaignCode
    sent = msgspec.json.decode(msgspec.json.encode({"code": "A", **fields}), type=model)
    return msgspec.json.decode(msgspec.json.encode(sent), type=model)


def read(campaign_type: str | None = "DISCOUNT_COUPONS", **fields: Any) -> ImportRow:
    return read_json_row(convert(campaign_type, fields), 7, campaign_type)


def read_standalone(**fields: Any) -> ImportRow:
    return read(None, **{**DISCOUNT, **fields})


def refuse(campaign_type: str | None = "DISCOUNT_COUPONS", **fields: Any) -> str:
    with pytest.raises(RowRefused) as refusal:
        read(campaign_type, **fields)
    return str(refusal.value)


# --- fields of both ----------------------------------------------------------------------------------


def test_a_code_alone_overrides_nothing() -> None:
    assert read() == ImportRow(7, "A")


@pytest.mark.parametrize("campaign_type", ["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", None])
def test_all_that_a_code_can_override(campaign_type: str | None) -> None:
    own: dict[str, Any] = {
        "start_date": "2026-01-01T00:00:00.000Z",
        "expiration_date": "2027-01-01T00:00:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [1, 2],
        "validity_hours": {
            "daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [1]}]
        },
        "additional_info": "said aside",
        "metadata": {"colour": "red", "size": [1, 2.5, None], "deep": {"a": True}},
    }
    sent = {**own, "start_date": "2026-01-01", "expiration_date": "2027-01-01T01:00:00+01:00"}
    standalone = DISCOUNT if campaign_type is None else {}
    row = read(
        campaign_type,
        **{**standalone, **sent},
        category="Food",
        active=False,
        redemption={"quantity": 5, "redeemed_quantity": 3},
        nobody="knows this",
    )
    own |= {"redemption_quantity": 5}
    if campaign_type is None:
        own |= {"discount": DISCOUNT["discount"]}
    row_type = "DISCOUNT_VOUCHER" if campaign_type is None else None
    assert row == ImportRow(7, "A", type=row_type, active=False, own=own, category="Food")


def test_null_clears_what_the_campaign_says_of_dates_and_limit() -> None:
    row = read(
        start_date=None, expiration_date=None, validity_day_of_week=None, redemption={"quantity": None}
    )
    assert row.own == {
        "start_date": None,
        "expiration_date": None,
        "validity_day_of_week": None,
        "redemption_quantity": None,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"additional_info": None},
        {"metadata": None},
        {"metadata": {}},
        {"redemption": {}},
        {"redemption": None},
        {"active": None},
        {"category": None},
        {"category": "", "category_id": ""},
        {"gift": None, "loyalty_card": None},
    ],
)
def test_what_says_nothing_overrides_nothing(fields: dict[str, Any]) -> None:
    row = read(**fields)
    assert (row.category, row.active, row.spent, row.redeemed_quantity) == (None, None, None, 0)
    assert row.own in ({}, {"metadata": {}})


@pytest.mark.parametrize(
    ("sent", "category"),
    [
        ({"category": "Food"}, "Food"),
        ({"category": "cat_1"}, "cat_1"),
        ({"category_id": "cat_2"}, "cat_2"),
        ({"category": "Food", "category_id": "cat_2"}, "cat_2"),
        ({"category": "Food", "category_id": None}, "Food"),
    ],
)
def test_a_category_is_sent_by_name_or_by_id_and_the_id_counts(sent: dict[str, Any], category: str) -> None:
    assert read(**sent).category == category


def test_a_quantity_that_was_redeemed_elsewhere_is_not_read_from_json() -> None:
    assert read(redemption={"redeemed_quantity": 3}, redeemed_quantity=2).redeemed_quantity == 0


def test_integers_beyond_64_bits_are_kept() -> None:
    assert read(metadata={"n": 10**30, "m": -(10**30)}).own["metadata"] == {"n": 10**30, "m": -(10**30)}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"start_date": "01.01.2026"},
            "Property .start_date cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            {"expiration_date": "2026-02-30"},
            "Property .expiration_date cannot be recognized as a ISO-8601 compliant date",
        ),
    ],
)
@pytest.mark.parametrize("campaign_type", ["DISCOUNT_COUPONS", None])
def test_dates_that_cannot_be_read(campaign_type: str | None, fields: dict[str, Any], reason: str) -> None:
    standalone = DISCOUNT if campaign_type is None else {}
    assert refuse(campaign_type, **standalone, **fields) == reason


def test_a_timeframe_that_cannot_be_read_fails_its_row() -> None:
    reason = refuse(validity_timeframe={"interval": "daily", "duration": "P1D"})
    assert reason.startswith("Property .validity_timeframe")


# --- gifts and points ----------------------------------------------------------------------------------


def test_a_gift_amount_is_minor_units() -> None:
    assert read("GIFT_VOUCHERS", gift={"amount": 1050}).own == {"gift": {"amount": 1050}}
    assert read("GIFT_VOUCHERS", gift={"amount": MOST, "effect": "APPLY_TO_ITEMS"}).own == {
        "gift": {"amount": MOST, "effect": "APPLY_TO_ITEMS"}
    }


@pytest.mark.parametrize(
    ("amount", "rule"),
    [
        (0, "must be greater than zero"),
        (-1, "must be greater than zero"),
        (MOST + 1, f"must not be greater than {MOST}"),
        (10**30, f"must not be greater than {MOST}"),
    ],
)
@pytest.mark.parametrize("campaign_type", ["GIFT_VOUCHERS", None])
def test_a_gift_amount_is_greater_than_zero_and_not_astronomic(
    campaign_type: str | None, amount: int, rule: str
) -> None:
    reason = refuse(campaign_type, type="GIFT_VOUCHER", gift={"amount": amount})
    assert reason == f"Property 'gift.amount' {rule}"


@pytest.mark.parametrize("campaign_type", ["GIFT_VOUCHERS", None])
def test_a_gift_has_one_of_two_effects(campaign_type: str | None) -> None:
    assert refuse(campaign_type, type="GIFT_VOUCHER", gift={"amount": 1, "effect": "HALF"}) == (
        "Property .gift.effect must be equal to one of the allowed values [ APPLY_TO_ORDER, APPLY_TO_ITEMS ]"
    )


def test_points_go_into_a_loyalty_campaign() -> None:
    assert read("LOYALTY_PROGRAM", loyalty_card={"points": 0}).own == {"loyalty_card": {"points": 0}}


@pytest.mark.parametrize(
    ("campaign_type", "fields"),
    [
        ("DISCOUNT_COUPONS", {"gift": {"amount": -1}, "loyalty_card": {"points": 1}}),
        ("REFERRAL_PROGRAM", {"gift": {"amount": 1, "effect": "x"}}),
        ("GIFT_VOUCHERS", {"loyalty_card": {"points": 1}, "discount": "x"}),
        ("LOYALTY_PROGRAM", {"gift": {"amount": -1}, "type": "x"}),
    ],
)
def test_what_does_not_belong_to_the_campaign_is_skipped(campaign_type: str, fields: dict[str, Any]) -> None:
    assert read(campaign_type, **fields) == ImportRow(7, "A")


# --- standalone ------------------------------------------------------------------------------------------


def test_a_standalone_gift_card() -> None:
    row = read(None, type="GIFT_VOUCHER", gift={"amount": 100}, discount=DISCOUNT["discount"])
    assert row == ImportRow(
        7, "A", type="GIFT_VOUCHER", own={"gift": {"amount": 100, "effect": "APPLY_TO_ORDER"}}
    )


@pytest.mark.parametrize(
    "discount",
    [
        {"type": "PERCENT", "percent_off": 12.5, "amount_limit": 500, "effect": "APPLY_TO_ITEMS"},
        {"type": "FIXED", "fixed_amount": 999},
        {"type": "UNIT", "unit_off": 2, "unit_type": "prod_1", "effect": "ADD_NEW_ITEMS"},
    ],
)
def test_standalone_discounts_are_kept_as_they_were_sent(discount: dict[str, Any]) -> None:
    assert read_standalone(discount=discount).own == {"discount": discount}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": None}, "type is required"),
        ({"type": "LOYALTY_CARD"}, "Loyalty cards can be imported into a loyalty campaign only"),
        ({"type": "GIFT_VOUCHER"}, "gift is required"),
        ({"discount": None}, "discount is required"),
        (
            {"discount": {"type": "PERCENT"}},
            "Property .discount must have required property 'percent_off'",
        ),
        (
            {"discount": {"type": "UNIT", "unit_off": 1}},
            "Property .discount must have required property 'unit_type'",
        ),
        (
            {"discount": {"type": "AMOUNT", "amount_off": 1, "effect": "ADD_NEW_ITEMS"}},
            "Property .discount.effect must be equal to one of the allowed values [ APPLY_TO_ORDER,"
            " APPLY_TO_ITEMS, APPLY_TO_ITEMS_PROPORTIONALLY, APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY,"
            " APPLY_TO_ITEMS_BY_QUANTITY ]",
        ),
    ],
)
def test_standalone_items_that_cannot_be_read(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowRefused) as refusal:
        read_standalone(**fields)
    assert str(refusal.value) == reason
