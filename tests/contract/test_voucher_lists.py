"""The list of vouchers: pages, orders, filters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, gift_voucher

pytestmark = pytest.mark.slow

ORDER = voucherify.ParameterOrderVouchers


def codes(answer: voucherify.VouchersListResponseBody) -> list[str]:
    return [str(each.code) for each in answer.vouchers or []]


@pytest.fixture
def made(sdk: Sdk) -> dict[str, str]:
    """Six vouchers in this order, two of them in a campaign: ids by code; and the campaign's by name."""
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Seasonal", hierarchy=0))
    category_id = sdk.raw["id"]
    campaign_id = sdk.make_campaign("Spring", category_id=category_id, metadata={"region": "north"})
    ids = {"Spring": campaign_id, "Seasonal": category_id}

    def make(code: str, **fields: Any) -> None:
        body = {**discount_voucher(), **fields}
        made = sdk.vouchers.create_voucher(
            code, voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(body)
        )
        ids[code] = str(made.id)

    make("C-1", campaign_id=campaign_id)
    make("C-2", campaign_id=campaign_id, metadata={"region": "south"})
    make("E-1", expiration_date="2020-01-01T00:00:00Z")
    make("F-1", start_date="2030-01-01T00:00:00Z", active=False)
    make("G-1", **gift_voucher(500), category_id=category_id, redemption={"quantity": 2})
    make("a-1", metadata={"rank": 5})
    return ids


ALL = ["a-1", "G-1", "F-1", "E-1", "C-2", "C-1"]


@pytest.mark.usefixtures("made")
def test_pages_come_newest_first(sdk: Sdk) -> None:
    whole = sdk.vouchers.list_vouchers()
    assert (whole.object, whole.data_ref, whole.total) == ("list", "vouchers", 6)
    assert codes(whole) == ALL
    pages = [sdk.vouchers.list_vouchers(limit=4, page=page) for page in (1, 2, 3)]
    assert [codes(page) for page in pages] == [ALL[:4], ALL[4:], []]
    assert [page.total for page in pages] == [6, 6, 6]


def test_an_item_is_the_voucher_without_its_rules(sdk: Sdk, made: dict[str, str]) -> None:
    (item,) = sdk.vouchers.list_vouchers(code="C-2").vouchers or []
    (raw,) = sdk.raw["vouchers"]
    whole = sdk.send("GET", f"/v1/vouchers/{made['C-2']}").body
    del whole["validation_rules_assignments"]
    assert raw == whole
    assert (item.id, item.campaign, item.category) == (made["C-2"], "Spring", "Seasonal")
    assert item.metadata == {"region": "south"}
    (category,) = item.categories or []
    assert category.name == "Seasonal"


@pytest.mark.usefixtures("made")
def test_the_order_can_be_chosen(sdk: Sdk) -> None:
    assert codes(sdk.vouchers.list_vouchers(order=ORDER.CREATED_AT)) == ALL[::-1]
    by_code = codes(sdk.vouchers.list_vouchers(order=ORDER.CODE))
    assert codes(sdk.vouchers.list_vouchers(order=ORDER.MINUS_CODE)) == by_code[::-1]
    assert sorted(by_code) == sorted(ALL)
    assert [code for code in by_code if code != "a-1"] == ["C-1", "C-2", "E-1", "F-1", "G-1"]
    for code in ("E-1", "C-1"):
        sdk.vouchers.update_voucher(code, voucherify.VouchersUpdateRequestBody(additional_info=code))
    assert codes(sdk.vouchers.list_vouchers(order=ORDER.MINUS_UPDATED_AT, limit=2)) == ["C-1", "E-1"]
    assert codes(sdk.vouchers.list_vouchers(order=ORDER.UPDATED_AT))[-2:] == ["E-1", "C-1"]


def test_vouchers_are_found_by_campaign_category_code_and_id(sdk: Sdk, made: dict[str, str]) -> None:
    def find(**query: Any) -> list[str]:
        answer = sdk.vouchers.list_vouchers(**query)
        assert answer.total == len(answer.vouchers or [])
        return codes(answer)

    assert find(campaign="Spring") == ["C-2", "C-1"]
    assert find(campaign_id=made["Spring"]) == ["C-2", "C-1"]
    assert find(campaign="No such campaign") == []
    assert find(category="Seasonal") == ["G-1", "C-2", "C-1"]
    assert find(category=made["Seasonal"]) == ["G-1", "C-2", "C-1"]
    assert find(code="a-1") == ["a-1"]
    assert find(code="A-1") == []
    assert find(ids=[made["C-1"], made["E-1"], "v_unknown"]) == ["E-1", "C-1"]
    assert find(customer="cust_unknown") == []
    assert find(campaign="Spring", category="Seasonal", code="C-1") == ["C-1"]


@pytest.mark.usefixtures("made")
def test_vouchers_are_found_by_their_dates(sdk: Sdk) -> None:
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    created, updated = voucherify.ParameterCreatedBeforeAfter, voucherify.ParameterUpdatedBeforeAfter
    assert codes(sdk.vouchers.list_vouchers(created_at=created(after=now - hour, before=now + hour))) == ALL
    assert codes(sdk.vouchers.list_vouchers(created_at=created(before=now - hour))) == []
    assert codes(sdk.vouchers.list_vouchers(updated_at=updated(after=now - hour))) == []
    sdk.vouchers.disable_voucher("E-1")
    assert codes(sdk.vouchers.list_vouchers(updated_at=updated(after=now - hour))) == ["E-1"]


def test_the_bounds_of_dates_are_exclusive(sdk: Sdk, made: dict[str, str]) -> None:
    created = voucherify.ParameterCreatedBeforeAfter
    (item,) = sdk.vouchers.list_vouchers(code="E-1").vouchers or []
    # As it is shown, in milliseconds: a client goes on from the last date that it saw.
    assert codes(sdk.vouchers.list_vouchers(created_at=created(after=item.created_at))) == ALL[:3]
    assert codes(sdk.vouchers.list_vouchers(created_at=created(before=item.created_at))) == ALL[4:]
    sdk.vouchers.disable_voucher("E-1")
    shown = sdk.raw["updated_at"]
    assert sdk.send("GET", "/v1/vouchers", query={"updated_at[after]": shown}).body["vouchers"] == []
    for bound, expected in (("$after", ALL[:3]), ("$before", ALL[4:])):
        query = {
            f"filters[created_at][conditions][{bound}]": sdk.send("GET", f"/v1/vouchers/{made['E-1']}").body[
                "created_at"
            ]
        }
        found = sdk.send("GET", "/v1/vouchers", query=query).body["vouchers"]
        assert [each["code"] for each in found] == expected


# The SDK has no parameter for filters.
SPELLED: list[Any] = [
    ("filters[code][conditions][$starts_with]=c-", ["C-2", "C-1"]),
    ("filters[code][conditions][$in][0]=E-1&filters[code][conditions][$in][1]=G-1", ["G-1", "E-1"]),
    ("filters%5Bcode%5D%5Bconditions%5D%5B%24is%5D=a-1", ["a-1"]),
    ("[filters][code][conditions][$not_in][0]=a-1", ALL[1:]),
    ("filters[campaigns][conditions][$is]=Spring", ["C-2", "C-1"]),
    ("filters[campaign_ids][conditions][$is_unknown]=", ["a-1", "G-1", "F-1", "E-1"]),
    ("filters[categories][conditions][$is]=Seasonal", ["G-1", "C-2", "C-1"]),
    ("filters[active][conditions][$enabled]=", ["a-1", "G-1", "E-1", "C-2", "C-1"]),
    ("filters[active][conditions][$disabled]=", ["F-1"]),
    ("filters[active][conditions][$expired]=", ["E-1"]),
    ("filters[active][conditions][$active]=", ["a-1", "G-1", "C-2", "C-1"]),
    (
        "filters[junction]=and&filters[active][conditions][$active]="
        "&filters[redemption.redeemed_quantity][conditions][$is]=0",
        ["a-1", "G-1", "C-2", "C-1"],
    ),
    ("filters[redemption.quantity][conditions][$more_than]=1", ["G-1"]),
    ("filters[metadata.region][conditions][$is]=north", ["C-1"]),
    ("filters[metadata.rank][conditions][$more_than_equal]=5", ["a-1"]),
    ("filters[expiration_date][conditions][$has_value]=", ["E-1"]),
    ("filters[created_at][conditions][$today]=", ALL),
    ("filters[is_referral_code][conditions][$is]=true", []),
    (
        "filters[junction]=or&filters[code][conditions][$is]=a-1&filters[categories][conditions][$is]=Seasonal",
        ["a-1", "G-1", "C-2", "C-1"],
    ),
    ("created_at[after]=2020-01-01&limit=1", ALL[:1]),
    ("[created_at][before]=2020-01-01", []),
]


@pytest.mark.usefixtures("made")
def test_filters_narrow_the_list(sdk: Sdk) -> None:
    found = {}
    for query, _ in SPELLED:
        answer = sdk.send("GET", f"/v1/vouchers?{query}")
        assert answer.status == 200, (query, answer.body)
        found[query] = [each["code"] for each in answer.body["vouchers"]]
    assert found == dict(SPELLED)


def test_ids_can_be_spelled_in_all_ways(sdk: Sdk, made: dict[str, str]) -> None:
    first, second = made["C-1"], made["a-1"]
    for query in (
        f"ids={first}&ids={second}",
        f"ids[0]={first}&ids[1]={second}",
        f"ids[]={first}&ids[]={second}",
        f"ids={first},{second}",
    ):
        listed = sdk.send("GET", f"/v1/vouchers?{query}").body["vouchers"]
        assert [each["code"] for each in listed] == ["a-1", "C-1"]


def test_a_filter_with_an_unknown_operator_is_refused(sdk: Sdk) -> None:
    answer = sdk.send("GET", "/v1/vouchers?filters[code][conditions][$like]=x")
    assert (answer.status, answer.body["key"]) == (400, "invalid_query_params")
    assert answer.body["details"].startswith("Property .filters should match either `filters[${field}]")
