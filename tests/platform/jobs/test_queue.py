"""The queue: who is next, and what a killed worker leaves."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from uuid import UUID

import pytest

from database_views import wait_for_waiting_statements
from openvoucher.features.projects.service import make_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import queue
from openvoucher.platform.jobs.queue import Job, Lane, enqueue_job
from openvoucher.wire.ids import new_id
from projects import make_other_project

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def put(db: Database, project: Project, lane: Lane) -> UUID:
    job_id = new_id()
    async with db.transaction() as connection:
        await enqueue_job(
            connection,
            project_id=project.id,
            job_id=job_id,
            kind="test",
            lane=lane,
            payload={},
            now=NOW,
        )
    return job_id


async def take(db: Database) -> UUID | None:
    """Claim the next job, do one portion of it, commit: who it was."""
    async with db.connection() as connection:
        job = await queue.claim_job(connection)
        if job is None:
            return None
        await finish_portion(connection, job, done=False)
        return job.id


async def finish_portion(connection: Connection, job: Job, *, done: bool) -> None:
    async with connection.transaction():
        assert await queue.lock_job(connection, job)
        await queue.advance_job(connection, job, position=job.position + 1, done=done)


async def test_a_job_of_a_transaction_that_is_rolled_back_does_not_exist(
    db: Database, project: Project
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as connection:
            await enqueue_job(
                connection,
                project_id=project.id,
                job_id=new_id(),
                kind="test",
                lane="turns",
                payload={},
                now=NOW,
            )
            _ = 1 / 0
    assert await take(db) is None


async def test_long_jobs_take_turns_a_portion_each(db: Database, project: Project) -> None:
    jobs = [await put(db, project, "turns") for _ in range(3)]
    assert [await take(db) for _ in range(6)] == jobs * 2


async def test_short_jobs_run_in_the_order_in_which_they_came(db: Database, project: Project) -> None:
    first, second = [await put(db, project, "ordered") for _ in range(2)]
    assert [await take(db) for _ in range(3)] == [first, first, first]
    async with db.connection() as connection:
        job = await queue.claim_job(connection)
        assert job is not None
        await finish_portion(connection, job, done=True)
    assert await take(db) == second


async def test_the_second_short_job_waits_while_the_first_is_in_hand(db: Database, project: Project) -> None:
    await put(db, project, "ordered")
    await put(db, project, "ordered")
    async with db.connection() as connection, db.connection() as other:
        job = await queue.claim_job(connection)
        assert job is not None
        async with connection.transaction():
            assert await queue.lock_job(connection, job)
            assert await queue.claim_job(other) is None


async def test_lanes_take_turns_so_that_a_short_job_passes_ten_long_ones(
    db: Database, project: Project
) -> None:
    long_jobs = [await put(db, project, "turns") for _ in range(10)]
    assert await take(db) == long_jobs[0]
    short = await put(db, project, "ordered")
    assert [await take(db) for _ in range(4)] == [short, long_jobs[1], short, long_jobs[2]]


async def test_projects_take_turns_whatever_the_number_of_their_jobs(db: Database, project: Project) -> None:
    other = await make_other_project(db, make_key_pair("server"))
    many = [await put(db, project, "turns") for _ in range(5)]
    one = await put(db, other, "turns")
    assert [await take(db) for _ in range(6)] == [many[0], one, many[1], one, many[2], one]


async def test_two_workers_never_hold_one_job(db: Database, project: Project) -> None:
    await put(db, project, "turns")
    async with db.connection() as connection, db.connection() as other:
        job = await queue.claim_job(connection)
        assert job is not None
        # Between the two transactions of the claim it is not due …
        assert await queue.claim_job(other) is None
        async with connection.transaction():
            assert await queue.lock_job(connection, job)
            # … and while it runs it is locked, however long that takes.
            await make_due(other, job)
            assert await queue.claim_job(other) is None


async def make_due(connection: Connection, job: Job) -> None:
    """Let time pass, if the row is not locked."""
    await connection.execute(
        "update job set run_after = clock_timestamp() - interval '1 hour'"
        " where id in (select id from job where id = $1 for update skip locked)",
        job.id,
    )


async def test_a_worker_that_lost_its_claim_cannot_lock_the_job(db: Database, project: Project) -> None:
    await put(db, project, "turns")
    async with db.connection() as connection, db.connection() as other:
        slow = await queue.claim_job(connection)
        assert slow is not None
        await make_due(other, slow)
        quick = await queue.claim_job(other)
        assert quick is not None
        assert quick.id == slow.id
        async with connection.transaction():
            assert not await queue.lock_job(connection, slow)


async def test_tries_are_counted_before_the_portion_and_forgotten_after_it(
    db: Database, project: Project
) -> None:
    await put(db, project, "turns")
    async with db.connection() as connection:
        for expected in (1, 2, 3):
            # Killed each time: nothing after the claim is committed.
            job = await queue.claim_job(connection)
            assert job is not None
            assert job.tries == expected
            await make_due(connection, job)
        job = await queue.claim_job(connection)
        assert job is not None
        await finish_portion(connection, job, done=False)
        job = await queue.claim_job(connection)
        assert job is not None
        assert (job.tries, job.position) == (1, 1)


async def test_a_failed_portion_waits_longer_the_more_often_it_failed(db: Database, project: Project) -> None:
    await put(db, project, "turns")
    waits = []
    async with db.connection() as connection:
        for _ in range(3):
            job = await queue.claim_job(connection)
            assert job is not None
            await queue.postpone_job(connection, job, error="no luck")
            waits.append(
                await connection.fetchval(
                    "select round(extract(epoch from run_after - clock_timestamp()), 1)::float from job"
                )
            )
            await make_due(connection, job)
        assert await connection.fetchval("select error from job") == "no luck"
    assert waits == [pytest.approx(0.25, abs=0.1), pytest.approx(0.5, abs=0.1), pytest.approx(1.0, abs=0.1)]


async def test_a_parked_job_is_claimed_no_more(db: Database, project: Project) -> None:
    await put(db, project, "ordered")
    behind = await put(db, project, "ordered")
    async with db.connection() as connection:
        job = await queue.claim_job(connection)
        assert job is not None
        assert await queue.park_job(connection, job, error="poison")
        assert not await queue.park_job(connection, job, error="again")
    assert await take(db) == behind


# --- cancelling ----------------------------------------------------------------------------------------


async def cancel(db: Database, project: Project, job_id: UUID) -> bool:
    async with db.transaction() as connection:
        return await queue.cancel_job(connection, project.id, job_id)


async def claim(db: Database) -> Job | None:
    async with db.connection() as connection:
        return await queue.claim_job(connection)


async def test_a_cancelled_job_is_claimed_before_all_others_whatever_its_turn(
    db: Database, project: Project
) -> None:
    for lane in ("turns", "ordered", "ordered"):
        await put(db, project, lane)
    cancelled = [await put(db, project, lane) for lane in ("ordered", "turns")]
    for job_id in cancelled:
        assert await cancel(db, project, job_id)
    claimed = []
    for _ in range(2):
        job = await claim(db)
        assert job is not None
        assert job.cancelled
        claimed.append(job.id)
    assert sorted(claimed) == sorted(cancelled)
    job = await claim(db)
    assert job is not None
    assert not job.cancelled


async def test_a_cancelled_job_does_not_wait_until_its_back_off_is_over(
    db: Database, project: Project
) -> None:
    job_id = await put(db, project, "turns")
    job = await claim(db)
    assert job is not None
    async with db.connection() as connection:
        await queue.postpone_job(connection, dataclasses.replace(job, tries=7), error="no luck")
    assert await claim(db) is None
    assert await cancel(db, project, job_id)
    job = await claim(db)
    assert job is not None
    assert (job.id, job.cancelled) == (job_id, True)
    # Giving it up that fails waits as a portion would, however often one cancels.
    async with db.connection() as connection:
        await queue.postpone_job(connection, job, error="no luck")
    assert await cancel(db, project, job_id)
    assert await claim(db) is None


async def test_a_cancelled_job_holds_up_nobody_in_the_ordered_lane(db: Database, project: Project) -> None:
    first, second = [await put(db, project, "ordered") for _ in range(2)]
    assert await cancel(db, project, first)
    assert [(job.id if (job := await claim(db)) else None) for _ in range(2)] == [first, second]


async def test_a_job_that_was_cancelled_after_it_was_claimed_does_no_portion_more(
    db: Database, project: Project
) -> None:
    job_id = await put(db, project, "turns")
    job = await claim(db)
    assert job is not None
    assert await cancel(db, project, job_id)
    async with db.transaction() as connection:
        assert not await queue.lock_job(connection, job)


async def test_cancelling_waits_for_the_portion_in_hand(db: Database, project: Project) -> None:
    job_id = await put(db, project, "turns")
    job = await claim(db)
    assert job is not None
    async with db.connection() as connection:
        async with connection.transaction():
            assert await queue.lock_job(connection, job)
            cancelling = asyncio.create_task(cancel(db, project, job_id))
            await wait_for_waiting_statements(db, 1)
            await queue.advance_job(connection, job, position=5, done=False)
        assert await cancelling
        row = await connection.fetchrow("select position, state, cancelled from job")
        assert row is not None
        assert tuple(row) == (5, "waiting", True)


async def test_a_job_whose_last_portion_is_in_hand_cannot_be_cancelled_any_more(
    db: Database, project: Project
) -> None:
    job_id = await put(db, project, "turns")
    job = await claim(db)
    assert job is not None
    async with db.connection() as connection:
        async with connection.transaction():
            assert await queue.lock_job(connection, job)
            cancelling = asyncio.create_task(cancel(db, project, job_id))
            await wait_for_waiting_statements(db, 1)
            await queue.advance_job(connection, job, position=5, done=True)
        assert not await cancelling
        row = await connection.fetchrow("select state, cancelled from job")
        assert row is not None
        assert tuple(row) == ("done", False)


async def test_cancelling_gives_up_where_the_portion_in_hand_takes_too_long(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_CANCEL_SECONDS", 0.05)
    job_id = await put(db, project, "turns")
    job = await claim(db)
    assert job is not None
    async with db.connection() as connection:
        async with connection.transaction():
            assert await queue.lock_job(connection, job)
            with pytest.raises(queue.JobBusy):
                await cancel(db, project, job_id)
        assert not await connection.fetchval("select cancelled from job")


async def test_a_job_that_has_ended_or_whose_input_is_coming_in_is_not_cancelled(
    db: Database, project: Project
) -> None:
    for state in ("receiving", "done", "failed"):
        job_id = await put(db, project, "turns")
        async with db.connection() as connection:
            await connection.execute("update job set state = $2 where id = $1", job_id, state)
        assert not await cancel(db, project, job_id)
    assert not await cancel(db, project, new_id())
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from job where cancelled") == 0


async def test_another_projects_job_is_not_cancelled(db: Database, project: Project) -> None:
    other = await make_other_project(db, make_key_pair("server"))
    job_id = await put(db, project, "turns")
    assert not await cancel(db, other, job_id)
    job = await claim(db)
    assert job is not None
    assert not job.cancelled


async def test_a_changed_payload_is_that_of_the_next_portion(db: Database, project: Project) -> None:
    await put(db, project, "turns")
    for changes, expected in (
        ({"a": 1}, {"a": 1}),
        ({"b": 2}, {"a": 1, "b": 2}),
        ({"a": 3}, {"a": 3, "b": 2}),
    ):
        async with db.connection() as connection:
            job = await queue.claim_job(connection)
            assert job is not None
            async with connection.transaction():
                assert await queue.lock_job(connection, job)
                await queue.change_payload(connection, job, changes)
                await queue.advance_job(connection, job, position=job.position + 1, done=False)
            assert await connection.fetchval("select payload from job") == expected
