"""The worker: portions, failures, leases, waking up, stopping."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import (
    Job,
    JobKind,
    PermanentFailure,
    PortionResult,
    Run,
    cancel_job,
    enqueue_job,
    queue,
)
from openvoucher.platform.jobs.queue import MOST_TRIES, claim_job
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def put(db: Database, project: Project, payload: Any = None) -> None:
    async with db.transaction() as connection:
        await enqueue_job(
            connection,
            project_id=project.id,
            job_id=new_id(),
            kind="test",
            lane="turns",
            payload=payload or {},
            now=NOW,
        )


class Failures:
    """Collects what jobs were given up for."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    async def add(self, _run: Run, reason: str) -> None:
        self.reasons.append(reason)


def make_worker(
    db: Database,
    run_portion: Callable[[Run], Awaitable[PortionResult]],
    failures: Failures | None = None,
    *,
    lease_seconds: float | None = None,
) -> Worker:
    kind = JobKind(
        name="test",
        run_portion=run_portion,
        on_failure=(failures or Failures()).add,
        lease_seconds=lease_seconds,
    )
    return Worker(db, [kind], Settings())


async def fetch_job(db: Database) -> dict[str, Any]:
    async with db.connection() as connection:
        row = await connection.fetchrow("select state, position, tries, error from job")
        assert row is not None
        return dict(row)


async def test_a_job_runs_portion_by_portion_to_its_end(db: Database, project: Project) -> None:
    seen = []

    async def run_portion(run: Run) -> PortionResult:
        seen.append((run.job.payload, run.job.position))
        return PortionResult(run.job.position + 10, run.job.position == 20)

    await put(db, project, {"file": 7})
    assert await make_worker(db, run_portion).run_until_idle() == 3
    assert seen == [({"file": 7}, 0), ({"file": 7}, 10), ({"file": 7}, 20)]
    assert await fetch_job(db) == {"state": "done", "position": 30, "tries": 0, "error": None}


async def test_what_a_failed_portion_wrote_is_undone_and_the_reason_is_kept(
    db: Database, project: Project
) -> None:
    async def run_portion(run: Run) -> PortionResult:
        await run.connection.execute(
            "insert into category values ($1, $2, 'x', 0, now())", project.id, new_id()
        )
        raise ValueError("half way")

    await put(db, project)
    assert await make_worker(db, run_portion).run_next()
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from category") == 0
    job = await fetch_job(db)
    assert (job["state"], job["tries"], job["error"]) == ("waiting", 1, "ValueError: half way")


async def test_a_permanent_failure_ends_the_job_and_tells_its_feature_in_a_transaction(
    db: Database, project: Project
) -> None:
    failures = Failures()

    async def run_portion(_run: Run) -> PortionResult:
        raise PermanentFailure("the campaign is gone")

    await put(db, project)
    await make_worker(db, run_portion, failures).run_until_idle()
    assert failures.reasons == ["the campaign is gone"]
    assert (await fetch_job(db))["state"] == "failed"


async def test_a_portion_that_fails_too_often_is_given_up(db: Database, project: Project) -> None:
    failures = Failures()
    runs = 0

    async def run_portion(_run: Run) -> PortionResult:
        nonlocal runs
        runs += 1
        raise ValueError("poison")

    await put(db, project)
    worker = make_worker(db, run_portion, failures)
    for _ in range(MOST_TRIES + 1):
        assert await worker.run_next()
        async with db.connection() as connection:
            await connection.execute("update job set run_after = now() - interval '1 day'")
    assert runs == MOST_TRIES
    assert failures.reasons == ["the portion failed or was killed too often"]
    assert (await fetch_job(db))["state"] == "failed"
    assert not await worker.run_next()


async def test_work_with_outside_effects_holds_a_lease_and_no_transaction(
    db: Database, project: Project
) -> None:
    states = []

    async def run_portion(run: Run) -> PortionResult:
        states.append(run.connection.is_in_transaction())
        async with db.connection() as other:
            # Nobody else can take it, though its row is not locked.
            states.append(
                await other.fetchval(
                    "select run_after > clock_timestamp() + interval '20 seconds' from job for update nowait"
                )
            )
        return PortionResult(1, True)

    await put(db, project)
    await make_worker(db, run_portion, lease_seconds=30).run_until_idle()
    assert states == [False, True]
    assert (await fetch_job(db))["state"] == "done"


async def test_leased_work_that_outlives_its_lease_is_stopped_and_comes_again(
    db: Database, project: Project
) -> None:
    async def run_portion(_run: Run) -> PortionResult:
        await asyncio.sleep(60)
        return PortionResult(1, True)

    await put(db, project)
    assert await make_worker(db, run_portion, lease_seconds=0.05).run_next()
    job = await fetch_job(db)
    assert (job["state"], job["position"], job["error"]) == ("waiting", 0, "TimeoutError: ")


async def test_a_new_job_wakes_an_idle_worker(db: Database, project: Project) -> None:
    ran = asyncio.Event()

    async def run_portion(_run: Run) -> PortionResult:
        ran.set()
        return PortionResult(1, True)

    worker = make_worker(db, run_portion)
    task = asyncio.create_task(worker.run())
    # Until it is idle it has not listened yet: the second job is the one to wake it.
    await put(db, project)
    await asyncio.wait_for(ran.wait(), 10)
    ran.clear()
    await put(db, project)
    await asyncio.wait_for(ran.wait(), 10)
    worker.stop()
    await asyncio.wait_for(task, 10)


async def test_stop_lets_the_portion_in_hand_finish_and_starts_no_other(
    db: Database, project: Project
) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def run_portion(run: Run) -> PortionResult:
        started.set()
        await go_on.wait()
        return PortionResult(run.job.position + 1, False)

    await put(db, project)
    worker = make_worker(db, run_portion)
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(started.wait(), 10)
    worker.stop()
    go_on.set()
    await asyncio.wait_for(task, 10)
    assert (await fetch_job(db))["position"] == 1


async def test_a_worker_waits_out_a_lost_database_connection(db: Database, project: Project) -> None:
    ran = asyncio.Event()

    async def run_portion(_run: Run) -> PortionResult:
        ran.set()
        return PortionResult(1, True)

    worker = make_worker(db, run_portion)
    task = asyncio.create_task(worker.run())
    await put(db, project)
    await asyncio.wait_for(ran.wait(), 10)
    async with db.connection() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    ran.clear()
    await put(db, project)
    await asyncio.wait_for(ran.wait(), 15)
    worker.stop()
    await asyncio.wait_for(task, 10)


async def test_ten_long_jobs_are_all_under_way_and_a_short_one_is_done_before_any_of_them(
    db: Database, project: Project
) -> None:
    ended: list[str] = []

    async def run_portion(run: Run) -> PortionResult:
        done = run.job.position + 1 == run.job.payload["portions"]
        if done:
            ended.append(run.job.payload["name"])
        return PortionResult(run.job.position + 1, done)

    for number in range(10):
        await put(db, project, {"name": f"long {number}", "portions": 20})
    worker = make_worker(db, run_portion)
    for _ in range(10):
        await worker.run_next()
    async with db.connection() as connection:
        assert await connection.fetchval("select min(position) from job") == 1
        await enqueue_job(
            connection,
            project_id=project.id,
            job_id=new_id(),
            kind="test",
            lane="ordered",
            payload={"name": "short", "portions": 3},
            now=NOW,
        )
    await worker.run_until_idle()
    assert ended[0] == "short"
    assert sorted(ended[1:]) == [f"long {number}" for number in range(10)]


# --- cancelling ----------------------------------------------------------------------------------------


async def cancel(db: Database, project: Project) -> None:
    async with db.transaction() as connection:
        for row in await connection.fetch("select id from job"):
            await cancel_job(connection, project.id, row["id"])


async def test_a_cancelled_job_is_given_up_without_a_portion_more(db: Database, project: Project) -> None:
    seen: list[tuple[str, bool, bool]] = []
    portions = 0

    async def run_portion(run: Run) -> PortionResult:
        nonlocal portions
        portions += 1
        return PortionResult(run.job.position + 1, False)

    async def note_failure(run: Run, reason: str) -> None:
        seen.append((reason, run.job.cancelled, run.connection.is_in_transaction()))

    await put(db, project)
    worker = Worker(db, [JobKind("test", run_portion, note_failure)], Settings())
    assert await worker.run_next()
    await cancel(db, project)
    await worker.run_until_idle()
    assert (portions, seen) == (1, [("Cancelled.", True, True)])
    assert await fetch_job(db) == {"state": "failed", "position": 1, "tries": 1, "error": "Cancelled."}


async def test_leased_work_that_is_cancelled_before_it_begins_does_not_begin(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = False

    async def run_portion(_run: Run) -> PortionResult:
        nonlocal ran
        ran = True
        return PortionResult(1, True)

    async def claim_then_cancel(connection: Connection) -> Job | None:
        job = await claim_job(connection)
        await cancel(db, project)
        return job

    await put(db, project)
    failures = Failures()
    worker = make_worker(db, run_portion, failures, lease_seconds=30)
    with monkeypatch.context() as patched:
        patched.setattr(queue, "claim_job", claim_then_cancel)
        assert await worker.run_next()
    await worker.run_until_idle()
    assert (ran, failures.reasons) == (False, ["Cancelled."])


async def test_giving_up_that_fails_is_tried_again_and_keeps_nobody_from_his_work(
    db: Database, project: Project
) -> None:
    reasons: list[str] = []

    async def run_portion(run: Run) -> PortionResult:
        return PortionResult(1, True)

    async def fail_at_first(_run: Run, reason: str) -> None:
        reasons.append(reason)
        if len(reasons) == 1:
            raise ValueError("no luck")

    await put(db, project)
    await cancel(db, project)
    await put(db, project, {"name": "another"})
    worker = Worker(db, [JobKind("test", run_portion, fail_at_first)], Settings())
    assert await worker.run_until_idle() == 2
    async with db.connection() as connection:
        rows = await connection.fetch("select state, error from job order by created_at, id")
        assert [tuple(row) for row in rows] == [("waiting", "ValueError: no luck"), ("done", None)]
        await connection.execute("update job set run_after = now() - interval '1 day'")
    await worker.run_until_idle()
    assert reasons == ["Cancelled."] * 2
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from job where state = 'failed'") == 1


async def test_a_cancelled_job_wakes_an_idle_worker(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, given_up = asyncio.Event(), asyncio.Event()

    async def claim_and_tell(connection: Connection) -> Job | None:
        job = await claim_job(connection)
        if job is None:
            idle.set()
        return job

    async def run_portion(_run: Run) -> PortionResult:
        raise ValueError("it waits for long now")

    async def note_failure(_run: Run, _reason: str) -> None:
        given_up.set()

    await put(db, project)
    worker = Worker(db, [JobKind("test", run_portion, note_failure)], Settings())
    assert await worker.run_next()
    async with db.connection() as connection:
        await connection.execute("update job set run_after = now() + interval '1 day'")
    monkeypatch.setattr(queue, "claim_job", claim_and_tell)
    monkeypatch.setattr("openvoucher.platform.jobs.worker._POLL_SECONDS", 60)
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(idle.wait(), 10)
    await cancel(db, project)
    await asyncio.wait_for(given_up.wait(), 10)
    worker.stop()
    await asyncio.wait_for(task, 10)


# --- chores -----------------------------------------------------------------------------------------------


async def test_chores_are_done_between_portions(db: Database, project: Project) -> None:
    done: list[str] = []

    async def run_portion(run: Run) -> PortionResult:
        done.append("portion")
        return PortionResult(run.job.position + 1, run.job.position == 1)

    async def chore(_now: datetime) -> bool:
        done.append("chore")
        return False

    await put(db, project)
    kind = JobKind(name="test", run_portion=run_portion, on_failure=Failures().add)
    assert await Worker(db, [kind], Settings(), chores=[chore]).run_until_idle() == 2
    assert done == ["portion", "chore", "portion", "chore", "chore"]


async def test_a_chore_that_has_more_to_do_is_done_again(db: Database) -> None:
    left = 3

    async def chore(_now: datetime) -> bool:
        nonlocal left
        left -= 1
        return left > 0

    assert await Worker(db, [], Settings(), chores=[chore]).run_until_idle() == 0
    assert left == 0


async def test_a_chore_that_fails_does_not_stop_the_queue(
    db: Database, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []

    async def run_portion(run: Run) -> PortionResult:
        ran.append(run.job.position)
        return PortionResult(1, True)

    async def chore(_now: datetime) -> bool:
        raise RuntimeError("broken")

    await put(db, project)
    kind = JobKind(name="test", run_portion=run_portion, on_failure=Failures().add)
    await Worker(db, [kind], Settings(), chores=[chore]).run_until_idle()
    assert ran == [0]
    assert caplog.messages == ["a chore failed", "a chore failed"]
