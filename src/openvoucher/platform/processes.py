"""The process tree of a server: a parent that watches, API processes, a bulk worker, PostgreSQL.

The parent does no work of its own, so it has no reason to die; whatever else dies is started
again. Children are separate programs (`python -m openvoucher _api`), not forks: each starts with
a clean event loop, and one that is killed takes nothing with it. child.py says how they talk.

Each child is in a session of its own, so Ctrl-C in a terminal reaches the parent alone, which then
stops the tree in order: requests and portions first, PostgreSQL last.
"""

import dataclasses
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from openvoucher.platform.child import READY
from openvoucher.platform.stop_signals import StopSignals

log = logging.getLogger("openvoucher.processes")

DRAIN_SECONDS = 30.0
# A child gets this much longer than the work in its hands, to close its connections.
_CLOSING_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.5
_BACK_OFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
# A process that lived this long did not die of its start.
_HEALTHY_AFTER_SECONDS = 30.0
_FAILED_STARTS = 3


class ChildrenKeepDying(Exception):
    """No child of a role that the server needs comes up; the text says where to look."""


class DatabaseServer(Protocol):
    """The database server that is a child, too."""

    def poll(self) -> int | None:
        """None while it runs, its exit code once it has died."""

    def restart(self) -> None:
        """Start it again; returns when it answers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Role:
    """What some of the children do.

    assignment: what each reads from standard input. descriptors: what each inherits. With
    `serves` the tree is ready as soon as one of these children is.
    """

    name: str
    command: tuple[str, ...]
    assignment: bytes
    count: int = 1
    descriptors: tuple[int, ...] = ()
    serves: bool = False


class Supervisor:
    """Runs the children until a stop signal comes, then ends them in order.

    on_ready: called once, when a child that serves is ready. on_stopping: called before the
    children are told to stop; what they inherited is closed there.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        signals: StopSignals,
        database: DatabaseServer | None = None,
        on_ready: Callable[[], None] = lambda: None,
        on_stopping: Callable[[], None] = lambda: None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._places = [_Place(role) for role in roles for _ in range(role.count)]
        self._signals = signals
        self._database = database
        self._database_is_down = False
        self._database_schedule = _Schedule()
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._drain_seconds = drain_seconds
        self._was_ready = False

    def run(self) -> None:
        """Returns when a stop signal came and every child has ended; a second one hurries.

        Raises ChildrenKeepDying, and StopRequested when the signal came while PostgreSQL was
        being started again. In any case no child is left.
        """
        try:
            while not self._signals.count:
                self._tend_database()
                for place in self._places:
                    self._tend(place)
                self._wait()
        finally:
            self._end_children()

    def _tend_database(self) -> None:
        if self._database is None:
            return
        code = self._database.poll()
        if code is None:
            self._database_is_down = False
            return
        if not self._database_is_down:
            self._database_is_down = True
            pause_seconds = self._database_schedule.note_end()
            log.error("PostgreSQL ended (%s); starting it again%s", _describe_end(code), _in(pause_seconds))
        if not self._database_schedule.is_due():
            return
        self._database_schedule.note_start()
        try:
            # A long crash recovery must not keep a stop signal waiting.
            with self._signals.interrupting():
                self._database.restart()
        except Exception as error:
            pause_seconds = self._database_schedule.note_end()
            log.error("PostgreSQL does not start, trying again%s: %s", _in(pause_seconds), error)
        else:
            log.info("PostgreSQL answers again")

    def _tend(self, place: "_Place") -> None:
        if place.process is not None:
            code = place.process.poll()
            if code is None:
                return
            self._note_end(place, code)
        if place.schedule.is_due():
            try:
                place.start()
            except OSError as error:
                # No memory or no process number left: a moment that passes.
                pause_seconds = place.schedule.note_end()
                log.error(
                    "no %s could be started, trying again%s: %s", place.role.name, _in(pause_seconds), error
                )

    def _note_end(self, place: "_Place", code: int) -> None:
        assert place.process is not None  # noqa: S101 - the caller looked
        pid = place.process.pid
        place.close()
        pause_seconds = place.schedule.note_end()
        failures = place.schedule.failures
        if place.role.serves and not self._was_ready and failures >= _FAILED_STARTS:
            raise ChildrenKeepDying(
                f"Each {place.role.name} ends right after its start ({_describe_end(code)}). The log lines "
                "above say why."
            )
        log.error(
            "%s %d ended (%s); starting another%s",
            place.role.name,
            pid,
            _describe_end(code),
            _in(pause_seconds),
        )

    def _wait(self) -> None:
        listening = {place.report: place for place in self._places if place.report is not None}
        pauses = [place.schedule.pause_seconds() for place in self._places if place.process is None]
        if self._database_is_down:
            pauses.append(self._database_schedule.pause_seconds())
        timeout_seconds = min((_LOOK_EVERY_SECONDS, *pauses))
        for report in self._signals.wait([*listening], timeout_seconds=timeout_seconds):
            if listening[report].hear() and listening[report].role.serves and not self._was_ready:
                self._was_ready = True
                self._on_ready()

    def _end_children(self) -> None:
        # Before the children stop: a socket that the parent held open would go on taking connections
        # that nobody answers any more.
        self._on_stopping()
        running = [place for place in self._places if place.process is not None]
        if running:
            log.info("stopping: requests and portions in hand are finished first")
        for place in running:
            place.send(signal.SIGTERM)
        deadline = time.monotonic() + self._drain_seconds + _CLOSING_SECONDS
        while running and self._signals.count < 2 and time.monotonic() < deadline:
            self._signals.wait(timeout_seconds=min(0.1, max(deadline - time.monotonic(), 0)))
            running = [place for place in running if place.is_running()]
        for place in running:
            log.warning("%s did not end in time: killing it; what it had in hand is undone", place)
            place.send(signal.SIGKILL)
        for place in self._places:
            place.close()


class _Schedule:
    """When a process may be started again: at once the first time, later the more often it died young."""

    def __init__(self) -> None:
        self.failures = 0
        self._started_at = 0.0
        self._due_at = 0.0

    def is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def pause_seconds(self) -> float:
        return max(self._due_at - time.monotonic(), 0.0)

    def note_start(self) -> None:
        self._started_at = time.monotonic()

    def note_end(self) -> float:
        """Returns the pause until the next start."""
        now = time.monotonic()
        if now - self._started_at >= _HEALTHY_AFTER_SECONDS:
            self.failures = 0
        pause_seconds = _BACK_OFF_SECONDS[min(self.failures, len(_BACK_OFF_SECONDS) - 1)]
        self.failures += 1
        self._due_at = now + pause_seconds
        return pause_seconds


class _Place:
    """A child's place in the tree: the child that fills it, or the time when the next one will."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.process: subprocess.Popen[bytes] | None = None
        self.schedule = _Schedule()
        self._heard = b""
        self._listens = False

    def __str__(self) -> str:
        return f"{self.role.name} {self.process.pid}" if self.process else self.role.name

    @property
    def report(self) -> int | None:
        """Descriptor on which the child says that it is ready, until it has."""
        if self.process is None or self.process.stdout is None or not self._listens:
            return None
        return self.process.stdout.fileno()

    def start(self) -> None:
        self.schedule.note_start()
        # No OPENVOUCHER_ variable is needed beyond the assignment, so none lies about in the child.
        environ = {name: text for name, text in os.environ.items() if not name.startswith("OPENVOUCHER_")}
        self.process = subprocess.Popen(
            self.role.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environ,
            pass_fds=self.role.descriptors,
            start_new_session=True,
        )
        self._heard, self._listens = b"", True
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self.process.stdin.write(self.role.assignment)
        except BrokenPipeError:
            # It died at once: the next look at it says so.
            return
        log.info("%s started", self)

    def hear(self) -> bool:
        """Read what the child says; True when it has become ready."""
        assert self.process is not None  # noqa: S101 - the caller was told by its descriptor
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        piece = os.read(self.process.stdout.fileno(), 4096)
        self._heard = (self._heard + piece)[-4096:]
        if READY in self._heard or not piece:
            self._listens = False
        return READY in self._heard

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def close(self) -> None:
        """Take leave of a child that has ended or been killed."""
        if self.process is None:
            return
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process = None


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _in(pause_seconds: float) -> str:
    return f" in {pause_seconds:g} s" if pause_seconds else ""
