"""An API process of `openvoucher serve`: uvicorn on the socket that the parent listens on."""

import asyncio
import logging
import signal
import socket

import uvloop

from openvoucher.app import make_app
from openvoucher.platform.child import Assignment, read_assignment, report_ready, watch_parent
from openvoucher.platform.db import Database
from openvoucher.platform.http.serving import HttpServer
from openvoucher.platform.memory import settle_memory
from openvoucher.platform.observability import set_up_logging

log = logging.getLogger("openvoucher.http")


def run_child() -> int:
    # The parent decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assignment = read_assignment()
    set_up_logging(level=assignment.settings.log_level, format=assignment.settings.log_format)
    settle_memory()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(assignment))
    except Exception:
        log.exception("the API process failed")
        return 1
    return 0


async def _serve(assignment: Assignment) -> None:
    settings = assignment.settings
    db = Database(assignment.database_url, size=settings.pool_size, application_name="openvoucher api")
    server = HttpServer(
        make_app(db, settings), drain_seconds=assignment.drain_seconds, on_accepting=report_ready
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stop)
    watch_parent(lambda: loop.call_soon_threadsafe(server.stop))
    assert assignment.listener is not None  # noqa: S101 - given to every API process
    try:
        await server.serve_on(socket.socket(fileno=assignment.listener))
    finally:
        await db.close()
