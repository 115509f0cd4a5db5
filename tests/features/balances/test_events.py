"""What the holder of a card, and those who ask for points, hear of its balance."""

from typing import Any

import asyncpg
import httpx
import pytest

from builders import a_campaign
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database


@pytest.fixture
async def holder_id(client: httpx.AsyncClient) -> str:
    """Who holds the card ANN of the campaign Points."""
    answer = await client.post(
        "/v1/campaigns", json=a_campaign(name="Points", campaign_type="LOYALTY_PROGRAM")
    )
    assert answer.status_code == 200, answer.text
    assert (await client.post("/v1/campaigns/Points/vouchers/ANN", json={})).status_code == 200
    answer = await client.post("/v1/publications", json={"customer": {"source_id": "ann"}, "voucher": "ANN"})
    assert answer.status_code == 200, answer.text
    customer_id: str = answer.json()["customer_id"]
    return customer_id


async def adjust(client: httpx.AsyncClient, code: str, amount: int) -> Any:
    answer = await client.post(f"/v1/vouchers/{code}/balance", json={"amount": amount})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def take_events(db: Database, project: Project) -> list[asyncpg.Record]:
    async with db.connection() as connection:
        return await connection.fetch("delete from outbox where project_id = $1 returning *", project.id)


async def test_points_that_are_added_are_told_with_their_posting(
    client: httpx.AsyncClient, db: Database, project: Project, holder_id: str
) -> None:
    await take_events(db, project)
    balance = await adjust(client, "ANN", 50)
    (event,) = await take_events(db, project)
    assert event["type"] == "customer.voucher.loyalty_card.points_added"
    assert f"cust_{event['customer_id'].hex}" == holder_id
    data = event["data"]
    assert sorted(data) == ["balance", "campaign", "transaction", "voucher"]
    assert (data["balance"], data["campaign"]["name"]) == (balance, "Points")
    assert (data["voucher"]["code"], data["voucher"]["loyalty_card"]["balance"]) == ("ANN", 350)
    assert (data["transaction"]["type"], data["transaction"]["details"]["balance"]["balance"]) == (
        "POINTS_ADDITION",
        350,
    )


async def test_points_that_are_taken_are_no_activity_but_change_what_the_holder_has(
    client: httpx.AsyncClient, db: Database, project: Project, holder_id: str
) -> None:
    await take_events(db, project)
    await adjust(client, "ANN", -50)
    (event,) = await take_events(db, project)
    assert (event["type"], event["customer_id"]) == ("customers.changed", None)
    assert event["data"] == {"customer_ids": [holder_id.removeprefix("cust_")]}


@pytest.mark.usefixtures("holder_id")
async def test_of_a_card_that_nobody_holds_nobody_is_told(
    client: httpx.AsyncClient, db: Database, project: Project
) -> None:
    assert (await client.post("/v1/campaigns/Points/vouchers/FREE", json={})).status_code == 200
    await take_events(db, project)
    await adjust(client, "FREE", 50)
    assert await take_events(db, project) == []
