"""`openvoucher actions`: imports, generations and other bulk work of a server."""

import argparse
import contextlib
import os
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx
import msgspec

from openvoucher.cli.client.api import Answer, Api, Lost, Pauses
from openvoucher.cli.client.connection import add_connection_options, choose_connection
from openvoucher.cli.client.display import Display, show_duration
from openvoucher.cli.client.following import follow_action
from openvoucher.cli.client.summary import summarise_actions
from openvoucher.cli.client.watching import Action, get_action, read_action
from openvoucher.cli.options import CommandFailed, whole_number
from openvoucher.wire.dates import parse_instant

_SHOWN = 20
_REPORT_READ_SECONDS = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="one action with its failures; without it the newest ones"
    )
    parser.add_argument(
        "--limit",
        type=whole_number(1, 100),
        metavar="N",
        help=f"how many of the newest are listed (default {_SHOWN})",
    )
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument(
        "--cancel", action="store_true", help="stop it after the rows in hand; what is done stays"
    )
    doing.add_argument(
        "--undo", action="store_true", help="take back the codes of an import or generation that ended"
    )
    doing.add_argument(
        "--report", metavar="FILE", help="download the report of all rows; - for standard output"
    )
    parser.add_argument("--watch", action="store_true", help="wait until it (or what undoes it) has ended")
    parser.add_argument(
        "--json", action="store_true", help="print what the server says as JSON, one action a line"
    )
    add_connection_options(parser)
    parser.set_defaults(fail_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    for option in ("cancel", "undo", "report", "watch"):
        if getattr(arguments, option) and not arguments.id:
            arguments.fail_usage(f"--{option} needs the ID of an action")
    if arguments.id and arguments.limit:
        arguments.fail_usage("--limit is for lists")
    if arguments.report and arguments.watch:
        arguments.fail_usage("--report does not go with --watch")
    connection = choose_connection(arguments)
    display = Display(sys.stderr)
    if connection.is_readable_on_the_way:
        display.say(f"Warning: the keys travel to {connection.url} unencrypted; use https.")
    with Api(connection, timeout_seconds=arguments.timeout, say=display.say) as api:
        if not arguments.id:
            return _list_actions(api, arguments.limit or _SHOWN, as_json=arguments.json)
        if arguments.report:
            return _download_report(api, arguments.id, arguments.report, display)
        return _handle_one(api, arguments, display)


# --- lists ------------------------------------------------------------------------------------------


def _list_actions(api: Api, limit: int, *, as_json: bool) -> int:
    answer = api.get("/v1/async-actions", query={"limit": limit}, patient=False)
    documents = answer.document.get("async_actions")
    if not isinstance(documents, list):
        raise CommandFailed("The server answered with something that is no list of async actions.")
    if as_json:
        for document in documents:
            print(msgspec.json.encode(document).decode())
        return 0
    for line in draw_table([read_action(document) for document in documents], now=answer.date):
        print(line)
    return 0


def draw_table(actions: Sequence[Action], *, now: datetime | None) -> Iterator[str]:
    """The actions in columns. now: by the server's clock, for their age."""
    if not actions:
        yield "There are no async actions."
        return
    rows = [("ID", "TYPE", "STATUS", "PROGRESS", "DONE", "FAILED", "AGE")]
    rows += [
        (
            action.id,
            action.type,
            _show_status(action),
            "" if action.progress is None else f"{action.progress:.0f} %",
            _show_count(action.done),
            _show_count(action.failed_count),
            _show_age(action, now),
        )
        for action in actions
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if at > 2 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _show_status(action: Action) -> str:
    marks = (" (dry run)" if action.dry_run else "") + (" (cancelled)" if action.cancelled else "")
    return f"{action.status}{marks}"


def _show_count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _show_age(action: Action, now: datetime | None) -> str:
    with contextlib.suppress(ValueError):
        if now and action.created_at:
            return show_duration((now - parse_instant(action.created_at)).total_seconds())
    return ""


# --- one action -------------------------------------------------------------------------------------


def _handle_one(api: Api, arguments: argparse.Namespace, display: Display) -> int:
    action_id = arguments.id
    if arguments.cancel:
        _post(api, action_id, "cancel")
        display.say(f"{action_id} is told to stop.")
    elif arguments.undo:
        answer = _post(api, action_id, "undo")
        action_id = str(answer.document.get("async_action_id") or "")
        if not action_id:
            raise CommandFailed("The server took the request and did not name an async action.")
        if not arguments.watch:
            print(msgspec.json.encode(answer.document).decode() if arguments.json else action_id)
            return 0
    if arguments.watch:
        code = follow_action(api, action_id, display, "Working", rows=None, as_json=arguments.json)
        # An action that was cancelled ends as failed, which is what was asked for.
        return 0 if arguments.cancel else code
    action, document = get_action(api, action_id)
    if arguments.json:
        print(msgspec.json.encode(document).decode())
        return 0
    for line in describe_action(action):
        print(line)
    return 0


def describe_action(action: Action) -> Iterator[str]:
    """Lines for people."""
    progress = "" if action.progress is None else f", {action.progress:.0f} %"
    yield f"{action.id}  {action.type}  {_show_status(action)}{progress}"
    if action.has_ended:
        yield from summarise_actions([action])
        return
    if action.done is not None:
        total = "" if action.total_count is None else f" of {action.total_count:,}"
        yield f"{action.done:,} done, {action.failed_count or 0:,} failed{total}"
    if action.seconds_left is not None:
        yield f"{show_duration(action.seconds_left)} left"


def _post(api: Api, action_id: str, verb: str) -> Answer:
    try:
        return api.post(f"/v1/async-actions/{quote(action_id, safe='')}/{verb}")
    except Lost as error:
        raise CommandFailed(
            f"{error} Whether the server has got it is not known: look with `openvoucher actions` before "
            "you repeat."
        ) from error


# --- reports ----------------------------------------------------------------------------------------


def _download_report(api: Api, action_id: str, path: str, display: Display) -> int:
    action, _ = get_action(api, action_id)
    if not action.reports:
        state = (
            "has no report" if action.has_ended else f"has no report before its end; it is {action.status}"
        )
        raise CommandFailed(f"{action_id} {state}.")
    url = action.reports[0]
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise CommandFailed(f"The report's address cannot be opened: {url}")
    if path == "-":
        with _stream(url, api) as response:
            for piece in response.iter_bytes():
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return 0
    size = _download(url, Path(path), api, display)
    display.say(f"{path}: {size:,} bytes")
    return 0


def _download(url: str, path: Path, api: Api, display: Display) -> int:
    """Bytes written. The file appears whole or not at all; a broken download begins again."""
    unfinished = path.with_name(f"{path.name}.part")
    pauses: Pauses | None = None
    while True:
        try:
            # Codes are worth money: readable by their owner alone.
            with _open_private(unfinished) as file, _stream(url, api) as response:
                for piece in response.iter_bytes():
                    file.write(piece)
                size = file.tell()
            unfinished.replace(path)
            return size
        except Lost as error:
            if pauses is None:
                pauses = Pauses(api.timeout_seconds)
                display.say(f"{error} Beginning again …")
            pauses.wait(error)
        except OSError as error:
            raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)


def _open_private(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


@contextlib.contextmanager
def _stream(url: str, api: Api) -> Iterator[httpx.Response]:
    """The answer of a public address. The keys do not go there: it may be anybody's. Raises Lost."""
    try:
        with httpx.stream(
            "GET",
            url,
            timeout=httpx.Timeout(_REPORT_READ_SECONDS, connect=10.0),
            follow_redirects=True,
            trust_env=not api.connection.is_local,
        ) as response:
            if not response.is_success:
                raise CommandFailed(
                    f"The report's address answers {response.status_code}: it may be over its time."
                )
            yield response
    except httpx.TransportError as error:
        raise Lost(f"The download broke off: {error}.") from error
    except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise CommandFailed(f"The report's address cannot be opened: {url}") from error
