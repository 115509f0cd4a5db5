"""An import whose campaign goes away while it runs."""

import httpx

from openvoucher.app import make_worker
from openvoucher.platform.db import Database
from openvoucher.settings import Settings

_CAMPAIGN = {"voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}}


async def test_rows_never_land_in_a_campaign_that_is_called_by_the_id_of_the_deleted_one(
    client: httpx.AsyncClient, db: Database
) -> None:
    meant = (await client.post("/v1/campaigns", json={"name": "A", **_CAMPAIGN})).json()["id"]
    assert (await client.post("/v1/campaigns", json={"name": meant, **_CAMPAIGN})).status_code == 200
    rows = "\n".join(["Code", *(f"C-{number}" for number in range(12_000))])
    accepted = await client.post("/v1/campaigns/A/importCSV", files={"file": ("codes.csv", rows)})
    generation = await client.post("/v1/campaigns/A/vouchers?vouchers_count=5000")
    worker = make_worker(db, Settings())
    await worker.run_next()
    assert (await client.delete("/v1/campaigns/A?force=true")).status_code == 202
    await worker.run_until_idle()
    for answer in (accepted, generation):
        action = (await client.get(f"/v1/async-actions/{answer.json()['async_action_id']}")).json()
        assert action["status"] == "FAILED"
        assert action["result"]["message"] == "The campaign was deleted."
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from voucher") == 0
        assert await connection.fetchval("select count(*) from job_input") == 0
    assert (await client.get(f"/v1/campaigns/{meant}")).json()["vouchers_count"] == 0
