"""A project with a key pair of each kind, and HTTP clients with them on the application in this process."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from openvoucher.app import make_app
from openvoucher.features.projects.service import KeyPair, add_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from projects import make_other_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

KEY_HEADERS = {
    "server": ("X-App-Id", "X-App-Token"),
    "client": ("X-Client-Application-Id", "X-Client-Token"),
    "management": ("X-Management-Id", "X-Management-Token"),
}


async def make_project_with_keys(db: Database, keys: Mapping[Any, KeyPair]) -> Project:
    """A project of its own on a database that others share; its key pairs are those of `keys`."""
    project = await make_other_project(db, keys["server"])
    async with db.transaction() as connection:
        for pair in keys.values():
            await add_key_pair(connection, project, pair, now=NOW)
    return project


def open_client(
    db: Database, settings: Settings, pair: KeyPair, headers: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    """A client with a key pair, on an application that knows nobody yet."""
    id_header, token_header = KEY_HEADERS[pair.kind]
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False),
        base_url="http://test",
        headers={id_header: pair.app_id, token_header: pair.secret, **(headers or {})},
    )
