"""A request to create a campaign, read into its row and what its codes inherit."""

from typing import Any

import msgspec
import pytest

from builders import CHARSET, DEFAULT_CODE_CONFIG, a_campaign, a_refusal, a_voucher, not_there
from openvoucher.engine.codes import CodePattern
from openvoucher.features.campaigns.creation import (
    NewCampaign,
    read_campaign,
    read_discount_of,
    read_duration,
)
from openvoucher.features.campaigns.schemas import CampaignCreate
from openvoucher.features.terms.schemas import Discount
from openvoucher.wire.errors import ApiError

CATEGORY = "0197" * 8
EIGHT_CHARACTERS = CodePattern(pattern="########", charset=CHARSET, prefix="", postfix="")
PERCENT = {"type": "PERCENT", "percent_off": 10}
REWARD = {
    "conversion_event_type": "custom_event",
    "custom_event": {"id": "ce_1", "name": "signed up"},
    "referee_reward": {
        "related_object_parent": {"id": "camp_1", "name": "Gifts", "object": "CAMPAIGN"},
        "type": "GIFT_VOUCHER",
        "amount": 500,
    },
}


def read(category_id: str | None = None, **changes: Any) -> NewCampaign:
    return read_campaign(msgspec.convert(a_campaign(**changes), CampaignCreate), category_id)


def refuse(**changes: Any) -> dict[str, Any]:
    """The refusal of a campaign, without its request id."""
    with pytest.raises(ApiError) as refusal:
        read(**changes)
    body = refusal.value.body("v-0")
    assert body.pop("request_id") == "v-0"
    return body


def columns(**changes: Any) -> dict[str, Any]:
    return {
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "description": None,
        "code_config": DEFAULT_CODE_CONFIG,
        "is_referral_code": False,
        "auto_join": False,
        "join_once": False,
        "use_voucher_metadata_schema": True,
        "settings": {},
        "metadata": {},
        **changes,
    }


def inherited(**changes: Any) -> dict[str, Any]:
    return {
        "type": "DISCOUNT_VOUCHER",
        "redemption_quantity": None,
        "category_id": None,
        "metadata": {},
        **changes,
    }


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            {},
            NewCampaign(columns(), inherited(discount=PERCENT), 0, EIGHT_CHARACTERS, None),
            id="discounts of which nothing is said",
        ),
        pytest.param(
            {"campaign_type": "GIFT_VOUCHERS"},
            NewCampaign(
                columns(campaign_type="GIFT_VOUCHERS"),
                inherited(type="GIFT_VOUCHER", gift={"amount": 10_000, "effect": "APPLY_TO_ORDER"}),
                0,
                EIGHT_CHARACTERS,
                None,
            ),
            id="gift cards",
        ),
        pytest.param(
            {
                "campaign_type": "LOYALTY_PROGRAM",
                "voucher": {
                    "loyalty_card": {
                        "points": 0,
                        "expiration_rules": {"period_type": "MONTH", "period_value": 3},
                    }
                },
                "auto_join": True,
                "join_once": False,
                "loyalty_tiers_expiration": {"start_date": {"type": "IMMEDIATE"}},
                "referral_program": REWARD,
            },
            NewCampaign(
                columns(
                    campaign_type="LOYALTY_PROGRAM",
                    auto_join=True,
                    join_once=True,
                    settings={"loyalty_tiers_expiration": {"start_date": {"type": "IMMEDIATE"}}},
                ),
                inherited(
                    type="LOYALTY_CARD",
                    loyalty_card={
                        "points": 0,
                        "expiration_rules": {"period_type": "MONTH", "period_value": 3},
                    },
                ),
                0,
                EIGHT_CHARACTERS,
                None,
            ),
            id="loyalty cards, which are joined once",
        ),
        pytest.param(
            {
                "campaign_type": "REFERRAL_PROGRAM",
                "referral_program": REWARD,
                "loyalty_tiers_expiration": {"start_date": {"type": "IMMEDIATE"}},
                "auto_join": True,
            },
            NewCampaign(
                columns(
                    campaign_type="REFERRAL_PROGRAM",
                    is_referral_code=True,
                    settings={"referral_program": REWARD},
                ),
                inherited(discount=PERCENT),
                0,
                EIGHT_CHARACTERS,
                None,
            ),
            id="referrals",
        ),
        pytest.param(
            {"campaign_type": "PROMOTION", "vouchers_count": 5, "promotion": {"tiers": []}},
            NewCampaign(
                columns(campaign_type="PROMOTION", type="STATIC", code_config={}),
                {"category_id": None, "metadata": {}},
                0,
                None,
                None,
            ),
            id="a promotion, which has no codes",
        ),
        pytest.param(
            {"type": "STANDALONE", "join_once": True, "vouchers_count": 7, "voucher": {"code": "SUMMER"}},
            NewCampaign(
                columns(type="STANDALONE"), inherited(discount=PERCENT), 1, EIGHT_CHARACTERS, "SUMMER"
            ),
            id="one code for everybody",
        ),
        pytest.param(
            {"type": "STATIC", "join_once": True, "auto_join": True, "vouchers_count": 7},
            NewCampaign(
                columns(type="STATIC", join_once=True), inherited(discount=PERCENT), 7, EIGHT_CHARACTERS, None
            ),
            id="a fixed pool",
        ),
        pytest.param(
            {"voucher": {"code": "SUMMER"}, "vouchers_count": 2},
            NewCampaign(columns(), inherited(discount=PERCENT), 2, EIGHT_CHARACTERS, None),
            id="a given code is for STANDALONE only",
        ),
    ],
)
def test_each_type_of_campaign_has_its_own_rules(sent: dict[str, Any], expected: NewCampaign) -> None:
    assert read(**sent) == expected


def test_an_absent_campaign_type_means_discounts() -> None:
    body = msgspec.convert({"name": "Spring", "voucher": a_voucher()}, CampaignCreate)
    assert read_campaign(body, None) == read()


def test_nulls_mean_nothing_was_said() -> None:
    nulls = dict.fromkeys(
        (
            "type",
            "description",
            "vouchers_count",
            "join_once",
            "auto_join",
            "use_voucher_metadata_schema",
            "activity_duration_after_publishing",
            "validation_rules",
            "referral_program",
            "loyalty_tiers_expiration",
            "promotion",
            "metadata",
        )
    )
    assert read(**nulls) == read()


def test_what_codes_inherit_is_everything_about_their_use() -> None:
    made = read(
        category_id=CATEGORY,
        start_date="2026-03-01",
        expiration_date="2026-05-31T12:30:00+02:00",
        validity_timeframe={"interval": "P2D", "duration": "P1D"},
        validity_day_of_week=[1, 2],
        validity_hours={"daily": [{"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5]}]},
        activity_duration_after_publishing="P24D",
        metadata={"season": "Spring"},
        voucher={"redemption": {"quantity": 3}},
    )
    assert made.inherited == {
        "start_date": "2026-03-01T00:00:00.000Z",
        "expiration_date": "2026-05-31T10:30:00.000Z",
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
        "validity_day_of_week": [1, 2],
        "validity_hours": {
            "daily": [{"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5]}]
        },
        "type": "DISCOUNT_VOUCHER",
        "discount": PERCENT,
        "redemption_quantity": 3,
        "activity_duration_after_publishing": "P24D",
        "category_id": CATEGORY,
        "metadata": {"season": "Spring"},
    }


def test_dates_may_stand_in_the_voucher_block_and_those_of_the_campaign_win() -> None:
    made = read(
        expiration_date="2026-05-31",
        voucher={"start_date": "2026-03-01", "expiration_date": "2026-04-30", "validity_day_of_week": [0]},
    )
    assert made.inherited["start_date"] == "2026-03-01T00:00:00.000Z"
    assert made.inherited["expiration_date"] == "2026-05-31T00:00:00.000Z"
    assert made.inherited["validity_day_of_week"] == [0]


def test_dates_in_the_past_are_accepted() -> None:
    made = read(start_date="1999-01-01", expiration_date="1999-12-31")
    assert made.inherited["expiration_date"] == "1999-12-31T00:00:00.000Z"


@pytest.mark.parametrize(("flag", "passed_on"), [(True, {"a": 1}), (None, {"a": 1}), (False, {})])
def test_metadata_is_for_codes_unless_the_campaign_has_a_schema_of_its_own(
    flag: bool | None, passed_on: dict[str, Any]
) -> None:
    made = read(metadata={"a": 1}, use_voucher_metadata_schema=flag)
    assert made.columns["metadata"] == {"a": 1}
    assert made.columns["use_voucher_metadata_schema"] is (flag is not False)
    assert made.inherited["metadata"] == passed_on


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({}, DEFAULT_CODE_CONFIG),
        ({"length": 5}, {"length": 5, "charset": CHARSET, "pattern": "#####"}),
        ({"pattern": "SPR-###"}, {"length": 3, "charset": CHARSET, "pattern": "SPR-###"}),
        ({"pattern": "##", "length": 5}, {"length": 2, "charset": CHARSET, "pattern": "##"}),
        ({"charset": "0110"}, {"length": 8, "charset": "01", "pattern": "########"}),
        (
            {"prefix": "<", "postfix": ">", "initial_count": 9},
            {"length": 8, "charset": CHARSET, "pattern": "########", "prefix": "<", "postfix": ">"},
        ),
        ({"pattern": "SALE"}, {"length": 0, "charset": CHARSET, "pattern": "SALE"}),
    ],
)
def test_the_code_config_is_shown_complete(sent: dict[str, Any], shown: dict[str, Any]) -> None:
    assert read(voucher={"code_config": sent}).columns["code_config"] == shown


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (
            {"voucher": {"discount": None}},
            a_refusal(
                400, "invalid_campaign", "Property 'discount' is required for DISCOUNT_COUPONS campaign"
            ),
        ),
        (
            {"campaign_type": "REFERRAL_PROGRAM", "voucher": {"discount": None}},
            a_refusal(
                400, "invalid_campaign", "Property 'discount' is required for REFERRAL_PROGRAM campaign"
            ),
        ),
        (
            {"campaign_type": "GIFT_VOUCHERS", "voucher": {"gift": None}},
            a_refusal(400, "invalid_campaign", "Property 'gift' is required for GIFT_VOUCHERS campaign"),
        ),
        (
            {"campaign_type": "LOYALTY_PROGRAM", "voucher": {"loyalty_card": None}},
            a_refusal(
                400, "invalid_campaign", "Property 'loyalty_card' is required for LOYALTY_PROGRAM campaign"
            ),
        ),
        (
            {"campaign_type": "GIFT_VOUCHERS", "voucher": a_voucher("DISCOUNT_VOUCHER")},
            a_refusal(
                400,
                "invalid_campaign",
                "Voucher type DISCOUNT_VOUCHER does not fit GIFT_VOUCHERS campaign",
            ),
        ),
        *(
            (
                {"campaign_type": campaign_type, "type": "STANDALONE"},
                a_refusal(400, "invalid_campaign", f"{campaign_type} campaign cannot be of type STANDALONE"),
            )
            for campaign_type in ("LOYALTY_PROGRAM", "REFERRAL_PROGRAM", "PROMOTION")
        ),
        (
            {"campaign_type": "GIFT_VOUCHERS", "voucher": {"gift": {"amount": 0}}},
            a_refusal(400, "invalid_gift", "Property 'gift.amount' must be greater than zero"),
        ),
        (
            {"voucher": {"discount": {"type": "AMOUNT"}}},
            a_refusal(
                400, "invalid_payload", "Property .voucher.discount must have required property 'amount_off'"
            ),
        ),
        (
            {"voucher": {"code_config": {"charset": ""}}},
            a_refusal(400, "invalid_code_config", "charset must have at least one character"),
        ),
        (
            {"validation_rules": ["val_1"]},
            not_there("validation_rules", "val_1"),
        ),
        (
            {"validation_rules": ["val_1", "val_2"]},
            a_refusal(400, "invalid_payload", "Property .validation_rules must NOT have more than 1 items"),
        ),
        (
            {"campaign_type": "PROMOTION", "promotion": {"tiers": [{"name": "Tier"}]}},
            a_refusal(400, "invalid_payload", "Property .promotion.tiers must NOT have more than 0 items"),
        ),
        (
            {"start_date": "2026-03-02", "expiration_date": "2026-03-01"},
            a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
        ),
        (
            {"start_date": "2026-03-02", "voucher": {"expiration_date": "2026-03-01"}},
            a_refusal(400, "invalid_payload", "Property .expiration_date must not be before start_date"),
        ),
        (
            {"start_date": "tomorrow"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .start_date cannot be recognized as a ISO-8601 compliant date",
            ),
        ),
        (
            {"validity_timeframe": {"interval": "P2D", "duration": "P1D"}},
            a_refusal(400, "invalid_payload", "Property .validity_timeframe needs a start_date"),
        ),
        (
            {
                "start_date": "2026-03-01",
                "validity_timeframe": {"interval": "two days", "duration": "P1D"},
            },
            a_refusal(
                400,
                "invalid_payload",
                "Property .validity_timeframe.interval must be an ISO 8601 duration such as P1D or PT2H30M",
            ),
        ),
        (
            {"validity_hours": {"daily": [{"start_time": "24:00", "days_of_week": [1]}]}},
            a_refusal(
                400,
                "invalid_payload",
                "Property .validity_hours.daily[0].start_time must be a time from 00:00 to 23:59, "
                "written HH:mm",
            ),
        ),
        (
            {"activity_duration_after_publishing": "24 days"},
            a_refusal(
                400,
                "invalid_payload",
                "Property .activity_duration_after_publishing must be an ISO 8601 duration such as P1D "
                "or PT2H30M",
            ),
        ),
    ],
)
def test_what_cannot_work_is_refused(sent: dict[str, Any], refusal: dict[str, Any]) -> None:
    assert refuse(**sent) == refusal


def test_all_but_promotions_need_a_voucher_block() -> None:
    with pytest.raises(ApiError) as refusal:
        read_campaign(msgspec.convert({"name": "Spring"}, CampaignCreate), None)
    assert refusal.value.body("v-0") == {
        **a_refusal(400, "invalid_payload", "Payload must have required property 'voucher'"),
        "request_id": "v-0",
    }


def test_a_changed_discount_keeps_its_type() -> None:
    changed = Discount(type="PERCENT", percent_off=20.0, amount_limit=500)
    assert read_discount_of({"discount": PERCENT}, changed) == {
        "type": "PERCENT",
        "percent_off": 20,
        "amount_limit": 500,
    }
    with pytest.raises(ApiError) as refusal:
        read_discount_of({"discount": PERCENT}, Discount(type="AMOUNT", amount_off=500))
    assert refusal.value.body("v-0") == {
        **a_refusal(400, "invalid_campaign", "It is not possible to change Campaign discount type"),
        "request_id": "v-0",
    }


@pytest.mark.parametrize("text", ["P24D", "P1Y2M10DT2H30M", "PT0S"])
def test_a_duration_is_kept_as_it_was_sent(text: str) -> None:
    assert read_duration(text) == text
