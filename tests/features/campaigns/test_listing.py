"""The list of campaigns: pages, orders, filters. One project, whose campaigns are made once."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from builders import a_campaign, a_refusal, read_refusal
from openvoucher.wire.filters import OPERATORS
from shop import Shop

# In the order of their creation, a minute after one another.
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "in the bin": {"metadata": {"season": "Spring"}},
    "plain": {},
    "done": {
        "vouchers_count": 1,
        "type": "STATIC",
        "metadata": {"season": "Spring", "rank": 1},
        "category": "Seasonal",
        "start_date": "2020-01-01",
        "expiration_date": "2999-01-01",
        "validity_day_of_week": [1, 2],
        "validity_timeframe": {"interval": "P2D", "duration": "P1D"},
    },
    "expired": {"campaign_type": "GIFT_VOUCHERS", "expiration_date": "2020-01-01"},
    "not begun": {"campaign_type": "LOYALTY_PROGRAM", "start_date": "2999-01-01"},
    "disabled": {"type": "STANDALONE", "metadata": {"season": "Autumn", "rank": 2}},
    "referrals": {"campaign_type": "REFERRAL_PROGRAM", "category": "Seasonal"},
    "promotion": {"campaign_type": "PROMOTION", "validity_day_of_week": [0]},
    "failed": {"vouchers_count": 2, "voucher": {"code_config": {"pattern": "F#", "charset": "01"}}},
    "being updated": {"metadata": {"season": None}},
    "being made": {"vouchers_count": 1},
}
ALL = [name for name in CAMPAIGNS if name != "in the bin"]


@pytest.fixture(scope="module")
async def listed(shop: Shop) -> Shop:
    await make_campaigns(shop.client, shop)
    return shop


async def make_campaigns(client: httpx.AsyncClient, shop: Shop) -> None:
    await client.post("/v1/categories", json={"name": "Seasonal", "hierarchy": 1})
    for name, fields in CAMPAIGNS.items():
        assert (await client.post("/v1/campaigns", json=a_campaign(name=name, **fields))).status_code == 200
        if name == "failed":
            await client.post("/v1/vouchers/F0", json={"type": "GIFT_VOUCHER", "gift": {"amount": 1}})
        if name != "being made":
            await shop.worker.run_until_idle()
    await client.post("/v1/campaigns/disabled/disable")
    await client.delete("/v1/campaigns/in%20the%20bin")
    await client.put("/v1/campaigns/being%20updated", json={})
    async with shop.db.transaction() as connection:
        names = list(CAMPAIGNS)
        await connection.execute(
            "update campaign set updated_at = case name when 'disabled' then timestamptz '2026-03-02'"
            "   when 'being updated' then timestamptz '2026-03-01 12:00' end,"
            " created_at = timestamptz '2026-02-01' + interval '1 minute' * array_position($1::text[], name)",
            names,
        )


async def ask(shop: Shop, query: str) -> list[str]:
    """Names on the first page, in the order of creation."""
    body = await shop.read(f"/v1/campaigns?limit=100&{query}")
    names = [campaign["name"] for campaign in body["campaigns"]]
    assert body["total"] == len(names)
    return sorted(names, key=list(CAMPAIGNS).index)


def conditions(field: str, operator: str, *values: str) -> str:
    if not values:
        return f"filters[{field}][conditions][{operator}]="
    return "&".join(
        f"filters[{field}][conditions][{operator}][{place}]={value}" for place, value in enumerate(values)
    )


def but(*names: str) -> list[str]:
    return [name for name in ALL if name not in names]


# --- pages and orders ------------------------------------------------------------------------------


async def test_the_newest_campaigns_come_first_and_the_bin_is_not_listed(listed: Shop) -> None:
    body = await listed.read("/v1/campaigns")
    assert body.keys() == {"object", "data_ref", "campaigns", "total"}
    assert (body["object"], body["data_ref"], body["total"]) == ("list", "campaigns", 10)
    assert [campaign["name"] for campaign in body["campaigns"]] == ALL[::-1]


async def test_the_total_counts_all_pages(listed: Shop) -> None:
    seen = []
    for page in range(1, 6):
        body = await listed.read(f"/v1/campaigns?limit=3&page={page}")
        assert body["total"] == 10
        seen.append([campaign["name"] for campaign in body["campaigns"]])
    assert [len(page) for page in seen] == [3, 3, 3, 1, 0]
    assert [name for page in seen for name in page] == ALL[::-1]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("created_at", ALL),
        ("-created_at", ALL[::-1]),
        ("updated_at", [*but("disabled", "being updated"), "being updated", "disabled"]),
        ("-updated_at", ["disabled", "being updated", *but("disabled", "being updated")[::-1]]),
    ],
)
async def test_orders(listed: Shop, order: str, names: list[str]) -> None:
    body = await listed.read(f"/v1/campaigns?order={order}&limit=100")
    assert [campaign["name"] for campaign in body["campaigns"]] == names


async def test_an_item_is_the_campaign_without_its_rules_and_its_category_in_full(listed: Shop) -> None:
    campaign = await listed.read("/v1/campaigns/done")
    del campaign["validation_rules_assignments"]
    (category,) = campaign["categories"]
    query = "filters[name][conditions][$is]=done"
    (item,) = (await listed.read(f"/v1/campaigns?{query}"))["campaigns"]
    assert item == {**campaign, "categories": []}
    assert (item["category"], item["category_id"]) == ("Seasonal", category["id"])
    (item,) = (await listed.read(f"/v1/campaigns?expand=category&{query}"))["campaigns"]
    assert item == campaign


# --- what it is narrowed by ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("campaign_type=GIFT_VOUCHERS", ["expired"]),
        ("campaign_type=PROMOTION", ["promotion"]),
        ("campaign_status=FAILED", ["failed"]),
        ("campaign_status=IN_PROGRESS", ["being made"]),
        ("campaign_status=MODIFYING", ["being updated"]),
        ("campaign_status=DRAFT", []),
        ("is_referral_code=true", ["referrals"]),
        ("is_referral_code=false", but("referrals")),
        ("campaign_type=DISCOUNT_COUPONS&campaign_status=FAILED&is_referral_code=false", ["failed"]),
        ("campaign_type=GIFT_VOUCHERS&campaign_status=FAILED", []),
    ],
)
async def test_parameters_narrow_together(listed: Shop, query: str, names: list[str]) -> None:
    assert await ask(listed, query) == names


@pytest.mark.parametrize(
    ("field", "operator", "values", "names"),
    [
        ("name", "$is", ["done"], ["done"]),
        ("campaigns", "$starts_with", ["being"], ["being updated", "being made"]),
        ("campaigns", "$contains", ["ED"], ["expired", "disabled", "failed", "being updated"]),
        ("campaign_type", "$in", ["PROMOTION", "GIFT_VOUCHERS"], ["expired", "promotion"]),
        ("campaign_status", "$is", ["FAILED"], ["failed"]),
        ("campaign_status", "$in", ["IN_PROGRESS", "MODIFYING"], ["being updated", "being made"]),
        ("status", "$active", [], but("failed", "being updated", "being made")),
        ("status", "$failed", [], ["failed"]),
        ("status", "$in_progress", [], ["being updated", "being made"]),
        ("status", "$expired", [], ["expired"]),
        ("status", "$before_start", [], ["not begun"]),
        ("status", "before_start", [], ["not begun"]),
        ("active", "$enabled", [], but("disabled")),
        ("active", "$disabled", [], ["disabled"]),
        ("active", "$is", ["false"], ["disabled"]),
        ("active", "$expired", [], ["expired"]),
        ("active", "$before_start", [], ["not begun"]),
        ("active", "$active", [], but("expired", "not begun", "disabled")),
        ("is_referral_code", "$is", ["TRUE"], ["referrals"]),
        ("is_referral_code", "$is", ["FALSE"], but("referrals")),
        ("voucher_type", "$is", ["LOYALTY_CARD"], ["not begun"]),
        ("voucher_type", "$is_unknown", [], ["promotion"]),
        ("type", "$is", ["STATIC"], ["done", "promotion"]),
        ("type", "$is", ["BULK"], but("disabled")),
        ("type", "$in", ["BULK", "STANDALONE"], ALL),
        ("type", "$is_not", ["BULK"], ["disabled"]),
        ("type", "$in", ["STANDALONE"], ["disabled"]),
        ("categories", "$is", ["Seasonal"], ["done", "referrals"]),
        ("categories", "$is_unknown", [], but("done", "referrals")),
        ("category_ids", "$has_value", [], ["done", "referrals"]),
        ("validity_day_of_week", "$is", ["2"], but("promotion")),
        ("validity_day_of_week", "$is", ["0"], but("done")),
        ("validity_timeframe", "$has_value", [], ["done"]),
        ("start_date", "$before", ["2026-01-01"], ["done"]),
        ("start_date", "$after", ["2026-01-01"], ["not begun"]),
        ("start_date", "$has_value", [], ["done", "not begun"]),
        ("expiration_date", "$before", ["2026-01-01"], ["expired"]),
        ("expiration_date", "$is", ["2999-01-01"], ["done"]),
        ("created_date", "$after", ["2026-02-01T00:09:30Z"], ["being updated", "being made"]),
        ("created_at", "$before", ["2026-02-01T00:02:30Z"], ["plain"]),
        ("created_date", "$is", ["2026-02-01"], ALL),
        ("updated_at", "$after", ["2026-03-01T12:00:00Z"], ["disabled"]),
        ("updated_at", "$has_value", [], ["disabled", "being updated"]),
        ("metadata.season", "$is", ["Spring"], ["done"]),
        ("metadata.season", "$has_value", [], ["done", "disabled"]),
        ("metadata.rank", "$more_than", ["1"], ["disabled"]),
        ("metadata.nothing", "$has_value", [], []),
    ],
)
async def test_filters(listed: Shop, field: str, operator: str, values: list[str], names: list[str]) -> None:
    assert await ask(listed, conditions(field, operator, *values)) == names


async def test_a_filter_by_ids(listed: Shop) -> None:
    done = await listed.read("/v1/campaigns/done")
    assert await ask(listed, conditions("campaigns_id", "$is", done["id"])) == ["done"]
    assert await ask(listed, conditions("id", "$in", done["id"], "camp_1")) == ["done"]
    category = conditions("category_ids", "$is", done["category_id"])
    assert await ask(listed, category) == ["done", "referrals"]


async def test_the_junction_joins_the_fields(listed: Shop) -> None:
    both = "&".join((conditions("status", "$failed"), conditions("active", "$disabled")))
    assert await ask(listed, both) == []
    assert await ask(listed, f"{both}&filters[junction]=and") == []
    assert await ask(listed, f"{both}&filters[junction]=or") == ["disabled", "failed"]
    # What stands outside of the filters narrows in any case.
    query = f"{both}&filters[junction]=OR&campaign_status=FAILED"
    assert await ask(listed, query) == ["failed"]


@pytest.mark.parametrize("text", ["'; drop table campaign; --", "%", "$1", "done' or '1'='1", '"{}"'])
async def test_what_a_caller_sends_is_no_part_of_the_question(listed: Shop, text: str) -> None:
    for field, value in (
        (f"filters[metadata.{text}][conditions][$has_value]", ""),
        ("filters[name][conditions][$is]", text),
    ):
        assert await ask(listed, urlencode({field: value})) == []


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", "Property .limit must be >= 1"),
        ("limit=101", "Property .limit must be <= 100"),
        ("limit=ten", "Property .limit must be integer"),
        ("page=0", "Property .page must be >= 1"),
        (
            "order=name",
            "Property .order must be equal to one of the allowed values "
            "[ created_at, -created_at, updated_at, -updated_at ]",
        ),
        (
            "campaign_status=GONE",
            "Property .campaign_status must be equal to one of the allowed values "
            "[ DRAFT, IN_PROGRESS, DONE, FAILED, MODIFYING ]",
        ),
        ("is_referral_code=maybe", "Property .is_referral_code must be boolean,null"),
        (conditions("colour", "$is", "red"), "Property .filters.colour is not allowed"),
        (
            conditions("name", "$like", "x"),
            "Property .filters should match either `filters[${field}][conditions][${condition}][${index}]` "
            "or `filters[${field}][conditions][${condition}]` format and condition must be one of: "
            + ", ".join(OPERATORS),
        ),
        (
            conditions("start_date", "$after", "soon"),
            "Property .filters.start_date.conditions.$after cannot be recognized as a ISO-8601 "
            "compliant date",
        ),
        (
            "filters[junction]=xor",
            "Property .filters has wrong `junction` property. It must be one of: and, or",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused(listed: Shop, query: str, details: str) -> None:
    answer = await listed.client.get(f"/v1/campaigns?{query}")
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_pages_end_at_a_thousand(listed: Shop) -> None:
    assert (await listed.read("/v1/campaigns?page=1000"))["campaigns"] == []
    answer = await listed.client.get("/v1/campaigns?page=1001")
    assert read_refusal(answer) == {
        "code": 400,
        "key": "page_over_limit",
        "message": "Listing resource above 1000 page is not supported",
        "details": "Property .page cannot be higher than 1000",
    }
