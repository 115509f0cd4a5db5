"""Activity that is told while its customer is deleted for good. With a twin that fails."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from calls import NOW
from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.customers import activity
from openvoucher.features.outbox import service as outbox
from openvoucher.features.outbox.service import OutboxReader
from openvoucher.platform.db import Connection
from openvoucher.wire.ids import parse_id
from shared_project import SharedProject


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture(autouse=True)
def only_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "subscribers", [activity.record_activity])


async def make_customer(client: httpx.AsyncClient, source_id: str) -> UUID:
    customer_id = parse_id(
        "cust", (await client.post("/v1/customers", json={"source_id": source_id})).json()["id"]
    )
    assert customer_id is not None
    return customer_id


async def tell(shared_project: SharedProject) -> None:
    reader = OutboxReader(shared_project.db)
    while await reader.tell_next(NOW):
        pass


async def count_kept(shared_project: SharedProject, customer_id: UUID) -> int:
    async with shared_project.db.connection() as connection:
        count: int = await connection.fetchval(
            "select count(*) from customer_activity where customer_id = $1", customer_id
        )
        return count


async def test_nothing_is_kept_of_a_customer_that_is_just_being_deleted_for_good(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    async with holding_locks(shared_project.db, f"delete from customer where id = '{customer_id}'"):
        telling = asyncio.create_task(tell(shared_project))
        await wait_for_waiting_statements(shared_project.db, 1)
    await telling
    assert await count_kept(shared_project, customer_id) == 0


async def test_a_deletion_for_good_waits_for_what_is_just_being_told(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await tell(shared_project)
    recorded = f"select 1 from customer where id = '{customer_id}' for key share"
    async with holding_locks(shared_project.db, recorded) as teller:
        deleting = asyncio.create_task(client.post(f"/v1/customers/{code}/permanent-deletion"))
        await wait_for_waiting_statements(shared_project.db, 1)
        await teller.execute(
            "insert into customer_activity"
            " (project_id, id, customer_id, type, data, source, group_id, created_at)"
            " select project_id, gen_random_uuid(), customer_id, type, data, source, group_id, created_at"
            " from customer_activity where customer_id = $1",
            customer_id,
        )
    answer = await deleting
    assert answer.json()["data_json"]["customer_events"] == 2
    assert await count_kept(shared_project, customer_id) == 0


async def test_twin_without_a_lock_on_the_customer_its_activity_outlives_it(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(connection: Connection, project_id: int, customer_ids: set[UUID]) -> dict[UUID, Any]:
        rows = await connection.fetch("select * from customer where id = any($1)", [*customer_ids])
        return {row["id"]: row for row in rows}

    monkeypatch.setattr(activity, "_lock_customers", look)
    customer_id = await make_customer(client, code)
    async with holding_locks(shared_project.db, f"delete from customer where id = '{customer_id}'"):
        await tell(shared_project)
    assert await count_kept(shared_project, customer_id) == 1
