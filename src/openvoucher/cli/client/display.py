"""What is seen while a command works: a bar on a terminal, elsewhere a line every few seconds."""

import dataclasses
import math
import shutil
import time
from collections.abc import Callable
from typing import Final, TextIO

_BAR_EVERY_SECONDS: Final = 0.1
_LINE_EVERY_SECONDS: Final = 5.0
_LONGEST_BAR: Final = 30
_SHORTEST_BAR: Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """fraction: from 0 to 1, None if it is not known. amount, speed: with their units, or empty."""

    label: str
    fraction: float | None = None
    amount: str = ""
    speed: str = ""
    seconds_left: float | None = None
    failed: int = 0


class Display:
    """Writes to `stream`; `is_terminal`: the bar is drawn over itself."""

    def __init__(
        self,
        stream: TextIO,
        *,
        is_terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty() if is_terminal is None else is_terminal
        self._clock = clock
        self._columns = columns
        # The first line comes when something has lasted; a bar is there at once.
        self._shown_at = -math.inf if self.is_terminal else clock()
        self._bar_stands = False

    @property
    def step_seconds(self) -> int:
        """How often there is something new to be shown, in whole seconds."""
        return 1 if self.is_terminal else round(_LINE_EVERY_SECONDS)

    def show(self, progress: Progress) -> None:
        now = self._clock()
        if now - self._shown_at < (_BAR_EVERY_SECONDS if self.is_terminal else _LINE_EVERY_SECONDS):
            return
        self._shown_at = now
        if self.is_terminal:
            self._write(f"\r\x1b[K{draw_bar(progress, self._columns() - 1)}")
            self._bar_stands = True
        else:
            self._write(f"{describe_progress(progress)}\n")

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        self._write(f"{text}\n")

    def clear(self) -> None:
        """Take the bar away. The next one is drawn at once."""
        if self._bar_stands:
            self._write("\r\x1b[K")
            self._bar_stands = False
            self._shown_at = -math.inf

    def _write(self, text: str) -> None:
        # Who looks may have gone; the work goes on.
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self.is_terminal = False


def draw_bar(progress: Progress, columns: int) -> str:
    """One line of at most so many characters."""
    facts = "  ".join(_list_facts(progress))
    if progress.fraction is None:
        return f"{progress.label}  {facts}"[:columns]
    room = columns - len(progress.label) - len(facts) - 5
    length = max(min(room, _LONGEST_BAR), _SHORTEST_BAR)
    filled = math.floor(progress.fraction * length)
    return f"{progress.label} [{'#' * filled}{'-' * (length - filled)}]  {facts}"[:columns]


def describe_progress(progress: Progress) -> str:
    """One line for a log."""
    facts = _list_facts(progress)
    return f"{progress.label}: {', '.join(facts)}" if facts else progress.label


def _list_facts(progress: Progress) -> list[str]:
    facts = []
    if progress.fraction is not None:
        # Never 100 % of what is not done.
        facts.append(f"{math.floor(progress.fraction * 100)} %")
    facts += [fact for fact in (progress.amount, progress.speed) if fact]
    if progress.seconds_left is not None:
        facts.append(f"{show_duration(progress.seconds_left)} left")
    if progress.failed:
        facts.append(f"{progress.failed:,} failed")
    return facts


def show_duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 04 min`, `3 d 04 h`; rounded up."""
    whole = max(math.ceil(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = whole // 60
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24:02} h"


def show_bytes(count: float) -> str:
    """`812 kB`, `12.3 MB`, `1.2 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def show_text(text: str) -> str:
    """What others wrote, without what moves the cursor or colours the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
