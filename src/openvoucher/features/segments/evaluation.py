"""Evaluating a segment for all customers, portion by portion: when it is made, and when time has passed."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from openvoucher.features.outbox.service import emit_project_events, show_source
from openvoucher.features.projects.service import get_project
from openvoucher.features.segments import store
from openvoucher.features.segments.criteria import compile_criteria, follows_time, read_criteria
from openvoucher.features.segments.members import describe_change
from openvoucher.platform.db import (
    CommitUnknown,
    Connection,
    Database,
    StatementTimeout,
    TransactionConflict,
)
from openvoucher.platform.db.conditions import Params
from openvoucher.platform.jobs import PortionResult, Run, change_payload, enqueue_job
from openvoucher.wire.dates import format_instant, parse_instant
from openvoucher.wire.ids import new_id, new_request_id

log = logging.getLogger("openvoucher.segments")

JOB_KIND: Final = "segment_evaluation"

# From the beginning of one evaluation of a rule that follows time to the beginning of the next.
REEVALUATION_SECONDS: Final = 600.0
# An idle worker looks so often whether one is due.
_LOOK: Final = timedelta(seconds=1)
# Customers of a portion. While one is done, events of the project wait to be taken in.
_PORTION: Final = 10_000

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)


async def start_evaluation(
    connection: Connection, project_id: int, segment_id: UUID, *, told: bool, now: datetime
) -> None:
    """Enqueue it. `told`: who enters or leaves has an event of it."""
    job_id = new_id()
    await store.begin_evaluation(connection, project_id, segment_id, evaluation_id=job_id)
    payload = {"segment_id": segment_id.hex, "told": told, "group_id": new_request_id()}
    await enqueue_job(
        connection,
        project_id=project_id,
        job_id=job_id,
        kind=JOB_KIND,
        lane="turns",
        payload=payload,
        now=now,
    )


async def evaluate_portion(run: Run) -> PortionResult:
    """Decide membership of the next customers by id, and tell of it. The cursor is in the payload.

    The segment's row is locked before anybody is looked at: what a customer's event does to the same
    members comes before the look, and is seen, or after the commit, and has the last word.
    """
    payload, project_id = run.job.payload, run.job.project_id
    segment = await store.find_segment(run.connection, project_id, UUID(payload["segment_id"]), lock=True)
    position = run.job.position + 1
    if segment is None:
        return PortionResult(position, True)
    after = UUID(payload.get("after", _FIRST.hex))
    last = await store.find_last_of_portion(run.connection, project_id, after=after, size=_PORTION)
    project = await get_project(run.connection, project_id)
    criteria = read_criteria(segment["filter"])
    params = Params(project_id, run.now, after, last or _LAST)
    condition = compile_criteria(criteria, params, now=run.now, timezone=project.timezone)
    rules = [store.Rule(segment["id"], condition)]
    changes = await store.write_members(
        run.connection, params, rules, whose=store.BETWEEN, told=payload["told"]
    )
    await emit_project_events(
        run.connection,
        project_id,
        [describe_change(change, segment) for change in changes],
        source=show_source(),
        group_id=payload["group_id"],
        now=run.now,
    )
    started_at = payload.get("started_at", format_instant(run.now))
    if last is not None:
        await change_payload(run.connection, run.job, {"after": last.hex, "started_at": started_at})
        return PortionResult(position, False)
    began = parse_instant(started_at)
    again = began + timedelta(seconds=REEVALUATION_SECONDS) if follows_time(criteria) else None
    await store.end_evaluation(
        run.connection, project_id, segment["id"], evaluated_at=began, evaluate_after=again
    )
    return PortionResult(position, True)


async def give_up_evaluation(run: Run, reason: str) -> None:
    """What is done stays; it is tried from the start when the next one would be due."""
    segment_id = UUID(run.job.payload["segment_id"])
    log.error("the evaluation of segment %s was given up: %s", segment_id, reason)
    await store.end_evaluation(
        run.connection,
        run.job.project_id,
        segment_id,
        evaluated_at=None,
        evaluate_after=run.now + timedelta(seconds=REEVALUATION_SECONDS),
    )


class SegmentClock:
    """Starts the evaluations that are due. Any number of workers get along: each is started by one."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    async def tick(self, now: datetime) -> bool:
        """Chore of the worker: start one evaluation. False: none is due, as far as is known."""
        if self._looked_at <= now < self._looked_at + _LOOK:
            return False
        try:
            async with self._db.transaction() as connection:
                due = await store.find_due_segment(connection, now=now)
                if due is None:
                    self._looked_at = now
                    return False
                # Of the first one nothing is told, whether or not it was given up before.
                told = due["evaluated_at"] is not None
                await start_evaluation(connection, due["project_id"], due["id"], told=told, now=now)
            return True
        except (CommitUnknown, StatementTimeout, TransactionConflict) as error:
            # Whether it is started or still due stands in the same row.
            log.warning("an evaluation was not started: %s", error)
            return False
