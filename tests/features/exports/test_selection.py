"""Which rows an export has, and in which order."""

from typing import Any

import httpx
import pytest

from builders import a_campaign, a_voucher, not_there, read_refusal
from exporting import download, export_column, export_table
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.dates import parse_instant
from openvoucher.wire.ids import new_id

pytestmark = pytest.mark.slow

whatever_the_portions = pytest.mark.parametrize("settings", [1, 2, 100], indirect=True)

FORBIDDEN = {
    "code": 403,
    "key": "forbidden",
    "message": "Forbidden",
    "details": "Transactions are allowed only for loyalty or gift campaigns",
}


async def post(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- orders ------------------------------------------------------------------------------------------------


@whatever_the_portions
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "EDCBA"),
        ("", "EDCBA"),
        ("-created_at", "EDCBA"),
        ("created_at", "ABCDE"),
        # What was never changed comes first, and last the other way round; equals go by their creation.
        ("updated_at", "ABECD"),
        ("-updated_at", "DCEBA"),
        ("code", "ABCDE"),
        ("-code", "EDCBA"),
    ],
)
async def test_rows_stand_in_the_order_that_was_asked_for(
    client: httpx.AsyncClient,
    worker: Worker,
    db: Database,
    project: Project,
    order: str | None,
    expected: str,
) -> None:
    for code in "ABCDE":
        await post(client, f"/v1/vouchers/{code}", a_voucher())
    async with db.connection() as connection:
        for code, changed in (("E", "2026-01-01"), ("C", "2026-01-02"), ("D", "2026-01-02")):
            await connection.execute(
                "update voucher set updated_at = $3 where project_id = $1 and code = $2",
                project.id,
                code,
                parse_instant(changed),
            )
    assert await export_column(client, worker, "voucher", "code", order=order) == [*expected]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("-id", "CBA"), ("id", "ABC"), ("amount", "BCA"), ("-amount", "ACB"), ("customer_id", "BCA")],
)
async def test_orders_can_be_sorted_by_every_column(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project, order: str, expected: str
) -> None:
    customers = sorted(new_id() for _ in range(2))
    rows = (("A", 10, customers[1]), ("B", None, None), ("C", 9, customers[0]))
    async with db.connection() as connection:
        for source_id, amount, customer_id in rows:
            await connection.execute(
                "insert into shop_order (project_id, id, source_id, status, amount, customer_id, created_at)"
                " values ($1, $2, $3, 'CREATED', $4, $5, clock_timestamp())",
                project.id,
                new_id(),
                source_id,
                amount,
                customer_id,
            )
    assert await export_column(client, worker, "order", "source_id", order=order) == [*expected]


# --- filters -----------------------------------------------------------------------------------------------


@whatever_the_portions
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "ABCG"),
        ({"code": {"conditions": {"$in": ["A", "G", "x"]}}}, "AG"),
        ({"code": {"conditions": {"$is": "B"}}}, "B"),
        ({"voucher_type": {"conditions": {"$is": "GIFT_VOUCHER"}}}, "G"),
        # Filters speak the language of the API: minor units.
        ({"value": {"conditions": {"$more_than": 1000}}}, "AG"),
        ({"gift_balance": {"conditions": {"$has_value": ""}}}, "G"),
        ({"discount_type": {"conditions": {"$is_unknown": ""}}}, "G"),
        ({"discount_type": {"conditions": {"$is": "PERCENT"}}, "junction": "and"}, "BC"),
        (
            {
                "discount_type": {"conditions": {"$is": "AMOUNT"}},
                "code": {"conditions": {"$is": "G"}},
                "junction": "OR",
            },
            "AG",
        ),
        ({"metadata.colour": {"conditions": {"$is": "red"}}}, "B"),
        ({"campaign": {"conditions": {"$is": "Spring"}}}, "C"),
        ({"redemption_quantity": {"conditions": {"$is": 5}}}, "C"),
        ({"redemption.quantity": {"conditions": {"$is": 5}}}, "C"),
        ({"expiration_date": {"conditions": {"$before": ["2031-01-01T00:00:00.000Z"]}}}, "C"),
        ({"active": {"conditions": {"$disabled": ""}}}, "B"),
        ({"active": {"conditions": {"$is": False}}}, "B"),
        ({"created_at": {"conditions": {"$after": ["2020-01-01"]}}}, "ABCG"),
        ({"created_at": {"conditions": {"$today": ""}}}, "ABCG"),
        ({"is_referral_code": {"conditions": {"$is": True}}}, ""),
    ],
)
async def test_rows_can_be_filtered_by_every_column(
    client: httpx.AsyncClient, worker: Worker, filters: Any, expected: str
) -> None:
    voucher = {"redemption": {"quantity": 5}}
    body = a_campaign(voucher=voucher, expiration_date="2030-01-01T00:00:00Z")
    campaign = await post(client, "/v1/campaigns", body)
    await post(client, "/v1/vouchers/A", a_voucher(discount={"type": "AMOUNT", "amount_off": 1050}))
    await post(client, "/v1/vouchers/B", a_voucher(metadata={"colour": "red"}, active=False))
    await post(client, f"/v1/campaigns/{campaign['id']}/vouchers/C", {})
    await post(client, "/v1/vouchers/G", a_voucher("GIFT_VOUCHER"))
    for order in ("created_at", "code"):
        codes = await export_column(client, worker, "voucher", "code", order=order, filters=filters)
        assert codes == [*expected]


async def test_vouchers_of_a_campaign_whatever_the_filters_say(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    first, second = [await post(client, "/v1/campaigns", a_campaign(name=name)) for name in ("1", "2")]
    for campaign, code in ((first, "A"), (first, "B"), (second, "C")):
        await post(client, f"/v1/campaigns/{campaign['id']}/vouchers/{code}", {})
    parameters: dict[str, Any] = {"order": "code", "campaign_id": first["id"]}
    assert await export_column(client, worker, "voucher", "code", **parameters) == ["A", "B"]
    either = {name: {"conditions": {"$is": name}} for name in ("code", "campaign")}
    either["code"]["conditions"]["$is"] = "A"
    parameters["filters"] = {**either, "junction": "or"}
    assert await export_column(client, worker, "voucher", "code", **parameters) == ["A"]
    parameters["campaign_id"] = "camp_" + "0" * 32
    assert await export_column(client, worker, "voucher", "code", **parameters) == []


async def test_customers_can_be_filtered_by_what_segments_ask_for(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    for name, city in (("ann", "Houston"), ("bob", None)):
        await post(client, "/v1/customers", {"source_id": name, "address": city and {"city": city}})
    for field in ("address.city", "address_city"):
        filters = {field: {"conditions": {"$is": "Houston"}}}
        assert await export_column(client, worker, "customer", "source_id", filters=filters) == ["ann"]
    filters = {"summary.orders.total_count": {"conditions": {"$is": "0"}}}
    found = await export_column(client, worker, "customer", "source_id", order="name", filters=filters)
    assert found == ["ann", "bob"]


# --- transactions of a card, or of a campaign --------------------------------------------------------


async def make_cards(client: httpx.AsyncClient) -> dict[str, Any]:
    """Campaigns by name, with a card each, G and L, that has two transactions, and S without a campaign."""
    campaigns = {}
    for name, campaign_type, code in (
        ("Gifts", "GIFT_VOUCHERS", "G"),
        ("Points", "LOYALTY_PROGRAM", "L"),
        ("Coupons", "DISCOUNT_COUPONS", "D"),
    ):
        campaigns[name] = await post(
            client, "/v1/campaigns", a_campaign(name=name, campaign_type=campaign_type)
        )
        await post(client, f"/v1/campaigns/{campaigns[name]['id']}/vouchers/{code}", {})
    await post(client, "/v1/vouchers/S", a_voucher("GIFT_VOUCHER"))
    for code, amount in (("G", 1), ("L", 2), ("S", 3), ("G", -4), ("L", -5)):
        await post(client, f"/v1/vouchers/{code}/balance", {"amount": amount})
    return campaigns


async def test_the_transactions_of_a_card_are_exported_by_its_code(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_cards(client)
    export = await post(client, "/v1/vouchers/G/transactions/export", None)
    assert (export["status"], export["exported_object"], export["result"]) == (
        "SCHEDULED",
        "voucher_transactions",
        None,
    )
    assert export["parameters"] == {"filters": {"voucher_id": {"conditions": {"$in": ["G"]}}}}
    await worker.run_until_idle()
    titles, *rows = (await download(client, export["id"])).splitlines()
    assert titles == (
        "ID,Type,Source ID,Reason,Balance,Amount,Creation date,Voucher ID,Campaign ID,Source,Details,"
        "Related transaction ID"
    )
    assert [row.split(",")[1:6] for row in rows] == [
        ["CREDITS_REMOVAL", "", "", "99.97", "-0.04"],
        ["CREDITS_ADDITION", "", "", "100.01", "0.01"],
    ]


async def test_the_transactions_of_a_card_are_exported_by_its_id(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_cards(client)
    card = (await client.get("/v1/vouchers/L")).json()["id"]
    parameters = {"order": "created_at", "fields": ["amount"], "filters": {"junction": "or"}}
    export = await post(client, f"/v1/vouchers/{card}/transactions/export", {"parameters": parameters})
    assert export["parameters"] == {
        **parameters,
        "filters": {"junction": "AND", "voucher_id": {"conditions": {"$in": [card]}}},
    }
    await worker.run_until_idle()
    assert await download(client, export["id"]) == "Amount\n2\n-5\n"


@pytest.mark.parametrize("by_name", [False, True])
async def test_the_transactions_of_a_campaign_are_exported(
    client: httpx.AsyncClient, worker: Worker, by_name: bool
) -> None:
    campaign_id = (await make_cards(client))["Gifts"]["id"]
    sent = {"created_at": {"conditions": {"$after": ["2024-10-01T00:00:00.000Z"]}}}
    body = {"parameters": {"fields": ["type", "amount"], "filters": sent}}
    path = f"/v1/campaigns/{'Gifts' if by_name else campaign_id}/transactions/export"
    export = await post(client, path, body)
    assert export["parameters"] == {
        "fields": ["type", "amount"],
        "filters": {
            "junction": "AND",
            **sent,
            "campaign_id": {"conditions": {"$in": [campaign_id]}},
        },
    }
    await worker.run_until_idle()
    text = await download(client, export["id"])
    assert text == "Type,Amount\nCREDITS_REMOVAL,-0.04\nCREDITS_ADDITION,0.01\n"


async def test_an_or_does_not_let_in_the_transactions_of_other_campaigns(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    campaign_id = (await make_cards(client))["Gifts"]["id"]
    filters = {"junction": "or", "created_at": {"conditions": {"$after": ["2024-10-01T00:00:00.000Z"]}}}
    path = f"/v1/campaigns/{campaign_id}/transactions/export"
    export = await post(client, path, {"parameters": {"fields": ["amount"], "filters": filters}})
    await worker.run_until_idle()
    assert await download(client, export["id"]) == "Amount\n-0.04\n0.01\n"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"$in": ["G", "S"]}, ["-0.04", "0.03", "0.01"]),
        ({"$is": "S"}, ["0.03"]),
        ({"$not_in": ["G", "S", "nobody"]}, ["-5", "2"]),
        ({"$is_not": "G"}, ["-5", "0.03", "2"]),
        ({"$in": ["nobody"]}, []),
        ({"$has_value": ""}, ["-5", "-0.04", "0.03", "2", "0.01"]),
    ],
)
async def test_transactions_are_found_by_the_codes_of_their_cards(
    client: httpx.AsyncClient, worker: Worker, conditions: Any, expected: list[str]
) -> None:
    await make_cards(client)
    filters = {"voucher_id": {"conditions": conditions}}
    found = await export_column(client, worker, "voucher_transactions", "amount", filters=filters)
    assert found == expected


async def test_there_are_no_transactions_of_coupons(client: httpx.AsyncClient) -> None:
    campaigns = await make_cards(client)
    for path in ("/v1/vouchers/D", f"/v1/campaigns/{campaigns['Coupons']['id']}"):
        answer = await client.post(f"{path}/transactions/export")
        assert read_refusal(answer) == FORBIDDEN
    assert (await client.get("/v1/exports")).json()["total"] == 0


@pytest.mark.parametrize(("path", "resource"), [("vouchers", "voucher"), ("campaigns", "campaign")])
async def test_there_are_no_transactions_of_what_is_not_there(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, path: str, resource: str
) -> None:
    await make_cards(client)
    for sent in ("nothing", "G", "Gifts"):
        answer = await other_client.post(f"/v1/{path}/{sent}/transactions/export")
        assert read_refusal(answer) == not_there(resource, sent)


async def test_a_filter_does_not_see_the_codes_of_another_project(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_cards(client)
    filters = {"voucher_id": {"conditions": {"$in": ["G"]}}}
    table = await export_table(other_client, worker, "voucher_transactions", filters=filters)
    assert len(table) == 1
