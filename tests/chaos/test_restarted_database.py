"""The database is stopped or killed in the middle of bulk work, again and again: it goes on by itself.

OPENVOUCHER_TEST_KILLS makes the run longer than the one of every day.
"""

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from builders import a_campaign
from bulk_files import write_bulk_file
from openvoucher.platform.db import Connection, Database, DatabaseUnavailable
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from programs import running, wait_until
from servers import Server, serving
from watched_actions import WatchedAction, calling, load_codes, watching

KILLS = int(os.environ.get("OPENVOUCHER_TEST_KILLS", "2"))
_ROWS = 5_000 * KILLS
_PORTION_ROWS = 200
_ENVIRONMENT = {"OPENVOUCHER_PORTION_ROWS": str(_PORTION_ROWS)}


def restart_database(server: Server, number: signal.Signals, times: int) -> None:
    """Stop it or kill it. Whoever watches over it starts another one: the `times`-th by now."""
    server.postmaster().send_signal(number)
    server.program.wait_for("PostgreSQL answers again", times)


def start_work(server: Server, path: Path) -> list[str]:
    """An import and a generation, each in its own campaign: their actions."""
    with calling(server) as client:
        for name in ("Import", "Generation"):
            assert client.post("/v1/campaigns", json=a_campaign(name=name)).status_code == 200
        with path.open("rb") as stream:
            imported = client.post("/v1/campaigns/Import/importCSV", files={"file": stream})
        generated = client.post(f"/v1/campaigns/Generation/vouchers?vouchers_count={_ROWS}")
    assert (imported.status_code, generated.status_code) == (200, 202)
    return [answer.json()["async_action_id"] for answer in (imported, generated)]


def wait_for_more_rows(*actions: WatchedAction) -> None:
    """Until some portions more are done."""
    rows = sum(action.rows for action in actions)
    enough = rows + 3 * _PORTION_ROWS
    wait_until(lambda: sum(action.rows for action in actions) >= enough, "the work goes on")


def check_is_unharmed(watched: WatchedAction, done: int, failed: int) -> None:
    action = watched.wait_for_end()
    assert (action["status"], action["done_count"], action["failed_count"]) == ("DONE", done, failed)
    watched.check_progress()


@pytest.mark.slow
def test_an_import_and_a_generation_outlive_a_database_that_comes_and_goes(data_dir: Path) -> None:
    file = write_bulk_file(data_dir.parent / "codes.csv", _ROWS, foreign=False)
    worker_command = ["-m", "openvoucher", "worker", "--data-dir", str(data_dir)]
    with serving(data_dir, "--no-worker", **_ENVIRONMENT) as server:
        import_id, generation_id = start_work(server, file.path)
        # A worker that nobody would start again.
        with (
            watching(server, import_id) as imported,
            watching(server, generation_id) as generated,
            running(worker_command, **_ENVIRONMENT) as worker,
        ):
            for times in range(1, KILLS + 1):
                wait_for_more_rows(imported, generated)
                assert not imported.wait(0), "too quick: make the file larger"
                restart_database(server, signal.SIGINT if times % 2 else signal.SIGKILL, times)
            check_is_unharmed(imported, file.done_count, len(file.refused))
            check_is_unharmed(generated, _ROWS, 0)
            assert worker.process.poll() is None, worker.output
            assert re.findall(r"API process \d+ ended", server.program.output) == []
        assert load_codes(server, "Import") == sorted(file.new | file.own)
        codes = load_codes(server, "Generation")
        assert len(codes) == len(set(codes)) == _ROWS
        for name, count in (("Import", len(file.new | file.own)), ("Generation", _ROWS)):
            assert server.get(f"/v1/campaigns/{name}").json()["vouchers_count"] == count


# --- a connection that ends as soon as it is there -------------------------------------------------------


async def end_connection(url: str, connection: Connection) -> None:
    """As a server does that is being stopped."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    other = await asyncpg.connect(url)
    await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
    await other.close()
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_worker_outlives_a_connection_that_ends_before_it_listens(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connection = db.open_connection
    opened = 0

    async def open_and_lose() -> Connection:
        nonlocal opened
        opened += 1
        connection = await open_connection()
        if opened == 1:
            await end_connection(db.url, connection)
        else:
            worker.stop()
        return connection

    monkeypatch.setattr(db, "open_connection", open_and_lose)
    monkeypatch.setattr("openvoucher.platform.jobs.worker._POLL_SECONDS", 0.01)
    worker = Worker(db, [], Settings())
    await asyncio.wait_for(worker.run(), 30)
    assert opened == 2


async def test_a_connection_that_ends_while_it_is_opened_tells_of_a_database_out_of_reach(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = asyncpg.connect

    async def connect_and_lose(*arguments: Any, **options: Any) -> Connection:
        connection: Connection = await connect(*arguments, **options)
        monkeypatch.undo()
        await end_connection(db.url, connection)
        return connection

    monkeypatch.setattr(asyncpg, "connect", connect_and_lose)
    with pytest.raises(DatabaseUnavailable):
        await db.open_connection()
