"""Metadata of many vouchers in one request: merged key by key, with an outcome for each row."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from builders import a_refusal, read_refusal
from database_views import count_rows, read_row_versions
from importing import make_campaign, make_voucher, read_action, read_rows, read_vouchers
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.dates import format_instant, parse_instant

BULK = "/v1/vouchers/bulk/async"
SHARED = "/v1/vouchers/metadata/async"

whatever_the_portions = pytest.mark.parametrize("settings", [1, 2, 100], indirect=True)


async def start(client: httpx.AsyncClient, path: str, body: Any) -> str:
    answer = await client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json().keys() == {"async_action_id"}
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def update(client: httpx.AsyncClient, worker: Worker, path: str, body: Any) -> dict[str, Any]:
    """The result: (done_count, failed_count, errors) of it is what differs."""
    action_id = await start(client, path, body)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["progress"]) == ("DONE", 100)
    assert action["operation_status"] == ("FAILED" if action["result"]["failed_count"] else "SUCCESS")
    result: dict[str, Any] = action["result"]
    return {name: result[name] for name in ("done_count", "failed_count", "errors")}


def an_outcome(done: int, *errors: dict[str, str]) -> dict[str, Any]:
    return {"done_count": done, "failed_count": len(errors), "errors": list(errors)}


def not_found(code: str) -> dict[str, str]:
    details = f"Cannot find voucher with id {code}"
    return {"message": "Resource not found", "details": details, "key": "not_found", "code": code}


def not_valid(code: str, details: str) -> dict[str, str]:
    return {
        "message": "Metadata validation failed",
        "details": details,
        "key": "metadata_validation_failed",
        "code": code,
    }


async def read_metadata(client: httpx.AsyncClient) -> dict[str, Any]:
    return {code: voucher["metadata"] for code, voucher in (await read_vouchers(client)).items()}


# --- what is written -----------------------------------------------------------------------------------


@whatever_the_portions
async def test_each_voucher_gets_its_own_metadata_key_by_key(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client, metadata={"season": "spring", "colour": "red"})
    await make_voucher(client, "IN-CAMPAIGN", "Spring")
    for code in ("A", "B", "C", "UNTOUCHED"):
        await make_voucher(client, code, metadata={"a": 1, "b": {"deep": 1}})
    body = [
        {"code": "A", "metadata": {"a": 2, "c": [1, "x", None]}},
        {"code": "IN-CAMPAIGN", "metadata": {"colour": "blue"}},
        {"code": "B", "metadata": {"b": {"other": 2}, "a": None}},
        {"code": "C", "metadata": {}},
        # Rows of one code add up, whether they stand in one portion or in two; of a key the last one counts.
        {"code": "A", "metadata": {"a": 3, "n": 10**30}},
    ]
    assert await update(client, worker, BULK, body) == an_outcome(5)
    assert await read_metadata(client) == {
        "A": {"a": 3, "b": {"deep": 1}, "c": [1, "x", None], "n": 10**30},
        "B": {"a": None, "b": {"other": 2}},
        "C": {"a": 1, "b": {"deep": 1}},
        "IN-CAMPAIGN": {"season": "spring", "colour": "blue"},
        "UNTOUCHED": {"a": 1, "b": {"deep": 1}},
    }


@whatever_the_portions
async def test_all_vouchers_get_the_same_metadata(client: httpx.AsyncClient, worker: Worker) -> None:
    for code in "ABC":
        await make_voucher(client, code, metadata={"a": 1, "from": code})
    body = {"codes": ["A", "C", "A"], "metadata": {"a": 2, "b": True}}
    assert await update(client, worker, SHARED, body) == an_outcome(3)
    assert await read_metadata(client) == {
        "A": {"a": 2, "b": True, "from": "A"},
        "B": {"a": 1, "from": "B"},
        "C": {"a": 2, "b": True, "from": "C"},
    }


async def test_nothing_but_metadata_and_the_time_of_the_update_changes(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_voucher(client, "A", type="GIFT_VOUCHER", active=False, redemption={"quantity": 5})
    before = (await read_vouchers(client))["A"]
    action_id = await start(client, BULK, [{"code": "A", "metadata": {"a": 1}}])
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    after = (await read_vouchers(client))["A"]
    assert action["created_at"] <= after["updated_at"] <= action["updated_at"]
    assert after == {**before, "metadata": {"a": 1}, "updated_at": after["updated_at"]}


async def test_vouchers_that_are_not_named_are_not_written(
    client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    await make_voucher(client, "A")
    await make_voucher(client, "B")
    versions = await read_row_versions(db, "voucher")
    await update(client, worker, SHARED, {"codes": ["A"], "metadata": {"a": 1}})
    kept = set(versions) & set(await read_row_versions(db, "voucher"))
    assert len(kept) == len(versions) - 1


# --- rows that fail ------------------------------------------------------------------------------------


@whatever_the_portions
@pytest.mark.parametrize("path", [BULK, SHARED])
async def test_an_unknown_code_is_an_error_of_its_row_and_of_no_other(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database, worker: Worker, path: str
) -> None:
    for code in ("A", "BINNED"):
        await make_voucher(client, code)
    await client.delete("/v1/vouchers/BINNED")
    await make_voucher(other_client, "OTHERS")
    voucher_id = (await read_vouchers(client))["A"]["id"]
    codes = ["NONE", "A", "BINNED", voucher_id, "OTHERS", "a", "NONE"]
    metadata = {"x": 1}
    body: Any = {"codes": codes, "metadata": metadata}
    if path == BULK:
        body = [{"code": code, "metadata": metadata} for code in codes]
    assert await update(client, worker, path, body) == an_outcome(
        1, *(not_found(code) for code in codes if code != "A")
    )
    # No voucher was made of an unknown code, nor another project's touched.
    assert await read_metadata(client) == {"A": {"x": 1}}
    assert await read_metadata(other_client) == {"OTHERS": {}}


@whatever_the_portions
async def test_metadata_is_held_against_the_schema_as_far_as_it_was_sent(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    for code in "ABC":
        await make_voucher(client, code, metadata={"unit": 1, "old": True})
    properties = {"unit": {"type": "number", "optional": False}, "tag": {"type": "string"}}
    schema = {"related_object": "voucher", "properties": properties, "allow_defined_only": True}
    assert (await client.post("/v1/metadata-schemas", json=schema)).status_code == 200
    body = [
        {"code": "A", "metadata": {"tag": "x"}},
        {"code": "B", "metadata": {"tag": "x", "unit": "EUR"}},
        {"code": "C", "metadata": {"other": 1}},
        {"code": "B", "metadata": {"tag": 5, "other": 1}},
        {"code": "NONE", "metadata": {"tag": 5}},
        {"code": "A", "metadata": {"unit": 2}},
    ]
    unit = "unit: must be a number, property is required (actual value is 'EUR')"
    other = "other: property is not allowed"
    assert await update(client, worker, BULK, body) == an_outcome(
        2,
        not_valid("B", unit),
        not_valid("C", other),
        not_valid("B", f"tag: must be a string (actual value is '5'); {other}"),
        not_found("NONE"),
    )
    unchanged = {"unit": 1, "old": True}
    assert await read_metadata(client) == {
        "A": {"unit": 2, "old": True, "tag": "x"},
        "B": unchanged,
        "C": unchanged,
    }


# --- what is refused at once -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        (BULK, [], "Payload must NOT have fewer than 1 items"),
        (BULK, {"code": "A", "metadata": {}}, "Payload must be array"),
        (
            BULK,
            [{"code": "A", "metadata": {}}, {"code": "B"}],
            "Property [1] must have required property 'metadata'",
        ),
        (BULK, [{"metadata": {}}], "Property [0] must have required property 'code'"),
        (BULK, [{"code": "A", "metadata": None}], "Property [0].metadata must be object"),
        (BULK, [{"code": "A", "metadata": [1]}], "Property [0].metadata must be object"),
        (BULK, [{"code": 5, "metadata": {}}], "Property [0].code must be string"),
        (BULK, [{"code": "", "metadata": {}}], "Property [0].code must NOT have fewer than 1 characters"),
        (
            BULK,
            [{"code": "x" * 501, "metadata": {}}],
            "Property [0].code must NOT have more than 500 characters",
        ),
        (SHARED, [], "Payload must be object"),
        (SHARED, {"metadata": {}}, "Payload must have required property 'codes'"),
        (SHARED, {"codes": ["A"]}, "Payload must have required property 'metadata'"),
        (SHARED, {"codes": [], "metadata": {}}, "Property .codes must NOT have fewer than 1 items"),
        (SHARED, {"codes": "A", "metadata": {}}, "Property .codes must be array"),
        (SHARED, {"codes": ["A", None], "metadata": {}}, "Property .codes[1] must be string"),
        (SHARED, {"codes": ["A"], "metadata": "x"}, "Property .metadata must be object"),
    ],
)
async def test_a_request_that_cannot_be_read_writes_nothing(
    client: httpx.AsyncClient, db: Database, path: str, body: Any, details: str
) -> None:
    before = await count_rows(db)
    answer = await client.post(path, json=body)
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert await count_rows(db) == before


# --- the action ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "type"),
    [
        (
            BULK,
            [{"code": "A", "metadata": {"a": 1}}, {"code": "NONE", "metadata": {}}],
            "VOUCHERS.BULK_UPDATE",
        ),
        (SHARED, {"codes": ["A", "NONE"], "metadata": {"a": 1}}, "VOUCHERS.METADATA_UPDATE"),
    ],
)
async def test_the_action_of_a_bulk_update(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker, path: str, body: Any, type: str
) -> None:
    await make_voucher(client, "A")
    action_id = await start(client, path, body)
    waiting = await read_action(client, action_id)
    assert (waiting["type"], waiting["status"], waiting["operation_status"]) == (type, "ENQUEUED", "UNKNOWN")
    assert await read_metadata(client) == {"A": {}}
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    result = action["result"]
    assert result == {
        "done_count": 1,
        "failed_count": 1,
        "reports": result["reports"],
        "reports_available_till": format_instant(parse_instant(action["updated_at"]) + timedelta(days=7)),
        "errors": [not_found("NONE")],
    }
    (report,) = result["reports"]
    assert report.startswith(f"http://test/api/v1/reports/{action_id}?token=")
    assert (await client.get(report)).text == "code,found,updated\nA,true,true\nNONE,false,false\n"
    assert await read_rows(db, project, "job_input", "portion") == []


async def test_a_long_bulk_update_runs_in_the_order_in_which_it_came(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    await make_voucher(client, "A")
    first = await start(client, SHARED, {"codes": ["A"] * 40, "metadata": {"a": 1}})
    await start(client, SHARED, {"codes": ["A"], "metadata": {"a": 2}})
    assert [lane for _, lane in await read_rows(db, project, "job", "id", "lane")] == ["ordered", "ordered"]
    for _ in range(20):
        assert await worker.run_next()
    assert (await read_action(client, first))["status"] == "DONE"
    assert await read_metadata(client) == {"A": {"a": 1}}
    await worker.run_until_idle()
    assert await read_metadata(client) == {"A": {"a": 2}}


async def test_a_bulk_update_whose_input_is_lost_fails_and_says_so(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    await make_voucher(client, "A")
    action_id = await start(client, SHARED, {"codes": ["A", "A", "A"], "metadata": {"a": 1}})
    await worker.run_next()
    async with db.connection() as connection:
        await connection.execute("delete from job_input where project_id = $1", project.id)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["operation_status"]) == ("FAILED", "FAILED")
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (2, 0)


async def test_shared_metadata_is_kept_once_however_many_codes_there_are(
    client: httpx.AsyncClient, db: Database
) -> None:
    body = {"codes": [f"C-{number}" for number in range(5000)], "metadata": {"text": "x" * 100_000}}
    assert (await client.post("/v1/vouchers/metadata/async", json=body)).status_code == 202
    async with db.connection() as connection:
        assert await connection.fetchval("select sum(length(data)) from job_input") < 500_000
