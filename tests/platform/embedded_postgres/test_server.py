import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from openvoucher.platform.embedded_postgres import (
    DatabaseNotStarted,
    DataFolderInUse,
    DataFromAnotherMajor,
    EmbeddedPostgres,
    PlatformNotSupported,
    StartFailed,
    database_url,
    server,
)
from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.lock import FolderLock
from openvoucher.platform.embedded_postgres.processes import read_postmaster_pid

MakeServer = Callable[..., EmbeddedPostgres]
RunSql = Callable[..., Awaitable[list[Any]]]
StartProcess = Callable[[Path], "subprocess.Popen[str]"]
ProcessesOf = Callable[[Path], list[int]]
AccountOf = Callable[[Path], Account]

MAKE_TABLE = ("drop table if exists kept", "create table kept (n int)")
WRITE_ROW = (*MAKE_TABLE, "insert into kept values (1)")


def postmaster_of(data_dir: Path) -> int:
    pid = read_postmaster_pid(data_dir / "postgres")
    assert pid is not None
    return pid


def switch_off(monkeypatch: pytest.MonkeyPatch, guard: str, result: object = None) -> None:
    monkeypatch.setattr(server, guard, lambda *arguments: result)


def test_the_first_start_makes_a_database(first_start: tuple[Path, list[str]]) -> None:
    data_dir, said = first_start
    assert f"Making a new database in {data_dir / 'postgres'}." in said
    assert re.fullmatch(
        r"PostgreSQL 18\.\d+ of embedded_postgres \(.*\) is ready after \d+\.\d\d s\.", said[-1]
    )
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700


async def test_a_warm_start_keeps_rows(data_dir: Path, make_server: MakeServer, run_sql: RunSql) -> None:
    first = make_server(data_dir)
    url = first.start()
    assert first.poll() is None
    await run_sql(url, *WRITE_ROW, "select")
    first.stop()
    second = make_server(data_dir)
    assert second.start() == second.url == database_url(data_dir) == url
    assert await run_sql(url, "select n from kept") == [1]


async def test_the_database_is_utf_8_in_byte_order_with_checksums_and_openvoucher_owns_it(
    running: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(running.url)
    row = await connection.fetchrow(
        "select current_user, current_database(), pg_encoding_to_char(encoding) encoding, datlocprovider,"
        " current_setting('data_checksums') checksums, 'Z' < 'a' byte_order"
        " from pg_database where datname = current_database()"
    )
    await connection.close()
    assert row is not None
    assert tuple(row) == ("openvoucher", "openvoucher", "UTF8", b"c", "on", True)


async def test_a_killed_postgresql_is_noticed_and_restarted_with_all_committed_rows(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql
) -> None:
    ours = make_server(data_dir)
    url = ours.start()
    await run_sql(url, *WRITE_ROW, "select")
    kill_and_wait(ours, data_dir)
    ours.restart()
    assert ours.poll() is None
    assert await run_sql(url, "select n from kept") == [1]


async def test_without_synchronous_commit_the_killed_postgresql_loses_a_committed_row(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql
) -> None:
    ours = make_server(data_dir)
    url = ours.start()
    await run_sql(url, *MAKE_TABLE, "alter system set wal_writer_delay = '10s'", "select pg_reload_conf()")
    await run_sql(url, "set synchronous_commit = off", "insert into kept values (1)", "select")
    kill_and_wait(ours, data_dir)
    ours.restart()
    assert await run_sql(url, "select n from kept") == []
    await run_sql(url, "alter system reset all", "select")


def kill_and_wait(ours: EmbeddedPostgres, data_dir: Path) -> None:
    postmaster = postmaster_of(data_dir)
    os.kill(postmaster, signal.SIGKILL)
    os.waitid(os.P_PID, postmaster, os.WEXITED | os.WNOWAIT)
    assert ours.poll() == -signal.SIGKILL


async def test_a_backend_that_outlives_its_killed_postmaster_is_ended_before_the_restart(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql, processes_of: ProcessesOf
) -> None:
    ours = make_server(data_dir)
    async with endless_query(ours.start()) as busy:
        kill_and_wait(ours, data_dir)
        assert busy in processes_of(data_dir)
        ours.restart()
        assert busy not in processes_of(data_dir)
    assert await run_sql(ours.url, "select 1") == [1]


async def test_without_that_the_busy_backend_keeps_postgresql_from_starting(
    data_dir: Path,
    make_server: MakeServer,
    processes_of: ProcessesOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = make_server(data_dir)
    async with endless_query(ours.start()) as busy:
        kill_and_wait(ours, data_dir)
        with monkeypatch.context() as patch:
            switch_off(patch, "end_leftover_processes")
            with pytest.raises(StartFailed, match="pre-existing shared memory block"):
                ours.restart()
        assert processes_of(data_dir) == [busy]


@asynccontextmanager
async def endless_query(url: str) -> AsyncIterator[int]:
    """A query that never looks up from its work, until its backend is killed; yields the backend's pid."""
    connection, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
    pid = connection.get_server_pid()
    query = asyncio.create_task(connection.execute("do $$ begin loop end loop; end $$"))
    while await watcher.fetchval("select state from pg_stat_activity where pid = $1", pid) != "active":
        pass
    await watcher.close()
    yield pid
    if psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)
    await asyncio.wait({query})
    assert query.exception() is not None
    connection.terminate()


async def test_a_server_that_was_killed_is_followed_by_a_normal_start(
    data_dir: Path,
    make_server: MakeServer,
    start_process: StartProcess,
    run_sql: RunSql,
    processes_of: ProcessesOf,
) -> None:
    killed = start_process(data_dir)
    await run_sql(database_url(data_dir), *WRITE_ROW, "select")
    orphan = postmaster_of(data_dir)
    killed.kill()
    killed.wait()
    assert orphan in processes_of(data_dir)

    said: list[str] = []
    url = make_server(data_dir, log=said.append).start()
    assert f"The PostgreSQL (process {orphan}) of a server that was killed still runs: stopping it." in said
    assert orphan not in processes_of(data_dir)
    assert psutil.Process(postmaster_of(data_dir)).ppid() == os.getpid()
    assert await run_sql(url, "select n from kept") == [1]


def test_without_looking_for_the_orphan_the_start_fails(
    data_dir: Path,
    make_server: MakeServer,
    start_process: StartProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = start_process(data_dir)
    killed.kill()
    killed.wait()
    with monkeypatch.context() as patch:
        switch_off(patch, "end_leftover_processes")
        with pytest.raises(StartFailed, match="pre-existing shared memory block"):
            make_server(data_dir).start()


@pytest.fixture
def stranger(data_dir: Path, account_of: AccountOf) -> Any:
    """A living process of PostgreSQL's account whose pid stands in the postmaster.pid of a killed server."""
    with subprocess.Popen(
        ["sleep", "60"], cwd="/", process_group=0, **account_of(data_dir).switch()
    ) as process:
        lines = (str(process.pid), str(data_dir / "postgres"), "1700000000", "5432", "", "", "0 0", "ready")
        (data_dir / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        yield process
        process.kill()


async def test_a_stale_pid_file_that_names_a_living_stranger_stops_nobody(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql, stranger: "subprocess.Popen[bytes]"
) -> None:
    url = make_server(data_dir).start()
    assert await run_sql(url, "select 1") == [1]
    assert stranger.poll() is None


def test_without_the_excuse_the_stale_pid_file_stops_postgresql(
    data_dir: Path,
    make_server: MakeServer,
    stranger: "subprocess.Popen[bytes]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch_off(monkeypatch, "_excuse_stale_pid", {})
    with pytest.raises(StartFailed, match=f"Is another postmaster \\(PID {stranger.pid}\\) running"):
        make_server(data_dir).start()


@pytest.mark.parametrize("content", ["", "\0\0\0\0", "\n"])
def test_a_pid_file_torn_by_a_power_failure_is_removed(
    data_dir: Path, make_server: MakeServer, content: str
) -> None:
    (data_dir / "postgres" / "postmaster.pid").write_text(content)
    said: list[str] = []
    make_server(data_dir, log=said.append).start()
    assert said[0] == f"Removing {data_dir / 'postgres' / 'postmaster.pid'}, which names no process."


def test_a_second_server_on_the_same_folder_says_that_the_first_is_running(
    data_dir: Path, make_server: MakeServer, start_process: StartProcess
) -> None:
    first = start_process(data_dir)
    before = postmaster_of(data_dir)
    with pytest.raises(DataFolderInUse) as refused:
        make_server(data_dir).start()
    assert str(refused.value) == (
        f"Another OpenVoucher server (process {first.pid}) is already running on the data folder {data_dir}. "
        "Stop it first, or give this server a data folder of its own with --data-dir."
    )
    assert postmaster_of(data_dir) == before
    assert psutil.pid_exists(before)


def test_without_the_lock_the_second_server_ends_the_first_ones_postgresql(
    data_dir: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_server(data_dir)
    first.start()
    monkeypatch.setattr(FolderLock, "acquire", lambda self: None)
    make_server(data_dir).start()
    assert first.poll() == 0


def test_a_server_that_was_refused_can_start_when_the_first_has_stopped(
    data_dir: Path, make_server: MakeServer
) -> None:
    first, second = make_server(data_dir), make_server(data_dir)
    first.start()
    with pytest.raises(DataFolderInUse):
        second.start()
    second.stop()
    assert first.poll() is None
    first.stop()
    second.start()
    assert second.poll() is None


async def test_stop_leaves_no_process_even_with_a_transaction_open(
    data_dir: Path, make_server: MakeServer, processes_of: ProcessesOf
) -> None:
    ours = make_server(data_dir)
    connection = await asyncpg.connect(ours.start())
    await connection.execute("begin")
    assert len(processes_of(data_dir)) > 1
    ours.stop()
    assert processes_of(data_dir) == []
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.fetchval("select 1")
    connection.terminate()


async def test_stop_without_patience_still_loses_nothing(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql, processes_of: ProcessesOf
) -> None:
    said: list[str] = []
    ours = make_server(data_dir, log=said.append)
    url = ours.start()
    await run_sql(url, *WRITE_ROW, "select")
    # A postmaster that was stopped (SIGSTOP) does not hear SIGINT in time.
    postmaster = postmaster_of(data_dir)
    os.kill(postmaster, signal.SIGSTOP)
    resume = threading.Timer(0.3, os.kill, (postmaster, signal.SIGCONT))
    resume.start()
    ours.stop(timeout_seconds=0.1)
    resume.join()
    assert said[-1] == "PostgreSQL takes long to stop: it is told to drop everything."
    assert processes_of(data_dir) == []
    ours.start()
    assert await run_sql(url, "select n from kept") == [1]


def test_stop_twice_or_before_the_start_does_nothing(data_dir: Path, make_server: MakeServer) -> None:
    ours = make_server(data_dir)
    ours.stop()
    ours.start()
    ours.stop()
    ours.stop()
    ours.start()
    assert ours.poll() is None


def test_a_forked_child_cannot_stop_the_server(data_dir: Path, make_server: MakeServer) -> None:
    ours = make_server(data_dir)
    ours.start()
    ours._started_by = os.getppid()  # what the child of a fork sees
    ours.stop()
    ours._started_by = os.getpid()
    assert ours.poll() is None


def test_a_restart_that_fails_says_why_keeps_the_folder_and_can_be_tried_again(
    data_dir: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = make_server(data_dir)
    ours.start()
    kill_and_wait(ours, data_dir)
    with monkeypatch.context() as patch:
        switch_off(patch, "server_arguments", ["-D", str(data_dir / "nothing")])
        with pytest.raises(StartFailed) as failed:
            ours.restart()
    assert "ended while starting (exit code 2)" in str(failed.value)
    assert f'could not access directory "{data_dir}/nothing": No such file or directory' in str(failed.value)
    with pytest.raises(DataFolderInUse):
        make_server(data_dir).start()
    ours.restart()
    assert ours.poll() is None


def test_a_running_server_is_not_restarted_and_one_never_started_has_no_state(
    data_dir: Path, place: Path, make_server: MakeServer
) -> None:
    ours = make_server(data_dir)
    with pytest.raises(RuntimeError, match="was not started"):
        ours.poll()
    with pytest.raises(RuntimeError, match="was not started"):
        ours.restart()
    ours.start()
    with pytest.raises(RuntimeError, match="is running"):
        ours.restart()
    with pytest.raises(DatabaseNotStarted):
        _ = make_server(place / "other").url


def test_data_of_another_major_version_are_refused_and_left_alone(
    data_dir: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path.name for path in (data_dir / "postgres").iterdir())
    monkeypatch.setattr(server, "read_data_major", lambda database: 11)
    found = r"made by PostgreSQL 11, and only .*18\.\d+ of embedded_postgres"
    with pytest.raises(DataFromAnotherMajor, match=found):
        make_server(data_dir).start()
    assert sorted(path.name for path in (data_dir / "postgres").iterdir()) == before
    lock = FolderLock(data_dir)
    lock.acquire()
    lock.release()


async def test_a_database_that_was_dropped_is_made_again(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql
) -> None:
    ours = make_server(data_dir)
    url = ours.start()
    await run_sql(
        url.replace("/openvoucher?", "/postgres?"), "drop database openvoucher with (force)", "select"
    )
    ours.stop()
    ours.start()
    assert await run_sql(url, "select current_database()") == ["openvoucher"]


def test_windows_is_refused_with_a_way_out(
    place: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(PlatformNotSupported, match="give OpenVoucher the URL of a PostgreSQL"):
        make_server(place / "data").start()
    assert not (place / "data").exists()


def test_a_start_changes_no_permissions_above_the_data_folder(
    data_dir: Path, make_server: MakeServer
) -> None:
    modes = [(folder.stat().st_mode, folder.stat().st_uid) for folder in data_dir.parents]
    make_server(data_dir).start()
    assert [(folder.stat().st_mode, folder.stat().st_uid) for folder in data_dir.parents] == modes


async def test_a_stale_file_that_says_ready_with_the_pid_of_the_new_server_is_not_believed(
    data_dir: Path, make_server: MakeServer, run_sql: RunSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_off(monkeypatch, "_says_ready", True)
    assert await run_sql(make_server(data_dir).start(), "select 1") == [1]


def test_a_server_that_never_opens_its_socket_is_not_waited_for_for_ever(
    data_dir: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch, processes_of: ProcessesOf
) -> None:
    monkeypatch.setattr(server, "SOCKET_NAME", "nothing")
    monkeypatch.setattr(server, "_PATIENCE_WITH_SOCKET_SECONDS", 0.1)
    with pytest.raises(StartFailed, match=r"started, but does not serve us: .*No such file"):
        make_server(data_dir).start()
    assert processes_of(data_dir) == []


def test_a_long_recovery_is_waited_for_and_reported(
    data_dir: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_PROGRESS_EVERY_SECONDS", 0.0)
    said: list[str] = []
    make_server(data_dir, log=said.append).start()
    assert re.fullmatch(r"PostgreSQL is still starting \(0 s\): .*", said[0])
