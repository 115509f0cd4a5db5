"""Undoing imports and generations: exactly what they made, as far as nobody has used it."""

import asyncio
from typing import Any

import httpx
import pytest

from builders import a_refusal, not_there, read_refusal
from database_views import count_more_rows, count_rows, holding_locks, wait_for_waiting_statements
from importing import (
    A_REPORT,
    a_csv,
    count_codes,
    finish,
    import_csv,
    make_campaign,
    make_voucher,
    read_action,
    read_rows,
    read_vouchers,
)
from ledger import find_ledger_faults
from openvoucher.app import make_worker
from openvoucher.features.undo import store
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

PUBLISHED = "The voucher was published"
REDEEMED = "The voucher was redeemed"
POSTED = "The balance of the voucher was changed"


async def undo(client: httpx.AsyncClient, worker: Worker, action_id: str) -> dict[str, Any]:
    answer = await client.post(f"/v1/async-actions/{action_id}/undo")
    assert answer.status_code == 202, answer.text
    return await finish(client, worker, answer.json()["async_action_id"])


def removed(count: int, *kept: tuple[str, str]) -> dict[str, Any]:
    """kept: (code, reason)."""
    return {
        "message": f"Removed {count} vouchers, kept {len(kept)} that were used.",
        "failed": [{"code": code, "reason": reason} for code, reason in kept],
        "done_count": count,
        "failed_count": len(kept),
        **A_REPORT,
    }


async def use(db: Database, code: str, column: str) -> None:
    """As a publication or a redemption does, which come later."""
    async with db.connection() as connection:
        await connection.execute(f"update voucher set {column} = {column} + 1 where code = $1", code)


async def imported(client: httpx.AsyncClient, worker: Worker, *rows: str, campaign: str | None) -> str:
    action_id = await import_csv(client, a_csv(*rows), campaign)
    await finish(client, worker, action_id)
    return action_id


async def test_an_import_is_undone_as_if_it_had_never_been(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await make_campaign(client)
    await make_voucher(client, "MINE", "Spring")
    before = await count_rows(db)
    codes = [f"CODE-{number}" for number in range(13)]
    action_id = await imported(client, worker, "Code", *codes, campaign="Spring")
    assert await undo(client, worker, action_id) == removed(13)
    assert list(await read_vouchers(client)) == ["MINE"]
    assert await count_codes(client) == 1
    more = await count_more_rows(db, before)
    assert {table: count for table, count in more.items() if "job" not in table and "async" not in table} == {
        # Of the day's summary: the codes were made and deleted.
        "campaign_day": 1
    }


async def test_a_generation_is_undone(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    await make_voucher(client, "MINE", "Spring")
    answer = await client.post("/v1/campaigns/Spring/vouchers?vouchers_count=12", json={})
    action_id = answer.json()["async_action_id"]
    await worker.run_until_idle()
    assert await count_codes(client) == 13
    assert await undo(client, worker, action_id) == removed(12)
    assert list(await read_vouchers(client)) == ["MINE"]
    summary = (await client.get("/v1/campaigns/Spring/summary")).json()
    assert (summary["vouchers_created"], summary["vouchers_deleted"]) == (13, 12)


async def test_codes_that_were_used_since_are_kept_and_named(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await make_campaign(client, campaign_type="GIFT_VOUCHERS")
    action_id = await imported(
        client, worker, "Code,Gift Amount", *[f"{letter},10.00" for letter in "ABCDEFG"], campaign="Spring"
    )
    await use(db, "B", "published_count")
    await use(db, "D", "redeemed_quantity")
    await client.post("/v1/vouchers/F/balance", json={"amount": 5})
    result = await undo(client, worker, action_id)
    assert result == removed(4, ("B", PUBLISHED), ("D", REDEEMED), ("F", POSTED))
    assert sorted(await read_vouchers(client)) == ["B", "D", "F"]
    assert await count_codes(client) == 3
    assert await find_ledger_faults(db, {"F": 1000}) == []


async def test_what_was_used_before_it_was_imported_is_no_use_since(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    await make_campaign(client, campaign_type="GIFT_VOUCHERS")
    action_id = await imported(
        client,
        worker,
        "Code,Gift Amount,Redeemed Amount,Redeemed Quantity",
        "OLD,10.00,4.00,2",
        "USED,10.00,4.00,2",
        "SPENT,10.00,4.00,",
        campaign="Spring",
    )
    await use(db, "USED", "redeemed_quantity")
    async with db.connection() as connection:
        await connection.execute(
            "update voucher set spent = spent + 1, balance = balance - 1 where code = 'SPENT'"
        )
    assert await undo(client, worker, action_id) == removed(1, ("SPENT", REDEEMED), ("USED", REDEEMED))
    assert await count_codes(client) == 2
    async with db.connection() as connection:
        bound = "select bound_count from campaign where project_id = $1"
        assert await connection.fetchval(bound, project.id) == 2


async def test_codes_that_the_import_changed_stay_as_they_are(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client)
    await make_voucher(client, "MINE", "Spring")
    action_id = await imported(client, worker, "Code,Active", "MINE,false", "NEW,true", campaign="Spring")
    assert await undo(client, worker, action_id) == removed(1)
    assert {code: voucher["active"] for code, voucher in (await read_vouchers(client)).items()} == {
        "MINE": False
    }


async def test_standalone_codes_and_codes_in_the_bin_are_removed_for_good(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project
) -> None:
    rows = [f"{letter},DISCOUNT_VOUCHER,AMOUNT,5" for letter in "ABC"]
    action_id = await imported(client, worker, "Code,Voucher Type,Discount Type,Value", *rows, campaign=None)
    await client.delete("/v1/vouchers/B")
    assert await undo(client, worker, action_id) == removed(3)
    assert await read_rows(db, project, "voucher", "code") == []
    assert await read_rows(db, project, "bin_entry", "resource_name") == []


async def test_a_second_undo_finds_nothing(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    action_id = await imported(client, worker, "Code", "A", "B", campaign="Spring")
    assert await undo(client, worker, action_id) == removed(2)
    assert await undo(client, worker, action_id) == removed(0)
    assert await count_codes(client) == 0


async def test_what_was_made_again_since_is_not_the_import_s(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client)
    action_id = await imported(client, worker, "Code", "A", "B", campaign="Spring")
    await client.delete("/v1/vouchers/A?force=true")
    await make_voucher(client, "A", "Spring")
    assert await undo(client, worker, action_id) == removed(1)
    assert list(await read_vouchers(client)) == ["A"]


async def test_a_cancelled_import_can_be_undone(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    codes = [f"CODE-{number:02}" for number in range(40)]
    action_id = await import_csv(client, a_csv("Code", *codes), "Spring")
    await worker.run_next()
    assert (await client.post(f"/v1/async-actions/{action_id}/cancel")).status_code == 202
    await worker.run_until_idle()
    assert await count_codes(client) == 5
    assert await undo(client, worker, action_id) == removed(5)
    assert await read_vouchers(client) == {}


async def test_what_cannot_be_undone_is_refused(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await make_campaign(client)
    running = await import_csv(client, a_csv("Code", *"ABCDEFG"), "Spring")
    refused = await client.post(f"/v1/async-actions/{running}/undo")
    assert read_refusal(refused) == a_refusal(
        400,
        "invalid_async_action",
        "The async action has not ended yet; it can be cancelled.",
    )
    await worker.run_until_idle()
    foreign = await other_client.post(f"/v1/async-actions/{running}/undo")
    assert read_refusal(foreign) == not_there("async_action", running)
    body = [{"code": "A", "metadata": {"a": 1}}]
    update = (await client.post("/v1/vouchers/bulk/async", json=body)).json()["async_action_id"]
    trial = await client.post(
        "/v1/campaigns/Spring/importCSV?dry_run=true", files={"file": ("a.csv", b"Code\nZ\n")}
    )
    await worker.run_until_idle()
    before = await count_rows(db)
    for action_id, what in (
        (update, "An async action of type VOUCHERS.BULK_UPDATE"),
        (trial.json()["async_action_id"], "A dry run"),
    ):
        refused = await client.post(f"/v1/async-actions/{action_id}/undo")
        assert read_refusal(refused) == a_refusal(
            400,
            "invalid_async_action",
            f"{what} made no codes that could be removed.",
        )
    assert await count_more_rows(db, before) == {}


async def test_an_undo_goes_on_where_another_worker_left_it(
    client: httpx.AsyncClient, worker: Worker, db: Database, settings: Settings
) -> None:
    await make_campaign(client)
    codes = [f"CODE-{number:02}" for number in range(23)]
    action_id = await imported(client, worker, "Code", *codes, campaign="Spring")
    await use(db, "CODE-03", "published_count")
    undoing = (await client.post(f"/v1/async-actions/{action_id}/undo")).json()["async_action_id"]
    while await make_worker(db, settings).run_next():
        assert (await read_action(client, undoing))["done_count"] == 23 - await count_codes(client)
    assert (await read_action(client, undoing))["result"] == removed(22, ("CODE-03", PUBLISHED))
    assert await count_codes(client) == 1


async def race_with_a_publication(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> tuple[dict[str, Any], list[str]]:
    """A publication of A commits while the undo is at work on it; (result, codes that are left)."""
    await make_campaign(client)
    action_id = await imported(client, worker, "Code", "A", "B", campaign="Spring")
    undoing = (await client.post(f"/v1/async-actions/{action_id}/undo")).json()["async_action_id"]
    publish = "update voucher set published_count = 1 where code = 'A'"
    async with holding_locks(db, publish):
        working = asyncio.create_task(worker.run_until_idle())
        await wait_for_waiting_statements(db, 1)
    await working
    return (await read_action(client, undoing))["result"], sorted(await read_vouchers(client))


async def test_a_code_that_is_just_being_published_is_kept(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    result, left = await race_with_a_publication(client, worker, db)
    assert (result, left) == (removed(1, ("A", PUBLISHED)), ["A"])


async def test_without_the_lock_it_would_be_removed_under_the_customer_s_hands(
    client: httpx.AsyncClient, worker: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lock_nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(store, "lock_made", lock_nothing)
    _, left = await race_with_a_publication(client, worker, db)
    assert left == []


async def test_the_campaign_s_summary_says_what_was_on_the_cards(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_campaign(client, campaign_type="GIFT_VOUCHERS")
    action_id = await imported(client, worker, "Code,Gift Amount", "A,1.00", "B,2.50", campaign="Spring")
    await undo(client, worker, action_id)
    summary = (await client.get("/v1/campaigns/Spring/summary")).json()
    counters = ("vouchers_created", "created_vouchers_amount", "vouchers_deleted", "amount_deleted")
    assert [summary[name] for name in counters] == [2, 350, 2, 350]
