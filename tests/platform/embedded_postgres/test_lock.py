import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import DataFolderInUse, DataFolderUnusable
from openvoucher.platform.embedded_postgres.lock import FolderLock

# Takes the lock, forks a child that does nothing, tells both pids, and waits.
HOLDER = """
import os, sys
from pathlib import Path
from openvoucher.platform.embedded_postgres import lock
lock.FolderLock(Path(sys.argv[1])).acquire()
{before_the_fork}
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold() -> Iterator[Callable[..., tuple[int, int]]]:
    """Hold the lock in a process with a forked child; returns the pids of both."""
    holders: list[subprocess.Popen[str]] = []

    def start(place: Path, before_the_fork: str = "") -> tuple[int, int]:
        command = [sys.executable, "-c", HOLDER.format(before_the_fork=before_the_fork), str(place)]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout is not None
        parent, child = map(int, holder.stdout.readline().split())
        return parent, child

    yield start
    for holder in holders:
        # The child ends with its standard input.
        holder.communicate()


def test_the_holder_is_named_until_it_lets_go(place: Path) -> None:
    first, second = FolderLock(place), FolderLock(place)
    first.acquire()
    with pytest.raises(DataFolderInUse) as refused:
        second.acquire()
    assert (refused.value.pid, refused.value.data_dir) == (os.getpid(), place)
    assert (place / "server.lock").read_text().splitlines()[0] == str(os.getpid())
    first.release()
    assert (place / "server.lock").read_text() == ""
    second.acquire()
    second.release()
    second.release()


def test_a_killed_holder_holds_nothing_although_its_forked_child_lives(
    place: Path, hold: Callable[..., tuple[int, int]]
) -> None:
    parent, _ = hold(place)
    with pytest.raises(DataFolderInUse, match=rf"\(process {parent}\)"):
        FolderLock(place).acquire()
    kill_and_wait(parent)
    lock = FolderLock(place)
    deadline = time.monotonic() + 20
    while True:
        try:
            lock.acquire()
            break
        except DataFolderInUse:
            # The child closes its copy of the file when it first runs, which on a busy machine may be now.
            assert time.monotonic() < deadline
            time.sleep(0.01)
    lock.release()


def test_without_closing_the_file_at_the_fork_the_child_would_keep_the_lock(
    place: Path, hold: Callable[..., tuple[int, int]]
) -> None:
    parent, _ = hold(place, "lock._held_descriptors.clear()")
    kill_and_wait(parent)
    with pytest.raises(DataFolderInUse):
        FolderLock(place).acquire()


def test_a_program_that_is_started_does_not_get_the_lock(place: Path) -> None:
    lock = FolderLock(place)
    lock.acquire()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as program:
        lock.release()
        lock.acquire()
        program.communicate()
    lock.release()


def test_a_holder_that_has_not_written_its_pid_is_not_named(place: Path) -> None:
    first = FolderLock(place)
    first.acquire()
    (place / "server.lock").write_text("")
    with pytest.raises(DataFolderInUse, match="Another OpenVoucher server is already running") as refused:
        FolderLock(place).acquire()
    assert refused.value.pid is None
    first.release()


def test_a_symbolic_link_does_not_choose_the_file_that_is_written(place: Path) -> None:
    (place / "precious").write_text("kept")
    (place / "server.lock").symlink_to(place / "precious")
    with pytest.raises(DataFolderUnusable, match="cannot be opened"):
        FolderLock(place).acquire()
    assert (place / "precious").read_text() == "kept"


def test_a_lock_that_root_made_in_somebodys_folder_can_be_taken_by_its_owner(
    place: Path, only_as_root: None
) -> None:
    os.chown(place, 1, 1)
    lock = FolderLock(place)
    lock.acquire()
    lock.release()
    assert (place / "server.lock").stat().st_uid == 1


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
