"""Imports among others that make, change and delete the same customers at the same moment; killed workers.
With twins that fail."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from customers_in_bulk import BULK, CustomersInBulk, an_import
from database_views import holding_locks, wait_for_waiting_statements
from importing import read_action
from openvoucher.app import make_worker
from openvoucher.features.customers import bulk_store, imports, portions
from openvoucher.features.record_imports.service import record_rows
from openvoucher.platform.db import Connection, Database, DatabaseUnavailable
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id

whole_files = pytest.mark.parametrize("bulk", [100], indirect=True)


# --- a source id that another is just taking -------------------------------------------------------------


async def import_while_another_makes_ann(bulk: CustomersInBulk) -> dict[str, Any]:
    """The action of an import whose second row waits for somebody who makes the same customer."""
    action_id = await bulk.start_import("Source_id,Name", "bob,Bob", "ann,Imported", "cid,Cid")
    made = (
        "insert into customer (project_id, id, source_id, name, phone, created_at)"
        f" values ({bulk.project.id}, '{new_id()}', 'ann', 'Made', '1', now())"
    )
    async with holding_locks(bulk.db, made):
        running = asyncio.create_task(bulk.worker.run_until_idle())
        await wait_for_waiting_statements(bulk.db, 1)
    await running
    return await read_action(bulk.client, action_id)


@whole_files
async def test_a_customer_that_another_has_just_made_is_overwritten(bulk: CustomersInBulk) -> None:
    action = await import_while_another_makes_ann(bulk)
    assert (action["status"], action["result"]) == ("DONE", an_import(3))
    assert await bulk.read() == {
        "ann": {"name": "Imported", "phone": "1"},
        "bob": {"name": "Bob"},
        "cid": {"name": "Cid"},
    }
    (event,) = bulk.events
    assert len(event.data["customer_ids"]) == 3


@whole_files
async def test_twin_without_a_second_look_the_import_gets_nowhere(
    bulk: CustomersInBulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "_MOST_ROUNDS", 1)
    action = await import_while_another_makes_ann(bulk)
    assert action["status"] != "DONE"
    assert await bulk.read() == {"ann": {"name": "Made", "phone": "1"}}
    await drop_jobs(bulk)


@whole_files
async def test_twin_that_takes_the_insert_for_done_loses_the_row(
    bulk: CustomersInBulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = bulk_store.insert_customers

    async def insert_and_believe(
        connection: Connection, project_id: int, customers: Sequence[Mapping[str, Any]], *, now: datetime
    ) -> set[UUID]:
        await insert(connection, project_id, customers, now=now)
        return {customer["id"] for customer in customers}

    monkeypatch.setattr(bulk_store, "insert_customers", insert_and_believe)
    action = await import_while_another_makes_ann(bulk)
    # It says that all is done, and it is not.
    assert action["result"] == an_import(3)
    assert (await bulk.read())["ann"] == {"name": "Made", "phone": "1"}


@whole_files
async def test_a_change_that_is_just_being_made_is_not_lost(bulk: CustomersInBulk) -> None:
    await bulk.make("ann", name="Ann")
    action_id = await bulk.start(BULK, [{"source_id": "ann", "metadata": {"mine": 1}}])
    changed = "update customer set metadata = '{\"theirs\": 1}' where source_id = 'ann'"
    async with holding_locks(bulk.db, changed):
        running = asyncio.create_task(bulk.worker.run_until_idle())
        await wait_for_waiting_statements(bulk.db, 1)
    await running
    assert (await read_action(bulk.client, action_id))["status"] == "DONE"
    assert await bulk.read() == {"ann": {"name": "Ann", "metadata": {"theirs": 1, "mine": 1}}}


@whole_files
async def test_twin_that_reads_without_a_lock_loses_the_change(
    bulk: CustomersInBulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(
        connection: Connection, project_id: int, *, ids: Sequence[UUID], source_ids: Sequence[str]
    ) -> list[Any]:
        return await connection.fetch("select * from customer where source_id = any($1)", source_ids)

    monkeypatch.setattr(bulk_store, "lock_customers", look)
    await bulk.make("ann", name="Ann")
    await bulk.start(BULK, [{"source_id": "ann", "metadata": {"mine": 1}}])
    changed = "update customer set metadata = '{\"theirs\": 1}' where source_id = 'ann'"
    async with holding_locks(bulk.db, changed):
        running = asyncio.create_task(bulk.worker.run_until_idle())
        await wait_for_waiting_statements(bulk.db, 1)
    await running
    assert (await bulk.read())["ann"]["metadata"] == {"mine": 1}


@whole_files
async def test_a_customer_that_is_just_being_deleted_is_made_anew(bulk: CustomersInBulk) -> None:
    old = await bulk.make("ann", name="Old")
    await bulk.start_import("Source_id,Phone", "ann,1")
    deleted = "update customer set source_id = 'ann_deleted', deleted_at = now() where source_id = 'ann'"
    async with holding_locks(bulk.db, deleted):
        running = asyncio.create_task(bulk.worker.run_until_idle())
        await wait_for_waiting_statements(bulk.db, 1)
    await running
    (new,) = await bulk.read_all()
    assert new["id"] != old["id"]
    assert await bulk.read() == {"ann": {"phone": "1"}}


# --- many at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bulk", [10], indirect=True)
async def test_two_workers_and_single_calls_on_the_same_customers(
    bulk: CustomersInBulk, database_url_of_bulk: str
) -> None:
    names = [f"n{number:03}" for number in range(90)]
    forward = await bulk.start_import("Source_id,Name,forward", *(f"{name},x,1" for name in names))
    backward = await bulk.start_import(
        "Source_id,Name,backward", *(f"{name},x,1" for name in reversed(names))
    )
    other_db = Database(database_url_of_bulk, size=3)
    other = make_worker(other_db, Settings(public_url="http://test", portion_rows=10))

    async def upsert(name: str) -> httpx.Response:
        return await bulk.client.post("/v1/customers", json={"source_id": name, "phone": name})

    async def work() -> None:
        async with asyncio.timeout(60):
            while await count_waiting(bulk.db):
                await asyncio.gather(bulk.worker.run_until_idle(), other.run_until_idle())
                await make_due(bulk.db)

    answers, _ = await asyncio.gather(asyncio.gather(*(upsert(name) for name in names[::3])), work())
    await other_db.close()
    assert {answer.status_code for answer in answers} == {200}
    for action_id in (forward, backward):
        action = await read_action(bulk.client, action_id)
        assert (action["status"], action["result"]["done_count"], action["result"]["failed"]) == (
            "DONE",
            90,
            [],
        )
    customers = await bulk.read()
    assert len(await bulk.read_all()) == len(customers) == 90
    for name in names:
        # The metadata is of one file, as a whole; what only the calls say is there, too.
        assert customers[name]["metadata"] in ({"forward": "1"}, {"backward": "1"})
        assert customers[name].get("phone") == (name if name in names[::3] else None)


@pytest.fixture
def database_url_of_bulk(shared_database_url: str) -> str:
    return shared_database_url


async def count_waiting(db: Database) -> int:
    async with db.connection() as connection:
        count: int = await connection.fetchval("select count(*) from job where state = 'waiting'")
        return count


async def make_due(db: Database) -> None:
    """What waits because it was undone for another's sake, or killed, need not wait here."""
    async with db.connection() as connection:
        await connection.execute("update job set run_after = now() where state = 'waiting'")


async def drop_jobs(bulk: CustomersInBulk) -> None:
    async with bulk.db.connection() as connection:
        await connection.execute("delete from job where project_id = $1", bulk.project.id)


# --- a worker that is killed -----------------------------------------------------------------------------


async def import_with_a_kill(bulk: CustomersInBulk, patch: pytest.MonkeyPatch) -> int:
    """How many customers an import of three rows without source ids made; the worker was lost in the second
    portion, when that was written but not committed."""
    kills = [1]

    async def record_or_die(run: Run, **fields: Any) -> PortionResult:
        if run.job.position == 1 and kills:
            kills.pop()
            run.connection.terminate()
            raise ConnectionResetError
        return await record_rows(run, **fields)

    patch.setattr(imports, "record_rows", record_or_die)
    action_id = await bulk.start_import("Name", "a", "b", "c")
    with pytest.raises(DatabaseUnavailable):
        await bulk.worker.run_until_idle()
    await make_due(bulk.db)
    await bulk.worker.run_until_idle()
    action = await read_action(bulk.client, action_id)
    assert (action["status"], action["result"]) == ("DONE", an_import(3))
    return len(await bulk.read_all())


async def test_a_portion_whose_worker_was_killed_is_done_once(
    bulk: CustomersInBulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await import_with_a_kill(bulk, monkeypatch) == 3
    assert sum(len(event.data["customer_ids"]) for event in bulk.events) == 3


async def test_twin_that_writes_past_the_transaction_makes_customers_twice(
    bulk: CustomersInBulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = bulk_store.insert_customers

    async def insert_at_once(
        connection: Connection, project_id: int, customers: Sequence[Mapping[str, Any]], *, now: datetime
    ) -> set[UUID]:
        async with bulk.db.connection() as own:
            return await insert(own, project_id, customers, now=now)

    monkeypatch.setattr(bulk_store, "insert_customers", insert_at_once)
    assert await import_with_a_kill(bulk, monkeypatch) == 4
