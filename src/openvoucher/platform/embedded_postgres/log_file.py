"""PostgreSQL's log file: bounded, because nobody else looks after it.

It lies in the data folder, whose owner may be another account than ours when we are root: symbolic links
are never followed here.
"""

import os
from pathlib import Path

from openvoucher.platform.embedded_postgres.errors import DataFolderUnusable
from openvoucher.platform.embedded_postgres.lock import give_to_folder_owner

LIMIT_BYTES = 16 * 1024 * 1024
_SHOWN_BYTES = 2000


def open_log(path: Path) -> int:
    """Open the log for appending and return its descriptor, which the caller closes.

    Raises DataFolderUnusable.
    """
    try:
        return _open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise DataFolderUnusable(f"The log file {path} cannot be opened: {error.strerror}.") from error


def limit_log(path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Move the log's content to `<path>.1` when it has grown beyond the limit. Raises OSError.

    PostgreSQL keeps its descriptor, so the content is copied and the file cut; lines that it writes in
    between are lost.
    """
    if path.stat(follow_symlinks=False).st_size <= limit_bytes:
        return
    log = _open(path, os.O_RDWR)
    try:
        older = _open(path.with_name(f"{path.name}.1"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            while part := os.read(log, 1024 * 1024):
                os.write(older, part)
        finally:
            os.close(older)
        os.ftruncate(log, 0)
    finally:
        os.close(log)


def read_log_since(path: Path, offset: int) -> str:
    """The end of what was written to the log after `offset` bytes."""
    log = _open(path, os.O_RDONLY)
    try:
        start = max(offset, os.fstat(log).st_size - _SHOWN_BYTES)
        return os.pread(log, _SHOWN_BYTES, start).decode(errors="replace").strip()
    finally:
        os.close(log)


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if flags & os.O_CREAT:
        give_to_folder_owner(descriptor, path.parent)
    return descriptor
