"""Bulk work on customers, in a project that the tests of a module share."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import httpx
import pytest
import pytest_asyncio

from customers_in_bulk import CustomersInBulk
from openvoucher.app import make_app, make_worker
from openvoucher.features.outbox import service as outbox
from openvoucher.features.outbox.schemas import Event
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection
from openvoucher.settings import Settings
from shared_project import SharedProject


@pytest_asyncio.fixture(loop_scope="module")
async def bulk(
    shared_project: SharedProject, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CustomersInBulk]:
    """Portions of two rows, or as many as a test is parametrized with. Its events go to `bulk.events`."""
    events: list[Event] = []

    async def listen(connection: Connection, project: Project, told: Sequence[Event], now: datetime) -> None:
        events.extend(told)

    monkeypatch.setattr(outbox, "subscribers", [listen])
    db = shared_project.db
    settings = Settings(public_url="http://test", portion_rows=getattr(request, "param", 2))
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    headers = dict(shared_project.client.headers)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        yield CustomersInBulk(http, db, make_worker(db, settings), shared_project.call.project, events)
    async with db.connection() as connection:
        for table in ("outbox", "customer", "metadata_schema"):
            await connection.execute(f"delete from {table}")
