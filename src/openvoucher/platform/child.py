"""The child's side of the process tree (see processes.py): its orders, its report, its lifeline.

A child is given three streams. Standard input brings one line, the assignment, and then nothing
more: it stays open as long as the parent lives, however that ends. On standard output the child
says once that it is ready. Standard error takes its logs. So no secret stands in an argument or
in the environment, and nothing needs a file or a number that could go stale.
"""

import os
import sys
import threading
import time
from collections.abc import Callable

import msgspec

from openvoucher.settings import Settings

READY = b"ready\n"
# From the parent's death to the end of a child that does not stop by itself.
_ORPHAN_SECONDS = 1.0

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is to do with. `listener`: descriptor of the listening socket, for API processes."""

    settings: Settings
    database_url: str
    drain_seconds: float
    listener: int | None = None


def write_assignment(assignment: Assignment) -> bytes:
    return msgspec.json.encode(assignment) + b"\n"


def read_assignment() -> Assignment:
    """The assignment from standard input. Ends the process if the parent is gone already."""
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = os.read(_STDIN, 65_536)
        if not piece:
            sys.exit(1)
        line += piece
    return msgspec.json.decode(line, type=Assignment)


def report_ready() -> None:
    """Tell the parent, once, that this process does its work now. Later prints go to the logs."""
    os.write(_STDOUT, READY)
    os.dup2(_STDERR, _STDOUT)


def watch_parent(on_gone: Callable[[], object]) -> None:
    """Call `on_gone` (in another thread) when the parent has died; a second later end this process.

    The end is safe at any point: what is not committed is undone by PostgreSQL when the connection
    closes. A thread, because an event loop that is kept busy would notice too late.
    """
    threading.Thread(target=_watch, args=(on_gone,), name="parent-watch", daemon=True).start()


def _watch(on_gone: Callable[[], object]) -> None:
    while os.read(_STDIN, 4096):
        pass
    try:
        on_gone()
    finally:
        time.sleep(_ORPHAN_SECONDS)
        os._exit(1)
