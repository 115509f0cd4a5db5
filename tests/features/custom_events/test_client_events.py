"""Custom events told by web pages, over HTTP."""

from typing import Any

import httpx
import pytest

from builders import a_voucher
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from openvoucher.wire.tracking import make_tracking_id
from project_clients import open_client

VISIT: dict[str, Any] = {"event": "visit", "customer": {"source_id": "ann"}}
UNAUTHORIZED = {"code": 401, "key": "unauthorized", "message": "Unauthorized"}
NO_PERMISSION = {
    "code": 403,
    "message": "Missing permission",
    "details": "User does not have a required permission to perform this operation.",
    "key": "missing_required_permission",
}


@pytest.fixture
async def trusting(management: httpx.AsyncClient, project_path: str) -> None:
    """The project trusts the page, and lets it tell events."""
    await allow(
        management,
        project_path,
        client_trusted_domains=["shop.example"],
        client_loyalty_events_enabled=True,
    )


async def allow(management: httpx.AsyncClient, project_path: str, **settings: Any) -> None:
    answer = await management.put(project_path, json=settings)
    assert answer.status_code == 200, answer.text


async def track(page: httpx.AsyncClient, body: Any = VISIT, path: str = "/client/v1/events") -> Any:
    answer = await page.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def count_events(db: Database, project: Project) -> int:
    async with db.connection() as connection:
        count: int = await connection.fetchval(
            "select count(*) from custom_event where project_id = $1", project.id
        )
    return count


async def list_customers(client: httpx.AsyncClient) -> Any:
    return (await client.get("/v1/customers")).json()["customers"]


# --- who may -------------------------------------------------------------------------------------------


async def test_a_new_project_lets_no_page_in(page: httpx.AsyncClient, db: Database, project: Project) -> None:
    answer = await page.post("/client/v1/events", json=VISIT)

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert await count_events(db, project) == 0


async def test_a_trusted_page_needs_the_switch(
    page: httpx.AsyncClient, management: httpx.AsyncClient, project_path: str, db: Database, project: Project
) -> None:
    await allow(management, project_path, client_trusted_domains=["*.example"])

    answer = await page.post("/client/v1/events", json=VISIT)

    assert (answer.status_code, answer.json()) == (
        403,
        {
            "code": 403,
            "key": "forbidden",
            "message": "Forbidden",
            "details": "The project's setting client_loyalty_events_enabled is off.",
            "request_id": answer.headers["X-Request-Id"],
        },
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert await count_events(db, project) == 0


@pytest.mark.usefixtures("trusting")
async def test_a_change_of_the_settings_counts_from_the_next_call_on(
    page: httpx.AsyncClient, management: httpx.AsyncClient, project_path: str, db: Database, project: Project
) -> None:
    for settings, status in (
        ({}, 200),
        ({"client_loyalty_events_enabled": False}, 403),
        ({"client_loyalty_events_enabled": True}, 200),
        ({"client_trusted_domains": ["other.example"]}, 401),
        ({"client_trusted_domains": ["https://shop.example"]}, 200),
    ):
        await allow(management, project_path, **settings)
        assert (await page.post("/client/v1/events", json=VISIT)).status_code == status, settings
    assert await count_events(db, project) == 3


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example.evil.example", "null", "", "shop.example"]
)
async def test_a_page_of_another_origin_is_not_let_in(
    page: httpx.AsyncClient, db: Database, project: Project, origin: str
) -> None:
    answer = await page.post("/client/v1/events", json=VISIT, headers={"Origin": origin})

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert await count_events(db, project) == 0


@pytest.mark.usefixtures("trusting")
async def test_a_call_without_an_origin_is_not_let_in(
    db: Database, settings: Settings, project: Project, keys: dict[str, KeyPair]
) -> None:
    async with open_client(db, settings, keys["client"]) as http:
        answer = await http.post("/client/v1/events", json=VISIT)

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert await count_events(db, project) == 0


@pytest.mark.usefixtures("trusting")
async def test_each_key_stays_on_its_own_side(
    page: httpx.AsyncClient, client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    refused = [
        await page.post("/v1/events", json=VISIT),
        await page.get("/v1/customers"),
        await client.post("/client/v1/events", json=VISIT, headers={"Origin": "https://shop.example"}),
    ]

    for answer in refused:
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert await count_events(db, project) == 0


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(
    ("scope", "status"),
    [("client_events", 200), ("client_api", 200), ("api", 403), ("events", 403), ("client_redeem", 403)],
)
async def test_a_bearer_needs_the_scope_of_clients(
    client: httpx.AsyncClient, scope: str, status: int, db: Database, project: Project
) -> None:
    form = {"grant_type": "client_credentials", "scope": scope}
    token = (await client.post("/v1/oauth/token", data=form)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://shop.example"}
    for name in ("X-App-Id", "X-App-Token"):
        del client.headers[name]

    answer = await client.post("/client/v1/events", json=VISIT, headers=headers)

    assert answer.status_code == status
    if status == 403:
        assert answer.json() == NO_PERMISSION
    # A bearer does not stand for the page.
    without_origin = await client.post(
        "/client/v1/events", json=VISIT, headers={"Authorization": headers["Authorization"]}
    )
    assert without_origin.status_code == (401 if status == 200 else 403)
    assert await count_events(db, project) == (1 if status == 200 else 0)


async def test_a_browser_may_ask_beforehand(page: httpx.AsyncClient) -> None:
    answer = await page.options("/client/v1/events", headers={"Access-Control-Request-Method": "POST"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "X-Client-Token" in answer.headers["Access-Control-Allow-Headers"]


# --- what is answered and kept ---------------------------------------------------------------------------


@pytest.mark.usefixtures("trusting")
async def test_a_page_tells_an_event_and_can_read_the_answer(
    page: httpx.AsyncClient, client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    await client.post("/v1/vouchers/CARD", json=a_voucher())
    body = {**VISIT, "metadata": {"page": 1}, "loyalty": {"code": "CARD"}, "referral": {"code": "CARD"}}

    answer = await page.post("/client/v1/events", json=body)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    tracked = answer.json()
    [customer] = await list_customers(client)
    assert tracked == {
        "object": "event",
        "type": "visit",
        "customer": {
            "id": customer["id"],
            "name": None,
            "email": None,
            "source_id": "ann",
            "metadata": {},
            "object": "customer",
        },
        "referral": None,
        "loyalty": None,
        "metadata": {"page": 1},
    }
    async with db.connection() as connection:
        event = await connection.fetchrow("select * from custom_event where project_id = $1", project.id)
        source = await connection.fetchval(
            "select source from outbox where project_id = $1 and type = 'customer.custom_event'", project.id
        )
    assert event is not None
    assert (event["loyalty"]["code"], event["referral"]["code"]) == ("CARD", "CARD")
    assert source["channel"] == "CLIENT_API"


@pytest.mark.usefixtures("trusting")
async def test_a_page_writes_of_a_customer_only_what_the_project_allows(
    page: httpx.AsyncClient, client: httpx.AsyncClient, management: httpx.AsyncClient, project_path: str
) -> None:
    await client.post("/v1/customers", json={"source_id": "ann", "name": "Ann", "metadata": {"vip": False}})
    body = {
        "event": "visit",
        "customer": {"source_id": "ann", "name": "Eve", "metadata": {"vip": True}},
    }

    tracked = await track(page, body)
    assert (tracked["customer"]["name"], tracked["customer"]["metadata"]) == ("Ann", {"vip": False})
    [customer] = await list_customers(client)
    assert (customer["name"], customer["metadata"], "updated_at" in customer) == (
        "Ann",
        {"vip": False},
        False,
    )

    await allow(management, project_path, client_create_customer_enabled=True)
    tracked = await track(page, body)
    assert (tracked["customer"]["name"], tracked["customer"]["metadata"]) == ("Eve", {"vip": True})
    [customer] = await list_customers(client)
    assert (customer["name"], customer["metadata"]) == ("Eve", {"vip": True})


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("is_allowed", [True, False])
async def test_a_tracking_id_stands_for_the_customer(
    page: httpx.AsyncClient,
    client: httpx.AsyncClient,
    management: httpx.AsyncClient,
    project: Project,
    project_path: str,
    is_allowed: bool,
) -> None:
    await allow(management, project_path, client_create_customer_enabled=is_allowed)
    ann = await track(page)
    nameless = (await client.post("/v1/customers", json={"name": "Nameless"})).json()
    tracking_id, nameless_id = (
        make_tracking_id(project.asset_key, identity) for identity in ("ann", nameless["id"])
    )

    for body, path, wanted in (
        ({"event": "x", "customer": {"source_id": tracking_id}}, "/client/v1/events", ann["customer"]["id"]),
        (
            {"event": "x", "customer": {}},
            f"/client/v1/events?tracking_id={tracking_id}",
            ann["customer"]["id"],
        ),
        (VISIT, f"/client/v1/events?tracking_id={tracking_id}", ann["customer"]["id"]),
        ({"event": "x", "customer": {"source_id": nameless_id}}, "/client/v1/events", nameless["id"]),
    ):
        assert (await track(page, body, path))["customer"]["id"] == wanted
    assert len(await list_customers(client)) == 2


@pytest.mark.usefixtures("trusting")
async def test_nobody_is_two_customers(page: httpx.AsyncClient, db: Database, project: Project) -> None:
    tracking_id = make_tracking_id(project.asset_key, "bob")

    answer = await page.post(f"/client/v1/events?tracking_id={tracking_id}", json=VISIT)

    assert (answer.status_code, answer.json()["key"]) == (400, "ambiguous_tracking_id")
    assert answer.json()["message"] == f"Ambiguous trackingId ('{tracking_id}' vs. 'ann')"
    assert await count_events(db, project) == 0


@pytest.mark.usefixtures("trusting")
async def test_a_tracking_id_of_another_project_is_a_source_id_that_nobody_has(
    page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await track(page)
    foreign = make_tracking_id(bytes(64), "ann")

    tracked = await track(page, {"event": "x", "customer": {"source_id": foreign}})

    assert tracked["customer"]["source_id"] == foreign
    assert len(await list_customers(client)) == 2


@pytest.mark.usefixtures("trusting")
async def test_the_server_api_takes_a_tracking_id_for_what_it_looks_like(
    client: httpx.AsyncClient, project: Project
) -> None:
    tracking_id = make_tracking_id(project.asset_key, "ann")

    answer = await client.post("/v1/events", json={"event": "x", "customer": {"source_id": tracking_id}})

    assert answer.json()["customer"]["source_id"] == tracking_id


@pytest.mark.usefixtures("trusting")
async def test_refusals_are_those_of_the_server_api(page: httpx.AsyncClient) -> None:
    answer = await page.post("/client/v1/events", json={**VISIT, "referral": {}})

    assert (answer.status_code, answer.json()["details"]) == (
        400,
        "Property .referral should have required property 'code'",
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
