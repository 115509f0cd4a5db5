"""Async actions: started with their job, advanced by it, read by callers."""

import csv
import io
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from openvoucher.features.async_actions import store
from openvoucher.features.async_actions.schemas import (
    INLINE_FAILURES,
    AcceptedAction,
    AsyncAction,
    AsyncActionList,
    AsyncActionQuery,
    ReportQuery,
    show_action,
    show_action_with_result,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.http.operations import Answer
from openvoucher.platform.jobs import Lane, Run, enqueue_job
from openvoucher.wire.dates import format_instant, parse_instant
from openvoucher.wire.errors import invalid_query_params, not_found, unauthorized
from openvoucher.wire.ids import new_id, parse_id, show_id

_REPORT_DAYS: Final = 7
_REPORT_PAGE: Final = 2_000
# Actions that have ended, and their jobs, are kept so long.
_RETENTION_DAYS: Final = 90
# An upload that began so long ago has lost its server.
_ABANDONED_AFTER: Final = timedelta(days=1)


# --- for callers -----------------------------------------------------------------------------------


async def list_async_actions(call: Call, query: AsyncActionQuery) -> AsyncActionList:
    before = None
    if query.end_date:
        try:
            before = parse_instant(query.end_date)
        except ValueError:
            raise invalid_query_params(
                "Property .end_date cannot be recognized as a ISO-8601 compliant date"
            ) from None
    async with call.db.connection() as connection:
        rows = await store.list_actions(connection, call.project.id, before=before, limit=query.limit + 1)
    return AsyncActionList(
        async_actions=[show_action(row) for row in rows[: query.limit]], has_more=len(rows) > query.limit
    )


async def get_async_action(call: Call, async_action_id: str) -> AsyncAction:
    action_id = parse_id("aa", async_action_id)
    async with call.db.connection() as connection:
        row = action_id and await store.find_action(connection, call.project.id, action_id)
        if not row:
            raise not_found("async_action", async_action_id)
        failed = []
        if row["status"] in ("DONE", "FAILED"):
            failed = await store.list_failed_rows(
                connection, call.project.id, row["id"], limit=INLINE_FAILURES
            )
    url = f"{call.base_url}/api/v1/reports/{async_action_id}?token={row['report_token']}"
    until = format_instant(row["updated_at"] + timedelta(days=_REPORT_DAYS))
    return show_action_with_result(row, failed, report_url=url, report_until=until)


async def download_report(db: Database, async_action_id: str, query: ReportQuery) -> Answer:
    """The rows of a bulk update as CSV: code, found, updated. The address itself is the key."""
    action_id = parse_id("aa", async_action_id)
    async with db.connection() as connection:
        row = action_id and await store.find_action_by_token(
            connection, action_id, query.token, days=_REPORT_DAYS
        )
    if not row:
        raise unauthorized()
    return Answer(
        _write_report(db, row["project_id"], row["id"]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{async_action_id}.csv"'},
    )


async def _write_report(db: Database, project_id: int, action_id: UUID) -> AsyncIterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("code", "found", "updated"))
    after = 0
    while True:
        # A connection for each page: a reader that is slow, or away, holds none.
        async with db.connection() as connection:
            rows = await store.list_rows(connection, project_id, action_id, after=after, limit=_REPORT_PAGE)
        for row in rows:
            missing = (row["reason"] or "").startswith("not_found")
            writer.writerow((row["code"], _flag(not missing), _flag(row["reason"] is None)))
        yield buffer.getvalue().encode()
        if len(rows) < _REPORT_PAGE:
            return
        after = rows[-1]["row"]
        buffer.seek(0)
        buffer.truncate()


def _flag(value: bool) -> str:
    return "true" if value else "false"


# --- for the features that start work --------------------------------------------------------------


async def start_action(
    connection: Connection,
    call: Call,
    *,
    type: str,
    job_kind: str,
    lane: Lane,
    payload: Any,
    total: int | None,
) -> AcceptedAction:
    """Write action and job in the caller's transaction. `total`: rows to come, None if unknown."""
    action_id = new_id()
    await _insert(connection, call, action_id, type, total)
    await enqueue_job(
        connection,
        project_id=call.project.id,
        job_id=action_id,
        kind=job_kind,
        lane=lane,
        payload=payload,
        now=call.now,
    )
    return AcceptedAction(show_id("aa", action_id))


class InputReceiver:
    """Takes the input of an action portion by portion; the action starts when all is there.

    Each portion is committed as it comes, so a slow upload holds no transaction open. Until
    `start` nobody sees the job; leaving the block without it removes everything.
    """

    def __init__(self, call: Call, *, type: str, job_kind: str, payload: Any) -> None:
        self.rows = 0
        self._call = call
        self._type = type
        self._job_kind = job_kind
        self.payload = payload
        self._portions = 0
        self._id = new_id()
        self._started = False

    async def __aenter__(self) -> "InputReceiver":
        call = self._call
        async with call.db.connection() as connection:
            await store.insert_receiving_job(
                connection,
                project_id=call.project.id,
                job_id=self._id,
                kind=self._job_kind,
                lane="turns",
                payload=self.payload,
                now=call.now,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._started:
            async with self._call.db.connection() as connection:
                await store.delete_receiving_job(connection, self._call.project.id, self._id)

    async def add(self, data: bytes, rows: int) -> None:
        async with self._call.db.connection() as connection:
            await store.insert_input(
                connection,
                project_id=self._call.project.id,
                job_id=self._id,
                portion=self._portions,
                first_row=self.rows + 1,
                data=data,
            )
        self._portions += 1
        self.rows += rows

    async def start(self, *, ordered_up_to: int) -> AcceptedAction:
        """Make the action visible and its job claimable. Inputs of up to `ordered_up_to` portions
        go first come, first served; longer ones take turns."""
        call = self._call
        lane = "ordered" if self._portions <= ordered_up_to else "turns"
        async with call.db.transaction() as connection:
            await _insert(connection, call, self._id, self._type, self.rows)
            await store.release_job(
                connection,
                call.project.id,
                self._id,
                lane=lane,
                payload={**self.payload, "portions": self._portions},
            )
        self._started = True
        return AcceptedAction(show_id("aa", self._id))


async def load_input(run: Run) -> tuple[int, bytes] | None:
    """(number of the first row, data) of the portion at the job's position; None after the last."""
    row = await store.find_input(run.connection, run.job.project_id, run.job.id, run.job.position)
    return (row["first_row"], row["data"]) if row else None


async def record_portion(
    run: Run,
    *,
    done: int,
    failed: Sequence[tuple[int, str, str]] = (),
    outcomes: Sequence[tuple[int, str, str | None]] | None = None,
    finished: bool,
    message: str | None = None,
) -> None:
    """Add a portion's outcome to its action, in the portion's transaction.

    failed: (row, code, reason). outcomes: all rows, where the report lists the done ones, too.
    """
    if outcomes is not None:
        failed = [(row, code, reason) for row, code, reason in outcomes if reason is not None]
    await store.insert_rows(
        run.connection, run.job.project_id, run.job.id, failed if outcomes is None else outcomes
    )
    await store.add_progress(
        run.connection,
        project_id=run.job.project_id,
        action_id=run.job.id,
        done=done,
        failed=len(failed),
        finished=finished,
        message=message,
        now=run.now,
    )
    if finished:
        await store.delete_input(run.connection, run.job.project_id, run.job.id)


async def fail_action(run: Run, reason: str) -> None:
    """The job was given up: what is done stays and is counted."""
    await store.fail_action(
        run.connection,
        project_id=run.job.project_id,
        action_id=run.job.id,
        message=reason,
        now=run.now,
    )
    await store.delete_input(run.connection, run.job.project_id, run.job.id)


async def clean_up(db: Database, now: datetime) -> tuple[int, int]:
    """Delete the input of uploads that ended with their server, and actions that ended 90 days ago:
    how many of each. In all projects."""
    async with db.connection() as connection:
        uploads = await store.delete_abandoned_jobs(connection, before=now - _ABANDONED_AFTER)
        actions = await store.delete_ended_actions(connection, before=now - timedelta(days=_RETENTION_DAYS))
    return uploads, actions


async def _insert(connection: Connection, call: Call, action_id: UUID, type: str, total: int | None) -> None:
    await store.insert_action(
        connection,
        project_id=call.project.id,
        action_id=action_id,
        type=type,
        request_id=call.request_id,
        total=total,
        report_token=secrets.token_urlsafe(32),
        now=call.now,
    )
