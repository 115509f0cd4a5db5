import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from openvoucher.platform.http.serving import HttpServer
from openvoucher.platform.listener import open_listener, show_address


class SlowApplication:
    """Answers when it is let go, and tells what became of its requests."""

    def __init__(self) -> None:
        self.came_in = asyncio.Event()
        self.let_go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.came_in.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def application() -> SlowApplication:
    return SlowApplication()


@contextlib.asynccontextmanager
async def serving(application: Any, *, drain_seconds: float) -> AsyncIterator[tuple[HttpServer, str, Any]]:
    accepting = asyncio.Event()
    server = HttpServer(application, drain_seconds=drain_seconds, on_accepting=accepting.set)
    listener: socket.socket = open_listener("127.0.0.1", 0)
    address = show_address(listener)
    task = asyncio.create_task(server.serve_on(listener))
    await asyncio.wait_for(accepting.wait(), 30)
    try:
        yield server, address, task
    finally:
        server.stop()
        await task


async def test_a_server_that_stops_finishes_the_request_in_hand_and_takes_no_more(
    application: SlowApplication,
) -> None:
    async with serving(application, drain_seconds=60) as (server, address, task), httpx.AsyncClient() as http:
        request = asyncio.create_task(http.get(address))
        await application.came_in.wait()
        server.stop()
        while server.servers[0].is_serving():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(httpx.ConnectError):
            await http.get(address)
        assert not task.done()
        application.let_go.set()
        answer = await request
        assert (answer.status_code, answer.text) == (200, "done")
        await task


async def test_a_request_that_takes_longer_than_its_time_is_cancelled(application: SlowApplication) -> None:
    async with serving(application, drain_seconds=1) as (server, address, task), httpx.AsyncClient() as http:
        request = asyncio.create_task(http.get(address))
        await application.came_in.wait()
        server.stop()
        await task
        await asyncio.wait_for(application.cancelled.wait(), 30)
        assert (await request).status_code == 500


async def test_an_idle_connection_does_not_keep_a_server_from_stopping(application: SlowApplication) -> None:
    application.let_go.set()
    async with (
        serving(application, drain_seconds=1000) as (server, address, task),
        httpx.AsyncClient() as http,
    ):
        assert (await http.get(address)).text == "done"
        server.stop()
        await asyncio.wait_for(task, 30)


async def test_answers_do_not_name_the_software(application: SlowApplication) -> None:
    application.let_go.set()
    async with serving(application, drain_seconds=1) as (_, address, _), httpx.AsyncClient() as http:
        assert {*(await http.get(address)).headers} == {"date", "content-length"}
