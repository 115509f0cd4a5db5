"""Exports as they are asked for, listed and deleted."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from builders import not_there, read_refusal
from exporting import download, export_text, read_export, start_export
from openvoucher.features.exports.columns import exportables
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "exp_" + "0" * 32
NO_KEYS = {"X-App-Id": "", "X-App-Token": ""}
UNAUTHORIZED = {"code": 401, "key": "unauthorized", "message": "Unauthorized"}
OBJECTS = (
    "voucher",
    "redemption",
    "customer",
    "publication",
    "order",
    "points_expiration",
    "voucher_transactions",
    "product",
    "sku",
    "api_log",
)


def refusal(key: str, message: str, details: str) -> dict[str, Any]:
    return {"code": 400, "key": key, "message": message, "details": details}


async def count_exports(client: httpx.AsyncClient) -> int:
    total: int = (await client.get("/v1/exports")).json()["total"]
    return total


# --- asking for one ------------------------------------------------------------------------------------


@pytest.mark.parametrize("exported_object", OBJECTS)
async def test_a_new_export_is_scheduled(client: httpx.AsyncClient, exported_object: str) -> None:
    answer = await client.post("/v1/exports", json={"exported_object": exported_object})
    assert answer.status_code == 200
    export = answer.json()
    assert re.fullmatch(r"exp_[0-9a-f]{32}", export["id"])
    assert INSTANT.fullmatch(export["created_at"])
    assert export == {
        "id": export["id"],
        "object": "export",
        "created_at": export["created_at"],
        "status": "SCHEDULED",
        "channel": "API",
        "exported_object": exported_object,
        "parameters": {},
        "result": None,
        "user_id": None,
    }
    assert list(export) == [
        "id",
        "object",
        "created_at",
        "status",
        "channel",
        "exported_object",
        "parameters",
        "result",
        "user_id",
    ]
    assert await read_export(client, export["id"]) == export


async def test_the_parameters_are_told_as_they_were_sent(client: httpx.AsyncClient) -> None:
    sent = {
        "order": "-code",
        "fields": ["id", "metadata.colour"],
        "filters": {"junction": "OR", "code": {"conditions": {"$is": "A", "$contains": ["b"]}}},
        "campaign_id": None,
    }
    export = await read_export(client, await start_export(client, "voucher", **sent))
    assert export["parameters"] == sent


@pytest.mark.parametrize("parameters", [None, {}])
async def test_no_parameters_are_told_as_none(client: httpx.AsyncClient, parameters: Any) -> None:
    body = {"exported_object": "voucher", "parameters": parameters}
    assert (await client.post("/v1/exports", json=body)).json()["parameters"] == {}


async def test_the_channel_is_who_asked(client: httpx.AsyncClient) -> None:
    headers = {"X-Voucherify-Channel": "WEBSITE"}
    answer = await client.post("/v1/exports", json={"exported_object": "voucher"}, headers=headers)
    assert answer.json()["channel"] == "WEBSITE"


def test_whatever_can_be_asked_for_can_be_written() -> None:
    assert {*exportables} == {*OBJECTS}
    for exportable in exportables.values():
        assert all(exportable.has_field(name) for name in exportable.default_fields)
        assert exportable.default_order in exportable.list_orders()
        for order in exportable.list_orders():
            assert order.removeprefix("-") == "id" or exportable.find_order(order)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, "Payload must have required property 'exported_object'"),
        (
            {"exported_object": "campaign"},
            "Property .exported_object must be equal to one of the allowed values [ voucher, redemption,"
            " customer, publication, order, points_expiration, voucher_transactions, product, sku, api_log ]",
        ),
        (
            {"exported_object": "voucher", "parameters": {"order": "value"}},
            "Property .parameters.order must be equal to one of the allowed values [ -created_at, created_at,"
            " -updated_at, updated_at, -code, code ]",
        ),
        (
            {"exported_object": "points_expiration", "parameters": {"order": "created_at"}},
            "Property .parameters.order must be equal to one of the allowed values"
            " [ -expires_at, expires_at ]",
        ),
        (
            {"exported_object": "voucher", "parameters": {"fields": "code"}},
            "Property .parameters.fields must be array,null",
        ),
        (
            {"exported_object": "voucher", "parameters": {"fields": ["code"] * 501}},
            "Property .parameters.fields must NOT have more than 500 items",
        ),
        (
            {
                "exported_object": "order",
                "parameters": {"filters": {"colour": {"conditions": {"$is": "red"}}}},
            },
            "Property .parameters.filters.colour is not allowed",
        ),
        (
            {"exported_object": "order", "parameters": {"filters": {"junction": "xor"}}},
            "Property .parameters.filters has wrong `junction` property. It must be one of: and, or",
        ),
        (
            {
                "exported_object": "order",
                "parameters": {"filters": {"amount": {"conditions": {"$more_than": "x"}}}},
            },
            "Property .parameters.filters.amount.conditions.$more_than must be number",
        ),
    ],
)
async def test_what_cannot_be_read_is_refused_and_nothing_is_scheduled(
    client: httpx.AsyncClient, body: Any, details: str
) -> None:
    answer = await client.post("/v1/exports", json=body)
    assert read_refusal(answer) == refusal("invalid_payload", "Invalid payload", details)
    assert await count_exports(client) == 0


async def test_an_unknown_operator_is_answered_with_all_that_there_are(client: httpx.AsyncClient) -> None:
    body = {"parameters": {"filters": {"amount": {"conditions": {"$about": 5}}}}}
    answer = await client.post("/v1/orders/export", json=body)
    details = read_refusal(answer)["details"]
    assert details.startswith(
        "Property .parameters.filters should match either"
        " `filters[${field}][conditions][${condition}][${index}]` or"
        " `filters[${field}][conditions][${condition}]` format and condition must be one of: $in, $not_in, "
    )


@pytest.mark.parametrize(
    ("exported_object", "field", "allowed"),
    [
        ("points_expiration", "colour", "id, campaign_id, voucher_id, points, status, expires_at"),
        ("points_expiration", "metadata", "id, campaign_id, voucher_id, points, status, expires_at"),
        ("points_expiration", "metadata.x", "id, campaign_id, voucher_id, points, status, expires_at"),
        (
            "order",
            "metadata.",
            "id, source_id, created_at, updated_at, status, amount, discount_amount, items_discount_amount,"
            " total_discount_amount, total_amount, customer_id, referrer_id, metadata",
        ),
        (
            "customer",
            "Name",
            "name, id, description, email, source_id, created_at, address_city, address_state,"
            " address_line_1, address_line_2, address_country, address_postal_code,"
            " redemptions_total_redeemed,"
            " redemptions_total_failed, redemptions_total_succeeded, redemptions_total_rolled_back,"
            " redemptions_total_rollback_failed, redemptions_total_rollback_succeeded, orders_total_amount,"
            " orders_total_count, orders_average_amount, orders_last_order_amount, orders_last_order_date,"
            " loyalty_points, loyalty_referred_customers, updated_at, phone, birthday, birthdate, metadata",
        ),
    ],
)
async def test_an_unknown_field_is_answered_with_those_that_there_are(
    client: httpx.AsyncClient, exported_object: str, field: str, allowed: str
) -> None:
    body = {"exported_object": exported_object, "parameters": {"fields": ["id", field]}}
    answer = await client.post("/v1/exports", json=body)
    details = f"Unsupported field used. Allowed fields: {allowed}"
    assert read_refusal(answer) == refusal("invalid_export_fields", "Invalid Export", details)
    assert await count_exports(client) == 0


@pytest.mark.parametrize("body", [None, {}, {"parameters": None}, 5])
async def test_orders_are_exported_at_an_address_of_their_own(
    client: httpx.AsyncClient, worker: Worker, body: Any
) -> None:
    answer = await client.post("/v1/orders/export", json=body)
    export = answer.json()
    assert (answer.status_code, export["exported_object"], export["parameters"]) == (200, "order", {})
    await worker.run_until_idle()
    assert await download(client, export["id"]) == "ID,Source ID,Status\n"


# --- looking at them -----------------------------------------------------------------------------------


async def test_exports_are_listed_from_the_newest_on(client: httpx.AsyncClient) -> None:
    ids = [await start_export(client, name) for name in ("voucher", "customer", "order")]
    listing = (await client.get("/v1/exports", params={"limit": 2})).json()
    exports = listing.pop("exports")
    assert listing == {"object": "list", "data_ref": "exports", "total": 3}
    assert [export["id"] for export in exports] == [ids[2], ids[1]]
    assert exports[0] == await read_export(client, ids[2])
    second = (await client.get("/v1/exports", params={"limit": 2, "page": 2})).json()
    assert [export["id"] for export in second["exports"]] == [ids[0]]
    assert second["total"] == 3


@pytest.mark.parametrize(
    ("order", "expected"),
    [("created_at", [0, 1, 2]), ("-created_at", [2, 1, 0]), ("status", [1, 0, 2]), ("-status", [2, 1, 0])],
)
async def test_exports_are_listed_by_creation_or_status(
    client: httpx.AsyncClient, db: Database, order: str, expected: list[int]
) -> None:
    ids = [await start_export(client, "voucher") for _ in range(3)]
    async with db.connection() as connection:
        for export_id, status in zip(ids, ("DONE", "DONE", "ERROR"), strict=True):
            await connection.execute(
                "update export set status = $2 where id = $1::uuid", export_id.removeprefix("exp_"), status
            )
    listing = (await client.get("/v1/exports", params={"order": order})).json()
    assert [ids.index(export["id"]) for export in listing["exports"]] == expected


@pytest.mark.parametrize("order", ["rows", "channel", "--status"])
async def test_exports_are_listed_by_nothing_else(client: httpx.AsyncClient, order: str) -> None:
    answer = await client.get("/v1/exports", params={"order": order})
    assert read_refusal(answer) == refusal(
        "invalid_query_params",
        "Invalid query params",
        "Property .order must be equal to one of the allowed values"
        " [ created_at, -created_at, status, -status ]",
    )


@pytest.mark.parametrize("sent", [UNKNOWN, "exp_1", "camp_" + "0" * 32])
async def test_an_export_that_is_not_there_is_not_found(client: httpx.AsyncClient, sent: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await client.request(method, f"/v1/exports/{sent}")
        assert read_refusal(answer) == not_there("export", sent)


# --- files -----------------------------------------------------------------------------------------------


async def test_a_file_that_is_done_can_be_downloaded_without_keys(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    export_id = await start_export(client, "voucher")
    await worker.run_until_idle()
    export = await read_export(client, export_id)
    assert export["status"] == "DONE"
    address = export["result"]["url"]
    assert re.fullmatch(rf"http://test/v1/exports/{export_id}\?token=[\w-]{{43}}", address)
    answer = await client.get(address, headers=NO_KEYS)
    assert (answer.status_code, answer.text) == (200, "Code,Voucher Type,Value,Discount Type\n")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{export_id}.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    # The token decides, whatever keys come with it.
    assert (await client.get(address)).text == answer.text
    assert (await client.get(address, headers={"X-App-Id": "nobody"})).text == answer.text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/json", "text/plain; charset=utf-8"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.1", "text/csv; charset=utf-8"),
    ],
)
async def test_a_file_is_plain_text_to_who_reads_nothing_else(
    client: httpx.AsyncClient, worker: Worker, accept: str, media_type: str
) -> None:
    export_id = await start_export(client, "voucher")
    await worker.run_until_idle()
    address = (await read_export(client, export_id))["result"]["url"]
    answer = await client.get(address, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)


async def test_a_wrong_token_opens_nothing(client: httpx.AsyncClient, worker: Worker) -> None:
    export_id = await start_export(client, "voucher")
    await worker.run_until_idle()
    address = (await read_export(client, export_id))["result"]["url"]
    wrong = address[:-1] + ("A" if address[-1] != "A" else "B")
    for sent in (wrong, address.replace(export_id, UNKNOWN), address.replace(export_id, "exp_1")):
        for headers in (NO_KEYS, {}):
            answer = await client.get(sent, headers=headers)
            assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    for sent in (f"/v1/exports/{export_id}", f"/v1/exports/{export_id}?token="):
        answer = await client.get(sent, headers=NO_KEYS)
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
        assert (await client.get(sent)).json()["id"] == export_id


async def test_the_token_of_a_file_that_is_not_done_opens_nothing(
    client: httpx.AsyncClient, db: Database
) -> None:
    export_id = await start_export(client, "voucher")
    async with db.connection() as connection:
        token = await connection.fetchval(
            "select token from export where id = $1::uuid", export_id.removeprefix("exp_")
        )
    assert (await client.get(f"/v1/exports/{export_id}", params={"token": token})).status_code == 401


async def test_a_deleted_export_takes_its_file_along(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    kept, deleted = [await start_export(client, "voucher") for _ in range(2)]
    await worker.run_until_idle()
    address = (await read_export(client, deleted))["result"]["url"]
    answer = await client.delete(f"/v1/exports/{deleted}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert read_refusal(await client.get(f"/v1/exports/{deleted}")) == not_there("export", deleted)
    assert (await client.get(address)).status_code == 401
    async with db.connection() as connection:
        left = await connection.fetchval(
            "select count(*) from export_portion where export_id = $1::uuid", deleted.removeprefix("exp_")
        )
    assert left == 0
    assert await download(client, kept) == "Code,Voucher Type,Value,Discount Type\n"


async def test_an_export_that_is_deleted_before_it_is_written_is_not_written(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    export_id = await start_export(client, "voucher")
    await client.delete(f"/v1/exports/{export_id}")
    await worker.run_until_idle()
    async with db.connection() as connection:
        job = await connection.fetchrow(
            "select state, error from job where id = $1::uuid", export_id.removeprefix("exp_")
        )
        assert job is not None
        assert tuple(job) == ("done", None)
        portions = "select count(*) from export_portion where export_id = $1::uuid"
        assert await connection.fetchval(portions, export_id.removeprefix("exp_")) == 0


async def test_another_project_sees_nothing_of_it(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    export_id = await start_export(client, "voucher")
    await worker.run_until_idle()
    for method in ("GET", "DELETE"):
        answer = await other_client.request(method, f"/v1/exports/{export_id}")
        assert read_refusal(answer) == not_there("export", export_id)
    assert (await other_client.get("/v1/exports")).json()["exports"] == []
    assert (await read_export(client, export_id))["status"] == "DONE"
    made = await client.post("/v1/vouchers/MINE", json={"type": "GIFT_VOUCHER", "gift": {"amount": 5}})
    assert made.status_code == 200
    assert await export_text(other_client, worker, "voucher", fields=["code"]) == "Code\n"


async def test_an_export_that_cannot_be_written_ends_with_an_error(
    client: httpx.AsyncClient, worker: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = await start_export(client, "api_log")
    monkeypatch.delitem(exportables, "api_log")
    await worker.run_until_idle()
    export = await read_export(client, export_id)
    assert (export["status"], export["result"]) == ("ERROR", None)
    async with db.connection() as connection:
        error = await connection.fetchval(
            "select error from export where id = $1::uuid", export_id.removeprefix("exp_")
        )
    assert error == "This worker cannot export api_log."


async def test_ten_exports_at_once_are_all_written(client: httpx.AsyncClient, worker: Worker) -> None:
    ids = await asyncio.gather(*(start_export(client, name) for name in OBJECTS))
    await worker.run_until_idle()
    assert [(await read_export(client, each))["status"] for each in ids] == ["DONE"] * 10
