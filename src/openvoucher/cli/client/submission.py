"""Gives a server work exactly once: what to do when the answer to it is lost.

The moment from which on an action counts as new is told by the server's clock. Nothing is ever sent a
second time unless it is certain that the first has not been taken.
"""

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from openvoucher.cli.client.api import Answer, Api, Lost, Pauses, Refused
from openvoucher.cli.client.bodies import Body, Sending
from openvoucher.cli.client.watching import Action, read_action
from openvoucher.cli.options import CommandFailed
from openvoucher.wire.dates import parse_instant

# So long is looked for an action whose answer was lost; the server may still be checking what it got.
LOOK_FOR_SECONDS: Final = 30.0
_LOOK_EVERY_SECONDS: Final = 1.0
# The Date header has whole seconds, servers refresh it once a second, and several machines differ.
_CLOCK_TOLERANCE: Final = timedelta(seconds=3)
_PAGE: Final = 100
_MOST_PAGES: Final = 50


class NothingTaken(CommandFailed):
    """The work was not taken, and can be given again."""


class OutcomeUnknown(CommandFailed):
    """Whether the work was taken cannot be told."""


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """A request that starts an async action. action_type: None where the answer tells the outcome itself
    and no action can be looked for."""

    path: str
    body: Body
    action_type: str | None
    query: dict[str, Any] = dataclasses.field(default_factory=dict)
    noun: str = "import"
    rows: int | None = None


class Submitter:
    """Remembers what was there before, so that what is new can be told from it."""

    def __init__(
        self,
        api: Api,
        *,
        say: Callable[[str], None],
        on_progress: Callable[[Sending], None] = lambda _sending: None,
    ) -> None:
        """Asks the server once, which tells wrong addresses and keys, too. Raises CommandFailed."""
        self._api = api
        self._say = say
        self._on_progress = on_progress
        self._look_for_seconds = LOOK_FOR_SECONDS
        first = api.get("/v1/async-actions", query={"limit": _PAGE}, patient=False)
        self._since = first.date - _CLOCK_TOLERANCE if first.date else None
        self._known = {action.id for action in _read_list(first)}

    def submit(self, work: Work) -> dict[str, Any]:
        """The answer; {"async_action_id": …} if it was found after the answer had been lost.

        Raises Refused, NothingTaken, OutcomeUnknown, GaveUp.
        """
        pauses: Pauses | None = None
        while True:
            sending = Sending(work.body, self._on_progress)
            try:
                answer = self._api.post(
                    work.path, query=work.query, content=sending.pieces(), headers=sending.headers()
                )
            except Refused as refused:
                if refused.nothing_was_done:
                    reason: CommandFailed = refused
                elif refused.leaves_it_open:
                    return self._find_lost(work, sending, refused)
                else:
                    raise
            except Lost as lost:
                if sending.has_begun:
                    return self._find_lost(work, sending, lost)
                reason = lost
            else:
                if "async_action_id" in answer.document:
                    self._known.add(str(answer.document["async_action_id"]))
                return answer.document
            if sending.has_begun and not work.body.can_be_sent_again:
                raise NothingTaken(
                    f"{reason} Nothing of it was taken; standard input cannot be sent a second time: "
                    "repeat the command."
                ) from reason
            if pauses is None:
                pauses = Pauses(self._api.timeout_seconds)
                self._say(f"{reason} Nothing was taken; trying again …")
            pauses.wait(reason, reason.retry_after_seconds if isinstance(reason, Refused) else None)

    def _find_lost(self, work: Work, sending: Sending, reason: CommandFailed) -> dict[str, Any]:
        if not sending.is_complete:
            raise NothingTaken(
                f"{reason} The connection broke in the middle of the upload: nothing of it was taken, and "
                "repeating is safe."
            ) from reason
        if work.action_type is None:
            raise OutcomeUnknown(
                f"{reason} Whether it was done is not known: look before you repeat."
            ) from reason
        self._say(f"{reason} Looking whether the {work.noun} was taken …")
        found = self._look(work)
        if not found:
            raise OutcomeUnknown(
                f"{reason} No new {work.noun} has appeared on the server within "
                f"{self._look_for_seconds:g} s: most likely nothing was taken. Look once more "
                "(`openvoucher actions`) before you repeat."
            ) from reason
        if len(found) > 1:
            listed = ", ".join(action.id for action in found)
            raise OutcomeUnknown(
                f"{reason} Several actions of type {work.action_type} were begun since: {listed}. "
                "Look at them (`openvoucher actions ID`) before you repeat."
            ) from reason
        self._known.add(found[0].id)
        self._say(f"The server has it: {found[0].id}. It is not sent again.")
        return {"async_action_id": found[0].id}

    def _look(self, work: Work) -> list[Action]:
        """The actions that may be this work; waited for, since they may still be on their way."""
        found = self._list_new(work)
        # From here on: the first look may have taken long, through a server that was away.
        deadline = time.monotonic() + self._look_for_seconds
        while not found and time.monotonic() < deadline:
            time.sleep(min(_LOOK_EVERY_SECONDS, self._look_for_seconds))
            found = self._list_new(work)
        if found:
            # The first to be seen need not be ours: somebody else's may have come in between.
            time.sleep(min(_LOOK_EVERY_SECONDS, self._look_for_seconds))
            found = self._list_new(work)
        return found

    def _list_new(self, work: Work) -> list[Action]:
        found: dict[str, Action] = {}
        query: dict[str, Any] = {"limit": _PAGE}
        for _ in range(_MOST_PAGES):
            actions = _read_list(self._api.get("/v1/async-actions", query=query))
            for action in actions:
                if self._is_new(action) and _fits(action, work):
                    found[action.id] = action
            if len(actions) < _PAGE or self._since is None or not actions[-1].created_at:
                break
            if _read_moment(actions[-1].created_at) < self._since:
                break
            query["end_date"] = actions[-1].created_at
        return list(found.values())

    def _is_new(self, action: Action) -> bool:
        if action.id in self._known:
            return False
        return self._since is None or not action.created_at or _read_moment(action.created_at) >= self._since


def _fits(action: Action, work: Work) -> bool:
    if action.type != work.action_type:
        return False
    return work.rows is None or action.total_count is None or action.total_count == work.rows


def _read_moment(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise CommandFailed(f"The server names a moment that cannot be read: {text!r}.") from error


def _read_list(answer: Answer) -> list[Action]:
    listed = answer.document.get("async_actions")
    if not isinstance(listed, list):
        raise CommandFailed("The server answered with something that is no list of async actions.")
    return [read_action(document) for document in listed if isinstance(document, dict)]
