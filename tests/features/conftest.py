"""Databases that the tests of one module share, because one of its own costs a test more than it does.

A module whose tests look only at what they made themselves says

    @pytest.fixture
    def database_url(shared_database_url: str) -> str:
        return shared_database_url

and with that shares what `client`, `db`, `call`, `worker` and `other_client` work on. Each test names what
it makes after `code`. Tests that count rows, race, or list without a filter keep a database of their own.
"""

import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest

_database_numbers = itertools.count(1)
_code_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def shared_database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database for all tests of a module."""
    name = f"shared_{next(_database_numbers)}"
    server, _, query = postgres.partition("?")
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {template}")
    yield f"{server.rpartition('/')[0]}/{name}{'?' + query if query else ''}"
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def code() -> str:
    """A code or name that no other test has."""
    return f"CODE-{next(_code_numbers)}"
