"""Who is in which segment: asked about one customer, and kept up to date for the customers of events."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from openvoucher.features.outbox.schemas import Event, NewEvent
from openvoucher.features.outbox.service import emit_project_events
from openvoucher.features.projects.service import get_project
from openvoucher.features.segments import store
from openvoucher.features.segments.columns import REFERRED_CUSTOMERS
from openvoucher.features.segments.criteria import compile_criteria, read_criteria
from openvoucher.features.segments.schemas import show_simple_segment
from openvoucher.features.segments.store import Rule
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Params
from openvoucher.platform.jobs import PortionResult, Run, enqueue_job
from openvoucher.wire.errors import ApiError
from openvoucher.wire.filters import Filters
from openvoucher.wire.ids import new_id

log = logging.getLogger("openvoucher.segments")

REFRESH_JOB: Final = "segment_refresh"

# Customers that one statement looks at for all segments: a hundred segments take it seconds at worst.
_MOST_CUSTOMERS: Final = 500
# Customers of one event that the reader of the outbox looks at itself.
_MOST_AT_ONCE: Final = 100
# A statement can have 32,767 parameters; one filter takes a few thousand at most.
_MOST_PARAMETERS: Final = 8_000

_OWN_EVENTS: Final = "customer.segment."


# --- kept up to date -----------------------------------------------------------------------------------


class _Cause(NamedTuple):
    """What is said of an entering: who caused it (`event_source`), and the request it came from."""

    id: UUID
    source: dict[str, Any]
    group_id: str


async def refresh_members(
    connection: Connection, project: Project, events: Sequence[Event], now: datetime
) -> None:
    """Subscriber of the outbox: decide anew which auto-update segments the customers of the events are in.

    Who enters or leaves has an event of it, with the source and the request of the event that caused
    it. A customer that is gone is in none, and nothing is told of it. Where one event is about very
    many customers a job looks at them: the next event of the project must not wait for so long.
    """
    causes: dict[UUID, _Cause] = {}
    for event in events:
        cause = _Cause(event.id, event.source, event.group_id)
        if event.type == "customers.changed":
            customer_ids = event.data["customer_ids"]
            if len(customer_ids) > _MOST_AT_ONCE:
                await _enqueue_refresh(connection, project.id, customer_ids, cause, now)
            else:
                causes |= dict.fromkeys(map(UUID, customer_ids), cause)
        elif event.customer_id is not None and not event.type.startswith(_OWN_EVENTS):
            causes[event.customer_id] = cause
    if causes:
        await _refresh_customers(connection, project, causes, now)


async def refresh_portion(run: Run) -> PortionResult:
    """Some of the customers of a large event. The position is how many there were before."""
    payload, start = run.job.payload, run.job.position
    cause = _Cause(run.job.id, payload["source"], payload["group_id"])
    portion = payload["customer_ids"][start : start + _MOST_CUSTOMERS]
    project = await get_project(run.connection, run.job.project_id)
    await _refresh_customers(run.connection, project, dict.fromkeys(map(UUID, portion), cause), run.now)
    end = start + len(portion)
    done = end >= len(payload["customer_ids"])
    if done:
        # A large import has hundreds of these jobs, each with thousands of ids.
        await store.delete_job(run.connection, run.job.project_id, run.job.id)
    return PortionResult(end, done)


async def give_up_refresh(run: Run, reason: str) -> None:
    """Who is left is found by a look at everybody."""
    left = len(run.job.payload["customer_ids"]) - run.job.position
    log.error("the segments of %d customers were not refreshed: %s", left, reason)
    await store.ask_for_evaluation(run.connection, run.job.project_id, asking_for="", now=run.now)


async def _enqueue_refresh(
    connection: Connection, project_id: int, customer_ids: Sequence[str], cause: _Cause, now: datetime
) -> None:
    if not await store.has_auto_update_segments(connection, project_id):
        return
    payload = {"customer_ids": customer_ids, "source": cause.source, "group_id": cause.group_id}
    await enqueue_job(
        connection,
        project_id=project_id,
        job_id=new_id(),
        kind=REFRESH_JOB,
        lane="turns",
        payload=payload,
        now=now,
    )


async def _refresh_customers(
    connection: Connection, project: Project, causes: dict[UUID, _Cause], now: datetime
) -> None:
    # From here on no evaluation writes members: what it looked at might be older than what is seen here.
    segments = _read_rules(await store.lock_auto_update_segments(connection, project.id))
    if not segments:
        return
    if any(_asks_for_referrals(filters) for _, filters in segments):
        for row in await store.list_referrers(connection, project.id, [*causes]):
            causes.setdefault(row["referrer"], causes[row["referee"]])
    customer_ids = sorted(causes)
    shown = {row["id"]: row for row, _ in segments}
    for start in range(0, len(customer_ids), _MOST_CUSTOMERS):
        portion = customer_ids[start : start + _MOST_CUSTOMERS]
        for params, rules in _compile_rules(segments, project, now, project.id, now, portion):
            changes = await store.write_members(connection, params, rules, whose=store.AMONG)
            await _tell_changes(connection, project.id, changes, shown, causes, now)


def _asks_for_referrals(filters: Filters) -> bool:
    return any(condition.field == REFERRED_CUSTOMERS for condition in filters.conditions)


async def _tell_changes(
    connection: Connection,
    project_id: int,
    changes: Sequence[Row],
    segments: dict[UUID, Row],
    causes: dict[UUID, _Cause],
    now: datetime,
) -> None:
    told: dict[UUID, tuple[_Cause, list[NewEvent]]] = {}
    for change in changes:
        cause = causes[change["customer_id"]]
        event = describe_change(change, segments[change["segment_id"]])
        told.setdefault(cause.id, (cause, []))[1].append(event)
    for cause, events in told.values():
        await emit_project_events(
            connection, project_id, events, source=cause.source, group_id=cause.group_id, now=now
        )


def describe_change(change: Row, segment: Row) -> NewEvent:
    """A row of `store.write_members` as an event."""
    return NewEvent(
        type="customer.segment.entered" if change["entered"] else "customer.segment.left",
        customer_id=change["customer_id"],
        data={"segment": msgspec.to_builtins(show_simple_segment(segment))},
    )


# --- asked ---------------------------------------------------------------------------------------------


async def find_matching(
    connection: Connection,
    project: Project,
    segments: Sequence[Row],
    *,
    customer_id: UUID | None,
    now: datetime,
) -> set[UUID]:
    """Which segments by rule a customer matches now; None: somebody of whom nothing is known."""
    matching: set[UUID] = set()
    for params, rules in _compile_rules(_read_rules(segments), project, now, project.id):
        matching |= await store.ask_rules(connection, params, rules, customer_id=customer_id)
    return matching


def _read_rules(segments: Sequence[Row]) -> list[tuple[Row, Filters]]:
    read = []
    for row in segments:
        try:
            read.append((row, read_criteria(row["filter"])))
        except ApiError as error:
            # It was checked when it came in. Should it not hold any more, the others still must.
            log.error("the filter of segment %s cannot be read: %s", row["id"], error)
    return read


def _compile_rules(
    segments: Sequence[tuple[Row, Filters]], project: Project, now: datetime, *first: Any
) -> Iterator[tuple[Params, list[Rule]]]:
    """The rules, with parameters behind `first`, in as many statements as they need."""
    params, rules = Params(*first), list[Rule]()
    for row, filters in segments:
        condition = compile_criteria(filters, params, now=now, timezone=project.timezone)
        rules.append(Rule(row["id"], condition))
        if len(params.values) > _MOST_PARAMETERS:
            yield params, rules
            params, rules = Params(*first), []
    if rules:
        yield params, rules
