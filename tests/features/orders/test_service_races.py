"""Orders that many send at once. The race has a twin without its guard, which must go wrong."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.orders import service, store
from openvoucher.platform.db import Connection, Database

CALLERS = 16


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Each caller has a connection of its own."""
    database = Database(database_url, size=CALLERS)
    yield database
    await database.close()


async def meet_at_the_insert(
    client: httpx.AsyncClient, db: Database, bodies: Sequence[dict[str, Any]]
) -> list[httpx.Response]:
    """The answers to orders that all come to their insert before the first of them can write."""
    async with asyncio.timeout(60):
        async with holding_locks(db, "lock table shop_order in share mode"):
            calls = [asyncio.create_task(client.post("/v1/orders", json=body)) for body in bodies]
            await wait_for_waiting_statements(db, len(bodies))
        return await asyncio.gather(*calls)


async def count_orders(client: httpx.AsyncClient) -> int:
    total: int = (await client.get("/v1/orders?limit=1")).json()["total"]
    return total


def same_source_id() -> list[dict[str, Any]]:
    return [{"source_id": "NEW", "metadata": {f"caller{number}": number}} for number in range(CALLERS)]


async def test_one_source_id_sent_at_once_is_one_order_with_all_that_was_sent(
    client: httpx.AsyncClient, db: Database
) -> None:
    answers = await meet_at_the_insert(client, db, same_source_id())
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count_orders(client) == 1
    order = (await client.get("/v1/orders/NEW")).json()
    assert order["metadata"] == {f"caller{number}": number for number in range(CALLERS)}
    async with db.connection() as connection:
        facts = await connection.fetch(
            "select type, count(*) from outbox where type like 'order.%' group by 1"
        )
    assert {row["type"]: row["count"] for row in facts} == {"order.created": 1, "order.updated": CALLERS - 1}


async def test_twin_an_insert_that_does_not_look_whether_it_was_first_loses_orders(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_orders = store.insert_orders

    async def insert_and_hope(
        connection: Connection, project_id: int, orders: Sequence[dict[str, Any]]
    ) -> int:
        await insert_orders(connection, project_id, orders)
        return len(orders)

    monkeypatch.setattr(store, "insert_orders", insert_and_hope)
    answers = await meet_at_the_insert(client, db, same_source_id())
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    # All but one are told of an order that is not there.
    assert len({answer.json()["id"] for answer in answers}) == CALLERS
    assert await count_orders(client) == 1


async def test_changes_that_come_at_once_are_all_kept(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/orders", json={"source_id": "OLD"})).status_code == 200
    answers = await change_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    order = (await client.get("/v1/orders/OLD")).json()
    assert order["metadata"] == {f"caller{number}": number for number in range(CALLERS)}


async def test_twin_without_the_lock_changes_are_lost(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.post("/v1/orders", json={"source_id": "OLD"})).status_code == 200
    everybody_looked = asyncio.Barrier(CALLERS)
    find_order = store.find_order

    async def look_without_lock(connection: Connection, project_id: int, **named: Any) -> Any:
        row = await find_order(connection, project_id, **{**named, "lock": False})
        if named["lock"]:
            await everybody_looked.wait()
        return row

    monkeypatch.setattr(store, "find_order", look_without_lock)
    answers = await change_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    order = (await client.get("/v1/orders/OLD")).json()
    assert len(order["metadata"]) == 1


async def change_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    async with asyncio.timeout(60):
        return await asyncio.gather(
            *(
                client.put("/v1/orders/OLD", json={"metadata": {f"caller{number}": number}})
                for number in range(CALLERS)
            )
        )


async def order_both_ways_round(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses of answers to orders of ann and bob, each the customer of half of them and the referrer of
    the others. A deadlock, which would be tried again, is an answer here."""
    monkeypatch.setattr("openvoucher.platform.http.server._ATTEMPTS", 1)
    for name in ("ann", "bob"):
        assert (await client.post("/v1/customers", json={"source_id": name})).status_code == 200

    async def order(number: int) -> int:
        first, second = ("ann", "bob") if number % 2 else ("bob", "ann")
        body = {
            "customer": {"source_id": first, "name": f"{number}"},
            "referrer": {"source_id": second, "name": f"{number}"},
        }
        return (await client.post("/v1/orders", json=body)).status_code

    async with asyncio.timeout(60):
        return await asyncio.gather(*(order(number) for number in range(CALLERS)))


async def test_people_sent_both_ways_round_never_wait_for_each_other(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await order_both_ways_round(client, monkeypatch) == [200] * CALLERS
    assert await count_orders(client) == CALLERS


async def test_twin_locked_as_they_are_sent_they_do(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_name_person", lambda person: "")
    assert 400 in await order_both_ways_round(client, monkeypatch)
