"""What can go wrong with the embedded PostgreSQL. Each message says what to do about it."""

from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot do what was asked. The message is meant for the operator."""


class PlatformNotSupported(EmbeddedPostgresError):
    """The embedded PostgreSQL runs on Linux and macOS only."""


class BinariesNotFound(EmbeddedPostgresError):
    """No provider has PostgreSQL programs that fit."""


class DataFromAnotherMajor(EmbeddedPostgresError):
    """The data were made by a major version of PostgreSQL for which no programs are installed."""


class DataFolderUnusable(EmbeddedPostgresError):
    """The data folder cannot hold the database: owner, permissions, foreign content."""


class AccountUnusable(EmbeddedPostgresError):
    """No operating system account is there that PostgreSQL could run as."""


class DatabaseNotStarted(EmbeddedPostgresError):
    """No server was ever started on this data folder, so there is nothing to connect to."""


class StartFailed(EmbeddedPostgresError):
    """PostgreSQL (or initdb) ended while it was starting. The message carries what it said."""


class DataFolderInUse(EmbeddedPostgresError):
    """Another server holds the lock of the data folder.

    `pid` is the process that holds it, None when it has not written its number yet.
    """

    def __init__(self, data_dir: Path, pid: int | None, host: str | None) -> None:
        holder = "" if pid is None else f" (process {pid}{'' if host is None else f' on {host}'})"
        super().__init__(
            f"Another OpenVoucher server{holder} is already running on the data folder {data_dir}. "
            "Stop it first, or give this server a data folder of its own with --data-dir."
        )
        self.data_dir = data_dir
        self.pid = pid
