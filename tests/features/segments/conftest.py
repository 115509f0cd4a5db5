"""Segments over customers that stand in the tables; subscribers are those of segments and a spy."""

from collections.abc import AsyncIterator

import pytest

from openvoucher.features.outbox import service as outbox
from openvoucher.features.outbox.service import OutboxReader
from openvoucher.features.segments.evaluation import SegmentClock
from openvoucher.features.segments.jobs import JOB_KINDS
from openvoucher.features.segments.members import refresh_members
from openvoucher.platform.call import Call
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from segment_people import People, Spy
from shared_database import database_url, project

__all__ = ["database_url", "project"]


@pytest.fixture
async def people(db: Database, call: Call) -> AsyncIterator[People]:
    yield People(db, call)
    # Evaluations are started for all projects of a database: none shall be due in the next test.
    async with db.connection() as connection:
        await connection.execute("update segment set evaluate_after = null; delete from job")


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    spy = Spy()
    monkeypatch.setattr(outbox, "subscribers", [refresh_members, spy])
    return spy


@pytest.fixture
def worker(db: Database, settings: Settings, spy: Spy) -> Worker:
    return make_worker(db, settings)


def make_worker(db: Database, settings: Settings) -> Worker:
    return Worker(db, JOB_KINDS, settings, chores=[OutboxReader(db).tell_next, SegmentClock(db).tick])


@pytest.fixture
def second_worker(db: Database, settings: Settings, spy: Spy) -> Worker:
    return make_worker(db, settings)
