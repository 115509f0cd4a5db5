"""Async actions watched from their start to their end by somebody who asks all the time."""

import asyncio
import contextlib
import csv
import io
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from programs import PATIENCE_SECONDS
from servers import Server

# Far above what any of these takes, with databases that are started again and workers that are killed.
_LONG_SECONDS = 1_200.0


class WatchedAction:
    """Asks for an action all the time, in a thread of its own, and keeps what it saw."""

    def __init__(self, server: Server, action_id: str) -> None:
        self.seen: list[dict[str, Any]] = []
        self.unanswered = 0
        """How often there was no answer, or one that told of a database out of reach."""
        self._server = server
        self._id = action_id
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def rows(self) -> int:
        """That have an outcome by now."""
        return count_rows(self.seen[-1]) if self.seen else 0

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        return self._ended.wait(seconds)

    def wait_for_end(self) -> dict[str, Any]:
        assert self.wait(_LONG_SECONDS), f"it did not end: {self.seen[-1:]}"
        return self.seen[-1]

    def wait_for_rows(self, rows: int) -> None:
        """Until so many have an outcome."""
        deadline = time.monotonic() + _LONG_SECONDS
        while self.rows < rows:
            assert not self._ended.is_set(), f"it ended before {rows} rows: {self.seen[-1]}"
            assert time.monotonic() < deadline, f"it did not reach {rows} rows: {self.seen[-1:]}"
            time.sleep(0.005)

    def wait_for_more(self) -> bool:
        """Until more rows than now have an outcome; whether it ended meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        rows = self.rows
        while not self.wait(0.01) and self.rows == rows:
            assert time.monotonic() < deadline, f"it stands still: {self.seen[-1:]}"
        return self._ended.is_set()

    def check_progress(self) -> None:
        """Nothing ever went back, and no more rows had an outcome than there are."""
        assert self.seen
        for action in self.seen:
            assert count_rows(action) <= action["total_count"]
            assert (action["progress"] == 100) == (action["status"] == "DONE")
        for name in ("progress", "done_count", "failed_count", "updated_at"):
            values = [action[name] for action in self.seen]
            assert values == sorted(values), f"{name} went back"
        order = ["ENQUEUED", "IN_PROGRESS", "DONE"]
        places = [order.index(action["status"]) for action in self.seen]
        assert places == sorted(places), "the status went back"

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        headers = show_keys(self._server)
        with httpx.Client(base_url=self._server.address, headers=headers, timeout=60) as client:
            while not self._stopped.is_set():
                try:
                    answer = client.get(f"/v1/async-actions/{self._id}")
                except httpx.TransportError:
                    self.unanswered += 1
                else:
                    if answer.status_code == 200:
                        self.seen.append(answer.json())
                    else:
                        self.unanswered += 1
                if self.seen and self.seen[-1]["status"] in ("DONE", "FAILED"):
                    self._ended.set()
                    return
                self._stopped.wait(0.02)


@contextlib.contextmanager
def watching(server: Server, action_id: str) -> Iterator[WatchedAction]:
    watched = WatchedAction(server, action_id)
    try:
        yield watched
    finally:
        watched.stop()


@contextlib.contextmanager
def calling(server: Server) -> Iterator[httpx.Client]:
    """A client with the server's key."""
    with httpx.Client(base_url=server.address, headers=show_keys(server), timeout=300) as client:
        yield client


def show_keys(server: Server) -> dict[str, str]:
    return {
        "X-App-Id": server.keys["OPENVOUCHER_APP_ID"],
        "X-App-Token": server.keys["OPENVOUCHER_APP_TOKEN"],
    }


def count_rows(action: dict[str, Any]) -> int:
    count: int = action["done_count"] + action["failed_count"]
    return count


def load_codes(server: Server, campaign: str) -> list[str]:
    """All codes of a campaign, doubles included."""

    async def load() -> list[str]:
        connection = await asyncpg.connect(server.database_url)
        try:
            rows = await connection.fetch(
                "select code from voucher join campaign c on c.id = campaign_id where c.name = $1", campaign
            )
            return sorted(row["code"] for row in rows)
        finally:
            await connection.close()

    return asyncio.run(load())


def read_report(server: Server, action: dict[str, Any]) -> list[list[str]]:
    """The rows of an ended action's report, its header first."""
    parts = urlsplit(action["result"]["reports"][0])
    answer = httpx.get(f"{server.address}{parts.path}?{parts.query}", timeout=300)
    assert answer.status_code == 200, answer.text
    return [*csv.reader(io.StringIO(answer.text))]
