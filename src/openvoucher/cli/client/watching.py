"""Watches an async action until it has ended. A lost connection is taken up again."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from openvoucher.cli.client.api import Api
from openvoucher.cli.options import CommandFailed

ENDED: Final = ("DONE", "FAILED")

# Between two looks at a server that does not wait itself: each counts against its rate limit.
_FIRST_LOOK_SECONDS: Final = 0.3
_LOOKS_GROW_BY: Final = 1.4
_LONGEST_LOOK_SECONDS: Final = 10.0
# A server that is being stopped answers without having waited.
_LEAST_LOOK_SECONDS: Final = 0.2


class Action(msgspec.Struct):
    """An async action, as far as a command needs it. What only OpenVoucher says is None elsewhere."""

    id: str
    type: str
    status: str
    progress: float | None = None
    created_at: str | None = None
    updated_at: str | None = None
    result: dict[str, Any] | None = None
    done_count: int | None = None
    failed_count: int | None = None
    total_count: int | None = None
    rows_per_second: float | None = None
    seconds_left: int | None = None
    dry_run: bool | None = None
    cancelled: bool | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.has_ended:
            return 1.0
        if self.total_count and self.done_count is not None and self.failed_count is not None:
            return min((self.done_count + self.failed_count) / self.total_count, 1.0)
        return min(max((self.progress or 0.0) / 100, 0.0), 1.0)

    @property
    def done(self) -> int | None:
        """Rows done: the result's number if there is one."""
        return self._count("done_count")

    @property
    def failed(self) -> int | None:
        count = self._count("failed_count")
        return len(self.failures) if count is None and self.has_ended else count

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The failed rows that the result lists: {code, reason, row?, line?}; errors of bulk updates."""
        listed = (self.result or {}).get("failed") or (self.result or {}).get("errors") or []
        return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []

    @property
    def message(self) -> str:
        return str((self.result or {}).get("message") or "")

    @property
    def reports(self) -> list[str]:
        """Where the full report is, while there is one."""
        listed = (self.result or {}).get("reports") or []
        return [str(url) for url in listed] if isinstance(listed, list) else []

    @property
    def went_well(self) -> bool:
        """Ended, and every row with it."""
        return self.status == "DONE" and not self.failed

    def _count(self, name: str) -> int | None:
        count = (self.result or {}).get(name)
        return count if isinstance(count, int) else getattr(self, name)


def read_action(document: dict[str, Any]) -> Action:
    """Raises CommandFailed."""
    try:
        return msgspec.convert(document, Action, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailed(
            f"The server answered with something that is no async action: {error}."
        ) from error


def get_action(api: Api, action_id: str) -> tuple[Action, dict[str, Any]]:
    """The action as it is, and the JSON that it was read from."""
    document = api.get(f"/v1/async-actions/{action_id}").document
    return read_action(document), document


def watch_action(
    api: Api, action_id: str, *, step_seconds: int, on_change: Callable[[Action], None]
) -> tuple[Action, dict[str, Any]]:
    """The ended action, and the JSON that it was read from.

    step_seconds: `on_change` is called at least so often by a server that can wait (`Prefer`).
    Raises CommandFailed.
    """
    pause = _FIRST_LOOK_SECONDS
    while True:
        asked_at = time.monotonic()
        answer = api.get(
            f"/v1/async-actions/{action_id}",
            headers={"Prefer": f"wait={step_seconds}"},
            wait_seconds=step_seconds,
        )
        action = read_action(answer.document)
        on_change(action)
        if action.has_ended:
            return action, answer.document
        if "Preference-Applied" in answer.headers:
            time.sleep(max(_LEAST_LOOK_SECONDS - (time.monotonic() - asked_at), 0.0))
        else:
            time.sleep(pause)
            pause = min(pause * _LOOKS_GROW_BY, max(_LONGEST_LOOK_SECONDS, step_seconds))
