"""Metadata schemas over HTTP, for server keys and for management keys."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from openvoucher.app import make_app
from openvoucher.features.metadata_schemas import store
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "ms_" + "0" * 32
TEXT = {"type": "string", "array": False, "optional": True, "objectType": None}


@pytest.fixture
async def management(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the management key pair; its paths start at the metadata schemas of the project."""
    pair = keys["management"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False),
        base_url=f"http://test/management/v1/projects/{show_id('proj', project.uid)}/metadata-schemas",
        headers={"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret},
    ) as http:
        yield http


async def create(
    client: httpx.AsyncClient, related_object: str, properties: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    body = {"related_object": related_object, "properties": properties or {}, **more}
    answer = await client.post("/v1/metadata-schemas", json=body)
    assert answer.status_code == 200, answer.text
    schema: dict[str, Any] = answer.json()
    return schema


async def update(client: httpx.AsyncClient, resource: str, properties: dict[str, Any]) -> httpx.Response:
    return await client.put(f"/v1/metadata-schemas/{resource}", json={"properties": properties})


async def definitions(client: httpx.AsyncClient, resource: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/metadata-schemas/{resource}")
    assert answer.status_code == 200, answer.text
    properties: dict[str, Any] = answer.json()["properties"]
    return properties


def not_found(sent: str, answer: httpx.Response) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find metadata schema with id {sent}",
        "request_id": answer.headers["X-Request-Id"],
        "resource_id": sent,
        "resource_type": "metadata schema",
    }


def invalid(details: str, answer: httpx.Response) -> dict[str, Any]:
    return {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": details,
        "request_id": answer.headers["X-Request-Id"],
    }


# --- create, read, list, delete --------------------------------------------------------------------


async def test_a_new_schema_is_shown_with_its_defaults(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/metadata-schemas",
        json={"related_object": "campaign", "properties": {"color": {"type": "string"}}},
    )
    assert answer.status_code == 200
    schema = answer.json()
    assert re.fullmatch(r"ms_[0-9a-f]{32}", schema["id"])
    assert INSTANT.fullmatch(schema["created_at"])
    assert schema == {
        "id": schema["id"],
        "related_object": "campaign",
        "properties": {"color": TEXT},
        "allow_defined_only": False,
        "created_at": schema["created_at"],
        "updated_at": None,
        "object": "metadata_schema",
    }


async def test_only_the_name_of_the_object_is_required(client: httpx.AsyncClient) -> None:
    for sent in ({}, {"properties": None, "allow_defined_only": None}, {"allow_defined_only": True}):
        answer = await client.post("/v1/metadata-schemas", json={"related_object": f"x{len(sent)}", **sent})
        assert (answer.status_code, answer.json()["properties"]) == (200, {})
        assert answer.json()["allow_defined_only"] is bool(sent.get("allow_defined_only"))


async def test_every_rule_comes_back_as_it_was_set(client: httpx.AsyncClient) -> None:
    properties = {
        "size": {
            "type": "number",
            "array": True,
            "optional": False,
            "objectType": None,
            "eq": [1, 2.5, 3],
            "ne": [4],
            "lt": 10,
            "lte": 9.25,
            "gt": -1,
            "gte": 0,
        },
        "code": {**TEXT, "eq": ["a", "b"], "minLength": 1, "maxLength": 5, "exactLength": 3},
        "on": {"type": "boolean", "array": False, "optional": True, "objectType": None},
        "home": {"type": "geopoint", "array": False, "optional": True, "objectType": None},
        "born": {"type": "date", "array": False, "optional": True, "objectType": None},
        "seen": {"type": "datetime", "array": False, "optional": True, "objectType": None},
        "face": {"type": "image_url", "array": False, "optional": True, "objectType": None},
        "pay": {"type": "object", "array": False, "optional": True, "objectType": "Payment"},
    }
    await create(client, "customer", properties)
    assert await definitions(client, "customer") == properties


async def test_nothing_set_and_whole_numbers_have_one_form(client: httpx.AsyncClient) -> None:
    await create(
        client,
        "voucher",
        {
            "a": {"type": "string", "array": None, "optional": None, "eq": [], "minLength": None},
            "b": {"type": "number", "lt": 10.0, "eq": [1.0, -0.0], "deleted": False},
            "c": {"type": "object"},
            "d": {"type": "string", "objectType": "Payment", "deleted": None},
        },
    )
    answer = await client.get("/v1/metadata-schemas/voucher")
    assert '"lt":10}' in answer.text or '"lt":10,' in answer.text
    assert answer.json()["properties"] == {
        "a": TEXT,
        "b": {"type": "number", "array": False, "optional": True, "objectType": None, "eq": [1, 0], "lt": 10},
        "c": {"type": "object", "array": False, "optional": True, "objectType": "unknown"},
        "d": TEXT,
    }


async def test_a_schema_is_found_by_name_and_by_id(client: httpx.AsyncClient) -> None:
    campaign, named = await create(client, "campaign"), await create(client, "Payment / Tax")
    for path, schema in (
        ("campaign", campaign),
        (campaign["id"], campaign),
        ("Payment%20%2F%20Tax", named),
        (named["id"], named),
    ):
        answer = await client.get(f"/v1/metadata-schemas/{path}")
        assert (answer.status_code, answer.json()) == (200, schema)


async def test_an_id_goes_before_a_schema_that_is_called_like_it(client: httpx.AsyncClient) -> None:
    campaign = await create(client, "campaign")
    disguised = await create(client, campaign["id"])
    path = f"/v1/metadata-schemas/{campaign['id']}"
    assert (await client.get(path)).json() == campaign
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json() == disguised


async def test_schemas_are_listed_by_name(client: httpx.AsyncClient, management: httpx.AsyncClient) -> None:
    schemas = {name: await create(client, name) for name in ("voucher", "campaign", "Payment")}
    names = ["Payment", "campaign", "voucher"]
    assert (await client.get("/v1/metadata-schemas")).json() == {
        "object": "list",
        "data_ref": "schemas",
        "schemas": [schemas[name] for name in names],
        "total": 3,
    }
    assert (await management.get("")).json() == {
        "object": "list",
        "data_ref": "data",
        "data": [schemas[name] for name in names],
        "total": 3,
    }


async def test_a_second_schema_of_a_name_is_refused(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    first = await create(client, "voucher", {"color": TEXT})
    body = {"related_object": "voucher", "properties": {}}
    for answer in (
        await client.post("/v1/metadata-schemas", json=body),
        await management.post("", json=body),
    ):
        assert answer.status_code == 409
        assert answer.json() == {
            "code": 409,
            "key": "duplicate_found",
            "message": "Duplicated resource found",
            "details": "Duplicated metadata schema exists with related_object voucher",
            "request_id": answer.headers["X-Request-Id"],
            "resource_id": "voucher",
            "resource_type": "metadata schema",
        }
    assert (await client.get("/v1/metadata-schemas")).json()["schemas"] == [first]


async def test_of_eight_creations_at_once_one_succeeds(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(client.post("/v1/metadata-schemas", json={"related_object": "voucher"}) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


async def test_without_the_constraint_all_eight_creations_succeed(
    client: httpx.AsyncClient, db: Database
) -> None:
    async with db.connection() as connection:
        await connection.execute("alter table metadata_schema drop constraint metadata_schema_is_unique")
    answers = await asyncio.gather(
        *(client.post("/v1/metadata-schemas", json={"related_object": "voucher"}) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [200] * 8


@pytest.mark.parametrize("by", ["id", "related_object"])
async def test_a_deleted_schema_is_gone_and_its_name_is_free(client: httpx.AsyncClient, by: str) -> None:
    schema = await create(client, "voucher", {"color": TEXT})
    path = f"/v1/metadata-schemas/{schema[by]}"
    answer = await client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for answer in (await client.get(path), await client.put(path, json={}), await client.delete(path)):
        assert (answer.status_code, answer.json()) == (404, not_found(schema[by], answer))
    assert (await create(client, "voucher"))["properties"] == {}


async def test_an_unknown_schema_is_not_found(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(client, "campaign")
    names = (UNKNOWN, "ms_yqMHRHH6S1KYIHPmQHealNf4", "earning_rules", "Campaign", "ü%")
    clients = ((client, "/v1/metadata-schemas/"), (management, "/"))
    for sent, (http, prefix) in itertools.product(names, clients):
        path = "".join(f"%{byte:02X}" for byte in sent.encode())
        for answer in (
            await http.get(prefix + path),
            await http.put(prefix + path, json={}),
            await http.delete(prefix + path),
        ):
            assert (answer.status_code, answer.json()) == (404, not_found(sent, answer))


# --- updates ---------------------------------------------------------------------------------------


async def test_an_update_replaces_what_it_lists_and_leaves_the_rest(client: httpx.AsyncClient) -> None:
    schema = await create(
        client,
        "voucher",
        {"kept": {**TEXT, "eq": ["a"]}, "changed": {**TEXT, "eq": ["a"], "optional": False}},
    )
    answer = await update(client, "voucher", {"changed": {"type": "string", "minLength": 2}, "new": TEXT})
    assert answer.status_code == 200
    updated = answer.json()
    assert INSTANT.fullmatch(updated["updated_at"])
    assert updated == {
        **schema,
        "properties": {"kept": {**TEXT, "eq": ["a"]}, "changed": {**TEXT, "minLength": 2}, "new": TEXT},
        "updated_at": updated["updated_at"],
    }
    assert (await client.get("/v1/metadata-schemas/voucher")).json() == updated


async def test_allow_defined_only_is_changed_by_itself(client: httpx.AsyncClient) -> None:
    schema = await create(client, "voucher", {"color": TEXT})
    for sent, shown in (
        ({"allow_defined_only": True}, True),
        ({}, True),
        ({"allow_defined_only": False}, False),
    ):
        answer = await client.put(f"/v1/metadata-schemas/{schema['id']}", json=sent)
        assert answer.status_code == 200
        assert answer.json()["allow_defined_only"] is shown
        assert answer.json()["properties"] == {"color": TEXT}


async def test_nulls_change_nothing(client: httpx.AsyncClient) -> None:
    await create(client, "voucher", {"color": TEXT}, allow_defined_only=True)
    answer = await client.put(
        "/v1/metadata-schemas/voucher", json={"properties": None, "allow_defined_only": None}
    )
    assert (answer.status_code, answer.json()["properties"]) == (200, {"color": TEXT})
    assert answer.json()["allow_defined_only"] is True


async def test_what_else_a_body_says_is_ignored(client: httpx.AsyncClient) -> None:
    schema = await create(client, "voucher", {"color": TEXT})
    answer = await client.put(
        "/v1/metadata-schemas/voucher", json={"related_object": "campaign", "id": UNKNOWN, "object": 5}
    )
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["related_object"]) == (schema["id"], "voucher")


async def test_a_removed_definition_stays_and_can_come_back(client: httpx.AsyncClient) -> None:
    await create(client, "voucher", {"color": {**TEXT, "eq": ["red"]}})
    answer = await update(client, "voucher", {"color": {"type": "string", "eq": ["red"], "deleted": True}})
    assert answer.json()["properties"] == {"color": {**TEXT, "eq": ["red"], "deleted": True}}
    assert await definitions(client, "voucher") == {"color": {**TEXT, "eq": ["red"], "deleted": True}}
    answer = await update(client, "voucher", {"color": {"type": "string"}})
    assert answer.json()["properties"] == {"color": TEXT}


@pytest.mark.parametrize("removed", [False, True])
async def test_the_type_of_a_definition_is_for_ever(client: httpx.AsyncClient, removed: bool) -> None:
    color = {**TEXT, "deleted": True} if removed else TEXT
    schema = await create(client, "voucher", {"color": color})
    answer = await update(client, "voucher", {"color": {"type": "number"}, "new": TEXT})
    details = "Property .properties.color.type must be string: it cannot be changed"
    assert (answer.status_code, answer.json()) == (400, invalid(details, answer))
    assert (await client.get("/v1/metadata-schemas/voucher")).json() == schema


async def test_a_schema_has_at_most_a_hundred_definitions(client: httpx.AsyncClient) -> None:
    hundred = {f"key {number}": TEXT for number in range(100)}
    details = "Property .properties must NOT have more than 100 properties"
    answer = await client.post(
        "/v1/metadata-schemas", json={"related_object": "voucher", "properties": {**hundred, "more": TEXT}}
    )
    assert (answer.status_code, answer.json()) == (400, invalid(details, answer))
    assert (await client.get("/v1/metadata-schemas")).json()["total"] == 0
    await create(client, "voucher", hundred)
    answer = await update(client, "voucher", {"more": TEXT})
    assert (answer.status_code, answer.json()) == (400, invalid(details, answer))
    assert await definitions(client, "voucher") == hundred


async def test_removed_definitions_count_for_the_hundred(client: httpx.AsyncClient) -> None:
    hundred = {f"key {number}": TEXT for number in range(100)}
    await create(client, "voucher", {**hundred, "key 0": {**TEXT, "deleted": True}})
    assert (await update(client, "voucher", {"more": TEXT})).status_code == 400
    assert (await update(client, "voucher", {"key 0": TEXT})).status_code == 200


async def send_two_updates_at_once(client: httpx.AsyncClient, db: Database, database_url: str) -> None:
    """Both are past their first look at the schema, and waiting for its row, before either writes."""
    holder = await asyncpg.connect(database_url)
    try:
        await holder.execute("begin")
        await holder.execute("select 1 from metadata_schema for update")
        updates = [
            asyncio.create_task(update(client, "voucher", {key: {"type": "string"}})) for key in ("b", "c")
        ]
        async with db.connection() as connection:
            # Waiting are the two updates and nobody else; the second of them stands behind the first.
            while await connection.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and cardinality(pg_blocking_pids(pid)) > 0"
            ) < len(updates):
                assert not any(task.done() for task in updates)
        await holder.execute("rollback")
        assert [answer.status_code for answer in await asyncio.gather(*updates)] == [200, 200]
    finally:
        await holder.close()


async def test_two_updates_at_once_both_count(
    client: httpx.AsyncClient, db: Database, database_url: str
) -> None:
    await create(client, "voucher", {"a": TEXT})
    await send_two_updates_at_once(client, db, database_url)
    assert await definitions(client, "voucher") == {"a": TEXT, "b": TEXT, "c": TEXT}


async def test_without_the_lock_one_of_two_updates_is_lost(
    client: httpx.AsyncClient, db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_without_lock(connection: Connection, project_id: int, schema_id: Any) -> Row | None:
        return await store.find_schema(connection, project_id, schema_id, None)

    monkeypatch.setattr(store, "lock_schema", read_without_lock)
    await create(client, "voucher", {"a": TEXT})
    await send_two_updates_at_once(client, db, database_url)
    assert len(await definitions(client, "voucher")) == 2


# --- definitions that are refused --------------------------------------------------------------------


async def test_a_wrong_definition_creates_and_changes_nothing(client: httpx.AsyncClient) -> None:
    schema = await create(client, "campaign")
    properties = {"good": TEXT, "bad.one": {"type": "string", "lt": 5}}
    body = {"related_object": "voucher", "properties": properties}
    for answer in (
        await client.post("/v1/metadata-schemas", json=body),
        await update(client, "campaign", properties),
    ):
        details = "Property .properties.bad.one.lt must be left out: it is for the type number"
        assert (answer.status_code, answer.json()) == (400, invalid(details, answer))
    assert (await client.get("/v1/metadata-schemas")).json()["schemas"] == [schema]


async def test_a_refused_definition_is_named_in_the_spelling_of_its_api(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    definition = {"type": "number", "max_length": 1, "maxLength": 1}
    body = {"related_object": "voucher", "properties": {"a": definition}}
    for http, path, name in ((client, "/v1/metadata-schemas", "maxLength"), (management, "", "max_length")):
        answer = await http.post(path, json=body)
        details = f"Property .properties.a.{name} must be left out: it is for the type string"
        assert (answer.status_code, answer.json()) == (400, invalid(details, answer))


WRONG_BODIES: list[tuple[Any, str]] = [
    ({}, "Payload must have required property 'related_object'"),
    ({"related_object": None}, "Property .related_object must be string"),
    ({"related_object": ""}, "Property .related_object must NOT have fewer than 1 characters"),
    ({"related_object": "x" * 501}, "Property .related_object must NOT have more than 500 characters"),
    ({"related_object": "voucher", "properties": []}, "Property .properties must be object,null"),
    (
        {"related_object": "voucher", "allow_defined_only": 1},
        "Property .allow_defined_only must be boolean,null",
    ),
    (
        {"related_object": "voucher", "properties": {"": TEXT}},
        "Property .properties must have property names of 1 to 500 characters",
    ),
    (
        {"related_object": "voucher", "properties": {"x" * 501: TEXT}},
        "Property .properties must have property names of 1 to 500 characters",
    ),
]


async def test_a_wrong_body_creates_nothing(client: httpx.AsyncClient, management: httpx.AsyncClient) -> None:
    for body, details in WRONG_BODIES:
        for answer in (
            await client.post("/v1/metadata-schemas", json=body),
            await management.post("", json=body),
        ):
            assert (answer.status_code, answer.json()) == (400, invalid(details, answer))
    assert (await client.get("/v1/metadata-schemas")).json()["total"] == 0


# --- two spellings of one thing ----------------------------------------------------------------------

CAMEL = {
    "a": {**TEXT, "minLength": 1, "maxLength": 5, "exactLength": 3},
    "b": {"type": "object", "array": True, "optional": False, "objectType": "Payment", "deleted": True},
}
SNAKE: dict[str, Any] = {
    "a": {
        "type": "string",
        "array": False,
        "optional": True,
        "object_type": None,
        "min_length": 1,
        "max_length": 5,
        "exact_length": 3,
    },
    "b": {"type": "object", "array": True, "optional": False, "object_type": "Payment", "deleted": True},
}


async def test_management_writes_and_reads_snake_case(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    answer = await management.post(
        "", json={"related_object": "voucher", "properties": SNAKE, "allow_defined_only": True}
    )
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["properties"] == SNAKE
    assert (await management.get(f"/{schema['id']}")).json() == schema
    assert (await client.get("/v1/metadata-schemas/voucher")).json() == {**schema, "properties": CAMEL}


async def test_what_server_keys_write_management_reads_and_changes(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    schema = await create(client, "voucher", CAMEL)
    path = f"/{schema['id']}"
    assert (await management.get(path)).json() == {**schema, "properties": SNAKE}
    answer = await management.put(path, json={"properties": {"a": {"type": "string", "max_length": 9}}})
    assert answer.status_code == 200
    assert answer.json()["properties"]["b"] == SNAKE["b"]
    assert await definitions(client, "voucher") == {"a": {**TEXT, "maxLength": 9}, "b": CAMEL["b"]}
    answer = await management.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/v1/metadata-schemas")).json()["total"] == 0


async def test_the_other_apis_spelling_is_an_unknown_property(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(client, "voucher", {"a": {"type": "string", "min_length": 1}})
    await management.post(
        "", json={"related_object": "campaign", "properties": {"a": {"type": "string", "minLength": 1}}}
    )
    for name in ("voucher", "campaign"):
        assert await definitions(client, name) == {"a": TEXT}


async def test_management_asks_by_id_and_not_by_name(
    client: httpx.AsyncClient, management: httpx.AsyncClient
) -> None:
    await create(client, "voucher")
    answer = await management.get("/voucher")
    assert (answer.status_code, answer.json()) == (404, not_found("voucher", answer))


# --- whose project ------------------------------------------------------------------------------------


async def test_another_projects_schema_answers_like_one_that_never_was(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    schema = await create(client, "voucher", {"color": TEXT})
    for sent in (schema["id"], "voucher"):
        path = f"/v1/metadata-schemas/{sent}"
        for answer in (
            await other_client.get(path),
            await other_client.put(path, json={"properties": {"color": {"type": "number"}}}),
            await other_client.delete(path),
        ):
            assert (answer.status_code, answer.json()) == (404, not_found(sent, answer))
    assert (await other_client.get("/v1/metadata-schemas")).json()["total"] == 0
    assert (await create(other_client, "voucher"))["properties"] == {}
    assert (await client.get("/v1/metadata-schemas/voucher")).json() == schema


async def test_a_management_key_knows_no_project_but_its_own(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, management: httpx.AsyncClient, db: Database
) -> None:
    schema = await create(other_client, "voucher", {"color": TEXT})
    async with db.connection() as connection:
        other = await connection.fetchval("select uid from project where name = 'other'")
    body = {"related_object": "campaign"}
    for sent in (show_id("proj", other), "proj_" + "0" * 32, "proj_abc", "voucher"):
        path = f"http://test/management/v1/projects/{sent}/metadata-schemas"
        for answer in (
            await management.get(path),
            await management.post(path, json=body),
            await management.get(f"{path}/{schema['id']}"),
            await management.put(f"{path}/{schema['id']}", json=body),
            await management.delete(f"{path}/{schema['id']}"),
        ):
            assert answer.status_code == 404
            assert answer.json() == {
                "code": 404,
                "message": "Resource not found",
                "details": f"Cannot find project with id {sent}",
            }
    assert (await other_client.get("/v1/metadata-schemas")).json()["schemas"] == [schema]
    answer = await management.get(f"/{schema['id']}")
    assert (answer.status_code, answer.json()) == (404, not_found(schema["id"], answer))


async def test_keys_open_only_their_own_api(client: httpx.AsyncClient, management: httpx.AsyncClient) -> None:
    assert (await management.get("http://test/v1/metadata-schemas")).status_code == 401
    assert (await client.get(str(management.base_url))).status_code == 401
