"""The bulk worker of `openvoucher serve`."""

import asyncio
import logging
import signal
from collections.abc import Callable

import uvloop

from openvoucher.cli.bulk_work import work
from openvoucher.platform.child import read_assignment, report_ready, watch_parent
from openvoucher.platform.memory import settle_memory
from openvoucher.platform.observability import set_up_logging

log = logging.getLogger("openvoucher.jobs")


def run_child() -> int:
    # The parent decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assignment = read_assignment()
    set_up_logging(level=assignment.settings.log_level, format=assignment.settings.log_format)
    settle_memory()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(assignment.database_url, assignment.settings, _obey_parent))
    except Exception:
        log.exception("the bulk worker failed")
        return 1
    return 0


def _obey_parent(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    watch_parent(lambda: loop.call_soon_threadsafe(stop))
    report_ready()
