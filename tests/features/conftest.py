"""Projects that the tests of one module share, because one of its own costs a test more than it does.

A module whose tests look only at what they made themselves takes what it needs from there:

    @pytest.fixture
    def client(shared_project: SharedProject) -> httpx.AsyncClient:
        return shared_project.client

Each test names what it makes after `code`. Tests that race, or look at everything, keep the fixtures of
all tests: a database of their own.
"""

import itertools
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from calls import NOW, make_call
from openvoucher.app import make_app
from openvoucher.features.projects.service import KeyPair, make_key_pair, set_up_first_project
from openvoucher.platform.db import Database
from projects import make_other_project
from shared_project import SharedProject

_database_numbers = itertools.count(1)
_code_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a project share its event loop: its connections belong to that."""
    for item in items:
        if "shared_project" in getattr(item, "fixturenames", ()):
            # In front of the mark that every asynchronous test has.
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
async def shared_database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database for all tests of a module."""
    name = f"module_{next(_database_numbers)}"
    server, _, query = postgres.partition("?")
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {template}")
    yield f"{server.rpartition('/')[0]}/{name}{'?' + query if query else ''}"
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture(scope="module")
async def shared_project(shared_database_url: str) -> AsyncIterator[SharedProject]:
    db = Database(shared_database_url, size=5)
    pair, other_pair = make_key_pair("server"), make_key_pair("server")
    project, _ = await set_up_first_project(db, given={"server": pair}, now=NOW)
    await make_other_project(db, other_pair)
    call = make_call(db, project)
    transport = httpx.ASGITransport(app=make_app(db, call.settings), raise_app_exceptions=False)

    def make_client(keys: KeyPair) -> httpx.AsyncClient:
        headers = {"X-App-Id": keys.app_id, "X-App-Token": keys.secret}
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)

    async with make_client(pair) as client, make_client(other_pair) as other_client:
        yield SharedProject(client, other_client, db, call)
    await db.close()


@pytest.fixture
def code() -> str:
    """A code or name that no other test has."""
    return f"CODE-{next(_code_numbers)}"
