"""What a command says in the end."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from openvoucher.cli.client.display import show_text
from openvoucher.cli.client.watching import Action

_SHOWN_FAILURES: Final = 10

Locate = Callable[[Action, dict[str, Any]], str]
"""Where a failed row of an action stands in what was sent, in words; "" if nobody knows."""


def locate_row(_action: Action, failure: dict[str, Any]) -> str:
    """By the numbers that the server gives."""
    places = [f"{name} {failure[name]}" for name in ("row", "line") if failure.get(name) is not None]
    return ", ".join(places)


def summarise_actions(actions: Sequence[Action], *, locate: Locate = locate_row) -> Iterable[str]:
    """Lines for people: what was done, what failed and why, where the rest is."""
    done = sum(action.done or 0 for action in actions)
    failed = sum(action.failed or 0 for action in actions)
    prefix = "Dry run, nothing was stored: " if actions and all(action.dry_run for action in actions) else ""
    if len(actions) == 1:
        (action,) = actions
        if action.message and not action.type.endswith("_UPDATE"):
            # OpenVoucher's own message of a dry run says so already.
            told = action.message.startswith("Dry run")
            yield f"{'' if told else prefix}{action.message} ({action.id})"
        else:
            yield f"{prefix}{done:,} done, {failed:,} failed ({action.id})"
    elif actions:
        yield f"{prefix}{done:,} done, {failed:,} failed, in {len(actions)} actions"
    for action in actions:
        if action.status == "FAILED":
            yield f"{action.id} did not finish: {action.message or 'the server does not say why'}"
    failures = [(action, failure) for action in actions for failure in action.failures]
    for action, failure in failures[:_SHOWN_FAILURES]:
        yield f"  {_describe_failure(failure, locate(action, failure))}"
    if failed > min(len(failures), _SHOWN_FAILURES):
        yield f"  … and {failed - min(len(failures), _SHOWN_FAILURES):,} more"
    for action in actions:
        if action.failed and action.reports:
            yield f"The full report: openvoucher actions {action.id} --report FILE, or {action.reports[0]}"


def _describe_failure(failure: dict[str, Any], place: str) -> str:
    code = failure.get("code")
    name = ", ".join(part for part in (place, str(code) if code else "") if part)
    reason = failure.get("reason") or failure.get("details") or failure.get("message") or "no reason given"
    return show_text(f"{name}: {reason}" if name else str(reason))
