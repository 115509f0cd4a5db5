"""Looking on: when one looks, what one is told, and when it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import httpx
import msgspec
import pytest

from importing import a_csv, import_csv, make_campaign, read_action
from openvoucher.features.async_actions import watching
from openvoucher.features.async_actions.watching import follow, wait_for_end
from openvoucher.platform.db import Database, DatabaseUnavailable, Row
from openvoucher.platform.jobs.worker import Worker


def an_action(status: str = "IN_PROGRESS", **changes: Any) -> Row:
    row = {
        "status": status,
        "progress": 0,
        "done_count": 0,
        "failed_count": 0,
        "started_at": None,
        "cancelled": False,
        **changes,
    }
    return cast(Row, row)


class Onlooker:
    """A watch whose time is over after some pauses, and what it sees at each look."""

    wait_seconds = None
    wants_events = False

    def __init__(self, *seen: Row | None | Exception, pauses: int = 1000) -> None:
        self.pauses: list[float] = []
        self._seen = list(seen)
        self._most_pauses = pauses

    async def pause(self, seconds: float) -> bool:
        self.pauses.append(round(seconds, 3))
        return len(self.pauses) <= self._most_pauses

    async def look(self) -> Row | None:
        seen = self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]
        if isinstance(seen, Exception):
            raise seen
        return seen


async def wait(onlooker: Onlooker, row: Row, *, seconds: float = 60) -> Row:
    return await wait_for_end(row, onlooker.look, onlooker, wait_seconds=seconds)


async def list_told(onlooker: Onlooker, row: Row) -> list[Row | None]:
    told: AsyncIterator[Row | None] = follow(row, onlooker.look, onlooker)
    return [each async for each in told]


@pytest.mark.parametrize("status", ["DONE", "FAILED"])
async def test_an_action_that_has_ended_is_not_waited_for(status: str) -> None:
    onlooker = Onlooker(an_action())
    row = an_action(status)
    assert await wait(onlooker, row) is row
    assert onlooker.pauses == []


async def test_one_looks_ever_less_often_until_it_ends() -> None:
    ended = an_action("DONE")
    onlooker = Onlooker(*[an_action()] * 6, ended)
    assert await wait(onlooker, an_action("ENQUEUED")) is ended
    assert onlooker.pauses == [0.1, 0.15, 0.225, 0.338, 0.5, 0.5, 0.5]


async def test_the_wait_is_over_in_time_with_what_is_known() -> None:
    later = an_action(done_count=5)
    onlooker = Onlooker(later)
    assert await wait(onlooker, an_action(), seconds=0) == an_action()
    assert onlooker.pauses == []
    assert await wait(onlooker, an_action(), seconds=0.005) is later
    assert max(onlooker.pauses) <= 0.005


async def test_a_wait_that_nobody_waits_for_any_more_is_over_at_once() -> None:
    onlooker = Onlooker(an_action("DONE"), pauses=0)
    assert await wait(onlooker, an_action()) == an_action()
    assert len(onlooker.pauses) == 1


async def test_an_action_that_is_gone_is_shown_as_it_was_seen_last() -> None:
    onlooker = Onlooker(an_action(done_count=1), None, pauses=5)
    assert await wait(onlooker, an_action()) == an_action(done_count=1)


async def test_each_change_is_told_once_and_the_end_last() -> None:
    states = [
        an_action("ENQUEUED"),
        an_action("ENQUEUED", cancelled=True),
        an_action(progress=10, done_count=1, failed_count=1),
        an_action(progress=10, done_count=2, failed_count=1),
        an_action("FAILED", progress=10, done_count=2, failed_count=1),
    ]
    onlooker = Onlooker(*[state for state in states for _ in range(3)])
    assert await list_told(onlooker, states[0]) == states
    # After a change one looks soon again, yet four times a second at most.
    assert min(onlooker.pauses) == 0.25
    assert onlooker.pauses[:8] == [0.25, 0.375, 0.5, 0.5, 0.25, 0.375, 0.5, 0.25]


async def test_the_end_alone_is_told_of_what_has_ended() -> None:
    onlooker = Onlooker(an_action())
    assert await list_told(onlooker, an_action("DONE")) == [an_action("DONE")]
    assert onlooker.pauses == []


async def test_while_nothing_changes_one_is_told_so_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watching._QUIET_SECONDS == 15
    monkeypatch.setattr(watching, "_QUIET_SECONDS", 0)
    onlooker = Onlooker(an_action(), pauses=3)
    assert await list_told(onlooker, an_action()) == [an_action(), None, None, None]


@pytest.mark.parametrize("gone", [None, DatabaseUnavailable("gone")])
async def test_events_end_where_nothing_can_be_seen(gone: Exception | None) -> None:
    onlooker = Onlooker(an_action(done_count=1), gone)
    assert await list_told(onlooker, an_action()) == [an_action(), an_action(done_count=1)]


async def test_events_end_when_nobody_looks_on() -> None:
    onlooker = Onlooker(an_action("DONE"), pauses=0)
    assert await list_told(onlooker, an_action()) == [an_action()]


# --- as requests -------------------------------------------------------------------------------------


async def import_four(client: httpx.AsyncClient) -> str:
    """Four rows, in portions of two."""
    await make_campaign(client)
    return await import_csv(client, a_csv("Code", "A", "B", "C", "D"), "Spring")


async def get(client: httpx.AsyncClient, action_id: str, **headers: str) -> httpx.Response:
    answer = await client.get(f"/v1/async-actions/{action_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_wait_ends_with_the_action(client: httpx.AsyncClient, worker: Worker) -> None:
    action_id = await import_four(client)
    waiting = asyncio.create_task(get(client, action_id, Prefer="wait=60"))
    assert await worker.run_next()
    assert (await read_action(client, action_id))["progress"] == 50
    assert not waiting.done()
    await worker.run_until_idle()
    answer = await asyncio.wait_for(waiting, 10)
    assert (answer.json()["status"], answer.json()["result"]["done_count"]) == ("DONE", 4)
    assert answer.headers["Preference-Applied"] == "wait=60"
    assert answer.json() == await read_action(client, action_id)


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=0", "wait=0"), ("wait=1", "wait=1"), ("wait=soon", None), ("respond-async", None)],
)
async def test_a_wait_that_is_over_answers_with_what_is_known(
    client: httpx.AsyncClient, worker: Worker, prefer: str, applied: str | None
) -> None:
    action_id = await import_four(client)
    answer = await get(client, action_id, Prefer=prefer)
    assert (answer.json()["status"], answer.json()["result"]) == ("ENQUEUED", None)
    assert answer.headers.get("Preference-Applied") == applied
    await worker.run_until_idle()


async def test_more_wait_than_there_are_connections(
    client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    action_id = await import_four(client)
    # The pool has five.
    waiting = [asyncio.create_task(get(client, action_id, Prefer="wait=60")) for _ in range(12)]
    waiting += [
        asyncio.create_task(get(client, action_id, Accept="text/event-stream", Prefer="wait=1"))
        for _ in range(12)
    ]
    for _ in range(3):
        await asyncio.sleep(0.1)
        assert (await asyncio.wait_for(read_action(client, action_id), 5))["status"] == "ENQUEUED"
    assert not any(task.done() for task in waiting)
    await worker.run_until_idle()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert {answer.json()["status"] for answer in answers[:12]} == {"DONE"}
    assert all(answer.text.rpartition("event: ")[2].startswith("end\n") for answer in answers[12:])


def read_events(text: str) -> Sequence[tuple[str, Any]]:
    events = []
    for event in text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        events.append((name.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))))
    return events


async def test_events_of_an_action_that_has_ended_are_its_end(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    action_id = await import_four(client)
    await worker.run_until_idle()
    answer = await get(client, action_id, Accept="text/event-stream")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert read_events(answer.text) == [("end", await read_action(client, action_id))]


async def test_events_of_what_is_not_there_are_a_refusal(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/async-actions/aa_x", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["key"]) == (404, "not_found")
