"""A customer that is removed for good, and what goes with it."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import not_there, read_refusal
from calls import NOW
from openvoucher.features.customers.service import add_holder
from openvoucher.features.vouchers.service import get_row
from openvoucher.platform.db import Database
from openvoucher.wire.ids import new_id
from shared_project import SharedProject


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def create(client: httpx.AsyncClient, source_id: str) -> UUID:
    answer = await client.post("/v1/customers", json={"source_id": source_id})
    assert answer.status_code == 200, answer.text
    return UUID(hex=answer.json()["id"].removeprefix("cust_"))


async def give_everything(shared: SharedProject, customer: UUID, code: str) -> None:
    """A row of each kind that can refer to a customer; two orders, three activities."""
    project_id = shared.call.project.id
    made = await shared.client.post(
        f"/v1/vouchers/{code}", json={"type": "GIFT_VOUCHER", "gift": {"amount": 100}}
    )
    assert made.status_code == 200
    async with shared.db.transaction() as connection:
        voucher = await get_row(connection, project_id, code, lock=True)
        await add_holder(connection, shared.call, voucher_row=voucher, customer_id=customer, role="OWNER")
        segment, publication, project = new_id(), new_id(), project_id
        activities = ("customer.created", "customer.updated", "customer.order.paid")
        inserted: list[tuple[str, list[tuple[Any, ...]]]] = [
            ("segment (project_id, id, name, type, created_at)", [(project, segment, "S", "static", NOW)]),
            ("segment_member", [(project, segment, customer, NOW)]),
            (
                "custom_event (project_id, id, customer_id, name, created_at)",
                [(project, new_id(), customer, "x", NOW)],
            ),
            (
                "customer_activity (project_id, id, customer_id, type, data, source, group_id, created_at)",
                [(project, new_id(), customer, type, {}, {}, "", NOW) for type in activities],
            ),
            (
                "shop_order (project_id, id, status, customer_id, created_at)",
                [(project, new_id(), "PAID", customer, NOW) for _ in range(2)],
            ),
            (
                "publication (project_id, id, customer_id, channel, result, created_at)",
                [(project, publication, customer, "API", "SUCCESS", NOW)],
            ),
            ("publication_voucher", [(project, publication, 0, voucher["id"], code)]),
        ]
        for table, rows in inserted:
            places = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
            await connection.executemany(f"insert into {table} values ({places})", rows)


_REFERRING = {
    "customer": "id",
    "custom_event": "customer_id",
    "customer_activity": "customer_id",
    "outbox": "customer_id",
    "publication": "customer_id",
    "redeemable_holder": "customer_id",
    "segment_member": "customer_id",
    "shop_order": "customer_id",
    "voucher": "holder_id",
}


async def count_rows(db: Database, customer: UUID) -> dict[str, int]:
    async with db.connection() as connection:
        return {
            table: await connection.fetchval(f"select count(*) from {table} where {column} = $1", customer)
            for table, column in _REFERRING.items()
        }


async def test_all_that_refers_to_a_customer_goes_with_it(
    shared_project: SharedProject, client: httpx.AsyncClient, db: Database, code: str
) -> None:
    ann, bob = await create(client, f"{code}-ann"), await create(client, f"{code}-bob")
    await give_everything(shared_project, ann, f"{code}-A")
    await give_everything(shared_project, bob, f"{code}-B")
    before = await count_rows(db, bob)
    assert await count_rows(db, ann) == before
    assert 0 not in before.values()

    answer = await client.post(f"/v1/customers/{code}-ann/permanent-deletion")

    assert answer.status_code == 200
    body = answer.json()
    assert re.fullmatch(r"del_[0-9a-f]{32}", body["id"])
    assert body == {
        "id": body["id"],
        "created_at": body["created_at"],
        "related_object_id": f"cust_{ann.hex}",
        "related_object": "customer",
        "status": "DONE",
        "data_json": {
            "events": 1,
            "customer_events": 2,
            "daily_events": 0,
            "segments": 1,
            "orders": 2,
            "order_events": 1,
            "customer": 1,
        },
        "object": "pernament_deletion",
    }
    assert await count_rows(db, ann) == dict.fromkeys(_REFERRING, 0)
    assert await count_rows(db, bob) == before
    # Its voucher is there, held by nobody; of the publication nothing is left.
    voucher = (await client.get(f"/v1/vouchers/{code}-A")).json()
    assert voucher.get("holder_id") is None
    async with db.connection() as connection:
        assert (
            await connection.fetchval("select count(*) from publication_voucher where code = $1", f"{code}-A")
            == 0
        )


async def test_an_order_that_it_referred_stays_without_a_referrer(
    shared_project: SharedProject, client: httpx.AsyncClient, db: Database, code: str
) -> None:
    ann, bob, order = await create(client, f"{code}-a"), await create(client, f"{code}-b"), new_id()
    async with db.connection() as connection:
        await connection.execute(
            "insert into shop_order (project_id, id, status, customer_id, referrer_id, created_at)"
            " values ($1, $2, 'PAID', $3, $4, now())",
            shared_project.call.project.id,
            order,
            bob,
            ann,
        )
        answer = await client.post(f"/v1/customers/cust_{ann.hex}/permanent-deletion")
        assert answer.json()["data_json"]["orders"] == 0
        row = await connection.fetchrow("select * from shop_order where id = $1", order)
    assert row is not None
    assert (row["customer_id"], row["referrer_id"]) == (bob, None)


async def test_who_is_gone_for_good_is_not_found_and_its_source_id_is_free(
    client: httpx.AsyncClient, code: str
) -> None:
    ann = await create(client, code)
    path = f"/v1/customers/cust_{ann.hex}"
    assert (await client.post(f"{path}/permanent-deletion")).status_code == 200
    for method, ending in (("GET", ""), ("DELETE", ""), ("POST", "/permanent-deletion")):
        answer = await client.request(method, path + ending)
        assert read_refusal(answer) == not_there("customer", f"cust_{ann.hex}")
    assert await create(client, code) != ann


async def test_a_deleted_customer_can_still_be_removed_for_good_by_its_id(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    ann = await create(client, code)
    assert (await client.delete(f"/v1/customers/{code}")).status_code == 204
    assert (await client.post(f"/v1/customers/{code}/permanent-deletion")).status_code == 404
    answer = await client.post(f"/v1/customers/cust_{ann.hex}/permanent-deletion")
    assert (answer.status_code, answer.json()["data_json"]["customer"]) == (200, 1)
    assert await count_rows(db, ann) == dict.fromkeys(_REFERRING, 0)


async def test_a_deletion_takes_segments_and_events_and_leaves_the_rest(
    shared_project: SharedProject, client: httpx.AsyncClient, db: Database, code: str
) -> None:
    ann = await create(client, code)
    await give_everything(shared_project, ann, f"{code}-V")
    before = await count_rows(db, ann)
    assert (await client.delete(f"/v1/customers/{code}")).status_code == 204
    after: dict[str, Any] = {**before, "custom_event": 0, "segment_member": 0, "outbox": before["outbox"] + 1}
    assert await count_rows(db, ann) == after


async def test_another_project_cannot_remove_a_customer(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    ann = await create(client, code)
    for name in (code, f"cust_{ann.hex}"):
        answer = await shared_project.other_client.post(f"/v1/customers/{name}/permanent-deletion")
        assert read_refusal(answer) == not_there("customer", name)
    assert (await client.get(f"/v1/customers/{code}")).status_code == 200
