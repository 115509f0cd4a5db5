import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from openvoucher.cli import bulk_work
from openvoucher.cli.bulk_work import clean_regularly, work
from openvoucher.features.async_actions import store
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id


async def receive_job(db: Database, project: Project, *, age: timedelta) -> None:
    """A job whose upload began `age` ago and has not ended."""
    async with db.connection() as connection:
        await store.insert_receiving_job(
            connection,
            project_id=project.id,
            job_id=new_id(),
            kind="import",
            lane="turns",
            payload={},
            now=datetime.now(UTC) - age,
        )


async def count_jobs(db: Database) -> int:
    async with db.connection() as connection:
        return int(await connection.fetchval("select count(*) from job"))


async def test_a_worker_removes_abandoned_uploads_when_it_starts_and_no_others(
    db: Database, database_url: str, project: Project
) -> None:
    await receive_job(db, project, age=timedelta(days=2))
    await receive_job(db, project, age=timedelta(hours=1))
    stop = asyncio.get_running_loop().create_future()
    working = asyncio.create_task(work(database_url, Settings(), stop.set_result))
    while await count_jobs(db) == 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await count_jobs(db) == 1
    (await stop)()
    await asyncio.wait_for(working, 30)


async def test_the_cleaning_is_repeated(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_work, "_CLEAN_EVERY_SECONDS", 0.01)
    cleaning = asyncio.create_task(clean_regularly(db))
    for _ in range(2):
        await receive_job(db, project, age=timedelta(days=2))
        while await count_jobs(db):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    cleaning.cancel()


async def test_the_cleaning_outlives_a_database_that_is_away_and_faults_of_its_own(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from openvoucher.platform.db import DatabaseUnavailable

    outcomes = [DatabaseUnavailable("away"), ZeroDivisionError("ours"), None]
    done = asyncio.Event()

    async def remove(_db: Database, _now: datetime) -> tuple[int, int]:
        outcome = outcomes.pop(0)
        if outcome is None:
            done.set()
            await asyncio.Event().wait()
        else:
            raise outcome
        return 0, 0

    monkeypatch.setattr(bulk_work, "_CLEAN_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(bulk_work, "_CLEAN_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(bulk_work, "clean_up", remove)
    cleaning = asyncio.create_task(clean_regularly(db))
    await asyncio.wait_for(done.wait(), 30)
    cleaning.cancel()
    assert caplog.messages == ["the hourly cleaning failed"]
