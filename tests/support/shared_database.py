"""Fixtures of modules whose tests share one database and have a project each.

A database costs a test more than all that it does, a project costs nothing, and nobody sees another's.
A conftest.py that imports both fixtures puts them in the place of the general ones.
"""

import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest

from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from projects import make_other_project

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database for the tests of one module, one after the other."""
    name = f"shared_{next(_numbers)}"
    server, _, query = postgres.partition("?")
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {template}")
    yield f"{server.rpartition('/')[0]}/{name}{'?' + query if query else ''}"
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    """A project of the test's own, with its server key."""
    return await make_other_project(db, keys["server"])
