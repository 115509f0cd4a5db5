"""The worker: claims a job, runs one portion of it, claims again.

Any number of workers on any machines share the queue. A worker keeps nothing between portions
that another one would need.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime

import asyncpg

from openvoucher.platform.db import (
    Connection,
    Database,
    DatabaseFull,
    DatabaseUnavailable,
    StatementTimeout,
    TransactionConflict,
)
from openvoucher.platform.jobs import queue
from openvoucher.platform.jobs.ahead import Ahead
from openvoucher.platform.jobs.queue import Job
from openvoucher.settings import Settings

log = logging.getLogger("openvoucher.jobs")

# A lost notification costs at most this.
_POLL_SECONDS = 1.0


class PermanentFailure(Exception):
    """Raised by a portion: trying again cannot help. The job ends as failed, with this text."""


@dataclasses.dataclass(frozen=True, slots=True)
class PortionResult:
    """Where the next portion starts, and whether there is one."""

    position: int
    done: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One portion's surroundings. For a kind with outside effects `connection` is in autocommit
    mode and the job's row is not locked; otherwise all happens in the one transaction."""

    connection: Connection
    job: Job
    settings: Settings
    now: datetime
    ahead: Ahead


@dataclasses.dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    run_portion: does one portion. on_failure: told, in a transaction, that the job is given up
    (`run.job.cancelled`: because somebody asked for it).
    lease_seconds: set for work with effects outside the database. It then runs without holding a
    transaction, at least once: a second worker starts it when the lease is over.
    """

    name: str
    run_portion: Callable[[Run], Awaitable[PortionResult]]
    on_failure: Callable[[Run, str], Awaitable[None]]
    lease_seconds: float | None = None


# Short work that is not in the queue and must not wait behind it, done between portions; it is told the
# time. False: there was nothing to do.
Chore = Callable[[datetime], Awaitable[bool]]


class Worker:
    def __init__(
        self, db: Database, kinds: Iterable[JobKind], settings: Settings, *, chores: Sequence[Chore] = ()
    ) -> None:
        self._db = db
        self._chores = chores
        self._kinds = {kind.name: kind for kind in kinds}
        self._settings = settings
        self._ahead = Ahead()
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()

    def stop(self) -> None:
        """Finish the portion in hand, then return from `run`."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`. Lost connections are waited out, and a disk that is full."""
        while not self._stopping.is_set():
            try:
                async with self._listening():
                    await self._work()
            except (DatabaseFull, StatementTimeout, TransactionConflict) as error:
                log.error("the queue cannot be read or written, trying again: %s", error)
                await self._pause()
            except (DatabaseUnavailable, asyncpg.PostgresConnectionError, OSError) as error:
                log.warning("the database cannot be reached, trying again: %s", error)
                await self._pause()
            finally:
                self._ahead.clear()

    async def run_until_idle(self) -> int:
        """Do what is due now; how many portions that were, chores not counted."""
        portions = 0
        try:
            while True:
                worked = await self.run_next()
                portions += worked
                if not await self._do_chores() and not worked:
                    break
        finally:
            self._ahead.clear()
        return portions

    async def run_next(self) -> bool:
        """Claim one job and do one portion of it. False: nothing was due."""
        async with self._db.connection() as connection:
            job = await queue.claim_job(connection)
            if job is None:
                return False
            kind = self._kinds.get(job.kind)
            if kind is None:
                await queue.postpone_job(connection, job, error=f"this worker does not know {job.kind}")
                return True
            try:
                if job.cancelled:
                    await self._give_up(connection, job, kind, queue.CANCELLED)
                elif job.tries > queue.MOST_TRIES:
                    await self._give_up(connection, job, kind, "the portion failed or was killed too often")
                elif kind.lease_seconds is None:
                    await self._run_in_transaction(connection, job, kind)
                else:
                    await self._run_leased(connection, job, kind)
            except PermanentFailure as failure:
                await self._give_up(connection, job, kind, str(failure))
            except asyncpg.DiskFullError as error:
                log.error(
                    "the disk of the database is full, trying %s again in %d s: %s",
                    job.kind,
                    queue.ROOM_SECONDS,
                    error,
                    extra={"job_id": str(job.id)},
                )
                await queue.await_room(connection, job, error=f"{type(error).__name__}: {error}")
            except Exception as error:
                if connection.is_closed():
                    # Not the job's fault, and nothing can be written now: the claim runs out by itself.
                    raise
                log.exception("a portion of %s failed", job.kind, extra={"job_id": str(job.id)})
                await queue.postpone_job(connection, job, error=f"{type(error).__name__}: {error}")
        return True

    async def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            chores_done = await self._do_chores()
            if not await self.run_next() and not chores_done:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)

    async def _do_chores(self) -> bool:
        done = False
        for chore in self._chores:
            try:
                done = await chore(datetime.now(UTC)) or done
            except (DatabaseUnavailable, StatementTimeout, TransactionConflict):
                raise
            except Exception:
                # The queue must not stop for it.
                log.exception("a chore failed")
        return done

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), _POLL_SECONDS)

    async def _run_in_transaction(self, connection: Connection, job: Job, kind: JobKind) -> None:
        async with connection.transaction():
            if not await queue.lock_job(connection, job):
                return
            result = await kind.run_portion(self._run(connection, job))
            await queue.advance_job(connection, job, position=result.position, done=result.done)

    async def _run_leased(self, connection: Connection, job: Job, kind: JobKind) -> None:
        lease = kind.lease_seconds or 0.0
        extended = await connection.execute(
            "update job set run_after = clock_timestamp() + $4 * interval '1 second'"
            " where project_id = $1 and id = $2 and claim = $3 and state = 'waiting' and not cancelled",
            job.project_id,
            job.id,
            job.claim,
            lease,
        )
        if extended != "UPDATE 1":
            return
        async with asyncio.timeout(lease):
            result = await kind.run_portion(self._run(connection, job))
        async with connection.transaction():
            if await queue.lock_job(connection, job):
                await queue.advance_job(connection, job, position=result.position, done=result.done)

    async def _give_up(self, connection: Connection, job: Job, kind: JobKind, reason: str) -> None:
        level = logging.INFO if job.cancelled else logging.ERROR
        log.log(level, "gave up %s: %s", job.kind, reason, extra={"job_id": str(job.id)})
        async with connection.transaction():
            if await queue.park_job(connection, job, error=reason):
                await kind.on_failure(self._run(connection, job), reason)

    def _run(self, connection: Connection, job: Job) -> Run:
        return Run(
            connection=connection, job=job, settings=self._settings, now=datetime.now(UTC), ahead=self._ahead
        )

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        connection = await self._db.open_connection()
        try:
            try:
                await connection.add_listener(queue.CHANNEL, lambda *_: self._wake.set())
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                # It went away since it was opened: the server is being stopped, say.
                raise DatabaseUnavailable(str(error)) from error
            yield
        finally:
            connection.terminate()
