"""Imports as tests start them, run them, and read how they ended; and what they meet."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from unittest.mock import ANY

import httpx

from builders import a_campaign, a_voucher
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker

# --- imports ---------------------------------------------------------------------------------------

# What stands in the result of each import, whatever came of it; `read_action` checks its form.
A_REPORT: Final[dict[str, Any]] = {"reports": [ANY], "reports_available_till": ANY}


def check_report(action: dict[str, Any]) -> None:
    """The result of an import has one report, at the action's own address, for a while."""
    if "IMPORT" in action["type"] and action["result"] is not None:
        (address,) = action["result"]["reports"]
        assert re.fullmatch(rf"http://test/api/v1/reports/{action['id']}\?token=[\w-]{{43}}", address), (
            address
        )
        till = datetime.fromisoformat(action["result"]["reports_available_till"])
        assert till > datetime.fromisoformat(action["updated_at"])


def a_csv(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


async def import_csv(
    client: httpx.AsyncClient, file: bytes, campaign: str | None = None, *, dry_run: bool = False
) -> str:
    """Start an import into a campaign, or of standalone vouchers; the id of its action."""
    answer = await post_csv(client, file, campaign, dry_run=dry_run)
    assert answer.status_code == (200 if campaign else 202), answer.text
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def import_json(
    client: httpx.AsyncClient,
    items: Sequence[dict[str, Any]],
    campaign: str | None = None,
    *,
    dry_run: bool = False,
) -> str:
    answer = await post_json(client, items, campaign, dry_run=dry_run)
    assert answer.status_code == 202, answer.text
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def post_csv(
    client: httpx.AsyncClient, file: bytes, campaign: str | None = None, *, dry_run: bool = False
) -> httpx.Response:
    path = f"/v1/campaigns/{campaign}/importCSV" if campaign else "/v1/vouchers/importCSV"
    path += "?dry_run=true" if dry_run else ""
    return await client.post(path, files={"file": ("codes.csv", file, "text/csv")})


async def post_json(
    client: httpx.AsyncClient, body: Any, campaign: str | None = None, *, dry_run: bool = False
) -> httpx.Response:
    path = f"/v1/campaigns/{campaign}/import" if campaign else "/v1/vouchers/import"
    path += "?dry_run=true" if dry_run else ""
    return await client.post(path, json=body)


async def read_action(client: httpx.AsyncClient, action_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/async-actions/{action_id}")
    assert answer.status_code == 200, answer.text
    action: dict[str, Any] = answer.json()
    check_report(action)
    return action


async def finish(client: httpx.AsyncClient, worker: Worker, action_id: str) -> dict[str, Any]:
    """The result of an action, done by this worker."""
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["progress"]) == ("DONE", 100)
    result: dict[str, Any] = action["result"]
    return result


def a_result(done: int, *failed: tuple[int, str, str]) -> dict[str, Any]:
    """The result of a CSV import. failed: (row, code, reason)."""
    return {
        "message": f"{done} voucher(s) imported successfully, {len(failed)} failed.",
        "failed": [{"code": code, "row": row, "reason": reason} for row, code, reason in failed],
        "done_count": done,
        "failed_count": len(failed),
        **A_REPORT,
    }


def is_duplicate(row: int, code: str) -> tuple[int, str, str]:
    """A row whose code somebody else has."""
    return row, code, f"Duplicated voucher exists with id {code}"


# --- what they meet, and leave --------------------------------------------------------------------


async def make_campaign(client: httpx.AsyncClient, name: str = "Spring", **fields: Any) -> str:
    """Its id."""
    answer = await client.post("/v1/campaigns", json=a_campaign(name=name, **fields))
    assert answer.status_code == 200, answer.text
    campaign_id: str = answer.json()["id"]
    return campaign_id


async def make_voucher(
    client: httpx.AsyncClient, code: str, campaign: str | None = None, **fields: Any
) -> None:
    if campaign:
        answer = await client.post(f"/v1/campaigns/{campaign}/vouchers/{code}", json={})
    else:
        answer = await client.post(f"/v1/vouchers/{code}", json=a_voucher(**fields))
    assert answer.status_code == 200, answer.text


async def make_category(client: httpx.AsyncClient, name: str) -> str:
    answer = await client.post("/v1/categories", json={"name": name, "hierarchy": 1})
    category_id: str = answer.json()["id"]
    return category_id


async def read_vouchers(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """All vouchers outside the bin, by code."""
    listing = (await client.get("/v1/vouchers?limit=100")).json()
    vouchers = {voucher["code"]: voucher for voucher in listing["vouchers"]}
    assert len(vouchers) == len(listing["vouchers"]) == listing["total"]
    return vouchers


async def read_rows(db: Database, project: Project, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of a project's rows, ordered by the first of them."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            f"select {', '.join(columns)} from {table} where project_id = $1 order by 1", project.id
        )
    return [tuple(row) for row in rows]


async def count_codes(client: httpx.AsyncClient, campaign: str = "Spring") -> int:
    count: int = (await client.get(f"/v1/campaigns/{campaign}")).json()["vouchers_count"]
    return count
