import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.embedded_postgres import processes as module
from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.processes import (
    end_leftover_processes,
    list_postgres_processes,
    read_postmaster_pid,
)

AccountOf = Callable[[Path], Account]


@pytest.mark.parametrize(
    ("content", "pid"), [("123\n/data\n", 123), ("-45\n", 45), ("", None), ("\n1\n", None), ("abc", None)]
)
def test_the_pid_is_read_from_the_first_line(place: Path, content: str, pid: int | None) -> None:
    (place / "postmaster.pid").write_text(content)
    assert read_postmaster_pid(place) == pid


def test_without_a_file_there_is_no_pid(place: Path) -> None:
    assert read_postmaster_pid(place) is None


def expected(postmaster: int) -> list[int]:
    return sorted([postmaster, *(child.pid for child in psutil.Process(postmaster).children())])


def test_the_postmaster_and_its_children_are_found_and_nothing_else(
    running: EmbeddedPostgres, data_dir: Path, account_of: AccountOf, place: Path
) -> None:
    account = account_of(data_dir)
    postmaster = read_postmaster_pid(data_dir / "postgres")
    assert postmaster is not None
    # Something that works in the folder and is no PostgreSQL, and a PostgreSQL that works elsewhere.
    with subprocess.Popen(["cat"], cwd=data_dir / "postgres", stdin=subprocess.PIPE) as visitor:
        assert list_postgres_processes(data_dir / "postgres", account) == expected(postmaster)
        assert len(expected(postmaster)) > 1
        assert list_postgres_processes(place, account) == []
        visitor.communicate()


def test_root_that_may_not_look_at_others_asks_as_the_account(
    running: EmbeddedPostgres, data_dir: Path, nobody: Account, place: Path
) -> None:
    postmaster = read_postmaster_pid(data_dir / "postgres")
    assert postmaster is not None
    pids = [*expected(postmaster), os.getpid()]
    assert module._list_as_account(pids, data_dir / "postgres", nobody) == expected(postmaster)
    assert module._list_as_account(pids, place, nobody) == []


@pytest.mark.skipif(shutil.which("lsof") is None, reason="lsof is not installed")
def test_where_there_is_no_proc_lsof_finds_the_same(running: EmbeddedPostgres, data_dir: Path) -> None:
    postmaster = read_postmaster_pid(data_dir / "postgres")
    assert postmaster is not None
    assert module._list_by_lsof(data_dir / "postgres") == expected(postmaster)


def test_nothing_is_signalled_when_the_pid_is_a_strangers(data_dir: Path, account_of: AccountOf) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        said: list[str] = []
        end_leftover_processes(data_dir / "postgres", account_of(data_dir), said.append)
        assert stranger.poll() is None
        stranger.communicate()
    assert said == []
    (data_dir / "postgres" / "postmaster.pid").unlink()


def test_a_postmaster_that_does_not_stop_in_time_is_ended_the_hard_way(
    running: EmbeddedPostgres, data_dir: Path, account_of: AccountOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    postmaster = read_postmaster_pid(data_dir / "postgres")
    assert postmaster is not None
    os.kill(postmaster, signal.SIGSTOP)
    resume = threading.Timer(0.3, os.kill, (postmaster, signal.SIGCONT))
    resume.start()
    said: list[str] = []
    end_leftover_processes(data_dir / "postgres", account_of(data_dir), said.append)
    resume.join()
    assert said[-1] == "It did not stop in time: ending it the hard way; the next start replays its log."
    assert list_postgres_processes(data_dir / "postgres", account_of(data_dir)) == []
