"""The toy API in this process and behind real sockets."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from openvoucher.platform.http.serving import HttpServer
from toy_api import Asker, Diary, ToyServer, make_toy_app


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def ask(diary: Diary) -> Asker:
    return Asker(make_toy_app(diary))


@pytest.fixture
def toy_server(diary: Diary) -> Iterator[ToyServer]:
    """The toys on the server of production, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepting = threading.Event()
    running = HttpServer(make_toy_app(diary), drain_seconds=1, on_accepting=accepting.set)

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(running.serve_on(listener))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert accepting.wait(10)
        yield ToyServer(listener.getsockname()[1], diary)
    finally:
        running.stop()
        thread.join(10)
    assert not thread.is_alive()
