"""PostgreSQL as a direct child of the server process: started, watched and stopped."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from openvoucher.platform.embedded_postgres import connection
from openvoucher.platform.embedded_postgres.account import Account, child_environment, choose_account
from openvoucher.platform.embedded_postgres.binaries import Binaries, choose_binaries, read_data_major
from openvoucher.platform.embedded_postgres.configuration import server_arguments, write_configuration
from openvoucher.platform.embedded_postgres.data_folder import (
    ROLE,
    DataFolder,
    check_database_owner,
    check_passage,
    initialise_database,
    make_data_dir,
)
from openvoucher.platform.embedded_postgres.errors import PlatformNotSupported, StartFailed
from openvoucher.platform.embedded_postgres.lock import FolderLock
from openvoucher.platform.embedded_postgres.log_file import limit_log, open_log, read_log_since
from openvoucher.platform.embedded_postgres.processes import (
    PATIENCE_SECONDS,
    POSTMASTER_PID_FILE,
    end_leftover_processes,
    read_postmaster_pid,
)
from openvoucher.platform.embedded_postgres.socket_folder import (
    DATABASE,
    SOCKET_NAME,
    find_socket_folder,
    prepare_socket_folder,
    socket_url,
)

_PROGRESS_EVERY_SECONDS = 5.0
_PATIENCE_WITH_SOCKET_SECONDS = 60.0
_STATUS_LINE = 7


class EmbeddedPostgres:
    """The PostgreSQL server of one data folder.

    Whoever holds the folder's lock runs `postgres` as its own child; everybody else (workers, the command
    line) only connects. Not for several threads at once. A forked child that inherits the object cannot stop
    the server with it.
    """

    def __init__(
        self, data_dir: Path, *, bin_dir: Path | None = None, log: Callable[[str], None] | None = None
    ) -> None:
        """`bin_dir`: a folder with initdb and postgres, instead of the installed ones.

        `log` gets lines for people.
        """
        self._data = DataFolder.at(data_dir)
        self._bin_dir = bin_dir
        self._log = log or logging.getLogger(__name__).info
        self._lock = FolderLock(self._data.path)
        self._account: Account | None = None
        self._binaries: Binaries | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._started_by = 0

    @property
    def url(self) -> str:
        """The URL of the database over its unix socket.

        Raises DatabaseNotStarted before the first start ever.
        """
        return socket_url(find_socket_folder(self._data))

    def start(self) -> str:
        """Take the folder's lock, start PostgreSQL, on a new database if there is none, and return its URL.

        There is no time limit: after a crash PostgreSQL replays its log first, however long that takes, and
        `log` hears about it. Raises DataFolderInUse when another server runs on the folder, and the other
        errors of this package, each saying what to do; nothing of ours runs or is locked then.
        """
        if sys.platform == "win32":
            raise PlatformNotSupported(
                "The embedded PostgreSQL runs on Linux and macOS. On Windows, give OpenVoucher the URL of a "
                "PostgreSQL server, or run it in WSL or a container."
            )
        make_data_dir(self._data.path)
        self._lock.acquire()
        self._started_by = os.getpid()
        try:
            self._account = choose_account(self._data.path, self._data.database)
            check_database_owner(self._data, self._account)
            check_passage(self._data, self._account)
            if self._data.is_initialised():
                end_leftover_processes(self._data.database, self._account, self._log)
            self._binaries = choose_binaries(
                account=self._account,
                data_major=read_data_major(self._data.database) if self._data.is_initialised() else None,
                bin_dir=self._bin_dir,
                copies=self._data.binaries,
                log=self._log,
            )
            initialise_database(self._data, self._account, self._binaries, self._log)
            self._spawn_and_wait(self._account, self._binaries)
        except BaseException:
            self.stop()
            raise
        return self.url

    def poll(self) -> int | None:
        """None while PostgreSQL runs; its exit code (minus the signal's number) once it has died.

        Call it regularly: it also keeps the log file from growing without end. Raises RuntimeError before
        start().
        """
        child, _, _ = self._require_started()
        # A full disk or a log file that somebody removed must not end the supervision.
        with contextlib.suppress(OSError):
            limit_log(self._data.log)
        return child.poll()

    def restart(self) -> None:
        """Start PostgreSQL again after it died; the lock was kept. Returns when it answers queries.

        Raises StartFailed when it dies again, still holding the lock, so that the caller can try once more
        later. RuntimeError when it is running or was never started.
        """
        child, account, binaries = self._require_started()
        if child.poll() is None:
            raise RuntimeError("PostgreSQL is running")
        end_leftover_processes(self._data.database, account, self._log)
        try:
            self._spawn_and_wait(account, binaries)
        except BaseException:
            self._stop_child(PATIENCE_SECONDS)
            raise

    def stop(self, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Stop PostgreSQL and let go of the folder. Does nothing when nothing was started.

        Open transactions are rolled back; nothing committed is lost. After `timeout_seconds` PostgreSQL is
        told to drop everything: the next start then replays its log.
        """
        if self._started_by != os.getpid():
            return
        try:
            if self._child is not None and self._account is not None:
                self._stop_child(timeout_seconds)
                end_leftover_processes(self._data.database, self._account, self._log)
        finally:
            self._child = None
            self._lock.release()

    def _require_started(self) -> tuple[subprocess.Popen[bytes], Account, Binaries]:
        if self._child is None or self._account is None or self._binaries is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._child, self._account, self._binaries

    def _spawn_and_wait(self, account: Account, binaries: Binaries) -> None:
        began = time.monotonic()
        socket_folder = prepare_socket_folder(self._data, account)
        write_configuration(self._data, account)
        log_start = self._spawn(account, binaries, socket_folder)
        self._wait_until_it_serves(socket_folder / SOCKET_NAME, began, log_start)
        self._log(f"{binaries} is ready after {time.monotonic() - began:.2f} s.")

    def _spawn(self, account: Account, binaries: Binaries, socket_folder: Path) -> int:
        """Start the child; returns the size of the log file before."""
        log_file = open_log(self._data.log)
        try:
            log_start = os.fstat(log_file).st_size
            # In a session of its own: Ctrl-C in a terminal goes to the whole foreground group, and PostgreSQL
            # must outlive the workers that are finishing their requests.
            self._child = subprocess.Popen(
                [str(binaries.postgres), *server_arguments(self._data, socket_folder)],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                cwd="/",
                env={**child_environment(), **_excuse_stale_pid(self._data.database, self._log)},
                start_new_session=True,
                **account.switch(),
            )
        finally:
            os.close(log_file)
        return log_start

    def _wait_until_it_serves(self, socket_path: Path, began: float, log_start: int) -> None:
        """Wait until PostgreSQL answers and has our database. StartFailed when it ends or refuses us."""
        child, _, binaries = self._require_started()
        pause_seconds, next_progress, ready_since = 0.002, began + _PROGRESS_EVERY_SECONDS, None
        while True:
            now = time.monotonic()
            if child.poll() is not None:
                raise StartFailed(
                    f"{binaries} ended while starting (exit code {child.returncode}). Its log "
                    f"{self._data.log} says:\n{read_log_since(self._data.log, log_start) or '(nothing)'}"
                )
            if not _says_ready(self._data.database, child.pid):
                ready_since = None
            else:
                ready_since = ready_since or now
                try:
                    create_database_if_absent(socket_path)
                    return
                except (OSError, connection.ServerError) as error:
                    # In a new container our child can have the very pid of the old server, whose file says
                    # that it is ready, for the moment until the child writes its own.
                    not_yet = isinstance(error, OSError) or error.sqlstate == connection.CANNOT_CONNECT_NOW
                    if not not_yet or now - ready_since > _PATIENCE_WITH_SOCKET_SECONDS:
                        raise StartFailed(f"{binaries} started, but does not serve us: {error}") from error
            if now > next_progress:
                next_progress += _PROGRESS_EVERY_SECONDS
                latest = read_log_since(self._data.log, log_start).rpartition("\n")[2]
                self._log(f"PostgreSQL is still starting ({now - began:.0f} s): {latest}")
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.3, 0.05)

    def _stop_child(self, timeout_seconds: float) -> None:
        child, _, _ = self._require_started()
        patience = (
            (signal.SIGINT, timeout_seconds, "PostgreSQL takes long to stop: it is told to drop everything."),
            (signal.SIGQUIT, 30.0, "PostgreSQL does not react: it is killed."),
            (signal.SIGKILL, 30.0, "PostgreSQL cannot be killed."),
        )
        for signal_number, seconds, complaint in patience:
            # Does nothing when it has ended already.
            child.send_signal(signal_number)
            try:
                child.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                self._log(complaint)


def create_database_if_absent(socket_path: Path) -> None:
    """Make the server's database the first time. Raises connection.ServerError, OSError."""
    try:
        connection.execute(socket_path, ROLE, DATABASE, "select 1")
    except connection.ServerError as error:
        if error.sqlstate != connection.INVALID_CATALOG_NAME:
            raise
        connection.execute(socket_path, ROLE, "postgres", f"create database {DATABASE}")


def _excuse_stale_pid(database: Path, log: Callable[[str], None]) -> dict[str, str]:
    """What PostgreSQL's environment needs so that the postmaster.pid of a killed server does not stop it.

    PostgreSQL refuses to start when the pid in that file exists, and in a container, where numbers start
    again from 1, it mostly does: as another program, or as a zombie. We hold the lock and have ended every
    PostgreSQL of this folder, so the pid is somebody else's. PostgreSQL ignores the pid in PG_GRANDPARENT_PID
    (made for pg_ctl's callers); naming it there instead of deleting the file keeps PostgreSQL's own check of
    the old server's shared memory.
    """
    pid = read_postmaster_pid(database)
    if pid is not None:
        return {"PG_GRANDPARENT_PID": str(pid)}
    leftover = database / POSTMASTER_PID_FILE
    if leftover.exists():
        # Empty or torn after a power failure: PostgreSQL would ask for its removal by hand.
        log(f"Removing {leftover}, which names no process.")
        leftover.unlink()
    return {}


def _says_ready(database: Path, pid: int) -> bool:
    """Whether the server with this pid says in postmaster.pid that it takes connections (as pg_ctl asks)."""
    try:
        lines = (database / POSTMASTER_PID_FILE).read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return False
    return lines[0].strip() == str(pid) and [line.strip() for line in lines[_STATUS_LINE:]][:1] == ["ready"]
