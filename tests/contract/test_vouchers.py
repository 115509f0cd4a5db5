"""Vouchers without a campaign or in one: made, read, changed, switched, deleted."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow


def with_code(**fields: Any) -> voucherify.VouchersCreateWithSpecificCodeRequestBody:
    return voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(fields)


def random(**fields: Any) -> voucherify.VouchersCreateRequestBody:
    return voucherify.VouchersCreateRequestBody.model_validate(fields)


def update(**fields: Any) -> voucherify.VouchersUpdateRequestBody:
    return voucherify.VouchersUpdateRequestBody.model_validate(fields)


def shown(**changes: Any) -> dict[str, Any]:
    """A standalone voucher of which nothing was set, without what the server makes up."""
    return {
        "campaign": None,
        "campaign_id": None,
        "category": None,
        "category_id": None,
        "categories": [],
        "discount": None,
        "gift": None,
        "loyalty_card": None,
        "start_date": None,
        "expiration_date": None,
        "validity_timeframe": None,
        "validity_day_of_week": None,
        "active": True,
        "additional_info": None,
        "metadata": {},
        "is_referral_code": False,
        "updated_at": None,
        "validation_rules_assignments": {"object": "list", "data_ref": "data", "data": [], "total": 0},
        "object": "voucher",
        **changes,
    }


def without_generated(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in ("id", "created_at", "assets")}


def links(code: str, **redemption: Any) -> dict[str, Any]:
    """Redemptions and publications as they stand in a voucher; `code` as it stands in an address."""
    return {
        "redemption": {
            "quantity": None,
            "redeemed_quantity": 0,
            **redemption,
            "object": "list",
            "url": f"/v1/vouchers/{code}/redemptions?page=1&limit=10",
        },
        "publish": {
            "object": "list",
            "count": 0,
            "url": f"/v1/vouchers/{code}/publications?page=1&limit=10",
        },
    }


def test_a_voucher_is_shown_as_it_was_made(sdk: Sdk) -> None:
    category = sdk.categories.create_category(
        voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=0)
    )
    shown_category = sdk.raw
    made = sdk.vouchers.create_voucher(
        "SPRING 26/é",
        with_code(
            type="DISCOUNT_VOUCHER",
            discount={"type": "AMOUNT", "amount_off": 1500, "effect": "APPLY_TO_ORDER"},
            category="Seasonal",
            start_date="2026-03-01T00:00:00Z",
            expiration_date="2030-05-31T23:59:59.999Z",
            validity_timeframe={"interval": "P2D", "duration": "P1D"},
            validity_day_of_week=[0, 6],
            validity_hours={
                "daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [0]}]
            },
            active=False,
            additional_info="for Ann",
            metadata={"a": 1, "b": {"c": [True, None]}},
            redemption={"quantity": 3},
        ),
    )
    assert without_generated(sdk.raw) == shown(
        code="SPRING 26/é",
        type="DISCOUNT_VOUCHER",
        discount={"type": "AMOUNT", "amount_off": 1500, "effect": "APPLY_TO_ORDER"},
        category="Seasonal",
        category_id=category.id,
        categories=[shown_category],
        start_date="2026-03-01T00:00:00.000Z",
        expiration_date="2030-05-31T23:59:59.999Z",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[0, 6],
        validity_hours={"daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [0]}]},
        active=False,
        additional_info="for Ann",
        metadata={"a": 1, "b": {"c": [True, None]}},
        **links("SPRING%2026%2F%C3%A9", quantity=3),
    )
    raw = sdk.raw
    assert made.start_date == datetime(2026, 3, 1, tzinfo=UTC)
    assert made.expiration_date == datetime(2030, 5, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert made.discount is not None
    assert (made.discount.type, made.discount.amount_off) == ("AMOUNT", 1500)
    assert (made.active, made.additional_info, made.category) == (False, "for Ann", "Seasonal")
    assert made.validity_hours is not None
    assert made.validity_hours.to_dict()["daily"][0]["start_time"] == "08:00"
    assert made.redemption is not None
    assert (made.redemption.quantity, made.redemption.redeemed_quantity) == (3, 0)

    for sent in ("SPRING 26/é", str(made.id)):
        fetched = sdk.vouchers.get_voucher(sent)
        assert sdk.raw == raw
        assert fetched.to_dict()["discount"] == made.to_dict()["discount"]


DISCOUNTS: list[Any] = [
    {"type": "AMOUNT", "amount_off": 2000},
    {"type": "AMOUNT", "amount_off": 1, "effect": "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY"},
    {"type": "AMOUNT", "amount_off": 2000, "aggregated_amount_limit": 5000, "effect": "APPLY_TO_ITEMS"},
    {"type": "PERCENT", "percent_off": 10},
    {"type": "PERCENT", "percent_off": 12.5, "amount_limit": 5000, "effect": "APPLY_TO_ITEMS"},
    {"type": "PERCENT", "percent_off": 100, "aggregated_amount_limit": 1},
    {"type": "FIXED", "fixed_amount": 999, "effect": "APPLY_TO_ORDER"},
    {"type": "UNIT", "unit_type": "prod_5h1pp1ng", "unit_off": 1, "effect": "ADD_MISSING_ITEMS"},
    {"type": "UNIT", "unit_type": "prod_0b7d7dfb05cbe5c616", "unit_off": 2},
    {
        "type": "UNIT",
        "effect": "ADD_MANY_ITEMS",
        "units": [
            {"unit_type": "prod_0b7d7dfb05cbe5c616", "unit_off": 1, "effect": "ADD_NEW_ITEMS"},
            {"unit_type": "sku_0b7d7dfb090be5c619", "unit_off": 2, "effect": "ADD_MISSING_ITEMS"},
        ],
    },
]


@pytest.mark.parametrize("discount", DISCOUNTS, ids=lambda discount: discount["type"])
def test_a_discount_comes_back_as_it_was_sent(sdk: Sdk, discount: dict[str, Any]) -> None:
    made = sdk.vouchers.create_voucher("D", with_code(type="DISCOUNT_VOUCHER", discount=discount))
    assert sdk.raw["discount"] == discount
    assert made.discount is not None
    model = made.discount.to_dict()
    assert {name: model[name] for name in discount if name != "units"} == {
        name: value for name, value in discount.items() if name != "units"
    }
    assert len(made.discount.units or []) == len(discount.get("units", []))


def test_a_formula_makes_a_discount_dynamic(sdk: Sdk) -> None:
    sent = {"type": "AMOUNT", "amount_off": 100, "amount_off_formula": "ORDER_AMOUNT / 10"}
    made = sdk.vouchers.create_voucher("D", with_code(type="DISCOUNT_VOUCHER", discount=sent))
    assert sdk.raw["discount"] == {**sent, "is_dynamic": True}
    assert made.discount is not None
    assert made.discount.is_dynamic is True


def test_a_gift_card_is_shown_with_its_balance(sdk: Sdk) -> None:
    made = sdk.vouchers.create_voucher("GIFT-1", with_code(**gift_voucher(10000)))
    assert without_generated(sdk.raw) == shown(
        code="GIFT-1",
        type="GIFT_VOUCHER",
        gift={"amount": 10000, "balance": 10000, "effect": "APPLY_TO_ORDER"},
        **links("GIFT-1", redeemed_amount=0),
    )
    assert made.gift is not None
    assert (made.gift.amount, made.gift.balance, made.gift.effect) == (10000, 10000, "APPLY_TO_ORDER")


def test_the_nulls_of_a_model_made_from_a_dictionary_set_nothing(sdk: Sdk) -> None:
    # from_dict marks every field as set, and the SDK then sends each as null.
    body = voucherify.VouchersCreateWithSpecificCodeRequestBody.from_dict(gift_voucher(5))
    assert body is not None
    assert body.to_dict()["gift"]["effect"] is None
    made = sdk.vouchers.create_voucher("G", body)
    assert sdk.raw["gift"] == {"amount": 5, "balance": 5, "effect": "APPLY_TO_ORDER"}
    assert (made.active, made.metadata) == (True, {})
    assert sdk.raw["redemption"]["quantity"] is None


def test_a_loyalty_card_needs_its_campaign(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Points", campaign_type="LOYALTY_PROGRAM", type="AUTO_UPDATE", voucher=loyalty_card(100)
    )
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.vouchers.create_voucher("CARD-1", with_code(**loyalty_card(5)))
    assert read_refusal(refusal.value)["key"] == "invalid_voucher"
    made = sdk.vouchers.create_voucher("CARD-1", with_code(**loyalty_card(5), campaign_id=campaign_id))
    assert without_generated(sdk.raw) == shown(
        code="CARD-1",
        type="LOYALTY_CARD",
        campaign="Points",
        campaign_id=campaign_id,
        loyalty_card={"points": 5, "balance": 5},
        **links("CARD-1", redeemed_points=0),
    )
    assert made.loyalty_card is not None
    assert (made.loyalty_card.points, made.loyalty_card.balance) == (5, 5)
    inherited = sdk.vouchers.create_voucher("CARD-2", with_code(type="LOYALTY_CARD", campaign="Points"))
    assert inherited.loyalty_card is not None
    assert inherited.loyalty_card.points == 100
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 2


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({}, r"[0-9A-Za-z]{8}"),
        ({"code_config": {"length": 5, "charset": "01", "prefix": "a-", "postfix": "-z"}}, r"a-[01]{5}-z"),
        ({"code_config": {"pattern": "X##-#", "charset": "AB"}}, r"X[AB]{2}-[AB]"),
        ({"code": "MINE", "code_config": {"pattern": "X#"}}, r"MINE"),
    ],
)
def test_a_random_code_follows_its_config(sdk: Sdk, fields: dict[str, Any], pattern: str) -> None:
    made = sdk.vouchers.generate_random_code(random(**discount_voucher(), **fields))
    assert re.fullmatch(pattern, str(made.code))
    assert sdk.vouchers.get_voucher(str(made.code)).id == made.id


def test_the_code_of_the_path_wins(sdk: Sdk) -> None:
    answer = sdk.send("POST", "/v1/vouchers/PATH", {**discount_voucher(), "code": "BODY"})
    assert (answer.status, answer.body["code"]) == (200, "PATH")


def test_a_standalone_campaign_takes_its_one_code_by_path_alone(sdk: Sdk) -> None:
    answer = sdk.send(
        "POST", "/v1/campaigns", {"name": "One", "type": "STANDALONE", "voucher": discount_voucher()}
    )
    campaign_id = answer.body["id"]
    sdk.wait_for_campaign(campaign_id)
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.vouchers.generate_random_code(random(**discount_voucher(), campaign_id=campaign_id))
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "invalid_campaign",
        "message": "Invalid Campaign",
        "details": "You can not generate vouchers for STANDALONE type campaign.",
    }
    (code,) = sdk.list_codes(campaign_id)
    sdk.vouchers.delete_voucher(code, force=True)
    made = sdk.vouchers.create_voucher("JOINED", with_code(**discount_voucher(), campaign="One"))
    assert (made.campaign_id, made.campaign) == (campaign_id, "One")
    assert sdk.list_codes(campaign_id) == ["JOINED"]


def test_a_code_is_used_once(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher("ONCE", with_code(**discount_voucher()))
    calls: list[Any] = [
        lambda: sdk.vouchers.create_voucher("ONCE", with_code(**gift_voucher(5))),
        lambda: sdk.vouchers.generate_random_code(random(**discount_voucher(), code="ONCE")),
    ]
    for call in calls:
        with pytest.raises(voucherify.ApiException) as refusal:
            call()
        assert read_refusal(refusal.value) == {
            "code": 409,
            "key": "duplicate_found",
            "message": "Duplicated resource found",
            "details": "Duplicated voucher exists with id ONCE",
            "resource_id": "ONCE",
            "resource_type": "voucher",
        }
    assert sdk.vouchers.get_voucher("ONCE").type == "DISCOUNT_VOUCHER"


REFUSALS: list[Any] = [
    ({"type": "DISCOUNT_VOUCHER"}, 400, "invalid_voucher"),
    ({"type": "GIFT_VOUCHER", "gift": {"amount": 0}}, 400, "invalid_gift"),
    (
        {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 101}},
        400,
        "invalid_payload",
    ),
    ({"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT"}}, 400, "invalid_payload"),
    ({**discount_voucher(), "redemption": {"quantity": 0}}, 400, "invalid_payload"),
    ({**discount_voucher(), "campaign": "No such campaign"}, 404, "not_found"),
    ({**discount_voucher(), "category": "No such category"}, 404, "not_found"),
]


@pytest.mark.parametrize(("fields", "status", "key"), REFUSALS)
def test_a_voucher_that_cannot_be_is_refused(sdk: Sdk, fields: dict[str, Any], status: int, key: str) -> None:
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.vouchers.create_voucher("X", with_code(**fields))
    told = read_refusal(refusal.value)
    assert (told["code"], told["key"]) == (status, key)
    assert sdk.vouchers.list_vouchers().total == 0


# --- changes ---------------------------------------------------------------------------------------


def test_what_is_sent_is_changed_and_nothing_else(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Sale", hierarchy=0))
    sdk.vouchers.create_voucher(
        "A", with_code(**discount_voucher(), metadata={"a": 1, "b": 2}, additional_info="old")
    )
    before = sdk.raw
    changed = sdk.vouchers.update_voucher(
        "A",
        update(
            category="Sale",
            expiration_date="2030-01-01T00:00:00Z",
            metadata={"b": 3, "c": None},
            discount={"type": "PERCENT", "percent_off": 20, "amount_limit": 100},
        ),
    )
    raw = sdk.raw
    assert changed.updated_at is not None
    assert changed.category == "Sale"
    assert {
        **raw,
        "updated_at": None,
        "category": None,
        "category_id": None,
        "categories": [],
        "expiration_date": None,
        "metadata": before["metadata"],
        "discount": before["discount"],
    } == before
    assert raw["expiration_date"] == "2030-01-01T00:00:00.000Z"
    assert raw["metadata"] == {"a": 1, "b": 3, "c": None}
    assert raw["discount"] == {"type": "PERCENT", "percent_off": 20, "amount_limit": 100}
    assert sdk.vouchers.get_voucher("A").to_dict() == changed.to_dict()

    cleared = sdk.vouchers.update_voucher(
        str(changed.id), update(additional_info=None, category=None, expiration_date=None, active=False)
    )
    assert (cleared.additional_info, cleared.category, cleared.expiration_date) == (None, None, None)
    assert cleared.active is False


def test_a_gift_card_stays_one_though_the_sdk_sends_the_type_of_a_discount(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher("G", with_code(**gift_voucher(700)))
    body = update(additional_info="x")
    assert body.to_dict() == {"type": "DISCOUNT_VOUCHER", "additional_info": "x"}
    changed = sdk.vouchers.update_voucher("G", body)
    assert (changed.type, changed.additional_info) == ("GIFT_VOUCHER", "x")
    assert sdk.raw["gift"] == {"amount": 700, "balance": 700, "effect": "APPLY_TO_ORDER"}


def test_what_cannot_be_changed_is_ignored(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Gifts", campaign_type="GIFT_VOUCHERS", voucher=gift_voucher(700))
    sdk.campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, "G")
    before = sdk.raw
    changed = sdk.send(
        "PUT", "/v1/vouchers/G", {**before, "code": "other", "campaign": None, "gift": {"amount": 1}}
    ).body
    assert {**changed, "updated_at": None} == before


def test_the_limit_of_one_code_is_changed(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher("A", with_code(**discount_voucher(), redemption={"quantity": 1}))
    for quantity in (5, None):
        answer = sdk.send("PUT", "/v1/vouchers/A", {"redemption": {"quantity": quantity}})
        assert answer.body["redemption"]["quantity"] == quantity


def test_a_discount_keeps_its_type(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher("A", with_code(**discount_voucher()))
    before = sdk.raw
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.vouchers.update_voucher(
            "A", update(additional_info="lost", discount={"type": "AMOUNT", "amount_off": 1})
        )
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "invalid_voucher",
        "message": "Invalid Voucher",
        "details": "It is not possible to change Voucher discount type",
    }
    sdk.vouchers.get_voucher("A")
    assert sdk.raw == before


def test_a_voucher_is_switched_off_and_on(sdk: Sdk) -> None:
    made = sdk.vouchers.create_voucher("A", with_code(**discount_voucher()))
    first = sdk.vouchers.disable_voucher("A")
    again = sdk.vouchers.disable_voucher(str(made.id))
    assert (first.active, again.active) == (False, False)
    assert first.updated_at is not None
    assert again.to_dict() == first.to_dict()
    assert sdk.vouchers.get_voucher("A").active is False
    assert sdk.vouchers.enable_voucher("A").active is True
    assert sdk.vouchers.enable_voucher("A").active is True


def test_a_deleted_voucher_keeps_its_code_in_the_bin(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring")
    made = sdk.campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, "A")
    sdk.vouchers.create_voucher("B", with_code(**discount_voucher()))
    sdk.vouchers.delete_voucher("A")
    sdk.vouchers.delete_voucher("B", force=True)
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 0
    assert sdk.vouchers.list_vouchers().total == 0
    for sent in ("A", str(made.id), "B"):
        with pytest.raises(voucherify.exceptions.NotFoundException):
            sdk.vouchers.get_voucher(sent)
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.vouchers.create_voucher("A", with_code(**discount_voucher()))
    assert refusal.value.status == 409
    assert sdk.vouchers.create_voucher("B", with_code(**discount_voucher())).code == "B"


@pytest.mark.parametrize("sent", ["NO-SUCH-CODE", "v_" + "0" * 32, "a/b c"])
def test_an_unknown_voucher_is_not_found(sdk: Sdk, sent: str) -> None:
    calls: list[Any] = [
        lambda: sdk.vouchers.get_voucher(sent),
        lambda: sdk.vouchers.update_voucher(sent, update(active=True)),
        lambda: sdk.vouchers.delete_voucher(sent),
        lambda: sdk.vouchers.enable_voucher(sent),
        lambda: sdk.vouchers.disable_voucher(sent),
        lambda: sdk.vouchers.list_voucher_transactions(sent),
        lambda: sdk.vouchers.update_voucher_balance(
            sent, voucherify.VouchersBalanceUpdateRequestBody(amount=1)
        ),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
            call()
        assert read_refusal(refusal.value) == {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": f"Cannot find voucher with id {sent}",
            "resource_id": sent,
            "resource_type": "voucher",
        }
