"""The tests of a module share a database; portions are small."""

import pytest

from openvoucher.settings import Settings
from shared_database import database_url, project

__all__ = ["database_url", "project", "settings"]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """A test can be parametrized with other settings: a dictionary of those that differ."""
    return Settings(public_url="http://test", **{"portion_rows": 5, **getattr(request, "param", {})})
