"""The events of one request, with what neither the framework nor the server does."""

import asyncio
import contextlib
from typing import Any, Final

from openvoucher.platform.http.bodies import ClientGone

# Keys of the scope: the request's own exchange, and the event that is set when the server stops.
EXCHANGE_KEY: Final = "openvoucher.exchange"
STOPPING_KEY: Final = "openvoucher.stopping"

# After a refusal of a body the rest is taken and thrown away for so long. A connection that is closed
# while bytes are under way is reset, and many clients then report the reset and not the answer.
LINGER_BYTES: Final = 16 * 1024 * 1024
LINGER_SECONDS: Final = 1.0


class Exchange:
    """Receives and sends for the framework.

    It reads the first piece of the body before anything else: given an empty one first, it asks for
    no byte of a request that it refuses by its keys or its announced length. And it takes the end of
    a broken connection for the end of the body.
    """

    __slots__ = (
        "_body_is_read",
        "_end",
        "_is_first",
        "_lingers",
        "_receive",
        "_send",
        "_stopping",
        "has_started",
    )

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.has_started = False
        self._receive = receive
        self._send = send
        self._is_first = True
        self._body_is_read = False
        self._lingers = False
        self._stopping: asyncio.Event | None = scope.get(STOPPING_KEY)
        self._end: asyncio.Task[None] | None = None

    async def receive(self) -> Any:
        if self._is_first:
            self._is_first = False
            return {"type": "http.request", "body": b"", "more_body": True}
        event = await self._receive()
        if event["type"] == "http.disconnect" and not self._body_is_read:
            raise ClientGone
        self._body_is_read = not event.get("more_body", False)
        return event

    async def send(self, event: Any) -> None:
        if event["type"] == "http.response.start":
            self.has_started = True
            self._lingers = event["status"] == 413 and not self._body_is_read
        elif self._lingers and not event.get("more_body", False):
            await self._send({**event, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._throw_rest_away()
            event = {"type": "http.response.body", "body": b""}
        await self._send(event)

    async def outlasts(self, seconds: float) -> bool:
        """Let time pass. False, at once, when the client has hung up or the server stops.

        For requests whose body nobody reads: what still comes of it is thrown away.
        """
        if self._end is None:
            self._end = asyncio.create_task(self._wait_for_end())
        await asyncio.wait((self._end,), timeout=seconds)
        return not self._end.done()

    def close(self) -> None:
        if self._end is not None:
            self._end.cancel()

    async def _wait_for_end(self) -> None:
        ends = [asyncio.create_task(self._wait_for_hang_up())]
        if self._stopping is not None:
            ends.append(asyncio.create_task(self._wait_for_stop(self._stopping)))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _wait_for_hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _wait_for_stop(self, stopping: asyncio.Event) -> None:
        await stopping.wait()

    async def _throw_rest_away(self) -> None:
        left = LINGER_BYTES
        while left > 0:
            event = await self._receive()
            if not event.get("more_body", False):
                return
            left -= len(event.get("body", b""))
