"""The queue: a table, claimed with SKIP LOCKED, a portion at a time.

Claiming takes two transactions. The first picks the job whose turn it is, counts a try and commits,
so that a portion that kills its process is counted. The second locks the job's row, does the
portion, moves the cursor and commits: rows and cursor can never disagree, whatever is killed. For
the moment between the two, `run_after` lies ahead, so that no other worker picks the job as well.
"""

import dataclasses
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from openvoucher.platform.db import Connection

Lane = Literal["ordered", "turns"]

CHANNEL = "openvoucher_job"

# Between the two transactions of a claim; also how long a killed worker's job waits at least.
CLAIM_SECONDS = 2
# Starts of one portion before the job is parked as failed.
MOST_TRIES = 8
_LONGEST_BACK_OFF_SECONDS = 60
# Between two looks whether the database's disk has room again.
ROOM_SECONDS = 5
# So long a request to cancel waits for the portion in hand, which holds the job's row.
_CANCEL_SECONDS = 3

CANCELLED = "Cancelled."
"""The reason for which a cancelled job is given up."""


class JobBusy(Exception):
    """The portion in hand takes so long that nothing was done."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    project_id: int
    id: UUID
    kind: str
    payload: Any
    position: int
    tries: int
    claim: int
    cancelled: bool = False


async def enqueue_job(
    connection: Connection,
    *,
    project_id: int,
    job_id: UUID,
    kind: str,
    lane: Lane,
    payload: Any,
    now: datetime,
) -> None:
    """Add a job in the caller's transaction: both are committed, or neither. Workers wake up then.

    Its turn is by the clock of the database, as everybody's: on a server whose clock is ahead it would wait
    behind all others for that long.
    """
    await connection.execute(
        "insert into job (project_id, id, kind, lane, payload, run_after, turn_at, created_at)"
        " values ($1, $2, $3, $4, $5, least($6, now()), clock_timestamp(), $6)",
        project_id,
        job_id,
        kind,
        lane,
        payload,
        now,
    )
    await connection.execute("select pg_notify($1, '')", CHANNEL)


_CLAIM = """
with mine as (
    select j.project_id, j.id, j.lane
    from job j
    left join job_turn project_turn on project_turn.project_id = j.project_id and project_turn.lane = ''
    left join job_turn lane_turn on lane_turn.project_id = j.project_id and lane_turn.lane = j.lane
    where j.state = 'waiting'
      and j.run_after <= clock_timestamp()
      and (j.cancelled or j.lane = 'turns' or not exists (
            select 1 from job older
            where older.project_id = j.project_id and older.lane = 'ordered'
              and older.state = 'waiting' and not older.cancelled
              and (older.queued_at, older.id) < (j.queued_at, j.id)))
    order by j.cancelled desc, project_turn.turn_at nulls first, lane_turn.turn_at nulls first,
        j.turn_at, j.queued_at, j.id
    limit 1
    for update of j skip locked
), turn as (
    insert into job_turn (project_id, lane, turn_at)
    select project_id, unnest(array['', lane]), clock_timestamp() from mine
    on conflict (project_id, lane) do update set turn_at = excluded.turn_at
)
update job
set tries = job.tries + 1, claim = job.claim + 1, turn_at = clock_timestamp(),
    run_after = clock_timestamp() + $1 * interval '1 second'
from mine
where job.project_id = mine.project_id and job.id = mine.id
returning job.project_id, job.id, job.kind, job.payload, job.position, job.tries, job.claim,
    job.cancelled
"""


async def claim_job(connection: Connection, *, hold_seconds: float = CLAIM_SECONDS) -> Job | None:
    """The job whose turn it is, one try counted; None when nothing is due.

    Cancelled jobs come first: giving them up takes a moment, and frees what others wait for.
    Projects take turns, then the lanes within the project, then the jobs within the lane. In the
    ordered lane only the oldest unfinished job is a candidate.
    """
    row = await connection.fetchrow(_CLAIM, hold_seconds)
    return Job(**row) if row else None


async def lock_job(connection: Connection, job: Job) -> bool:
    """Lock the claimed job for this transaction. False: another worker has taken it over, or it was
    cancelled since."""
    claim = await connection.fetchval(
        "select claim from job where project_id = $1 and id = $2 and state = 'waiting' and not cancelled"
        " for update skip locked",
        job.project_id,
        job.id,
    )
    return claim is not None and claim == job.claim


async def advance_job(connection: Connection, job: Job, *, position: int, done: bool) -> None:
    """Move the cursor in the portion's own transaction; `done` ends the job."""
    await connection.execute(
        "update job set position = $3, state = case when $4 then 'done' else 'waiting' end,"
        " tries = 0, error = null, run_after = clock_timestamp() where project_id = $1 and id = $2",
        job.project_id,
        job.id,
        position,
        done,
    )


async def change_payload(connection: Connection, job: Job, changes: dict[str, Any]) -> None:
    """Merge into the job's payload, in the portion's own transaction: what later portions are to know."""
    await connection.execute(
        "update job set payload = payload || $3 where project_id = $1 and id = $2",
        job.project_id,
        job.id,
        changes,
    )


async def postpone_job(connection: Connection, job: Job, *, error: str) -> None:
    """After a failed portion: try again later, the longer the more often it failed."""
    await connection.execute(
        "update job set error = $4, run_after = clock_timestamp() + $5 * interval '1 second'"
        " where project_id = $1 and id = $2 and claim = $3",
        job.project_id,
        job.id,
        job.claim,
        error[:2000],
        float(min(2 ** (job.tries - 1), _LONGEST_BACK_OFF_SECONDS)) / 4,
    )


async def await_room(connection: Connection, job: Job, *, error: str) -> None:
    """After a portion for which the disk had no room: try again later. It does not count as a try, because
    the job is none the worse for it, however long that lasts."""
    await connection.execute(
        "update job set error = $4, tries = greatest(tries - 1, 0),"
        " run_after = clock_timestamp() + $5 * interval '1 second'"
        " where project_id = $1 and id = $2 and claim = $3",
        job.project_id,
        job.id,
        job.claim,
        error[:2000],
        float(ROOM_SECONDS),
    )


async def cancel_job(connection: Connection, project_id: int, job_id: UUID) -> bool:
    """Have the job given up before its next portion. False: it has ended.

    In the caller's transaction. It waits for the portion in hand, and is due at once, whatever it
    waited for. Raises JobBusy. Not for kinds with a lease: theirs would run beside the giving up.
    """
    await connection.execute(f"set local lock_timeout = '{_CANCEL_SECONDS}s'")
    try:
        cancelled = await connection.execute(
            "update job set cancelled = true,"
            " run_after = case when cancelled then run_after else clock_timestamp() end"
            " where project_id = $1 and id = $2 and state = 'waiting'",
            project_id,
            job_id,
        )
    except asyncpg.LockNotAvailableError as error:
        raise JobBusy from error
    await connection.execute("select pg_notify($1, '')", CHANNEL)
    return cancelled == "UPDATE 1"


async def park_job(connection: Connection, job: Job, *, error: str) -> bool:
    """Give the job up. False if another worker has it."""
    return (
        await connection.execute(
            "update job set state = 'failed', error = $4 where project_id = $1 and id = $2 and claim = $3"
            " and state = 'waiting'",
            job.project_id,
            job.id,
            job.claim,
            error[:2000],
        )
        == "UPDATE 1"
    )
