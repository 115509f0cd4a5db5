"""`openvoucher worker`: a bulk worker of its own, on any machine that reaches the database."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable

import uvloop

from openvoucher.cli.bulk_work import work
from openvoucher.cli.options import (
    CommandFailed,
    add_database_options,
    add_log_options,
    add_safety_option,
    choose_data_dir,
    read_command_settings,
)
from openvoucher.platform.db import DatabaseUnavailable
from openvoucher.platform.db.preparation import check_prepared_database, describe_database
from openvoucher.platform.embedded_postgres import database_url
from openvoucher.platform.memory import settle_memory
from openvoucher.platform.observability import set_up_logging
from openvoucher.settings import Settings

log = logging.getLogger("openvoucher.jobs")


def add_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)
    add_safety_option(parser)
    add_log_options(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_command_settings(arguments)
    set_up_logging(level=settings.log_level, format=settings.log_format)
    url = settings.database_url or database_url(choose_data_dir(settings))
    settle_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_check(url, settings))
        runner.run(work(url, settings, _obey_signals))
    log.info("stopped")
    return 0


async def _check(url: str, settings: Settings) -> None:
    try:
        await check_prepared_database(url, allow_unsafe=settings.allow_unsafe_database)
    except DatabaseUnavailable as error:
        if settings.database_url:
            raise
        raise CommandFailed(
            f"No server is running on the data folder {choose_data_dir(settings)}: start `openvoucher serve` "
            "first, or name a database with OPENVOUCHER_DATABASE_URL."
        ) from error
    log.info("using the database %s", describe_database(url))


def _obey_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def stop_once(number: int) -> None:
        log.info("stopping: the portion in hand is finished first; another signal ends it at once")
        # Back to what the signal does by itself: the second one ends the process, and the portion is undone.
        loop.remove_signal_handler(number)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_once, number)
    log.info("ready for bulk work")
