"""Programs under test as real processes: started, listened to line by line, signalled, killed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import openvoucher

SOURCE = Path(openvoucher.__file__).parents[1]
SUPPORT = Path(__file__).parent
# Far above what anything takes here: a test that reaches it has failed.
PATIENCE_SECONDS = 60.0


class Program:
    """A running process whose output can be waited for."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=make_environment(environment),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, count: int = 1) -> re.Match[str]:
        """The `count`-th line that matches, once it was printed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while True:
                found = [match for line in list(self.lines) if (match := re.search(pattern, line))]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"no line {count} like {pattern!r} in:\n{self.output}")
                self._changed.wait(min(left, 0.2))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, when it has ended and all its output was read."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_SECONDS)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()


@contextmanager
def running(arguments: Sequence[str], **environment: str) -> Iterator[Program]:
    """A program that is stopped in the end, if the test has not done so."""
    program = Program(arguments, environment)
    try:
        yield program
    finally:
        program.end()


def run_openvoucher(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "openvoucher", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=make_environment(environment),
        timeout=PATIENCE_SECONDS,
    )


def make_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Ours without any OPENVOUCHER_ variable, and with this tree's package to import."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("OPENVOUCHER_")}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(SOURCE), str(SUPPORT))), **(extra or {})}


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`, for what no line of output tells."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return value


def kill_if_alive(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
