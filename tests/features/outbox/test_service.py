"""The outbox: what is committed is told once, in order, whatever fails."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from calls import NOW
from openvoucher.features.outbox import service, store
from openvoucher.features.outbox.schemas import Event, NewEvent
from openvoucher.features.outbox.service import OutboxReader, emit_events
from openvoucher.features.projects.service import KeyPair, make_key_pair
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Database, DatabaseUnavailable
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id
from projects import make_other_project


class Listener:
    """Remembers what it was told; writes it down, too, so that it shows what was committed."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.events: list[Event] = []
        self.poison: str | None = None

    async def __call__(
        self, connection: Connection, project: Project, events: Sequence[Event], now: datetime
    ) -> None:
        await connection.executemany(
            "insert into heard (project_id, type) values ($1, $2)",
            [(project.id, event.type) for event in events],
        )
        self.heard += [event.type for event in events]
        self.events += events
        if self.poison in [event.type for event in events]:
            raise RuntimeError(f"{self.poison} cannot be told")


@pytest.fixture
async def listener(db: Database, monkeypatch: pytest.MonkeyPatch) -> Listener:
    async with db.connection() as connection:
        await connection.execute("create table heard (number serial, project_id integer, type text)")
    listener = Listener()
    monkeypatch.setattr(service, "subscribers", [listener])
    return listener


async def emit(call: Call, *types: str, **fields: Any) -> None:
    async with call.db.transaction() as connection:
        await emit_events(connection, call, *(NewEvent(type=type, **fields) for type in types))


async def read(db: Database, statement: str) -> list[Any]:
    async with db.connection() as connection:
        return [tuple(row) if len(row) > 1 else row[0] for row in await connection.fetch(statement)]


async def read_heard(db: Database) -> list[str]:
    return await read(db, "select type from heard order by number")


async def test_events_are_told_in_order_and_removed(call: Call, listener: Listener) -> None:
    await emit(call, "a", "b")
    await emit(call, "c")
    assert await OutboxReader(call.db).tell_next(NOW)
    assert await read_heard(call.db) == ["a", "b", "c"]
    assert await read(call.db, "select * from outbox") == []
    assert not await OutboxReader(call.db).tell_next(NOW)


async def test_an_event_carries_what_it_was_given(call: Call, listener: Listener) -> None:
    customer, campaign = new_id(), new_id()
    await emit(call, "a", customer_id=customer, campaign_id=campaign, data={"points": 2**70})
    await OutboxReader(call.db).tell_next(NOW)
    (event,) = listener.events
    assert (event.type, event.customer_id, event.campaign_id) == ("a", customer, campaign)
    assert event.data == {"points": 2**70}
    assert event.source == {
        "channel": "API",
        "user": None,
        "api_key": {"name": None, "app_id": call.caller.app_id},
    }
    assert (event.group_id, event.created_at, event.project_id) == (
        call.request_id,
        call.now,
        call.project.id,
    )


async def test_what_was_rolled_back_is_never_told(call: Call, listener: Listener) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with call.db.transaction() as connection:
            await emit_events(connection, call, NewEvent(type="a"))
            raise RuntimeError("changed my mind")
    assert not await OutboxReader(call.db).tell_next(NOW)
    assert listener.heard == []


async def test_one_event_that_fails_holds_up_no_other(call: Call, listener: Listener) -> None:
    listener.poison = "b"
    await emit(call, "a", "b", "c")
    assert await OutboxReader(call.db).tell_next(NOW)
    assert await read_heard(call.db) == ["a", "c"]
    assert await read(call.db, "select type, tries, error, run_after > now() from outbox") == [
        ("b", 1, "RuntimeError: b cannot be told", True)
    ]


async def test_an_event_that_failed_is_told_later(call: Call, listener: Listener) -> None:
    listener.poison = "a"
    await emit(call, "a")
    await OutboxReader(call.db).tell_next(NOW)
    listener.poison = None
    assert not await OutboxReader(call.db).tell_next(NOW)
    async with call.db.connection() as connection:
        await connection.execute("update outbox set run_after = now()")
    assert await OutboxReader(call.db).tell_next(NOW)
    assert await read_heard(call.db) == ["a"]
    assert await read(call.db, "select * from outbox") == []


async def test_after_ten_tries_an_event_is_left_alone_and_kept(call: Call, listener: Listener) -> None:
    listener.poison = "a"
    await emit(call, "a")
    for _ in range(10):
        async with call.db.connection() as connection:
            await connection.execute("update outbox set run_after = now()")
        assert await OutboxReader(call.db).tell_next(NOW)
    assert await read(call.db, "select tries, run_after = 'infinity' from outbox") == [(10, True)]
    assert await read_heard(call.db) == []


async def test_a_project_with_much_to_tell_does_not_hold_up_another(
    call: Call, db: Database, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_BATCH", 2)
    pair: KeyPair = make_key_pair("server")
    other = await make_other_project(db, pair)
    await emit(call, "1", "2", "3", "4")
    async with db.transaction() as connection:
        await service.emit_project_events(
            connection,
            other.id,
            [NewEvent(type="theirs")],
            source=service.show_source(),
            group_id="w-1",
            now=call.now,
        )
    reader = OutboxReader(db)
    while await reader.tell_next(NOW):
        pass
    assert await read_heard(db) == ["1", "2", "theirs", "3", "4"]


async def _read_from_two_sides(call: Call) -> list[str]:
    """One reader stops in mid-batch, while another one tries."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def pause(connection: Connection, project: Project, events: Sequence[Event], now: datetime) -> None:
        if not entered.is_set():
            entered.set()
            await go_on.wait()

    service.subscribers.insert(0, pause)
    await emit(call, "a", "b")
    first = asyncio.create_task(OutboxReader(call.db).tell_next(NOW))
    await entered.wait()
    await emit(call, "c")
    await OutboxReader(call.db).tell_next(NOW)
    go_on.set()
    assert await first
    while await OutboxReader(call.db).tell_next(NOW):
        pass
    return await read_heard(call.db)


async def test_two_readers_keep_the_order(call: Call, listener: Listener) -> None:
    assert await _read_from_two_sides(call) == ["a", "b", "c"]
    assert listener.heard == ["a", "b", "c"]


async def test_without_the_lock_two_readers_tell_out_of_order(
    call: Call, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the test above would see it."""

    async def lock_nothing(_connection: Connection, _project_id: int) -> bool:
        return True

    monkeypatch.setattr(store, "lock_outbox", lock_nothing)
    # The other reader takes what the first one has not locked, and tells it first.
    monkeypatch.setattr(store, "take_due_events", _take_what_is_not_locked)
    assert await _read_from_two_sides(call) == ["c", "a", "b"]


async def _take_what_is_not_locked(connection: Connection, project_id: int, *, limit: int) -> list[Any]:
    rows = await connection.fetch(
        "select project_id, id, type, customer_id, campaign_id, data, source, group_id, created_at, tries"
        " from outbox where project_id = $1 order by id limit $2 for update skip locked",
        project_id,
        limit,
    )
    await connection.execute("delete from outbox where id = any($1)", [row["id"] for row in rows])
    return rows


async def test_a_lost_connection_leaves_everything_to_be_told_again(call: Call, listener: Listener) -> None:
    async def lose(connection: Connection, project: Project, events: Sequence[Event], now: datetime) -> None:
        connection.terminate()
        await connection.execute("select 1")

    service.subscribers.append(lose)
    await emit(call, "a", "b")
    with pytest.raises(DatabaseUnavailable):
        await OutboxReader(call.db).tell_next(NOW)
    service.subscribers.remove(lose)
    assert await read(call.db, "select type from outbox order by id") == ["a", "b"]
    assert await OutboxReader(call.db).tell_next(NOW)
    assert await read_heard(call.db) == ["a", "b"]


async def test_a_worker_tells_what_it_finds(
    call: Call, worker: Worker, listener: Listener, settings: Settings
) -> None:
    await emit(call, "a")
    assert await worker.run_until_idle() == 0
    assert await read_heard(call.db) == ["a"]
