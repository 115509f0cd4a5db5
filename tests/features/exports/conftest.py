"""The tests of a module share a database, each has a project of its own."""

import pytest

from openvoucher.settings import Settings
from shared_database import database_url, project

__all__ = ["database_url", "project", "settings"]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """A test can be parametrized with another number of rows for a portion."""
    return Settings(public_url="http://test", portion_rows=getattr(request, "param", 100))
