"""`openvoucher serve`: the parent of the process tree (platform/processes.py)."""

import argparse
import asyncio
import contextlib
import logging
import socket
import sys
from pathlib import Path

from openvoucher.cli.database import make_embedded_postgres
from openvoucher.cli.keys import describe_keys, given_keys, keep_keys, set_up_project, show_curl
from openvoucher.cli.keys_file import FILE_NAME
from openvoucher.cli.options import (
    add_database_options,
    add_log_options,
    add_safety_option,
    choose_data_dir,
    read_command_settings,
    whole_number,
)
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.child import Assignment, write_assignment
from openvoucher.platform.db.preparation import describe_database, prepare_database
from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.listener import is_local, open_listener, show_address
from openvoucher.platform.observability import set_up_logging
from openvoucher.platform.processes import DRAIN_SECONDS, Role, Supervisor
from openvoucher.platform.stop_signals import StopRequested, StopSignals
from openvoucher.settings import InvalidSettings, Settings

log = logging.getLogger("openvoucher")

# Connections beside those of the API processes' pools: workers, psql, a backup.
_SPARE_CONNECTIONS = 10
_HURRIED_STOP_SECONDS = 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 for all (OPENVOUCHER_HOST)")
    parser.add_argument(
        "--port", type=whole_number(0, 65535), help="TCP port of the API; 0 for any (OPENVOUCHER_PORT)"
    )
    parser.add_argument(
        "--workers",
        type=whole_number(1, 1000),
        metavar="N",
        help="API processes (OPENVOUCHER_WORKERS)",
    )
    parser.add_argument(
        "--no-worker",
        action="store_true",
        help="leave bulk work to `openvoucher worker` processes, here or on other machines",
    )
    parser.add_argument(
        "--public-url", metavar="URL", help="how clients reach this server (OPENVOUCHER_PUBLIC_URL)"
    )
    add_database_options(parser)
    add_safety_option(parser)
    add_log_options(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_command_settings(arguments)
    if settings.workers < 1 or not 0 <= settings.port <= 65535 or settings.pool_size < 1:
        raise InvalidSettings("workers and pool_size must be at least 1, and port 0 to 65535")
    set_up_logging(level=settings.log_level, format=settings.log_format)
    postgres = None if settings.database_url else make_embedded_postgres(settings)
    with StopSignals() as signals:
        try:
            _serve(settings, postgres, signals, with_worker=not arguments.no_worker)
        except StopRequested:
            log.info("stopped in the middle of a start")
        finally:
            if postgres is not None:
                if signals.count > 1:
                    postgres.stop(_HURRIED_STOP_SECONDS)
                else:
                    postgres.stop()
    log.info("stopped")
    return 0


def _serve(
    settings: Settings, postgres: EmbeddedPostgres | None, signals: StopSignals, *, with_worker: bool
) -> None:
    with signals.interrupting():
        url = settings.database_url if postgres is None else postgres.start()
        _prepare(url, settings)
        # Before the keys are made: a start that fails for its port should not have made any.
        listener = open_listener(settings.host, settings.port)
    with listener:
        with signals.interrupting():
            server_key = _set_up_keys(url, settings)
        address = show_address(listener)
        if not is_local(listener):
            log.info("other machines can reach this server: put a proxy with TLS in front of it")

        def announce() -> None:
            _say(f"OpenVoucher is ready on {address}")
            if server_key is not None:
                _say(f"\nA first request:\n\n{show_curl(address, server_key)}\n")

        supervisor = Supervisor(
            _roles(settings, url, listener, with_worker=with_worker),
            signals=signals,
            database=postgres,
            on_ready=announce,
            # Until then the parent holds the socket, too: while a child is replaced, connections wait.
            on_stopping=listener.close,
        )
        supervisor.run()


def _prepare(url: str, settings: Settings) -> None:
    log.info("using the database %s", describe_database(url))
    prepared = asyncio.run(prepare_database(url, allow_unsafe=settings.allow_unsafe_database))
    for name in prepared.applied:
        log.info("applied the migration %s", name)
    wanted = settings.workers * settings.pool_size + _SPARE_CONNECTIONS
    if wanted > prepared.most_connections:
        log.warning(
            "%d API processes with %d connections each and %d spare ones are more than the %d that the "
            "database allows: lower OPENVOUCHER_POOL_SIZE or raise max_connections",
            settings.workers,
            settings.pool_size,
            _SPARE_CONNECTIONS,
            prepared.most_connections,
        )


def _set_up_keys(url: str, settings: Settings) -> KeyPair | None:
    """Make the first project, show the keys that were made now; the server key if it is one of them."""
    given = given_keys(settings)
    data_dir = choose_data_dir(settings)
    kept: list[Path | None] = []
    made = asyncio.run(set_up_project(url, given, keep=lambda pairs: kept.append(keep_keys(data_dir, pairs))))
    if made:
        _say(f"\n{describe_keys(kept[0], made)}")
    elif (data_dir / FILE_NAME).exists():
        log.info("the API keys made at the first start are in %s", data_dir / FILE_NAME)
    elif not given:
        log.info("no keys are kept in %s: `openvoucher keys --new` makes new ones", data_dir)
    return next((pair for pair in made if pair.kind == "server"), None)


def _say(text: str) -> None:
    # A reader that has gone away is no reason to stop serving.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _roles(settings: Settings, url: str, listener: socket.socket, *, with_worker: bool) -> list[Role]:
    def command(name: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "openvoucher", name)

    def assignment(listener_descriptor: int | None) -> bytes:
        return write_assignment(
            Assignment(
                settings=settings,
                database_url=url,
                drain_seconds=DRAIN_SECONDS,
                listener=listener_descriptor,
            )
        )

    roles = [
        Role(
            name="API process",
            command=command("_api"),
            assignment=assignment(listener.fileno()),
            count=settings.workers,
            descriptors=(listener.fileno(),),
            serves=True,
        )
    ]
    if with_worker:
        roles.append(Role(name="bulk worker", command=command("_work"), assignment=assignment(None)))
    return roles
