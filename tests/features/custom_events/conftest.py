"""Each test has a project of its own on the database of its module, with a client of each kind."""

from collections.abc import AsyncIterator

import httpx
import pytest

from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from openvoucher.wire.ids import show_id
from project_clients import make_project_with_keys, open_client


@pytest.fixture(scope="module")
def database_url(shared_database_url: str) -> str:
    return shared_database_url


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    return await make_project_with_keys(db, keys)


@pytest.fixture
async def management(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    """With the management key."""
    async with open_client(db, settings, keys["management"]) as http:
        yield http


@pytest.fixture
async def page(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    """With the client key, from a page of https://shop.example."""
    async with open_client(db, settings, keys["client"], {"Origin": "https://shop.example"}) as http:
        yield http


@pytest.fixture
def schemas_path(project: Project) -> str:
    return f"/management/v1/projects/{show_id('proj', project.uid)}/custom-event-schemas"


@pytest.fixture
def project_path(project: Project) -> str:
    return f"/management/v1/projects/{show_id('proj', project.uid)}"
