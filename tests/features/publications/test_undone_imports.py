"""An import that is undone leaves the codes that were published since."""

import httpx

from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from publishing import list_publications, make_campaign, publish, read_voucher, send


async def test_codes_that_were_published_survive_the_undoing_of_their_import(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await make_campaign(client, "Spring")
    rows = [{"code": f"CODE-{number}"} for number in range(10)]
    imported = (await client.post("/v1/campaigns/Spring/import", json=rows)).json()["async_action_id"]
    await worker.run_until_idle()
    made = await publish(client, "ann", campaign={"name": "Spring", "count": 3})
    one = await publish(client, "bob", voucher="CODE-9")

    undone = (await client.post(f"/v1/async-actions/{imported}/undo")).json()["async_action_id"]
    await worker.run_until_idle()

    action = (await client.get(f"/v1/async-actions/{undone}")).json()
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (6, 4)
    left = (await client.get("/v1/vouchers", params={"order": "code"})).json()["vouchers"]
    assert sorted(voucher["code"] for voucher in left) == sorted([*made["vouchers"], "CODE-9"])
    assert (await read_voucher(client, "CODE-9")) == one["voucher"]
    assert (await list_publications(client))["total"] == 2
    async with db.connection() as connection:
        counted = await connection.fetchrow("select vouchers_count, bound_count from campaign")
        faults = await connection.fetchval(
            "select count(*) from publication_voucher pv where not exists"
            " (select 1 from voucher v where v.id = pv.voucher_id)"
        )
    assert (tuple(counted or ()), faults) == ((4, 4), 0)
    # Nothing is left to publish, and nobody is promised what is gone.
    assert (await send(client, "cid", campaign="Spring")).status_code == 400
