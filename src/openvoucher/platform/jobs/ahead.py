"""Work for a job's next portion, done while the database is busy with the one in hand.

A portion alternates between Python and PostgreSQL, and each would wait for the other. What a job can do for
its next portion without the database, it starts here, as a coroutine that gives way often, and takes it
when that portion comes. It is a gain of time only: who takes nothing does the work then.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final
from uuid import UUID

# More jobs than this take turns without working ahead: what lies ready costs memory.
_MOST: Final = 4
# What was not fetched by then belongs to a job that ended, or that another worker goes on with.
_STALE_SECONDS: Final = 10.0


class Ahead:
    """Of one worker process; entries are told apart by job and position."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[UUID, int], tuple[float, asyncio.Task[Any]]] = {}

    def start(self, job_id: UUID, position: int, work: Coroutine[Any, Any, Any]) -> None:
        """Begin, unless enough lies ready."""
        now = asyncio.get_running_loop().time()
        for key, (since, task) in [*self._tasks.items()]:
            if now - since > _STALE_SECONDS or key[0] == job_id:
                task.cancel()
                del self._tasks[key]
        if len(self._tasks) >= _MOST:
            work.close()
            return
        task = asyncio.create_task(work)
        # An error is met again by whoever does the work in its turn.
        task.add_done_callback(_look_at_error)
        self._tasks[job_id, position] = (now, task)

    async def take(self, job_id: UUID, position: int) -> Any:
        """What was made for this portion; None if nothing was, or it failed."""
        since, task = self._tasks.pop((job_id, position), (0.0, None))
        if task is None:
            return None
        if asyncio.get_running_loop().time() - since > _STALE_SECONDS:
            # What it says of now (when codes are made, whether they are active) may have changed.
            task.cancel()
            return None
        with contextlib.suppress(Exception):
            return await task
        return None

    def clear(self) -> None:
        for _, task in self._tasks.values():
            task.cancel()
        self._tasks.clear()


def _look_at_error(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
