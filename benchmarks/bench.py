"""What every subject works with: a server on fresh data, its API, and its table from the inside."""

import contextlib
import dataclasses
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg

from benchmarks.api import Api, WrongResult, uuid_of
from benchmarks.plan import Plan
from benchmarks.server import KEYS, Server, serving
from benchmarks.table import VoucherTable

# Numbers of codes (benchmarks.codes) from which uploads take theirs: those before are base rows.
FIRST_NEW_CODE: Final = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Bench:
    plan: Plan
    server: Server
    api: Api
    table: VoucherTable
    base_campaign: str
    folder: Path

    async def check_codes(self, campaign: str, count: int) -> None:
        """Raises WrongResult unless the campaign has so many codes, and says so."""
        seen = (await self.table.count(uuid_of(campaign)), await self.api.count_codes(campaign))
        if seen != (count, count):
            raise WrongResult(f"a campaign has and shows {seen} codes, expected {count}")


@contextlib.asynccontextmanager
async def set_up_bench(plan: Plan, **environment: str) -> AsyncIterator[Bench]:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="openvoucher-benchmark-", ignore_cleanup_errors=True)
            )
        )
        # PostgreSQL, which runs as another user if we are root, reads the files of the other side.
        os.chmod(folder, 0o755)  # noqa: S103
        server = await stack.enter_async_context(serving(folder / "data", environment))
        api = Api(server.address, KEYS["OPENVOUCHER_APP_ID"], KEYS["OPENVOUCHER_APP_TOKEN"])
        stack.push_async_callback(api.close)
        connection = await asyncpg.connect(server.database_url)
        stack.push_async_callback(connection.close)
        project_id: int = await connection.fetchval(
            "select project_id from api_key where app_id = $1", KEYS["OPENVOUCHER_APP_ID"]
        )
        table = VoucherTable(connection, project_id, folder)
        base = await api.create_campaign("Base")
        await table.set_up(uuid_of(base), plan.base_rows)
        await table.reset()
        yield Bench(plan, server, api, table, base, folder)


@contextlib.asynccontextmanager
async def another_project(bench: Bench) -> AsyncIterator[Api]:
    """A second project on the same server."""
    app_id, secret = "bench-other-app", "bench-other-secret"
    now = datetime.now(UTC)
    connection = bench.table.connection
    project_id = await connection.fetchval(
        "insert into project (uid, name, asset_key, created_at) values ($1, 'Other', $2, $3) returning id",
        uuid4(),
        os.urandom(64),
        now,
    )
    await connection.execute(
        "insert into api_key (project_id, id, kind, app_id, secret_sha256, created_at)"
        " values ($1, $2, 'server', $3, $4, $5)",
        project_id,
        uuid4(),
        app_id,
        hashlib.sha256(secret.encode()).digest(),
        now,
    )
    api = Api(bench.server.address, app_id, secret)
    try:
        yield api
    finally:
        await api.close()
