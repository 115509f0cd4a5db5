"""How old a kept membership can be, with a worker that really runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from openvoucher.features.segments import evaluation
from openvoucher.platform.jobs.worker import Worker
from segment_people import People, Spy, create_segment

pytestmark = pytest.mark.slow

PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}
YOUNG = {"created_at": {"conditions": {"$less_than": 1}}}

# A worker without work looks once a second; the rest is a machine that others use.
SLACK_SECONDS = 4.0


@pytest.fixture
async def working(worker: Worker) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run())
    yield
    worker.stop()
    await running


async def measure(holds: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until it holds."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - the table is what is asked about
            await asyncio.sleep(0.02)
    return asyncio.get_running_loop().time() - began


@pytest.mark.usefixtures("working")
async def test_what_happens_to_a_customer_is_known_after_a_second(
    client: httpx.AsyncClient, people: People
) -> None:
    await people.add("ann")
    segment_id = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await people.change("ann", address={"city": "Paris"})

    async def is_member() -> bool:
        return await people.list_members(segment_id) == ["ann"]

    assert await measure(is_member) < 1 + SLACK_SECONDS


@pytest.mark.usefixtures("working")
async def test_what_only_time_does_is_known_after_the_interval_and_a_run(
    client: httpx.AsyncClient, people: People, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interval is a second here. Ann's first day ends in two."""
    monkeypatch.setattr(evaluation, "REEVALUATION_SECONDS", 1.0)
    ends_at = datetime.now(UTC) + timedelta(seconds=2)
    await people.add("ann", created_at=ends_at - timedelta(days=1))
    await people.add("bob", created_at=datetime.now(UTC))
    segment_id = await create_segment(client, name="Young", type="auto-update", filter=YOUNG)

    async def has_both() -> bool:
        return await people.list_members(segment_id) == ["ann", "bob"]

    async def has_left() -> bool:
        return spy.list_changes(people) == ["-ann Young"]

    await measure(has_both)
    await measure(has_left)
    late = datetime.now(UTC) - ends_at
    assert timedelta(0) <= late < timedelta(seconds=1 + SLACK_SECONDS)
    assert await people.list_members(segment_id) == ["bob"]


def test_the_interval_is_ten_minutes() -> None:
    assert evaluation.REEVALUATION_SECONDS == 600
