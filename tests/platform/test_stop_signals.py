import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from openvoucher.platform.stop_signals import StopRequested, StopSignals

STOP_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.fixture
def signals() -> Iterator[StopSignals]:
    with StopSignals() as signals:
        yield signals


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_stop_signal_is_counted(signals: StopSignals, number: signal.Signals) -> None:
    assert signals.count == 0
    send(number)
    send(number)
    assert signals.count == 2


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_stop_signal_interrupts_what_asked_for_it(signals: StopSignals, number: signal.Signals) -> None:
    with pytest.raises(StopRequested), signals.interrupting():
        send(number)
    send(number)
    assert signals.count == 2


def test_what_asks_to_be_interrupted_after_a_signal_does_not_even_begin(signals: StopSignals) -> None:
    send(signal.SIGTERM)
    began = False
    with pytest.raises(StopRequested), signals.interrupting():
        began = True
    assert not began


@pytest.mark.parametrize("before_the_wait", [True, False])
def test_a_signal_ends_a_wait_even_when_it_came_just_before(
    signals: StopSignals, before_the_wait: bool
) -> None:
    began = time.monotonic()
    if before_the_wait:
        send(signal.SIGTERM)
    else:
        signal.signal(signal.SIGALRM, lambda *_: send(signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    assert signals.wait(timeout_seconds=30) == []
    while not signals.count:
        signals.wait(timeout_seconds=30)
    assert time.monotonic() - began < 10
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_a_child_that_ends_ends_a_wait(signals: StopSignals) -> None:
    began = time.monotonic()
    child = subprocess.Popen(["true"])
    signals.wait(timeout_seconds=30)
    assert time.monotonic() - began < 10
    assert child.wait() == 0
    assert signals.count == 0


def test_a_wait_tells_which_descriptors_can_be_read(signals: StopSignals) -> None:
    silent, heard = os.pipe(), os.pipe()
    os.write(heard[1], b"x")
    assert signals.wait([silent[0], heard[0]], timeout_seconds=30) == [heard[0]]
    for descriptor in (*silent, *heard):
        os.close(descriptor)


def test_a_wait_ends_with_its_time(signals: StopSignals) -> None:
    assert signals.wait(timeout_seconds=0.001) == []


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            send(signal.SIGHUP)
            assert signals.count == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGCHLD)]
    with StopSignals():
        during = [signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGCHLD)]
    assert not set(map(id, before)) & set(map(id, during))
    assert [signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGCHLD)] == before
