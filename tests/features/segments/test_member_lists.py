"""The list of a segment's customers: a passive one shows those whom an auto-update one with its filter keeps.

Its rule is put to all customers together, the other's to a portion of them one by one.
"""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from openvoucher.features.customers.listing import list_customers
from openvoucher.features.customers.schemas import CustomerQuery
from openvoucher.features.segments.service import member_condition
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.db.conditions import Params
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import parse_id, show_id
from segment_people import People, create_segment

CUSTOMERS = 23


async def add_customers(people: People) -> None:
    """Number n has n % 4 orders of 10 n each and n % 3 visits; every fifth has no source id, some share
    the moment they were made at, some were changed, and two are deleted."""
    for number in range(CUSTOMERS):
        customer_id = await people.insert(
            "customer",
            source_id=None if number % 5 == 4 else f"c{number * 7 % CUSTOMERS}",
            name=("Ann", "Bob", None)[number % 3],
            metadata={"level": number % 6},
            created_at=people.call.now - timedelta(days=number // 2 * 2),
            updated_at=people.call.now - timedelta(minutes=number // 4) if number % 4 else None,
            deleted_at=people.call.now if number in (6, 11) else None,
        )
        for place in range(number % 4):
            status = "CANCELED" if number == 13 else "PAID"
            await people.insert(
                "shop_order",
                customer_id=customer_id,
                status=status,
                total_amount=10 * number,
                created_at=people.call.now - timedelta(days=number, minutes=place),
            )
        for _ in range(number % 3):
            await people.insert("custom_event", customer_id=customer_id, name="visit")


FILTERS: list[dict[str, Any]] = [
    {},
    {"name": {"conditions": {"$is": "Ann"}}},
    {"metadata.level": {"conditions": {"$more_than": 3}}},
    {"summary.orders.total_count": {"conditions": {"$is": 0}}},
    {"summary.orders.total_amount": {"conditions": {"$more_than": 200}}},
    {"summary.orders.total_amount": {"conditions": {"$less_than_equal": 200}}},
    {"summary.orders.last_order_amount": {"conditions": {"$in": [10, 70, 190]}}},
    {"summary.orders.last_order_date": {"conditions": {"$is_unknown": True}}},
    {"summary.orders.last_order_date": {"conditions": {"$before": "2026-02-20"}}},
    {"events.visit.count": {"conditions": {"$is": 0}}},
    {"events.visit.count": {"conditions": {"$more_than": 1}}},
    {"events.visit.count": {"conditions": {"$has_value": True}}},
    {"events.nothing.count": {"conditions": {"$has_value": True}}},
    {"loyalty.referred_customers": {"conditions": {"$is": 0}}},
    {"loyalty_points.campaigns.A.points": {"conditions": {"$is_unknown": True}}},
    {"loyalty_points.campaigns.A.points": {"conditions": {"$more_than": 0}}},
    {
        "junction": "or",
        "summary.orders.total_count": {"conditions": {"$is": 3}},
        "events.visit.count": {"conditions": {"$is": 2}},
        "name": {"conditions": {"$is_unknown": True}},
    },
]


def _sort_by(rows: list[dict[str, Any]], field: str, *, descending: bool) -> list[dict[str, Any]]:
    """Nothing is before everything."""
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(rows, key=lambda row: (row[field] or never, row["id"]), reverse=descending)


def _sort(rows: list[dict[str, Any]], order: str) -> list[str]:
    """Their ids as the list has them: no update is before all, who has no source id is behind all."""
    field, descending = order.removeprefix("-"), order.startswith("-")
    if field != "source_id":
        found = _sort_by(rows, field, descending=descending)
    else:
        named = [row for row in rows if row["source_id"] is not None]
        nameless = [row for row in rows if row["source_id"] is None]
        found = sorted(named, key=lambda row: row["source_id"], reverse=descending)
        found += _sort_by(nameless, "created_at", descending=descending)
    return [show_id("cust", row["id"]) for row in found]


async def read_kept(people: People, segment_id: str) -> list[dict[str, Any]]:
    async with people.db.connection() as connection:
        rows = await connection.fetch(
            "select c.* from segment_member m join customer c on c.id = m.customer_id"
            " and c.project_id = m.project_id where m.project_id = $1 and m.segment_id = $2",
            people.project_id,
            parse_id("seg", segment_id),
        )
    return [dict(row) for row in rows]


@pytest.mark.parametrize("filter", FILTERS, ids=lambda filter: "-".join(filter) or "all")
async def test_a_passive_segment_lists_whom_an_auto_update_one_keeps(
    client: httpx.AsyncClient, people: People, worker: Worker, filter: dict[str, Any]
) -> None:
    await add_customers(people)
    kept_id = await create_segment(client, name="Kept", type="auto-update", filter=filter)
    passive_id = await create_segment(client, name="Asked", type="passive", filter=filter)
    await worker.run_until_idle()
    kept = await read_kept(people, kept_id)

    async def list_ids(**query: Any) -> tuple[list[str], int]:
        answer = await client.get("/v1/customers", params={"segment_id": passive_id, **query})
        assert answer.status_code == 200, answer.text
        return [customer["id"] for customer in answer.json()["customers"]], answer.json()["total"]

    for order in ("created_at", "-created_at", "updated_at", "-updated_at", "source_id", "-source_id"):
        expected = _sort(kept, order)
        assert await list_ids(limit=100, order=order) == (expected, len(kept))
        assert await list_ids(limit=3, page=2, order=order) == (expected[3:6], len(kept))
    assert await list_ids(limit=10, page=9) == ([], len(kept))
    # Asked for more than the segment, or scrolled, it is the same customers.
    anns = [row for row in kept if row["name"] == "Ann"]
    assert await list_ids(limit=100, name="ann") == (_sort(anns, "-created_at"), len(anns))
    scrolled = await list_ids(limit=100, order="created_at", starting_after="2001-01-01T00:00:00Z")
    assert scrolled == (_sort(kept, "created_at"), len(kept))


class RecordingDatabase(Database):
    """Counts its statements that look at custom events."""

    def __init__(self, url: str) -> None:
        super().__init__(url, size=1)
        self.looks: Counter[bool] = Counter()

    async def open_connection(self) -> Connection:
        connection = await super().open_connection()
        connection.add_query_logger(lambda query: self.looks.update(["custom_event" in query.query]))
        return connection


@pytest.fixture
async def recording(database_url: str) -> AsyncIterator[RecordingDatabase]:
    database = RecordingDatabase(database_url)
    yield database
    await database.close()


async def test_a_rule_is_put_to_all_customers_once_for_a_page_and_its_total(
    client: httpx.AsyncClient, call: Call, people: People, recording: RecordingDatabase
) -> None:
    await add_customers(people)
    filter = {"events.visit.count": {"conditions": {"$more_than": 0}}}
    segment_id = await create_segment(client, name="Visited", type="passive", filter=filter)
    query = msgspec.convert({"segment_id": segment_id, "limit": 2}, CustomerQuery)
    listed = await list_customers(dataclasses.replace(call, db=recording), query)
    assert (len(listed.customers), listed.total) == (2, 14)
    assert recording.looks[True] == 1


async def test_members_asked_of_among_other_things_are_hashed_and_not_looked_up_one_by_one(
    client: httpx.AsyncClient, call: Call, people: People
) -> None:
    filter = {"summary.orders.total_count": {"conditions": {"$is": 0}}}
    segment_id = await create_segment(client, name="Idle", type="passive", filter=filter)
    params = Params(people.project_id)
    async with people.db.connection() as connection:
        condition = await member_condition(connection, call.project, segment_id, params, now=call.now)
    plan = await people.fetch(
        f"explain select count(*) from customer c where c.project_id = $1 and {condition}", *params.values
    )
    lines = [row[0] for row in plan]
    assert any("hashed SubPlan" in line for line in lines), lines
    assert not any("Nested Loop" in line and "Left" not in line for line in lines), lines
