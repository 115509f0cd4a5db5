"""Async actions: started with their job, advanced by it, read by callers."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from openvoucher.features.async_actions import store
from openvoucher.features.async_actions.reports import show_report_address
from openvoucher.features.async_actions.schemas import (
    INLINE_FAILURES,
    AcceptedAction,
    AsyncAction,
    AsyncActionList,
    AsyncActionQuery,
    RowOutcome,
    is_cancellable,
    show_action,
    show_action_with_result,
    show_cancellation,
)
from openvoucher.features.async_actions.watching import Look, follow, has_ended, wait_for_end
from openvoucher.platform.call import Call
from openvoucher.platform.db import (
    Connection,
    Database,
    DatabaseUnavailable,
    Row,
    StatementTimeout,
    TransactionConflict,
)
from openvoucher.platform.http.operations import EVENT_STREAM, Answer, Watch
from openvoucher.platform.jobs import JobBusy, Lane, Run, cancel_job, enqueue_job
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.errors import invalid_async_action, invalid_query_params, multiple_requests, not_found
from openvoucher.wire.event_stream import KEEP_ALIVE, write_event
from openvoucher.wire.ids import new_id, parse_id, show_id

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


async def get_async_action(call: Call, async_action_id: str, watch: Watch) -> Answer:
    """With progress, and with its result when it has ended. Can be waited for, or streamed as events."""
    action = await _find_action(call, async_action_id)

    async def look() -> Row | None:
        async with call.db.connection() as connection:
            return await store.find_action(connection, call.project.id, action["id"])

    if watch.wants_events:
        # Proxies that collect answers before they send them on would make one event of all.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return Answer(_write_events(call, action, look, watch), media_type=EVENT_STREAM, headers=headers)
    if watch.wait_seconds is None:
        return Answer(await _show_fully(call, action))
    action = await wait_for_end(action, look, watch, wait_seconds=watch.wait_seconds)
    return Answer(
        await _show_fully(call, action), headers={"Preference-Applied": f"wait={watch.wait_seconds}"}
    )


async def cancel_async_action(call: Call, async_action_id: str) -> AsyncAction:
    """Stop an import, a generation or a bulk update after the portion in hand. What is done stays."""
    action = await _find_action(call, async_action_id)
    if not is_cancellable(action):
        raise invalid_async_action(f"Async actions of type {action['type']} cannot be cancelled.")
    try:
        async with call.db.transaction() as connection:
            cancelled = not has_ended(action) and await cancel_job(connection, call.project.id, action["id"])
    except JobBusy:
        raise multiple_requests() from None
    if not cancelled:
        raise invalid_async_action("The async action has ended already.")
    return await _show_fully(call, await _find_action(call, async_action_id))


async def find_ended_action(call: Call, async_action_id: str) -> Row:
    """Raises not_found, or invalid_async_action if it has not ended."""
    action = await _find_action(call, async_action_id)
    if not has_ended(action):
        raise invalid_async_action("The async action has not ended yet; it can be cancelled.")
    return action


async def _find_action(call: Call, async_action_id: str) -> Row:
    action_id = parse_id("aa", async_action_id)
    async with call.db.connection() as connection:
        action = action_id and await store.find_action(connection, call.project.id, action_id)
    if not action:
        raise not_found("async_action", async_action_id)
    return action


async def _show_fully(call: Call, action: Row) -> AsyncAction:
    failed: list[Row] = []
    if has_ended(action):
        async with call.db.connection() as connection:
            failed = await store.list_failed_rows(
                connection, call.project.id, action["id"], limit=INLINE_FAILURES
            )
    report_url, report_until = show_report_address(call.base_url, action)
    return show_action_with_result(action, failed, report_url=report_url, report_until=report_until)


async def _write_events(call: Call, action: Row, look: Look, watch: Watch) -> AsyncIterator[bytes]:
    async for seen in follow(action, look, watch):
        if seen is None:
            yield KEEP_ALIVE
        else:
            name = "end" if has_ended(seen) else "progress"
            yield write_event(name, await _show_fully(call, seen))


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
    undoes: UUID | None = None,
) -> AcceptedAction:
    """Write action and job in the caller's transaction. `total`: rows to come, None if unknown.
    `undoes`: the action whose codes this one takes back."""
    action_id = new_id()
    await _insert(connection, call, action_id, type, total, undoes=undoes)
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

    def __init__(self, call: Call, *, type: str, job_kind: str, payload: Any, dry_run: bool = False) -> None:
        self.rows = 0
        self._call = call
        self._type = type
        self._job_kind = job_kind
        self._dry_run = dry_run
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
            # If the database is away, too, the caller must hear of the error that came first: after a lost
            # COMMIT it is not "try again". What is left is removed by the hourly cleaning.
            with contextlib.suppress(DatabaseUnavailable, StatementTimeout, TransactionConflict):
                async with self._call.db.connection() as connection:
                    await store.delete_receiving_job(connection, self._call.project.id, self._id)

    async def add(self, data: bytes, rows: int, bucket: int = 0) -> None:
        """Keep a portion. `bucket`: for jobs that want all portions of one bucket at once."""
        async with self._call.db.connection() as connection:
            await store.insert_input(
                connection,
                project_id=self._call.project.id,
                job_id=self._id,
                portion=self._portions,
                first_row=self.rows + 1,
                bucket=bucket,
                data=data,
            )
        self._portions += 1
        self.rows += rows

    async def start(self, *, ordered_up_to: int, columns: Sequence[str] | None = None) -> AcceptedAction:
        """Make the action visible and its job claimable. Inputs of up to `ordered_up_to` portions
        go first come, first served; longer ones take turns. `columns`: of the uploaded file."""
        call = self._call
        lane = "ordered" if self._portions <= ordered_up_to else "turns"
        async with call.db.transaction() as connection:
            await _insert(
                connection, call, self._id, self._type, self.rows, dry_run=self._dry_run, columns=columns
            )
            await store.release_job(
                connection,
                call.project.id,
                self._id,
                lane=lane,
                payload={**self.payload, "portions": self._portions},
            )
        self._started = True
        return AcceptedAction(show_id("aa", self._id))


async def load_input(run: Run, position: int) -> tuple[int, bytes] | None:
    """(number of the first row, data) of a portion; None after the last."""
    row = await store.find_input(run.connection, run.job.project_id, run.job.id, position)
    return (row["first_row"], row["data"]) if row else None


async def load_input_bucket(run: Run, bucket: int) -> list[bytes]:
    """Data of all portions of a bucket, in the order in which they came."""
    return await store.list_bucket(run.connection, run.job.project_id, run.job.id, bucket)


async def measure_input_bucket(run: Run, bucket: int) -> int:
    """Bytes of all portions of a bucket."""
    return await store.measure_bucket(run.connection, run.job.project_id, run.job.id, bucket)


async def record_portion(
    run: Run,
    *,
    done: int,
    failed: Sequence[RowOutcome] = (),
    outcomes: Sequence[RowOutcome] | None = None,
    finished: bool,
    message: str | None = None,
) -> None:
    """Add a portion's outcome to its action, in the portion's transaction.

    failed: rows that were refused. outcomes: all rows, where the report lists the done ones, too.
    """
    if outcomes is not None:
        failed = [outcome for outcome in outcomes if outcome.reason is not None]
    kept = failed if outcomes is None else outcomes
    await store.insert_rows(
        run.connection,
        run.job.project_id,
        run.job.id,
        [
            (
                outcome.row,
                outcome.code,
                outcome.reason,
                outcome.line,
                _make_storable(outcome.cells),
                outcome.found,
            )
            for outcome in kept
        ],
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


def _make_storable(cells: Sequence[str] | None) -> list[str] | None:
    """U+0000, which no text column can hold, becomes the character that stands for the unreadable."""
    return None if cells is None else [cell.replace("\x00", "\ufffd") for cell in cells]


async def fail_action(run: Run, reason: str) -> None:
    """The job was given up: what is done stays and is counted."""
    if run.job.cancelled:
        action = await store.find_action(run.connection, run.job.project_id, run.job.id)
        reason = show_cancellation(action) if action else reason
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


async def _insert(
    connection: Connection,
    call: Call,
    action_id: UUID,
    type: str,
    total: int | None,
    *,
    dry_run: bool = False,
    columns: Sequence[str] | None = None,
    undoes: UUID | None = None,
) -> None:
    await store.insert_action(
        connection,
        project_id=call.project.id,
        action_id=action_id,
        type=type,
        request_id=call.request_id,
        total=total,
        dry_run=dry_run,
        columns=columns,
        undoes=undoes,
        report_token=secrets.token_urlsafe(32),
        now=call.now,
    )
