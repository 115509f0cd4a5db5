"""Fixtures for feature tests whose modules share one database while each test has a project of its own.

A database costs a test more than all that it does, a project costs nothing, and nobody sees another's.
A conftest.py that imports both fixtures puts them in the place of the general ones.
"""

import pytest

from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from projects import make_other_project


@pytest.fixture(scope="module")
def database_url(shared_database_url: str) -> str:
    """A migrated database for the tests of one module, one after the other."""
    return shared_database_url


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    """A project of the test's own, with its server key."""
    return await make_other_project(db, keys["server"])
