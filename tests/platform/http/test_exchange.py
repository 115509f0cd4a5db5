"""How a request ends for those that look on: by its client, by the server, or not yet."""

import asyncio
from typing import Any

import pytest

from openvoucher.platform.http.exchange import STOPPING_KEY, Exchange

BODY = {"type": "http.request", "body": b"x", "more_body": True}
END_OF_BODY = {"type": "http.request", "body": b"", "more_body": False}
HANG_UP = {"type": "http.disconnect"}


class Client:
    """Sends what it is given, then stays on the line."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for event in events:
            self.events.put_nowait(event)

    async def receive(self) -> dict[str, Any]:
        return await self.events.get()


def make_exchange(client: Client, stopping: asyncio.Event | None = None) -> Exchange:
    return Exchange({STOPPING_KEY: stopping} if stopping else {}, client.receive, None)


async def test_time_passes_while_the_client_stays_on_the_line() -> None:
    exchange = make_exchange(Client(END_OF_BODY), asyncio.Event())
    began = asyncio.get_running_loop().time()
    for _ in range(2):
        assert await exchange.outlasts(0.02)
    assert asyncio.get_running_loop().time() - began >= 0.04
    exchange.close()


@pytest.mark.parametrize("before", [[], [END_OF_BODY], [BODY, BODY, END_OF_BODY]])
async def test_a_client_that_hangs_up_ends_the_wait_at_once_and_for_good(
    before: list[dict[str, Any]],
) -> None:
    client = Client(*before)
    exchange = make_exchange(client)
    waiting = asyncio.create_task(exchange.outlasts(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    client.events.put_nowait(HANG_UP)
    assert not await asyncio.wait_for(waiting, 10)
    assert not await asyncio.wait_for(exchange.outlasts(60), 10)


async def test_a_server_that_stops_ends_the_wait_at_once() -> None:
    stopping = asyncio.Event()
    exchange = make_exchange(Client(END_OF_BODY), stopping)
    waiting = asyncio.create_task(exchange.outlasts(60))
    await asyncio.sleep(0)
    stopping.set()
    assert not await asyncio.wait_for(waiting, 10)


async def test_a_server_that_is_stopping_already_lets_nobody_wait() -> None:
    stopping = asyncio.Event()
    stopping.set()
    assert not await asyncio.wait_for(make_exchange(Client(END_OF_BODY), stopping).outlasts(60), 10)


async def test_nothing_goes_on_when_a_request_has_ended() -> None:
    before = asyncio.all_tasks()
    exchange = make_exchange(Client(END_OF_BODY), asyncio.Event())
    assert await exchange.outlasts(0.01)
    left = asyncio.all_tasks() - before
    assert len(left) == 3
    exchange.close()
    await asyncio.wait(left, timeout=10)
    assert not asyncio.all_tasks() - before
