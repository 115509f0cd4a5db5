"""Requests at the same moment. Each race has a twin without the guard, which must go wrong."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import a_campaign, is_taken, not_there, read_refusal
from database_views import count_more_rows, count_rows, holding_locks, wait_for_waiting_statements
from openvoucher.features.campaigns import store
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker

# What all who want to change the campaign have to wait for.
LOCK = "select 1 from campaign for no key update"


async def queue_up(db: Database, *requests: Coroutine[Any, Any, httpx.Response]) -> list[httpx.Response]:
    """Send requests while the campaign is locked, and let go when all of them wait, in this order."""
    async with asyncio.TaskGroup() as group, holding_locks(db, LOCK):
        tasks = []
        for count, request in enumerate(requests, 1):
            tasks.append(group.create_task(request))
            await wait_for_waiting_statements(db, count)
    return [task.result() for task in tasks]


# --- one name --------------------------------------------------------------------------------------


async def create_at_once(client: httpx.AsyncClient, count: int) -> list[httpx.Response]:
    body = a_campaign(vouchers_count=2)
    return await asyncio.gather(*(client.post("/v1/campaigns", json=body) for _ in range(count)))


async def test_of_ten_creations_with_one_name_one_succeeds(client: httpx.AsyncClient, db: Database) -> None:
    before = await count_rows(db)
    answers = await create_at_once(client, 10)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 9
    assert all(read_refusal(answer) == is_taken("campaign", "name", "Spring") for answer in refused)
    expected = {"campaign": 1, "campaign_revision": 1, "async_action": 1, "job": 1}
    assert await count_more_rows(db, before) == expected


async def test_twin_that_looks_before_it_inserts_makes_the_name_twice(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_have_looked = asyncio.Barrier(5)

    async def look_then_insert(connection: Connection, project_id: int, values: dict[str, Any]) -> bool:
        name = values["name"]
        taken = await connection.fetchval("select true from campaign where name = $1", name)
        await all_have_looked.wait()
        if not taken:
            places = ", ".join(f"${number}" for number in range(2, len(values) + 2))
            sql = f"insert into campaign (project_id, {', '.join(values)}) values ($1, {places})"
            await connection.execute(sql, project_id, *values.values())
        return not taken

    async with db.connection() as connection:
        await connection.execute("drop index campaign_name_is_unique")
    monkeypatch.setattr(store, "insert_campaign", look_then_insert)
    answers = await create_at_once(client, 5)
    assert [answer.status_code for answer in answers] == [200] * 5


# --- two updates -----------------------------------------------------------------------------------

FIELDS: list[dict[str, Any]] = [
    {"description": "new"},
    {"expiration_date": "2027-12-31"},
    {"validity_day_of_week": [3]},
    {"default_voucher_redemption": {"quantity": 9}},
    {"join_once": True},
]


async def test_five_updates_at_once_lose_no_field(client: httpx.AsyncClient, db: Database) -> None:
    await client.post("/v1/campaigns", json=a_campaign(metadata={"first": 0}))
    await client.post("/v1/campaigns/Spring/vouchers/A-CODE")
    bodies = [{**fields, "metadata": {str(number): number}} for number, fields in enumerate(FIELDS)]
    answers = await queue_up(db, *(client.put("/v1/campaigns/Spring", json=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [200] * 5

    metadata = {"first": 0, "0": 0, "1": 1, "2": 2, "3": 3, "4": 4}
    campaign = (await client.get("/v1/campaigns/Spring")).json()
    assert campaign["metadata"] == metadata
    assert (campaign["description"], campaign["join_once"]) == ("new", True)
    voucher = (await client.get("/v1/vouchers/A-CODE")).json()
    for shown in (campaign, voucher):
        assert shown["expiration_date"] == "2027-12-31T00:00:00.000Z"
        assert shown["validity_day_of_week"] == [3]
        assert shown["metadata"] == metadata
    assert voucher["redemption"]["quantity"] == 9
    assert (await count_rows(db))["campaign_revision"] == 6


@pytest.mark.parametrize("locked", [True, False])
async def test_updates_are_lost_without_the_lock_and_only_without_it(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    async def do_not_lock(connection: Connection, project_id: int, campaign_id: UUID) -> None:
        pass

    if not locked:
        monkeypatch.setattr(store, "lock_campaign", do_not_lock)
    # Metadata that stays with the campaign stands in its row alone.
    await client.post("/v1/campaigns", json=a_campaign(use_voucher_metadata_schema=False))
    bodies = [{"metadata": {str(number): number}} for number in range(5)]
    answers = await queue_up(db, *(client.put("/v1/campaigns/Spring", json=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [200] * 5
    metadata = (await client.get("/v1/campaigns/Spring")).json()["metadata"]
    assert len(metadata) == (5 if locked else 1)


# --- an update or a deletion while it is being deleted ---------------------------------------------


async def test_of_two_deletions_at_once_the_second_finds_nothing(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/campaigns", json=a_campaign())
    before = await count_rows(db)
    first, second = await queue_up(
        db, client.delete("/v1/campaigns/Spring"), client.delete("/v1/campaigns/Spring?force=true")
    )
    assert first.status_code == 202
    assert read_refusal(second) == not_there("campaign", "Spring")
    assert await count_more_rows(db, before) == {"async_action": 1, "bin_entry": 1, "job": 1}


async def test_an_update_of_a_campaign_that_is_just_being_deleted_finds_nothing(
    client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    campaign = (await client.post("/v1/campaigns", json=a_campaign())).json()
    before = await count_rows(db)
    deletion, *others = await queue_up(
        db,
        client.delete("/v1/campaigns/Spring"),
        client.put("/v1/campaigns/Spring", json={"expiration_date": "2027-12-31"}),
        client.post(f"/v1/campaigns/{campaign['id']}/disable"),
    )
    assert deletion.status_code == 202
    assert [read_refusal(answer) for answer in others] == [
        not_there("campaign", "Spring"),
        not_there("campaign", campaign["id"]),
    ]
    await worker.run_until_idle()
    assert await count_more_rows(db, before) == {
        "async_action": 1,
        "bin_entry": 1,
        "job": 1,
        "job_turn": 2,
    }
