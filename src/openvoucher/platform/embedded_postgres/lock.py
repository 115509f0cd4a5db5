"""The lock of a data folder: who holds it, and nobody else, runs PostgreSQL on it."""

import os
import socket
import sys
import time
from pathlib import Path

from openvoucher.platform.embedded_postgres.errors import DataFolderInUse, DataFolderUnusable

if sys.platform != "win32":
    import fcntl

# An flock belongs to the open file, not to the process: a forked worker that kept the descriptor would keep
# the lock after its parent was killed. exec closes it (it is not inheritable); fork without exec is what this
# set is for.
_held_descriptors: set[int] = set()


def _close_in_forked_child() -> None:
    for descriptor in _held_descriptors:
        os.close(descriptor)
    _held_descriptors.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_forked_child)


class FolderLock:
    """An exclusive flock on `<data folder>/server.lock`, which holds the pid and, below it, the host's name.

    The kernel lets go of it when the process ends, however it ends. The file is never removed: a second
    server could then lock a new file while the first one still holds the old.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once. Raises DataFolderInUse, DataFolderUnusable."""
        path = self._data_dir / "server.lock"
        try:
            # O_NOFOLLOW: as root in somebody else's folder, a symbolic link must not choose what we write.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderUnusable(f"The lock file {path} cannot be opened: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataFolderInUse(self._data_dir, *_read_holder(descriptor)) from None
            give_to_folder_owner(descriptor, self._data_dir)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n{socket.gethostname()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        _held_descriptors.add(descriptor)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock. Does nothing when it is not held."""
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, 0)
        _held_descriptors.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None


def give_to_folder_owner(descriptor: int, folder: Path) -> None:
    """As root: hand a file of ours to the owner of its folder, who may start the server next time."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _read_holder(descriptor: int) -> tuple[int | None, str | None]:
    """Pid and host of the holder, the host only when it is another one than ours."""
    for _ in range(20):
        lines = os.pread(descriptor, 1000, 0).decode(errors="replace").splitlines()
        if len(lines) == 2 and lines[0].isdigit():
            return int(lines[0]), lines[1] if lines[1] != socket.gethostname() else None
        # It took the lock in this moment and is about to write its pid.
        time.sleep(0.01)
    return None, None
