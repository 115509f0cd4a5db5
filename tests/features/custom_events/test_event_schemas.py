"""Schemas of custom events over HTTP, with the management key."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from openvoucher.features.custom_events import store
from openvoucher.features.projects.service import KINDS, make_key_pair
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id
from project_clients import make_project_with_keys, open_client
from projects import make_other_project

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "ms_" + "0" * 32
TEXT = {"type": "string", "optional": True}


async def create(
    management: httpx.AsyncClient, path: str, name: str, properties: dict[str, Any] | None = None
) -> dict[str, Any]:
    answer = await management.post(path, json={"name": name, "schema": {"properties": properties or {}}})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def refusal(answer: httpx.Response, status: int, key: str, message: str, details: str) -> dict[str, Any]:
    return {
        "code": status,
        "key": key,
        "message": message,
        "details": details,
        "request_id": answer.headers["X-Request-Id"],
    }


def not_found(answer: httpx.Response, sent: str) -> dict[str, Any]:
    details = f"Cannot find custom_event_schema with id {sent}"
    told = refusal(answer, 404, "not_found", "Resource not found", details)
    return {**told, "resource_id": sent, "resource_type": "custom_event_schema"}


async def list_names(management: httpx.AsyncClient, path: str) -> list[str]:
    return [schema["name"] for schema in (await management.get(path)).json()["data"]]


# --- create, read, change, delete ------------------------------------------------------------------------


async def test_a_schema_is_made_and_read(management: httpx.AsyncClient, schemas_path: str) -> None:
    properties = {
        "published": {"type": "boolean", "optional": True},
        "stars": {"type": "number", "optional": False},
        "at": {"type": "datetime", "optional": True},
        "day": {"type": "date", "optional": True},
        "text": TEXT,
    }

    made = await create(management, schemas_path, "review", properties)

    assert list(made) == ["id", "name", "schema", "created_at", "object"]
    assert re.fullmatch(r"ms_[0-9a-f]{32}", made["id"])
    assert INSTANT.fullmatch(made["created_at"])
    assert (made["name"], made["schema"], made["object"]) == (
        "review",
        {"properties": properties},
        "custom-event-schema",
    )
    answer = await management.get(f"{schemas_path}/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, made)


async def test_the_newest_schema_is_listed_first(management: httpx.AsyncClient, schemas_path: str) -> None:
    made = [await create(management, schemas_path, name) for name in ("sign_up", "review", "visit")]

    answer = await management.get(schemas_path)

    assert answer.json() == {"object": "list", "data_ref": "data", "data": made[::-1], "total": 3}


async def test_an_update_adds_replaces_and_removes_properties(
    management: httpx.AsyncClient, schemas_path: str
) -> None:
    made = await create(management, schemas_path, "review", {"kept": TEXT, "changed": TEXT, "removed": TEXT})

    answer = await management.put(
        f"{schemas_path}/{made['id']}",
        json={
            "name": "renamed",
            "schema": {
                "properties": {
                    "changed": {"type": "number", "optional": False},
                    "removed": {**TEXT, "deleted": True},
                    "added": {"type": "date", "optional": True, "deleted": False},
                }
            },
        },
    )

    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert INSTANT.fullmatch(changed.pop("updated_at"))
    assert changed == {
        **made,
        "schema": {
            "properties": {
                "kept": TEXT,
                "changed": {"type": "number", "optional": False},
                "removed": {**TEXT, "deleted": True},
                "added": {"type": "date", "optional": True},
            }
        },
    }


@pytest.mark.parametrize("body", [{}, {"schema": None}, {"schema": {}}, {"schema": {"properties": None}}])
async def test_an_update_of_nothing_keeps_all_properties(
    management: httpx.AsyncClient, schemas_path: str, body: dict[str, Any]
) -> None:
    made = await create(management, schemas_path, "review", {"kept": TEXT})

    answer = await management.put(f"{schemas_path}/{made['id']}", json=body)

    assert (answer.status_code, answer.json()["schema"]) == (200, made["schema"])


async def test_a_deleted_schema_is_gone_and_its_name_is_free(
    management: httpx.AsyncClient, schemas_path: str
) -> None:
    made = await create(management, schemas_path, "review")
    path = f"{schemas_path}/{made['id']}"

    answer = await management.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    for again in (
        await management.delete(path),
        await management.get(path),
        await management.put(path, json={}),
    ):
        assert (again.status_code, again.json()) == (404, not_found(again, made["id"]))
    await create(management, schemas_path, "review")


async def test_a_name_is_taken_once_as_it_is_spelled(
    management: httpx.AsyncClient, schemas_path: str
) -> None:
    await create(management, schemas_path, "sign-up", {"a": TEXT})

    answer = await management.post(schemas_path, json={"name": "sign-up", "schema": {"properties": {}}})

    details = "Duplicated custom_event_schema exists with name sign-up"
    assert (answer.status_code, answer.json()) == (
        409,
        {
            **refusal(answer, 409, "duplicate_found", "Duplicated resource found", details),
            "resource_id": "sign-up",
            "resource_type": "custom_event_schema",
        },
    )
    await create(management, schemas_path, "Sign-up")
    assert await list_names(management, schemas_path) == ["Sign-up", "sign-up"]


@pytest.mark.parametrize("sent", [UNKNOWN, "review", "ms_1", "cust_" + "0" * 32])
async def test_what_is_not_there_is_not_found(
    management: httpx.AsyncClient, schemas_path: str, sent: str
) -> None:
    await create(management, schemas_path, "review")

    for method in ("GET", "PUT", "DELETE"):
        answer = await management.request(method, f"{schemas_path}/{sent}", json={})
        assert (answer.status_code, answer.json()) == (404, not_found(answer, sent))


# --- refusals ----------------------------------------------------------------------------------------

ALLOWED = "[ string, number, date, datetime, boolean ]"


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"schema": {"properties": {}}}, "Payload must have required property 'name'"),
        ({"name": "x"}, "Payload must have required property 'schema'"),
        ({"name": "x", "schema": {}}, "Property .schema must have required property 'properties'"),
        ({"name": "", "schema": {"properties": {}}}, "Property .name must NOT have fewer than 1 characters"),
        (
            {"name": "x" * 301, "schema": {"properties": {}}},
            "Property .name must NOT have more than 300 characters",
        ),
        ({"name": "x", "schema": []}, "Property .schema must be object"),
        ({"name": "x", "schema": {"properties": []}}, "Property .schema.properties must be object,null"),
    ],
)
async def test_a_schema_that_cannot_be_is_not_made(
    management: httpx.AsyncClient, schemas_path: str, body: dict[str, Any], details: str
) -> None:
    answer = await management.post(schemas_path, json=body)

    assert (answer.status_code, answer.json()) == (
        400,
        refusal(answer, 400, "invalid_payload", "Invalid payload", details),
    )
    assert await list_names(management, schemas_path) == []


@pytest.mark.parametrize(
    ("properties", "details"),
    [
        ({"a": {"optional": True}}, "Property .schema.properties.a must have required property 'type'"),
        ({"a": {"type": "string"}}, "Property .schema.properties.a must have required property 'optional'"),
        ({"a": "string"}, "Property .schema.properties.a must be object"),
        (
            {"a": TEXT, "b c": {"type": "object", "optional": True}},
            f"Property .schema.properties.b c.type must be equal to one of the allowed values {ALLOWED}",
        ),
        ({"a": {**TEXT, "optional": 1}}, "Property .schema.properties.a.optional must be boolean"),
        ({"a": {**TEXT, "deleted": "no"}}, "Property .schema.properties.a.deleted must be boolean"),
        ({"": TEXT}, "Property .schema.properties must have property names of 1 to 500 characters"),
        (
            {f"key{number}": TEXT for number in range(101)},
            "Property .schema.properties must NOT have more than 100 properties",
        ),
    ],
)
async def test_a_property_that_cannot_be_is_refused_everywhere(
    management: httpx.AsyncClient, schemas_path: str, properties: dict[str, Any], details: str
) -> None:
    made = await create(management, schemas_path, "there", {"kept": TEXT})
    path = f"{schemas_path}/{made['id']}"

    for method, target in (("POST", schemas_path), ("PUT", path)):
        body = {"name": "new", "schema": {"properties": properties}}
        answer = await management.request(method, target, json=body)
        assert (answer.status_code, answer.json()) == (
            400,
            refusal(answer, 400, "invalid_payload", "Invalid payload", details),
        )
    assert (await management.get(schemas_path)).json()["data"] == [made]


# --- whose project -------------------------------------------------------------------------------------


async def test_another_projects_schema_answers_like_one_that_never_was(
    db: Database, settings: Settings, management: httpx.AsyncClient, schemas_path: str
) -> None:
    made = await create(management, schemas_path, "review", {"a": TEXT})
    their_keys = {kind: make_key_pair(kind) for kind in KINDS}
    theirs = await make_project_with_keys(db, their_keys)
    their_path = f"/management/v1/projects/{show_id('proj', theirs.uid)}/custom-event-schemas"
    async with open_client(db, settings, their_keys["management"]) as http:
        for method in ("GET", "PUT", "DELETE"):
            answer = await http.request(method, f"{their_path}/{made['id']}", json={})
            assert (answer.status_code, answer.json()) == (404, not_found(answer, made["id"]))
        assert (await http.get(their_path)).json()["data"] == []
        await create(http, their_path, "review")
    assert (await management.get(schemas_path)).json()["data"] == [made]


async def test_a_management_key_knows_no_project_but_its_own(
    db: Database, management: httpx.AsyncClient
) -> None:
    other = await make_other_project(db, make_key_pair("server"))
    for sent in (show_id("proj", other.uid), "proj_" + "0" * 32):
        path = f"/management/v1/projects/{sent}/custom-event-schemas"
        body = {"name": "x", "schema": {"properties": {}}}
        for answer in (
            await management.get(path),
            await management.post(path, json=body),
            await management.get(f"{path}/{UNKNOWN}"),
            await management.put(f"{path}/{UNKNOWN}", json=body),
            await management.delete(f"{path}/{UNKNOWN}"),
        ):
            assert (answer.status_code, answer.json()) == (
                404,
                {
                    "code": 404,
                    "message": "Resource not found",
                    "details": f"Cannot find project with id {sent}",
                },
            )


# --- two at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_locked", [True, False])
async def test_two_updates_at_once_are_both_kept_thanks_to_the_lock(
    management: httpx.AsyncClient, schemas_path: str, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    path = f"{schemas_path}/{(await create(management, schemas_path, 'review'))['id']}"
    both = asyncio.Barrier(2)
    plain = store.find_schema

    async def find_together(
        connection: Connection, project_id: int, schema_id: Any, *, lock: bool = False
    ) -> Row | None:
        if is_locked:
            await both.wait()
            return await plain(connection, project_id, schema_id, lock=lock)
        row = await plain(connection, project_id, schema_id)
        await both.wait()
        return row

    with monkeypatch.context() as patch:
        patch.setattr(store, "find_schema", find_together)
        await asyncio.gather(
            *(management.put(path, json={"schema": {"properties": {key: TEXT}}}) for key in ("a", "b"))
        )

    properties = (await management.get(path)).json()["schema"]["properties"]
    assert ({*properties} == {"a", "b"}) == is_locked


async def test_of_two_who_take_a_name_at_once_one_gets_it(
    management: httpx.AsyncClient, schemas_path: str
) -> None:
    body = {"name": "review", "schema": {"properties": {}}}

    answers = await asyncio.gather(*(management.post(schemas_path, json=body) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await list_names(management, schemas_path) == ["review"]
