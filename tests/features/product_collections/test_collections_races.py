"""Who makes and deletes at the same time."""

import asyncio

import httpx
import pytest

from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.product_collections import service, store
from openvoucher.features.products.service import resolve_items
from openvoucher.platform.db import Connection, Database

PATH = "/v1/product-collections"
SHIRTS = {"name": "Shirts", "products": [{"id": "shirt", "object": "product"}]}


async def make_collections(client: httpx.AsyncClient, *, before: int, at_once: int) -> list[int]:
    """Some one by one, then others at once; the statuses of those."""
    for number in range(before):
        answer = await client.post(PATH, json={"name": f"collection {number}"})
        assert answer.status_code == 200
    answers = await asyncio.gather(*(client.post(PATH, json={"name": "late"}) for _ in range(at_once)))
    for answer in answers:
        if answer.status_code != 200:
            assert answer.json()["details"] == "A project has 100 product collections at most"
            assert answer.json()["key"] == "invalid_payload"
    return sorted(answer.status_code for answer in answers)


async def test_a_project_has_a_hundred_collections_at_most(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    assert await make_collections(client, before=96, at_once=12) == [200] * 4 + [400] * 8
    listed = (await client.get(PATH)).json()
    assert listed["total"] == 100
    assert (await other_client.post(PATH, json={"name": "theirs"})).status_code == 200
    await client.delete(f"{PATH}/{listed['data'][0]['id']}")
    assert (await client.post(PATH, json={"name": "again"})).status_code == 200


async def test_without_the_lock_there_are_more(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = asyncio.Barrier(4)

    async def count_without_lock(connection: Connection, project_id: int) -> int:
        count = await store.count_collections(connection, project_id)
        if count >= 99:
            # All four have looked before the first of them writes.
            await together.wait()
        return count

    monkeypatch.setattr(store, "lock_collections", count_without_lock)
    assert await make_collections(client, before=99, at_once=4) == [200] * 4
    assert (await client.get(PATH)).json()["total"] == 103


async def test_a_product_that_is_being_deleted_cannot_be_put_into_a_collection(
    client: httpx.AsyncClient, db: Database
) -> None:
    await client.post("/v1/products", json={"source_id": "shirt"})
    locked = "select 1 from product where source_id = 'shirt' for no key update"
    async with holding_locks(db, locked) as connection:
        creation = asyncio.create_task(client.post(PATH, json=SHIRTS))
        await wait_for_waiting_statements(db, 1)
        await connection.execute("update product set deleted_at = now() where source_id = 'shirt'")
    answer = await creation
    assert (answer.status_code, answer.json()["resource_type"]) == (404, "product")
    assert (await client.get(PATH)).json()["total"] == 0


async def delete_while_it_is_put_into_a_collection(
    client: httpx.AsyncClient, db: Database, *, waiting: int
) -> tuple[httpx.Response, httpx.Response]:
    """Answers of the creation and of the deletion, which comes when the creation is at its last step and
    `waiting` statements wait for locks."""
    await client.post("/v1/products", json={"source_id": "shirt"})
    async with holding_locks(db, "lock table product_collection_item in share mode"):
        creation = asyncio.create_task(client.post(PATH, json=SHIRTS))
        await wait_for_waiting_statements(db, 1)
        deletion = asyncio.create_task(client.delete("/v1/products/shirt?force=true"))
        if waiting > 1:
            await wait_for_waiting_statements(db, waiting)
        else:
            await deletion
    return await creation, await deletion


async def test_a_product_that_is_being_put_into_a_collection_cannot_be_deleted(
    client: httpx.AsyncClient, db: Database
) -> None:
    created, refusal = await delete_while_it_is_put_into_a_collection(client, db, waiting=2)
    assert created.status_code == 200
    assert (refusal.status_code, refusal.json()["key"]) == (400, "resource_in_use")
    assert (await client.get("/v1/products/shirt")).status_code == 200


async def test_without_the_lock_the_collection_is_made_of_what_is_gone(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "lock_items", resolve_items)
    created, deleted = await delete_while_it_is_put_into_a_collection(client, db, waiting=1)
    assert (created.status_code, deleted.status_code) == (200, 204)
    assert (await client.get("/v1/products/shirt")).status_code == 404
