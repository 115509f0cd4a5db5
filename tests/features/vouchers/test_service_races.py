"""Vouchers that many ask for at once. Each race has a twin without the guard, which must go wrong:
a race that is never lost shows nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_campaign, a_refusal, a_voucher, is_taken, not_there, read_refusal
from openvoucher.features.vouchers import store
from openvoucher.platform.db import Connection, Database

FULL = a_refusal(400, "invalid_campaign", "You can not generate vouchers for STANDALONE type campaign.")
CALLERS = 8


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Each caller has a connection of its own."""
    database = Database(database_url, size=CALLERS)
    yield database
    await database.close()


async def race(*requests: Awaitable[httpx.Response]) -> list[httpx.Response]:
    """The answers, successes first."""
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*requests)
    return sorted(answers, key=lambda answer: answer.status_code)


async def fetch(db: Database, sql: str) -> list[tuple[Any, ...]]:
    async with db.connection() as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


# --- one code ----------------------------------------------------------------------------------------


async def create_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    return await race(*(client.post("/v1/vouchers/ONCE", json=a_voucher()) for _ in range(CALLERS)))


async def test_of_many_who_create_one_code_at_once_one_succeeds(
    client: httpx.AsyncClient, db: Database
) -> None:
    first, *others = await create_at_once(client)
    assert (first.status_code, first.json()["code"]) == (200, "ONCE")
    assert [read_refusal(answer) for answer in others] == [is_taken("voucher", "id", "ONCE")] * (CALLERS - 1)
    assert await fetch(db, "select code from voucher") == [("ONCE",)]
    assert (await client.get("/v1/vouchers/ONCE")).json() == first.json()


async def test_twin_a_look_before_the_insert_is_no_guard(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CALLERS)

    async def look_and_insert(
        connection: Connection, *, project_id: int, voucher_id: UUID, code: str, now: datetime, **rest: Any
    ) -> bool:
        taken = await connection.fetchval("select count(*) from voucher where code = $1", code)
        await everybody_looked.wait()
        if taken:
            return False
        await connection.execute(
            "insert into voucher (project_id, id, code, type, own, created_at)"
            " values ($1, $2, $3, $4, $5, $6)",
            project_id,
            voucher_id,
            code,
            rest["type"],
            rest["own"],
            now,
        )
        return True

    await fetch(db, "drop index voucher_code_is_unique")
    monkeypatch.setattr(store, "insert_voucher", look_and_insert)
    answers = await create_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert await fetch(db, "select count(*) from voucher where code = 'ONCE'") == [(CALLERS,)]


# --- the one code of a standalone campaign -----------------------------------------------------------


async def join_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Different codes for a STANDALONE campaign whose one code has just been removed."""
    sent = a_campaign(type="STANDALONE", voucher={"code": "FIRST"})
    assert (await client.post("/v1/campaigns", json=sent)).status_code == 200
    await client.delete("/v1/vouchers/FIRST", params={"force": "true"})
    paths = [f"/v1/vouchers/CODE-{number}" for number in range(CALLERS // 2)]
    # The other way to add a code has the same end.
    paths += [f"/v1/campaigns/Spring/vouchers/ADDED-{number}" for number in range(CALLERS // 2)]
    return await race(*(client.post(path, json=a_voucher(campaign="Spring")) for path in paths))


async def test_of_many_who_add_the_one_code_of_a_campaign_at_once_one_succeeds(
    client: httpx.AsyncClient, db: Database
) -> None:
    first, *others = await join_at_once(client)
    assert first.status_code == 200
    assert [read_refusal(answer) for answer in others] == [FULL] * (CALLERS - 1)
    assert await fetch(db, "select code from voucher") == [(first.json()["code"],)]
    assert await fetch(db, "select vouchers_count from campaign") == [(1,)]


async def test_twin_a_look_at_the_count_before_is_no_guard(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_new_vouchers, find_by_name = store.count_new_vouchers, store.find_campaign_by_name
    everybody_looked = asyncio.Barrier(CALLERS)

    async def find_together(*arguments: Any) -> Any:
        row = await find_by_name(*arguments)
        await everybody_looked.wait()
        return row

    async def tell_one(*arguments: Any, **options: Any) -> int:
        await count_new_vouchers(*arguments, **options)
        return 1

    monkeypatch.setattr(store, "find_campaign_by_name", find_together)
    monkeypatch.setattr(store, "count_new_vouchers", tell_one)
    answers = await join_at_once(client)
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert await fetch(db, "select vouchers_count from campaign") == [(CALLERS,)]


# --- deleted and changed -----------------------------------------------------------------------------


async def delete_at_once(
    client: httpx.AsyncClient, path_of: Callable[[int], str]
) -> tuple[list[httpx.Response], dict[str, Any]]:
    """The answers, and what the campaign says that has lost one of two codes."""
    await client.post("/v1/campaigns", json=a_campaign())
    for code in ("GONE", "STAYS"):
        await client.post(f"/v1/vouchers/{code}", json=a_voucher(campaign="Spring"))
    answers = await race(*(client.delete(path_of(number)) for number in range(CALLERS)))
    return answers, (await client.get("/v1/campaigns/Spring")).json()


@pytest.mark.parametrize(
    "path_of",
    [
        lambda _number: "/v1/vouchers/GONE",
        lambda _number: "/v1/vouchers/GONE?force=true",
        lambda number: f"/v1/vouchers/GONE?force={'true' if number % 2 else 'false'}",
    ],
    ids=["into the bin", "for good", "both"],
)
async def test_of_many_who_delete_a_voucher_at_once_one_succeeds(
    client: httpx.AsyncClient, path_of: Callable[[int], str]
) -> None:
    (first, *others), campaign = await delete_at_once(client, path_of)
    assert first.status_code == 204
    assert [read_refusal(answer) for answer in others] == [not_there("voucher", "GONE")] * (CALLERS - 1)
    assert campaign["vouchers_count"] == 1
    summary = (await client.get("/v1/campaigns/Spring/summary")).json()
    assert summary["vouchers_deleted"] == 1


async def test_twin_without_the_lock_a_voucher_is_deleted_and_counted_more_than_once(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CALLERS)

    async def wait(*_arguments: Any) -> None:
        """Where the lock would be taken. What was read before is read again after it."""

    async def bin_together(*arguments: Any) -> None:
        await everybody_looked.wait()
        await bin_voucher(*arguments)

    bin_voucher = store.bin_voucher
    await fetch(
        db, "alter table bin_entry drop constraint bin_entry_project_id_resource_type_resource_id_key"
    )
    await fetch(db, "alter table campaign drop constraint campaign_vouchers_count_check")
    monkeypatch.setattr(store, "lock_voucher", wait)
    monkeypatch.setattr(store, "bin_voucher", bin_together)
    answers, campaign = await delete_at_once(client, lambda _number: "/v1/vouchers/GONE")
    assert [answer.status_code for answer in answers] == [204] * CALLERS
    assert campaign["vouchers_count"] == 2 - CALLERS


async def change_at_once(client: httpx.AsyncClient) -> dict[str, Any]:
    """The metadata of a voucher of which each caller has set a key."""
    await client.post("/v1/vouchers/A", json=a_voucher())
    changes = ({"metadata": {f"key {number}": number}} for number in range(CALLERS))
    await race(*(client.put("/v1/vouchers/A", json=change) for change in changes))
    metadata: dict[str, Any] = (await client.get("/v1/vouchers/A")).json()["metadata"]
    return metadata


async def test_of_many_changes_at_once_none_is_lost(client: httpx.AsyncClient) -> None:
    assert await change_at_once(client) == {f"key {number}": number for number in range(CALLERS)}


async def test_twin_without_the_lock_changes_are_lost(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CALLERS)
    update_voucher = store.update_voucher

    async def wait(*_arguments: Any) -> None:
        """Where the lock would be taken."""

    async def update_together(*arguments: Any, **options: Any) -> None:
        await everybody_looked.wait()
        await update_voucher(*arguments, **options)

    monkeypatch.setattr(store, "lock_voucher", wait)
    monkeypatch.setattr(store, "update_voucher", update_together)
    assert len(await change_at_once(client)) == 1
