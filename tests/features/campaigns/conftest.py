"""One project for all tests of a module whose campaigns are told apart by their names.

A database of its own costs a test more than all that it does. Tests that count everything, race, or
need another project take the fixtures `client`, `db` and `worker` instead.
"""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from openvoucher.app import make_app, make_worker
from openvoucher.features.projects.service import make_key_pair, set_up_first_project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from shop import Shop

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_shop_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a shop share its event loop: its connections belong to that."""
    for item in items:
        if "shop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
async def shop(postgres: str, template: str) -> AsyncIterator[Shop]:
    name = f"shop_{next(_shop_numbers)}"
    server, _, query = postgres.partition("?")
    url = f"{server.rpartition('/')[0]}/{name}{'?' + query if query else ''}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {template}")
    db = Database(url, size=5)
    pair = make_key_pair("server")
    await set_up_first_project(db, given={"server": pair}, now=NOW)
    settings = Settings(public_url="http://test")
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    headers = {"X-App-Id": pair.app_id, "X-App-Token": pair.secret}
    names = (f"Campaign {number}" for number in itertools.count(1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Shop(client, db, make_worker(db, settings), names)
    await db.close()
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()
