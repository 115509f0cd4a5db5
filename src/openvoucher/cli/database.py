"""The database for a command that is over soon: a running server's, or one started for the time."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from openvoucher.cli.options import choose_data_dir
from openvoucher.platform.db import DatabaseUnavailable
from openvoucher.platform.embedded_postgres import (
    DatabaseNotStarted,
    DataFolderInUse,
    EmbeddedPostgres,
    database_url,
)
from openvoucher.platform.stop_signals import StopSignals
from openvoucher.settings import Settings

log = logging.getLogger("openvoucher.postgres")

T = TypeVar("T")

# A server that is only just starting, or that another command is about to stop.
_PATIENCE_SECONDS = 30.0


def run_with_database(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Run `work(url)`, again if the database went away under it: `work` must bear being repeated.

    Raises DatabaseUnavailable, EmbeddedPostgresError, StopRequested, and what `work` raises.
    """
    with StopSignals() as signals, signals.interrupting():
        if settings.database_url:
            return asyncio.run(work(settings.database_url))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return _run_with_embedded(settings, work)
            except (DatabaseUnavailable, DatabaseNotStarted):
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.2)


def _run_with_embedded(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    data_dir = choose_data_dir(settings)
    postgres = make_embedded_postgres(settings)
    try:
        url = postgres.start()
    except DataFolderInUse:
        return asyncio.run(work(database_url(data_dir)))
    try:
        return asyncio.run(work(url))
    finally:
        postgres.stop()


def make_embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """The embedded server that the settings describe, not started."""
    return EmbeddedPostgres(
        choose_data_dir(settings),
        bin_dir=Path(settings.postgres_bin_dir) if settings.postgres_bin_dir else None,
        log=log.info,
    )
