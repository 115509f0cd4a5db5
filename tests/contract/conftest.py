"""One live server for all contract tests; a project of its own, and SDKs on it, for each test."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openvoucher.features.projects.service import KINDS, KeyKind, KeyPair, add_key_pair, make_key_pair
from openvoucher.platform.db import Database
from openvoucher.wire.ids import show_id
from projects import make_other_project
from sdk_client import Sdk
from servers import Server, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What was driven can be told when all others are through."""
    items.sort(key=lambda item: item.path.name == "test_coverage.py")


@dataclass(frozen=True)
class Home:
    """A project that only one test knows."""

    id: str
    keys: dict[KeyKind, KeyPair]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """As an operator starts it: an empty data folder, an embedded database, a worker."""
    with tempfile.TemporaryDirectory(prefix="ov-contract-", ignore_cleanup_errors=True) as folder:
        # An embedded database of root's runs as another user, who must reach the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        with serving(Path(folder) / "data") as started:
            yield started


@pytest.fixture
def home(server: Server) -> Home:
    """An empty project, so that counts and lists have exact values."""
    return make_home(server)


@pytest.fixture
def sdk(server: Server, home: Home) -> Iterator[Sdk]:
    """The SDK with the project's server key."""
    yield from open_sdk(server, home)


@pytest.fixture
def management_sdk(server: Server, home: Home) -> Iterator[Sdk]:
    pair = home.keys["management"]
    client = Sdk(server.address, {"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret})
    yield client
    client.close()


@pytest.fixture
def other_sdk(server: Server) -> Iterator[Sdk]:
    """The SDK with the server key of another project."""
    yield from open_sdk(server, make_home(server))


def open_sdk(server: Server, home: Home) -> Iterator[Sdk]:
    pair = home.keys["server"]
    client = Sdk(server.address, {"X-App-Id": pair.app_id, "X-App-Token": pair.secret})
    yield client
    client.close()


def make_home(server: Server) -> Home:
    async def make() -> Home:
        keys: dict[KeyKind, KeyPair] = {kind: make_key_pair(kind) for kind in KINDS}
        db = Database(server.database_url, size=1)
        try:
            project = await make_other_project(db, keys["server"])
            async with db.transaction() as connection:
                for pair in keys.values():
                    await add_key_pair(connection, project, pair, now=datetime.now(UTC))
        finally:
            await db.close()
        return Home(show_id("proj", project.uid), keys)

    return asyncio.run(make())
