import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest

from programs import run_openvoucher, running


def test_without_a_server_a_worker_says_what_to_start(tmp_path: Path) -> None:
    done = run_openvoucher("worker", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "openvoucher: No server has been started on the data folder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_worker_does_not_migrate(postgres: str) -> None:
    async def make_database() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute("create database not_migrated")
        await connection.close()

    asyncio.run(make_database())
    url = postgres.replace("/openvoucher?", "/not_migrated?")
    done = run_openvoucher("worker", OPENVOUCHER_DATABASE_URL=url)
    assert done.returncode == 1
    assert "openvoucher: The database lacks the migrations 0001_projects_and_access.sql" in done.stderr
    assert "run `openvoucher migrate`" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_when_it_is_told_to(database_url: str, number: signal.Signals) -> None:
    with running(["-m", "openvoucher", "worker"], OPENVOUCHER_DATABASE_URL=database_url) as worker:
        worker.wait_for("ready for bulk work")
        worker.send(number)
        assert worker.wait() == 0
        assert worker.lines[-1].endswith("stopped")
