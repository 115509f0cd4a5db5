"""Categories over HTTP."""

import asyncio
import re
from typing import Any

import asyncpg
import httpx
import pytest

from openvoucher.platform.db import Database

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "cat_" + "0" * 32


async def create(client: httpx.AsyncClient, name: str, hierarchy: int = 1) -> dict[str, Any]:
    answer = await client.post("/v1/categories", json={"name": name, "hierarchy": hierarchy})
    assert answer.status_code == 200, answer.text
    category: dict[str, Any] = answer.json()
    return category


def not_found(sent: str, request_id: str) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find category with id {sent}",
        "request_id": request_id,
        "resource_id": sent,
        "resource_type": "category",
    }


def duplicate(name: str, request_id: str) -> dict[str, Any]:
    return {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": f"Duplicated category exists with name {name}",
        "request_id": request_id,
        "resource_id": name,
        "resource_type": "category",
    }


# --- create, read, update, delete ------------------------------------------------------------------


async def test_a_new_category_has_no_update_date(client: httpx.AsyncClient) -> None:
    category = await create(client, "Spring", 3)
    assert list(category) == ["id", "name", "hierarchy", "created_at", "object"]
    assert re.fullmatch(r"cat_[0-9a-f]{32}", category["id"])
    assert INSTANT.fullmatch(category["created_at"])
    assert (category["name"], category["hierarchy"], category["object"]) == ("Spring", 3, "category")
    answer = await client.get(f"/v1/categories/{category['id']}")
    assert (answer.status_code, answer.json()) == (200, category)


async def test_all_categories_are_listed_from_the_highest_hierarchy_down(client: httpx.AsyncClient) -> None:
    for name, hierarchy in (("low", 1), ("high", 30), ("middle", 2)):
        await create(client, name, hierarchy)
    answer = await client.get("/v1/categories")
    assert answer.status_code == 200
    listing = answer.json()
    assert [category["name"] for category in listing.pop("data")] == ["high", "middle", "low"]
    assert listing == {"object": "list", "data_ref": "data", "total": 3}


async def test_a_list_of_categories_has_no_pages(client: httpx.AsyncClient) -> None:
    for number in range(11):
        await create(client, f"category {number}", number)
    listing = (await client.get("/v1/categories")).json()
    assert (len(listing["data"]), listing["total"]) == (11, 11)


async def test_a_project_without_categories_has_an_empty_list(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/categories")
    assert answer.json() == {"object": "list", "data_ref": "data", "data": [], "total": 0}


async def test_an_update_changes_both_values_and_dates_it(client: httpx.AsyncClient) -> None:
    category = await create(client, "Spring", 3)
    answer = await client.put(f"/v1/categories/{category['id']}", json={"name": "Summer", "hierarchy": 0})
    assert answer.status_code == 200
    updated = answer.json()
    assert list(updated) == ["id", "name", "hierarchy", "created_at", "updated_at", "object"]
    assert INSTANT.fullmatch(updated["updated_at"])
    assert updated == {
        **category,
        "name": "Summer",
        "hierarchy": 0,
        "updated_at": updated["updated_at"],
    }
    assert (await client.get(f"/v1/categories/{category['id']}")).json() == updated


async def test_a_deleted_category_is_gone_and_its_name_is_free(client: httpx.AsyncClient) -> None:
    category = await create(client, "Spring")
    answer = await client.delete(f"/v1/categories/{category['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    again = await client.delete(f"/v1/categories/{category['id']}")
    assert again.json() == not_found(category["id"], again.json()["request_id"])
    assert (await create(client, "Spring"))["id"] != category["id"]


async def test_stacking_rules_may_be_named_in_a_deletion(client: httpx.AsyncClient) -> None:
    for value in ("true", "false"):
        category = await create(client, "Spring")
        answer = await client.delete(
            f"/v1/categories/{category['id']}", params={"remove_from_stacking_rules": value}
        )
        assert answer.status_code == 204


async def test_a_deletion_with_a_flag_that_is_none_does_nothing(client: httpx.AsyncClient) -> None:
    category = await create(client, "Spring")
    answer = await client.delete(
        f"/v1/categories/{category['id']}", params={"remove_from_stacking_rules": "maybe"}
    )
    assert answer.status_code == 400
    assert answer.json()["key"] == "invalid_query_params"
    assert answer.json()["details"] == "Property .remove_from_stacking_rules must be boolean"
    assert (await client.get(f"/v1/categories/{category['id']}")).json() == category


# --- what a body may hold ---------------------------------------------------------------------------


async def test_a_wrong_body_creates_and_changes_nothing(client: httpx.AsyncClient) -> None:
    category = await create(client, "Autumn")
    for answer in (
        await client.post("/v1/categories", json={"name": "Winter"}),
        await client.put(f"/v1/categories/{category['id']}", json={"name": "Winter"}),
    ):
        assert answer.status_code == 400
        assert answer.json() == {
            "code": 400,
            "key": "invalid_payload",
            "message": "Invalid payload",
            "details": "Payload must have required property 'hierarchy'",
            "request_id": answer.headers["X-Request-Id"],
        }
    assert (await client.get("/v1/categories")).json()["data"] == [category]


async def test_a_hierarchy_may_be_as_large_as_any_client_can_read(client: httpx.AsyncClient) -> None:
    for hierarchy in (0, 2**53):
        category = await create(client, f"hierarchy {hierarchy}", hierarchy)
        answer = await client.get(f"/v1/categories/{category['id']}")
        assert answer.json()["hierarchy"] == hierarchy


async def test_a_name_of_the_greatest_length_fits_the_index_in_any_script(client: httpx.AsyncClient) -> None:
    # Four bytes each and no two alike, so that compression does not help.
    name = "".join(chr(0x20000 + 7 * number) for number in range(500))
    category = await create(client, name)
    assert (await client.get(f"/v1/categories/{category['id']}")).json()["name"] == name


async def test_unknown_properties_are_ignored(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/categories", json={"name": "Spring", "hierarchy": 1, "color": "green"})
    assert answer.status_code == 200
    assert "color" not in answer.json()


# --- names are unique ------------------------------------------------------------------------------


async def test_a_second_category_of_a_name_is_refused(client: httpx.AsyncClient) -> None:
    first = await create(client, "Spring", 1)
    answer = await client.post("/v1/categories", json={"name": "Spring", "hierarchy": 2})
    assert answer.status_code == 409
    assert answer.json() == duplicate("Spring", answer.headers["X-Request-Id"])
    assert (await client.get("/v1/categories")).json()["data"] == [first]


async def test_a_category_cannot_be_renamed_to_the_name_of_another(client: httpx.AsyncClient) -> None:
    await create(client, "Spring")
    summer = await create(client, "Summer")
    answer = await client.put(f"/v1/categories/{summer['id']}", json={"name": "Spring", "hierarchy": 9})
    assert answer.status_code == 409
    assert answer.json() == duplicate("Spring", answer.headers["X-Request-Id"])
    assert (await client.get(f"/v1/categories/{summer['id']}")).json() == summer


async def test_a_category_may_keep_its_name_in_an_update(client: httpx.AsyncClient) -> None:
    spring = await create(client, "Spring", 1)
    answer = await client.put(f"/v1/categories/{spring['id']}", json={"name": "Spring", "hierarchy": 2})
    assert (answer.status_code, answer.json()["hierarchy"]) == (200, 2)


async def test_names_are_told_apart_as_they_are_spelled(client: httpx.AsyncClient) -> None:
    for name in ("Spring", "spring", "Spring "):
        await create(client, name)
    assert (await client.get("/v1/categories")).json()["total"] == 3


async def statuses_of_eight_creations_at_once(client: httpx.AsyncClient) -> list[int]:
    answers = await asyncio.gather(
        *(client.post("/v1/categories", json={"name": "Spring", "hierarchy": 1}) for _ in range(8))
    )
    return sorted(answer.status_code for answer in answers)


async def test_of_eight_creations_of_one_name_at_once_one_succeeds(client: httpx.AsyncClient) -> None:
    assert await statuses_of_eight_creations_at_once(client) == [200] + [409] * 7
    assert (await client.get("/v1/categories")).json()["total"] == 1


async def test_without_the_constraint_all_eight_creations_succeed(
    client: httpx.AsyncClient, db: Database
) -> None:
    async with db.connection() as connection:
        await connection.execute("alter table category drop constraint category_name_is_unique")
    assert await statuses_of_eight_creations_at_once(client) == [200] * 8


@pytest.mark.parametrize(("end", "status"), [("commit", 409), ("rollback", 200)])
async def test_a_creation_waits_for_another_one_of_its_name(
    client: httpx.AsyncClient, db: Database, database_url: str, end: str, status: int
) -> None:
    other = await asyncpg.connect(database_url)
    try:
        await other.execute("begin")
        await other.execute(
            "insert into category (project_id, id, name, hierarchy, created_at)"
            " select id, gen_random_uuid(), 'Spring', 1, now() from project"
        )
        creation = asyncio.create_task(client.post("/v1/categories", json={"name": "Spring", "hierarchy": 1}))
        pid = await other.fetchval("select pg_backend_pid()")
        async with db.connection() as connection:
            while not await connection.fetchval(
                "select exists (select 1 from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))", pid
            ):
                assert not creation.done(), creation.result().text
        await other.execute(end)
        answer = await creation
    finally:
        await other.close()
    assert answer.status_code == status
    assert (await client.get("/v1/categories")).json()["total"] == 1


# --- what is not there ------------------------------------------------------------------------------


async def test_an_unknown_id_is_not_found_whatever_it_looks_like(client: httpx.AsyncClient) -> None:
    category = await create(client, "Spring")
    ids = ["cat_0b5f49fb31c3bf6ab0", "Spring", "v_" + "0" * 32, category["id"].upper(), "a/b", "%", "ü"]
    for sent in (UNKNOWN, *ids):
        path = "/v1/categories/" + "".join(f"%{byte:02X}" for byte in sent.encode())
        for answer in (
            await client.get(path),
            await client.put(path, json={"name": "Summer", "hierarchy": 1}),
            await client.delete(path),
        ):
            assert answer.status_code == 404
            assert answer.json() == not_found(sent, answer.headers["X-Request-Id"])
    assert (await client.get("/v1/categories")).json()["data"] == [category]


async def test_another_projects_category_answers_like_one_that_never_was(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    spring = await create(client, "Spring")
    path = f"/v1/categories/{spring['id']}"
    for answer in (
        await other_client.get(path),
        await other_client.put(path, json={"name": "Summer", "hierarchy": 1}),
        await other_client.delete(path),
    ):
        assert answer.status_code == 404
        assert answer.json() == not_found(spring["id"], answer.headers["X-Request-Id"])
    assert (await other_client.get("/v1/categories")).json()["total"] == 0
    assert (await client.get(path)).json() == spring


async def test_two_projects_may_use_one_name(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    mine, theirs = await create(client, "Spring"), await create(other_client, "Spring")
    assert (await client.get("/v1/categories")).json()["data"] == [mine]
    assert (await other_client.get("/v1/categories")).json()["data"] == [theirs]
