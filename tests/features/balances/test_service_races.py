"""Cards that many post to at once. The race has a twin without its guards, which must go wrong."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_refusal, a_voucher, read_refusal
from ledger import find_ledger_faults
from openvoucher.features.balances import store
from openvoucher.features.vouchers import store as voucher_store
from openvoucher.platform.db import Connection, Database, Row

CALLERS = 32


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Each caller has a connection of its own."""
    database = Database(database_url, size=CALLERS)
    yield database
    await database.close()


async def create_card(client: httpx.AsyncClient, code: str, amount: int) -> None:
    answer = await client.post(
        f"/v1/vouchers/{code}", json=a_voucher("GIFT_VOUCHER", gift={"amount": amount})
    )
    assert answer.status_code == 200


async def debit_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    """The answers to 32 removals of 100 from one card, successes first."""
    path, body = "/v1/vouchers/CARD/balance", {"amount": -100}
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(client.post(path, json=body) for _ in range(CALLERS)))
    return sorted(answers, key=lambda answer: answer.status_code)


async def test_a_card_is_never_spent_more_than_it_holds(client: httpx.AsyncClient, db: Database) -> None:
    await create_card(client, "CARD", 1000)
    answers = await debit_at_once(client)
    succeeded, refused = answers[:10], answers[10:]
    assert [answer.status_code for answer in succeeded] == [200] * 10
    refusal = a_refusal(400, "gift_amount_exceeded", "The balance is 0, 100 cannot be removed")
    assert [read_refusal(answer) for answer in refused] == [refusal] * (CALLERS - 10)
    assert sorted(answer.json()["balance"] for answer in succeeded) == list(range(0, 1000, 100))
    assert await find_ledger_faults(db, {"CARD": 1000}) == []
    shown = (await client.get("/v1/vouchers/CARD")).json()["gift"]
    assert (shown["amount"], shown["subtracted_amount"], shown["balance"]) == (1000, 1000, 0)
    listed = (await client.get("/v1/vouchers/CARD/transactions?limit=100&order=id")).json()["data"]
    assert sorted(posting["details"]["balance"]["balance"] for posting in listed) == list(range(0, 1000, 100))


async def test_twin_without_lock_and_condition_a_card_is_spent_many_times_over(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CALLERS)

    async def do_not_lock(*_arguments: Any) -> None:
        """Where the card would be locked."""

    async def look_and_write(
        connection: Connection, project_id: int, voucher_id: UUID, *, amount: int, now: datetime
    ) -> Row | None:
        balance: int = await connection.fetchval("select balance from voucher where id = $1", voucher_id)
        await everybody_looked.wait()
        if balance + amount < 0:
            return None
        return await connection.fetchrow(
            "update voucher set balance = $2 where id = $1 returning credited - subtracted as total, balance",
            voucher_id,
            balance + amount,
        )

    await create_card(client, "CARD", 900)
    # The first posting opens the ledger: those that open it at once would wait for each other.
    assert (await client.post("/v1/vouchers/CARD/balance", json={"amount": 100})).json()["balance"] == 1000
    async with db.connection() as connection:
        await connection.execute("alter table voucher drop constraint voucher_balance_is_not_negative")
        await connection.execute("alter table voucher drop constraint voucher_balance_adds_up")
    monkeypatch.setattr(voucher_store, "lock_voucher", do_not_lock)
    monkeypatch.setattr(store, "post", look_and_write)
    answers = await debit_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert {answer.json()["balance"] for answer in answers} == {900}
    assert await find_ledger_faults(db, {"CARD": 900}) == [
        "CARD: 900 and postings of -3100 do not give 900",
        "CARD: what was credited and subtracted is not what was posted",
        "CARD: the postings do not follow each other",
        "CARD: a total is not its balance though nothing was spent",
    ]


@pytest.mark.parametrize("guard", ["lock", "condition"])
async def test_each_guard_is_enough_alone(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    async def do_not_lock(*_arguments: Any) -> None:
        """Where the card would be locked."""

    async def look_and_write(
        connection: Connection, project_id: int, voucher_id: UUID, *, amount: int, now: datetime
    ) -> Row | None:
        balance: int = await connection.fetchval("select balance from voucher where id = $1", voucher_id)
        if balance + amount < 0:
            return None
        return await connection.fetchrow(
            "update voucher set balance = $2, subtracted = subtracted - $3 where id = $1"
            " returning credited - subtracted as total, balance",
            voucher_id,
            balance + amount,
            amount,
        )

    await create_card(client, "CARD", 1000)
    if guard == "lock":
        monkeypatch.setattr(store, "post", look_and_write)
    else:
        monkeypatch.setattr(voucher_store, "lock_voucher", do_not_lock)
    answers = await debit_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * 10 + [400] * (CALLERS - 10)
    assert await find_ledger_faults(db, {"CARD": 1000}) == []


async def test_random_postings_to_few_cards_add_up(client: httpx.AsyncClient, db: Database) -> None:
    cards = {f"CARD-{number}": 500 * number for number in range(1, 5)}
    for code, amount in cards.items():
        await create_card(client, code, amount)
    numbers = random.Random(7)
    sent = [(numbers.choice([*cards]), numbers.choice([-1, 1]) * numbers.randint(1, 400)) for _ in range(160)]
    answers = await asyncio.gather(
        *(client.post(f"/v1/vouchers/{code}/balance", json={"amount": amount}) for code, amount in sent)
    )
    assert {answer.status_code for answer in answers} == {200, 400}
    assert all(amount < 0 for (_, amount), each in zip(sent, answers, strict=True) if each.status_code == 400)
    assert await find_ledger_faults(db, cards) == []
    for code, initial in cards.items():
        done = [
            amount
            for (each, amount), answer in zip(sent, answers, strict=True)
            if each == code and answer.status_code == 200
        ]
        shown = (await client.get(f"/v1/vouchers/{code}")).json()["gift"]
        assert shown["balance"] == initial + sum(done)
