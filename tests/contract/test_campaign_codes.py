"""Vouchers added to a campaign: one, many, and with a given code."""

import re
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow


def bulk(**fields: Any) -> voucherify.CampaignsVouchersCreateInBulkRequestBody:
    return voucherify.CampaignsVouchersCreateInBulkRequestBody.model_validate(fields)


def single(**fields: Any) -> voucherify.CampaignsVouchersCreateRequestBody:
    return voucherify.CampaignsVouchersCreateRequestBody.model_validate(fields)


def test_a_voucher_inherits_all_from_its_campaign(sdk: Sdk) -> None:
    category = sdk.categories.create_category(
        voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=2)
    )
    shown_category = sdk.raw
    campaign_id = sdk.make_campaign(
        "Spring",
        category_id=category.id,
        start_date="2026-01-01",
        expiration_date="2030-01-01",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[1, 2],
        validity_hours={"daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [1]}]},
        metadata={"season": "spring"},
        voucher=discount_voucher(redemption={"quantity": 5}, code_config={"pattern": "SPR-####"}),
    )
    for count in (None, 1):
        added = sdk.campaigns.add_vouchers_to_campaign("Spring", vouchers_count=count)
        raw = dict(sdk.raw)
        assert sdk.last.status == 200
        assert added.async_action_id is None
        assert re.fullmatch(r"SPR-[0-9A-Za-z]{4}", str(added.code))
        code = raw.pop("code")
        for name in ("id", "created_at", "assets"):
            del raw[name]
        assert raw == {
            "campaign": "Spring",
            "campaign_id": campaign_id,
            "category": "Seasonal",
            "category_id": category.id,
            "categories": [shown_category],
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "gift": None,
            "loyalty_card": None,
            "start_date": "2026-01-01T00:00:00.000Z",
            "expiration_date": "2030-01-01T00:00:00.000Z",
            "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
            "validity_day_of_week": [1, 2],
            "validity_hours": {
                "daily": [{"start_time": "08:00", "expiration_time": "12:00", "days_of_week": [1]}]
            },
            "active": True,
            "additional_info": None,
            "metadata": {"season": "spring"},
            "is_referral_code": False,
            "updated_at": None,
            "validation_rules_assignments": {"object": "list", "data_ref": "data", "data": [], "total": 0},
            "redemption": {
                "quantity": 5,
                "redeemed_quantity": 0,
                "object": "list",
                "url": f"/v1/vouchers/{code}/redemptions?page=1&limit=10",
            },
            "publish": {
                "object": "list",
                "count": 0,
                "url": f"/v1/vouchers/{code}/publications?page=1&limit=10",
            },
            "object": "voucher",
        }
        fetched = sdk.vouchers.get_voucher(str(added.code))
        assert fetched.id == added.id
        assert fetched.metadata == {"season": "spring"}
    assert sdk.campaigns.get_campaign(campaign_id).vouchers_count == 2


def test_what_is_sent_overrides_the_campaign(sdk: Sdk) -> None:
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Own", hierarchy=0))
    campaign_id = sdk.make_campaign(
        "Spring",
        start_date="2026-01-01",
        expiration_date="2030-01-01",
        metadata={"season": "spring", "kept": True},
        voucher=discount_voucher(code_config={"pattern": "SPR-####"}),
    )
    added = sdk.campaigns.add_vouchers_to_campaign(
        campaign_id,
        vouchers_count=1,
        campaigns_vouchers_create_in_bulk_request_body=bulk(
            code_config={"pattern": "VIP-##", "charset": "01"},
            category="Own",
            metadata={"season": "summer"},
            redemption={"quantity": 2},
            additional_info="for Ann",
            start_date="2027-01-01T00:00:00Z",
            expiration_date="2028-01-01T00:00:00Z",
        ),
    )
    assert re.fullmatch(r"VIP-[01]{2}", str(added.code))
    assert (added.category, added.additional_info) == ("Own", "for Ann")
    assert added.metadata == {"season": "summer", "kept": True}
    assert added.redemption is not None
    assert added.redemption.quantity == 2
    assert sdk.raw["start_date"] == "2027-01-01T00:00:00.000Z"
    assert sdk.raw["expiration_date"] == "2028-01-01T00:00:00.000Z"
    # The campaign and its next codes are as they were.
    campaign = sdk.campaigns.get_campaign(campaign_id)
    assert campaign.voucher is not None
    assert campaign.voucher.code_config.pattern == "SPR-####"
    assert str(sdk.campaigns.add_vouchers_to_campaign(campaign_id).code).startswith("SPR-")


def test_active_false_is_ignored(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("Spring")
    answer = sdk.send("POST", f"/v1/campaigns/{campaign_id}/vouchers", {"active": False})
    assert (answer.status, answer.body["active"]) == (200, True)


def test_a_single_voucher_can_bring_its_code(sdk: Sdk) -> None:
    sdk.make_campaign("Spring")
    added = sdk.campaigns.add_vouchers_to_campaign(
        "Spring", campaigns_vouchers_create_in_bulk_request_body=bulk(code="MINE")
    )
    assert added.code == "MINE"


def test_many_vouchers_are_made_by_an_async_action(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Spring", vouchers_count=1, voucher=discount_voucher(code_config={"pattern": "SPR-######"})
    )
    accepted = sdk.campaigns.add_vouchers_to_campaign(
        campaign_id,
        vouchers_count=25,
        campaigns_vouchers_create_in_bulk_request_body=bulk(
            code_config={"prefix": "X-"}, metadata={"batch": 2}, redemption={"quantity": 3}
        ),
    )
    assert sdk.last.status == 202
    assert (accepted.id, accepted.code) == (None, None)
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"], action["progress"]) == (
        "CAMPAIGN.VOUCHERS_GENERATE",
        "DONE",
        100,
    )
    assert action["result"] == {"message": "Generated 25 vouchers.", "done_count": 25}
    campaign = sdk.campaigns.get_campaign(campaign_id)
    assert (campaign.vouchers_count, campaign.vouchers_generation_status) == (26, "DONE")
    added = [code for code in sdk.list_codes(campaign_id) if code.startswith("X-SPR-")]
    assert len(set(added)) == 25
    for code in added[:3]:
        voucher = sdk.vouchers.get_voucher(code)
        assert voucher.redemption is not None
        assert (voucher.metadata, voucher.redemption.quantity) == ({"batch": 2}, 3)


def test_the_last_codes_of_a_pattern_are_found(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign(
        "Ten",
        vouchers_count=4,
        voucher=discount_voucher(code_config={"pattern": "N#", "charset": "0123456789"}),
    )
    accepted = sdk.campaigns.add_vouchers_to_campaign(campaign_id, vouchers_count=6)
    assert sdk.wait_for_action(accepted.async_action_id)["result"]["done_count"] == 6
    assert sdk.list_codes(campaign_id) == [f"N{digit}" for digit in range(10)]
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.campaigns.add_vouchers_to_campaign(campaign_id)
    assert read_refusal(refusal.value)["key"] == "invalid_code_config"


@pytest.mark.parametrize("code", ["SUMMER", "50% off/é#1?&+=", "ÄÖÜ 🎁", "%2F"])
def test_a_voucher_with_a_given_code_is_added(sdk: Sdk, code: str) -> None:
    sdk.make_campaign("Spring", metadata={"a": 1})
    added = sdk.campaigns.add_voucher_with_specific_code_to_campaign(
        "Spring", code, single(metadata={"b": 2}, redemption={"quantity": None}, additional_info="x")
    )
    assert (added.code, added.campaign, added.metadata) == (code, "Spring", {"a": 1, "b": 2})
    assert added.redemption is not None
    assert (added.redemption.quantity, added.additional_info) == (None, "x")
    assert sdk.vouchers.get_voucher(code).id == added.id
    assert sdk.vouchers.get_voucher(str(added.id)).code == code


def test_a_code_is_used_once_in_a_project(sdk: Sdk, other_sdk: Sdk) -> None:
    for client in (sdk, other_sdk):
        client.make_campaign("Spring")
        client.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "ONCE")
    sdk.make_campaign("Summer")
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.campaigns.add_voucher_with_specific_code_to_campaign("Summer", "ONCE", single())
    assert read_refusal(refusal.value) == {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": "Duplicated voucher exists with id ONCE",
        "resource_id": "ONCE",
        "resource_type": "voucher",
    }
    assert sdk.campaigns.get_campaign("Summer").vouchers_count == 0


@pytest.mark.parametrize(
    ("campaign_type", "voucher", "field", "expected"),
    [
        (
            "GIFT_VOUCHERS",
            gift_voucher(1500),
            "gift",
            {"amount": 1500, "balance": 1500, "effect": "APPLY_TO_ORDER"},
        ),
        ("LOYALTY_PROGRAM", loyalty_card(120), "loyalty_card", {"points": 120, "balance": 120}),
    ],
)
def test_a_card_starts_with_what_its_campaign_gives(
    sdk: Sdk, campaign_type: str, voucher: dict[str, Any], field: str, expected: dict[str, Any]
) -> None:
    sdk.make_campaign("Cards", campaign_type=campaign_type, voucher=voucher)
    added = sdk.campaigns.add_voucher_with_specific_code_to_campaign("Cards", "CARD-1")
    assert sdk.raw[field] == expected
    model = getattr(added, field).to_dict()
    assert {name: model[name] for name in expected} == expected


def test_a_referral_code_says_so(sdk: Sdk) -> None:
    sdk.make_campaign(
        "Friends",
        campaign_type="REFERRAL_PROGRAM",
        voucher=discount_voucher(is_referral_code=True),
        referral_program={"conversion_event_type": "redemption"},
    )
    assert sdk.campaigns.add_vouchers_to_campaign("Friends").is_referral_code is True


def test_a_standalone_campaign_gets_no_second_code(sdk: Sdk) -> None:
    campaign_id = sdk.make_campaign("One", type="STANDALONE", voucher=discount_voucher(code="ONE"))
    calls: list[Any] = [
        lambda: sdk.campaigns.add_vouchers_to_campaign("One"),
        lambda: sdk.campaigns.add_vouchers_to_campaign("One", vouchers_count=5),
        lambda: sdk.campaigns.add_voucher_with_specific_code_to_campaign("One", "TWO"),
    ]
    for call in calls:
        with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
            call()
        assert read_refusal(refusal.value) == {
            "code": 400,
            "key": "invalid_campaign",
            "message": "Invalid Campaign",
            "details": "You can not generate vouchers for STANDALONE type campaign.",
        }
    assert sdk.list_codes(campaign_id) == ["ONE"]


def test_a_promotion_gets_no_codes(sdk: Sdk) -> None:
    sdk.make_campaign("Shipping", campaign_type="PROMOTION")
    for count in (1, 5):
        with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
            sdk.campaigns.add_vouchers_to_campaign("Shipping", vouchers_count=count)
        assert read_refusal(refusal.value)["key"] == "invalid_campaign"


@pytest.mark.parametrize("sent", ["0", "-1", "x", "1.5"])
def test_a_count_that_is_none_is_refused(sdk: Sdk, sent: str) -> None:
    sdk.make_campaign("Spring")
    answer = sdk.send("POST", "/v1/campaigns/Spring/vouchers", {}, query={"vouchers_count": sent})
    assert (answer.status, answer.body["key"]) == (400, "invalid_query_params")
    assert sdk.campaigns.get_campaign("Spring").vouchers_count == 0
