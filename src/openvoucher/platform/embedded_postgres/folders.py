"""Making folders of ours, with just the permissions that they need. Folders of others are never touched."""

import os
import stat
from pathlib import Path

from openvoucher.platform.embedded_postgres.account import Account, is_root
from openvoucher.platform.embedded_postgres.errors import DataFolderUnusable


def make_parents(folder: Path) -> None:
    """Make a folder and its parents where they are missing. Raises OSError."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir()
        if is_root():
            # A strict umask of root must not close the new folder to the account that PostgreSQL runs as.
            parent.chmod(0o755)


def make_private_folder(path: Path, account: Account) -> None:
    """Make a folder of ours, or put it right: 0700 and owned by the account. Symbolic links are not followed.

    Raises DataFolderUnusable when it belongs to somebody else.
    """
    try:
        if not os.path.lexists(path):
            path.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if found.st_uid != account.uid:
                os.fchown(descriptor, account.uid, account.gid)
            if stat.S_IMODE(found.st_mode) != 0o700:
                os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataFolderUnusable(
            f"{path} must be a folder of {account.name!r} alone, and cannot be made one: {error.strerror}."
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a rename inside the folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
