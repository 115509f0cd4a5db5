"""Many customers changed by one request: merged, made where they are not there, an outcome for each."""

from typing import Any

import httpx
import pytest

from builders import a_refusal, read_refusal
from customers_in_bulk import BULK, SHARED, CustomersInBulk, an_outcome, not_valid
from database_views import count_rows
from importing import read_action
from openvoucher.platform.db import Database
from shared_project import SharedProject

whatever_the_portions = pytest.mark.parametrize("bulk", [1, 2, 100], indirect=True)


@whatever_the_portions
async def test_what_was_sent_is_laid_over_what_is_there(bulk: CustomersInBulk) -> None:
    await bulk.make(
        "ann", name="Ann", phone="1", address={"city": "Rome", "country": "IT"}, metadata={"a": 1, "b": 1}
    )
    outcome = await bulk.update(
        BULK,
        [
            {
                "source_id": "ann",
                "name": "Anna",
                "address": {"city": "Paris"},
                "metadata": {"b": None, "c": [2]},
            },
            {"source_id": "bob", "birthday": "1990-01-02", "birthdate": "1991-03-04", "email": None},
            {"source_id": "ann", "phone": None},
        ],
    )
    assert outcome == an_outcome(3)
    assert await bulk.read() == {
        "ann": {
            "name": "Anna",
            "address": {"city": "Paris", "country": "IT"},
            "metadata": {"a": 1, "b": None, "c": [2]},
        },
        "bob": {"birthday": "1990-01-02", "birthdate": "1991-03-04"},
    }
    ann, bob = await bulk.read_all()
    # What was set to null is shown, what was never set is not.
    assert (ann["phone"], bob["email"]) == (None, None)
    assert "updated_at" in ann
    assert bob.keys() & {"updated_at", "name", "phone", "metadata"} == set()


@whatever_the_portions
async def test_the_report_tells_who_was_there(bulk: CustomersInBulk) -> None:
    await bulk.make("ann")
    await bulk.make_schema(rank={"type": "number"})
    body = [
        {"source_id": "ann", "metadata": {"rank": 1}},
        {"source_id": "new", "name": "New"},
        {"source_id": "bad", "metadata": {"rank": "x"}},
        {"source_id": "new", "metadata": {"rank": "x"}},
    ]
    action_id = await bulk.start(BULK, body)
    await bulk.worker.run_until_idle()
    action = await read_action(bulk.client, action_id)
    assert (action["type"], action["status"], action["operation_status"]) == (
        "CUSTOMERS.BULK_UPDATE",
        "DONE",
        "FAILED",
    )
    problem = "rank: must be a number (actual value is 'x')"
    assert action["result"]["errors"] == [not_valid("bad", problem), not_valid("new", problem)]
    (report,) = action["result"]["reports"]
    assert (await bulk.client.get(report)).text == (
        "source_id,found,updated\nann,true,true\nnew,false,true\nbad,false,false\nnew,true,false\n"
    )
    assert await bulk.read() == {"ann": {"metadata": {"rank": 1}}, "new": {"name": "New"}}


@whatever_the_portions
async def test_the_same_metadata_for_many(bulk: CustomersInBulk) -> None:
    await bulk.make("ann", metadata={"a": 1, "b": 1})
    await bulk.make("bob", metadata={"a": 1})
    body = {"source_ids": ["ann", "new", "ann"], "metadata": {"a": 2, "c": {"d": 1}}}
    assert await bulk.update(SHARED, body) == an_outcome(3)
    assert await bulk.read() == {
        "ann": {"metadata": {"a": 2, "b": 1, "c": {"d": 1}}},
        "bob": {"metadata": {"a": 1}},
        "new": {"metadata": {"a": 2, "c": {"d": 1}}},
    }


async def test_metadata_is_held_against_the_schema_whole_for_new_ones_and_as_far_as_sent_for_others(
    bulk: CustomersInBulk,
) -> None:
    await bulk.make("ann")
    await bulk.make_schema(unit={"type": "number", "optional": False}, tag={"type": "string"}, closed=True)
    missing = "unit: must be a number, property is required (actual value is 'undefined')"
    assert await bulk.update(SHARED, {"source_ids": ["ann", "new"], "metadata": {"tag": "x"}}) == an_outcome(
        1, not_valid("new", missing)
    )
    items = [{"source_id": "ann", "metadata": {"other": 1}}, {"source_id": "new", "name": "New"}]
    assert await bulk.update(BULK, items) == an_outcome(
        0, not_valid("ann", "other: property is not allowed"), not_valid("new", missing)
    )
    # Of a customer that is there nothing is asked that was not sent.
    assert await bulk.update(BULK, [{"source_id": "ann", "name": "Ann"}]) == an_outcome(1)
    assert await bulk.read() == {"ann": {"name": "Ann", "metadata": {"tag": "x"}}}


async def test_a_deleted_customer_is_made_anew(bulk: CustomersInBulk) -> None:
    old = await bulk.make("ann", name="Old")
    await bulk.client.delete("/v1/customers/ann")
    assert await bulk.update(BULK, [{"source_id": "ann", "phone": "1"}]) == an_outcome(1)
    (new,) = await bulk.read_all()
    assert new["id"] != old["id"]
    assert await bulk.read() == {"ann": {"phone": "1"}}


async def test_an_id_beside_the_source_id_does_not_count(bulk: CustomersInBulk) -> None:
    ann = await bulk.make("ann", name="Ann")
    assert await bulk.update(BULK, [{"source_id": "bob", "id": ann["id"], "name": "Bob"}]) == an_outcome(1)
    assert await bulk.read() == {"ann": {"name": "Ann"}, "bob": {"name": "Bob"}}


async def test_another_projects_customers_are_untouched(
    bulk: CustomersInBulk, shared_project: SharedProject
) -> None:
    other = shared_project.other_client
    await other.post("/v1/customers", json={"source_id": "ann", "name": "Theirs"})
    assert await bulk.update(BULK, [{"source_id": "ann", "name": "Mine"}]) == an_outcome(1)
    assert (await other.get("/v1/customers/ann")).json()["name"] == "Theirs"
    assert await bulk.read() == {"ann": {"name": "Mine"}}


async def test_bulk_work_emits_no_event_of_a_customer(bulk: CustomersInBulk) -> None:
    await bulk.update(BULK, [{"source_id": "ann", "name": "Ann"}, {"source_id": "bob"}])
    await bulk.update(SHARED, {"source_ids": ["ann"], "metadata": {"a": 1}})
    assert [(event.type, len(event.data["customer_ids"])) for event in bulk.events] == [
        ("customers.changed", 2),
        ("customers.changed", 1),
    ]


async def test_a_bulk_update_whose_input_is_lost_fails_and_says_so(bulk: CustomersInBulk) -> None:
    body = [{"source_id": name} for name in ("a", "b", "c")]
    action_id = await bulk.start(BULK, body)
    await bulk.worker.run_next()
    async with bulk.db.connection() as connection:
        await connection.execute("delete from job_input where project_id = $1", bulk.project.id)
    await bulk.worker.run_until_idle()
    action = await read_action(bulk.client, action_id)
    assert (action["status"], action["operation_status"]) == ("FAILED", "FAILED")
    assert action["result"]["done_count"] == 2
    assert {*await bulk.read()} == {"a", "b"}


async def test_shared_metadata_is_kept_once_however_many_customers_there_are(
    bulk: CustomersInBulk, shared_project: SharedProject
) -> None:
    body = {"source_ids": [f"C-{number}" for number in range(50)], "metadata": {"text": "x" * 10_000}}
    await bulk.start(SHARED, body)
    async with bulk.db.connection() as connection:
        assert await connection.fetchval("select sum(length(data)) from job_input") < 10_000
        await connection.execute("delete from job")


# --- what is refused at once -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        (BULK, [], "Payload must NOT have fewer than 1 items"),
        (BULK, {"source_id": "a"}, "Payload must be array"),
        (BULK, [{"source_id": "a"}, {"name": "b"}], "Property [1] must have required property 'source_id'"),
        (BULK, [{"source_id": None}], "Property [0].source_id must be string"),
        (BULK, [{"source_id": ""}], "Property [0].source_id must NOT have fewer than 1 characters"),
        (
            BULK,
            [{"source_id": "x" * 501}],
            "Property [0].source_id must NOT have more than 500 characters",
        ),
        (BULK, [{"source_id": "a", "name": 5}], "Property [0].name must be string,null"),
        (BULK, [{"source_id": "a", "metadata": [1]}], "Property [0].metadata must be object,null"),
        (
            BULK,
            [{"source_id": "a"}, {"source_id": "b", "birthdate": "1990-02-30"}],
            "Property [1].birthdate cannot be recognized as a ISO-8601 compliant date",
        ),
        (SHARED, [], "Payload must be object"),
        (SHARED, {"metadata": {}}, "Payload must have required property 'source_ids'"),
        (SHARED, {"source_ids": ["a"]}, "Payload must have required property 'metadata'"),
        (SHARED, {"source_ids": [], "metadata": {}}, "Property .source_ids must NOT have fewer than 1 items"),
        (SHARED, {"source_ids": ["a", None], "metadata": {}}, "Property .source_ids[1] must be string"),
        (SHARED, {"source_ids": ["a"], "metadata": None}, "Property .metadata must be object"),
    ],
)
async def test_a_request_that_cannot_be_read_writes_nothing(
    shared_project: SharedProject, path: str, body: Any, details: str
) -> None:
    db: Database = shared_project.db
    before = await count_rows(db)
    answer: httpx.Response = await shared_project.client.post(path, json=body)
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert await count_rows(db) == before
