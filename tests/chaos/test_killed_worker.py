"""kill -9 of the worker inside a portion: exact counts, no row lost or doubled. With twins that fail."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from openvoucher.platform.db import Database
from openvoucher.settings import Settings

pytestmark = pytest.mark.slow

_SCRIPT = Path(__file__).with_name("crashing_worker.py")
_CAMPAIGN = {
    "name": "Spring",
    "campaign_type": "DISCOUNT_COUPONS",
    "vouchers_count": 0,
    "voucher": {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}},
}


@pytest.fixture
def settings() -> Settings:
    """Of the server: it cuts uploads of 10,000 rows into five portions."""
    return Settings(public_url="http://test", portion_rows=2000)


async def run_crashing_workers(
    client: httpx.AsyncClient, url: str, action_id: str, *, crash_at: int, mode: str, portion_rows: int
) -> tuple[dict[str, Any], int]:
    """Start workers, each anew when it has killed itself, until the action has ended: (action, kills)."""
    kills = 0
    progress = -1
    process = None
    async with asyncio.timeout(90):
        while True:
            if process is None or process.returncode is not None:
                if process is not None:
                    assert process.returncode == -9
                    kills += 1
                process = await asyncio.create_subprocess_exec(
                    sys.executable, str(_SCRIPT), url, str(portion_rows), str(crash_at), mode
                )
            action = (await client.get(f"/v1/async-actions/{action_id}")).json()
            assert action["progress"] >= progress
            progress = action["progress"]
            if action["status"] in ("DONE", "FAILED"):
                break
            await asyncio.sleep(0.05)
    if process.returncode is None:
        process.terminate()
        await process.wait()
    return action, kills


async def generate(client: httpx.AsyncClient, count: int) -> str:
    assert (await client.post("/v1/campaigns", json=_CAMPAIGN)).status_code == 200
    answer = await client.post(f"/v1/campaigns/Spring/vouchers?vouchers_count={count}")
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def count_codes(db: Database) -> tuple[int, int]:
    async with db.connection() as connection:
        row = await connection.fetchrow("select count(*), count(distinct code) from voucher")
        assert row is not None
        return row[0], row[1]


async def test_a_generation_whose_workers_are_killed_makes_exactly_as_many_codes_as_asked(
    client: httpx.AsyncClient, db: Database, database_url: str
) -> None:
    action_id = await generate(client, 10_000)
    action, kills = await run_crashing_workers(
        client, database_url, action_id, crash_at=4, mode="guarded", portion_rows=1000
    )
    assert action["status"] == "DONE"
    assert action["result"] == {"message": "Generated 10000 vouchers.", "done_count": 10_000}
    assert kills == 3
    assert await count_codes(db) == (10_000, 10_000)
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 10_000


async def test_twin_with_rows_and_cursor_in_two_transactions_makes_too_many_codes(
    client: httpx.AsyncClient, db: Database, database_url: str
) -> None:
    action_id = await generate(client, 10_000)
    _, kills = await run_crashing_workers(
        client, database_url, action_id, crash_at=4, mode="unguarded", portion_rows=1000
    )
    assert kills >= 2
    total, _ = await count_codes(db)
    assert total > 10_000


async def test_an_import_whose_workers_are_killed_gives_every_row_one_outcome(
    client: httpx.AsyncClient, db: Database, database_url: str
) -> None:
    await client.post("/v1/campaigns", json=_CAMPAIGN)
    await client.post("/v1/vouchers/OWNED-ELSEWHERE", json=_STANDALONE)
    answer = await client.post("/v1/campaigns/Spring/importCSV", files={"file": ("codes.csv", _make_csv())})
    action, kills = await run_crashing_workers(
        client,
        database_url,
        answer.json()["async_action_id"],
        crash_at=2,
        mode="guarded",
        portion_rows=2000,
    )
    assert kills == 4
    assert action["status"] == "DONE"
    result = action["result"]
    # 10,000 rows: 9,900 distinct codes, 50 of them again, 49 without a code, 1 of another owner.
    assert (result["done_count"], result["failed_count"]) == (9_950, 50)
    assert result["failed"][0] == {"code": "", "row": 100, "reason": "Code is required"}
    assert result["failed"][-1] == {
        "code": "OWNED-ELSEWHERE",
        "row": 10_000,
        "reason": "Duplicated voucher exists with id OWNED-ELSEWHERE",
    }
    assert len({row["row"] for row in result["failed"]}) == 50
    assert await count_codes(db) == (9_901, 9_901)
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 9_900


async def test_twin_of_the_import_counts_rows_twice(client: httpx.AsyncClient, database_url: str) -> None:
    await client.post("/v1/campaigns", json=_CAMPAIGN)
    rows = "\n".join(["Code", *(f"CODE-{number:06}" for number in range(10_000))])
    answer = await client.post("/v1/campaigns/Spring/importCSV", files={"file": ("codes.csv", rows)})
    action, kills = await run_crashing_workers(
        client,
        database_url,
        answer.json()["async_action_id"],
        crash_at=2,
        mode="unguarded",
        portion_rows=2000,
    )
    assert kills >= 1
    assert action["result"]["done_count"] > 10_000


_STANDALONE = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 1}}


def _make_csv() -> bytes:
    rows = ["Code,Active,colour"]
    for number in range(1, 10_000):
        if number % 100 == 0 and number <= 4_900:
            rows.append(",true,red")
        elif number > 9_949:
            rows.append(f"CODE-{number - 9_949:06},true,red")
        else:
            rows.append(f"CODE-{number:06},true,red")
    rows.append("OWNED-ELSEWHERE,true,red")
    return "\n".join(rows).encode()
