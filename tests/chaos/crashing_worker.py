"""A worker that kills its own process with SIGKILL at its n-th portion, when all but the commit is done.

Run as a script: DATABASE_URL PORTION_ROWS CRASH_AT guarded|unguarded. `unguarded` is the twin: the
portion's rows and the job's cursor are committed one after the other, as a queue beside the
database would do it, and the crash falls between the two.
"""

import asyncio
import dataclasses
import os
import signal
import sys

from openvoucher.app import JOB_KINDS
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import Job, JobKind, PortionResult, Run
from openvoucher.platform.jobs.queue import advance_job
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

_portions = 0


def crash_when_due(crash_at: int) -> None:
    global _portions
    _portions += 1
    if _portions == crash_at:
        os.kill(os.getpid(), signal.SIGKILL)


class UnguardedWorker(Worker):
    crash_at = 0

    async def _run_in_transaction(self, connection: Connection, job: Job, kind: JobKind) -> None:
        async with connection.transaction():
            result = await kind.run_portion(self._run(connection, job))
        crash_when_due(self.crash_at)
        async with connection.transaction():
            await advance_job(connection, job, position=result.position, done=result.done)


def crashing(kind: JobKind, crash_at: int) -> JobKind:
    async def run_portion(run: Run) -> PortionResult:
        result = await kind.run_portion(run)
        crash_when_due(crash_at)
        return result

    return dataclasses.replace(kind, run_portion=run_portion)


async def main(url: str, portion_rows: int, crash_at: int, mode: str) -> None:
    db = Database(url, size=3)
    settings = Settings(portion_rows=portion_rows)
    if mode == "unguarded":
        worker: Worker = UnguardedWorker(db, JOB_KINDS, settings)
        UnguardedWorker.crash_at = crash_at
    else:
        worker = Worker(db, [crashing(kind, crash_at) for kind in JOB_KINDS], settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
