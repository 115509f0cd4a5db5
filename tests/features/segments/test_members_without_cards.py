"""Who was in a segment because of points, and has lost the card."""

import httpx
import pytest

from builders import a_campaign
from openvoucher.features.segments.store import ask_for_evaluation
from openvoucher.platform.call import Project
from openvoucher.platform.jobs.worker import Worker
from segment_people import People, Spy, create_segment, read_outbox

RICH = {"loyalty_points.campaigns.Points.points": {"conditions": {"$more_than": [100]}}}
PARIS = {"address.city": {"conditions": {"$is": "Paris"}}}


@pytest.fixture
async def rich(client: httpx.AsyncClient, people: People, worker: Worker, spy: Spy) -> str:
    """The segment of those with more than 100 points; ann and bob have a card of 300 each, CARD-ann and
    CARD-bob."""
    campaign = a_campaign(name="Points", campaign_type="LOYALTY_PROGRAM")
    assert (await client.post("/v1/campaigns", json=campaign)).status_code == 200
    for name in ("ann", "bob"):
        await people.add(name)
        assert (await client.post(f"/v1/campaigns/Points/vouchers/CARD-{name}", json={})).status_code == 200
        body = {"customer": {"source_id": name}, "voucher": f"CARD-{name}"}
        published = await client.post("/v1/publications", json=body)
        assert published.status_code == 200, published.text
    segment_id = await create_segment(client, name="Rich", type="auto-update", filter=RICH)
    await worker.run_until_idle()
    assert await people.list_members(segment_id) == ["ann", "bob"]
    spy.events.clear()
    return segment_id


@pytest.mark.parametrize("force", ["false", "true"])
async def test_who_loses_the_card_leaves(
    client: httpx.AsyncClient, people: People, rich: str, spy: Spy, force: str
) -> None:
    answer = await client.delete(f"/v1/vouchers/CARD-ann?force={force}")
    assert answer.status_code == 204
    await read_outbox(people.db)
    assert await people.list_members(rich) == ["bob"]
    deleted, left = spy.events
    assert (deleted.type, deleted.customer_id) == ("customer.voucher.deleted", people.ids["ann"])
    assert (deleted.data["voucher"]["code"], deleted.data["campaign"]["name"]) == ("CARD-ann", "Points")
    assert (left.type, left.customer_id) == ("customer.segment.left", people.ids["ann"])


@pytest.mark.parametrize("force", ["false", "true"])
async def test_with_their_campaign_all_leave(
    client: httpx.AsyncClient, people: People, rich: str, spy: Spy, second_worker: Worker, force: str
) -> None:
    """(The other worker's clock has not looked within this second.)"""
    answer = await client.delete(f"/v1/campaigns/Points?force={force}")
    assert answer.status_code == 202
    await second_worker.run_until_idle()
    assert await people.list_members(rich) == []
    assert sorted(event.type for event in spy.events) == ["customer.segment.left"] * 2


async def test_only_segments_that_ask_for_it_are_looked_at_again(
    client: httpx.AsyncClient, people: People, rich: str, worker: Worker, project: Project
) -> None:
    other = await create_segment(client, name="Paris", type="auto-update", filter=PARIS)
    await worker.run_until_idle()
    assert (await client.delete("/v1/campaigns/Points")).status_code == 202
    rows = await people.fetch(
        "select 'seg_' || replace(id::text, '-', '') from segment"
        " where project_id = $1 and evaluate_after is not null",
        people.project_id,
    )
    assert rows == [(rich,)]
    assert other != rich
    async with people.db.connection() as connection:
        await ask_for_evaluation(connection, project.id, asking_for="", now=people.call.now)
    rows = await people.fetch(
        "select count(*) from segment where project_id = $1 and evaluate_after is not null",
        people.project_id,
    )
    assert rows == [(2,)]
