"""The list of publications: forms, orders, pages and filters."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from builders import a_refusal, a_voucher, read_refusal
from openvoucher.features.publications.listing import _COLUMNS
from publishing import list_publications, make_campaign, publish, send
from shared_project import SharedProject

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Shelf:
    """Publications of one project, oldest first: `ids` by their names."""

    client: httpx.AsyncClient
    ids: dict[str, str]
    customers: dict[str, str]
    campaigns: dict[str, str]
    vouchers: dict[str, str]

    async def find(self, **params: Any) -> list[str]:
        """Names of what a list has, in its order."""
        names = {publication_id: name for name, publication_id in self.ids.items()}
        listed = await list_publications(self.client, **{"limit": 100, **params})
        found = [names[each["id"]] for each in listed["publications"]]
        assert listed["total"] == len(found)
        return found


@pytest.fixture(scope="module")
async def shelf(shared_project: SharedProject) -> Shelf:
    client = shared_project.client
    coupons = await make_campaign(client, "Coupons", 1)
    cards = await make_campaign(client, "Cards", 3, campaign_type="LOYALTY_PROGRAM")
    friends = await make_campaign(client, "Friends", 1, campaign_type="REFERRAL_PROGRAM")
    gifts = await make_campaign(client, "Gifts", 3, campaign_type="GIFT_VOUCHERS")
    await client.post("/v1/vouchers/ALONE", json=a_voucher())
    made = {
        "coupon": await publish(client, "bob", campaign="Coupons", channel="shop", metadata={"mail": 1}),
        "card": await publish(client, "ann", campaign="Cards", source_id="mail-2"),
        "friend": await publish(client, "cid", campaign="Friends", channel="mail"),
        "gifts": await publish(client, "ann", campaign={"name": "Gifts", "count": 2}),
        "alone": await publish(client, "bob", voucher="ALONE", metadata={"mail": 2}),
    }
    assert (await send(client, "dan", campaign="Coupons")).status_code == 400
    failed = (await list_publications(client, result="FAILURE"))["publications"][0]
    everybody = [*made.values(), failed]
    vouchers = {each["voucher"]["code"]: each["voucher"]["id"] for each in made.values() if "voucher" in each}
    return Shelf(
        client,
        {**{name: each["id"] for name, each in made.items()}, "failed": failed["id"]},
        {each["tracking_id"]: each["customer_id"] for each in everybody},
        {each["name"]: each["id"] for each in (coupons, cards, friends, gifts)},
        {**vouchers, **dict(zip(made["gifts"]["vouchers"], made["gifts"]["vouchers_id"], strict=True))},
    )


ALL = ["failed", "alone", "gifts", "friend", "card", "coupon"]


# --- forms ---------------------------------------------------------------------------------------------


async def test_a_list_shows_vouchers_in_short(shelf: Shelf) -> None:
    listed = await list_publications(shelf.client)
    assert list(listed) == ["object", "data_ref", "publications", "total"]
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "publications", 6)
    shown = {each["id"]: each for each in listed["publications"]}
    vouchers = {name: shown[shelf.ids[name]].get("voucher") for name in ALL}
    assert vouchers == {
        "failed": None,
        "gifts": None,
        "coupon": {
            "code": "Coupons-0",
            "object": "voucher",
            "campaign": "Coupons",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "is_referral_code": False,
        },
        "card": {
            "code": "Cards-0",
            "object": "voucher",
            "campaign": "Cards",
            "loyalty_card": {"points": 300, "balance": 300},
            "is_referral_code": False,
        },
        "friend": {
            "code": "Friends-0",
            "object": "voucher",
            "campaign": "Friends",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "is_referral_code": True,
        },
        "alone": {
            "code": "ALONE",
            "object": "voucher",
            "campaign": None,
            "discount": {"type": "PERCENT", "percent_off": 10},
            "is_referral_code": False,
        },
    }
    assert shown[shelf.ids["gifts"]]["vouchers"] == ["Gifts-0", "Gifts-1"]
    assert shown[shelf.ids["gifts"]]["vouchers_id"] == [shelf.vouchers["Gifts-0"], shelf.vouchers["Gifts-1"]]


# --- order and pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (None, ALL),
        ("-created_at", ALL),
        ("created_at", ALL[::-1]),
        ("id", ALL[::-1]),
        ("-id", ALL),
        ("tracking_id", ["card", "gifts", "coupon", "alone", "friend", "failed"]),
        ("-tracking_id", ["failed", "friend", "alone", "coupon", "gifts", "card"]),
        ("voucher_code", ["alone", "card", "coupon", "friend", "gifts", "failed"]),
        ("-voucher_code", ["gifts", "friend", "coupon", "card", "alone", "failed"]),
        ("channel", ["card", "gifts", "alone", "failed", "friend", "coupon"]),
        ("-channel", ["coupon", "friend", "failed", "alone", "gifts", "card"]),
    ],
)
async def test_a_list_is_ordered_by(shelf: Shelf, order: str | None, found: list[str]) -> None:
    assert await shelf.find(**({"order": order} if order else {})) == found


async def test_orders_of_customers_are_those_of_their_ids(shelf: Shelf) -> None:
    # Bob came first, then Ann, Cid and Dan.
    wanted = ["coupon", "alone", "card", "gifts", "friend", "failed"]
    assert await shelf.find(order="customer_id") == wanted
    assert await shelf.find(order="-customer_id") == wanted[::-1]


async def test_pages_follow_each_other_and_end(shelf: Shelf) -> None:
    names = {publication_id: name for name, publication_id in shelf.ids.items()}
    pages = [await list_publications(shelf.client, limit=4, page=page) for page in (1, 2, 3)]
    assert [[names[each["id"]] for each in page["publications"]] for page in pages] == [ALL[:4], ALL[4:], []]
    assert {page["total"] for page in pages} == {6}


async def test_there_is_no_page_behind_the_thousandth(shelf: Shelf) -> None:
    answer = await shelf.client.get("/v1/publications", params={"page": 1001})
    assert read_refusal(answer) == a_refusal(
        400, "page_over_limit", "Property .page cannot be higher than 1000"
    )


# --- parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"campaign": "Coupons"}, ["failed", "coupon"]),
        ({"campaign": "None"}, []),
        ({"customer": "ann"}, ["gifts", "card"]),
        ({"customer": "nobody"}, []),
        ({"voucher": "Cards-0"}, ["card"]),
        ({"voucher": "Gifts-1"}, ["gifts"]),
        ({"voucher": "Gifts-2"}, []),
        ({"voucher": "none"}, []),
        ({"result": "FAILURE"}, ["failed"]),
        ({"result": "SUCCESS"}, ALL[1:]),
        ({"voucher_type": "discount"}, ["alone", "friend", "coupon"]),
        ({"voucher_type": "loyalty"}, ["card"]),
        ({"voucher_type": "gift_card"}, ["gifts"]),
        ({"is_referral_code": "true"}, ["friend"]),
        ({"is_referral_code": "false"}, ALL),
        ({"source_id": "mail-2"}, ["card"]),
        ({"source_id": "mail-3"}, []),
        ({"customer": "ann", "voucher_type": "loyalty"}, ["card"]),
        ({"cache_buster": "1"}, ALL),
    ],
)
async def test_a_parameter_finds(shelf: Shelf, params: dict[str, str], found: list[str]) -> None:
    assert await shelf.find(**params) == found


async def test_campaigns_customers_and_vouchers_are_found_by_id_too(shelf: Shelf) -> None:
    assert await shelf.find(campaign=shelf.campaigns["Gifts"]) == ["gifts"]
    assert await shelf.find(customer=shelf.customers["bob"]) == ["alone", "coupon"]
    assert await shelf.find(voucher=shelf.vouchers["ALONE"]) == ["alone"]


@pytest.mark.parametrize(
    ("params", "details"),
    [
        (
            {"result": "DONE"},
            "Property .result must be equal to one of the allowed values [ SUCCESS, FAILURE ]",
        ),
        (
            {"voucher_type": "points"},
            "Property .voucher_type must be equal to one of the allowed values"
            " [ discount, loyalty, gift_card ]",
        ),
        ({"limit": "101"}, "Property .limit must be <= 100"),
        ({"filters[colour][conditions][$is]": "red"}, "Property .filters.colour is not allowed"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_refused(
    shelf: Shelf, params: dict[str, str], details: str
) -> None:
    answer = await shelf.client.get("/v1/publications", params=params)
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


# --- filters ---------------------------------------------------------------------------------------------

# (field, operator, values, found); {…} is looked up on the shelf.
CASES: list[tuple[str, str, list[str], list[str]]] = [
    ("id", "$is", ["{ids[card]}"], ["card"]),
    ("created_at", "$before", ["2000-01-01"], []),
    ("created_at", "$less_than", ["1"], ALL),
    ("channel", "$in", ["shop", "mail"], ["friend", "coupon"]),
    ("channel", "$starts_with", ["sh"], ["coupon"]),
    ("result", "$is", ["FAILURE"], ["failed"]),
    ("result", "$is_not", ["FAILURE"], ALL[1:]),
    ("failure_code", "$has_value", [""], ["failed"]),
    ("failure_code", "$contains", ["suitable"], ["failed"]),
    ("failure_code", "$is_unknown", [""], ALL[1:]),
    ("source_id", "$is", ["mail-2"], ["card"]),
    ("source_id", "$has_value", [""], ["card"]),
    ("customer_id", "$is", ["{customers[ann]}"], ["gifts", "card"]),
    ("customer_id", "$in", ["{customers[ann]}", "{customers[cid]}"], ["gifts", "friend", "card"]),
    ("customer_id", "$not_in", ["{customers[ann]}", "{customers[bob]}"], ["failed", "friend"]),
    ("campaign_name", "$is", ["Coupons"], ["failed", "coupon"]),
    ("campaign_name", "$contains", ["friend"], ["friend"]),
    ("campaign_name", "$is_unknown", [""], ["alone"]),
    ("parent_object_id", "$is", ["{campaigns[Gifts]}"], ["gifts"]),
    ("related_object_id", "$is", ["{vouchers[Gifts-1]}"], ["gifts"]),
    ("related_object_id", "$is_unknown", [""], ["failed"]),
    ("voucher_code", "$starts_with", ["Ca"], ["card"]),
    ("voucher_type", "$is", ["LOYALTY_CARD"], ["card"]),
    ("voucher_type", "$in", ["loyalty", "gift_card"], ["gifts", "card"]),
    ("is_referral_code", "$is", ["true"], ["friend"]),
    ("is_referral_code", "$is", ["false"], ["failed", "alone", "gifts", "card", "coupon"]),
    ("metadata.mail", "$is", ["2"], ["alone"]),
    ("metadata.mail", "$has_value", [""], ["alone", "coupon"]),
]


@pytest.mark.parametrize(("field", "operator", "values", "found"), CASES)
async def test_a_filter_finds(
    shelf: Shelf, field: str, operator: str, values: list[str], found: list[str]
) -> None:
    looked_up = [
        value.format(
            ids=shelf.ids, customers=shelf.customers, campaigns=shelf.campaigns, vouchers=shelf.vouchers
        )
        for value in values
    ]
    params = {f"filters[{field}][conditions][{operator}][{n}]": each for n, each in enumerate(looked_up)}
    assert await shelf.find(**params) == found


async def test_every_field_has_a_filter_above() -> None:
    asked = {"metadata.*" if field.startswith("metadata.") else field for field, *_ in CASES}
    assert asked == set(_COLUMNS)


@pytest.mark.parametrize(("junction", "found"), [("and", ["coupon"]), ("OR", ["failed", "alone", "coupon"])])
async def test_fields_are_joined_by_the_junction(shelf: Shelf, junction: str, found: list[str]) -> None:
    params = {
        "filters[junction]": junction,
        "filters[customer_id][conditions][$is][0]": shelf.customers["bob"],
        "filters[campaign_name][conditions][$is][0]": "Coupons",
    }
    assert await shelf.find(**params) == found


# --- what is gone ----------------------------------------------------------------------------------------


async def test_publications_of_a_deleted_campaign_are_not_those_of_its_namesake(
    shared_project: SharedProject,
) -> None:
    client = shared_project.other_client
    await make_campaign(client, "Namesake", 1)
    old = await publish(client, "ann", campaign="Namesake")
    await client.delete("/v1/campaigns/Namesake?force=true")
    await client.post("/v1/campaigns", json={"name": "Namesake", "voucher": a_voucher()})
    assert (await list_publications(client, campaign="Namesake"))["publications"] == []
    by_filter = {"filters[campaign_name][conditions][$is]": "Namesake"}
    assert (await list_publications(client, **by_filter))["publications"] == []
    (listed,) = (await list_publications(client))["publications"]
    # Its code is all that is known of the voucher.
    assert (listed["id"], listed["vouchers"]) == (old["id"], ["Namesake-0"])
    assert "voucher" not in listed


async def test_a_deleted_customer_s_publications_stay(shared_project: SharedProject, code: str) -> None:
    client = shared_project.other_client
    await make_campaign(client, code, 1)
    made = await publish(client, f"{code}-ann", campaign=code)
    await client.delete(f"/v1/customers/{code}-ann")
    (listed,) = (await list_publications(client, customer=made["customer_id"]))["publications"]
    assert (listed["id"], listed["customer_id"]) == (made["id"], made["customer_id"])
