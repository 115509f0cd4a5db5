"""Actions that are cancelled: what they have done stays, and nothing more is done."""

import asyncio
import csv
import dataclasses
import io
from typing import Any

import httpx
import pytest

from action_answers import action as action_alone
from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from database_views import holding_locks, wait_for_waiting_statements
from field_rules import find_violations
from importing import (
    a_csv,
    import_csv,
    import_json,
    make_campaign,
    make_voucher,
    read_action,
    read_rows,
    read_vouchers,
)
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import Job, queue
from openvoucher.platform.jobs.worker import Worker

UNKNOWN = "aa_" + "0" * 32


async def cancel(client: httpx.AsyncClient, action_id: str) -> dict[str, Any]:
    answer = await client.post(f"/v1/async-actions/{action_id}/cancel")
    assert answer.status_code == 202, answer.text
    action: dict[str, Any] = answer.json()
    assert find_violations(action, action_alone) == []
    return action


async def import_five(client: httpx.AsyncClient) -> str:
    """Five rows in portions of two, the second of which fails."""
    await make_campaign(client)
    return await import_csv(client, a_csv("Code,Active", "A,", "B,x", "C,", "D,", "E,"), "Spring")


async def test_an_import_that_no_worker_has_begun_says_that_it_is_cancelled_and_waits(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    action_id = await import_five(client)
    before = await read_action(client, action_id)
    assert before["cancelled"] is False
    assert await cancel(client, action_id) == {**before, "cancelled": True}
    # As often as one likes, while it has not stopped.
    assert await cancel(client, action_id) == {**before, "cancelled": True}
    assert await read_action(client, action_id) == {**before, "cancelled": True}
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["progress"], action["cancelled"]) == ("FAILED", 0, True)
    assert action["result"]["message"] == "Cancelled after 0 of 5 rows."
    assert await read_vouchers(client) == {}


@dataclasses.dataclass
class Guard:
    """Whether workers look whether a job was cancelled."""

    is_on: bool

    def __init__(self, patch: pytest.MonkeyPatch, *, is_on: bool) -> None:
        self.is_on = is_on
        if is_on:
            return
        claim_job = queue.claim_job

        async def claim_blindly(connection: Connection) -> Job | None:
            job = await claim_job(connection)
            return job and dataclasses.replace(job, cancelled=False)

        async def lock_blindly(connection: Connection, job: Job) -> bool:
            claim = await connection.fetchval(
                "select claim from job where id = $1 for update skip locked", job.id
            )
            return bool(claim == job.claim)

        patch.setattr(queue, "claim_job", claim_blindly)
        patch.setattr(queue, "lock_job", lock_blindly)


@pytest.mark.parametrize("is_on", [True, False], ids=["guarded", "twin"])
async def test_an_import_stores_no_row_after_the_portion_in_which_it_is_cancelled(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    is_on: bool,
) -> None:
    guard = Guard(monkeypatch, is_on=is_on)
    action_id = await import_five(client)
    async with holding_locks(db, "lock table async_action in exclusive mode"):
        working = asyncio.create_task(worker.run_next())
        await wait_for_waiting_statements(db, 1)
        cancelling = asyncio.create_task(cancel(client, action_id))
        await wait_for_waiting_statements(db, 2)
        assert not cancelling.done()
    assert await working
    cancelled = await cancelling
    assert (cancelled["status"], cancelled["progress"], cancelled["cancelled"]) == ("IN_PROGRESS", 40, True)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    codes = set(await read_vouchers(client))
    if not guard.is_on:
        assert (action["status"], codes) == ("DONE", {"A", "C", "D", "E"})
        return
    done = action["done_count"]
    assert (action["status"], action["progress"], done, action["failed_count"]) == ("FAILED", 40, 1, 1)
    assert codes == {"A"}
    assert (action["seconds_left"], action["total_count"]) == (None, 5)
    result = action["result"]
    assert (result["message"], result["done_count"], result["failed_count"]) == (
        "Cancelled after 2 of 5 rows.",
        1,
        1,
    )
    assert [row["code"] for row in result["failed"]] == ["B"]
    report = (await client.get(result["reports"][0])).text
    assert [row[2] for row in csv.reader(io.StringIO(report))][1:] == ["B"]
    # Nobody needs the rest of the file any more.
    assert await read_rows(db, project, "job_input", "portion") == []
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 1


async def test_what_came_after_a_cancelled_import_does_not_wait_for_it(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    stuck = await import_five(client)
    waiting = await import_csv(client, a_csv("Code", "Z"), "Spring")
    async with db.connection() as connection:
        # A portion of it failed: it is tried again in a while.
        await connection.execute(
            "update job set run_after = now() + interval '1 hour' where project_id = $1 and id ="
            " (select id from job where project_id = $1 order by queued_at limit 1)",
            project.id,
        )
    assert not await worker.run_next()
    await cancel(client, stuck)
    await worker.run_until_idle()
    assert [(await read_action(client, action))["status"] for action in (stuck, waiting)] == [
        "FAILED",
        "DONE",
    ]
    assert set(await read_vouchers(client)) == {"Z"}


async def test_a_cancelled_generation_has_ended_for_its_campaign(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    answer = await client.post("/v1/campaigns", json=a_campaign(vouchers_count=5))
    campaign_id = answer.json()["id"]
    (action,) = (await client.get("/v1/async-actions")).json()["async_actions"]
    assert await worker.run_next()
    await cancel(client, action["id"])
    await worker.run_until_idle()
    ended = await read_action(client, action["id"])
    assert (ended["status"], ended["result"]) == (
        "FAILED",
        {"message": "Cancelled after 2 of 5 codes.", "done_count": 2},
    )
    campaign = (await client.get(f"/v1/campaigns/{campaign_id}")).json()
    assert campaign["vouchers_count"] == 2
    assert (campaign["creation_status"], campaign["vouchers_generation_status"]) == ("FAILED", "FAILED")
    # More can be generated.
    await client.post(f"/v1/campaigns/{campaign_id}/vouchers?vouchers_count=3", json={})
    await worker.run_until_idle()
    campaign = (await client.get(f"/v1/campaigns/{campaign_id}")).json()
    assert campaign["vouchers_count"] == 5


@pytest.mark.parametrize("path", ["bulk", "metadata"])
async def test_a_cancelled_bulk_update_says_so_and_has_a_report(
    client: httpx.AsyncClient, worker: Worker, path: str
) -> None:
    for code in "ABC":
        await make_voucher(client, code)
    body: Any = {"codes": ["A", "B", "C"], "metadata": {"a": 1}}
    if path == "bulk":
        body = [{"code": code, "metadata": {"a": 1}} for code in "ABC"]
    answer = await client.post(f"/v1/vouchers/{path}/async", json=body)
    action_id = answer.json()["async_action_id"]
    assert await worker.run_next()
    await cancel(client, action_id)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert find_violations(action, action_alone) == []
    assert (action["status"], action["operation_status"]) == ("FAILED", "FAILED")
    result = action["result"]
    assert (result["message"], result["done_count"]) == ("Cancelled after 2 of 3 rows.", 2)
    report = await client.get(result["reports"][0])
    assert report.text == "code,found,updated\nA,true,true\nB,true,true\n"
    metadata = {code: voucher["metadata"] for code, voucher in (await read_vouchers(client)).items()}
    assert metadata == {"A": {"a": 1}, "B": {"a": 1}, "C": {}}


async def test_an_action_that_has_ended_cannot_be_cancelled(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    done = await import_json(client, [a_voucher(code="A")])
    await worker.run_until_idle()
    cancelled = await import_json(client, [a_voucher(code="B")])
    await cancel(client, cancelled)
    await worker.run_until_idle()
    for action_id, status in ((done, "DONE"), (cancelled, "FAILED")):
        before = await read_action(client, action_id)
        assert before["status"] == status
        answer = await client.post(f"/v1/async-actions/{action_id}/cancel")
        assert read_refusal(answer) == a_refusal(
            400, "invalid_async_action", "The async action has ended already."
        )
        assert await read_action(client, action_id) == before


async def test_updates_and_deletions_of_campaigns_cannot_be_cancelled(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client)
    await make_voucher(client, "A", "Spring")
    await client.put("/v1/campaigns/Spring", json={"metadata": {"a": 1}})
    await client.delete("/v1/campaigns/Spring")
    listing = (await client.get("/v1/async-actions")).json()["async_actions"]
    assert {action["type"] for action in listing} == {"CAMPAIGN.VOUCHERS_UPDATE", "CAMPAIGN.VOUCHERS_DELETE"}
    for action in listing:
        answer = await client.post(f"/v1/async-actions/{action['id']}/cancel")
        details = f"Async actions of type {action['type']} cannot be cancelled."
        assert read_refusal(answer) == a_refusal(400, "invalid_async_action", details)
    await worker.run_until_idle()
    listing = (await client.get("/v1/async-actions")).json()["async_actions"]
    assert [(action["status"], action["cancelled"]) for action in listing] == [("DONE", False)] * 2


async def test_nobody_cancels_what_is_not_there_or_not_his(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    others = await import_json(other_client, [a_voucher(code="A")])
    for sent in (others, UNKNOWN, "x"):
        answer = await client.post(f"/v1/async-actions/{sent}/cancel")
        assert read_refusal(answer) == not_there("async_action", sent)
    await worker.run_until_idle()
    assert (await read_action(other_client, others))["status"] == "DONE"


async def test_a_portion_that_takes_too_long_to_wait_for_is_told_of(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_CANCEL_SECONDS", 0.05)
    action_id = await import_json(client, [a_voucher(code="A")])
    async with holding_locks(db, f"select from job where project_id = {project.id} for update"):
        answer = await client.post(f"/v1/async-actions/{action_id}/cancel")
    assert (answer.status_code, answer.json()["key"]) == (400, "multiple_requests")
    await worker.run_until_idle()
    assert (await read_action(client, action_id))["status"] == "DONE"
