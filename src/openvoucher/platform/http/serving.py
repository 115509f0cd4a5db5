"""Runs an ASGI application on a socket that is listening already, until it is told to stop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from openvoucher.platform.http.exchange import STOPPING_KEY

# Load balancers keep idle connections for 60 s. The side that closes first must be theirs: a request
# sent into a connection that is being closed is an error for its caller.
_KEEP_ALIVE_SECONDS = 75


class HttpServer(uvicorn.Server):
    """One API process's server: uvloop's and httptools' speed, without signal handlers of its own.

    `on_accepting` is called when connections are taken. After `stop` no more are; requests in hand
    get `drain_seconds` and are cancelled then, which undoes their transactions. Each request's scope
    has the event that says so, for those that would only go on waiting.
    """

    def __init__(self, app: Any, *, drain_seconds: float, on_accepting: Callable[[], None]) -> None:
        stopping = self._stopping = asyncio.Event()

        async def serve_with_stop(scope: Any, receive: Any, send: Any) -> None:
            scope[STOPPING_KEY] = stopping
            await app(scope, receive, send)

        super().__init__(
            uvicorn.Config(
                serve_with_stop,
                interface="asgi3",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # The application itself reads what a proxy says of the original request.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(round(drain_seconds), 1),
            )
        )
        self._on_accepting = on_accepting
        # Its start and stop are in our log already.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until `stop`. Closes the listener."""
        await self.serve([listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_accepting()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Its own handlers end the process by the signal once more when all is done.
        yield
