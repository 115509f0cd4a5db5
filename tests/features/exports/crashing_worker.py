"""A worker that kills its own process with SIGKILL in each portion of an export but the first of its life.

Run as a script: DATABASE_URL PORTION_ROWS guarded|unguarded. `guarded`: as it is; killed when all of a
portion is done but the commit. `unguarded` is the twin: the lines are committed without the cursor (the job's
position and the key of the last row), and the crash falls between the two.
"""

import asyncio
import os
import signal
import sys

from openvoucher.app import JOB_KINDS
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import Job, JobKind
from openvoucher.platform.jobs.queue import advance_job, lock_job
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings


class CrashingWorker(Worker):
    guarded = True
    portions = 0

    async def _run_in_transaction(self, connection: Connection, job: Job, kind: JobKind) -> None:
        self.portions += 1
        async with connection.transaction():
            if not await lock_job(connection, job):
                return
            result = await kind.run_portion(self._run(connection, job))
            if not self.guarded:
                payload = await connection.fetchval("select payload from job where id = $1", job.id)
                await connection.execute("update job set payload = $2 where id = $1", job.id, job.payload)
                await connection.execute("commit")
                await connection.execute("begin")
            if self.portions > 1:
                os.kill(os.getpid(), signal.SIGKILL)
            if not self.guarded:
                await connection.execute("update job set payload = $2 where id = $1", job.id, payload)
            await advance_job(connection, job, position=result.position, done=result.done)


async def main(url: str, portion_rows: int, mode: str) -> None:
    db = Database(url, size=3)
    worker = CrashingWorker(db, JOB_KINDS, Settings(portion_rows=portion_rows))
    worker.guarded = mode == "guarded"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
