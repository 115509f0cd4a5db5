"""Publications that are refused: with which words, what is kept of them, and what is not."""

import dataclasses
from typing import Any

import httpx
import msgspec
import pytest

from builders import a_refusal, not_there, read_refusal
from database_views import count_more_rows, count_rows
from openvoucher.features.publications.schemas import JoinOnceQuery, PublicationCreate
from openvoucher.features.publications.service import create_publication
from openvoucher.platform.db import Database
from openvoucher.wire.errors import ApiError
from publishing import NOTHING_LEFT, TOO_MANY, list_publications, make_campaign, publish, read_voucher, send
from shared_project import SharedProject

UNKNOWN = "0" * 32


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


def invalid(details: str) -> dict[str, Any]:
    return a_refusal(400, "invalid_payload", details)


# --- what cannot be read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"voucher": "A"}, "Payload must have required property 'customer'"),
        ({"voucher": "A", "customer": None}, "Payload must have required property 'customer'"),
        ({"voucher": "A", "customer": {}}, "Payload must have required property 'customer'"),
        ({"voucher": "A", "customer": ""}, "Payload must have required property 'customer'"),
        (
            {"voucher": "A", "customer": {"name": "Ann"}},
            "Property .customer must have required property 'source_id'",
        ),
        ({"voucher": "A", "customer": 5}, "Property .customer must be string,object,null"),
        ({"voucher": 5, "customer": "ann"}, "Property .voucher must be string,null"),
        ({"campaign": {"name": "A", "count": 0}, "customer": "ann"}, "Property .campaign.count must be >= 1"),
        (
            {"campaign": {"name": "A", "count": 51}, "customer": "ann"},
            "Property .campaign.count must be <= 50",
        ),
        ({"campaign": "A", "customer": "ann", "metadata": []}, "Property .metadata must be object,null"),
        (
            {"campaign": "A", "customer": "ann", "source_id": "x" * 501},
            "Property .source_id must NOT have more than 500 characters",
        ),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_in_the_contract_s_words(
    client: httpx.AsyncClient, body: dict[str, Any], details: str
) -> None:
    answer = await client.post("/v1/publications", json=body)
    assert read_refusal(answer) == invalid(details)


@pytest.mark.parametrize(
    "target", [{}, {"campaign": {}}, {"campaign": ""}, {"voucher": "", "campaign": None}]
)
async def test_neither_voucher_nor_campaign_is_a_refusal_without_request_id(
    client: httpx.AsyncClient, target: dict[str, Any]
) -> None:
    answer = await send(client, "ann", **target)
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400,
        "key": "missing_vouchers",
        "message": "Missing vouchers",
        "details": "Either Campaign or Voucher is required",
    }


# --- what is not there ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "type", "sent"),
    [
        ({"campaign": "none"}, "campaign", "none"),
        ({"campaign": {"name": f"camp_{UNKNOWN}", "count": 2}}, "campaign", f"camp_{UNKNOWN}"),
        ({"voucher": "none"}, "voucher", "none"),
        ({"voucher": f"v_{UNKNOWN}"}, "voucher", f"v_{UNKNOWN}"),
        ({"voucher": "none", "campaign": "none"}, "campaign", "none"),
    ],
)
async def test_what_is_unknown_is_named_as_it_was_sent_and_nothing_is_kept(
    client: httpx.AsyncClient, db: Database, code: str, target: dict[str, Any], type: str, sent: str
) -> None:
    before = await count_rows(db)
    answer = await send(client, f"{code}-new", **target)
    assert read_refusal(answer) == not_there(type, sent)
    assert await count_more_rows(db, before) == {}


async def test_an_unknown_customer_id_is_refused_and_nothing_is_kept(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    await make_campaign(client, code, 1)
    before = await count_rows(db)
    for customer in ({"id": f"cust_{UNKNOWN}"}, {"id": "registered_10055"}):
        answer = await send(client, customer, campaign=code)
        assert read_refusal(answer) == not_there("customer", customer["id"])
    assert await count_more_rows(db, before) == {}


async def test_a_voucher_of_another_campaign_is_not_there(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 1)
    await make_campaign(client, f"{code}B", 1)
    answer = await send(client, "ann", voucher=f"{code}-0", campaign=f"{code}B")
    assert read_refusal(answer) == not_there("voucher", f"{code}-0")
    assert (await read_voucher(client, f"{code}-0"))["publish"]["count"] == 0


@pytest.mark.parametrize("force", ["false", "true"])
async def test_a_deleted_campaign_publishes_nothing(client: httpx.AsyncClient, code: str, force: str) -> None:
    await make_campaign(client, code, 1)
    await client.delete(f"/v1/campaigns/{code}", params={"force": force})
    answers = [await send(client, "ann", campaign=code), await send(client, "ann", voucher=f"{code}-0")]
    assert [read_refusal(answer) for answer in answers] == [
        not_there("campaign", code),
        not_there("voucher", f"{code}-0"),
    ]


async def test_a_code_in_the_bin_is_not_there(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 1)
    await client.delete(f"/v1/vouchers/{code}-0")
    assert read_refusal(await send(client, "ann", voucher=f"{code}-0")) == not_there("voucher", f"{code}-0")
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT


# --- nothing left --------------------------------------------------------------------------------------


async def test_a_static_campaign_without_a_free_code_refuses_and_keeps_the_failure(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    campaign = await make_campaign(client, code, 1)
    await publish(client, f"{code}-ann", campaign=code)
    before = await count_rows(db)
    answer = await send(
        client, {"source_id": f"{code}-bob", "name": "Bob"}, campaign=code, metadata={"mail": 1}
    )
    assert read_refusal(answer) == NOTHING_LEFT
    # The customer has asked: he is known, and so is that he got nothing.
    listed = await list_publications(client, campaign=code, result="FAILURE")
    (failure,) = listed["publications"]
    assert failure == {
        "id": failure["id"],
        "object": "publication",
        "created_at": failure["created_at"],
        "customer_id": failure["customer"]["id"],
        "tracking_id": f"{code}-bob",
        "metadata": {"mail": 1},
        "channel": "API",
        "source_id": None,
        "result": "FAILURE",
        "failure_code": "no_voucher_suitable_for_publication",
        "failure_message": "Couldn't find any voucher suitable for publication",
        "customer": {
            "id": failure["customer"]["id"],
            "name": "Bob",
            "email": None,
            "source_id": f"{code}-bob",
            "metadata": {},
            "object": "customer",
        },
        "vouchers": [],
        "vouchers_id": [],
    }
    more = await count_more_rows(db, before)
    more.pop("customer_count", None)
    assert more == {"campaign_day": 1, "customer": 1, "outbox": 2, "publication": 1}
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select type, data from outbox where data #>> '{publication,id}' = $1", failure["id"]
        )
    assert [(row["type"], row["data"]["publication"]) for row in rows] == [
        ("customer.publication.failed", failure)
    ]
    assert rows[0]["data"]["campaign"]["id"] == campaign["id"]


async def test_of_more_codes_than_there_are_none_is_published(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2)
    answer = await send(client, "ann", campaign={"name": code, "count": 3})
    assert read_refusal(answer) == NOTHING_LEFT
    assert [(await read_voucher(client, f"{code}-{n}"))["publish"]["count"] for n in range(2)] == [0, 0]
    assert "vouchers" in await publish(client, "ann", campaign={"name": code, "count": 2})


async def test_a_pattern_that_is_used_up_makes_no_more_codes(client: httpx.AsyncClient, code: str) -> None:
    config = {"code_config": {"pattern": f"{code}-#", "charset": "01"}}
    await make_campaign(client, code, type="AUTO_UPDATE", voucher=config)
    codes = {(await publish(client, "ann", campaign=code))["voucher"]["code"] for _ in range(2)}
    assert codes == {f"{code}-0", f"{code}-1"}
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT


async def test_of_an_expired_campaign_nothing_is_published(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2, type="AUTO_UPDATE", expiration_date="2020-01-01")
    # Not even a code that lives longer: that one is published by its name.
    await client.put(f"/v1/vouchers/{code}-0", json={"expiration_date": "2050-01-01"})
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT
    assert (await publish(client, "ann", voucher=f"{code}-0"))["voucher"]["publish"]["count"] == 1
    await client.put(f"/v1/campaigns/{code}", json={"expiration_date": "2050-01-01"})
    assert (await publish(client, "ann", campaign=code))["voucher"]["code"] == f"{code}-1"


async def test_a_promotion_has_no_codes(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, campaign_type="PROMOTION", type="AUTO_UPDATE")
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT


async def test_a_standalone_campaign_without_its_code_has_none(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, type="STANDALONE", voucher={"code": f"{code}-ALL"})
    await client.post(f"/v1/vouchers/{code}-ALL/disable")
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT
    await client.delete(f"/v1/vouchers/{code}-ALL?force=true")
    assert read_refusal(await send(client, "ann", campaign=code)) == NOTHING_LEFT


# --- metadata ------------------------------------------------------------------------------------------


async def test_metadata_follow_the_schema_of_publications(shared_project: SharedProject, code: str) -> None:
    client = shared_project.other_client
    await make_campaign(client, code, 2)
    schema = {
        "related_object": "publication",
        "properties": {"mail": {"type": "number", "optional": False}},
    }
    assert (await client.post("/v1/metadata-schemas", json=schema)).status_code == 200
    try:
        answer = await send(client, f"{code}-ann", campaign=code, metadata={"mail": "first"})
        details = "mail: must be a number, property is required (actual value is 'first')"
        assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", details)
        assert (await client.get(f"/v1/customers/{code}-ann")).status_code == 404
        assert (await list_publications(client))["total"] == 0
        await publish(client, f"{code}-ann", campaign=code, metadata={"mail": 1})
        # In a query everything is text: the schema says what is meant.
        params = {"campaign": code, "customer": f"{code}-ann", "metadata[mail]": "12", "metadata[more]": "13"}
        made = await client.get("/v1/publications/create", params=params)
        assert made.json()["metadata"] == {"mail": 12, "more": "13"}
    finally:
        await client.delete("/v1/metadata-schemas/publication")


# --- by query ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"campaign": "{code}", "customer": "{code}-ann"},
        {"campaign[name]": "{code}", "customer[source_id]": "{code}-ann", "customer[name]": "Ann"},
        {"campaign[name]": "{code}", "campaign[count]": "1", "customer[source_id]": "{code}-ann"},
        {"voucher": "{code}-0", "customer": "{code}-ann"},
        {"voucher": "{code}-0", "campaign[name]": "{code}", "customer": "{code}-ann"},
    ],
)
async def test_a_link_publishes_as_a_body_does(
    client: httpx.AsyncClient, code: str, params: dict[str, str]
) -> None:
    await make_campaign(client, code, 1)
    sent = {name: value.format(code=code) for name, value in params.items()}
    answer = await client.get("/v1/publications/create", params=sent)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["voucher"]["code"], made["tracking_id"]) == (f"{code}-0", f"{code}-ann")
    assert (made["customer"]["name"], made["channel"]) == ("Ann" if "customer[name]" in sent else None, "API")


async def test_a_link_that_is_followed_twice_publishes_once_with_a_source_id_or_join_once(
    client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 4)
    for more in ({"source_id": code}, {"join_once": "true"}):
        params = {"campaign": code, "customer": f"{code}-ann", **more}
        answers = [await client.get("/v1/publications/create", params=params) for _ in range(2)]
        assert answers[0].status_code == 200
        assert answers[1].json() == answers[0].json()


async def test_a_link_without_customer_or_target_is_refused(client: httpx.AsyncClient, code: str) -> None:
    await make_campaign(client, code, 2)
    path = "/v1/publications/create"
    query = "invalid_query_params"
    assert read_refusal(await client.get(path, params={"campaign": code})) == a_refusal(
        400, query, "Query should have required property 'customer'"
    )
    nameless = {"campaign": code, "customer[name]": "Ann"}
    assert read_refusal(await client.get(path, params=nameless)) == a_refusal(
        400, query, "Property .customer must have required property 'source_id'"
    )
    assert (await client.get(path, params={"customer": "ann"})).json()["key"] == "missing_vouchers"
    several = {"campaign[name]": code, "campaign[count]": "2", "customer": "ann"}
    assert read_refusal(await client.get(path, params=several)) == TOO_MANY


async def test_a_campaign_that_is_as_large_as_it_may_be_does_not_grow(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    await make_campaign(client, code, 2, type="AUTO_UPDATE")
    limited = shared_project.call
    settings = msgspec.structs.replace(limited.settings, max_codes_per_campaign=2)
    limited = dataclasses.replace(limited, settings=settings)

    async def publish_to(customer: str) -> None:
        await create_publication(
            limited, PublicationCreate(customer=customer, campaign=code), JoinOnceQuery()
        )

    await publish_to("ann")
    await publish_to("bob")
    with pytest.raises(ApiError) as refused:
        await publish_to("cid")
    assert refused.value.key == "no_voucher_suitable_for_publication"
    campaign = (await client.get(f"/v1/campaigns/{code}")).json()
    assert campaign["vouchers_count"] == 2
    assert (await client.get(f"/v1/vouchers?campaign={code}")).json()["total"] == 2
