"""Totals that are read from counters, held against the codes themselves."""

import httpx

from builders import a_campaign, a_voucher
from openvoucher.platform.jobs.worker import Worker

# A filter that every voucher meets: with it the codes are counted.
ANY_CODE = "filters[code][conditions][$has_value]="


async def count(client: httpx.AsyncClient, worker: Worker) -> tuple[int, int]:
    """The total of all vouchers and of those in the campaign Spring, told in every way."""
    await worker.run_until_idle()
    campaign = (await client.get("/v1/campaigns/Spring")).json()
    of_all = [await total(client), await total(client, ANY_CODE)]
    of_campaign = [
        await total(client, "campaign=Spring"),
        await total(client, f"campaign_id={campaign.get('id', 'camp_1')}"),
        await total(client, "campaign=Spring", ANY_CODE),
        campaign.get("vouchers_count", 0),
    ]
    assert len({*of_all}) == len({*of_campaign}) == 1
    return of_all[0], of_campaign[0]


async def total(client: httpx.AsyncClient, *parameters: str) -> int:
    """What the list says, which is how many it has."""
    listed = (await client.get("/v1/vouchers?" + "&".join(("limit=100", *parameters)))).json()
    assert listed["total"] == len(listed["vouchers"])
    return len(listed["vouchers"])


async def test_totals_follow_everything_that_happens_to_codes(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    assert await count(client, worker) == (0, 0)
    await client.post("/v1/vouchers/PLAIN-1", json=a_voucher())
    await client.post("/v1/vouchers/PLAIN-2", json=a_voucher("GIFT_VOUCHER"))
    await client.post("/v1/campaigns", json=a_campaign(name="Other"))
    await client.post("/v1/vouchers/OTHER", json=a_voucher(campaign="Other"))
    assert await count(client, worker) == (3, 0)
    await client.post("/v1/campaigns", json=a_campaign(vouchers_count=5))
    assert await count(client, worker) == (8, 5)
    await client.post("/v1/campaigns/Spring/vouchers?vouchers_count=3", json={})
    await client.post("/v1/campaigns/Spring/vouchers/ADDED-1")
    await client.post("/v1/vouchers/ADDED-2", json=a_voucher(campaign="Spring"))
    assert await count(client, worker) == (13, 10)
    # Refused: nothing is there, and nothing is counted.
    for answer in (
        await client.post("/v1/vouchers/ADDED-2", json=a_voucher(campaign="Spring")),
        await client.delete("/v1/vouchers/NOWHERE"),
    ):
        assert answer.status_code in (404, 409)
    assert await count(client, worker) == (13, 10)
    for path in ("ADDED-1", "ADDED-2?force=true", "PLAIN-1"):
        assert (await client.delete(f"/v1/vouchers/{path}")).status_code == 204
    assert await count(client, worker) == (10, 8)
    entries = (await client.get("/v1/trash-bin")).json()["data"]
    assert [entry["resource_name"] for entry in entries] == ["PLAIN-1", "ADDED-1"]
    for entry in entries:
        await client.delete(f"/v1/trash-bin/{entry['id']}")
    assert await count(client, worker) == (10, 8)
    await client.delete("/v1/campaigns/Spring")
    assert await count(client, worker) == (2, 0)
    await client.delete("/v1/campaigns/Other?force=true")
    assert await count(client, worker) == (1, 0)
