"""What was posted to cards, listed by card and by campaign."""

from typing import Any

import httpx
import pytest

from builders import EMPTY_LIST, a_campaign, a_refusal, a_voucher, not_there, read_refusal
from shared_project import SharedProject

NOTHING = {"object": "list", "data_ref": "data", "data": [], "has_more": False}


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


async def create(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(client: httpx.AsyncClient, path: str, *query: str) -> dict[str, Any]:
    answer = await client.get("?".join((path, "&".join(query))))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def amounts(listed: dict[str, Any]) -> list[int]:
    return [posting["details"]["balance"]["amount"] for posting in listed["data"]]


async def post_all(client: httpx.AsyncClient, code: str, *sent: int) -> None:
    for amount in sent:
        await create(client, f"/v1/vouchers/{code}/balance", amount=amount)


# --- of a card -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_campaign", [True, False])
async def test_a_posting_to_a_gift_card(client: httpx.AsyncClient, code: str, in_campaign: bool) -> None:
    campaign = await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    joined = {"campaign": code} if in_campaign else {}
    card = await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER", **joined))
    answer = await client.post(
        f"/v1/vouchers/{code}/balance",
        json={"amount": -2000, "source_id": "s/1", "reason": "lost", "source": "mine", "unknown": 1},
        # Through this endpoint the source is always the API.
        headers={"X-Voucherify-Channel": "Shop"},
    )
    assert answer.status_code == 200
    listed = await read(client, f"/v1/vouchers/{card['id']}/transactions")
    (posting,) = listed.pop("data")
    assert listed == {"object": "list", "data_ref": "data", "has_more": False}
    assert list(posting) == [
        "id",
        "source_id",
        "voucher_id",
        "campaign_id",
        "source",
        "reason",
        "type",
        "details",
        "related_transaction_id",
        "created_at",
    ]
    assert posting["id"].startswith("vtx_")
    assert posting == {
        "id": posting["id"],
        "source_id": "s/1",
        "voucher_id": card["id"],
        "campaign_id": campaign["id"] if in_campaign else None,
        "source": "API",
        "reason": "lost",
        "type": "CREDITS_REMOVAL",
        "details": {
            "balance": {
                "type": "gift_voucher",
                "total": 8000,
                "object": "balance",
                "amount": -2000,
                "balance": 8000,
                "operation_type": "MANUAL",
                "related_object": {"id": card["id"], "type": "voucher"},
            }
        },
        "related_transaction_id": None,
        "created_at": (await read(client, f"/v1/vouchers/{code}"))["updated_at"],
    }


async def test_a_posting_of_points_shows_points(client: httpx.AsyncClient, code: str) -> None:
    await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="LOYALTY_PROGRAM"))
    await create(client, f"/v1/vouchers/{code}", type="LOYALTY_CARD", campaign=code)
    await post_all(client, code, 50, -1)
    removal, addition = (await read(client, f"/v1/vouchers/{code}/transactions"))["data"]
    assert (removal["type"], addition["type"]) == ("POINTS_REMOVAL", "POINTS_ADDITION")
    assert (addition["source_id"], addition["reason"]) == (None, None)
    balance = addition["details"]["balance"]
    assert (balance["type"], balance["points"], balance["balance"]) == ("loyalty_card", 50, 350)
    assert "amount" not in balance


async def test_a_source_id_can_come_twice(client: httpx.AsyncClient, code: str) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER"))
    for _ in range(2):
        await create(client, f"/v1/vouchers/{code}/balance", amount=1, source_id="same")
    listed = await read(client, f"/v1/vouchers/{code}/transactions")
    assert [posting["source_id"] for posting in listed["data"]] == ["same", "same"]


async def test_the_newest_comes_first_and_pages_follow_each_other(
    client: httpx.AsyncClient, code: str
) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER"))
    path = f"/v1/vouchers/{code}/transactions"
    assert await read(client, path) == NOTHING
    sent = list(range(1, 12))
    await post_all(client, code, *sent)
    # Ten a page, unless another number is asked for.
    first = await read(client, path)
    assert (amounts(first), first["has_more"]) == (sent[:0:-1], True)
    assert first["more_starting_after"] == first["data"][-1]["id"]
    rest = await read(client, path, f"starting_after_id={first['more_starting_after']}")
    assert (amounts(rest), rest["has_more"]) == ([1], False)
    assert "more_starting_after" not in rest
    for order, expected in (("id", sent), ("-id", sent[::-1])):
        page = await read(client, path, f"order={order}", "limit=4")
        found = amounts(page)
        while page["has_more"]:
            cursor = f"starting_after_id={page['more_starting_after']}"
            page = await read(client, path, f"order={order}", "limit=4", cursor)
            found += amounts(page)
        assert found == expected
    assert amounts(await read(client, path, "limit=100")) == sent[::-1]


async def test_postings_are_filtered(client: httpx.AsyncClient, code: str) -> None:
    card = await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER"))
    await post_all(client, code, 1, 2, 3)
    path = f"/v1/vouchers/{code}/transactions"
    third, second, first = (await read(client, path))["data"]
    for field, operator, value, found in (
        ("id", "$in", second["id"], [2]),
        ("id", "$not_in", second["id"], [3, 1]),
        ("id", "$is", "vtx_1", []),
        ("voucher_id", "$is", card["id"], [3, 2, 1]),
        ("voucher_id", "$is_not", card["id"], []),
        ("created_at", "$after", first["created_at"], [3, 2]),
        ("created_at", "$before", third["created_at"], [2, 1]),
    ):
        asked = f"filters[{field}][conditions][{operator}]={value}"
        assert amounts(await read(client, path, asked)) == found
    page = await read(client, path, f"filters[id][conditions][$not_in]={third['id']}", "limit=1")
    assert (amounts(page), page["has_more"]) == ([2], True)


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", "Property .limit must be >= 1"),
        ("limit=101", "Property .limit must be <= 100"),
        (
            "order=created_at",
            "Property .order must be equal to one of the allowed values [ id, -id ]",
        ),
        ("starting_after_id=v_1", "Property .starting_after_id must be an id of a transaction"),
        ("starting_after_id=", "Property .starting_after_id must be an id of a transaction"),
        ("filters[amount][conditions][$is]=1", "Property .filters.amount is not allowed"),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    client: httpx.AsyncClient, code: str, query: str, details: str
) -> None:
    await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER"))
    for path in (f"/v1/vouchers/{code}/transactions", f"/v1/campaigns/{code}/transactions"):
        answer = await client.get(f"{path}?{query}")
        assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_a_discount_has_no_transactions(client: httpx.AsyncClient, code: str) -> None:
    await create(client, f"/v1/vouchers/{code}", **a_voucher())
    assert await read(client, f"/v1/vouchers/{code}/transactions") == NOTHING


# --- of a campaign -----------------------------------------------------------------------------------


async def test_a_campaign_lists_the_postings_of_its_cards(client: httpx.AsyncClient, code: str) -> None:
    campaign = await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    cards = [
        await create(client, f"/v1/vouchers/{code}-{n}", **a_voucher("GIFT_VOUCHER", campaign=code))
        for n in (1, 2)
    ]
    await create(client, f"/v1/vouchers/{code}-alone", **a_voucher("GIFT_VOUCHER"))
    for name, amount in (("1", 1), ("2", 2), ("alone", 9), ("1", -3), ("2", 4)):
        await post_all(client, f"{code}-{name}", amount)
    for sent in (code, campaign["id"]):
        path = f"/v1/campaigns/{sent}/transactions"
        listed = await read(client, path)
        assert amounts(listed) == [4, -3, 2, 1]
        assert {posting["campaign_id"] for posting in listed["data"]} == {campaign["id"]}
        assert "total" not in listed
        page = await read(client, path, "order=id", "limit=3")
        assert (amounts(page), page["has_more"]) == ([1, 2, -3], True)
        rest = await read(client, path, "order=id", f"starting_after_id={page['more_starting_after']}")
        assert amounts(rest) == [4]
        of_one = f"filters[voucher_id][conditions][$in][0]={cards[1]['id']}"
        assert amounts(await read(client, path, of_one)) == [4, 2]
    # What is gone for good has no history.
    await client.delete(f"/v1/vouchers/{code}-1?force=true")
    assert amounts(await read(client, f"/v1/campaigns/{code}/transactions")) == [4, 2]


@pytest.mark.parametrize("campaign_type", ["DISCOUNT_COUPONS", "REFERRAL_PROGRAM", "PROMOTION"])
async def test_a_campaign_without_cards_says_that_there_are_none(
    client: httpx.AsyncClient, code: str, campaign_type: str
) -> None:
    await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type=campaign_type))
    assert await read(client, f"/v1/campaigns/{code}/transactions") == EMPTY_LIST


async def test_another_project_sees_no_transactions(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, code: str
) -> None:
    campaign = await create(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    card = await create(client, f"/v1/vouchers/{code}", **a_voucher("GIFT_VOUCHER", campaign=code))
    await post_all(client, code, 5)
    for sent in (code, card["id"]):
        answer = await other_client.get(f"/v1/vouchers/{sent}/transactions")
        assert read_refusal(answer) == not_there("voucher", sent)
    for sent in (code, campaign["id"]):
        answer = await other_client.get(f"/v1/campaigns/{sent}/transactions")
        assert read_refusal(answer) == not_there("campaign", sent)
