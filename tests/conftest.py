"""Fixtures of all tests: a real PostgreSQL, a database of its own for each test, a project, a client."""

import itertools
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from memory_folder import find_memory_folder
from openvoucher.app import make_app, make_worker
from openvoucher.features.projects.service import KINDS, KeyPair, make_key_pair, set_up_first_project
from openvoucher.platform.call import Call, Caller, Project
from openvoucher.platform.db import Database
from openvoucher.platform.db.migrations import apply_migrations
from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id
from projects import make_other_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


# Besides what is marked one by one: real processes, races, and the longest of what the others touch already.
# The rest is the fast part, which runs before every commit and takes less than a minute.
_SLOW = (
    "/assets/",
    "/async_actions/test_service",
    "/async_actions/test_watching",
    "/bulk_updates/",
    "/campaigns/test_codes",
    "/campaigns/test_service",
    "/chaos/",
    "/cli/",
    "/code_generation/",
    "/code_imports/test_dry",
    "/code_imports/test_p",
    "/code_imports/test_reading",
    "/code_imports/test_s",
    "/custom_events/",
    "/customers/test_a",
    "/customers/test_b",
    "/customers/test_i",
    "/customers/test_l",
    "/customers/test_p",
    "/customers/test_r",
    "/customers/test_service",
    "/customers/test_su",
    "/embedded_postgres/",
    "/exports/",
    "/orders/",
    "/outbox/",
    "/product_collections/",
    "/products/",
    "/publications/",
    "/record_imports/",
    "/segments/test_c",
    "/segments/test_e",
    "/segments/test_m",
    "/segments/test_se",
    "/segments/test_st",
    "/trash_bin/",
    "/undo/",
    "_races",
    "engine/test_codes_of_part",
    "platform/db/test_conditions",
    "platform/db/test_pool",
    "platform/http/test_bodies",
    "platform/http/test_serving",
    "platform/jobs/test_ahead",
    "platform/test_code_images",
    "platform/test_csv",
    "platform/test_processes",
    "projects/test_m",
    "terms/test_columns",
    "test_cancelling",
    "test_copying",
    "test_routes",
)

# Of the slow ones, those that run in one process: they start servers, race, kill, or count what others do.
_ALONE = (
    "/architecture/",
    "/async_actions/test_routes",
    "/benchmarks/",
    "/chaos/",
    "/cli/",
    "/contract/",
    "/embedded_postgres/",
    "/fuzz/",
    "/race/",
    "_races",
    "exports/test_killed",
    "platform/http/test_serving",
    "platform/test_processes",
    "segments/test_evaluation_bulk",
    "segments/test_staleness",
)


def pytest_configure() -> None:
    # A shell that starts the tests in the background has SIGINT ignored, nohup SIGHUP, which all processes
    # would inherit.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.as_posix()
        if any(part in path for part in _SLOW):
            item.add_marker(pytest.mark.slow)
        if any(part in path for part in _ALONE):
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a server of this test process, without a database name at the end."""
    with tempfile.TemporaryDirectory(
        prefix="ov-test-", dir=find_memory_folder(), ignore_cleanup_errors=True
    ) as folder:
        # An embedded server of root's runs as another user, who must reach the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        # Another PostgreSQL than the embedded one: a folder with its initdb and postgres.
        bin_dir = os.environ.get("OPENVOUCHER_TEST_POSTGRES_BIN_DIR")
        server = EmbeddedPostgres(Path(folder) / "data", bin_dir=Path(bin_dir) if bin_dir else None)
        yield server.start()
        server.stop()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that does not exist yet; what a killed server left running on it is ended."""
    with tempfile.TemporaryDirectory(prefix="ov-data-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103
        path = Path(folder) / "data"
        yield path
        if (path / "postgres" / "postmaster.pid").exists():
            leftover = EmbeddedPostgres(path)
            leftover.start()
            leftover.stop()


@pytest.fixture(scope="session")
async def template(postgres: str) -> str:
    """Name of a migrated database that each test's own is copied from."""
    await _execute(postgres, "create database template_of_tests")
    db = Database(with_database(postgres, "template_of_tests"), size=1)
    connection = await db.open_connection()
    await apply_migrations(connection)
    await connection.close()
    return "template_of_tests"


@pytest.fixture
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated, empty database for one test."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres, f"create database {name} template {template}")
    yield with_database(postgres, name)
    await _execute(postgres, f"drop database {name} with (force)")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, size=5)
    yield database
    await database.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url="http://test")


@pytest.fixture
def keys() -> dict[str, KeyPair]:
    return {kind: make_key_pair(kind) for kind in KINDS}


@pytest.fixture
async def project(db: Database, keys: dict[str, KeyPair]) -> Project:
    project, _ = await set_up_first_project(db, given={pair.kind: pair for pair in keys.values()}, now=NOW)
    return project


@pytest.fixture
def call(db: Database, project: Project, settings: Settings) -> Call:
    return make_call(db, project, settings)


@pytest.fixture
async def client(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client with the server key pair, on the application in this process."""
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    headers = {"X-App-Id": keys["server"].app_id, "X-App-Token": keys["server"].secret}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        yield http


@pytest.fixture
def worker(db: Database, settings: Settings) -> Worker:
    """Not running: `await worker.run_until_idle()` does what is due."""
    return make_worker(db, settings)


@pytest.fixture
async def other_client(
    db: Database, project: Project, settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another project on the same database."""
    pair = make_key_pair("server")
    await make_other_project(db, pair)
    transport = httpx.ASGITransport(app=make_app(db, settings), raise_app_exceptions=False)
    headers = {"X-App-Id": pair.app_id, "X-App-Token": pair.secret}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        yield http


def make_call(db: Database, project: Project, settings: Settings, *, now: datetime = NOW) -> Call:
    return Call(
        caller=Caller(project=project, key_id=new_id(), kind="server", app_id="test"),
        db=db,
        settings=settings,
        now=now,
        request_id="v-0000000000000000aa",
        channel="API",
        base_url="http://test",
    )


def with_database(url: str, name: str) -> str:
    """The server's URL with another database name."""
    head, _, query = url.partition("?")
    return head.rpartition("/")[0] + "/" + name + ("?" + query if query else "")


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
