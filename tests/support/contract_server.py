"""A server as an operator starts it, with projects on it for tests that must not see each other."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from openvoucher.features.projects import store
from openvoucher.features.projects.service import (
    KINDS,
    KeyKind,
    KeyPair,
    add_key_pair,
    get_project,
    make_key_pair,
)
from openvoucher.platform.db import Database
from openvoucher.wire.ids import new_id, show_id
from programs import run_openvoucher, running


@dataclass(frozen=True)
class ContractProject:
    id: str
    keys: dict[KeyKind, KeyPair]


@dataclass(frozen=True)
class ContractServer:
    url: str
    database_url: str
    keys: dict[KeyKind, KeyPair]
    """The pairs of the first project, given to the server by its environment."""

    def make_project(self) -> ContractProject:
        """An empty project on this server."""
        return asyncio.run(self._make_project())

    async def _make_project(self) -> ContractProject:
        pairs: dict[KeyKind, KeyPair] = {kind: make_key_pair(kind) for kind in KINDS}
        db = Database(self.database_url, size=1)
        try:
            async with db.transaction() as connection:
                now = datetime.now(UTC)
                project_id = await store.insert_project(
                    connection, uid=new_id(), name="a project of its own", asset_key=os.urandom(64), now=now
                )
                project = await get_project(connection, project_id)
                for pair in pairs.values():
                    await add_key_pair(connection, project, pair, now=now)
        finally:
            await db.close()
        return ContractProject(show_id("proj", project.uid), pairs)


@contextmanager
def serving() -> Iterator[ContractServer]:
    """`openvoucher serve` on an empty data folder, with a worker, on a port of its own."""
    keys: dict[KeyKind, KeyPair] = {kind: make_key_pair(kind) for kind in KINDS}
    environment = {
        "OPENVOUCHER_APP_ID": keys["server"].app_id,
        "OPENVOUCHER_APP_TOKEN": keys["server"].secret,
        "OPENVOUCHER_CLIENT_ID": keys["client"].app_id,
        "OPENVOUCHER_CLIENT_TOKEN": keys["client"].secret,
        "OPENVOUCHER_MANAGEMENT_ID": keys["management"].app_id,
        "OPENVOUCHER_MANAGEMENT_TOKEN": keys["management"].secret,
    }
    with tempfile.TemporaryDirectory(prefix="ov-contract-", ignore_cleanup_errors=True) as folder:
        # An embedded database of root's runs as another user, who must reach the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        data_dir = os.path.join(folder, "data")
        with running(
            ("-m", "openvoucher", "serve", "--data-dir", data_dir, "--port", "0"), **environment
        ) as program:
            url = program.wait_for(r"OpenVoucher is ready on (http://\S+)")[1]
            told = run_openvoucher("database-url", "--data-dir", data_dir)
            assert told.returncode == 0, told.stderr
            yield ContractServer(url=url, database_url=told.stdout.strip(), keys=keys)
