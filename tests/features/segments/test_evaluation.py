"""Evaluation of all customers: when a segment is made, and again when time has passed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from openvoucher.features.segments import evaluation, store
from openvoucher.features.segments.evaluation import SegmentClock, start_evaluation
from openvoucher.platform.db import TransactionConflict
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import new_id, parse_id
from segment_people import People, Spy, create_segment, read_outbox

PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}
IN_PARIS = {"city": "Paris"}
NEW = {"created_at": {"conditions": {"$less_than": 30}}}
EVEN = {"metadata.n": {"conditions": {"$in": [0, 2, 4, 6, 8]}}}


async def add_ten(people: People) -> None:
    for number in range(10):
        await people.add(f"c{number}", metadata={"n": number})


EVENS = [f"c{number}" for number in range(0, 10, 2)]


async def read_segment(people: People, segment_id: str) -> dict[str, Any]:
    async with people.db.connection() as connection:
        row = await connection.fetchrow("select * from segment where id = $1", parse_id("seg", segment_id))
    assert row is not None
    return dict(row)


async def count_jobs(people: People, state: str) -> int:
    sql = "select count(*) from job where project_id = $1 and kind = 'segment_evaluation' and state = $2"
    ((count,),) = await people.fetch(sql, people.project_id, state)
    return int(count)


LATER = timedelta(minutes=11)


async def tick(people: People, *, after: timedelta = LATER) -> bool:
    """The clock of a worker that has just been started, so much later than it is."""
    return await SegmentClock(people.db).tick(datetime.now(UTC) + after)


# --- portions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "portions"), [(100, 1), (11, 1), (10, 2), (4, 3), (1, 11)])
async def test_a_new_segment_takes_in_everybody_portion_by_portion(
    client: httpx.AsyncClient,
    people: People,
    worker: Worker,
    spy: Spy,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    portions: int,
) -> None:
    monkeypatch.setattr(evaluation, "_PORTION", size)
    await add_ten(people)
    segment_id = await create_segment(client, name="Even", type="auto-update", filter=EVEN)
    assert await people.list_members(segment_id) == []
    assert await worker.run_until_idle() == portions
    assert await people.list_members(segment_id) == EVENS
    assert spy.events == []
    assert await count_jobs(people, "done") == 1


async def test_a_project_without_customers_is_evaluated_too(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    segment_id = await create_segment(client, name="Even", type="auto-update", filter=EVEN)
    assert await worker.run_until_idle() == 1
    assert (await read_segment(people, segment_id))["evaluated_at"] is not None


async def test_deleted_customers_and_those_of_others_are_left_out(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    await people.add("ann", address=IN_PARIS)
    await people.add("gone", address=IN_PARIS, deleted_at=datetime.now(UTC))
    await people.fetch(
        "insert into customer (project_id, id, source_id, address, created_at)"
        " select id, gen_random_uuid(), 'stranger', '{\"city\": \"Paris\"}', now() from project"
        " where id <> $1 returning 1",
        people.project_id,
    )
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await worker.run_until_idle()
    assert await people.list_members(segment_id) == ["ann"]


async def test_who_enters_during_the_first_evaluation_by_an_event_is_told(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    await people.add("ann", address=IN_PARIS)
    await people.add("bob")
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await people.change("bob", address=IN_PARIS)
    await read_outbox(people.db)
    await worker.run_until_idle()
    assert spy.list_changes(people) == ["+bob Paris"]
    assert await people.list_members(segment_id) == ["ann", "bob"]


async def test_a_segment_that_is_deleted_meanwhile_ends_its_evaluation(
    client: httpx.AsyncClient, people: People, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "_PORTION", 4)
    await add_ten(people)
    segment_id = await create_segment(client, name="Even", type="auto-update", filter=EVEN)
    assert await worker.run_next()
    assert (await client.delete(f"/v1/segments/{segment_id}")).status_code == 204
    assert await worker.run_until_idle() == 1
    assert (await count_jobs(people, "waiting"), await count_jobs(people, "failed")) == (0, 0)
    assert await people.list_members(segment_id) == []


# --- time ----------------------------------------------------------------------------------------------


async def test_a_rule_that_follows_time_is_due_ten_minutes_after_it_began(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    before = datetime.now(UTC)
    new = await create_segment(client, name="New", type="auto-update", filter=NEW)
    fixed = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await worker.run_until_idle()
    segment = await read_segment(people, new)
    assert segment["evaluated_at"] >= before - timedelta(milliseconds=1)
    assert segment["evaluate_after"] == segment["evaluated_at"] + timedelta(minutes=10)
    assert (await read_segment(people, fixed))["evaluate_after"] is None
    assert not await tick(people, after=timedelta(minutes=9))
    assert await tick(people, after=timedelta(minutes=11))
    assert not await tick(people, after=timedelta(minutes=11))


async def test_who_grows_too_old_leaves_when_the_segment_is_due(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    now = datetime.now(UTC)
    await people.add("ann", created_at=now - timedelta(days=20))
    await people.add("bob", created_at=now - timedelta(days=20))
    segment_id = await create_segment(client, name="New", type="auto-update", filter=NEW)
    await worker.run_until_idle()
    assert await people.list_members(segment_id) == ["ann", "bob"]
    # Ann grows older, and nothing happens that tells of it.
    await people.fetch(
        "update customer set created_at = $2 where id = $1 returning 1",
        people.ids["ann"],
        now - timedelta(days=30),
    )
    assert await tick(people)
    await worker.run_until_idle()
    assert await people.list_members(segment_id) == ["bob"]
    assert spy.list_changes(people) == ["-ann New"]
    (left,) = spy.events
    assert left.source == {"channel": "INTERNAL", "user": None, "api_key": None}
    assert left.group_id.startswith("v-")


async def test_an_evaluation_without_changes_tells_and_writes_nothing(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    await people.add("ann")
    await create_segment(client, name="New", type="auto-update", filter=NEW)
    await worker.run_until_idle()
    before = await people.fetch("select ctid::text, xmin::text, entered_at from segment_member")
    assert await tick(people)
    await worker.run_until_idle()
    assert await people.fetch("select ctid::text, xmin::text, entered_at from segment_member") == before
    assert spy.events == []


async def test_evaluations_leave_no_more_than_one_job_behind(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    segment_id = await create_segment(client, name="New", type="auto-update", filter=NEW)
    for _ in range(3):
        await worker.run_until_idle()
        assert await tick(people)
    await worker.run_until_idle()
    assert (await count_jobs(people, "done"), await count_jobs(people, "waiting")) == (1, 0)
    await client.delete(f"/v1/segments/{segment_id}")
    assert await count_jobs(people, "done") == 0


async def test_the_segment_that_waits_longest_comes_first(
    client: httpx.AsyncClient, people: People, worker: Worker
) -> None:
    ids = [await create_segment(client, name=f"{n}", type="auto-update", filter=NEW) for n in range(3)]
    await worker.run_until_idle()
    for segment_id, seconds in zip(ids, (5, 50, 20), strict=True):
        await people.fetch(
            "update segment set evaluate_after = now() - $2 * interval '1 second' where id = $1 returning 1",
            parse_id("seg", segment_id),
            seconds,
        )
    clock, order = SegmentClock(people.db), []
    while await clock.tick(datetime.now(UTC)):
        due = [(await read_segment(people, segment_id))["evaluate_after"] for segment_id in ids]
        order.append([place for place, after in enumerate(due) if after is None])
    assert order == [[1], [1, 2], [0, 1, 2]]
    await worker.run_until_idle()


@pytest.mark.parametrize(
    ("seconds", "looks"),
    [([0, 0.5, 0.9], [0]), ([0, 1, 1.5, 2], [0, 1, 2]), ([0, -3600, -3599.5], [0, -3600])],
)
async def test_an_idle_clock_looks_once_a_second_wherever_the_time_jumps(
    people: People, monkeypatch: pytest.MonkeyPatch, seconds: list[float], looks: list[float]
) -> None:
    start, looked = datetime.now(UTC), list[float]()

    async def look(_: Any, *, now: datetime) -> None:
        looked.append((now - start).total_seconds())

    monkeypatch.setattr(store, "find_due_segment", look)
    clock = SegmentClock(people.db)
    for second in seconds:
        assert not await clock.tick(start + timedelta(seconds=second))
    assert looked == looks


# --- what goes wrong -----------------------------------------------------------------------------------


def fail_once(fails: Callable[[], bool], write: Any) -> Any:
    async def write_and_fail(*arguments: Any, **named: Any) -> Any:
        changes = await write(*arguments, **named)
        if fails():
            raise RuntimeError("killed behind the statement")
        return changes

    return write_and_fail


async def test_a_portion_that_dies_is_done_again_and_told_once(
    client: httpx.AsyncClient,
    people: People,
    worker: Worker,
    spy: Spy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everybody enters by an evaluation that tells of it; each of its portions dies once."""
    monkeypatch.setattr(evaluation, "_PORTION", 4)
    await add_ten(people)
    segment_id = await create_segment(client, name="Even", type="auto-update", filter=EVEN)
    await worker.run_until_idle()
    await people.fetch("delete from segment_member returning 1")
    deaths = iter([True, False, True, False, True, False])
    monkeypatch.setattr(store, "write_members", fail_once(lambda: next(deaths, False), store.write_members))
    async with people.db.transaction() as connection:
        uid = UUID(hex=segment_id.removeprefix("seg_"))
        await start_evaluation(connection, people.project_id, uid, told=True, now=datetime.now(UTC))
    for _ in range(6):
        # What was postponed is due.
        await people.fetch("update job set run_after = '-infinity' where state = 'waiting' returning 1")
        await worker.run_until_idle()
    assert next(deaths, None) is None
    assert await people.list_members(segment_id) == EVENS
    assert sorted(spy.list_changes(people)) == [f"+{name} Even" for name in EVENS]


async def test_an_evaluation_that_is_given_up_is_due_again_after_ten_minutes(
    client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy
) -> None:
    await add_ten(people)
    segment_id = await create_segment(client, name="Even", type="auto-update", filter=EVEN)
    await people.fetch("update job set tries = 8 where state = 'waiting' returning 1")
    before = datetime.now(UTC)
    await worker.run_until_idle()
    segment = await read_segment(people, segment_id)
    assert segment["evaluated_at"] is None
    assert timedelta(minutes=10) <= segment["evaluate_after"] - before < timedelta(minutes=11)
    assert await count_jobs(people, "failed") == 1
    assert await tick(people)
    await worker.run_until_idle()
    # It is still the first: nobody enters.
    assert (await people.list_members(segment_id), spy.events) == (EVENS, [])
    assert await count_jobs(people, "failed") == 0


async def test_the_clock_outlives_a_database_that_gives_way(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def conflict(*_: Any, **__: Any) -> None:
        raise TransactionConflict(f"deadlock {new_id()}")

    monkeypatch.setattr(store, "find_due_segment", conflict)
    assert not await tick(people)
    assert "an evaluation was not started" in caplog.text
