"""SQL of async actions, their rows, and the input of their jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from openvoucher.platform.db import Connection, Row

# An action has the id of its job. `read_at` is compared with times that the database gave, too.
_SELECT_ACTION: Final = (
    "select action.*, coalesce(job.cancelled, false) as cancelled, clock_timestamp() as read_at"
    " from async_action action left join job using (project_id, id)"
)


async def insert_action(
    connection: Connection,
    *,
    project_id: int,
    action_id: UUID,
    type: str,
    request_id: str,
    total: int | None,
    dry_run: bool,
    columns: Sequence[str] | None,
    undoes: UUID | None,
    report_token: str,
    now: datetime,
) -> None:
    await connection.execute(
        "insert into async_action (project_id, id, type, status, request_id, total, report_token,"
        " created_at, updated_at, dry_run, columns, undoes)"
        " values ($1, $2, $3, 'ENQUEUED', $4, $5, $6, $7, $7, $8, $9, $10)",
        project_id,
        action_id,
        type,
        request_id,
        total,
        report_token,
        now,
        dry_run,
        columns,
        undoes,
    )


async def find_action(connection: Connection, project_id: int, action_id: UUID) -> Row | None:
    return await connection.fetchrow(
        f"{_SELECT_ACTION} where action.project_id = $1 and action.id = $2", project_id, action_id
    )


async def find_action_by_token(
    connection: Connection, action_id: UUID, token: str, *, days: int
) -> Row | None:
    """For the report's address, which carries a secret of its own instead of keys, for `days`."""
    return await connection.fetchrow(
        "select * from async_action where id = $1 and report_token = $2"
        " and updated_at > now() - $3 * interval '1 day'",
        action_id,
        token,
        days,
    )


async def list_actions(
    connection: Connection, project_id: int, *, before: datetime | None, limit: int
) -> list[Row]:
    return await connection.fetch(
        f"{_SELECT_ACTION} where action.project_id = $1"
        " and ($2::timestamptz is null or action.created_at < $2)"
        " order by action.created_at desc, action.id desc limit $3",
        project_id,
        before,
        limit,
    )


async def add_progress(
    connection: Connection,
    *,
    project_id: int,
    action_id: UUID,
    done: int,
    failed: int,
    finished: bool,
    message: str | None,
    now: datetime,
) -> None:
    """Add a portion's counts. Progress is 100 when and only when the action is finished.

    `now` is when the portion began: of the first one it is when the action began. The last one is
    followed by the moment at which it ends.
    """
    await connection.execute(
        "update async_action set"
        " done_count = done_count + $3, failed_count = failed_count + $4,"
        " status = case when $5 then 'DONE' else 'IN_PROGRESS' end,"
        " progress = case when $5 then 100 else greatest(progress, least(99,"
        "   coalesce((100 * (done_count + failed_count + $3 + $4)) / nullif(total, 0), 0)))::integer end,"
        " message = coalesce($6, message), started_at = coalesce(started_at, $7),"
        " updated_at = greatest(updated_at, $7, case when $5 then clock_timestamp() end)"
        " where project_id = $1 and id = $2",
        project_id,
        action_id,
        done,
        failed,
        finished,
        message,
        now,
    )


async def fail_action(
    connection: Connection, *, project_id: int, action_id: UUID, message: str, now: datetime
) -> None:
    await connection.execute(
        "update async_action set status = 'FAILED', message = $3, updated_at = greatest(updated_at, $4)"
        " where project_id = $1 and id = $2",
        project_id,
        action_id,
        message,
        now,
    )


async def insert_rows(
    connection: Connection,
    project_id: int,
    action_id: UUID,
    rows: Sequence[tuple[int, str, str | None, int | None, Sequence[str] | None, bool | None]],
) -> None:
    """Outcomes of rows: (row, code, reason or None when it was done, line, cells, found)."""
    if rows:
        await connection.copy_records_to_table(
            "async_action_row",
            records=[(project_id, action_id, *row) for row in rows],
            columns=("project_id", "async_action_id", "row", "code", "reason", "line", "cells", "found"),
        )


async def list_failed_rows(
    connection: Connection, project_id: int, action_id: UUID, *, limit: int
) -> list[Row]:
    return await connection.fetch(
        "select row, code, reason from async_action_row where project_id = $1 and async_action_id = $2"
        " and reason is not null order by row limit $3",
        project_id,
        action_id,
        limit,
    )


async def list_rows(
    connection: Connection, project_id: int, action_id: UUID, *, after: int, limit: int
) -> list[Row]:
    return await connection.fetch(
        "select row, code, reason, line, cells, found from async_action_row"
        " where project_id = $1 and async_action_id = $2 and row > $3 order by row limit $4",
        project_id,
        action_id,
        after,
        limit,
    )


async def delete_ended_actions(connection: Connection, *, before: datetime) -> int:
    """Actions that ended before then, with their rows and jobs; in all projects."""
    result = await connection.execute(
        "delete from async_action where status in ('DONE', 'FAILED') and updated_at < $1", before
    )
    await connection.execute(
        # A job that waited for long ended after it was old: its action still says whether it was cancelled.
        "delete from job where state in ('done', 'failed') and created_at < $1 and not exists ("
        "  select from async_action action where action.project_id = job.project_id and action.id = job.id)",
        before,
    )
    return int(result.removeprefix("DELETE "))


# --- input of jobs -------------------------------------------------------------------------------


async def insert_receiving_job(
    connection: Connection,
    *,
    project_id: int,
    job_id: UUID,
    kind: str,
    lane: str,
    payload: Any,
    now: datetime,
) -> None:
    """A job that nobody claims yet: its input is still coming in."""
    await connection.execute(
        "insert into job (project_id, id, kind, lane, state, payload, run_after, turn_at, created_at)"
        " values ($1, $2, $3, $4, 'receiving', $5, $6, $6, $6)",
        project_id,
        job_id,
        kind,
        lane,
        payload,
        now,
    )


async def insert_input(
    connection: Connection,
    *,
    project_id: int,
    job_id: UUID,
    portion: int,
    first_row: int,
    bucket: int,
    data: bytes,
) -> None:
    await connection.execute(
        "insert into job_input (project_id, job_id, portion, first_row, bucket, data)"
        " values ($1, $2, $3, $4, $5, $6)",
        project_id,
        job_id,
        portion,
        first_row,
        bucket,
        data,
    )


async def release_job(
    connection: Connection, project_id: int, job_id: UUID, *, lane: str, payload: Any
) -> None:
    released = await connection.execute(
        "update job set state = 'waiting', lane = $3, payload = $4, run_after = now(), turn_at = now(),"
        " queued_at = clock_timestamp()"
        " where project_id = $1 and id = $2 and state = 'receiving'",
        project_id,
        job_id,
        lane,
        payload,
    )
    if released != "UPDATE 1":
        raise LookupError("the upload was given up as abandoned")
    await connection.execute("select pg_notify('openvoucher_job', '')")


async def delete_receiving_job(connection: Connection, project_id: int, job_id: UUID) -> None:
    """Not one that was released after all, by a commit whose answer was lost: its action waits for it."""
    await connection.execute(
        "delete from job where project_id = $1 and id = $2 and state = 'receiving'", project_id, job_id
    )


async def delete_abandoned_jobs(connection: Connection, *, before: datetime) -> int:
    """Uploads whose server died; in all projects."""
    result = await connection.execute("delete from job where state = 'receiving' and created_at < $1", before)
    return int(result.removeprefix("DELETE "))


async def find_input(connection: Connection, project_id: int, job_id: UUID, portion: int) -> Row | None:
    return await connection.fetchrow(
        "select first_row, data from job_input where project_id = $1 and job_id = $2 and portion = $3",
        project_id,
        job_id,
        portion,
    )


async def list_bucket(connection: Connection, project_id: int, job_id: UUID, bucket: int) -> list[bytes]:
    rows = await connection.fetch(
        "select data from job_input where project_id = $1 and job_id = $2 and bucket = $3 order by portion",
        project_id,
        job_id,
        bucket,
    )
    return [row["data"] for row in rows]


async def measure_bucket(connection: Connection, project_id: int, job_id: UUID, bucket: int) -> int:
    size: int = await connection.fetchval(
        "select coalesce(sum(octet_length(data)), 0) from job_input"
        " where project_id = $1 and job_id = $2 and bucket = $3",
        project_id,
        job_id,
        bucket,
    )
    return size


async def delete_input(connection: Connection, project_id: int, job_id: UUID) -> None:
    await connection.execute(
        "delete from job_input where project_id = $1 and job_id = $2", project_id, job_id
    )
