"""The signals that ask a process to stop, without a moment in which they are lost."""

import contextlib
import os
import select
import signal
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopRequested(KeyboardInterrupt):
    """Raised in the main thread by a stop signal while `StopSignals.interrupting` is in force.

    A KeyboardInterrupt, because event loops let that one through from wherever it was raised.
    """


class StopSignals:
    """Counts SIGTERM, SIGINT and SIGHUP while the block runs; `wait` returns as soon as one comes.

    A child that ends wakes `wait`, too. For the main thread only.
    """

    def __init__(self) -> None:
        self.count = 0
        self._interrupting = False
        self._previous: list[tuple[signal.Signals, Any]] = []
        self._previous_wakeup = -1
        self._read_end = self._write_end = -1

    def __enter__(self) -> "StopSignals":
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        # Full means that a wake-up is due anyway, so a warning would only be noise.
        self._previous_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            # What nohup ignores stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous.append((number, signal.signal(number, self._count)))
        # Without a handler of its own SIGCHLD would not wake anybody.
        self._previous.append((signal.SIGCHLD, signal.signal(signal.SIGCHLD, lambda *_: None)))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous:
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._read_end)
        os.close(self._write_end)

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Inside, a stop signal raises StopRequested wherever the main thread is: for long steps that
        can be broken off at any point. Raises it at once when one has come before."""
        if self.count:
            raise StopRequested
        self._interrupting = True
        try:
            yield
        finally:
            self._interrupting = False

    def wait(self, descriptors: Sequence[int] = (), *, timeout_seconds: float) -> list[int]:
        """Sleep until a signal comes, a descriptor can be read or the time is over.

        Returns the descriptors that can be read.
        """
        ready, _, _ = select.select([self._read_end, *descriptors], (), (), timeout_seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._read_end, 4096)
        return [descriptor for descriptor in ready if descriptor != self._read_end]

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self._interrupting:
            raise StopRequested
