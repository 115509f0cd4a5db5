"""The folder of PostgreSQL's unix socket, and the URL that leads there."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.data_folder import ROLE, DataFolder
from openvoucher.platform.embedded_postgres.errors import DatabaseNotStarted, DataFolderUnusable
from openvoucher.platform.embedded_postgres.folders import make_private_folder

DATABASE = "openvoucher"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
# The address of a unix socket has 104 bytes on macOS and 108 on Linux, the last one a zero.
_LONGEST_FOLDER_BYTES = 103 - len(f"/{SOCKET_NAME}")


def prepare_socket_folder(data: DataFolder, account: Account) -> Path:
    """The folder for the socket, private to the account, and empty. Call it only while holding the lock.

    It is `run` in the data folder. Where that path will not do for a socket, `run` is a symbolic link to a
    private folder below the system's folder for temporary files; the link tells other processes, whose TMPDIR
    may be another one, where it is. Raises DataFolderUnusable.
    """
    if _is_fit(data.run):
        if data.run.is_symlink():
            data.run.unlink()
        make_private_folder(data.run, account)
        folder = data.run
    else:
        folder = _prepare_folder_elsewhere(data, account)
    for leftover in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        # A socket's lock file names a pid, too, and misleads the next server as a stale postmaster.pid does.
        (folder / leftover).unlink(missing_ok=True)
    return folder


def find_socket_folder(data: DataFolder) -> Path:
    """Where the socket is when a server runs on this data folder.

    Raises DatabaseNotStarted when none ever did, DataFolderUnusable when the folder is not (or no longer) a
    private one of the database's owner: who else could write there could pose as the server.
    """
    try:
        owner = data.database.stat().st_uid
        if not data.run.is_symlink():
            return data.run
        folder = Path(os.readlink(data.run))
    except FileNotFoundError:
        raise _not_started(data) from None
    except PermissionError as error:
        raise DataFolderUnusable(f"The data folder {data.path} cannot be read: {error.strerror}.") from error
    if not folder.name.startswith(_name_elsewhere(data)):
        # A copy of another data folder: its link leads to the other one's server.
        raise _not_started(data)
    if os.path.lexists(folder) and not _is_private(folder, owner):
        raise DataFolderUnusable(f"{folder}, the folder of the database's socket, belongs to somebody else.")
    return folder


def socket_url(folder: Path) -> str:
    """The URL of the database as libpq and asyncpg read it. The port is part of the socket's name."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folder))}&port={PORT}"


def database_url(data_dir: Path) -> str:
    """How another process reaches the database of a data folder, whether its server is running or not.

    Only root and the account that the server runs as get in. Raises DatabaseNotStarted, DataFolderUnusable.
    """
    return socket_url(find_socket_folder(DataFolder.at(data_dir)))


def _prepare_folder_elsewhere(data: DataFolder, account: Account) -> Path:
    # Root's own TMPDIR may be closed to the account that PostgreSQL runs as.
    parent = Path("/tmp" if account.is_another else tempfile.gettempdir())  # noqa: S108  (see _is_private)
    folder = parent / _name_elsewhere(data)
    if not _is_fit(folder):
        raise DataFolderUnusable(
            f"No socket can be made in {data.path} nor in {parent}: their paths are too long for one, "
            "or have a comma. Choose another --data-dir."
        )
    try:
        folder.mkdir(mode=0o700)
        make_private_folder(folder, account)
    except FileExistsError:
        if not _is_private(folder, account.uid):
            # Everybody may write in /tmp, so somebody else may have taken the name.
            folder = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=parent))
            make_private_folder(folder, account)
    if data.run.is_dir() and not data.run.is_symlink():
        shutil.rmtree(data.run)
    link = data.path / "run.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    link.rename(data.run)
    return folder


def _name_elsewhere(data: DataFolder) -> str:
    return f"openvoucher-{data.digest}"


def _not_started(data: DataFolder) -> DatabaseNotStarted:
    return DatabaseNotStarted(
        f"No server has been started on the data folder {data.path} yet: start one with `openvoucher serve`."
    )


def _is_fit(folder: Path) -> bool:
    # Clients take a comma for the end of one host and the beginning of the next.
    return len(os.fsencode(folder)) <= _LONGEST_FOLDER_BYTES and "," not in str(folder)


def _is_private(folder: Path, owner: int) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and found.st_mode & 0o077 == 0
