"""Customers that many make, change and delete at once. Twins without the guards must go wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from openvoucher.features.customers import service, store
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row

CALLERS = 32


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Each caller has a connection of its own."""
    database = Database(database_url, size=CALLERS)
    yield database
    await database.close()


async def upsert_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    """32 upserts of one source id that nobody has, each with a key of its own."""
    async with asyncio.timeout(60):
        return await asyncio.gather(
            *(
                client.post(
                    "/v1/customers", json={"source_id": "ann", "metadata": {f"key-{number:02}": number}}
                )
                for number in range(CALLERS)
            )
        )


async def list_types(db: Database) -> list[str]:
    async with db.connection() as connection:
        return [row["type"] for row in await connection.fetch("select type from outbox order by type")]


async def test_a_source_id_that_all_send_first_makes_one_customer(
    client: httpx.AsyncClient, db: Database
) -> None:
    answers = await upsert_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert len({answer.json()["id"] for answer in answers}) == 1
    listed = (await client.get("/v1/customers")).json()
    assert listed["total"] == 1
    # Nobody's key was lost, and each changed it once.
    assert listed["customers"][0]["metadata"] == {f"key-{number:02}": number for number in range(CALLERS)}
    assert await list_types(db) == ["customer.created"] + ["customer.updated"] * (CALLERS - 1)


async def test_twin_without_the_index_each_makes_one_of_its_own(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CALLERS)

    async def look_and_insert(connection: Connection, project_id: int, values: dict[str, Any]) -> Row | None:
        await everybody_looked.wait()
        names = ", ".join(values)
        places = ", ".join(f"${number}" for number in range(2, len(values) + 2))
        return await connection.fetchrow(
            f"insert into customer (project_id, {names}) values ($1, {places}) returning *",
            project_id,
            *values.values(),
        )

    async with db.connection() as connection:
        await connection.execute("drop index customer_source_id_is_unique")
    monkeypatch.setattr(store, "insert_customer", look_and_insert)
    answers = await upsert_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert (await client.get("/v1/customers")).json()["total"] == CALLERS


async def test_twin_without_the_lock_keys_are_lost(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = store.find_by_source_id
    everybody_looked = asyncio.Barrier(CALLERS)

    async def look(
        connection: Connection, project_id: int, source_id: str, *, lock: bool = False
    ) -> Row | None:
        row = await find(connection, project_id, source_id)
        await everybody_looked.wait()
        return row

    await client.post("/v1/customers", json={"source_id": "ann"})
    monkeypatch.setattr(store, "find_by_source_id", look)
    answers = await upsert_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    monkeypatch.undo()
    assert len((await client.get("/v1/customers/ann")).json()["metadata"]) < CALLERS


async def test_the_total_is_right_while_many_make_and_delete_customers_and_sum_them_up(
    client: httpx.AsyncClient, db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FOLD_EVERY", 2)
    done = asyncio.Event()
    totals = []

    async def make(number: int) -> None:
        for name in (f"{number}-a", f"{number}-b", f"{number}-c"):
            await client.post("/v1/customers", json={"source_id": name})
        await client.delete(f"/v1/customers/{number}-a")
        await client.post(f"/v1/customers/{number}-b/permanent-deletion")

    async def look() -> None:
        while not done.is_set():
            # One statement, so that both numbers are of one moment.
            async with db.connection() as connection:
                row = await connection.fetchrow(
                    "select (select count(*) from customer where deleted_at is null) as there,"
                    " (select coalesce(sum(change), 0)::bigint from customer_count) as counted"
                )
            assert row is not None
            totals.append((row["there"], row["counted"]))

    async with asyncio.timeout(60):
        looking = asyncio.create_task(look())
        await asyncio.gather(*(make(number) for number in range(CALLERS)))
        done.set()
        await looking
    assert (await client.get("/v1/customers")).json()["total"] == CALLERS
    assert len(totals) > 1
    assert [(there, counted) for there, counted in totals if there != counted] == []
    async with db.connection() as connection:
        for _ in range(2):
            await store.fold_counts(connection, project.id)
            assert await connection.fetchval("select array_agg(change) from customer_count") == [CALLERS]


async def test_upserts_and_deletions_of_one_source_id_leave_at_most_one_customer(
    client: httpx.AsyncClient, db: Database
) -> None:
    body = {"source_id": "ann"}
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(
                client.delete("/v1/customers/ann")
                if number % 4 == 3
                else client.post("/v1/customers", json=body)
                for number in range(4 * CALLERS)
            )
        )
    deleted = [answer.status_code for answer in answers[3::4]]
    assert {*deleted} <= {204, 404}
    assert {answer.status_code for number, answer in enumerate(answers) if number % 4 != 3} == {200}
    total = (await client.get("/v1/customers")).json()["total"]
    assert total in (0, 1)
    async with db.connection() as connection:
        names = await connection.fetch("select source_id from customer where deleted_at is not null")
        # (The total is a sum of counts; this counts them.)
        assert await connection.fetchval("select count(*) from customer where deleted_at is null") == total
    assert len(names) == deleted.count(204)
    types = await list_types(db)
    assert types.count("customer.created") == total + len(names)
    assert types.count("customer.deleted") == len(names)


async def test_a_customer_is_removed_for_good_once_however_many_ask(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/customers", json={"source_id": "ann"})
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(client.post("/v1/customers/ann/permanent-deletion") for _ in range(CALLERS))
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [404] * (CALLERS - 1)
    assert (await client.get("/v1/customers")).json()["total"] == 0
