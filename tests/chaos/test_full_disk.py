"""The disk is full in the middle of an import: it waits, says why, and goes on when there is room."""

import contextlib
import re
import time
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from builders import a_campaign, a_voucher
from bulk_files import BulkFile, write_bulk_file
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs import JobKind, PortionResult, Run, enqueue_job, queue
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id
from servers import Server, serving
from small_disk import SmallDisk, small_disk
from watched_actions import WatchedAction, calling, load_codes, watching

__all__ = ["small_disk"]

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_ROWS = 15_000
# For the file, and for some of its rows.
_ROOM_BYTES = 4 * 1024 * 1024
# Far below what clients wait, long enough for a machine that is busy.
_ANSWER_SECONDS = 15.0
_FULL = "the disk of the database is full, trying code_import again"
_DOWN = "PostgreSQL does not start, trying again"


# --- a real disk -----------------------------------------------------------------------------------------


def start_import(server: Server, file: BulkFile, campaign: str) -> int:
    """The status of the answer."""
    with calling(server) as client, file.path.open("rb") as stream:
        answer = client.post(
            f"/v1/campaigns/{campaign}/importCSV", files={"file": stream}, timeout=_ANSWER_SECONDS
        )
    return answer.status_code


def list_actions(server: Server) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = server.get("/v1/async-actions").json()["async_actions"]
    return actions


def check_answers(server: Server) -> None:
    """What is asked is answered, and what is written is refused, in time: 503 when PostgreSQL is down."""
    with calling(server) as client:
        answer = client.get("/v1/campaigns/Spring", timeout=_ANSWER_SECONDS)
        assert answer.status_code in (200, 503), answer.text
        deadline = time.monotonic() + _ANSWER_SECONDS
        # A few find room in pages that are there already.
        while (answer := client.post("/v1/vouchers", json=a_voucher())).status_code == 200:
            assert time.monotonic() < deadline
        assert answer.status_code == 503, answer.text
        assert re.fullmatch(r"v-[0-9a-f]{18}", answer.json()["request_id"])


def check_is_exact(server: Server, watched: WatchedAction, file: BulkFile, campaign: str) -> None:
    action = watched.wait_for_end()
    assert (action["status"], action["done_count"]) == ("DONE", file.done_count)
    assert [each["row"] for each in action["result"]["failed"]] == sorted(file.refused)
    watched.check_progress()
    assert load_codes(server, campaign) == sorted(file.new | file.own)
    count = server.get(f"/v1/campaigns/{campaign}").json()["vouchers_count"]
    assert count == len(file.new | file.own)


@pytest.mark.slow
def test_an_import_waits_for_room_and_says_so_and_ends_exactly(small_disk: SmallDisk) -> None:
    file = write_bulk_file(small_disk.path / "codes.csv", _ROWS, foreign=False)
    other_file = write_bulk_file(small_disk.path / "other.csv", _ROWS // 4, foreign=False)
    with serving(small_disk.path / "data", OPENVOUCHER_PORTION_ROWS="250") as server:
        with calling(server) as client:
            for name in ("Spring", "Summer"):
                assert client.post("/v1/campaigns", json=a_campaign(name=name)).status_code == 200
        small_disk.fill(but_bytes=_ROOM_BYTES)
        assert start_import(server, file, "Spring") == 200
        (action,) = list_actions(server)
        with watching(server, action["id"]) as watched:
            # A page of a table has no room, or else the log: then PostgreSQL ends, and cannot start either.
            server.program.wait_for(f"{_FULL} in 5 s: .*No space left on device|{_DOWN}")
            # What PostgreSQL gave back meanwhile is taken, too.
            small_disk.fill()
            check_answers(server)
            assert start_import(server, other_file, "Summer") == 503
            assert (watched.seen[-1]["status"], watched.rows < _ROWS) == ("IN_PROGRESS", True)

            # It comes to the worst, if it has not yet.
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                postmaster = server.postmaster()
                # The number in the file of one that has ended may be anybody's by now.
                if postmaster.ppid() == server.program.pid:
                    postmaster.kill()
            server.program.wait_for(f"{_DOWN}|PostgreSQL answers again")
            check_answers(server)

            small_disk.make_room()
            check_is_exact(server, watched, file, "Spring")
        # The upload that was refused is no action, and can be sent again.
        assert [each["id"] for each in list_actions(server)] == [action["id"]]
        assert start_import(server, other_file, "Summer") == 200
        with watching(server, list_actions(server)[0]["id"]) as watched:
            check_is_exact(server, watched, other_file, "Summer")


# --- how the worker takes it -----------------------------------------------------------------------------


async def test_a_portion_without_room_is_tried_for_as_long_as_it_takes(
    db: Database, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    reasons: list[str] = []
    times = 3 * queue.MOST_TRIES

    async def run_portion(run: Run) -> PortionResult:
        assert run.job.tries == 1
        if len(caplog.records) < times:
            await run.connection.execute(
                "do $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$"
            )
        return PortionResult(1, True)

    async def note_failure(_run: Run, reason: str) -> None:
        reasons.append(reason)

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
    worker = Worker(db, [JobKind(name="test", run_portion=run_portion, on_failure=note_failure)], Settings())
    async with db.connection() as connection:
        for _ in range(times):
            assert await worker.run_next()
            state = await connection.fetchrow(
                "select state, tries, error, ceil(extract(epoch from run_after - clock_timestamp())) as pause"
                " from job"
            )
            assert state is not None
            assert tuple(state) == ("waiting", 0, "DiskFullError: no room", queue.ROOM_SECONDS)
            # Its time has come.
            await connection.execute("update job set run_after = clock_timestamp()")
        assert await worker.run_next()
        assert await connection.fetchval("select state from job") == "done"
    assert reasons == []
    message = f"the disk of the database is full, trying test again in {queue.ROOM_SECONDS} s: no room"
    assert caplog.messages == [message] * times


@pytest.mark.parametrize("sqlstate", ["disk_full", "query_canceled", "deadlock_detected"])
async def test_a_worker_outlives_a_queue_that_cannot_be_written(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch, sqlstate: str
) -> None:
    claims = 0

    async def claim_job(connection: Any, **_: Any) -> None:
        nonlocal claims
        claims += 1
        if claims > 1:
            worker.stop()
            return
        await connection.execute(
            f"do $$ begin raise exception 'no luck' using errcode = '{sqlstate}'; end $$"
        )

    monkeypatch.setattr(queue, "claim_job", claim_job)
    monkeypatch.setattr("openvoucher.platform.jobs.worker._POLL_SECONDS", 0.01)
    worker = Worker(db, [], Settings())
    await worker.run()
    assert claims == 2
