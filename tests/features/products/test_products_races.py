"""Who writes the same products at the same time."""

import asyncio
from typing import Final

import httpx
import pytest

from calls import make_call
from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.products import writing
from openvoucher.features.products.schemas import ItemKind, ItemOverride
from openvoucher.features.products.service import override_items
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database, TransactionConflict
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

EIGHT: Final = range(8)
ITEM_KINDS: Final[tuple[ItemKind, ...]] = ("product", "sku")


async def upsert_at_once(client: httpx.AsyncClient, path: str, source_id: str) -> list[httpx.Response]:
    """Eight, each with its own key of metadata."""
    return await asyncio.gather(
        *(
            client.post(path, json={"source_id": source_id, "metadata": {f"key {number}": number}})
            for number in EIGHT
        )
    )


async def test_of_eight_upserts_of_one_new_source_id_all_succeed_and_make_one_product(
    client: httpx.AsyncClient,
) -> None:
    answers = await upsert_at_once(client, "/v1/products", "phone")
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.json()["updated_at"] is None for answer in answers) == [False] * 7 + [True]
    product = (await client.get("/v1/products/phone")).json()
    assert product["metadata"] == {f"key {number}": number for number in EIGHT}


async def test_without_the_index_eight_upserts_make_eight_products(
    client: httpx.AsyncClient, db: Database
) -> None:
    async with db.connection() as connection:
        await connection.execute("drop index product_source_id_is_unique")
        async with holding_locks(db, "lock table product in share mode"):
            upserts = asyncio.create_task(upsert_at_once(client, "/v1/products", "phone"))
            # All have looked and found nothing. (The pool has five connections, one of them is ours.)
            await wait_for_waiting_statements(db, 4)
        answers = await upserts
    assert len({answer.json()["id"] for answer in answers}) > 1


async def test_of_eight_upserts_of_one_new_sku_all_succeed_and_make_one_sku(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/v1/products", json={"source_id": "phone"})
    answers = await upsert_at_once(client, "/v1/products/phone/skus", "blue")
    assert [answer.status_code for answer in answers] == [200] * 8
    skus = (await client.get("/v1/products/phone/skus")).json()
    assert skus["total"] == 1
    assert skus["skus"][0]["metadata"] == {f"key {number}": number for number in EIGHT}


async def test_without_the_index_eight_upserts_make_several_skus(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/products", json={"source_id": "phone"})
    async with db.connection() as connection:
        await connection.execute("drop index sku_source_id_is_unique")
        async with holding_locks(db, "lock table sku in share mode"):
            upserts = asyncio.create_task(upsert_at_once(client, "/v1/products/phone/skus", "blue"))
            await wait_for_waiting_statements(db, 4)
        await upserts
    assert (await client.get("/v1/products/phone/skus")).json()["total"] > 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_an_upsert_waits_for_another_one_of_its_source_id(
    client: httpx.AsyncClient, db: Database, project: Project, end: str
) -> None:
    other = await db.open_connection()
    try:
        await other.execute("begin")
        await other.execute(
            "insert into product (project_id, id, source_id, name, created_at)"
            " values ($1, gen_random_uuid(), 'phone', 'theirs', now())",
            project.id,
        )
        upsert = asyncio.create_task(client.post("/v1/products", json={"source_id": "phone", "price": 5}))
        await wait_for_waiting_statements(db, 1)
        await other.execute(end)
        answer = await upsert
    finally:
        await other.close()
    assert answer.status_code == 200
    product = answer.json()
    expected = ("theirs", False) if end == "commit" else (None, True)
    assert (product["name"], product["updated_at"] is None) == expected
    assert product["price"] == 5


async def test_a_sku_is_not_put_under_a_product_that_is_being_deleted(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/products", json={"source_id": "phone"})
    locked = "select 1 from product where source_id = 'phone' for no key update"
    async with holding_locks(db, locked) as connection:
        creation = asyncio.create_task(client.post("/v1/products/phone/skus", json={"source_id": "blue"}))
        await wait_for_waiting_statements(db, 1)
        await connection.execute("update product set deleted_at = now() where source_id = 'phone'")
    answer = await creation
    assert (answer.status_code, answer.json()["resource_type"]) == (404, "product")
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from sku") == 0


def overrides_of(source_ids: list[str], name: str) -> list[ItemOverride]:
    return [
        ItemOverride(kind=kind, source_id=source_id, product=source_id, name=name)
        for source_id in source_ids
        for kind in ITEM_KINDS
    ]


async def override_in_both_directions(db: Database, project: Project) -> list[BaseException | None]:
    """Two orders that override the same new products, one from the first to the last and one from the last
    to the first; both have to wait at the one in the middle."""
    source_ids = [f"product {number:02}" for number in range(11)]

    async def order(source_ids: list[str]) -> None:
        async with db.transaction() as connection:
            await override_items(connection, make_call(db, project), overrides_of(source_ids, source_ids[0]))

    other = await db.open_connection()
    try:
        await other.execute("begin")
        await other.execute(
            "insert into product (project_id, id, source_id, created_at)"
            " values ($1, gen_random_uuid(), 'product 05', now())",
            project.id,
        )
        orders = [asyncio.create_task(order(each)) for each in (source_ids, source_ids[::-1])]
        await wait_for_waiting_statements(db, 2)
        await other.execute("rollback")
        return await asyncio.gather(*orders, return_exceptions=True)
    finally:
        await other.close()


async def test_orders_that_override_the_same_products_wait_for_each_other(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    assert await override_in_both_directions(db, project) == [None, None]
    listed = (await client.get("/v1/products?limit=100")).json()
    assert listed["total"] == 11
    assert [product["skus"]["total"] for product in listed["products"]] == [1] * 11
    # All of the one order's values, or all of the other's.
    assert len({product["name"] for product in listed["products"]}) == 1
    assert len({product["skus"]["data"][0]["sku"] for product in listed["products"]}) == 1


async def test_unsorted_they_undo_one_another(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_read_source_id", lambda row: "")
    outcomes = await override_in_both_directions(db, project)
    assert sorted(type(outcome) is TransactionConflict for outcome in outcomes) == [False, True]


@pytest.mark.parametrize("settings", [Settings(public_url="http://test", portion_rows=2)])
async def test_what_one_portion_makes_the_next_one_finds(
    client: httpx.AsyncClient, worker: Worker, settings: Settings
) -> None:
    numbers = [0, 1, 0, 2, 1]
    body = [
        {"source_id": f"product {number}", "metadata": {f"place {place}": 1}}
        for place, number in enumerate(numbers)
    ]
    answer = await client.post("/v1/products/bulk/async", json=body)
    await worker.run_until_idle()
    action = (await client.get(f"/v1/async-actions/{answer.json()['async_action_id']}")).json()
    assert (action["done_count"], action["operation_status"]) == (5, "SUCCESS")
    listed = (await client.get("/v1/products")).json()["products"]
    assert {product["source_id"]: [*product["metadata"]] for product in listed} == {
        "product 0": ["place 0", "place 2"],
        "product 1": ["place 1", "place 4"],
        "product 2": ["place 3"],
    }
    rows = "".join(f"product 0,sku {number},name {place}\n" for place, number in enumerate(numbers))
    file = f"product_id,source_id,sku\n{rows}".encode()
    await client.post("/v1/skus/importCSV", files={"file": ("skus.csv", file)})
    await worker.run_until_idle()
    skus = (await client.get("/v1/products/product%200/skus")).json()["skus"]
    assert {sku["source_id"]: sku["sku"] for sku in skus} == {
        "sku 0": "name 2",
        "sku 1": "name 4",
        "sku 2": "name 3",
    }
