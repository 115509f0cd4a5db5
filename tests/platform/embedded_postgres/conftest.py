"""Data folders and servers for the tests of the embedded PostgreSQL: real programs, real processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from memory_folder import find_memory_folder
from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.embedded_postgres.account import Account, choose_account
from openvoucher.platform.embedded_postgres.data_folder import DataFolder
from openvoucher.platform.embedded_postgres.processes import list_postgres_processes

# A server in a process of its own, which says its URL and then waits to be killed.
SERVER_PROCESS = """
import sys
from pathlib import Path
from openvoucher.platform.embedded_postgres import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
sys.stdin.read()
"""


# Root becomes somebody else after the imports: that account may not be able to read the Python that runs us.
BECOME = """
import asyncio, os, pwd, sys
from pathlib import Path
import asyncpg
from openvoucher.platform.embedded_postgres import *
account = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(account.pw_gid); os.setuid(account.pw_uid)
"""


@pytest.fixture(scope="session")
def reachable() -> Iterator[Path]:
    """A folder that every account may pass through (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="ov-pg-", dir=find_memory_folder()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(reachable: Path) -> Iterator[Path]:
    """An empty folder for one test, which every account may pass through."""
    folder = Path(tempfile.mkdtemp(dir=reachable))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def first_start(reachable: Path) -> tuple[Path, list[str]]:
    """A data folder on which a server was started for the first time, and stopped, and what it said."""
    folder, said = reachable / "first", list[str]()
    server = EmbeddedPostgres(folder, log=said.append)
    server.start()
    server.stop()
    return folder, said


@pytest.fixture
def data_dir(first_start: tuple[Path, list[str]]) -> Iterator[Path]:
    """A data folder with a database, in which no server runs: the same one again and again, as it was left.

    Making or copying one takes longer than a test.
    """
    folder, _ = first_start
    yield folder
    account = choose_account(folder, folder / "postgres")
    for pid in list_postgres_processes(folder / "postgres", account):
        os.kill(pid, signal.SIGKILL)
    while list_postgres_processes(folder / "postgres", account):
        pass


@pytest.fixture
def move_data(data_dir: Path, place: Path) -> Iterator[Callable[[Path], Path]]:
    """Move the data folder to another place; it is moved back after the test."""
    places = [data_dir]

    def move(place: Path) -> Path:
        places.append(places[-1].rename(place))
        return place

    yield move
    places[-1].rename(data_dir)
    elsewhere = data_dir / "run"
    if elsewhere.is_symlink():
        elsewhere.readlink().rmdir()


@pytest.fixture
def running(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_server() -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Servers that are stopped after the test."""
    made: list[EmbeddedPostgres] = []

    def make(data_dir: Path, **options: Any) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(data_dir, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def start_process() -> Iterator[Callable[[Path], "subprocess.Popen[str]"]]:
    """Start a server in a process of its own and return when it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(data_dir: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", SERVER_PROCESS, str(data_dir)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run_sql() -> Callable[..., Awaitable[list[Any]]]:
    """Run statements in one session, one after the other; the first column of the last one's rows."""

    async def run(url: str, *statements: str) -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return [row[0] for row in await connection.fetch(statements[-1]) if row]
        finally:
            await connection.close()

    return run


@pytest.fixture
def only_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give processes and folders to other accounts")


@pytest.fixture
def run_as(only_as_root: None) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run Python code as an account: `sys.argv[2:]` are the arguments, keywords are variables."""

    def run(
        account: str, code: str, *arguments: str | Path, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", BECOME + code, account, *map(str, arguments)]
        search_path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
        environment = {**os.environ, **variables, "PYTHONPATH": search_path}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)

    return run


@pytest.fixture
def nobody(only_as_root: None, place: Path) -> Account:
    return choose_account(place, place / "postgres")


@pytest.fixture
def account_of() -> Callable[[Path], Account]:
    """The account that PostgreSQL runs as for a data folder."""
    return lambda data_dir: choose_account(data_dir, data_dir / "postgres")


@pytest.fixture
def processes_of(account_of: Callable[[Path], Account]) -> Callable[[Path], list[int]]:
    """The PostgreSQL processes of a data folder."""
    return lambda data_dir: list_postgres_processes(DataFolder.at(data_dir).database, account_of(data_dir))
