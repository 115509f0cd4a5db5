import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from openvoucher.cli import main
from openvoucher.cli.migrate import write_checksums
from openvoucher.platform.db import migrations
from openvoucher.platform.db.migrations import find_drift, load_migrations
from programs import PATIENCE_SECONDS, make_environment, run_openvoucher
from servers import serving

NAMES = [migration.name for migration in load_migrations()]


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """URL of an empty database."""
    name = f"empty_{os.urandom(4).hex()}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name}")
    yield postgres.replace("/openvoucher?", f"/{name}?")
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations with their checksums."""
    for name in NAMES:
        shutil.copy(str(files("openvoucher") / "migrations" / name), tmp_path)
    write_checksums(tmp_path)
    return tmp_path


def migrate_at_once(*arguments: str, times: int) -> list["subprocess.CompletedProcess[str]"]:
    command = [sys.executable, "-m", "openvoucher", "migrate", *arguments]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=make_environment())
        for _ in range(times)
    ]
    done = []
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        done.append(subprocess.CompletedProcess(command, process.returncode, out, err))
    return done


def count_applied(done: list["subprocess.CompletedProcess[str]"]) -> Counter[str]:
    lines = [line for one in done for line in one.stdout.splitlines()]
    return Counter(line.removeprefix("applied ") for line in lines if line.startswith("applied "))


# --- the files -------------------------------------------------------------------------------------


def test_the_migrations_of_this_tree_are_those_that_were_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_difference_is_printed_and_ends_with_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / NAMES[0]).write_text("select 1;", "utf-8")
    monkeypatch.setattr(migrations, "_folder", lambda: folder)
    assert main(["migrate", "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{NAMES[0]} was changed after its release: write a new migration instead"
    ]
    (folder / "checksums.txt").unlink()
    assert main(["migrate", "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == ["checksums.txt is missing"]


def test_writing_the_checksums_says_what_changed(folder: Path) -> None:
    assert find_drift(folder) == []
    assert write_checksums(folder) == []
    new = f"{len(NAMES) + 1:04}_more.sql"
    (folder / new).write_text("select 1;", "utf-8")
    (folder / NAMES[0]).write_text("select 1;", "utf-8")
    assert write_checksums(folder) == [f"changed {NAMES[0]}", f"added {new}"]
    assert find_drift(folder) == []
    (folder / new).unlink()
    assert write_checksums(folder) == [f"removed {new}"]


def test_the_checksums_are_those_that_sha256sum_checks(folder: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    checked = subprocess.run(["sha256sum", "-c", "checksums.txt"], cwd=folder, capture_output=True, text=True)
    assert checked.stdout.splitlines() == [f"{name}: OK" for name in NAMES]


# --- the database ----------------------------------------------------------------------------------


def test_what_was_applied_is_listed_once(empty_url: str) -> None:
    first = run_openvoucher("migrate", OPENVOUCHER_DATABASE_URL=empty_url)
    assert (first.returncode, first.stdout.splitlines()) == (0, [f"applied {name}" for name in NAMES])
    second = run_openvoucher("migrate", "--database-url", empty_url)
    assert (second.returncode, second.stdout) == (0, "The database is up to date.\n")


@pytest.mark.slow
def test_ten_migrating_processes_at_once_apply_each_migration_once(empty_url: str) -> None:
    done = migrate_at_once("--database-url", empty_url, times=10)
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 10
    assert count_applied(done) == Counter(NAMES)


@pytest.mark.parametrize("guarded", [True, False])
async def test_it_is_the_lock_that_keeps_migrating_processes_apart(
    empty_url: str, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:

        async def do_not_lock(_connection: object) -> None:
            return None

        monkeypatch.setattr(migrations, "_lock", do_not_lock)
    connections = [await asyncpg.connect(empty_url) for _ in range(5)]
    outcomes = await asyncio.gather(
        *(migrations.apply_migrations(connection) for connection in connections), return_exceptions=True
    )
    for connection in connections:
        await connection.close()
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert bool(failed) is not guarded
    if guarded:
        assert sorted(map(str, outcomes)) == sorted(map(str, [NAMES, [], [], [], []]))


@pytest.mark.slow
def test_without_a_server_the_embedded_database_runs_for_as_long_as_it_takes(data_dir: Path) -> None:
    done = migrate_at_once("--data-dir", str(data_dir), times=4)
    assert [one.returncode for one in done] == [0, 0, 0, 0], [one.stderr for one in done]
    assert count_applied(done) == Counter(NAMES)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.slow
def test_the_database_of_a_running_server_is_used_and_left_running(data_dir: Path) -> None:
    with serving(data_dir) as server:
        done = run_openvoucher("migrate", "--data-dir", str(data_dir))
        assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
        assert server.answers()


def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    async def add_migration() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("insert into schema_migration values (9999, '9999_future.sql', '')")
        await connection.close()

    asyncio.run(add_migration())
    done = run_openvoucher("migrate", "--database-url", database_url)
    assert done.returncode == 1
    assert done.stderr == (
        "openvoucher: The database has migration 9999_future.sql, which this version does not know: start a "
        "version at least as new as the one that wrote it.\n"
    )


def test_a_database_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://ann:geheim@127.0.0.1:1/promo"
    done = run_openvoucher("migrate", "--data-dir", str(tmp_path), OPENVOUCHER_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("openvoucher: The database 127.0.0.1:1/promo cannot be reached: ")
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr
