"""The outbox: written by the features, read by the workers."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from openvoucher.features.outbox import store
from openvoucher.features.outbox.schemas import Event, NewEvent
from openvoucher.features.projects.service import get_project
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import (
    CommitUnknown,
    Connection,
    Database,
    StatementTimeout,
    TransactionConflict,
)
from openvoucher.wire.ids import new_id

log = logging.getLogger("openvoucher.outbox")

# Told within one transaction.
_BATCH: Final = 500
# Then an event is left alone, with its error beside it.
_MOST_TRIES: Final = 10
_LONGEST_ERROR: Final = 1000

# Told of a batch of one project's events, in order, in the transaction that removes them: (connection,
# project, events, now). May emit further events with `emit_project_events`.
Subscriber: TypeAlias = Callable[[Connection, Project, Sequence[Event], datetime], Awaitable[None]]

# Who listens; filled by the composition root.
subscribers: list[Subscriber] = []


# --- for the features ------------------------------------------------------------------------------


async def emit_events(connection: Connection, call: Call, *events: NewEvent) -> None:
    """Write what happened in the caller's transaction."""
    # The wire knows these channels and no others, whatever a client calls itself.
    channel = "CLIENT_API" if call.caller.kind == "client" else "API"
    source = show_source(channel, app_id=call.caller.app_id)
    await emit_project_events(
        connection, call.project.id, events, source=source, group_id=call.request_id, now=call.now
    )


async def emit_project_events(
    connection: Connection,
    project_id: int,
    events: Sequence[NewEvent],
    *,
    source: dict[str, Any],
    group_id: str,
    now: datetime,
) -> None:
    """For work that no call is behind: jobs and subscribers. `source`: `show_source`."""
    if events:
        await store.insert_events(
            connection,
            project_id,
            [(new_id(), event.type, event.customer_id, event.campaign_id, event.data) for event in events],
            source=source,
            group_id=group_id,
            now=now,
        )


def show_source(channel: str = "INTERNAL", *, app_id: str | None = None) -> dict[str, Any]:
    """Who did something, as the wire's `event_source`."""
    return {"channel": channel, "user": None, "api_key": {"name": None, "app_id": app_id} if app_id else None}


# --- for the workers ---------------------------------------------------------------------------------


class OutboxReader:
    """Takes turns between projects; any number of readers on any machines get along."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._last_project_id = 0

    async def tell_next(self, now: datetime) -> bool:
        """Tell the subscribers of one batch. False: nothing is due, or others are at it."""
        try:
            async with self._db.transaction() as connection:
                events = await self._take(connection)
                if not events:
                    return False
                await _tell(connection, events, now)
            return True
        except (CommitUnknown, StatementTimeout, TransactionConflict) as error:
            # All of the batch happened, or nothing, and then it is still there.
            log.warning("a batch of events was not told: %s", error)
            return False

    async def _take(self, connection: Connection) -> list[Event]:
        """The next batch, locked and removed: should the transaction fail, they are there again."""
        project_id = await store.find_due_project(connection, after=self._last_project_id)
        if project_id is None:
            # All had their turn.
            self._last_project_id = 0
            project_id = await store.find_due_project(connection, after=0)
        if project_id is None:
            return []
        self._last_project_id = project_id
        if not await store.lock_outbox(connection, project_id):
            return []
        rows = await store.take_due_events(connection, project_id, limit=_BATCH)
        return [Event(**row) for row in rows]


async def _tell(connection: Connection, events: Sequence[Event], now: datetime) -> None:
    project = await get_project(connection, events[0].project_id)
    try:
        await _call_subscribers(connection, project, events, now)
    except Exception:
        if connection.is_closed():
            raise
        log.exception("a batch of %d events could not be told; one by one now", len(events))
        for event in events:
            await _tell_one(connection, project, event, now)


async def _tell_one(connection: Connection, project: Project, event: Event, now: datetime) -> None:
    try:
        await _call_subscribers(connection, project, [event], now)
    except Exception as error:
        if connection.is_closed():
            raise
        log.exception("event %s of type %s could not be told", event.id, event.type)
        tries = event.tries + 1
        await store.put_back(
            connection,
            project_id=event.project_id,
            event_id=event.id,
            type=event.type,
            customer_id=event.customer_id,
            campaign_id=event.campaign_id,
            data=event.data,
            source=event.source,
            group_id=event.group_id,
            created_at=event.created_at,
            tries=tries,
            again_in_seconds=float(2**tries) if tries < _MOST_TRIES else None,
            error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
        )


async def _call_subscribers(
    connection: Connection, project: Project, events: Sequence[Event], now: datetime
) -> None:
    """All or none of them have heard of it."""
    async with connection.transaction():
        for subscriber in subscribers:
            await subscriber(connection, project, events, now)
