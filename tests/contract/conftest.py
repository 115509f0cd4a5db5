"""One live server for all contract tests; a project of its own, and SDKs on it, for each test."""

from collections.abc import Iterator

import pytest
from contract_server import ContractProject, ContractServer, serving
from sdk_client import Sdk


@pytest.fixture(scope="session")
def server() -> Iterator[ContractServer]:
    with serving() as started:
        yield started


@pytest.fixture
def home(server: ContractServer) -> ContractProject:
    """An empty project, so that counts and lists have exact values."""
    return server.make_project()


@pytest.fixture
def sdk(server: ContractServer, home: ContractProject) -> Iterator[Sdk]:
    """The SDK with the project's server key."""
    pair = home.keys["server"]
    client = Sdk(server.url, {"X-App-Id": pair.app_id, "X-App-Token": pair.secret})
    yield client
    client.close()


@pytest.fixture
def management_sdk(server: ContractServer, home: ContractProject) -> Iterator[Sdk]:
    pair = home.keys["management"]
    client = Sdk(server.url, {"X-Management-Id": pair.app_id, "X-Management-Token": pair.secret})
    yield client
    client.close()


@pytest.fixture
def other_sdk(server: ContractServer) -> Iterator[Sdk]:
    """The SDK with the server key of another project."""
    pair = server.make_project().keys["server"]
    client = Sdk(server.url, {"X-App-Id": pair.app_id, "X-App-Token": pair.secret})
    yield client
    client.close()
