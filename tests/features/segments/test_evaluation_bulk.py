"""A segment over very many customers is evaluated in the database: Python neither asks nor holds more."""

import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from openvoucher.features.segments import evaluation
from openvoucher.features.segments.jobs import JOB_KINDS
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from segment_people import People, create_segment

pytestmark = pytest.mark.slow

CUSTOMERS = 200_000
# A third of the customers; two thirds of those who have orders have enough of them.
FILTER = {
    "metadata.n": {"conditions": {"$in": [0, 3]}},
    "summary.orders.total_amount": {"conditions": {"$more_than_equal": 100}},
    "events.visit.count": {"conditions": {"$is": 0}},
    "created_at": {"conditions": {"$more_than": 1}},
}
# With ids that ascend, as ours do.
MAKING = (
    "insert into customer (project_id, id, source_id, metadata, created_at)"
    " select $1, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'c' || n,"
    "  jsonb_build_object('n', n % 6), now() - interval '9 days'"
    " from generate_series($2::integer, $3) as n",
    "insert into shop_order (project_id, id, customer_id, status, total_amount, created_at)"
    " select $1, ('01900000-0000-7000-8000-' || lpad(to_hex(n * 4 + o), 12, '0'))::uuid,"
    "  ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'PAID', 60, now()"
    " from generate_series($2::integer, $3) as n cross join generate_series(1, n % 4) as o",
)


async def make_customers(people: People) -> None:
    """Customer number n has n % 4 orders."""
    async with people.db.connection() as connection:
        for first in range(1, CUSTOMERS, 20_000):
            async with connection.transaction():
                # Foreign keys are not what is tested.
                await connection.execute("set local session_replication_role = replica")
                for statement in MAKING:
                    await connection.execute(statement, people.project_id, first, first + 19_999)
        await connection.execute("analyze customer, shop_order, custom_event")


class CountingDatabase(Database):
    """Counts the statements of its connections."""

    def __init__(self, url: str) -> None:
        super().__init__(url, size=2)
        self.statements: Counter[str] = Counter()

    async def open_connection(self) -> Connection:
        connection = await super().open_connection()
        connection.add_query_logger(lambda query: self.statements.update([query.query]))
        return connection


@pytest.fixture
async def counting(database_url: str) -> AsyncIterator[CountingDatabase]:
    database = CountingDatabase(database_url)
    yield database
    await database.close()


async def test_two_hundred_thousand_customers_cost_python_no_more_than_a_few(
    client: httpx.AsyncClient, people: People, counting: CountingDatabase, settings: Settings
) -> None:
    await make_customers(people)
    segment_id = await create_segment(client, name="Rich", type="auto-update", filter=FILTER)
    worker = Worker(counting, JOB_KINDS, settings)
    # Once, so that what is kept for ever (statements, imports) is there.
    assert await worker.run_next()
    tracemalloc.start()
    counting.statements.clear()
    assert await worker.run_next()
    of_one_portion, one_peak = counting.statements.total(), tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    counting.statements.clear()
    portions = await worker.run_until_idle()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert portions == CUSTOMERS // evaluation._PORTION - 2 + 1
    # The claims and the end of the job are not in the first number.
    assert counting.statements.total() <= portions * of_one_portion + 10
    assert of_one_portion < 20
    assert peak < one_peak + 1_000_000
    ((members,),) = await people.fetch(
        "select count(*) from segment_member where project_id = $1 and segment_id = $2::uuid",
        people.project_id,
        segment_id.removeprefix("seg_"),
    )
    ((expected,),) = await people.fetch(
        "select count(*) from customer where project_id = $1 and (metadata ->> 'n') in ('0', '3')"
        " and substr(source_id, 2)::integer % 4 >= 2",
        people.project_id,
    )
    assert members == expected == 33_334
