"""Customers one by one, over HTTP."""

import re
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from builders import a_refusal, not_there, read_refusal
from openvoucher.platform.db import Database
from shared_project import SharedProject

UNKNOWN = "cust_" + "0" * 32
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ADDRESS = {
    "city": "New York",
    "state": "NY",
    "line_1": "123 Main St.",
    "line_2": "APT 3 BLG 4",
    "country": "United States",
    "postal_code": "10001",
}
# Somebody who did nothing yet.
NOTHING_DONE = {
    "summary": {
        "redemptions": {
            "total_redeemed": 0,
            "total_failed": 0,
            "total_succeeded": 0,
            "total_rolled_back": 0,
            "total_rollback_failed": 0,
            "total_rollback_succeeded": 0,
            "gift": {"redeemed_amount": 0, "amount_to_go": 0},
            "loyalty_card": {"redeemed_points": 0, "points_to_go": 0},
        },
        "orders": {"total_amount": 0, "total_count": 0, "average_amount": 0, "last_order_amount": 0},
    },
    "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
    "referrals": {"total": 0, "campaigns": []},
}


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/customers", json=body)
    assert answer.status_code == 200, answer.text
    customer: dict[str, Any] = answer.json()
    return customer


async def get(client: httpx.AsyncClient, customer: dict[str, Any]) -> dict[str, Any]:
    """As it is stored: without the assets, which only this answer has."""
    answer = await client.get(f"/v1/customers/{customer['id']}")
    assert answer.status_code == 200, answer.text
    got: dict[str, Any] = answer.json()
    assert got.pop("assets") == {}
    return got


async def update(client: httpx.AsyncClient, customer: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = await client.put(f"/v1/customers/{customer['id']}", json=body)
    assert answer.status_code == 200, answer.text
    updated: dict[str, Any] = answer.json()
    return updated


async def list_events(db: Database, customer: dict[str, Any]) -> list[tuple[str, Any]]:
    """What is told of a customer: (type, data)."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select type, data from outbox where customer_id = $1 order by id",
            UUID(hex=customer["id"].removeprefix("cust_")),
        )
    return [(row["type"], row["data"]) for row in rows]


async def list_event_types(db: Database, customer: dict[str, Any]) -> list[str]:
    return [type for type, _ in await list_events(db, customer)]


def without_time(customer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in customer.items() if name not in ("created_at", "updated_at")}


# --- create ------------------------------------------------------------------------------------------


async def test_a_new_customer_shows_what_was_sent_and_an_empty_history(
    client: httpx.AsyncClient, code: str
) -> None:
    body = {
        "source_id": code,
        "name": "Bob Smith",
        "description": "A frequent customer",
        "email": "bob.smith@email.com",
        "phone": "+1 933 222 3333",
        "birthday": "2022-01-02",
        "birthdate": "2022-01-01",
        "address": ADDRESS,
        "metadata": {"lang": "en", "test": True},
    }
    customer = await create(client, **body)
    assert list(customer) == [
        "id",
        "source_id",
        "name",
        "description",
        "email",
        "phone",
        "birthday",
        "birthdate",
        "address",
        "summary",
        "loyalty",
        "referrals",
        "metadata",
        "system_metadata",
        "created_at",
        "object",
    ]
    assert re.fullmatch(r"cust_[0-9a-f]{32}", customer["id"])
    assert INSTANT.fullmatch(customer["created_at"])
    assert customer == {
        "id": customer["id"],
        **body,
        **NOTHING_DONE,
        "system_metadata": {},
        "created_at": customer["created_at"],
        "object": "customer",
    }
    assert await get(client, customer) == customer


async def test_of_a_customer_without_anything_the_address_is_null_and_the_rest_is_left_out(
    client: httpx.AsyncClient,
) -> None:
    customer = await create(client)
    assert customer == {
        "id": customer["id"],
        "source_id": None,
        "address": None,
        **NOTHING_DONE,
        "system_metadata": {},
        "created_at": customer["created_at"],
        "object": "customer",
    }


async def test_without_a_source_id_each_creation_makes_another_customer(client: httpx.AsyncClient) -> None:
    ids = {(await create(client, name="Nobody", source_id=source_id))["id"] for source_id in (None, "", None)}
    assert len(ids) == 3


async def test_what_callers_cannot_set_is_ignored(client: httpx.AsyncClient, code: str) -> None:
    customer = await create(
        client,
        source_id=code,
        system_metadata={"source": "x"},
        summary={"orders": {"total_count": 7}},
        created_at="2020-01-01T00:00:00.000Z",
        object="voucher",
        whatever=[1],
    )
    assert customer["system_metadata"] == {}
    assert customer["summary"]["orders"]["total_count"] == 0
    assert not customer["created_at"].startswith("2020")
    assert "whatever" not in customer


async def test_metadata_and_names_come_back_as_they_were_sent(client: httpx.AsyncClient, code: str) -> None:
    metadata = {
        "": "empty",
        "ünïcode 🎟": "🎟",
        "deep": {"list": [1, 2.5, None, True, {"a": []}]},
        "big": 12345678901234567890,
    }
    customer = await create(client, source_id=f"{code} ünï/c?de&#🎟", name="O'Brien 🎟", metadata=metadata)
    assert (customer["metadata"], customer["name"]) == (metadata, "O'Brien 🎟")
    assert await get(client, customer) == customer


# --- upsert ------------------------------------------------------------------------------------------


async def test_a_known_source_id_is_updated_not_doubled(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    first = await create(client, source_id=code, name="Ann", metadata={"a": 1, "b": 1})
    second = await create(client, source_id=code, email="ann@x.com", metadata={"b": 2})
    assert INSTANT.fullmatch(second["updated_at"])
    assert second == {
        **first,
        "email": "ann@x.com",
        "metadata": {"a": 1, "b": 2},
        "updated_at": second["updated_at"],
    }
    assert await get(client, second) == second
    assert await list_event_types(db, first) == ["customer.created", "customer.updated"]


async def test_an_upsert_that_changes_nothing_leaves_no_trace(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    body = {
        "source_id": code,
        "name": "Ann",
        "phone": None,
        "birthdate": "1990-01-01",
        "address": ADDRESS,
        "metadata": {"a": {"b": [1, 2]}},
    }
    first = await create(client, **body)
    assert await create(client, **body) == first
    assert await create(client, source_id=code) == first
    assert await create(client, id=first["id"], name="Ann") == first
    assert await update(client, first, **body) == first
    assert await update(client, first) == first
    assert "updated_at" not in first
    assert await list_event_types(db, first) == ["customer.created"]


async def test_the_id_decides_and_the_source_id_beside_it_does_not_count(
    client: httpx.AsyncClient, code: str
) -> None:
    ann = await create(client, source_id=f"{code}-ann")
    bob = await create(client, source_id=f"{code}-bob")
    changed = await create(client, id=ann["id"], source_id=f"{code}-bob", name="Ann")
    assert (changed["id"], changed["source_id"], changed["name"]) == (ann["id"], f"{code}-ann", "Ann")
    assert await get(client, bob) == bob


@pytest.mark.parametrize("sent", [UNKNOWN, "ann", "cust_ann"])
async def test_an_unknown_id_makes_nobody(client: httpx.AsyncClient, code: str, sent: str) -> None:
    answer = await client.post("/v1/customers", json={"id": sent, "source_id": code})
    assert read_refusal(answer) == not_there("customer", sent)
    assert (await client.get(f"/v1/customers/{code}")).status_code == 404


async def test_source_ids_are_told_apart_as_they_are_spelled(client: httpx.AsyncClient, code: str) -> None:
    ids = {(await create(client, source_id=each))["id"] for each in (code, code.lower(), f"{code} ")}
    assert len(ids) == 3


# --- read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["@example.com", " with spaces", "/with/slashes", "?a=b#c", "%2F", "🎟"])
async def test_a_customer_is_found_by_its_source_id(
    client: httpx.AsyncClient, code: str, ending: str
) -> None:
    customer = await create(client, source_id=code + ending)
    answer = await client.get(f"/v1/customers/{quote(code + ending, safe='')}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**customer, "assets": {}}


async def test_a_source_id_may_look_like_an_id(client: httpx.AsyncClient) -> None:
    customer = await create(client, source_id="cust_" + "ab" * 16)
    assert (await client.get(f"/v1/customers/cust_{'ab' * 16}")).json()["id"] == customer["id"]


@pytest.mark.parametrize("sent", [UNKNOWN, "nobody@example.com", "cust_" + "G" * 32])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/permanent-deletion"),
        ("PUT", "/consents"),
    ],
)
async def test_who_is_not_there_is_not_found(
    client: httpx.AsyncClient, method: str, path: str, sent: str
) -> None:
    body = {"name": "Ann"} if method == "PUT" else None
    answer = await client.request(method, f"/v1/customers/{quote(sent, safe='')}{path}", json=body)
    assert read_refusal(answer) == not_there("customer", sent)


async def test_another_project_sees_nothing_of_a_customer(shared_project: SharedProject, code: str) -> None:
    own, other = shared_project.client, shared_project.other_client
    customer = await create(own, source_id=code, name="Ann")
    for name in (customer["id"], code):
        answer = await other.get(f"/v1/customers/{name}")
        assert read_refusal(answer) == not_there("customer", name)
    assert read_refusal(await other.post("/v1/customers", json={"id": customer["id"]})) == not_there(
        "customer", customer["id"]
    )
    theirs = await create(other, source_id=code)
    assert theirs["id"] != customer["id"]
    assert await get(own, customer) == customer


# --- update ------------------------------------------------------------------------------------------


async def test_an_update_changes_what_was_sent_and_nothing_else(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    customer = await create(client, source_id=code, name="Ann", email="a@x", metadata={"a": 1})
    updated = await update(
        client, customer, name="Anna", metadata={"b": 2}, address={"city": "Paris"}, birthday="1990-01-01"
    )
    assert updated == {
        **customer,
        "name": "Anna",
        "metadata": {"a": 1, "b": 2},
        "address": {"city": "Paris"},
        "birthday": "1990-01-01",
        "updated_at": updated["updated_at"],
    }
    assert await get(client, updated) == updated
    assert await list_events(db, customer) == [("customer.created", {}), ("customer.updated", {})]


async def test_null_clears_and_stays_as_null(client: httpx.AsyncClient, code: str) -> None:
    fields = ("name", "description", "email", "phone", "birthday", "birthdate", "address", "metadata")
    customer = await create(
        client,
        source_id=code,
        name="Ann",
        description="x",
        email="a@x",
        birthday="1990-01-01",
        birthdate="1990-01-01",
        address=ADDRESS,
        metadata={"a": 1},
    )
    cleared = await update(client, customer, **dict.fromkeys(fields))
    assert {name: cleared[name] for name in fields} == dict.fromkeys(fields)
    assert cleared["source_id"] == code
    assert await get(client, customer) == cleared
    again = await update(client, customer, name="Ann", metadata={"b": 1})
    assert (again["name"], again["metadata"], again["email"]) == ("Ann", {"b": 1}, None)


async def test_a_source_id_never_changes(client: httpx.AsyncClient, code: str) -> None:
    customer = await create(client, source_id=code)
    nobody = await create(client)
    for sent in (f"{code}-new", None, ""):
        assert await update(client, customer, source_id=sent) == customer
    assert await update(client, nobody, source_id=f"{code}-new") == nobody
    assert (await client.get(f"/v1/customers/{code}-new")).status_code == 404


async def test_an_update_by_source_id_does_not_make_anybody(client: httpx.AsyncClient, code: str) -> None:
    answer = await client.put(f"/v1/customers/{code}", json={"name": "Ann"})
    assert read_refusal(answer) == not_there("customer", code)
    assert (await client.get(f"/v1/customers/{code}")).status_code == 404


# --- what a body may hold ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"name": 5}, "Property .name must be string,null"),
        ({"email": ["x"]}, "Property .email must be string,null"),
        ({"address": "Paris"}, "Property .address must be object,null"),
        ({"address": {"city": 5}}, "Property .address.city must be string,null"),
        ({"metadata": []}, "Property .metadata must be object,null"),
        ({"source_id": 5}, "Property .source_id must be string,null"),
        ({"source_id": "x" * 501}, "Property .source_id must NOT have more than 500 characters"),
        ({"email": "x" * 501}, "Property .email must NOT have more than 500 characters"),
        ({"birthdate": "soon"}, "Property .birthdate cannot be recognized as a ISO-8601 compliant date"),
        ([], "Payload must be object"),
    ],
)
async def test_a_body_of_another_form_makes_and_changes_nothing(
    client: httpx.AsyncClient, code: str, body: Any, details: str
) -> None:
    customer = await create(client, source_id=code)
    total = (await client.get("/v1/customers")).json()["total"]
    for answer in (
        await client.post("/v1/customers", json=body),
        await client.put(f"/v1/customers/{code}", json=body),
    ):
        assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert await get(client, customer) == customer
    assert (await client.get("/v1/customers")).json()["total"] == total


async def test_the_longest_ids_and_addresses_fit_their_indexes_in_any_script(
    client: httpx.AsyncClient,
) -> None:
    # Four bytes each and no two alike, so that compression does not help.
    longest = "".join(chr(0x20000 + 7 * number) for number in range(500))
    customer = await create(client, source_id=longest, email=longest)
    answer = await client.get(f"/v1/customers/{quote(longest, safe='')}")
    assert answer.json()["id"] == customer["id"]
    assert (await client.delete(f"/v1/customers/{customer['id']}")).status_code == 204


async def test_metadata_follow_the_schema_of_customers(client: httpx.AsyncClient, code: str) -> None:
    properties = {
        "rank": {"type": "number", "optional": False},
        "photo": {"type": "image_url", "optional": True},
    }
    schema = await client.post(
        "/v1/metadata-schemas", json={"related_object": "customer", "properties": properties}
    )
    try:
        await _follow_the_schema(client, code)
    finally:
        await client.delete(f"/v1/metadata-schemas/{schema.json()['id']}")


async def _follow_the_schema(client: httpx.AsyncClient, code: str) -> None:
    missing = "rank: must be a number, property is required (actual value is 'undefined')"
    answer = await client.post("/v1/customers", json={"source_id": code})
    assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", missing)
    wrong = "photo: must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'http.com')"
    answer = await client.post(
        "/v1/customers", json={"source_id": code, "metadata": {"rank": 1, "photo": "http.com"}}
    )
    assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", wrong)
    assert (await client.get(f"/v1/customers/{code}")).status_code == 404

    customer = await create(client, source_id=code, metadata={"rank": 1})
    # Of a change only what was sent is looked at; to clear all is to clear what must be there.
    assert (await create(client, source_id=code, name="Ann", metadata={"free": 1}))["metadata"] == {
        "rank": 1,
        "free": 1,
    }
    for method, path in (("POST", "/v1/customers"), ("PUT", f"/v1/customers/{customer['id']}")):
        for metadata, details in (({"photo": "http.com"}, wrong), (None, missing)):
            answer = await client.request(method, path, json={"source_id": code, "metadata": metadata})
            assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", details)
    assert (await get(client, customer))["metadata"] == {"rank": 1, "free": 1}


# --- delete ------------------------------------------------------------------------------------------


async def test_a_deleted_customer_is_out_of_sight_and_its_source_id_free(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    customer = await create(client, source_id=code, name="Ann")
    answer = await client.delete(f"/v1/customers/{code}")
    assert (answer.status_code, answer.content) == (204, b"")
    for name in (customer["id"], code):
        assert (await client.get(f"/v1/customers/{name}")).status_code == 404
        assert (await client.delete(f"/v1/customers/{name}")).status_code == 404
    assert (await client.get("/v1/customers", params={"source_id": code})).json()["total"] == 0
    answer = await client.post("/v1/customers", json={"id": customer["id"]})
    assert read_refusal(answer) == not_there("customer", customer["id"])

    again = await create(client, source_id=code)
    assert again["id"] != customer["id"]
    assert "name" not in again
    assert await list_event_types(db, again) == ["customer.created"]


async def test_the_event_of_a_deletion_brings_the_customer_as_it_is_called_from_then_on(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    customer = await create(client, source_id=code, name="Ann")
    await client.delete(f"/v1/customers/{code}")
    [_, (type, data)] = await list_events(db, customer)
    assert type == "customer.deleted"
    source_id = data["customer"]["source_id"]
    assert re.fullmatch(rf"{code}_deleted{INSTANT.pattern}", source_id)
    assert data == {"customer": {**customer, "source_id": source_id}}


async def test_who_has_no_source_id_has_none_after_the_deletion(
    client: httpx.AsyncClient, db: Database
) -> None:
    customer = await create(client)
    await client.delete(f"/v1/customers/{customer['id']}")
    [_, (_, data)] = await list_events(db, customer)
    assert data["customer"]["source_id"] is None


# --- consents ----------------------------------------------------------------------------------------


async def test_there_are_no_consents(client: httpx.AsyncClient) -> None:
    nothing = {"object": "list", "data_ref": "data", "data": [], "total": 0}
    answer = await client.get("/v1/consents")
    assert (answer.status_code, answer.json()) == (200, {"groups": nothing, "consents": nothing})


@pytest.mark.parametrize("body", [{"cnst_x": True}, {"unsubscribed": True}, None])
async def test_consents_are_taken_and_not_kept(
    client: httpx.AsyncClient, db: Database, code: str, body: Any
) -> None:
    customer = await create(client, source_id=code)
    answer = await client.put(f"/v1/customers/{code}/consents", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await get(client, customer) == customer
    assert await list_event_types(db, customer) == ["customer.created"]
