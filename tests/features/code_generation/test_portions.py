"""Portions of a generation whatever happens between them: exact counts, and no code twice."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from builders import a_campaign, a_voucher
from database_views import count_rows
from openvoucher.app import make_worker
from openvoucher.engine import codes as engine
from openvoucher.engine.codes import CodePattern
from openvoucher.features.code_generation import service
from openvoucher.features.vouchers import batches
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings

DIGITS = "0123456789"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """The parts of the space from which codes were drawn."""
    drawn: list[range] = []

    def draw(pattern: CodePattern, part: range, whole: int, random_bytes: Any) -> list[str]:
        drawn.append(part)
        return engine.draw_codes_of_part(pattern, part, whole, random_bytes)

    monkeypatch.setattr(service, "draw_codes_of_part", draw)
    return drawn


async def create(client: httpx.AsyncClient, count: int, **code_config: Any) -> str:
    """The id of the generation."""
    body = a_campaign(name="Spring", vouchers_count=count, voucher={"code_config": code_config})
    answer = await client.post("/v1/campaigns", json=body)
    assert answer.status_code == 200, answer.text
    (action,) = (await client.get("/v1/async-actions?limit=1")).json()["async_actions"]
    return str(action["id"])


async def read_action(client: httpx.AsyncClient, action_id: str) -> dict[str, Any]:
    action: dict[str, Any] = (await client.get(f"/v1/async-actions/{action_id}")).json()
    return action


async def run_with(db: Database, portion_rows: int, portions: int | None = None) -> int:
    """So many portions by a worker of its own, or all; how many it did."""
    worker = make_worker(db, Settings(portion_rows=portion_rows))
    if portions is None:
        return await worker.run_until_idle()
    for _ in range(portions):
        assert await worker.run_next()
    return portions


async def find_violations(client: httpx.AsyncClient, db: Database, action_id: str, count: int) -> list[str]:
    """What is not as it must be after a generation of so many codes."""
    async with db.connection() as connection:
        codes = Counter(
            row["code"]
            for row in await connection.fetch("select code from voucher where campaign_id is not null")
        )
        made = await connection.fetchval(
            "select count(distinct v.id) from async_action_batch b join voucher v"
            " on v.project_id = b.project_id and v.id between b.first_id and b.last_id"
            " where v.campaign_id is not null"
        )
        bounded = await connection.fetchval(
            "select sum(('x' || right(b.last_id::text, 8))::bit(32)::bigint + 1) from async_action_batch b"
        )
    found = []
    if codes.total() != count or made != count or bounded != count:
        found.append(f"{codes.total()} codes, {made} of them by this action, which says {bounded}")
    if max(codes.values()) > 1:
        found.append("a code is there twice")
    action = await read_action(client, action_id)
    if (action["status"], action["result"]["done_count"]) != ("DONE", count):
        found.append(f"{action['status']} with {action['result']}")
    counted = (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"]
    if counted != count:
        found.append(f"the campaign counts {counted}")
    return found


# --- the parts --------------------------------------------------------------------------------------


async def test_each_part_of_the_space_has_its_turn_once(
    client: httpx.AsyncClient, db: Database, parts: list[range]
) -> None:
    action_id = await create(client, 95, pattern="#" * 8, charset=DIGITS)
    assert await run_with(db, 10) == 10
    assert await find_violations(client, db, action_id, 95) == []
    assert sorted(parts, key=lambda part: part.start) == [
        range(start, min(start + 10, 95)) for start in range(0, 95, 10)
    ]
    async with db.connection() as connection:
        found = sorted(row["code"] for row in await connection.fetch("select code from voucher"))
    # So the codes are spread evenly over the space: ten of them in each tenth, to within one of a border.
    for place in range(9):
        low, high = place * 10**9 // 95, (place + 1) * 10**9 // 95
        assert 9 <= sum(low <= int(code) < high for code in found) <= 11


async def test_the_parts_come_in_an_order_of_the_job_s_own(
    client: httpx.AsyncClient, db: Database, project: Project, parts: list[range]
) -> None:
    """When a code was made tells little of how it begins."""
    orders = set()
    for seed in range(1, 8):
        await create(client, 70, pattern="#" * 8, charset=DIGITS)
        async with db.connection() as connection:
            await connection.execute("update job set payload = payload || $1", {"seed": seed})
        await run_with(db, 10)
        orders.add(tuple(part.start for part in parts))
        assert sorted(part.start for part in parts) == [*range(0, 70, 10)]
        parts.clear()
        await client.delete("/v1/campaigns/Spring?force=true")
        await run_with(db, 10)
    assert len(orders) >= 6


# --- between portions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(10, 7, 25, 1000), (25, 3, 10, 10), (1, 50, 1, 4)])
@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"pattern": "#" * 8, "charset": DIGITS}, id="large space"),
        pytest.param({"pattern": "X-##", "charset": DIGITS}, id="just as many codes"),
        pytest.param({"pattern": "##", "charset": "äßЖ日01234567"}, id="small space"),
        pytest.param({"pattern": "#" * 8, "charset": "äßЖ日😀"}, id="any alphabet"),
    ],
)
async def test_portions_of_another_size_after_a_restart_make_exactly_what_is_left(
    client: httpx.AsyncClient, db: Database, sizes: Sequence[int], config: dict[str, str]
) -> None:
    action_id = await create(client, 100, **config)
    for size in sizes[:-1]:
        await run_with(db, size, portions=1)
    await run_with(db, sizes[-1])
    assert await find_violations(client, db, action_id, 100) == []


async def test_a_portion_that_is_undone_is_made_again_from_its_part(
    client: httpx.AsyncClient, db: Database, parts: list[range], monkeypatch: pytest.MonkeyPatch
) -> None:
    count_batch, failures = batches.count_batch, [2, 5]

    async def fail_sometimes(*arguments: Any, **named: Any) -> bool:
        failures[:] = [left - 1 for left in failures]
        if 0 in failures:
            raise RuntimeError("planted")
        return await count_batch(*arguments, **named)

    monkeypatch.setattr(batches, "count_batch", fail_sometimes)
    action_id = await create(client, 50, pattern="#" * 8, charset=DIGITS)
    worker = make_worker(db, Settings(portion_rows=10))
    while (await read_action(client, action_id))["status"] != "DONE":
        async with db.connection() as connection:
            # Without the pause after a failure.
            await connection.execute("update job set run_after = now() where state = 'waiting'")
        await worker.run_next()
    assert failures == [-5, -2]
    assert await find_violations(client, db, action_id, 50) == []
    assert {part.start for part in parts} == {0, 10, 20, 30, 40}


@pytest.mark.parametrize("ahead", [True, False])
async def test_codes_that_others_take_meanwhile_are_drawn_again(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    """Of a batch that was made without a look-up: while its portion runs, or while the one before did."""
    stolen: list[str] = []
    outcomes: list[bool] = []
    insert_batch = batches.insert_batch

    async def steal_and_insert(connection: Any, project_id: int, batch: batches.Batch, **named: Any) -> bool:
        if len(outcomes) == (1 if ahead else 0) and not stolen:
            stolen.append(sorted(voucher.code for voucher in batch.vouchers)[3])
            assert (await client.post(f"/v1/vouchers/{stolen[0]}", json=a_voucher())).status_code == 200
        outcomes.append(await insert_batch(connection, project_id, batch, **named))
        return outcomes[-1]

    monkeypatch.setattr(batches, "insert_batch", steal_and_insert)
    action_id = await create(client, 30, pattern="#" * 8, charset=DIGITS)
    await run_with(db, 10)
    assert outcomes == ([True, False, True, True] if ahead else [False, True, True, True])
    assert await find_violations(client, db, action_id, 30) == []
    voucher = (await client.get(f"/v1/vouchers/{stolen[0]}")).json()
    assert voucher["campaign"] is None


@pytest.mark.parametrize("query", ["", "?force=true"])
async def test_what_was_drawn_ahead_for_a_deleted_campaign_is_not_inserted(
    client: httpx.AsyncClient, db: Database, query: str
) -> None:
    action_id = await create(client, 50, pattern="#" * 8, charset=DIGITS)
    worker = make_worker(db, Settings(portion_rows=10))
    for _ in range(2):
        assert await worker.run_next()
    await client.delete(f"/v1/campaigns/Spring{query}")
    made = (await count_rows(db))["async_action_batch"]
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["result"]["done_count"]) == ("FAILED", 20)
    assert action["result"]["message"] == "The campaign was deleted."
    assert (await count_rows(db))["async_action_batch"] == made == 2
    assert (await count_rows(db))["voucher"] == (0 if query else 20)


async def test_a_space_of_which_all_but_a_few_codes_are_taken_is_used_up(
    client: httpx.AsyncClient, db: Database
) -> None:
    for code in ("000", "111", "101"):
        await client.post(f"/v1/vouchers/{code}", json=a_voucher())
    action_id = await create(client, 5, pattern="###", charset="01")
    await run_with(db, 2)
    assert await find_violations(client, db, action_id, 5) == []
    async with db.connection() as connection:
        found = [row["code"] for row in await connection.fetch("select code from voucher order by code")]
    assert found == [f"{number:03b}" for number in range(8)]
    assert all(re.fullmatch("[01]{3}", code) for code in found)
