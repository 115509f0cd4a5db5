"""The tests of a module share a project."""

import pytest

from catalogue import Catalogue
from shared_project import SharedProject


@pytest.fixture
def catalogue(shared_project: SharedProject) -> Catalogue:
    return Catalogue(shared_project.client, shared_project)
