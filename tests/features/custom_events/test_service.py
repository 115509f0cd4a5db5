"""Custom events told by servers, over HTTP."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from builders import a_campaign, a_voucher
from openvoucher.features.custom_events import store
from openvoucher.features.projects.service import make_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.wire.ids import new_id
from projects import NOW, make_other_project

UNKNOWN = "cust_" + "0" * 32


async def post(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def track(client: httpx.AsyncClient, **fields: Any) -> Any:
    return await post(client, "/v1/events", {"event": "visit", "customer": {"source_id": "ann"}, **fields})


async def refuse(client: httpx.AsyncClient, body: Any) -> tuple[int, Any, Any]:
    answer = await client.post("/v1/events", json=body)
    told = answer.json()
    return answer.status_code, told["key"], told["details"]


async def define(
    management: httpx.AsyncClient, schemas_path: str, name: str, properties: dict[str, Any]
) -> str:
    made = await post(management, schemas_path, {"name": name, "schema": {"properties": properties}})
    return str(made["id"])


async def read_events(db: Database, project: Project) -> list[dict[str, Any]]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select name, metadata, referral, loyalty from custom_event where project_id = $1 order by id",
            project.id,
        )
    return [dict(row) for row in rows]


async def read_outbox(db: Database, project: Project) -> list[dict[str, Any]]:
    async with db.connection() as connection:
        rows = await connection.fetch("select * from outbox where project_id = $1 order by id", project.id)
    return [dict(row) for row in rows]


async def count_all(db: Database, project: Project) -> tuple[int, ...]:
    async with db.connection() as connection:
        counts = [
            await connection.fetchval(f"select count(*) from {table} where project_id = $1", project.id)
            for table in ("customer", "custom_event", "outbox")
        ]
    return tuple(counts)


# --- what is answered and kept ---------------------------------------------------------------------------


async def test_an_event_is_kept_with_a_customer_who_was_not_there(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    customer = {"source_id": "ann", "name": "Ann", "email": "ann@shop.example", "metadata": {"vip": True}}

    tracked = await track(client, event="cart_abandoned", customer=customer)

    assert list(tracked) == ["object", "type", "customer", "referral", "loyalty"]
    customer_id = tracked["customer"].pop("id")
    assert re.fullmatch(r"cust_[0-9a-f]{32}", customer_id)
    assert tracked == {
        "object": "event",
        "type": "cart_abandoned",
        "customer": {**customer, "object": "customer"},
        "referral": None,
        "loyalty": None,
    }
    assert (await client.get("/v1/customers/ann")).json()["id"] == customer_id
    assert await read_events(db, project) == [
        {"name": "cart_abandoned", "metadata": None, "referral": None, "loyalty": None}
    ]


async def test_metadata_is_answered_where_it_was_sent(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    metadata = {"date": "2026-12-01", "flag": True, "text": "é", "number": 1.5, "list": [1, None]}

    assert (await track(client, metadata=metadata))["metadata"] == metadata
    assert (await track(client, metadata={}))["metadata"] == {}
    assert "metadata" not in await track(client, metadata=None)
    assert [event["metadata"] for event in await read_events(db, project)] == [metadata, {}, None]


async def test_the_customer_is_changed_by_what_is_sent(client: httpx.AsyncClient) -> None:
    first = await track(client, customer={"source_id": "ann", "name": "Ann", "metadata": {"a": 1}})
    second = await track(client, customer={"id": first["customer"]["id"], "metadata": {"b": 2}})

    assert second["customer"] == {**first["customer"], "metadata": {"a": 1, "b": 2}}
    assert (await client.get("/v1/customers/ann")).json()["metadata"] == {"a": 1, "b": 2}


async def test_the_same_event_twice_is_two_events(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    assert await track(client) == await track(client)
    # Both told, and the customer once.
    assert await count_all(db, project) == (1, 2, 3)


async def test_events_of_a_new_customer_at_once_make_one_customer(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    tracked = await asyncio.gather(*(track(client, metadata={"number": number}) for number in range(8)))

    assert len({each["customer"]["id"] for each in tracked}) == 1
    assert sorted(event["metadata"]["number"] for event in await read_events(db, project)) == [*range(8)]
    assert await count_all(db, project) == (1, 8, 9)


async def test_those_who_listen_are_told_in_the_same_transaction(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    management: httpx.AsyncClient,
    schemas_path: str,
) -> None:
    schema_id = await define(management, schemas_path, "review", {})
    answer = await client.post(
        "/v1/events",
        json={"event": "review", "customer": {"source_id": "ann"}, "metadata": {"stars": 5}},
        headers={"X-Voucherify-Channel": "Python-SDK"},
    )
    customer_id = answer.json()["customer"]["id"]

    created, told = await read_outbox(db, project)

    assert (created["type"], told["type"]) == ("customer.created", "customer.custom_event")
    assert f"cust_{told['customer_id'].hex}" == customer_id
    assert told["campaign_id"] is None
    assert (told["source"]["channel"], told["group_id"]) == ("API", answer.headers["X-Request-Id"])
    event = told["data"]["event"]
    assert re.fullmatch(r"event_[0-9a-f]{32}", event.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("created_at"))
    assert told["data"] == {
        "event": {
            "object": "event",
            "type": "review",
            "customer": {"id": customer_id},
            "referral": None,
            "loyalty": None,
            "metadata": {"stars": 5},
        },
        "event_schema": {"id": schema_id, "name": "review"},
        "referral": None,
        "loyalty": None,
    }


async def test_an_event_without_a_schema_says_so(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    await track(client)

    assert (await read_outbox(db, project))[-1]["data"]["event_schema"] is None


# --- schemas -----------------------------------------------------------------------------------------


async def test_metadata_is_held_against_the_schema_of_the_event(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    management: httpx.AsyncClient,
    schemas_path: str,
) -> None:
    properties = {
        "stars": {"type": "number", "optional": False},
        "on": {"type": "date", "optional": True},
        "gone": {"type": "boolean", "optional": False, "deleted": True},
    }
    await define(management, schemas_path, "review", properties)
    cases = [
        ({"stars": "five"}, "stars: must be a number, property is required (actual value is 'five')"),
        ({}, "stars: must be a number, property is required (actual value is 'undefined')"),
        (None, "stars: must be a number, property is required (actual value is 'undefined')"),
        ({"stars": 5, "on": "soon"}, "on: must be a date (actual value is 'soon')"),
    ]
    for metadata, details in cases:
        body = {"event": "review", "customer": {"source_id": "ann"}, "metadata": metadata}
        assert await refuse(client, body) == (400, "metadata_validation_failed", details)
    # Not even the customer was made.
    assert await count_all(db, project) == (0, 0, 0)

    everything = {"stars": 5, "on": "2026-03-01", "more": {"x": 1}, "gone": "?"}
    for sent in ({"stars": 5}, everything):
        assert (await track(client, event="review", metadata=sent))["metadata"] == sent
    # Another spelling is another event, and that has no schema.
    await track(client, event="Review", metadata={"stars": "five"})


async def test_another_projects_schema_counts_for_nothing(client: httpx.AsyncClient, db: Database) -> None:
    other = await make_other_project(db, make_key_pair("server"))
    async with db.connection() as connection:
        await store.insert_schema(
            connection,
            project_id=other.id,
            schema_id=new_id(),
            name="visit",
            properties={"stars": {"type": "number", "optional": False}},
            now=NOW,
        )

    assert (await track(client, metadata={"stars": "five"}))["metadata"] == {"stars": "five"}


# --- referral and loyalty ------------------------------------------------------------------------------


async def test_a_referral_names_its_code_and_its_referrer(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    campaign = await post(client, "/v1/campaigns", a_campaign(name="Friends", type="STATIC"))
    voucher = await post(client, f"/v1/campaigns/{campaign['id']}/vouchers/FRIEND", {})
    referrer = await post(client, "/v1/customers", {"source_id": "bob", "name": "Bob"})

    tracked = await track(client, referral={"code": "FRIEND", "referrer_id": "bob"})

    expected = {"code": "FRIEND", "id": voucher["id"], "referrer_id": referrer["id"]}
    assert (tracked["referral"], tracked["loyalty"]) == (expected, None)
    assert (await read_events(db, project))[0]["referral"] == expected
    told = (await read_outbox(db, project))[-1]
    assert f"camp_{told['campaign_id'].hex}" == campaign["id"]
    assert told["data"]["event"]["referral"] == expected
    referral = told["data"]["referral"]
    # The rest is told to whoever reads of it.
    assert referral["referrer"] == {"id": referrer["id"], "object": "customer"}
    assert referral["campaign"] == {
        "id": campaign["id"],
        "name": "Friends",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "STATIC",
        "is_referral_code": False,
        "join_once": False,
        "active": True,
        "metadata": {},
        "start_date": None,
        "expiration_date": None,
        "object": "campaign",
    }
    assert (referral["voucher"]["id"], referral["voucher"]["code"]) == (voucher["id"], "FRIEND")
    assert (referral["voucher"]["object"], "assets" in referral["voucher"]) == ("voucher", False)


async def test_without_a_referrer_it_is_whose_code_it_is(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    await post(client, "/v1/vouchers/MINE", a_voucher())
    bob = await post(client, "/v1/customers", {"source_id": "bob"})

    assert (await track(client, referral={"code": "MINE"}))["referral"]["referrer_id"] is None

    async with db.connection() as connection:
        await connection.execute(
            "update voucher set holder_id = $2 where project_id = $1 and code = 'MINE'",
            project.id,
            bob["id"].removeprefix("cust_"),
        )
    assert (await track(client, referral={"code": "MINE"}))["referral"]["referrer_id"] == bob["id"]
    told = (await read_outbox(db, project))[-1]["data"]["referral"]
    assert (told["referrer"]["id"], told["campaign"]) == (bob["id"], None)

    await client.delete("/v1/customers/bob")
    assert (await track(client, referral={"code": "MINE"}))["referral"]["referrer_id"] is None


async def test_a_loyalty_card_is_named_by_code_or_id(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    program = await post(client, "/v1/campaigns", a_campaign(name="Points", campaign_type="LOYALTY_PROGRAM"))
    card = await post(client, f"/v1/campaigns/{program['id']}/vouchers/CARD", {})

    for name in ("CARD", card["id"]):
        assert (await track(client, loyalty={"code": name}))["loyalty"] == {"code": "CARD"}

    told = (await read_outbox(db, project))[-1]["data"]
    assert told["event"]["loyalty"] == {"code": "CARD"}
    assert told["loyalty"]["voucher"]["loyalty_card"]["points"] == 300
    assert told["loyalty"]["campaign"]["id"] == program["id"]


# --- refusals ----------------------------------------------------------------------------------------

VISIT: dict[str, Any] = {"event": "visit", "customer": {"source_id": "ann"}}


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"customer": {}}, "Payload must have required property 'event'"),
        ({"event": "visit"}, "Payload must have required property 'customer'"),
        ({**VISIT, "event": ""}, "Property .event must NOT have fewer than 1 characters"),
        ({**VISIT, "event": "x" * 301}, "Property .event must NOT have more than 300 characters"),
        ({**VISIT, "event": 5}, "Property .event must be string"),
        ({**VISIT, "customer": None}, "Property .customer must be object"),
        ({**VISIT, "customer": "ann"}, "Property .customer must be object"),
        ({**VISIT, "customer": {"name": 5}}, "Property .customer.name must be string,null"),
        ({**VISIT, "referral": {}}, "Property .referral should have required property 'code'"),
        ({**VISIT, "referral": {"code": None}}, "Property .referral should have required property 'code'"),
        ({**VISIT, "loyalty": {}}, "Property .loyalty should have required property 'code'"),
        ({**VISIT, "referral": "FRIEND"}, "Property .referral must be object,null"),
        ({**VISIT, "metadata": []}, "Property .metadata must be object,null"),
    ],
)
async def test_what_cannot_be_read_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, db: Database, project: Project, body: dict[str, Any], details: str
) -> None:
    assert await refuse(client, body) == (400, "invalid_payload", details)
    assert await count_all(db, project) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "resource_type", "sent"),
    [
        ({"customer": {"id": UNKNOWN}}, "customer", UNKNOWN),
        ({"customer": {"id": "registered_10055"}}, "customer", "registered_10055"),
        ({"referral": {"code": "NONE"}}, "voucher", "NONE"),
        ({"loyalty": {"code": "NONE"}}, "voucher", "NONE"),
        ({"referral": {"code": "THERE", "referrer_id": "nobody"}}, "customer", "nobody"),
    ],
)
async def test_what_is_not_there_is_not_found_and_leaves_nothing(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    changes: dict[str, Any],
    resource_type: str,
    sent: str,
) -> None:
    await post(client, "/v1/vouchers/THERE", a_voucher())

    answer = await client.post("/v1/events", json={**VISIT, **changes})

    assert (answer.status_code, answer.json()) == (
        404,
        {
            "code": 404,
            "key": "not_found",
            "message": "Resource not found",
            "details": f"Cannot find {resource_type} with id {sent}",
            "request_id": answer.headers["X-Request-Id"],
            "resource_id": sent,
            "resource_type": resource_type,
        },
    )
    assert await count_all(db, project) == (0, 0, 0)


async def test_a_customer_of_whom_nothing_is_said_is_a_new_one_each_time(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    first, second = [await track(client, customer={}) for _ in range(2)]

    assert first["customer"]["id"] != second["customer"]["id"]
    assert first["customer"]["source_id"] is None
    assert await count_all(db, project) == (2, 2, 4)
