import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from openvoucher.platform.http.exchange import EXCHANGE_KEY
from openvoucher.platform.http.server import RawPath
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


class LookingOn:
    """Sends a letter and looks on until its request is over; then it says so."""

    def __init__(self) -> None:
        self.came_in = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        self.came_in.set()
        while await scope[EXCHANGE_KEY].outlasts(0.5):
            pass
        self.ended.set()
        await send({"type": "http.response.body", "body": b"z"})


@pytest.mark.parametrize("tells", [True, False])
async def test_who_only_looks_on_does_not_keep_a_server_from_stopping(
    monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    if not tells:
        # The twin: nobody says that the server stops, so the request is cancelled when its time is over.
        monkeypatch.setattr("openvoucher.platform.http.serving.STOPPING_KEY", "something else")
    application = LookingOn()
    async with (
        serving(RawPath(application), drain_seconds=1000 if tells else 1) as (server, address, task),
        httpx.AsyncClient() as http,
    ):
        request = asyncio.create_task(http.get(address))
        await application.came_in.wait()
        server.stop()
        await asyncio.wait_for(task, 30)
        if tells:
            assert (await request).text == "az"
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await request
        assert application.ended.is_set() == tells


async def test_who_looks_on_is_told_when_the_client_hangs_up() -> None:
    application = LookingOn()
    async with serving(RawPath(application), drain_seconds=1) as (_, address, _):
        async with httpx.AsyncClient() as http, http.stream("GET", address):
            await application.came_in.wait()
            assert not application.ended.is_set()
        await asyncio.wait_for(application.ended.wait(), 30)


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
