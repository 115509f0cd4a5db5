"""What is told of orders: one event for each thing that happened, in the transaction in which it did."""

from typing import Any

import httpx
import pytest

from openvoucher.platform.db import Database
from openvoucher.wire.ids import parse_id
from shared_project import SharedProject


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def send(client: httpx.AsyncClient, method: str, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.request(method, path, json=body or None)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


class Outbox:
    """What was written since it was made, or last read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self) -> list[dict[str, Any]]:
        async with self._db.connection() as connection:
            rows = await connection.fetch("delete from outbox returning *")
        return sorted((dict(row) for row in rows), key=lambda row: row["id"])

    async def read_types(self) -> list[str]:
        return [event["type"] for event in await self.read()]


@pytest.fixture
def outbox(db: Database) -> Outbox:
    return Outbox(db)


async def test_a_new_order_is_told_with_all_keys_of_the_payload(
    client: httpx.AsyncClient, outbox: Outbox, code: str
) -> None:
    await outbox.read()
    order = await send(
        client,
        "POST",
        "/v1/orders",
        customer={"source_id": f"{code}-bob"},
        referrer={"source_id": f"{code}-jane", "name": "Jane", "email": "jane@example.com"},
        items=[{"source_id": "vase", "price": 5}],
    )
    *people, event = await outbox.read()
    assert [each["type"] for each in people] == ["customer.created", "customer.created"]
    assert (event["type"], event["campaign_id"]) == ("customer.order.created", None)
    assert event["customer_id"] == parse_id("cust", order["customer_id"])
    assert event["data"] == {
        "order": order,
        # The rest is told to whoever reads of it.
        "referrer": {"id": order["referrer_id"], "object": "customer"},
        "redemption": None,
    }


async def test_an_order_of_nobody_has_events_of_its_own(client: httpx.AsyncClient, outbox: Outbox) -> None:
    await outbox.read()
    order = await send(client, "POST", "/v1/orders", amount=5, status="PAID")
    created, paid = await outbox.read()
    assert (created["type"], paid["type"]) == ("order.created", "order.paid")
    for event in (created, paid):
        assert event["customer_id"] is None
        assert event["data"] == {"order": order, "referrer": None, "redemption": None}
    await send(client, "PUT", f"/v1/orders/{order['id']}", status="CANCELED")
    assert await outbox.read_types() == ["order.updated", "order.canceled"]


@pytest.mark.parametrize(
    ("status", "fact"),
    [("CREATED", None), ("PAID", "paid"), ("FULFILLED", "fulfilled"), ("CANCELED", "canceled")],
)
async def test_a_status_is_told_when_it_is_reached(
    client: httpx.AsyncClient, outbox: Outbox, code: str, status: str, fact: str | None
) -> None:
    reached = [f"customer.order.{fact}"] if fact else []
    await send(client, "POST", "/v1/customers", source_id=code)
    await outbox.read()
    await send(client, "POST", "/v1/orders", source_id=f"{code}-new", customer=code, status=status)
    assert await outbox.read_types() == ["customer.order.created", *reached]
    other = "CREATED" if fact else "PAID"
    await send(client, "POST", "/v1/orders", source_id=f"{code}-old", customer=code, status=other)
    await outbox.read()
    await send(client, "PUT", f"/v1/orders/{code}-old", status=status)
    assert await outbox.read_types() == ["customer.order.updated", *reached]
    # It is reached already.
    await send(client, "PUT", f"/v1/orders/{code}-old", status=status, amount=1)
    assert await outbox.read_types() == ["customer.order.updated"]


async def test_a_referrer_of_earlier_is_told_again(
    client: httpx.AsyncClient, outbox: Outbox, code: str
) -> None:
    order = await send(
        client, "POST", "/v1/orders", source_id=code, customer=f"{code}-b", referrer=f"{code}-j"
    )
    await outbox.read()
    await send(client, "PUT", f"/v1/orders/{code}", amount=5)
    (event,) = await outbox.read()
    assert event["data"]["referrer"]["id"] == order["referrer_id"]


async def test_who_loses_an_order_is_looked_at_again(
    client: httpx.AsyncClient, outbox: Outbox, code: str
) -> None:
    before = await send(client, "POST", "/v1/orders", source_id=code, customer=f"{code}-bob")
    await send(client, "POST", "/v1/customers", source_id=f"{code}-jane")
    await outbox.read()
    after = await send(client, "PUT", f"/v1/orders/{code}", customer=f"{code}-jane")
    told, internal = await outbox.read()
    assert told["type"] == "customer.order.updated"
    assert told["customer_id"] == parse_id("cust", after["customer_id"])
    assert internal["type"] == "customers.changed"
    assert internal["data"] == {"customer_ids": [before["customer_id"].removeprefix("cust_")]}


async def test_what_is_refused_is_not_told(client: httpx.AsyncClient, outbox: Outbox, code: str) -> None:
    await send(client, "POST", "/v1/orders", source_id=code)
    await send(client, "POST", "/v1/orders", source_id=f"{code}-2")
    await outbox.read()
    body = {"customer": {"source_id": f"{code}-new"}, "source_id": f"{code}-2"}
    assert (await client.put(f"/v1/orders/{code}", json=body)).status_code == 409
    assert (await client.post("/v1/orders", json={**body, "amount": -1})).status_code == 400
    assert await outbox.read() == []
