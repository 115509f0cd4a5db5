"""Members that several write at once. Each race has a twin without the guard, which must go wrong."""

import asyncio
import itertools
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import not_there, read_refusal
from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.segments import store
from openvoucher.features.segments.evaluation import SegmentClock
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import parse_id
from segment_people import People, Spy, create_segment, read_outbox

PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}
NEW_IN_PARIS = {**PARIS, "created_at": {"conditions": {"$less_than": 30}}}
IN_PARIS, IN_LYON = {"city": "Paris"}, {"city": "Lyon"}


# --- an event while all are evaluated ------------------------------------------------------------------


async def change_during_an_evaluation(
    client: httpx.AsyncClient, people: People, worker: Worker, *, readers: int
) -> list[str]:
    """Ann leaves Paris when the evaluation has seen her there and not yet written it down: it waits for
    Bob, whose membership somebody else is just writing. The event of it is read before that ends, as far
    as that is possible: `readers` is how many statements wait for the evaluation. The members then."""
    await people.add("ann", address=IN_PARIS)
    await people.add("bob", address=IN_PARIS)
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    writing_bob = (
        "insert into segment_member (project_id, segment_id, customer_id, entered_at) values"
        f" ({people.project_id}, '{parse_id('seg', segment_id)}', '{people.ids['bob']}', now())"
    )
    async with asyncio.timeout(30):
        async with holding_locks(people.db, writing_bob):
            evaluating = asyncio.create_task(worker.run_next())
            await wait_for_waiting_statements(people.db, 1)
            await people.change("ann", address=IN_LYON)
            reading = asyncio.create_task(read_outbox(people.db))
            if readers:
                await wait_for_waiting_statements(people.db, 1 + readers)
            else:
                await reading
        await evaluating
        await reading
    return await people.list_members(segment_id)


async def test_an_evaluation_never_writes_over_what_an_event_has_found(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    assert await change_during_an_evaluation(client, people, worker, readers=1) == ["bob"]


async def test_twin_without_the_lock_of_the_segment_an_older_look_stays(
    client: httpx.AsyncClient, people: People, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(connection: Connection, project_id: int) -> list[Row]:
        return await connection.fetch("select * from segment where project_id = $1", project_id)

    monkeypatch.setattr(store, "lock_auto_update_segments", look)
    assert await change_during_an_evaluation(client, people, worker, readers=0) == ["ann", "bob"]


async def test_many_changes_two_workers_and_evaluations_end_in_the_right_members(
    client: httpx.AsyncClient, people: People, worker: Worker, second_worker: Worker, spy: Spy
) -> None:
    names = [f"c{number}" for number in range(8)]
    for name in names:
        await people.add(name, address=IN_LYON, created_at=datetime.now(UTC))
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=NEW_IN_PARIS)
    await worker.run_until_idle()
    changed = asyncio.Event()

    async def move(name: str) -> None:
        # Odd names end in Paris.
        for number in range(4 + names.index(name) % 2):
            await people.change(name, address=IN_LYON if number % 2 else IN_PARIS)
            await asyncio.sleep(0)

    async def work(one: Worker) -> None:
        while not changed.is_set():
            await SegmentClock(people.db).tick(datetime.now(UTC) + timedelta(minutes=11))
            await one.run_until_idle()

    async with asyncio.timeout(60):
        workers = [asyncio.create_task(work(one)) for one in (worker, second_worker)]
        await asyncio.gather(*map(move, names))
        changed.set()
        await asyncio.gather(*workers)
        await worker.run_until_idle()
        await read_outbox(people.db)
    assert await people.list_members(segment_id) == names[1::2]
    for name in names:
        told = [
            change[0] for change in spy.list_changes(people) if change.startswith((f"+{name}", f"-{name}"))
        ]
        expected = "".join(sign for sign, _ in zip(itertools.cycle("+-"), told, strict=False))
        assert "".join(told) == expected, name
        assert len(told) % 2 == names.index(name) % 2


# --- who starts an evaluation --------------------------------------------------------------------------

CLOCKS = 5


async def tick_at_once(client: httpx.AsyncClient, people: People, worker: Worker) -> int:
    """How many jobs the clocks of five workers start for one segment that is due."""
    await create_segment(client, name="New", type="auto-update", filter=NEW_IN_PARIS)
    await worker.run_until_idle()
    due_at = datetime.now(UTC) + timedelta(minutes=11)
    async with asyncio.timeout(30):
        await asyncio.gather(*(SegmentClock(people.db).tick(due_at) for _ in range(CLOCKS)))
    ((count,),) = await people.fetch(
        "select count(*) from job where project_id = $1 and state = 'waiting'", people.project_id
    )
    return int(count)


async def test_one_evaluation_is_started_whoever_looks(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    assert await tick_at_once(client, people, worker) == 1
    await worker.run_until_idle()


async def test_twin_a_look_without_a_lock_starts_one_each(
    client: httpx.AsyncClient, people: People, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_looked = asyncio.Barrier(CLOCKS)

    async def look(connection: Connection, *, now: datetime) -> Row | None:
        due = await connection.fetchrow(
            "select project_id, id, evaluated_at from segment where evaluate_after <= $1", now
        )
        if due is not None:
            await everybody_looked.wait()
        return due

    monkeypatch.setattr(store, "find_due_segment", look)
    assert await tick_at_once(client, people, worker) == CLOCKS


# --- the hundredth segment -----------------------------------------------------------------------------


async def create_the_last_at_once(client: httpx.AsyncClient, people: People) -> list[int]:
    await people.fetch(
        "insert into segment (project_id, id, name, type, filter, created_at)"
        " select $1, gen_random_uuid(), 'filler', 'passive', '{}', now() from generate_series(1, 99)"
        " returning 1",
        people.project_id,
    )
    body = {"name": "last", "type": "passive", "filter": PARIS}
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(client.post("/v1/segments", json=body) for _ in range(4)))
    return sorted(answer.status_code for answer in answers)


async def test_of_many_who_make_the_hundredth_segment_at_once_one_succeeds(
    client: httpx.AsyncClient, people: People
) -> None:
    assert await create_the_last_at_once(client, people) == [200, 400, 400, 400]


async def test_twin_a_count_that_nobody_waits_for_lets_all_pass(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_counted = asyncio.Barrier(4)

    async def count(connection: Connection, project_id: int) -> int:
        rules = await connection.fetchval("select count(*) from segment where project_id = $1", project_id)
        await everybody_counted.wait()
        return int(rules)

    monkeypatch.setattr(store, "count_rules", count)
    assert await create_the_last_at_once(client, people) == [200] * 4


# --- a static segment of somebody who is just deleted ------------------------------------------------------


async def create_during_a_deletion(
    client: httpx.AsyncClient, people: People, *, waits: bool
) -> httpx.Response:
    await people.add("ann")
    creating: Awaitable[httpx.Response]
    async with asyncio.timeout(30):
        async with people.changing("ann", deleted_at=datetime.now(UTC)):
            creating = asyncio.create_task(
                client.post("/v1/segments", json={"name": "Few", "customers": ["ann"]})
            )
            if waits:
                await wait_for_waiting_statements(people.db, 1)
            else:
                await asyncio.wait([creating])
        return await creating


async def test_a_customer_who_is_just_deleted_is_waited_for(
    client: httpx.AsyncClient, people: People
) -> None:
    answer = await create_during_a_deletion(client, people, waits=True)
    assert read_refusal(answer) == not_there("customer", "ann")


async def test_twin_a_look_without_a_lock_takes_in_whoever_is_deleted(
    client: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(connection: Connection, project_id: int, ids: list[UUID], source_ids: list[str]) -> Any:
        return await connection.fetch(
            "select id, source_id from customer where project_id = $1 and deleted_at is null"
            " and source_id = any($2)",
            project_id,
            source_ids,
        )

    monkeypatch.setattr(store, "lock_customers", look)
    answer = await create_during_a_deletion(client, people, waits=False)
    assert answer.status_code == 200
    ((deleted,),) = await people.fetch(
        "select c.deleted_at is not null from segment_member m join customer c on c.id = m.customer_id"
        " where m.project_id = $1",
        people.project_id,
    )
    assert deleted
