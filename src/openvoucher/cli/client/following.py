"""Follows a single async action on a display, and tells in the end how it went."""

import sys

import msgspec

from openvoucher.cli.client.api import Api
from openvoucher.cli.client.display import Display
from openvoucher.cli.client.summary import summarise_actions
from openvoucher.cli.client.tally import Tally
from openvoucher.cli.client.watching import Action, watch_action


def follow_action(
    api: Api, action_id: str, display: Display, label: str, *, rows: int | None, as_json: bool
) -> int:
    """Watch it to the end and print the outcome. The exit code: 0 if all went well, else 1."""
    tally = Tally(label, whole=1.0)
    tally.add(action_id, weight=1.0, rows=rows)

    def show(action: Action) -> None:
        display.show(tally.update(action))

    try:
        action, document = watch_action(api, action_id, step_seconds=display.step_seconds, on_change=show)
    except BaseException:
        display.clear()
        display.say(f"It goes on at the server: openvoucher actions {action_id} --watch")
        raise
    display.clear()
    if as_json:
        print(msgspec.json.encode(document).decode())
    else:
        for line in summarise_actions([action]):
            print(line)
    sys.stdout.flush()
    return 0 if action.went_well else 1
