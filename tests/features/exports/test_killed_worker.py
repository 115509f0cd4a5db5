"""kill -9 of the worker inside the portions of an export: each line stands in the file once. With a twin."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from exporting import download, read_export, start_export
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database

pytestmark = pytest.mark.slow

ROWS = 600
PORTION_ROWS = 200
SCRIPT = Path(__file__).with_name("crashing_worker.py")
CODES = [f"CODE-{number:04}" for number in range(ROWS)]


async def make_vouchers(db: Database, project: Project) -> None:
    async with db.connection() as connection:
        await connection.execute(
            "insert into voucher (project_id, id, code, type, created_at)"
            # Ids that sort as the codes do.
            " select $1, lpad(to_hex(n), 32, '0')::uuid, 'CODE-' || lpad(n::text, 4, '0'),"
            " 'DISCOUNT_VOUCHER', now() from generate_series(0, $2 - 1) n",
            project.id,
            ROWS,
        )


async def run_crashing_workers(client: httpx.AsyncClient, url: str, export_id: str, mode: str) -> int:
    """Start workers, each anew when it has killed itself, until the export is done: how many were killed."""
    kills = 0
    process = None
    async with asyncio.timeout(120):
        while (await read_export(client, export_id))["status"] != "DONE":
            if process is None or process.returncode is not None:
                if process is not None:
                    assert process.returncode == -9
                    kills += 1
                process = await asyncio.create_subprocess_exec(
                    sys.executable, str(SCRIPT), url, str(PORTION_ROWS), mode
                )
            await asyncio.sleep(0.05)
    assert process is not None
    if process.returncode is None:
        process.terminate()
        await process.wait()
    return kills


@pytest.mark.parametrize("order", ["created_at", "code"])
async def test_a_file_whose_workers_are_killed_has_every_line_once(
    client: httpx.AsyncClient, db: Database, database_url: str, project: Project, order: str
) -> None:
    await make_vouchers(db, project)
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    kills = await run_crashing_workers(client, database_url, export_id, "guarded")
    # Three portions, and of those in order of ids a last one that finds nothing more.
    assert kills == (3 if order == "created_at" else 2)
    assert (await download(client, export_id)).splitlines() == ["Code", *CODES]
    async with db.connection() as connection:
        counted = await connection.fetchval("select rows from export where project_id = $1", project.id)
    assert counted == ROWS


async def test_twin_whose_cursor_is_committed_on_its_own_has_lines_twice(
    client: httpx.AsyncClient, db: Database, database_url: str, project: Project
) -> None:
    await make_vouchers(db, project)
    async with db.connection() as connection:
        # The second guard: a portion that is there cannot be written again.
        await connection.execute("alter table export_portion drop constraint export_portion_pkey")
    export_id = await start_export(client, "voucher", fields=["code"], order="created_at")
    kills = await run_crashing_workers(client, database_url, export_id, "unguarded")
    assert kills >= 2
    async with db.connection() as connection:
        portions = await connection.fetch("select data from export_portion")
        await connection.execute("truncate export_portion")
        await connection.execute(
            "alter table export_portion add primary key (project_id, export_id, portion)"
        )
    lines = b"".join(row["data"] for row in portions).decode().splitlines()
    assert len(lines) > 1 + ROWS
    assert set(lines) == {"Code", *CODES}
