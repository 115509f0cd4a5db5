"""The data folder: its layout, whose it is, and how an empty one becomes a database.

    <data folder>/
        server.lock     held by the server that runs on it
        postgres/       the database cluster, 0700, owned by the account that PostgreSQL runs as
        config/         what PostgreSQL is configured with, written at each start
        run             the folder of the unix socket, or a link to it where the path would be too long
        postgres.log    PostgreSQL's messages (and postgres.log.1, the ones before)
        binaries/       a copy of the programs, if PostgreSQL's account may not read the installed ones

Permissions: folders that were there before are never changed, with one exception: an *empty* data folder that
belongs to root gets search permission for others when root starts the server on it, as the account that
PostgreSQL runs as has to pass through. Parents that don't let it pass are named in an error.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from openvoucher.platform.embedded_postgres.account import Account, describe_account, is_root
from openvoucher.platform.embedded_postgres.binaries import Binaries
from openvoucher.platform.embedded_postgres.errors import DataFolderUnusable, StartFailed
from openvoucher.platform.embedded_postgres.folders import make_parents, make_private_folder, sync_folder

ROLE = "openvoucher"
ROOT_DATA_DIR = Path("/var/lib/openvoucher")
# Byte order: the fastest for indexes, the same on every system and for every provider. C knows no upper and
# lower case beyond ASCII and stands in where the system lacks C.UTF-8 (older macOS).
LOCALES = ("C.UTF-8", "C")
_UNFINISHED = "postgres.new-"


def default_data_dir() -> Path:
    """Where data go when no folder is configured: the user's data folder, /var/lib/openvoucher for root.

    Root's home is closed to the account that PostgreSQL runs as, so root's default lies where that account
    may go.
    """
    if is_root():
        return ROOT_DATA_DIR
    return Path(platformdirs.user_data_dir("openvoucher", appauthor=False))


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places of a data folder. Makes nothing."""

    path: Path

    @classmethod
    def at(cls, data_dir: Path) -> "DataFolder":
        """Two spellings of the same folder (relative, through symbolic links) are the same data folder."""
        return cls(Path(data_dir).expanduser().resolve())

    @property
    def database(self) -> Path:
        return self.path / "postgres"

    @property
    def config(self) -> Path:
        return self.path / "config"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def log(self) -> Path:
        return self.path / "postgres.log"

    @property
    def digest(self) -> str:
        """A short name for this folder, for things of it that have to live elsewhere."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]

    @property
    def binaries(self) -> Path:
        """Where a copy of the programs goes: never where another account's links could lead root astray."""
        if is_root() and self.path.stat().st_uid != 0:
            return ROOT_DATA_DIR / f"binaries-{self.digest}"
        return self.path / "binaries"

    def is_initialised(self) -> bool:
        return (self.database / "PG_VERSION").exists()


def make_data_dir(path: Path) -> None:
    """Make the data folder when it is missing, with the parents that are missing.

    An ordinary user's is 0700. Root's is 0711: the database's account passes through it but cannot list it.
    Raises DataFolderUnusable.
    """
    try:
        if not path.exists():
            make_parents(path.parent)
            path.mkdir(mode=0o700)
            path.chmod(0o711 if is_root() else 0o700)
        found = path.stat()
    except OSError as error:
        raise DataFolderUnusable(f"The data folder {path} cannot be made: {error.strerror}.") from error
    if not stat.S_ISDIR(found.st_mode):
        raise DataFolderUnusable(f"{path} is not a folder.")
    if is_root():
        if found.st_uid == 0 and found.st_mode & 0o011 != 0o011 and not any(path.iterdir()):
            path.chmod(stat.S_IMODE(found.st_mode) | 0o011)
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise DataFolderUnusable(
            f"The data folder {path} belongs to {describe_account(found.st_uid)} and cannot be written by "
            f"{describe_account(os.geteuid())}. Start the server as its owner, or choose another --data-dir."
        )


def check_passage(data: DataFolder, account: Account) -> None:
    """Make sure that PostgreSQL's account can reach the data folder.

    Raises DataFolderUnusable naming what blocks it.
    """
    if not account.is_another:
        return
    # Asked of the system, as permission bits are not all that decides (access lists, security modules).
    if account.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", data.path]).returncode == 0:
        return
    way = (*reversed(data.path.parents), data.path)
    blocking = next((folder for folder in way if not _may_pass(folder.stat(), account)), data.path)
    mode = stat.S_IMODE(blocking.stat().st_mode)
    raise DataFolderUnusable(
        f"PostgreSQL does not run as root, so it runs as {account.name!r}, which may not enter {blocking} "
        f"(mode {mode:04o}). OpenVoucher does not change permissions of folders that are not its own. Choose "
        f"a --data-dir that {account.name!r} can reach, such as {ROOT_DATA_DIR}; or let it pass yourself "
        f"(chmod o+x {blocking}); or start the server as an ordinary user."
    )


def _may_pass(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    return bool(folder.st_mode & (stat.S_IXGRP if folder.st_gid == account.gid else stat.S_IXOTH))


def check_database_owner(data: DataFolder, account: Account) -> None:
    """Raises DataFolderUnusable when the database belongs to another account than PostgreSQL would run as.

    Never for root, whose choice of the account follows the owner.
    """
    if account.is_another or not data.database.exists():
        return
    owner = data.database.stat().st_uid
    if owner != account.uid:
        raise DataFolderUnusable(
            f"{data.database} belongs to {describe_account(owner)}, and this server would run PostgreSQL as "
            f"{account.name!r}. Start the server as before (as root, if root made the folder), or give the "
            f"whole data folder to the new account: chown -R {account.name} {data.path}"
        )


def initialise_database(
    data: DataFolder, account: Account, binaries: Binaries, log: Callable[[str], None]
) -> None:
    """Run initdb, unless the folder holds a database already.

    It works beside the final place and is moved there when it is complete, so a server that is killed
    meanwhile leaves nothing that looks like a database. Raises StartFailed, DataFolderUnusable.
    """
    for unfinished in data.path.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    if data.is_initialised():
        return
    if data.database.exists() and any(data.database.iterdir()):
        raise DataFolderUnusable(
            f"{data.database} holds files, but no database (no PG_VERSION). Move them away, or choose "
            "another --data-dir."
        )
    log(f"Making a new database in {data.database}.")
    staging = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=data.path))
    try:
        make_private_folder(staging, account)
        _run_initdb(staging, account, binaries)
        try:
            staging.rename(data.database)
        except OSError as error:
            raise DataFolderUnusable(
                f"The new database cannot be moved to {data.database}: {error.strerror}. If that is a volume "
                f"of its own, mount the volume at {data.path} instead."
            ) from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_folder(data.path)


def _run_initdb(target: Path, account: Account, binaries: Binaries) -> None:
    """A cluster whose own pg_hba.conf lets in nobody over the network: a folder copied elsewhere stays
    closed.
    """
    said = ""
    for locale in LOCALES:
        options = (
            f"--username={ROLE} --encoding=UTF8 --locale-provider=libc --locale={locale} --lc-messages=C "
            "--auth-local=peer --auth-host=reject --data-checksums --no-instructions"
        )
        result = account.run([binaries.initdb, "-D", target, *options.split()])
        if result.returncode == 0:
            return
        said = (result.stderr or result.stdout).strip()
        if "locale" not in said:
            break
    raise StartFailed(f"initdb of {binaries} failed: {said}")
