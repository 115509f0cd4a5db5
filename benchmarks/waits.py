"""What connections spend their time on, seen by looking at them often."""

import asyncio
from collections import Counter
from types import TracebackType

import asyncpg

_LOOK_EVERY_SECONDS = 0.02

_LOOK = """
select case when state = 'active' and wait_event is null then 'PostgreSQL computes'
            when wait_event_type = 'Client' then 'waits for the process'
            when wait_event_type in ('IO', 'LWLock', 'Lock', 'IPC', 'BufferPin')
            then wait_event_type || ' ' || wait_event
            else 'other' end as spent_on
from pg_stat_activity
where datname = current_database() and application_name = $1 and (state = 'active' or state like 'idle in%')
"""


class WaitWatch:
    """Looks at the connections of one application while it is entered. `shares`: of the looks at a
    connection that was in a transaction, which found what."""

    def __init__(self, url: str, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._seen: Counter[str] = Counter()

    async def __aenter__(self) -> "WaitWatch":
        self._connection = await asyncpg.connect(self._url)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._connection.close()

    @property
    def shares(self) -> dict[str, float]:
        total = self._seen.total() or 1
        return {name: count / total for name, count in self._seen.most_common()}

    async def _watch(self) -> None:
        while True:
            self._seen.update(
                row["spent_on"] for row in await self._connection.fetch(_LOOK, self._application_name)
            )
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
