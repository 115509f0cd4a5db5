"""PostgreSQL processes that a killed server left behind, found by the folder that they work in."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from openvoucher.platform.embedded_postgres.account import Account

PATIENCE_SECONDS = 180.0
POSTMASTER_PID_FILE = "postmaster.pid"


def read_postmaster_pid(database: Path) -> int | None:
    """The pid in the database folder's postmaster.pid; None without a file or when it holds no pid."""
    try:
        first_line = (database / POSTMASTER_PID_FILE).read_text(errors="replace").partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    # A server in single-user mode writes its pid with a minus.
    return abs(int(first_line)) if first_line.removeprefix("-").isdigit() else None


def list_postgres_processes(database: Path, account: Account) -> list[int]:
    """The pids of the living PostgreSQL processes (postmaster and children) of this database folder.

    Every PostgreSQL process has its data folder as working directory, however it was started and whatever its
    title says, so neither a pid that was given to another program meanwhile nor another PostgreSQL is
    mistaken for ours. Zombies have no working directory and are not listed.
    """
    if Path("/proc/self").exists():
        return _list_by_proc(database, account)
    return _list_by_lsof(database)


def end_leftover_processes(database: Path, account: Account, log: Callable[[str], None]) -> None:
    """End what a killed server left running on the database folder. Call it only while holding the lock.

    A postmaster that still runs is stopped as in any orderly stop; it gets minutes before it is told to drop
    everything. Backends that outlived a killed postmaster hold its shared memory, which would keep the next
    one from starting; with their postmaster dead there is nothing left that they could finish properly.
    """
    if not (database / POSTMASTER_PID_FILE).exists():
        return
    running = list_postgres_processes(database, account)
    postmaster = read_postmaster_pid(database)
    if postmaster in running:
        log(f"The PostgreSQL (process {postmaster}) of a server that was killed still runs: stopping it.")
        _send(postmaster, signal.SIGINT)
        running = _wait_until_gone(database, account, PATIENCE_SECONDS, only=postmaster)
        if postmaster in running:
            log("It did not stop in time: ending it the hard way; the next start replays its log.")
    for signal_number, patience_seconds in ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        for pid in running:
            _send(pid, signal_number)
        if running:
            running = _wait_until_gone(database, account, patience_seconds)


def _wait_until_gone(
    database: Path, account: Account, patience_seconds: float, *, only: int | None = None
) -> list[int]:
    deadline = time.monotonic() + patience_seconds
    while True:
        running = list_postgres_processes(database, account)
        gone = only not in running if only is not None else not running
        if gone or time.monotonic() > deadline:
            return running
        time.sleep(0.02)


def _send(pid: int | None, signal_number: signal.Signals) -> None:
    if pid is not None:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            return


def _list_by_proc(database: Path, account: Account) -> list[int]:
    folder = database.stat()
    found: list[int] = []
    unreadable: list[int] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if Path(entry.path, "comm").read_text(errors="replace").strip() != "postgres":
                continue
            working_directory = os.stat(f"{entry.path}/cwd")
        except PermissionError:
            unreadable.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        else:
            if os.path.samestat(working_directory, folder):
                found.append(int(entry.name))
    if unreadable and account.is_another:
        found += _list_as_account(unreadable, database, account)
    return sorted(found)


def _list_as_account(pids: list[int], database: Path, account: Account) -> list[int]:
    """Ask as the account itself: root in a container is usually denied a look at other users' processes."""
    script = 'for pid do echo "$pid $(readlink "/proc/$pid/cwd")"; done'
    lines = account.run(["/bin/sh", "-c", script, "sh", *map(str, pids)]).stdout.splitlines()
    pairs = [line.partition(" ") for line in lines]
    return [int(pid) for pid, _, folder in pairs if folder == str(database.resolve())]


def _list_by_lsof(database: Path) -> list[int]:
    """For macOS, which has no /proc.

    Output of `-Fpn`: a line p<pid>, then for its working directory n<path>.
    """
    command = shutil.which("lsof") or "/usr/sbin/lsof"
    try:
        listed = subprocess.run(
            [command, "-w", "-a", "-d", "cwd", "-c", "postgres", "-Fpn"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        # PostgreSQL's own check of its shared memory then still keeps two servers apart.
        return []
    found: list[int] = []
    pid = 0
    for line in listed.stdout.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line == f"n{database.resolve()}":
            found.append(pid)
    return sorted(found)
