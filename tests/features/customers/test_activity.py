"""What happens to customers is recorded once, and listed."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from builders import a_campaign, a_refusal, not_there, read_refusal
from calls import NOW
from openvoucher.features.customers.activity import record_activity
from openvoucher.features.outbox import service as outbox
from openvoucher.features.outbox.schemas import Event, NewEvent
from openvoucher.features.outbox.service import OutboxReader, emit_project_events, show_source
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, DatabaseUnavailable
from openvoucher.wire.ids import new_id, parse_id
from shared_project import SharedProject

GROUP = "v-0000000000000000bb"


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def only_activity(
    shared_project: SharedProject, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Nobody else listens, and nothing is left to be told."""
    monkeypatch.setattr(outbox, "subscribers", [record_activity])
    yield
    async with shared_project.db.connection() as connection:
        await connection.execute("delete from outbox")


async def make_customer(client: httpx.AsyncClient, source_id: str, **body: Any) -> UUID:
    answer = await client.post("/v1/customers", json={"source_id": source_id, **body})
    assert answer.status_code == 200, answer.text
    customer_id = parse_id("cust", answer.json()["id"])
    assert customer_id is not None
    return customer_id


async def tell(shared_project: SharedProject) -> None:
    reader = OutboxReader(shared_project.db)
    while await reader.tell_next(NOW):
        pass


async def emit(shared_project: SharedProject, *events: NewEvent, now: datetime = NOW) -> None:
    async with shared_project.db.transaction() as connection:
        await emit_project_events(
            connection,
            shared_project.call.project.id,
            events,
            source=show_source("API", app_id="app"),
            group_id=GROUP,
            now=now,
        )


async def tell_of(
    shared_project: SharedProject, customer_id: UUID, *types: str, now: datetime = NOW, **fields: Any
) -> None:
    events = [NewEvent(type=type, customer_id=customer_id, **fields) for type in types]
    await emit(shared_project, *events, now=now)
    await tell(shared_project)


async def read(client: httpx.AsyncClient, source_id: str, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/v1/customers/{source_id}/activity?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def read_types(client: httpx.AsyncClient, source_id: str, query: str = "") -> list[str]:
    return [each["type"].removeprefix("customer.") for each in (await read(client, source_id, query))["data"]]


# --- what is recorded ------------------------------------------------------------------------------------


async def test_what_callers_do_with_a_customer_is_its_activity(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    answer = await client.post("/v1/customers", json={"source_id": code, "name": "Ann"})
    await tell(shared_project)
    listed = await read(client, code)
    (activity,) = listed.pop("data")
    assert listed == {"object": "list", "data_ref": "data", "has_more": False}
    assert list(activity) == ["id", "type", "data", "created_at", "group_id"]
    assert parse_id("evcus", activity["id"])
    assert activity["type"] == "customer.created"
    assert activity["created_at"] == answer.json()["created_at"]
    assert activity["group_id"] == answer.headers["X-Request-Id"]
    assert activity["data"] == {
        "data": {"customer": answer.json()},
        "event_source": {
            "channel": "API",
            "user": None,
            "api_key": {"name": None, "app_id": client.headers["X-App-Id"]},
        },
    }


@pytest.mark.parametrize(
    ("type", "keys"),
    [
        ("customer.order.paid", {"referrer", "order", "redemption"}),
        ("customer.publication.failed", {"campaign", "publication"}),
        ("customer.custom_event", {"event", "event_schema", "referral", "loyalty"}),
        ("customer.holder.assignment.deleted", {"holder", "voucher", "campaign"}),
        ("customer.segment.left", {"segment"}),
        ("customer.voucher.gift.balance_added", {"campaign", "voucher", "balance", "transaction"}),
        (
            "customer.loyalty.tier.expiration.changed",
            {"campaign", "loyalty_tier", "created_at", "expiration_date"},
        ),
        ("customer.created", set()),
        # One that is not known yet.
        ("customer.brand.new", set()),
    ],
)
async def test_keys_without_a_value_are_null(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str, type: str, keys: set[str]
) -> None:
    customer_id = await make_customer(client, code)
    await tell_of(shared_project, customer_id, type, now=NOW + timedelta(days=999))
    (activity,) = (await read(client, code, f"type={type}&start_date=2028-01-01"))["data"]
    payload = activity["data"]["data"]
    assert payload.pop("customer")["source_id"] == code
    assert payload == dict.fromkeys(keys)


async def test_what_the_event_carries_is_its_payload(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    brought = {"order": {"id": "ord_1", "amount": 5}, "more": [1, None], "customer": {"id": "snapshot"}}
    await tell_of(shared_project, customer_id, "customer.order.paid", data=brought)
    (activity,) = (await read(client, code, "type=customer.order.paid"))["data"]
    assert activity["data"] == {
        "data": {**brought, "referrer": None, "redemption": None},
        "event_source": {"channel": "API", "user": None, "api_key": {"name": None, "app_id": "app"}},
    }
    assert (activity["group_id"], activity["created_at"]) == (GROUP, "2026-03-01T12:00:00.000Z")


async def test_whatever_a_client_calls_itself_it_came_through_the_api(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    """Official clients know four channels and read no other."""
    answer = await client.post(
        "/v1/customers", json={"source_id": code}, headers={"X-Voucherify-Channel": "Python-SDK"}
    )
    assert answer.status_code == 200
    await tell(shared_project)
    (activity,) = (await read(client, code))["data"]
    assert activity["data"]["event_source"]["channel"] == "API"


@pytest.mark.parametrize(
    ("type", "full"),
    [
        ("customer.updated", True),
        ("customer.segment.entered", True),
        ("customer.order.created", False),
        ("customer.publication.succeeded", False),
        ("customer.holder.assignment.created", False),
    ],
)
async def test_the_customer_is_shown_in_full_where_it_is_what_the_activity_is_about(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str, type: str, full: bool
) -> None:
    customer_id = await make_customer(client, code, name="Ann", email="ann@example.com")
    await tell_of(shared_project, customer_id, type)
    (activity,) = (await read(client, code, f"type={type}"))["data"]
    shown = (await client.get(f"/v1/customers/{code}")).json()
    del shown["assets"]
    simple = {
        "id": shown["id"],
        "name": "Ann",
        "email": "ann@example.com",
        "source_id": code,
        "metadata": {},
        "object": "customer",
    }
    assert activity["data"]["data"]["customer"] == (shown if full else simple)


async def test_what_is_no_customers_is_not_recorded(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await tell(shared_project)
    before = await count_activity(shared_project)
    await emit(
        shared_project,
        NewEvent(type="customers.changed", customer_id=customer_id),
        NewEvent(type="campaign.updated", customer_id=customer_id),
        NewEvent(type="customer.updated"),
        NewEvent(type="customer.updated", customer_id=new_id()),
    )
    await tell(shared_project)
    assert await count_activity(shared_project) == before
    async with shared_project.db.connection() as connection:
        assert await connection.fetchval("select count(*) from outbox") == 0


async def count_activity(shared_project: SharedProject) -> int:
    async with shared_project.db.connection() as connection:
        count: int = await connection.fetchval("select count(*) from customer_activity")
        return count


async def test_of_a_customer_deleted_for_good_nothing_is_recorded(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customer_id = await make_customer(client, code)
    await tell(shared_project)
    await emit(shared_project, NewEvent(type="customer.order.paid", customer_id=customer_id))
    assert (await client.post(f"/v1/customers/{code}/permanent-deletion")).status_code == 200
    await tell(shared_project)
    async with shared_project.db.connection() as connection:
        kept = await connection.fetchval(
            "select count(*) from customer_activity where customer_id = $1", customer_id
        )
    assert kept == 0


async def test_a_batch_costs_as_many_queries_as_one_event(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    customers = [await make_customer(client, f"{code}-{number}") for number in range(20)]
    await tell(shared_project)
    types = ("customer.updated", "customer.order.paid", "customer.segment.entered")

    async def count_queries(customer_ids: Sequence[UUID]) -> int:
        events = [
            Event(
                project_id=shared_project.call.project.id,
                id=new_id(),
                type=type,
                customer_id=customer_id,
                campaign_id=None,
                data={},
                source={},
                group_id=GROUP,
                created_at=NOW,
                tries=0,
            )
            for customer_id in customer_ids
            for type in types
        ]
        queries: list[Any] = []
        async with shared_project.db.transaction() as connection:
            with connection.query_logger(queries.append):
                await record_activity(connection, shared_project.call.project, events, NOW)
        return len(queries)

    few = await count_queries(customers[:1])
    assert 2 < few < 12
    assert await count_queries(customers) == few


# --- each event once -------------------------------------------------------------------------------------


async def lose_the_database(
    connection: Connection, project: Project, events: Sequence[Event], now: datetime
) -> None:
    """What a killed worker leaves behind: a transaction that was never committed."""
    connection.terminate()
    raise ConnectionResetError


async def record_with_a_crash(
    shared_project: SharedProject,
    client: httpx.AsyncClient,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    record: outbox.Subscriber,
) -> int:
    """How often three events were recorded whose first batch was lost after the recording."""
    customer_id = await make_customer(client, code)
    await tell(shared_project)
    await emit(
        shared_project, *(NewEvent(type="customer.order.paid", customer_id=customer_id) for _ in range(3))
    )
    monkeypatch.setattr(outbox, "subscribers", [record, lose_the_database])
    with pytest.raises(DatabaseUnavailable):
        await tell(shared_project)
    monkeypatch.setattr(outbox, "subscribers", [record])
    await tell(shared_project)
    await tell(shared_project)
    return len((await read(client, code, "type=customer.order.paid"))["data"])


async def test_events_of_a_batch_that_was_lost_are_recorded_once(
    shared_project: SharedProject,
    client: httpx.AsyncClient,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await record_with_a_crash(shared_project, client, code, monkeypatch, record_activity) == 3


async def test_twin_past_the_transaction_and_the_events_id_they_are_recorded_twice(
    shared_project: SharedProject,
    client: httpx.AsyncClient,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def record_carelessly(
        connection: Connection, project: Project, events: Sequence[Event], now: datetime
    ) -> None:
        renamed = [dataclasses.replace(event, id=new_id()) for event in events]
        async with shared_project.db.transaction() as own:
            await record_activity(own, project, renamed, now)

    assert await record_with_a_crash(shared_project, client, code, monkeypatch, record_carelessly) == 6


# --- the list ----------------------------------------------------------------------------------------------

TYPES = (
    "customer.created",
    "customer.order.created",
    "customer.publication.succeeded",
    "customer.order.paid",
)


@pytest_asyncio.fixture(loop_scope="module")
async def history(shared_project: SharedProject, client: httpx.AsyncClient, code: str) -> str:
    """A customer with an activity on each of the first four days of March."""
    campaign = a_campaign(name=code, campaign_type="GIFT_VOUCHERS")
    campaign_id = parse_id("camp", (await client.post("/v1/campaigns", json=campaign)).json()["id"])
    customer_id = await make_customer(client, code)
    async with shared_project.db.connection() as connection:
        await connection.execute("delete from outbox")
    for day, type in enumerate(TYPES):
        fields = {"campaign_id": campaign_id} if "publication" in type else {}
        await tell_of(shared_project, customer_id, type, now=NOW + timedelta(days=day), **fields)
    return code


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("order=-created_at", [3, 2, 1, 0]),
        ("order=created_at", [0, 1, 2, 3]),
        ("type=customer.order.paid", [3]),
        ("type=customer.voucher.loyalty_card.pending_points.added", []),
        ("category=ACTION", [2, 0]),
        ("category=EFFECT", [3, 1]),
        ("start_date=2026-03-02T12:00:00Z", [3, 2, 1]),
        ("start_date=2026-03-02T12:00:00.001Z", [3, 2]),
        ("end_date=2026-03-02T12:00:00Z", [1, 0]),
        ("end_date=2026-03-02", [0]),
        ("start_date=2026-03-02&end_date=2026-03-04&order=created_at", [1, 2]),
        ("campaign_type=GIFT_VOUCHERS", [2]),
        ("campaign_type=PROMOTION", []),
        ("campaign_id=camp_00000000000000000000000000000000", []),
        ("campaign_id=none", []),
        ("cache_buster=1", [3, 2, 1, 0]),
    ],
)
async def test_the_list_is_narrowed_and_ordered(
    client: httpx.AsyncClient, history: str, query: str, found: list[int]
) -> None:
    assert await read_types(client, history, query) == [
        TYPES[number].removeprefix("customer.") for number in found
    ]


async def test_activity_of_one_campaign(client: httpx.AsyncClient, history: str) -> None:
    campaign = (await client.get(f"/v1/campaigns/{history}")).json()
    assert await read_types(client, history, f"campaign_id={campaign['id']}") == ["publication.succeeded"]


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
async def test_pages_follow_one_another_by_the_last_id(
    client: httpx.AsyncClient, history: str, order: str
) -> None:
    query, pages = f"limit=3&order={order}", []
    first = await read(client, history, query)
    assert first["has_more"] is True
    assert first["more_starting_after"] == first["data"][-1]["id"]
    second = await read(client, history, f"{query}&starting_after_id={first['more_starting_after']}")
    assert second["has_more"] is False
    assert "more_starting_after" not in second
    pages = [each["type"] for each in first["data"] + second["data"]]
    assert pages == [*(TYPES if order == "created_at" else reversed(TYPES))]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("limit=0", "Property .limit must be >= 1"),
        ("limit=101", "Property .limit must be <= 100"),
        ("category=NONE", "Property .category must be equal to one of the allowed values [ ACTION, EFFECT ]"),
        ("start_date=x", "Property .start_date cannot be recognized as a ISO-8601 compliant date"),
        ("end_date=2026-02-30", "Property .end_date cannot be recognized as a ISO-8601 compliant date"),
        ("starting_after_id=evcus_1", "Property .starting_after_id must be an id of a customer activity"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, history: str, query: str, details: str
) -> None:
    answer = await client.get(f"/v1/customers/{history}/activity?{query}")
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_the_older_path_has_the_same_list_under_another_name(
    client: httpx.AsyncClient, history: str
) -> None:
    newer = await read(client, history, "limit=2")
    older = (await client.get(f"/v1/customers/{history}/activities?limit=2")).json()
    assert older == {
        "object": "list",
        "data_ref": "activities",
        "activities": newer["data"],
        "has_more": True,
        "more_starting_after": newer["more_starting_after"],
    }


@pytest.mark.parametrize(
    ("order", "found"),
    [("-created_at", ["order.created", "created"]), ("created_at", ["order.paid"])],
)
async def test_the_older_path_also_goes_on_after_an_instant(
    client: httpx.AsyncClient, history: str, order: str, found: list[str]
) -> None:
    answer = await client.get(
        f"/v1/customers/{history}/activities?order={order}&starting_after=2026-03-03T12:00:00.000Z"
    )
    assert [each["type"].removeprefix("customer.") for each in answer.json()["activities"]] == found


@pytest.mark.parametrize("path", ["activity", "activities"])
async def test_a_customer_that_is_not_there_has_none(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, history: str, path: str
) -> None:
    assert (await client.get(f"/v1/customers/{history}/{path}")).status_code == 200
    answer = await other_client.get(f"/v1/customers/{history}/{path}")
    assert read_refusal(answer) == not_there("customer", history)
    await client.delete(f"/v1/customers/{history}")
    answer = await client.get(f"/v1/customers/{history}/{path}")
    assert read_refusal(answer) == not_there("customer", history)


async def test_who_referred_is_named_by_what_is_known_of_them_now(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    order = {"source_id": code, "amount": 5, "customer": {"source_id": code}}
    order |= {"referrer": {"source_id": f"{code}-jane", "name": "Jane"}}
    answer = await client.post("/v1/orders", json=order)
    assert answer.status_code == 200, answer.text
    await client.put(f"/v1/customers/{code}-jane", json={"name": "Jane Doe"})
    await tell(shared_project)
    (activity,) = (await read(client, code, "type=customer.order.created"))["data"]
    assert activity["data"]["data"]["referrer"] == {
        "id": answer.json()["referrer_id"],
        "name": "Jane Doe",
        "email": None,
        "source_id": f"{code}-jane",
        "metadata": {},
        "object": "customer",
    }


async def test_nothing_is_left_at_others_of_who_was_deleted_for_good(
    shared_project: SharedProject, client: httpx.AsyncClient, code: str
) -> None:
    order = {"source_id": code, "amount": 5, "customer": {"source_id": code}}
    order |= {"referrer": {"source_id": f"{code}-jane", "name": "Jane", "email": "jane@secret.example"}}
    assert (await client.post("/v1/orders", json=order)).status_code == 200
    await tell(shared_project)
    assert (await client.post(f"/v1/customers/{code}-jane/permanent-deletion")).status_code == 200
    (activity,) = (await read(client, code, "type=customer.order.created"))["data"]
    assert activity["data"]["data"]["referrer"] is None
    async with shared_project.db.connection() as connection:
        kept = await connection.fetchval(
            "select count(*) from customer_activity where data::text like '%jane@secret%'"
        )
    assert kept == 0
