"""The list of campaigns: pages, orders, filters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify
from voucherify import ParameterFiltersListCampaigns as Filters

from sdk_client import Sdk, discount_voucher, gift_voucher, loyalty_card

pytestmark = pytest.mark.slow

REFERRAL = {"conversion_event_type": "redemption"}


def names(answer: voucherify.CampaignsListResponseBody) -> list[str]:
    return [str(each.name) for each in answer.campaigns or []]


@pytest.fixture
def five(sdk: Sdk) -> dict[str, str]:
    """A campaign of each type, made in this order: ids by name."""
    voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=0)
    category = sdk.categories.create_category(
        voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=0)
    )
    return {
        "Autumn": sdk.make_campaign(
            "Autumn",
            voucher=discount_voucher(),
            vouchers_count=2,
            category_id=category.id,
            metadata={"region": "north"},
            start_date="2030-01-01",
        ),
        "Winter gifts": sdk.make_campaign(
            "Winter gifts",
            campaign_type="GIFT_VOUCHERS",
            type="AUTO_UPDATE",
            voucher=gift_voucher(500),
            expiration_date="2020-01-01",
        ),
        "Winter points": sdk.make_campaign(
            "Winter points",
            campaign_type="LOYALTY_PROGRAM",
            type="AUTO_UPDATE",
            voucher=loyalty_card(0),
            metadata={"region": "south"},
            validity_day_of_week=[0, 6],
        ),
        "Winter friends": sdk.make_campaign(
            "Winter friends",
            campaign_type="REFERRAL_PROGRAM",
            type="AUTO_UPDATE",
            voucher=discount_voucher(is_referral_code=True),
            referral_program=REFERRAL,
        ),
        "Winter shipping": sdk.make_campaign("Winter shipping", campaign_type="PROMOTION"),
    }


ALL = ["Winter shipping", "Winter friends", "Winter points", "Winter gifts", "Autumn"]


@pytest.mark.usefixtures("five")
def test_pages_come_newest_first(sdk: Sdk) -> None:
    whole = sdk.campaigns.list_campaigns()
    assert (whole.object, whole.data_ref, whole.total) == ("list", "campaigns", 5)
    assert names(whole) == ALL
    pages = [sdk.campaigns.list_campaigns(limit=2, page=page) for page in (1, 2, 3, 4)]
    assert [names(page) for page in pages] == [ALL[:2], ALL[2:4], ALL[4:], []]
    assert [page.total for page in pages] == [5, 5, 5, 5]


def test_the_order_can_be_turned_and_follow_updates(sdk: Sdk, five: dict[str, str]) -> None:
    order = voucherify.ParameterOrderListCampaigns
    assert names(sdk.campaigns.list_campaigns(order=order.CREATED_AT)) == ALL[::-1]
    for name in ("Winter gifts", "Autumn"):
        sdk.campaigns.update_campaign(
            five[name], voucherify.CampaignsUpdateRequestBody(description=f"about {name}")
        )
    newest = sdk.campaigns.list_campaigns(order=order.MINUS_UPDATED_AT, limit=2)
    assert names(newest) == ["Autumn", "Winter gifts"]
    assert names(sdk.campaigns.list_campaigns(order=order.UPDATED_AT))[-2:] == ["Winter gifts", "Autumn"]


@pytest.mark.usefixtures("five")
def test_an_item_shows_its_category_by_name_and_in_full_when_asked_for(sdk: Sdk) -> None:
    starts = Filters.model_validate({"campaigns": {"conditions": {"$is": "Autumn"}}})
    (plain,) = sdk.campaigns.list_campaigns(filters=starts).campaigns or []
    assert (plain.category, plain.categories) == ("Seasonal", [])
    expanded = sdk.campaigns.list_campaigns(
        filters=starts, expand=voucherify.ParameterExpandListCampaigns.CATEGORY
    )
    (full,) = expanded.campaigns or []
    (category,) = full.categories or []
    assert (category.id, category.name, category.hierarchy) == (plain.category_id, "Seasonal", 0)
    assert plain.vouchers_count == 2


@pytest.mark.parametrize(
    ("campaign_type", "expected"),
    [
        (voucherify.ParameterCampaignType.DISCOUNT_COUPONS, ["Autumn"]),
        (voucherify.ParameterCampaignType.GIFT_VOUCHERS, ["Winter gifts"]),
        (voucherify.ParameterCampaignType.LOYALTY_PROGRAM, ["Winter points"]),
        (voucherify.ParameterCampaignType.REFERRAL_PROGRAM, ["Winter friends"]),
        (voucherify.ParameterCampaignType.PROMOTION, ["Winter shipping"]),
    ],
)
@pytest.mark.usefixtures("five")
def test_campaigns_are_listed_by_type(
    sdk: Sdk, campaign_type: voucherify.ParameterCampaignType, expected: list[str]
) -> None:
    answer = sdk.campaigns.list_campaigns(campaign_type=campaign_type)
    assert (names(answer), answer.total) == (expected, 1)


@pytest.mark.usefixtures("five")
def test_campaigns_are_listed_by_status_and_referral(sdk: Sdk) -> None:
    status = voucherify.ParameterCampaignStatusListCampaigns
    assert names(sdk.campaigns.list_campaigns(campaign_status=status.DONE)) == ALL
    assert names(sdk.campaigns.list_campaigns(campaign_status=status.IN_PROGRESS)) == []
    assert names(sdk.campaigns.list_campaigns(is_referral_code=True)) == ["Winter friends"]
    assert names(sdk.campaigns.list_campaigns(is_referral_code=False)) == [
        name for name in ALL if name != "Winter friends"
    ]


def test_the_filters_of_the_sdk_narrow_the_list(sdk: Sdk, five: dict[str, str]) -> None:
    def find(**fields: Any) -> list[str]:
        return names(sdk.campaigns.list_campaigns(filters=Filters.model_validate(fields)))

    def where(**conditions: Any) -> dict[str, Any]:
        return {"conditions": {f"${name}": value for name, value in conditions.items()}}

    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert find(campaigns=where(starts_with="winter")) == ALL[:4]
    assert find(campaigns=where(contains="GIFT")) == ["Winter gifts"]
    assert find(campaigns_id=where(**{"is": five["Winter points"]})) == ["Winter points"]
    assert find(categories=where(**{"is": "Seasonal"})) == ["Autumn"]
    assert find(created_date=where(after=yesterday)) == ALL
    assert find(created_date=where(before=yesterday)) == []
    assert find(campaigns=where(is_not="Autumn"), categories=where(has_value="")) == []
    either = find(campaigns=where(ends_with="points"), categories=where(has_value=""), junction="or")
    assert either == ["Winter points", "Autumn"]


# What the SDK cannot spell: lists of values, operators without a value, metadata.
SPELLED: list[Any] = [
    ("filters[campaigns][conditions][$in][0]=Autumn&filters[campaigns][conditions][$in][1]=x", ["Autumn"]),
    ("[filters][campaigns][conditions][$not_in][0]=Autumn", ALL[:4]),
    ("filters[type][conditions][$is]=STATIC", ["Winter shipping", "Autumn"]),
    ("filters[type][conditions][$is]=BULK", ALL),
    ("filters[voucher_type][conditions][$in][0]=GIFT_VOUCHER", ["Winter gifts"]),
    ("filters[is_referral_code][conditions][$is]=TRUE", ["Winter friends"]),
    ("filters[campaign_status][conditions][$is]=DONE&limit=1", ALL[:1]),
    ("filters[status][conditions][$active]=", ALL),
    ("filters[status][conditions][$in_progress]=", []),
    ("filters[active][conditions][$expired]=", ["Winter gifts"]),
    ("filters[active][conditions][$active]=", ["Winter shipping", "Winter friends", "Winter points"]),
    ("filters[active][conditions][$disabled]=", []),
    ("filters[metadata.region][conditions][$is]=south", ["Winter points"]),
    ("filters[metadata.region][conditions][$has_value]=", ["Winter points", "Autumn"]),
    ("filters[start_date][conditions][$after]=2029-12-31", ["Autumn"]),
    ("filters[expiration_date][conditions][$before]=2020-01-02", ["Winter gifts"]),
    ("filters[category_ids][conditions][$is_unknown]=", ALL[:4]),
    # A campaign without day limits runs on Mondays too.
    (
        "filters[validity_day_of_week][conditions][$is]=1",
        ["Winter shipping", "Winter friends", "Winter gifts", "Autumn"],
    ),
    ("filters[validity_day_of_week][conditions][$is]=6", ALL),
]


@pytest.mark.usefixtures("five")
def test_filters_narrow_the_list(sdk: Sdk) -> None:
    found = {}
    for query, _ in SPELLED:
        answer = sdk.send("GET", f"/v1/campaigns?{query}")
        assert answer.status == 200, (query, answer.body)
        found[query] = [each["name"] for each in answer.body["campaigns"]]
    assert found == dict(SPELLED)


@pytest.mark.parametrize(
    ("query", "status", "key", "details"),
    [
        ("limit=101", 400, "invalid_query_params", "Property .limit must be <= 100"),
        ("limit=0", 400, "invalid_query_params", "Property .limit must be >= 1"),
        ("limit=x", 400, "invalid_query_params", "Property .limit must be integer"),
        ("page=1001", 400, "page_over_limit", "Property .page cannot be higher than 1000"),
    ],
)
def test_a_page_that_cannot_be_is_refused(sdk: Sdk, query: str, status: int, key: str, details: str) -> None:
    answer = sdk.send("GET", f"/v1/campaigns?{query}")
    assert (answer.status, answer.body["key"], answer.body["details"]) == (status, key, details)
