"""A server of root's: PostgreSQL refuses to be root, so its processes are another account's."""

import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from openvoucher.platform.embedded_postgres import DataFolderUnusable, EmbeddedPostgres, data_folder
from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.processes import read_postmaster_pid

MakeServer = Callable[..., EmbeddedPostgres]
RunSql = Callable[..., Awaitable[list[Any]]]
RunAs = Callable[..., "subprocess.CompletedProcess[str]"]

CONNECT = "asyncio.run(asyncpg.connect(sys.argv[2]))"


def test_another_account_does_not_reach_the_socket(running: EmbeddedPostgres, run_as: RunAs) -> None:
    refused = run_as("daemon", CONNECT, running.url)
    assert "PermissionError: [Errno 13]" in refused.stderr


def test_another_account_that_reaches_the_socket_is_refused_by_postgresql(
    running: EmbeddedPostgres, data_dir: Path, run_as: RunAs
) -> None:
    (data_dir / "run").chmod(0o711)
    (data_dir / "run" / ".s.PGSQL.5432").chmod(0o777)
    refused = run_as("daemon", CONNECT, running.url)
    assert 'Peer authentication failed for user "openvoucher"' in refused.stderr


def test_the_servers_account_gets_in(running: EmbeddedPostgres, run_as: RunAs, nobody: Account) -> None:
    assert run_as("nobody", CONNECT, running.url).returncode == 0


def test_postgresql_runs_as_nobody_without_roots_groups(
    running: EmbeddedPostgres, data_dir: Path, nobody: Account
) -> None:
    postmaster = psutil.Process(find_postmaster(data_dir))
    assert postmaster.uids() == (nobody.uid,) * 3
    assert postmaster.gids() == (nobody.gid,) * 3
    status = Path(f"/proc/{postmaster.pid}/status").read_text().splitlines()
    assert [line.split() for line in status if line.startswith("Groups:")] == [["Groups:"]]


async def test_data_of_another_account_are_served_by_that_account(
    data_dir: Path,
    place: Path,
    make_server: MakeServer,
    run_sql: RunSql,
    nobody: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where a copy of the programs would go that the account may not read.
    monkeypatch.setattr(data_folder, "ROOT_DATA_DIR", place)
    (data_dir / "postgres.log").unlink()
    subprocess.run(["chown", "-R", "daemon", data_dir], check=True)
    ours = make_server(data_dir)
    try:
        url = ours.start()
        assert psutil.Process(find_postmaster(data_dir)).username() == "daemon"
        assert await run_sql(url, "select 1") == [1]
        assert {path.owner() for path in data_dir.iterdir()} == {"daemon"}
    finally:
        ours.stop()
        subprocess.run(["chown", "-R", "nobody", data_dir], check=True)
        os.chown(data_dir, 0, 0)


def test_a_closed_parent_is_named_and_no_permissions_are_changed(
    place: Path, make_server: MakeServer, nobody: Account
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    modes = [folder.stat().st_mode for folder in (closed, *closed.parents)]
    with pytest.raises(DataFolderUnusable) as refused:
        make_server(closed / "data").start()
    assert f"runs as 'nobody', which may not enter {closed} (mode 0700)" in str(refused.value)
    assert [folder.stat().st_mode for folder in (closed, *closed.parents)] == modes


def find_postmaster(data_dir: Path) -> int:
    pid = read_postmaster_pid(data_dir / "postgres")
    assert pid is not None
    return pid
