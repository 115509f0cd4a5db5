"""The vouchers that a customer holds, and what they are worth at this moment."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from openvoucher.features.customers.holders import NewHolder, add_holder, add_holders
from openvoucher.features.customers.redeemable_schemas import RedeemableQuery
from openvoucher.features.customers.redeemables import list_customer_redeemables
from openvoucher.features.vouchers.service import get_row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import parse_id, show_id
from shared_project import SharedProject

PAST, FUTURE = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_events(shared_project: SharedProject) -> AsyncIterator[None]:
    yield
    async with shared_project.db.connection() as connection:
        await connection.execute("delete from outbox")


async def make(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def make_customer(client: httpx.AsyncClient, source_id: str) -> UUID:
    made = parse_id("cust", (await make(client, "/v1/customers", source_id=source_id))["id"])
    assert made is not None
    return made


async def hold(
    shared_project: SharedProject, customer_id: UUID, *codes: str, role: Any = "OWNER", **fields: Any
) -> list[str]:
    """Assign vouchers; the wire ids of the holders."""
    call = shared_project.call
    async with shared_project.db.transaction() as connection:
        rows = [
            await add_holder(
                connection,
                call,
                voucher_row=await get_row(connection, call.project.id, code, lock=True),
                customer_id=customer_id,
                role=role,
                **fields,
            )
            for code in codes
        ]
    return [show_id("rh", row["id"]) for row in rows]


async def read(client: httpx.AsyncClient, source_id: str, *query: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/customers/{source_id}/redeemables?{'&'.join(query)}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def read_codes(client: httpx.AsyncClient, source_id: str, *query: str) -> list[str]:
    listed = await read(client, source_id, *query)
    return [each["redeemable"]["voucher"]["code"] for each in listed["data"]]


async def read_events(shared_project: SharedProject, type: str) -> list[dict[str, Any]]:
    async with shared_project.db.connection() as connection:
        rows = await connection.fetch(
            "select customer_id, campaign_id, data from outbox where type = $1 order by id", type
        )
    return [dict(row) for row in rows]


# --- assignments -----------------------------------------------------------------------------------------


async def test_a_voucher_that_is_assigned_names_its_holder(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await make(client, "/v1/campaigns", **a_campaign(name=code))
    await make(client, f"/v1/campaigns/{code}/vouchers/{code}")
    (holder_id,) = await hold(shared_project, customer_id, code)
    voucher = (await client.get(f"/v1/vouchers/{code}")).json()
    assert voucher["holder_id"] == show_id("cust", customer_id)
    (event,) = await read_events(shared_project, "customer.holder.assignment.created")
    assert (event["customer_id"], show_id("camp", event["campaign_id"])) == (
        customer_id,
        voucher["campaign_id"],
    )
    assert event["data"]["holder"] == {
        "id": holder_id,
        "created_at": "2026-03-01T12:00:00.000Z",
        "redeemable_id": voucher["id"],
        "redeemable_object": "voucher",
        "campaign_id": voucher["campaign_id"],
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher_type": "DISCOUNT_VOUCHER",
        "customer_id": show_id("cust", customer_id),
        "holder_role": "OWNER",
        "object": "redeemable_holder",
    }
    campaign = event["data"]["campaign"]
    assert (campaign["id"], campaign["name"], campaign["object"]) == (
        voucher["campaign_id"],
        code,
        "campaign",
    )
    assert event["data"]["voucher"].items() <= voucher.items()
    assert event["data"]["voucher"]["code"] == code


async def test_an_assignment_that_is_there_already_stays_as_it_is(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await make(client, f"/v1/vouchers/{code}", **a_voucher())
    first = await hold(shared_project, customer_id, code, metadata={"a": 1})
    before = await read(client, code)
    assert await hold(shared_project, customer_id, code, metadata={"a": 2}) == first
    assert await read(client, code) == before
    assert len(await read_events(shared_project, "customer.holder.assignment.created")) == 1
    async with shared_project.db.connection() as connection:
        metadata = await connection.fetchval(
            "select metadata from redeemable_holder where customer_id = $1", customer_id
        )
    assert metadata == {"a": 1}


async def test_a_referee_does_not_become_the_holder_that_the_voucher_names(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    referrer, referee = await make_customer(client, f"{code}-1"), await make_customer(client, f"{code}-2")
    await make(client, f"/v1/vouchers/{code}", **a_voucher())
    await hold(shared_project, referrer, code, role="REFERRER")
    await hold(shared_project, referee, code, role="REFEREE")
    assert (await client.get(f"/v1/vouchers/{code}")).json()["holder_id"] == show_id("cust", referrer)
    for source_id, role in ((f"{code}-1", "REFERRER"), (f"{code}-2", "REFEREE")):
        (holder,) = (await read(client, source_id))["data"]
        assert holder["holder_role"] == role


async def test_many_assignments_cost_as_many_queries_as_one(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    codes = [f"{code}-{number}" for number in range(10)]
    for each in codes:
        await make(client, f"/v1/vouchers/{each}", **a_voucher())

    async def count_queries(codes: Sequence[str]) -> int:
        queries: list[Any] = []
        call = shared_project.call
        async with shared_project.db.transaction() as connection:
            new = [
                NewHolder(
                    voucher_row=await get_row(connection, call.project.id, each),
                    customer_id=customer_id,
                    role="OWNER",
                )
                for each in codes
            ]
            with connection.query_logger(queries.append):
                rows = await add_holders(connection, call, new)
            assert [row["voucher_id"] for row in rows] == [each.voucher_row["id"] for each in new]
        return len(queries)

    one = await count_queries(codes[:1])
    assert await count_queries(codes[1:]) == one
    assert (await read(client, code))["total"] == 10


# --- the list ----------------------------------------------------------------------------------------------


async def test_a_redeemable_as_it_is_shown(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await make(client, "/v1/campaigns", **a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    await make(client, f"/v1/campaigns/{code}/vouchers/{code}")
    (holder_id,) = await hold(shared_project, customer_id, code)
    voucher = (await client.get(f"/v1/vouchers/{code}")).json()
    del voucher["validation_rules_assignments"]
    assert await read(client, code) == {
        "object": "list",
        "data_ref": "data",
        "data": [
            {
                "id": holder_id,
                "created_at": format_instant(shared_project.call.now),
                "redeemable_id": voucher["id"],
                "redeemable_object": "voucher",
                "customer_id": show_id("cust", customer_id),
                "holder_role": "OWNER",
                "campaign_id": voucher["campaign_id"],
                "campaign_type": "GIFT_VOUCHERS",
                "voucher_type": "GIFT_VOUCHER",
                "redeemable": {"type": "voucher", "voucher": voucher, "status": "ACTIVE"},
            }
        ],
        "total": 1,
        "has_more": False,
    }


USED = "redeemed_quantity = 1"
EMPTY = "credited = 9, subtracted = 0, spent = 9, balance = 0"


@pytest.mark.parametrize(
    ("body", "changed", "status"),
    [
        ({}, "", "ACTIVE"),
        ({"redemption": {"quantity": 2}}, USED, "ACTIVE"),
        ({"start_date": PAST, "expiration_date": FUTURE}, "", "ACTIVE"),
        ({"active": False}, "", "DISABLED"),
        ({"start_date": FUTURE}, "", "NOT_ACTIVE_YET"),
        ({"expiration_date": PAST}, "", "EXPIRED"),
        ({"redemption": {"quantity": 1}}, USED, "USED"),
        ({"type": "GIFT_VOUCHER"}, "", "ACTIVE"),
        ({"type": "GIFT_VOUCHER"}, EMPTY, "NO_BALANCE"),
        # Of several obstacles the first one of a fixed order is told.
        (
            {"type": "GIFT_VOUCHER", "active": False, "start_date": FUTURE, "redemption": {"quantity": 1}},
            f"{USED}, {EMPTY}",
            "DISABLED",
        ),
        (
            {"type": "GIFT_VOUCHER", "start_date": FUTURE, "redemption": {"quantity": 1}},
            f"{USED}, {EMPTY}",
            "NOT_ACTIVE_YET",
        ),
        (
            {"type": "GIFT_VOUCHER", "expiration_date": PAST, "redemption": {"quantity": 1}},
            f"{USED}, {EMPTY}",
            "EXPIRED",
        ),
        ({"type": "GIFT_VOUCHER", "redemption": {"quantity": 1}}, f"{USED}, {EMPTY}", "USED"),
    ],
)
async def test_the_status_is_what_holds_now(
    shared_project: SharedProject,
    client: httpx.AsyncClient,
    code: str,
    body: dict[str, Any],
    changed: str,
    status: str,
) -> None:
    customer_id = await make_customer(client, code)
    await make(client, f"/v1/vouchers/{code}", **a_voucher(**body))
    if changed:
        async with shared_project.db.connection() as connection:
            await connection.execute(f"update voucher set {changed} where code = $1", code)
    await hold(shared_project, customer_id, code)
    (holder,) = (await read(client, code))["data"]
    assert holder["redeemable"]["status"] == status


async def test_a_code_of_a_disabled_campaign_is_disabled(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await make(client, "/v1/campaigns", **a_campaign(name=code))
    await make(client, f"/v1/campaigns/{code}/vouchers/{code}")
    await hold(shared_project, customer_id, code)
    assert (await client.post(f"/v1/campaigns/{code}/disable")).status_code == 200
    (holder,) = (await read(client, code))["data"]
    assert (holder["redeemable"]["voucher"]["active"], holder["redeemable"]["status"]) == (True, "DISABLED")


@pytest_asyncio.fixture(loop_scope="module")
async def held(shared_project: SharedProject, client: httpx.AsyncClient, code: str) -> str:
    """A customer with P (on its own, as referrer), Q (a gift card of a campaign) and R (a coupon of one)."""
    customer_id = await make_customer(client, code)
    await make(client, f"/v1/vouchers/{code}-P", **a_voucher())
    await hold(shared_project, customer_id, f"{code}-P", role="REFERRER")
    for name, campaign_type in (("Q", "GIFT_VOUCHERS"), ("R", "DISCOUNT_COUPONS")):
        await make(client, "/v1/campaigns", **a_campaign(name=f"{code}-{name}", campaign_type=campaign_type))
        await make(client, f"/v1/campaigns/{code}-{name}/vouchers/{code}-{name}")
        await hold(shared_project, customer_id, f"{code}-{name}")
    return code


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "RQP"),
        ("order=-id", "RQP"),
        ("order=id", "PQR"),
        ("filters[holder_role][conditions][$is]=REFERRER", "P"),
        ("filters[holder_role][conditions][$in][0]=OWNER", "RQ"),
        ("filters[campaign_type][conditions][$is]=GIFT_VOUCHERS", "Q"),
        ("filters[campaign_type][conditions][$is_unknown]=true", "P"),
        ("filters[campaign_id][conditions][$has_value]=true", "RQ"),
        ("filters[voucher_type][conditions][$is_not]=GIFT_VOUCHER", "RP"),
        ("filters[redeemable_object][conditions][$is]=voucher", "RQP"),
        ("filters[redeemable_object][conditions][$is_not]=voucher", ""),
        ("filters[created_at][conditions][$after]=2026-02-28", "RQP"),
        ("filters[created_at][conditions][$before]=2026-02-28", ""),
        (
            "filters[junction]=or&filters[holder_role][conditions][$is]=REFERRER"
            "&filters[voucher_type][conditions][$is]=GIFT_VOUCHER",
            "QP",
        ),
    ],
)
async def test_the_list_is_filtered_and_ordered(
    client: httpx.AsyncClient, held: str, query: str, found: str
) -> None:
    assert await read_codes(client, held, query) == [f"{held}-{name}" for name in found]
    # The total is of all that match, whatever the page.
    page = await read(client, held, query, "limit=1")
    assert (page["total"], page["has_more"]) == (len(found), len(found) > 1)


async def test_filters_by_ids(client: httpx.AsyncClient, held: str) -> None:
    first, second, _ = (await read(client, held))["data"]
    for name, value in (("id", first["id"]), ("redeemable_id", first["redeemable_id"])):
        assert await read_codes(client, held, f"filters[{name}][conditions][$is]={value}") == [f"{held}-R"]
    wanted = f"filters[campaign_id][conditions][$is]={second['campaign_id']}"
    assert await read_codes(client, held, wanted) == [f"{held}-Q"]


@pytest.mark.parametrize(("order", "codes"), [("id", "PQR"), ("-id", "RQP")])
async def test_pages_follow_one_another_by_the_last_id(
    client: httpx.AsyncClient, held: str, order: str, codes: str
) -> None:
    first = await read(client, held, f"order={order}", "limit=2")
    assert (first["total"], first["has_more"]) == (3, True)
    assert first["more_starting_after"] == first["data"][-1]["id"]
    after = f"starting_after_id={first['more_starting_after']}"
    second = await read(client, held, f"order={order}", "limit=2", after)
    assert (second["total"], second["has_more"]) == (3, False)
    assert "more_starting_after" not in second
    found = [each["redeemable"]["voucher"]["code"] for each in first["data"] + second["data"]]
    assert found == [f"{held}-{name}" for name in codes]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("starting_after_id=x", "Property .starting_after_id must be an id of a redeemable holder"),
        ("order=code", "Property .order must be equal to one of the allowed values [ id, -id ]"),
        ("filters[code][conditions][$is]=x", "Property .filters.code is not allowed"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, held: str, query: str, details: str
) -> None:
    answer = await client.get(f"/v1/customers/{held}/redeemables?{query}")
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_a_list_costs_as_many_queries_as_one_redeemable(
    shared_project: SharedProject, client: httpx.AsyncClient, held: str
) -> None:
    async def count_queries(limit: int) -> int:
        queries: list[Any] = []
        # The pool gives the connection that was given back last.
        async with shared_project.db.connection() as connection:
            connection.add_query_logger(queries.append)
        try:
            listed = await list_customer_redeemables(shared_project.call, held, RedeemableQuery(limit=limit))
        finally:
            connection.remove_query_logger(queries.append)
        assert len(listed.data) == limit
        return len(queries)

    one = await count_queries(1)
    assert 3 <= one < 8
    assert await count_queries(3) == one


async def test_what_lies_in_the_bin_is_not_held(client: httpx.AsyncClient, held: str) -> None:
    assert (await client.delete(f"/v1/vouchers/{held}-P")).status_code == 204
    assert (await client.delete(f"/v1/campaigns/{held}-Q")).status_code == 202
    listed = await read(client, held)
    assert [each["redeemable"]["voucher"]["code"] for each in listed["data"]] == [f"{held}-R"]
    assert listed["total"] == 1


async def test_a_customer_that_is_not_there_holds_nothing(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, held: str
) -> None:
    answer = await other_client.get(f"/v1/customers/{held}/redeemables")
    assert read_refusal(answer) == not_there("customer", held)
    await make_customer(other_client, held)
    assert (await read(other_client, held))["data"] == []
    await client.delete(f"/v1/customers/{held}")
    assert read_refusal(await client.get(f"/v1/customers/{held}/redeemables")) == not_there("customer", held)
