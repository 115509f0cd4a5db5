"""`openvoucher serve` as a user runs it: real processes, real signals, the embedded PostgreSQL."""

import asyncio
import re
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from openvoucher.platform.db import migrations
from programs import PATIENCE_SECONDS, make_environment, run_openvoucher, running, wait_until
from servers import Server, read_curl, serving

OWN_KEYS = {
    "OPENVOUCHER_APP_ID": "own-app",
    "OPENVOUCHER_APP_TOKEN": "own-app-secret",
    "OPENVOUCHER_CLIENT_ID": "own-client",
    "OPENVOUCHER_CLIENT_TOKEN": "own-client-secret",
    "OPENVOUCHER_MANAGEMENT_ID": "own-management",
    "OPENVOUCHER_MANAGEMENT_TOKEN": "own-management-secret",
}


def test_the_first_start_prints_keys_that_work_and_keeps_them_for_the_owner_alone(data_dir: Path) -> None:
    with serving(data_dir) as server:
        address, headers = read_curl(server.program.wait_for(r"^ +(curl .*)")[1])
        assert httpx.get(address, headers=headers).status_code == 200
        assert server.get("/v1/async-actions").json()["async_actions"] == []
        assert httpx.get(f"{server.address}/v1/async-actions").status_code == 401
        assert httpx.get(f"{server.address}/readyz").json() == {"status": "ready"}

        kept = data_dir / "keys.env"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert list(server.keys) == list(OWN_KEYS)
        assert headers["X-App-Token"] == server.keys["OPENVOUCHER_APP_TOKEN"]
        for value in server.keys.values():
            assert value in server.program.output

        server.program.send(signal.SIGTERM)
        assert server.program.wait() == 0
        assert server.program.lines[-1].endswith("stopped")
        assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.slow
def test_the_second_start_says_where_the_keys_are_and_does_not_print_them(
    data_dir: Path, database_url: str
) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as first:
        keys = first.keys
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as second:
        assert second.answers(keys)
        second.program.wait_for(f"keys made at the first start are in {data_dir}/keys.env")
        assert not [value for value in keys.values() if value in second.program.output]
        assert second.keys == keys


@pytest.mark.slow
def test_keys_can_be_given_by_environment_and_are_not_repeated(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url, **OWN_KEYS) as server:
        assert server.answers(OWN_KEYS)
        assert not (data_dir / "keys.env").exists()
        assert "secret" not in server.program.output
        for child in (*server.children("API process"), *server.children("bulk worker")):
            assert "secret" not in " ".join([*child.cmdline(), *child.environ().values()])


@pytest.mark.slow
def test_keys_given_later_are_added_to_those_of_the_first_start(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as first:
        keys = first.keys
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url, **OWN_KEYS) as second:
        assert second.answers(OWN_KEYS)
        assert second.answers(keys)


@pytest.mark.slow
def test_a_second_server_on_the_data_folder_says_that_the_first_is_running(data_dir: Path) -> None:
    with serving(data_dir) as first:
        refused = run_openvoucher("serve", "--data-dir", str(data_dir), "--port", "0")
        assert refused.returncode == 1
        assert refused.stdout == ""
        assert refused.stderr == (
            f"openvoucher: Another OpenVoucher server (process {first.program.pid}) is already running on "
            f"the data folder {data_dir}. Stop it first, or give this server a data folder of its own with "
            "--data-dir.\n"
        )
        assert first.answers()


@pytest.mark.slow
def test_a_taken_port_is_explained_and_no_keys_are_made(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = run_openvoucher("serve", "--data-dir", str(data_dir), "--port", port)
    assert refused.returncode == 1
    assert f"openvoucher: Port {port} on 127.0.0.1 is taken by another program" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (data_dir / "keys.env").exists()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.slow
def test_a_database_that_may_forget_is_taken_only_when_it_is_allowed_by_name(
    data_dir: Path, postgres: str
) -> None:
    async def make_database() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute("create database forgetful")
        await connection.execute("alter database forgetful set synchronous_commit = off")
        await connection.close()

    asyncio.run(make_database())
    url = postgres.replace("/openvoucher?", "/forgetful?")
    refused = run_openvoucher(
        "serve", "--data-dir", str(data_dir), "--port", "0", OPENVOUCHER_DATABASE_URL=url
    )
    assert refused.returncode == 1
    assert "openvoucher: The database has synchronous_commit off" in refused.stderr
    assert "OPENVOUCHER_ALLOW_UNSAFE_DATABASE" in refused.stderr
    assert not data_dir.exists()

    with serving(data_dir, OPENVOUCHER_DATABASE_URL=url, OPENVOUCHER_ALLOW_UNSAFE_DATABASE="true") as server:
        assert server.answers()
        assert not (data_dir / "postgres").exists()
    with serving(data_dir, "--database-url", url, "--allow-unsafe-database") as server:
        assert server.answers()


WAITING_REQUESTS = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'openvoucher api' and wait_event_type = 'Lock'
"""


@asynccontextmanager
async def request_in_hand(
    server: Server,
) -> AsyncIterator[tuple["asyncio.Task[httpx.Response]", Callable[[], Any]]]:
    """A request that has reached the database and waits there, and the function that lets it go on."""
    connection = await asyncpg.connect(server.database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("lock table async_action in access exclusive mode")
    request = asyncio.create_task(asyncio.to_thread(server.get, "/v1/async-actions"))
    # A request of this server only: other tests share the PostgreSQL, and a worker may wait, too.
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await connection.fetchval(WAITING_REQUESTS):
            await asyncio.sleep(0.02)
            # Within a transaction the view would show for ever what it showed first.
            await connection.execute("select pg_stat_clear_snapshot()")
    try:
        yield request, transaction.rollback
    finally:
        connection.terminate()


@pytest.mark.slow
async def test_a_request_in_hand_is_finished_before_the_server_stops(
    data_dir: Path, database_url: str
) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        async with request_in_hand(server) as (request, let_go):
            server.program.send(signal.SIGTERM)
            await asyncio.to_thread(wait_until, lambda: refuses(server), "no more connections are taken")
            assert not request.done()
            await let_go()
            assert (await request).status_code == 200
        assert await asyncio.to_thread(server.program.wait) == 0


@pytest.mark.slow
async def test_a_request_in_hand_of_a_killed_process_is_lost(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        async with request_in_hand(server) as (request, _):
            (child,) = server.children("API process")
            child.kill()
            with pytest.raises(httpx.TransportError):
                await request


@pytest.mark.slow
async def test_a_second_ctrl_c_does_not_wait_for_the_request_in_hand(
    data_dir: Path, database_url: str
) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        async with request_in_hand(server) as (request, _):
            server.program.send(signal.SIGINT)
            server.program.wait_for("stopping")
            server.program.send(signal.SIGINT)
            with pytest.raises(httpx.TransportError):
                await request
            assert await asyncio.to_thread(server.program.wait) == 0


def refuses(server: Server) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(server.port))) != 0


@pytest.mark.slow
def test_a_killed_server_takes_its_children_along_and_starts_again_on_the_same_port(data_dir: Path) -> None:
    with serving(data_dir, "--workers", "2") as first:
        keys, port = first.keys, first.port
        children = first.children("API process") + first.children("bulk worker")
        assert len(children) == 3
        first.program.process.kill()
        # At once, while the children of the first may still be ending and its PostgreSQL runs.
        with serving(data_dir, "--port", port) as second:
            assert second.answers(keys)
            second.program.wait_for("of a server that was killed still runs: stopping it")
            psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
            assert [child.pid for child in children if child.is_running()] == []


@pytest.mark.slow
def test_a_killed_api_process_is_replaced(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        (child,) = server.children("API process")
        child.kill()
        server.program.wait_for(r"API process \d+ started", 2)
        # The listening socket never went away: this waits for the new process instead of being refused.
        assert server.get("/v1/async-actions").status_code == 200


@pytest.mark.slow
def test_a_killed_worker_is_replaced(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        (child,) = server.children("bulk worker")
        child.kill()
        server.program.wait_for(r"bulk worker \d+ started", 2)
        assert server.answers()


@pytest.mark.slow
def test_a_killed_database_is_started_again_under_the_running_server(data_dir: Path) -> None:
    with serving(data_dir) as server:
        api_processes = server.children("API process")
        before = server.postmaster()
        before.kill()
        server.program.wait_for("PostgreSQL ended .killed by SIGKILL.; starting it again")
        server.program.wait_for("PostgreSQL answers again")
        wait_until(server.answers, "an answer from the new database")
        assert server.postmaster().pid != before.pid
        assert [child.pid for child in server.children("API process")] == [
            child.pid for child in api_processes
        ]


@pytest.mark.slow
async def test_a_stop_signal_while_another_process_migrates_stops_the_start(
    data_dir: Path, database_url: str
) -> None:
    with serving(data_dir, OPENVOUCHER_DATABASE_URL=database_url) as server:
        connection = await asyncpg.connect(database_url)
        # What a process that migrates holds.
        await connection.execute("select pg_advisory_lock($1)", migrations._ADVISORY_LOCK)
        with running(
            ["-m", "openvoucher", "serve", "--data-dir", str(data_dir.with_name("other"))],
            OPENVOUCHER_DATABASE_URL=database_url,
        ) as waiting:
            waiting.wait_for("using the database")
            waiting.send(signal.SIGTERM)
            assert await asyncio.to_thread(waiting.wait) == 0
            assert "stopped in the middle of a start" in waiting.output
            assert "ready" not in waiting.output
        await connection.close()
        assert server.answers()


@pytest.mark.slow
def test_bulk_work_can_be_left_to_other_processes(data_dir: Path) -> None:
    with serving(data_dir, "--no-worker", "--workers", "2") as server:
        server.program.wait_for(r"API process \d+ started", 2)
        assert server.answers()
        assert server.children("bulk worker") == []
        with running(["-m", "openvoucher", "worker", "--data-dir", str(data_dir)]) as worker:
            worker.wait_for(f"using the database {data_dir}/run/openvoucher")
            worker.wait_for("ready for bulk work")
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0
            assert "stopped" in worker.lines[-1]


@pytest.mark.slow
def test_logs_can_be_one_object_a_line(data_dir: Path, database_url: str) -> None:
    with serving(data_dir, "--log-format", "json", OPENVOUCHER_DATABASE_URL=database_url) as server:
        server.get("/v1/async-actions")
        line = server.program.wait_for(r"^\{.*GET /v1/async-actions 200.*\}$")[0]
        assert re.search(r'"request_id":"v-[0-9a-f]+"', line)
        server.program.wait_for(r'^\{.*"message":"API process \d+ started".*\}$')


@pytest.mark.slow
def test_a_server_whose_api_processes_cannot_start_says_so_and_ends(
    data_dir: Path, database_url: str, tmp_path: Path
) -> None:
    # A module that breaks the application, but not the command line.
    broken = tmp_path / "falcon.py"
    broken.write_text("raise ImportError('broken on purpose')\n", "utf-8")
    path = f"{tmp_path}:{make_environment()['PYTHONPATH']}"
    with running(
        ["-m", "openvoucher", "serve", "--data-dir", str(data_dir), "--port", "0"],
        PYTHONPATH=path,
        OPENVOUCHER_DATABASE_URL=database_url,
    ) as program:
        assert program.wait() == 1
        assert "ImportError: broken on purpose" in program.output
        assert program.lines[-1].startswith("openvoucher: Each API process ends right after its start")
