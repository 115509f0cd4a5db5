"""Balances over HTTP: adjusted by hand. (Their transactions: test_transactions.py, races:
test_service_races.py.)"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from database_views import count_more_rows, count_rows, read_row_versions
from ledger import find_ledger_faults
from openvoucher.platform.db import Database
from shared_project import SharedProject

MOST = 2**53
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOT_WHOLE = "Amount has to be a whole number other than zero"
TOO_LARGE = "Amount has to be between -9007199254740992 and 9007199254740992"
FULL = "A card cannot be credited with more than 9007199254740992"


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def create_card(
    client: httpx.AsyncClient, code: str, amount: int = 1000, *, campaign: str | None = None
) -> dict[str, Any]:
    answer = await client.post(
        f"/v1/vouchers/{code}", json=a_voucher("GIFT_VOUCHER", gift={"amount": amount}, campaign=campaign)
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def create_points(client: httpx.AsyncClient, code: str, points: int = 300) -> dict[str, Any]:
    await client.post("/v1/campaigns", json=a_campaign(name=code, campaign_type="LOYALTY_PROGRAM"))
    body = a_voucher("LOYALTY_CARD", campaign=code, loyalty_card={"points": points})
    made: dict[str, Any] = (await client.post(f"/v1/vouchers/{code}", json=body)).json()
    return made


async def adjust(client: httpx.AsyncClient, code: str, amount: Any, **fields: Any) -> httpx.Response:
    return await client.post(f"/v1/vouchers/{code}/balance", json={"amount": amount, **fields})


async def read(client: httpx.AsyncClient, code: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/vouchers/{code}")).json()
    return shown


async def spend(db: Database, code: str, amount: int) -> None:
    """As a redemption would; a refund is negative."""
    async with db.connection() as connection:
        await connection.execute(
            "update voucher set spent = spent + $2, balance = balance - $2 where code = $1", code, amount
        )


# --- what is posted --------------------------------------------------------------------------------------


async def test_the_worked_example_of_a_gift_card(client: httpx.AsyncClient, db: Database, code: str) -> None:
    card = await create_card(client, code, 125_000)
    told = []
    for step in (5000, -2000):
        answer = await adjust(client, code, step)
        assert answer.status_code == 200
        told.append(answer.json())
        # Between the two 7000 are redeemed, after them 44 are refunded.
        await spend(db, code, 7000 if step > 0 else -44)
    related = {"type": "voucher", "id": card["id"]}
    shared = {
        "type": "gift_voucher",
        "operation_type": "MANUAL",
        "object": "balance",
        "related_object": related,
    }
    assert told == [
        {"amount": 5000, "total": 130_000, "balance": 130_000, **shared},
        {"amount": -2000, "total": 128_000, "balance": 121_000, **shared},
    ]
    assert " ".join(told[0]) == "amount total balance type operation_type object related_object"
    shown = await read(client, card["id"])
    assert shown["gift"] == {
        "amount": 130_000,
        "subtracted_amount": 2000,
        "balance": 121_044,
        "effect": "APPLY_TO_ORDER",
    }
    assert shown["redemption"]["redeemed_amount"] == 6956


async def test_points_of_a_loyalty_card(client: httpx.AsyncClient, code: str) -> None:
    card = await create_points(client, code)
    assert (await adjust(client, card["id"], 50)).json() == {
        "amount": 50,
        "total": 350,
        "balance": 350,
        "type": "loyalty_card",
        "operation_type": "MANUAL",
        "object": "balance",
        "related_object": {"type": "voucher", "id": card["id"]},
    }
    assert (await read(client, code))["loyalty_card"] == {"points": 350, "balance": 350}
    assert (await adjust(client, code, -350)).json()["balance"] == 0
    shown = (await read(client, code))["loyalty_card"]
    assert shown == {"points": 350, "balance": 0, "subtracted_points": 350}


async def test_an_adjustment_is_a_change_of_the_card_and_of_nothing_else_in_it(
    client: httpx.AsyncClient, code: str
) -> None:
    card = await create_card(client, code)
    assert card["updated_at"] is None
    await adjust(client, code, -1)
    shown = await read(client, code)
    assert INSTANT.fullmatch(shown["updated_at"])
    gift = {"amount": 1000, "subtracted_amount": 1, "balance": 999, "effect": "APPLY_TO_ORDER"}
    assert shown == {**card, "gift": gift, "updated_at": shown["updated_at"]}


async def test_a_disabled_or_expired_card_can_be_adjusted(client: httpx.AsyncClient, code: str) -> None:
    await create_card(client, code)
    await client.put(f"/v1/vouchers/{code}", json={"active": False, "expiration_date": "2020-01-01"})
    assert (await adjust(client, code, 5)).json()["balance"] == 1005


async def test_the_first_posting_fixes_what_the_campaign_gave(client: httpx.AsyncClient, code: str) -> None:
    await client.post("/v1/campaigns", json=a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    for number in (1, 2):
        await client.post(f"/v1/campaigns/{code}/vouchers/{code}-{number}")
    assert (await adjust(client, f"{code}-1", 5)).json()["balance"] == 10_005
    await client.put(f"/v1/campaigns/{code}", json={"gift": {"amount": 700, "effect": "APPLY_TO_ITEMS"}})
    assert (await read(client, f"{code}-1"))["gift"] == {
        "amount": 10_005,
        "balance": 10_005,
        "effect": "APPLY_TO_ITEMS",
    }
    assert (await read(client, f"{code}-2"))["gift"]["amount"] == 700
    assert (await adjust(client, f"{code}-2", 5)).json()["balance"] == 705
    assert (await adjust(client, f"{code}-1", 5)).json()["balance"] == 10_010


async def test_adjustments_are_counted_in_the_summary_of_the_campaign(
    client: httpx.AsyncClient, code: str
) -> None:
    await client.post("/v1/campaigns", json=a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    await create_card(client, f"{code}-1", campaign=code)
    for amount in (50, 7, -30, -9999):
        await adjust(client, f"{code}-1", amount)
    await create_points(client, f"{code}-2")
    for amount in (5, -2):
        await adjust(client, f"{code}-2", amount)
    summary = (await client.get(f"/v1/campaigns/{code}/summary")).json()
    assert (summary["amount_added"], summary["amount_subtracted"]) == (57, 30)
    summary = (await client.get(f"/v1/campaigns/{code}-2/summary")).json()
    assert (summary["points_added"], summary["points_subtracted"]) == (5, 2)


# --- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "details"),
    [
        (0, NOT_WHOLE),
        (None, NOT_WHOLE),
        (1.5, NOT_WHOLE),
        ("5", NOT_WHOLE),
        (True, NOT_WHOLE),
        ([5], NOT_WHOLE),
        ({"a": 5}, NOT_WHOLE),
        (MOST + 1, TOO_LARGE),
        (-MOST - 1, TOO_LARGE),
        (10**30, TOO_LARGE),
        # The card has 1000.
        (MOST, FULL),
        (MOST - 999, FULL),
    ],
)
async def test_an_amount_that_cannot_be_posted_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, db: Database, code: str, amount: Any, details: str
) -> None:
    await create_card(client, code)
    rows, versions = await count_rows(db), await read_row_versions(db, "voucher")
    assert read_refusal(await adjust(client, code, amount)) == a_refusal(400, "invalid_amount", details)
    assert (await count_more_rows(db, rows), await read_row_versions(db, "voucher")) == ({}, versions)


async def test_an_amount_that_is_not_sent_is_refused(client: httpx.AsyncClient, code: str) -> None:
    await create_card(client, code)
    answer = await client.post(f"/v1/vouchers/{code}/balance", json={"reason": "x"})
    assert read_refusal(answer) == a_refusal(400, "invalid_amount", NOT_WHOLE)


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"source_id": 5}, "Property .source_id must be string,null"),
        ({"source_id": "x" * 1001}, "Property .source_id must NOT have more than 1000 characters"),
        ({"reason": 5}, "Property .reason must be string,null"),
        ({"reason": "x" * 10_001}, "Property .reason must NOT have more than 10000 characters"),
    ],
)
async def test_an_adjustment_of_the_wrong_form_is_refused(
    client: httpx.AsyncClient, code: str, fields: dict[str, Any], details: str
) -> None:
    card = await create_card(client, code)
    answer = await adjust(client, code, 5, **fields)
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert await read(client, code) == card


async def test_what_is_not_on_a_gift_card_cannot_be_removed(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    card = await create_card(client, code)
    details = "The balance is 1000, 1001 cannot be removed"
    rows = await count_rows(db)
    assert read_refusal(await adjust(client, code, -1001)) == a_refusal(400, "gift_amount_exceeded", details)
    assert await read(client, code) == card
    assert await count_more_rows(db, rows) == {}
    assert (await adjust(client, code, -1000)).json()["balance"] == 0
    details = "The balance is 0, 1 cannot be removed"
    assert read_refusal(await adjust(client, code, -1)) == a_refusal(400, "gift_amount_exceeded", details)


async def test_what_was_spent_cannot_be_removed(client: httpx.AsyncClient, db: Database, code: str) -> None:
    await create_card(client, code)
    await adjust(client, code, 1)
    await spend(db, code, 900)
    details = "The balance is 101, 102 cannot be removed"
    assert read_refusal(await adjust(client, code, -102)) == a_refusal(400, "gift_amount_exceeded", details)
    answer = (await adjust(client, code, -101)).json()
    assert (answer["total"], answer["balance"]) == (900, 0)


async def test_points_that_are_not_there_cannot_be_removed(client: httpx.AsyncClient, code: str) -> None:
    card = await create_points(client, code)
    details = "The balance is 300, 301 cannot be removed"
    refusal = a_refusal(400, "loyalty_card_points_exceeded", details)
    assert read_refusal(await adjust(client, code, -301)) == refusal
    assert await read(client, code) == card


async def test_a_discount_has_no_balance(client: httpx.AsyncClient, code: str) -> None:
    await client.post(f"/v1/vouchers/{code}", json=a_voucher())
    assert read_refusal(await adjust(client, code, 5)) == a_refusal(
        400, "invalid_add_balance_params", "Balance of a DISCOUNT_VOUCHER cannot be changed"
    )


async def test_only_a_card_of_the_project_is_adjusted(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, code: str
) -> None:
    card = await create_card(client, code)
    for asker, sent in ((client, f"{code}-2"), (other_client, code), (other_client, card["id"])):
        assert read_refusal(await adjust(asker, sent, 5)) == not_there("voucher", sent)
    assert await read(client, code) == card


async def test_a_card_takes_no_more_than_clients_can_count(client: httpx.AsyncClient, code: str) -> None:
    await create_card(client, code)
    assert (await adjust(client, code, MOST - 1000)).json()["balance"] == MOST
    assert (await adjust(client, code, -MOST)).json()["balance"] == 0
    # What was credited stays credited.
    assert read_refusal(await adjust(client, code, 1)) == a_refusal(400, "invalid_amount", FULL)


# --- any sequence ------------------------------------------------------------------------------------

amounts = st.one_of(
    st.integers(-1200, 1200), st.sampled_from([MOST, -MOST, MOST + 1, 1000, -1000]), st.just(0)
)


@pytest.fixture(scope="module")
def model_codes() -> Iterator[str]:
    return (f"MODEL-{number}" for number in itertools.count(1))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(initial=st.integers(1, 3000), sequence=st.lists(amounts, max_size=8))
async def test_any_sequence_of_adjustments_is_a_sum_that_never_falls_below_zero(
    client: httpx.AsyncClient, db: Database, model_codes: Iterator[str], initial: int, sequence: list[int]
) -> None:
    code = next(model_codes)
    card = await create_card(client, code, initial)
    balance = credited = initial
    posted = []
    for amount in sequence:
        answer = await adjust(client, code, amount)
        is_allowed = (
            amount != 0 and abs(amount) <= MOST and balance + amount >= 0 and credited + amount <= MOST
        )
        assert answer.status_code == (200 if is_allowed else 400)
        if is_allowed:
            balance += amount
            credited += max(amount, 0)
            posted.append((amount, balance, balance))
            told = answer.json()
            assert (told["amount"], told["total"], told["balance"]) == posted[-1]
    shown = (await read(client, code))["gift"]
    removed = {"subtracted_amount": credited - balance} if credited != balance else {}
    assert shown == {"amount": credited, **removed, "balance": balance, "effect": "APPLY_TO_ORDER"}
    listed = (await client.get(f"/v1/vouchers/{card['id']}/transactions?order=id&limit=100")).json()["data"]
    figures = [posting["details"]["balance"] for posting in listed]
    assert [(each["amount"], each["total"], each["balance"]) for each in figures] == posted
    assert await find_ledger_faults(db, {code: initial}) == []
