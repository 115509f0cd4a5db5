"""Campaigns of all types: made, and read by id and by name."""

from datetime import UTC, datetime
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card, read_refusal

pytestmark = pytest.mark.slow

CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_CONFIG = {"length": 8, "charset": CHARSET, "pattern": "########"}
EMPTY_LIST = {"object": "list", "data_ref": "data", "data": [], "total": 0}
GENERATED = ("id", "created_at", "creation_status", "vouchers_generation_status", "vouchers_count")


def shown(campaign_type: str, kind: str, **changes: Any) -> dict[str, Any]:
    """A campaign of which nothing was set, without what the server makes up."""
    return {
        "name": "Spring sale",
        "campaign_type": campaign_type,
        "type": kind,
        "auto_join": False,
        "join_once": False,
        "use_voucher_metadata_schema": True,
        "active": True,
        "metadata": {},
        "protected": False,
        "category_id": None,
        "categories": [],
        "object": "campaign",
        "validation_rules_assignments": EMPTY_LIST,
        **changes,
    }


REWARD = {
    "conversion_event_type": "redemption",
    "referee_reward": {
        "related_object_parent": {"id": "camp_0123456789", "name": "Referee gifts", "object": "CAMPAIGN"},
        "type": "GIFT_VOUCHER",
    },
}

CASES = [
    pytest.param(
        {
            "campaign_type": "DISCOUNT_COUPONS",
            "type": "AUTO_UPDATE",
            "join_once": True,
            "description": "10 % off",
            "start_date": "2026-03-01",
            "expiration_date": "2026-05-31T12:30:00+02:00",
            "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
            "validity_day_of_week": [1, 2, 3],
            "activity_duration_after_publishing": "P24D",
            "metadata": {"season": "Spring", "rank": 1.5, "tags": ["a", "b"]},
            "voucher": discount_voucher(
                discount={
                    "type": "PERCENT",
                    "percent_off": 10,
                    "amount_limit": 5000,
                    "effect": "APPLY_TO_ORDER",
                },
                redemption={"quantity": 1},
                code_config={"pattern": "SPR-#######"},
            ),
        },
        shown(
            "DISCOUNT_COUPONS",
            "AUTO_UPDATE",
            join_once=True,
            description="10 % off",
            start_date="2026-03-01T00:00:00.000Z",
            expiration_date="2026-05-31T10:30:00.000Z",
            validity_timeframe={"interval": "P2D", "duration": "P1D"},
            validity_day_of_week=[1, 2, 3],
            activity_duration_after_publishing="P24D",
            metadata={"season": "Spring", "rank": 1.5, "tags": ["a", "b"]},
            voucher={
                "type": "DISCOUNT_VOUCHER",
                "discount": {
                    "type": "PERCENT",
                    "percent_off": 10,
                    "amount_limit": 5000,
                    "effect": "APPLY_TO_ORDER",
                },
                "redemption": {"quantity": 1},
                "code_config": {"length": 7, "charset": CHARSET, "pattern": "SPR-#######"},
                "is_referral_code": False,
                "start_date": "2026-03-01T00:00:00.000Z",
                "expiration_date": "2026-05-31T10:30:00.000Z",
                "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
                "validity_day_of_week": [1, 2, 3],
            },
        ),
        id="discounts that grow",
    ),
    pytest.param(
        {
            "campaign_type": "DISCOUNT_COUPONS",
            "type": "STATIC",
            "use_voucher_metadata_schema": False,
            "validity_hours": {
                "daily": [{"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5, 6]}]
            },
            "voucher": discount_voucher(
                code_config={"length": 4, "charset": "AB", "prefix": "<", "postfix": ">"}
            ),
        },
        shown(
            "DISCOUNT_COUPONS",
            "STATIC",
            use_voucher_metadata_schema=False,
            validity_hours={
                "daily": [{"start_time": "16:00", "expiration_time": "22:00", "days_of_week": [5, 6]}]
            },
            voucher={
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10},
                "redemption": {"quantity": None},
                "code_config": {
                    "length": 4,
                    "charset": "AB",
                    "pattern": "####",
                    "prefix": "<",
                    "postfix": ">",
                },
                "is_referral_code": False,
            },
        ),
        id="discounts that do not",
    ),
    pytest.param(
        {
            "campaign_type": "GIFT_VOUCHERS",
            "type": "STATIC",
            "voucher": gift_voucher(10000, gift={"amount": 10000, "effect": "APPLY_TO_ITEMS"}),
        },
        shown(
            "GIFT_VOUCHERS",
            "STATIC",
            voucher={
                "type": "GIFT_VOUCHER",
                "gift": {"amount": 10000, "effect": "APPLY_TO_ITEMS"},
                "redemption": {"quantity": None},
                "code_config": DEFAULT_CONFIG,
                "is_referral_code": False,
            },
        ),
        id="gift cards",
    ),
    pytest.param(
        {
            "campaign_type": "LOYALTY_PROGRAM",
            "type": "AUTO_UPDATE",
            "join_once": False,
            "auto_join": True,
            "voucher": loyalty_card(300),
        },
        shown(
            "LOYALTY_PROGRAM",
            "AUTO_UPDATE",
            join_once=True,
            auto_join=True,
            voucher={
                "type": "LOYALTY_CARD",
                "loyalty_card": {"points": 300},
                "redemption": {"quantity": None},
                "code_config": DEFAULT_CONFIG,
                "is_referral_code": False,
            },
        ),
        id="loyalty cards",
    ),
    pytest.param(
        {
            "campaign_type": "REFERRAL_PROGRAM",
            "type": "AUTO_UPDATE",
            "voucher": discount_voucher(is_referral_code=True),
            "referral_program": REWARD,
        },
        shown(
            "REFERRAL_PROGRAM",
            "AUTO_UPDATE",
            referral_program=REWARD,
            voucher={
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10},
                "redemption": {"quantity": None},
                "code_config": DEFAULT_CONFIG,
                "is_referral_code": True,
            },
        ),
        id="referrals",
    ),
]


@pytest.mark.parametrize(("sent", "expected"), CASES)
def test_a_campaign_is_shown_as_it_was_made(sdk: Sdk, sent: dict[str, Any], expected: dict[str, Any]) -> None:
    body = voucherify.CampaignsCreateRequestBody.model_validate(
        {"name": "Spring sale", "vouchers_count": 3, **sent}
    )
    before = datetime.now(UTC)
    created = sdk.campaigns.create_campaign(body)
    raw = sdk.raw
    assert {name: value for name, value in raw.items() if name not in GENERATED} == expected
    assert (raw["creation_status"], raw["vouchers_generation_status"]) == ("IN_PROGRESS", "IN_PROGRESS")
    assert raw["vouchers_count"] == 0

    assert (created.name, created.type, created.object) == ("Spring sale", sent["type"], "campaign")
    assert created.created_at is not None
    assert abs((created.created_at - before).total_seconds()) < 60
    assert created.voucher is not None
    assert created.voucher.code_config.pattern == expected["voucher"]["code_config"]["pattern"]

    done = sdk.wait_for_campaign(created.id)
    assert {name: value for name, value in done.items() if name not in GENERATED} == expected
    assert (done["creation_status"], done["vouchers_generation_status"]) == ("DONE", "DONE")
    assert done["vouchers_count"] == 3
    assert len(sdk.list_codes(done["id"])) == 3


def test_the_model_of_the_sdk_has_all_values(sdk: Sdk) -> None:
    sent, _ = CASES[0].values
    assert isinstance(sent, dict)
    created = sdk.campaigns.create_campaign(
        voucherify.CampaignsCreateRequestBody.model_validate({"name": "Spring sale", **sent})
    )
    assert created.start_date == datetime(2026, 3, 1, tzinfo=UTC)
    assert created.expiration_date == datetime(2026, 5, 31, 10, 30, tzinfo=UTC)
    assert created.validity_timeframe is not None
    assert created.validity_timeframe.to_dict() == {"interval": "P2D", "duration": "P1D"}
    assert created.validity_day_of_week == [1, 2, 3]
    assert created.metadata == {"season": "Spring", "rank": 1.5, "tags": ["a", "b"]}
    assert created.voucher is not None
    assert created.voucher.discount is not None
    assert created.voucher.discount.percent_off == 10
    assert created.voucher.discount.amount_limit == 5000
    assert created.voucher.redemption is not None
    assert created.voucher.redemption.quantity == 1
    assert created.voucher.code_config.length == 7
    assert created.validation_rules_assignments is not None
    assert created.validation_rules_assignments.total == 0


def test_a_promotion_has_tiers_and_no_codes(sdk: Sdk) -> None:
    created = sdk.campaigns.create_campaign(
        voucherify.CampaignsCreateRequestBody(name="Free shipping", campaign_type="PROMOTION")
    )
    assert (created.creation_status, created.vouchers_generation_status) == ("DONE", "DONE")
    assert (created.type, created.voucher, created.vouchers_count) == ("STATIC", None, None)
    assert created.promotion is not None
    assert (created.promotion.tiers, created.promotion.total) == ([], 0)
    fetched = sdk.campaigns.get_campaign(str(created.id))
    assert fetched.to_dict() == created.to_dict()


def test_a_campaign_without_codes_is_done_at_once(sdk: Sdk) -> None:
    created = sdk.campaigns.create_campaign(
        voucherify.CampaignsCreateRequestBody.model_validate(
            {"name": "Later", "campaign_type": "DISCOUNT_COUPONS", "voucher": discount_voucher()}
        )
    )
    assert (created.type, created.vouchers_count) == ("AUTO_UPDATE", 0)
    assert (created.creation_status, created.vouchers_generation_status) == ("DONE", "DONE")
    assert sdk.actions.list_async_actions().async_actions == []


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"voucher": discount_voucher()}, ("DISCOUNT_COUPONS", "AUTO_UPDATE")),
        ({"campaign_type": "GIFT_VOUCHERS", "voucher": gift_voucher(5)}, ("GIFT_VOUCHERS", "AUTO_UPDATE")),
        (
            {"campaign_type": "LOYALTY_PROGRAM", "voucher": loyalty_card(5)},
            ("LOYALTY_PROGRAM", "AUTO_UPDATE"),
        ),
        (
            {
                "campaign_type": "REFERRAL_PROGRAM",
                "voucher": discount_voucher(is_referral_code=True),
                "referral_program": REWARD,
            },
            ("REFERRAL_PROGRAM", "AUTO_UPDATE"),
        ),
        ({"campaign_type": "PROMOTION", "promotion": {}}, ("PROMOTION", "STATIC")),
    ],
)
def test_the_nulls_of_a_model_made_from_a_dictionary_set_nothing(
    sdk: Sdk, sent: dict[str, Any], expected: tuple[str, str]
) -> None:
    # from_dict marks every field as set, and the SDK then sends each as null.
    body = voucherify.CampaignsCreateRequestBody.from_dict({"name": "Nulls", **sent})
    assert body is not None
    assert body.to_dict()["use_voucher_metadata_schema"] is None
    created = sdk.campaigns.create_campaign(body)
    assert (created.campaign_type, created.type) == expected
    assert (sdk.raw["use_voucher_metadata_schema"], sdk.raw["active"]) == (True, True)


def test_the_reward_of_a_referee_comes_back_as_it_was_sent(sdk: Sdk) -> None:
    # (The SDK takes its amount for text and cannot send this.)
    reward = {"type": "LOYALTY_CARD", "amount": 1000, "related_object_parent": {"id": "camp_0123456789"}}
    program = {
        "conversion_event_type": "custom_event",
        "custom_event": {"id": "ms_Ll9enAm2BCN0M1s4VxWobLFM", "name": "subscribed"},
        "referee_reward": reward,
    }
    answer = sdk.send(
        "POST",
        "/v1/campaigns",
        {
            "name": "Friends",
            "campaign_type": "REFERRAL_PROGRAM",
            "voucher": discount_voucher(is_referral_code=True),
            "referral_program": program,
        },
    )
    assert (answer.status, answer.body["referral_program"]) == (200, program)


def standalone_campaign(**voucher: Any) -> dict[str, Any]:
    return {
        "name": "Summer",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "STANDALONE",
        "join_once": True,
        "voucher": discount_voucher(**voucher),
    }


def test_a_standalone_campaign_has_one_code_for_everybody(sdk: Sdk) -> None:
    campaign_id = sdk.send("POST", "/v1/campaigns", standalone_campaign(code="SUMMER 26")).body["id"]
    done = sdk.wait_for_campaign(campaign_id)
    assert {name: value for name, value in done.items() if name not in GENERATED} == shown(
        "DISCOUNT_COUPONS",
        "STANDALONE",
        name="Summer",
        voucher={
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "redemption": {"quantity": None},
            "code_config": DEFAULT_CONFIG,
            "is_referral_code": False,
        },
    )
    assert (done["creation_status"], done["vouchers_count"]) == ("DONE", 1)
    voucher = sdk.vouchers.get_voucher("SUMMER 26")
    assert (voucher.campaign_id, voucher.campaign) == (campaign_id, "Summer")


def test_a_standalone_campaign_without_a_code_gets_a_random_one(sdk: Sdk) -> None:
    body = voucherify.CampaignsCreateRequestBody.model_validate(standalone_campaign())
    # The SDK's model demands a code_config of every campaign: that is why this one shows its own.
    created = sdk.campaigns.create_campaign(body)
    assert created.type == "STANDALONE"
    done = sdk.wait_for_campaign(created.id)
    (code,) = sdk.list_codes(done["id"])
    assert len(code) == 8
    assert set(code) <= set(CHARSET)


def test_a_standalone_code_that_is_taken_makes_no_campaign(sdk: Sdk) -> None:
    sdk.vouchers.create_voucher(
        "SUMMER", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    )
    answer = sdk.send("POST", "/v1/campaigns", standalone_campaign(code="SUMMER"))
    assert (answer.status, answer.body["details"]) == (409, "Duplicated voucher exists with id SUMMER")
    assert sdk.campaigns.list_campaigns().total == 0


@pytest.mark.parametrize("name", ["Spring", "50% off / für #1?&x=%2F", "camp_0123"])
def test_a_campaign_is_found_by_id_and_by_name(sdk: Sdk, name: str) -> None:
    campaign_id = sdk.make_campaign(name, vouchers_count=1)
    by_id = sdk.campaigns.get_campaign(campaign_id)
    raw = sdk.raw
    by_name = sdk.campaigns.get_campaign(name)
    assert sdk.raw == raw
    assert by_name.to_dict() == by_id.to_dict()
    assert (by_name.id, by_name.name, by_name.vouchers_count) == (campaign_id, name, 1)


def test_the_category_is_given_by_name_or_by_id(sdk: Sdk) -> None:
    category = sdk.categories.create_category(
        voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=0)
    )
    shown_category = sdk.raw
    for name, field in (("one", {"category": "Seasonal"}), ("two", {"category_id": category.id})):
        created = sdk.campaigns.create_campaign(
            voucherify.CampaignsCreateRequestBody.model_validate(
                {"name": name, "voucher": discount_voucher(), **field}
            )
        )
        assert (created.category, created.category_id) == ("Seasonal", category.id)
        assert sdk.raw["categories"] == [shown_category]


def test_a_name_is_used_once(sdk: Sdk, other_sdk: Sdk) -> None:
    first = sdk.make_campaign("Spring sale")
    body = voucherify.CampaignsCreateRequestBody.model_validate(
        {"name": "Spring sale", "voucher": discount_voucher()}
    )
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.campaigns.create_campaign(body)
    assert read_refusal(refusal.value) == {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": "Duplicated campaign exists with name Spring sale",
        "resource_id": "Spring sale",
        "resource_type": "campaign",
    }
    assert [each.id for each in sdk.campaigns.list_campaigns().campaigns or []] == [first]
    assert other_sdk.campaigns.create_campaign(body).name == "Spring sale"


REFUSALS: list[Any] = [
    pytest.param(
        {"campaign_type": "REFERRAL_PROGRAM", "voucher": {"type": "DISCOUNT_VOUCHER"}},
        (400, "invalid_campaign", "Property 'discount' is required for REFERRAL_PROGRAM campaign"),
        id="no discount",
    ),
    pytest.param(
        {"campaign_type": "GIFT_VOUCHERS", "voucher": {"type": "GIFT_VOUCHER"}},
        (400, "invalid_campaign", "Property 'gift' is required for GIFT_VOUCHERS campaign"),
        id="no gift",
    ),
    pytest.param(
        {"campaign_type": "LOYALTY_PROGRAM", "voucher": {"type": "LOYALTY_CARD"}},
        (400, "invalid_campaign", "Property 'loyalty_card' is required for LOYALTY_PROGRAM campaign"),
        id="no card",
    ),
    pytest.param(
        {"name": None, "voucher": discount_voucher()},
        (400, "invalid_payload", "Property .name must be string"),
        id="null as name",
    ),
    pytest.param(
        {
            "vouchers_count": 101,
            "voucher": discount_voucher(code_config={"pattern": "10-##", "charset": "0123456789"}),
        },
        (400, "invalid_code_config", "Not possible to generate requested number of codes."),
        id="more codes than the pattern has",
    ),
    pytest.param(
        {"voucher": discount_voucher(), "category_id": "cat_0000000000"},
        (404, "not_found", "Cannot find category with id cat_0000000000"),
        id="unknown category",
    ),
    pytest.param(
        {"voucher": discount_voucher(), "start_date": "2026-05-31", "expiration_date": "2026-03-01"},
        (400, "invalid_payload", None),
        id="ends before it starts",
    ),
]


@pytest.mark.parametrize(("sent", "expected"), REFUSALS)
def test_a_campaign_that_cannot_work_is_refused(
    sdk: Sdk, sent: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    body = voucherify.CampaignsCreateRequestBody.model_validate({"name": "Spring sale", **sent})
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.campaigns.create_campaign(body)
    told = read_refusal(refusal.value)
    assert (told["code"], told["key"]) == expected[:2]
    # (What follows says more than the original does.)
    assert told["details"].startswith(expected[2] or "")
    assert sdk.campaigns.list_campaigns().total == 0


def test_a_name_is_needed(sdk: Sdk) -> None:
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.campaigns.create_campaign(
            voucherify.CampaignsCreateRequestBody.model_validate({"voucher": discount_voucher()})
        )
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": "Payload must have required property 'name'",
    }
