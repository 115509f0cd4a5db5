"""Waiting and events through a real server: what comes when, and what a stop does to those that look on."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from importing import a_csv, import_csv, make_campaign
from openvoucher.app import make_worker
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from servers import Server, serving

# A stop lets requests in hand run for 30 s: far less than that shows that nobody waited for them.
QUICK_SECONDS = 10.0


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    """Without a worker: the tests do the work when it is time, in portions of two rows."""
    with serving(data_dir, "--no-worker", OPENVOUCHER_PORTION_ROWS="2") as started:
        yield started


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    keys = server.keys
    headers = {"X-App-Id": keys["OPENVOUCHER_APP_ID"], "X-App-Token": keys["OPENVOUCHER_APP_TOKEN"]}
    async with httpx.AsyncClient(base_url=server.address, headers=headers, timeout=90) as client:
        yield client


@pytest.fixture
async def hand(server: Server) -> AsyncIterator[Worker]:
    """Does a portion when it is told to."""
    db = Database(server.database_url, size=2)
    yield make_worker(db, Settings(portion_rows=2))
    await db.close()


class Events:
    """Reads a stream as it comes."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, Any]:
        """(name, data); ("", None) at the end of the stream."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and fields:
                return fields["event"], msgspec.json.decode(fields["data"])
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        return "", None


@contextlib.asynccontextmanager
async def following(http: httpx.AsyncClient, action_id: str) -> AsyncIterator[Events]:
    accept = {"Accept": "text/event-stream"}
    async with http.stream("GET", f"/v1/async-actions/{action_id}", headers=accept) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Events(answer.aiter_lines())


async def start_import(http: httpx.AsyncClient) -> str:
    await make_campaign(http)
    return await import_csv(http, a_csv("Code", *(f"C-{number}" for number in range(5))), "Spring")


async def test_each_portion_is_an_event_and_the_end_closes_the_stream(
    http: httpx.AsyncClient, hand: Worker
) -> None:
    action_id = await start_import(http)
    async with following(http, action_id) as events:
        name, action = await events.next()
        assert (name, action["id"], action["status"], action["progress"]) == (
            "progress",
            action_id,
            "ENQUEUED",
            0,
        )
        for progress, done in ((40, 2), (80, 4)):
            assert await hand.run_next()
            name, action = await asyncio.wait_for(events.next(), QUICK_SECONDS)
            assert (name, action["status"], action["progress"]) == ("progress", "IN_PROGRESS", progress)
            assert (action["done_count"], action["total_count"], action["result"]) == (done, 5, None)
            assert action["rows_per_second"] > 0
            assert action["seconds_left"] >= 1
        await hand.run_until_idle()
        name, action = await asyncio.wait_for(events.next(), QUICK_SECONDS)
        assert (name, action["status"], action["result"]["done_count"]) == ("end", "DONE", 5)
        assert action == (await http.get(f"/v1/async-actions/{action_id}")).json()
        assert await asyncio.wait_for(events.next(), QUICK_SECONDS) == ("", None)


async def test_a_wait_ends_with_the_action_and_a_cancel_is_an_event(
    http: httpx.AsyncClient, hand: Worker
) -> None:
    action_id = await start_import(http)
    path = f"/v1/async-actions/{action_id}"
    waiting = asyncio.create_task(http.get(path, headers={"Prefer": "wait=60"}))
    async with following(http, action_id) as events:
        assert (await events.next())[1]["cancelled"] is False
        assert (await http.post(f"{path}/cancel")).status_code == 202
        name, action = await asyncio.wait_for(events.next(), QUICK_SECONDS)
        assert (name, action["status"], action["cancelled"]) == ("progress", "ENQUEUED", True)
        assert not waiting.done()
        await hand.run_until_idle()
        name, action = await asyncio.wait_for(events.next(), QUICK_SECONDS)
        assert (name, action["status"]) == ("end", "FAILED")
        assert action["result"]["message"] == "Cancelled after 0 of 5 rows."
    answer = await asyncio.wait_for(waiting, QUICK_SECONDS)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=60")
    assert answer.json() == action


async def test_a_server_that_stops_waits_for_nobody_who_looks_on(
    http: httpx.AsyncClient, server: Server
) -> None:
    action_id = await start_import(http)
    headers = {"Prefer": "wait=60"}
    waiting = asyncio.create_task(http.get(f"/v1/async-actions/{action_id}", headers=headers))
    async with following(http, action_id) as events:
        assert (await events.next())[0] == "progress"
        assert not waiting.done()
        began = time.monotonic()
        server.program.send(signal.SIGTERM)
        answer = await asyncio.wait_for(waiting, QUICK_SECONDS)
        assert (answer.status_code, answer.json()["status"]) == (200, "ENQUEUED")
        # The stream ends as a stream does, not by a broken connection.
        assert await asyncio.wait_for(events.next(), QUICK_SECONDS) == ("", None)
    assert await asyncio.to_thread(server.program.wait) == 0
    assert time.monotonic() - began < QUICK_SECONDS * 2
