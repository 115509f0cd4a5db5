"""One database for all tests of a module whose campaigns are told apart by their names.

A database of its own costs a test more than all that it does. Tests that count rows, race, or look
at lists without a filter take the fixtures `client`, `db` and `worker` instead.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from openvoucher.app import make_app, make_worker
from openvoucher.features.projects.service import KeyPair, make_key_pair, set_up_first_project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from shop import Shop

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_shop_numbers = itertools.count(1)


@dataclass(frozen=True)
class ShopDatabase:
    url: str
    pair: KeyPair
    names: Iterator[str]


@pytest.fixture(scope="module")
async def shop_database(postgres: str, template: str) -> AsyncIterator[ShopDatabase]:
    name = f"shop_{next(_shop_numbers)}"
    server, _, query = postgres.partition("?")
    url = f"{server.rpartition('/')[0]}/{name}{'?' + query if query else ''}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {template}")
    pair = make_key_pair("server")
    db = Database(url, size=1)
    await set_up_first_project(db, given={"server": pair}, now=NOW)
    await db.close()
    yield ShopDatabase(url, pair, (f"Campaign {number}" for number in itertools.count(1)))
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
async def shop(shop_database: ShopDatabase, settings: Settings) -> AsyncIterator[Shop]:
    db = Database(shop_database.url, size=5)
    pair = shop_database.pair
    headers = {"X-App-Id": pair.app_id, "X-App-Token": pair.secret}
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Shop(client, db, make_worker(db, settings), shop_database.names)
    await db.close()
