"""What a request says of how long it looks on."""

import pytest

from openvoucher.platform.http.exchange import Exchange
from openvoucher.platform.http.watching import RequestWatch, read_wait_seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=20", 20),
        ("wait=0", 0),
        ("wait=60", 60),
        ("wait=61", 60),
        ("wait=" + "9" * 5000, 60),
        ("Wait=5", 5),
        ("wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5", 5),
        ("wait=5;foo=bar, respond-async", 5),
        ("wait=5, wait=10", 5),
        (" ,, wait=5 ,", 5),
    ],
)
def test_the_wait_that_a_caller_prefers(prefer: str, seconds: int) -> None:
    assert read_wait_seconds(prefer) == seconds


@pytest.mark.parametrize(
    "prefer",
    [
        None,
        "",
        "wait",
        "wait=",
        "wait=x",
        "wait=-1",
        "wait=+1",
        "wait=1.5",
        "wait=1_0",
        "wait=٣",
        'wait="',
        'wait="5',
        "wait 5",
        "waits=5",
        "respond-async",
        "=5",
        "wait=x, wait=5",
    ],
)
def test_what_cannot_be_read_is_no_wait(prefer: str | None) -> None:
    assert read_wait_seconds(prefer) is None


async def test_a_watch_lasts_as_long_as_its_request() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    exchange = Exchange({}, receive, None)
    watch = RequestWatch(exchange, wait_seconds=5, wants_events=True)
    assert (watch.wait_seconds, watch.wants_events) == (5, True)
    assert not await watch.pause(60)
    exchange.close()
