"""A process tree without a server: `python process_tree.py parent '{…}'` supervises children of its own.

The plan says what the children do. Everybody tells on standard error.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from openvoucher.platform import processes
from openvoucher.platform.child import (
    Assignment,
    read_assignment,
    report_ready,
    watch_parent,
    write_assignment,
)
from openvoucher.platform.processes import ChildrenKeepDying, Role, Supervisor
from openvoucher.platform.stop_signals import StopSignals
from openvoucher.settings import Settings


def tell(text: str) -> None:
    # One write for a line: several processes share the stream.
    os.write(2, f"{text}\n".encode())


def run_parent(plan: dict[str, Any]) -> int:
    processes._CLOSING_SECONDS = 0.1
    from openvoucher.platform.observability import set_up_logging

    set_up_logging(level="INFO", format="text")
    with StopSignals() as signals, socket.create_server(("127.0.0.1", 0)) as listener:
        roles = [
            Role(
                name=role["name"],
                command=(sys.executable, __file__, "child", role["behaviour"]),
                assignment=write_assignment(
                    Assignment(
                        settings=Settings(app_token="a secret"),
                        database_url="postgresql://user:secret@host/db",
                        drain_seconds=plan["drain_seconds"],
                        listener=listener.fileno(),
                    )
                ),
                count=role.get("count", 1),
                descriptors=(listener.fileno(),),
                serves=role.get("serves", True),
            )
            for role in plan["roles"]
        ]
        supervisor = Supervisor(
            roles,
            signals=signals,
            on_ready=lambda: tell("the tree is ready"),
            on_stopping=lambda: tell("nothing more is accepted"),
            drain_seconds=plan["drain_seconds"],
        )
        tell("the parent runs")
        try:
            supervisor.run()
        except ChildrenKeepDying as error:
            tell(f"gave up: {error}")
            return 1
    tell("the parent ended")
    return 0


def run_child(behaviour: str) -> int:
    if behaviour == "dies":
        tell("dies")
        return 3
    me = f"child {os.getpid()}"
    assignment = read_assignment()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "deaf" else lambda *_: stop.set())
    if behaviour != "careless":
        watch_parent(lambda: tell(f"{me} lost its parent"))
    assert assignment.listener is not None
    with socket.socket(fileno=assignment.listener) as listener:
        tell(f"{me} knows {assignment.database_url} and listens on {listener.getsockname()[1]}")
    report_ready()
    tell(f"{me} works")
    while not stop.is_set():
        signal.pause()
    if behaviour == "thorough":
        tell(f"{me} has something in hand")
        time.sleep(0.3)
    tell(f"{me} finished")
    return 0


if __name__ == "__main__":
    mode, argument = sys.argv[1:]
    sys.exit(run_parent(json.loads(argument)) if mode == "parent" else run_child(argument))
