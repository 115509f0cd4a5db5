"""How far work is that is spread over one or several async actions."""

import time
from collections.abc import Callable
from typing import Final

from openvoucher.cli.client.bodies import Sending
from openvoucher.cli.client.display import Progress, show_bytes
from openvoucher.cli.client.watching import Action

# Before that, a rate of our own says nothing.
_LEAST_SECONDS: Final = 0.5


class Part:
    """One action's share. weight: in the units of the tally's whole; rows: None if not known; is_guess: how
    many rows it has was guessed."""

    def __init__(self, weight: float, rows: int | None, *, is_guess: bool) -> None:
        self.weight = weight
        self.rows = rows
        self.is_guess = is_guess
        self.action: Action | None = None

    @property
    def is_counted(self) -> bool:
        """Whether the server says how many rows it has handled."""
        action = self.action
        return (
            action is not None and action.done is not None and (action.failed is not None or action.has_ended)
        )

    @property
    def fraction(self) -> float:
        return self.action.fraction if self.action else 0.0

    @property
    def handled_rows(self) -> int | None:
        """Rows done or failed: as the server counts, or guessed from the progress that it tells."""
        if self.action is None:
            return 0
        if self.is_counted:
            return (self.action.done or 0) + (self.action.failed or 0)
        return None if self.rows is None else round(self.fraction * self.rows)


class Tally:
    """The whole: its parts, and how fast they go. `whole` is None where nobody knows how much will come."""

    def __init__(
        self,
        label: str,
        *,
        whole: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parts: dict[str, Part] = {}
        self._label = label
        self._whole = whole
        self._clock = clock
        self._begun_at: float | None = None
        self._begun_with: tuple[float, int] = (0.0, 0)
        self._fraction = 0.0

    def add(self, action_id: str, *, weight: float, rows: int | None, is_guess: bool = False) -> None:
        self.parts[action_id] = Part(weight, rows, is_guess=is_guess)

    def update(self, action: Action) -> Progress:
        """Take in how an action is, and say how far all is."""
        self.parts[action.id].action = action
        now = self._clock()
        rows = [part.handled_rows for part in self.parts.values()]
        handled = None if None in rows else sum(count for count in rows if count is not None)
        # What it shows never goes back, whatever the server says.
        self._fraction = max(self._fraction, min(self._measure(), 1.0))
        if self._begun_at is None:
            if action.status == "ENQUEUED":
                return Progress(f"{self._label} (waiting for its turn)", self._fraction)
            self._begun_at = now
            self._begun_with = (self._fraction, handled or 0)
        speed, left = self._estimate(action, now - self._begun_at, handled)
        return Progress(
            self._label,
            fraction=None if self._whole is None else self._fraction,
            amount=self._describe_amount(action, handled),
            speed="" if speed is None else f"{speed:,.0f} rows/s",
            seconds_left=left,
            failed=sum(part.action.failed or 0 for part in self.parts.values() if part.action),
        )

    def _measure(self) -> float:
        done = sum(part.weight * part.fraction for part in self.parts.values())
        return done / self._whole if self._whole else 0.0

    def _estimate(
        self, action: Action, elapsed: float, handled: int | None
    ) -> tuple[float | None, float | None]:
        if self._is_one_action and action.rows_per_second is not None:
            return action.rows_per_second, action.seconds_left
        if elapsed < _LEAST_SECONDS:
            return None, None
        fraction, rows = self._begun_with
        speed = None if handled is None or handled <= rows else (handled - rows) / elapsed
        gained = self._fraction - fraction
        left = (1 - self._fraction) * elapsed / gained if self._whole and gained > 0 else None
        return speed, left

    @property
    def _is_one_action(self) -> bool:
        (weight, *others) = [part.weight for part in self.parts.values()]
        return not others and weight == self._whole

    def _describe_amount(self, action: Action, handled: int | None) -> str:
        if handled is None:
            return ""
        guessed = any(part.is_guess and not part.is_counted for part in self.parts.values())
        total = None
        if self._is_one_action:
            total = action.total_count if action.total_count is not None else self.parts[action.id].rows
        amount = f"{handled:,}" if total is None else f"{handled:,} of {total:,}"
        return f"{'about ' if guessed else ''}{amount} rows"


class SendingProgress:
    """How far an upload is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_at = clock()

    def measure(self, sending: Sending) -> Progress:
        sent, size = sending.sent_bytes, sending.body.size_bytes
        elapsed = self._clock() - self._begun_at
        speed = sent / elapsed if elapsed > _LEAST_SECONDS else None
        return Progress(
            "Sending",
            fraction=sent / size if size else None,
            amount=f"{show_bytes(sent)} of {show_bytes(size)}" if size else show_bytes(sent),
            speed=f"{show_bytes(speed)}/s" if speed else "",
            seconds_left=(size - sent) / speed if size and speed else None,
        )
