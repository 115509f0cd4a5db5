"""Imports of historical orders."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from builders import a_refusal, not_there, read_refusal
from database_views import count_more_rows, count_rows
from importing import read_action
from openvoucher.features.orders import store
from openvoucher.features.orders.jobs import JOB_KINDS
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

UNKNOWN = "cust_" + "0" * 32


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """A test can be parametrized with another number of rows for a portion."""
    return Settings(public_url="http://test", portion_rows=getattr(request, "param", 100))


whatever_the_portions = pytest.mark.parametrize("settings", [1, 2, 100], indirect=True)


async def start(client: httpx.AsyncClient, orders: Any) -> str:
    answer = await client.post("/v1/orders/import", json=orders)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"async_action_id"}
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def import_orders(client: httpx.AsyncClient, worker: Worker, orders: Any) -> dict[str, Any]:
    """The result without its links."""
    action_id = await start(client, orders)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["type"], action["status"], action["progress"]) == ("ORDERS.IMPORT", "DONE", 100)
    result: dict[str, Any] = action["result"]
    return {name: result[name] for name in ("message", "failed", "done_count", "failed_count")}


def a_result(done: int, *failed: tuple[str, str]) -> dict[str, Any]:
    return {
        "message": f"{done} order(s) imported successfully, {len(failed)} failed.",
        "failed": [{"source_id": source_id, "reason": reason} for source_id, reason in failed],
        "done_count": done,
        "failed_count": len(failed),
    }


async def read(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def read_names(client: httpx.AsyncClient, what: str) -> list[str]:
    """Source ids of all that is listed."""
    return sorted(each["source_id"] for each in (await read(client, f"{what}?limit=100"))[what])


async def read_events(db: Database, project: Project) -> list[tuple[str, dict[str, Any]]]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select type, data from outbox where project_id = $1 order by id", project.id
        )
    return [(row["type"], row["data"]) for row in rows]


def the_contracts_example(vase_id: str, jane_id: str) -> list[dict[str, Any]]:
    bob, jane = {"source_id": "bob", "name": "Bob"}, {"source_id": "jane", "name": "Jane"}
    comic = {
        "source_id": "ComicBook_1",
        "related_object": "sku",
        "quantity": 1,
        "product": {"source_id": "Books", "name": "Comic Books1", "price": 1600, "override": True},
        "sku": {"sku": "Comics1", "source_id": "ComicBook_1", "price": 1600, "override": True},
    }
    phone = {
        "source_id": "prod_1",
        "related_object": "product",
        "quantity": 2,
        "product": {"name": "Apple iPhone 12", "price": 70000, "override": True},
    }
    return [
        {"source_id": "14", "status": "PAID", "customer": bob, "referrer": jane, "items": [phone, comic]},
        {
            "source_id": "15",
            "status": "PAID",
            "customer": {"source_id": "bob"},
            "items": [
                {
                    "source_id": "ComicBook_1",
                    "quantity": 4,
                    "related_object": "sku",
                    "sku": {"source_id": "ComicBook_1"},
                },
                {
                    "source_id": "vase_1",
                    "quantity": 1,
                    "related_object": "product",
                    "product": {"source_id": "vase_1"},
                },
            ],
        },
        {
            "source_id": "16",
            "status": "FULFILLED",
            "customer": {"id": jane_id},
            "items": [{"product_id": vase_id, "quantity": 2}, {"sku_id": "sku_x", "quantity": 2}],
        },
        {"source_id": "17", "status": "CANCELED", "amount": 7000, "metadata": {"location_id": ["L3"]}},
        {
            "source_id": "18",
            "items": [
                {"source_id": "ComicBook_1", "amount": 900, "related_object": "sku"},
                {"source_id": "vase_1", "amount": 2000, "related_object": "product"},
            ],
        },
        {"source_id": "19", "status": "CREATED", "items": [{"amount": 900}, {"amount": 2000}]},
        {"source_id": "20", "items": [{"price": 900, "quantity": 2}, {"price": 2000, "quantity": 3}]},
    ]


@whatever_the_portions
async def test_orders_are_imported_with_their_customers_and_products(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    vase = (await client.post("/v1/products", json={"source_id": "vase_1", "price": 1500})).json()
    jane = (await client.post("/v1/customers", json={"source_id": "jane"})).json()
    orders = the_contracts_example(vase["id"], jane["id"])
    assert await import_orders(client, worker, orders) == a_result(7)
    listed = (await read(client, "orders?limit=100"))["orders"]
    assert [
        (order["source_id"], order["status"], order["amount"], order["updated_at"]) for order in listed
    ] == [
        ("14", "PAID", 141600, None),
        ("15", "PAID", 7900, None),
        ("16", "FULFILLED", 3000, None),
        ("17", "CANCELED", 7000, None),
        ("18", "CREATED", 2900, None),
        ("19", "CREATED", 2900, None),
        ("20", "CREATED", 7800, None),
    ]
    bob = await read(client, "customers/bob")
    assert [order["customer_id"] for order in listed[:4]] == [bob["id"], bob["id"], jane["id"], None]
    assert [order["referrer_id"] for order in listed[:2]] == [jane["id"], None]
    assert (bob["name"], (await read(client, "customers/jane"))["name"]) == ("Bob", "Jane")
    summary = bob["summary"]["orders"]
    assert (summary["total_count"], summary["total_amount"], summary["average_amount"]) == (2, 149500, 74750)
    assert await read_names(client, "products") == ["Books", "prod_1", "vase_1"]
    (line, comic) = (await read(client, "orders/14"))["items"]
    assert (line["product"]["name"], line["amount"]) == ("Apple iPhone 12", 140000)
    assert comic["sku"] == {
        "id": (await read(client, "skus/ComicBook_1"))["id"],
        "source_id": "ComicBook_1",
        "sku": "Comics1",
        "price": 1600,
    }


async def test_imported_orders_were_created_when_they_came(client: httpx.AsyncClient, worker: Worker) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await import_orders(client, worker, [{"source_id": "A", "created_at": "2001-02-03T04:05:06Z"}])
    created_at = (await read(client, "orders/A"))["created_at"]
    assert before <= datetime.fromisoformat(created_at) <= datetime.now(UTC)
    # What is sent is not even read.
    assert await import_orders(client, worker, [{"source_id": "A", "created_at": "soon"}]) == a_result(1)
    assert (await read(client, "orders/A"))["created_at"] == created_at


@whatever_the_portions
async def test_known_orders_are_changed_and_later_rows_win(client: httpx.AsyncClient, worker: Worker) -> None:
    made = (
        await client.post("/v1/orders", json={"source_id": "A", "amount": 5, "metadata": {"x": 1}})
    ).json()
    orders = [
        {"source_id": "B", "amount": 1, "metadata": {"a": 1, "b": 1}},
        {"source_id": "A", "status": "PAID", "metadata": {"y": 2}},
        {"id": made["id"], "amount": 6},
        {"source_id": "B", "amount": 2, "metadata": {"b": 2}},
        {"source_id": "B", "items": [{"price": 3}], "customer": "bob"},
        {"amount": 8},
        {"amount": 8},
    ]
    assert await import_orders(client, worker, orders) == a_result(7)
    listed = (await read(client, "orders?limit=100&order=created_at"))["orders"]
    assert [(order["source_id"], order["amount"]) for order in listed] == [
        ("A", 6),
        ("B", 3),
        (None, 8),
        (None, 8),
    ]
    assert listed[0] == {
        **made,
        "status": "PAID",
        "amount": 6,
        "total_amount": 6,
        "metadata": {"x": 1, "y": 2},
        "updated_at": ANY,
    }
    assert listed[1]["metadata"] == {"a": 1, "b": 2}
    assert listed[1]["customer_id"] == (await read(client, "customers/bob"))["id"]


async def test_a_source_id_that_an_order_gives_up_can_be_anothers(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    a, b = [(await client.post("/v1/orders", json={"source_id": name})).json()["id"] for name in "AB"]
    orders = [
        {"id": a, "source_id": "C", "amount": 1},
        {"source_id": "A", "amount": 2},
        {"source_id": "C", "status": "PAID"},
        # What another had when the import came is not free for those that were there.
        {"id": b, "source_id": "A"},
    ]
    refused = ("A", "Duplicated order exists with source_id A")
    assert await import_orders(client, worker, orders) == a_result(3, refused)
    listed = (await read(client, "orders"))["orders"]
    assert sorted((order["source_id"], order["id"] in (a, b), order.get("amount")) for order in listed) == [
        ("A", False, 2),
        ("B", True, None),
        ("C", True, 1),
    ]


async def test_nobody_is_told_but_segments(
    client: httpx.AsyncClient, settings: Settings, db: Database, project: Project
) -> None:
    made = (await client.post("/v1/orders", json={"source_id": "A", "customer": "old"})).json()
    async with db.connection() as connection:
        await connection.execute("delete from outbox where project_id = $1", project.id)
    orders = [{"source_id": "A", "customer": "new", "status": "PAID"}, {"source_id": "B", "status": "PAID"}]
    # Without the reader of events, which would take them away.
    assert await import_orders(client, Worker(db, JOB_KINDS, settings), orders) == a_result(2)
    new_id = (await read(client, "customers/new"))["id"].removeprefix("cust_")
    # The new one as a customer, both because of the order.
    both = sorted([made["customer_id"].removeprefix("cust_"), new_id])
    assert await read_events(db, project) == [
        ("customers.changed", {"customer_ids": [new_id]}),
        ("customers.changed", {"customer_ids": both}),
    ]


@whatever_the_portions
async def test_a_refused_order_says_why_and_leaves_nothing_behind(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    for related_object in ("order", "order_item", "product", "customer"):
        properties = {"rank": {"type": "number"}}
        body = {"related_object": related_object, "properties": properties}
        assert (await client.post("/v1/metadata-schemas", json=body)).status_code == 200
    wrong = {"rank": "first"}
    override = {"source_id": "p", "metadata": wrong, "override": True}
    taken = (await client.post("/v1/orders", json={"source_id": "TAKEN"})).json()
    orders = [
        {"source_id": "A", "amount": 1, "customer": "alice"},
        {"source_id": "B", "metadata": wrong, "customer": "bob"},
        {"source_id": "C", "items": [{"metadata": wrong}], "referrer": "cecil"},
        {"source_id": "D", "customer": {"id": UNKNOWN}},
        {"source_id": "E", "referrer_id": "cust_x"},
        {"source_id": "F", "customer": {"source_id": "frank", "metadata": wrong}},
        {"source_id": "G", "customer": {"source_id": "gil", "birthdate": "soon"}},
        {"source_id": "H", "items": [{"product": override}]},
        {"source_id": "I", "items": [{"price": 2**53, "quantity": 2}]},
        {"source_id": "J", "items": [{"amount": 2**53}, {"amount": 1}]},
        {"source_id": "A", "id": taken["id"]},
        {"source_id": "K", "items": [{"product": {"source_id": "q", "override": True}, "price": 4}]},
    ]
    sentence = "rank: must be a number (actual value is 'first')"
    assert await import_orders(client, worker, orders) == a_result(
        2,
        ("B", sentence),
        ("C", sentence),
        ("D", f"Cannot find customer with id {UNKNOWN}"),
        ("E", "Cannot find customer with id cust_x"),
        ("F", sentence),
        ("G", "Property .birthdate cannot be recognized as a ISO-8601 compliant date"),
        ("H", sentence),
        ("I", "Property .items[0].amount must be within range"),
        ("J", "Property .amount must be within range"),
        ("A", "Duplicated order exists with source_id A"),
    )
    assert await read_names(client, "orders") == ["A", "K", "TAKEN"]
    assert await read_names(client, "customers") == ["alice"]
    assert await read_names(client, "products") == ["q"]
    assert (await read(client, "orders/K"))["amount"] == 4


async def test_what_new_orders_must_bring_later_ones_need_not(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    body = {"related_object": "order", "properties": {"pay": {"type": "string", "optional": False}}}
    assert (await client.post("/v1/metadata-schemas", json=body)).status_code == 200
    orders = [
        {"source_id": "A", "amount": 1},
        {"source_id": "A", "metadata": {"pay": "card"}},
        {"source_id": "A", "amount": 2},
    ]
    sentence = "pay: must be a string, property is required (actual value is 'undefined')"
    assert await import_orders(client, worker, orders) == a_result(2, ("A", sentence))
    assert (await read(client, "orders/A"))["amount"] == 2


@pytest.mark.parametrize(
    ("orders", "details", "row"),
    [
        ([], "Payload must NOT have fewer than 1 items", None),
        ([{}] * 2001, "Payload must NOT have more than 2000 items", None),
        ({"source_id": "A"}, "Payload must be array", None),
        (
            [{}, {"status": "LOST"}],
            "Property [1].status must be equal to one of the allowed values"
            " [ CREATED, PAID, CANCELED, FULFILLED ]",
            None,
        ),
        (
            [{"items": [{"quantity": 1}, {}]}, {"items": [{"initial_quantity": 0}]}],
            "Property .items[0].initial_quantity cannot be lower than 1",
            2,
        ),
        ([{"amount": -1}], "Property .amount must be >= 0", 1),
        ([{}, {}, {"items": [{"price": 1.5}]}], "Property .items[0].price must be integer", 3),
    ],
)
async def test_an_import_of_another_form_is_refused_as_a_whole(
    client: httpx.AsyncClient, db: Database, orders: Any, details: str, row: int | None
) -> None:
    before = await count_rows(db)
    answer = await client.post("/v1/orders/import", json=orders)
    refusal = a_refusal(400, "invalid_payload", details)
    assert read_refusal(answer) == (refusal if row is None else {**refusal, "row": row})
    assert await count_more_rows(db, before) == {}


async def test_two_thousand_orders_are_one_import(client: httpx.AsyncClient, worker: Worker) -> None:
    orders = [{"source_id": f"{number}", "amount": number} for number in range(2000)]
    assert await import_orders(client, worker, orders) == a_result(2000)
    assert (await read(client, "orders?limit=1"))["total"] == 2000
    assert (await read(client, "orders/1234"))["amount"] == 1234


async def test_imports_of_a_project_run_one_by_one(client: httpx.AsyncClient, worker: Worker) -> None:
    first = await start(client, [{"source_id": "A", "amount": 1}])
    second = await start(client, [{"source_id": "A", "amount": 2}])
    assert await worker.run_next()
    statuses = [(await read_action(client, each))["status"] for each in (first, second)]
    assert statuses == ["DONE", "ENQUEUED"]
    await worker.run_until_idle()
    assert (await read(client, "orders/A"))["amount"] == 2


async def test_the_number_of_statements_does_not_grow_with_the_orders(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(name: str, number: int) -> dict[str, Any]:
        product = {"source_id": f"{name}-p{number}", "price": 5, "override": True}
        sku = {"source_id": f"{name}-s{number}", "override": True}
        return {
            "source_id": f"{name}-{number}",
            "customer": {"source_id": f"{name}-c{number}"},
            "referrer": {"source_id": f"{name}-r{number}"},
            "items": [{"product": product}, {"product": product, "sku": sku}],
        }

    statements: list[str] = []

    async def count_statements(name: str, count: int) -> int:
        statements.clear()
        result = await import_orders(client, worker, [make(name, number) for number in range(count)])
        assert result["done_count"] == count
        return len(statements)

    def remember(function: Any) -> Any:
        async def run(connection: Connection, query: str, *arguments: Any, **options: Any) -> Any:
            # What the worker looks after besides.
            if not any(other in query for other in ("outbox", "job", "segment")):
                statements.append(query)
            return await function(connection, query, *arguments, **options)

        return run

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(Connection, name, remember(getattr(Connection, name)))
    await count_statements("warm", 1)
    few = await count_statements("few", 2)
    assert await count_statements("many", 60) == few > 0


async def test_an_order_that_another_makes_meanwhile_is_changed(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_orders = store.insert_orders
    ahead = [{"source_id": "A", "metadata": {"first": 1}}]
    ids: list[str] = []

    async def let_another_come_first(connection: Connection, project_id: int, orders: Any) -> int:
        if ahead:
            # (Whose insert comes past here, too.)
            answer = await client.post("/v1/orders", json=ahead.pop())
            ids.append(answer.json()["id"])
        return await insert_orders(connection, project_id, orders)

    action_id = await start(client, [{"source_id": "A", "amount": 7}, {"source_id": "B"}])
    monkeypatch.setattr(store, "insert_orders", let_another_come_first)
    await worker.run_until_idle()
    assert (await read_action(client, action_id))["result"]["done_count"] == 2
    order = await read(client, "orders/A")
    assert ([order["id"]], order["amount"], order["metadata"]) == (ids, 7, {"first": 1})
    assert await read_names(client, "orders") == ["A", "B"]


async def test_a_source_id_that_another_takes_meanwhile_is_refused(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = (await client.post("/v1/orders", json={"source_id": "A"})).json()
    update_orders = store.update_orders
    ahead = [{"source_id": "B"}]

    async def let_another_come_first(connection: Connection, project_id: int, orders: Any) -> None:
        if ahead:
            assert (await client.post("/v1/orders", json=ahead.pop())).status_code == 200
        await update_orders(connection, project_id, orders)

    monkeypatch.setattr(store, "update_orders", let_another_come_first)
    orders = [{"id": order["id"], "source_id": "B"}, {"id": order["id"], "amount": 3}, {"source_id": "C"}]
    reason = "Duplicated order exists with source_id B"
    assert await import_orders(client, worker, orders) == a_result(2, ("B", reason))
    assert await read_names(client, "orders") == ["A", "B", "C"]
    assert (await read(client, "orders/A"))["amount"] == 3


async def test_who_is_always_too_late_is_put_off_with_nothing_done(
    client: httpx.AsyncClient, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def come_too_late(*_: Any) -> int:
        return 0

    monkeypatch.setattr(store, "insert_orders", come_too_late)
    action_id = await start(client, [{"source_id": "A", "customer": "bob"}])
    await Worker(db, JOB_KINDS, settings).run_next()
    action = await read_action(client, action_id)
    assert (action["status"], action["done_count"], action["failed_count"]) == ("ENQUEUED", 0, 0)
    assert await read_names(client, "orders") == await read_names(client, "customers") == []


async def test_imports_see_only_their_own_project(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    theirs = (await other_client.post("/v1/orders", json={"source_id": "A", "amount": 1})).json()
    orders = [{"source_id": "A", "amount": 2}, {"id": theirs["id"], "amount": 3}]
    assert await import_orders(client, worker, orders) == a_result(2)
    assert await read(other_client, "orders/A") == theirs
    answer = await client.get(f"/v1/orders/{theirs['id']}")
    assert read_refusal(answer) == not_there("order", theirs["id"])
