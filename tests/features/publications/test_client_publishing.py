"""Codes published by web pages, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from builders import a_refusal, read_refusal
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id
from openvoucher.wire.tracking import make_tracking_id, read_tracking_id
from project_clients import make_project_with_keys, open_client
from publishing import NOTHING_LEFT, list_publications, make_campaign

PATH = "/client/v1/publish"


@pytest.fixture(scope="module")
def database_url(shared_database_url: str) -> str:
    return shared_database_url


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    """A project of the test's own."""
    return await make_project_with_keys(db, keys)


@pytest.fixture
async def management(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    url = f"/management/v1/projects/{show_id('proj', project.uid)}"
    async with open_client(db, settings, keys["management"]) as http:
        http.base_url = httpx.URL(f"http://test{url}")
        yield http


@pytest.fixture
async def page(
    management: httpx.AsyncClient, db: Database, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    """A page that the project trusts, and lets publish."""
    await allow(management, client_trusted_domains=["shop.example"], client_publish_enabled=True)
    async with open_client(db, settings, keys["client"], {"Origin": "https://shop.example"}) as http:
        yield http


async def allow(management: httpx.AsyncClient, **settings: Any) -> None:
    answer = await management.put("", json=settings)
    assert answer.status_code == 200, answer.text


async def publish(page: httpx.AsyncClient, customer: Any, path: str = PATH, **fields: Any) -> dict[str, Any]:
    answer = await page.post(path, json={"customer": customer, **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_page_publishes_and_is_told_a_tracking_id(
    page: httpx.AsyncClient, client: httpx.AsyncClient, project: Project
) -> None:
    await make_campaign(client, "Spring", 2)
    made = await publish(page, {"source_id": "ann"}, campaign={"name": "Spring"})
    assert (made["voucher"]["code"], made["channel"]) == ("Spring-0", "Voucherify.js")
    assert read_tracking_id(project.asset_key, made["tracking_id"]) == "ann"
    # On the server's side it is the source id.
    (listed,) = (await list_publications(client))["publications"]
    assert (listed["id"], listed["tracking_id"]) == (made["id"], "ann")


@pytest.mark.parametrize("where", ["body", "query", "both"])
async def test_a_tracking_id_stands_for_the_customer(
    page: httpx.AsyncClient, client: httpx.AsyncClient, project: Project, where: str
) -> None:
    await make_campaign(client, "Spring", 2)
    first = await publish(page, "ann", campaign="Spring")
    tracked = first["tracking_id"]
    customer = {"source_id": tracked} if where != "query" else None
    path = PATH if where == "body" else f"{PATH}?tracking_id={make_tracking_id(project.asset_key, 'ann')}"
    again = await publish(page, customer, path, campaign="Spring")
    assert again["customer_id"] == first["customer_id"]
    assert (await client.get("/v1/customers")).json()["total"] == 1


async def test_two_customers_in_one_request_are_refused(
    page: httpx.AsyncClient, client: httpx.AsyncClient, project: Project
) -> None:
    await make_campaign(client, "Spring", 1)
    other = make_tracking_id(project.asset_key, "bob")
    answer = await page.post(
        f"{PATH}?tracking_id={other}", json={"customer": {"source_id": "ann"}, "campaign": "Spring"}
    )
    assert (answer.status_code, answer.json()["key"]) == (400, "ambiguous_tracking_id")
    assert (await list_publications(client))["total"] == 0


async def test_somebody_without_a_name_comes_back_by_the_tracking_id(
    page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await make_campaign(client, "Spring", 2, join_once=True)
    first = await publish(page, None, campaign="Spring")
    assert first["customer"]["source_id"] is None
    again = await publish(page, {"source_id": first["tracking_id"]}, campaign="Spring")
    assert (again["id"], again["customer_id"]) == (first["id"], first["customer_id"])


async def test_older_pages_name_the_campaign_in_the_query(
    page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await make_campaign(client, "Spring", 2)
    sent = {"channel": "mine", "metadata": {"mail": 1}}
    made = await publish(page, {"source_id": "ann"}, f"{PATH}?campaign=Spring&join_once=true", **sent)
    assert (made["voucher"]["code"], made["channel"], made["metadata"]) == ("Spring-0", "mine", {"mail": 1})
    again = await publish(page, {"source_id": "ann"}, f"{PATH}?campaign=Spring&join_once=true", **sent)
    assert again["id"] == made["id"]


@pytest.mark.parametrize("allowed", [False, True])
async def test_what_a_page_says_of_a_customer_is_written_if_pages_may_make_customers(
    page: httpx.AsyncClient, management: httpx.AsyncClient, client: httpx.AsyncClient, allowed: bool
) -> None:
    await allow(management, client_create_customer_enabled=allowed)
    await make_campaign(client, "Spring", 1)
    made = await publish(page, {"source_id": "ann", "name": "Ann"}, campaign="Spring")
    assert made["customer"]["name"] == ("Ann" if allowed else None)


async def test_a_page_needs_the_switch_and_the_project_s_trust(
    page: httpx.AsyncClient, management: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await make_campaign(client, "Spring", 1)
    body = {"customer": "ann", "campaign": "Spring"}
    await allow(management, client_publish_enabled=False)
    answer = await page.post(PATH, json=body)
    assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")
    await allow(management, client_publish_enabled=True, client_trusted_domains=[])
    assert (await page.post(PATH, json=body)).status_code == 401
    assert (await list_publications(client))["total"] == 0


async def test_a_page_is_refused_in_the_same_words(
    page: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await make_campaign(client, "Spring")
    answers = [
        await page.post(PATH, json={"customer": "ann", "campaign": "Spring"}),
        await page.post(PATH, json={"customer": "ann", "campaign": {"name": "Spring", "count": 51}}),
    ]
    assert [read_refusal(answer) for answer in answers] == [
        NOTHING_LEFT,
        a_refusal(400, "invalid_payload", "Property .campaign.count must be <= 50"),
    ]
    assert (await page.post(PATH, json={"customer": "ann"})).json()["key"] == "missing_vouchers"
    failed = (await list_publications(client))["publications"]
    assert [each["channel"] for each in failed] == ["Voucherify.js"]
