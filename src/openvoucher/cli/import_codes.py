"""`openvoucher import`: codes from a file, by the API."""

import argparse
import collections
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import msgspec

from openvoucher.cli.client.api import Api, Refused
from openvoucher.cli.client.bodies import (
    Body,
    BrokenInput,
    CsvFile,
    JsonRows,
    Sending,
    cut_ndjson,
    find_size,
    open_input,
    read_json_rows,
)
from openvoucher.cli.client.connection import add_connection_options, choose_connection
from openvoucher.cli.client.display import Display
from openvoucher.cli.client.submission import Submitter, Work
from openvoucher.cli.client.summary import locate_row, summarise_actions
from openvoucher.cli.client.tally import SendingProgress, Tally
from openvoucher.cli.client.watching import Action, get_action, watch_action
from openvoucher.cli.options import CommandFailed, whole_number

_FORMATS: Final = {".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_ROWS_PER_REQUEST: Final = 10_000
# So many requests of an NDJSON file are under way: the server has always the next one.
_REQUESTS_AHEAD: Final = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="a .csv, .json, .ndjson or .jsonl file; - for standard input"
    )
    parser.add_argument(
        "--campaign", metavar="C", help="campaign (name or id) that gets the codes; without it they have none"
    )
    parser.add_argument(
        "--format", choices=("csv", "json", "ndjson"), help="default: by the file's extension"
    )
    parser.add_argument(
        "--rows-per-request",
        type=whole_number(1, 100_000),
        default=_ROWS_PER_REQUEST,
        metavar="N",
        help="NDJSON: most rows of one request, each an async action of its own "
        f"(default {_ROWS_PER_REQUEST})",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what would be imported; refused by servers that cannot",
    )
    ending = parser.add_mutually_exclusive_group()
    ending.add_argument("--no-wait", action="store_true", help="print the id of the async action and leave")
    ending.add_argument(
        "--json",
        action="store_true",
        help="print the ended async action as JSON, one a line, instead of a summary",
    )
    add_connection_options(parser)
    parser.set_defaults(fail_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    format: str = arguments.format or _FORMATS.get(Path(arguments.file).suffix.lower(), "")
    if not format:
        arguments.fail_usage(
            "--format is needed: the file's name does not tell whether it is csv, json or ndjson"
        )
    connection = choose_connection(arguments)
    display = Display(sys.stderr)
    if connection.is_readable_on_the_way:
        display.say(f"Warning: the keys travel to {connection.url} unencrypted; use https.")
    with (
        open_input(arguments.file) as file,
        Api(connection, timeout_seconds=arguments.timeout, say=display.say) as api,
    ):
        return _Import(arguments, format, file, api, display).run()


class _Import:
    """One run of the command: requests made of the file, their actions watched to the end."""

    def __init__(
        self, arguments: argparse.Namespace, format: str, file: BinaryIO, api: Api, display: Display
    ) -> None:
        self._arguments = arguments
        self._format = format
        self._file = file
        self._api = api
        self._display = display
        path = f"/v1/campaigns/{quote(arguments.campaign, safe='')}" if arguments.campaign else "/v1/vouchers"
        self._path = path + ("/importCSV" if format == "csv" else "/import")
        self._type = ("CAMPAIGN.VOUCHERS_IMPORT" if arguments.campaign else "VOUCHERS.IMPORT") + (
            "_CSV" if format == "csv" else ""
        )
        whole = find_size(file) if format == "ndjson" else 1.0
        self._tally = Tally("Checking" if arguments.dry_run else "Importing", whole=whole)
        self._sending: Sending | None = None
        self._open: collections.deque[tuple[str, Body]] = collections.deque()
        self._ended: list[tuple[Action, dict[str, Any]]] = []
        # JSON: (action, code) of failed rows -> where they stand.
        self._places: dict[tuple[str, str], str] = {}
        self._taken_lines = 0

    def run(self) -> int:
        if self._arguments.dry_run:
            check_dry_runs(self._api, self._path)
        problem: CommandFailed | None = None
        try:
            try:
                self._send_all()
            except CommandFailed as error:
                # What has been taken is watched all the same.
                problem = error
            while self._open:
                self._watch_next()
        except (CommandFailed, KeyboardInterrupt) as error:
            self._display.clear()
            self._say_what_goes_on()
            if problem is None or isinstance(error, KeyboardInterrupt):
                raise
            raise CommandFailed(f"{problem} {error}") from error
        self._display.clear()
        self._report()
        if problem is not None:
            if self._taken_lines:
                raise CommandFailed(f"{problem} Lines up to {self._taken_lines} had been taken before.")
            raise problem
        return 0 if all(action.went_well for action, _ in self._ended) else 1

    # --- sending

    def _send_all(self) -> None:
        progress = SendingProgress()

        def show(sending: Sending) -> None:
            self._sending = sending
            if self._format != "ndjson":
                self._display.show(progress.measure(sending))

        submitter = Submitter(self._api, say=self._display.say, on_progress=show)
        body = None
        for body in self._read_bodies():
            self._submit(submitter, body)
            while len(self._open) > _REQUESTS_AHEAD:
                self._watch_next()
        if body is None:
            raise BrokenInput("The file has no rows.")

    def _read_bodies(self) -> Iterator[Body]:
        if self._format == "csv":
            name = "codes.csv" if self._arguments.file == "-" else Path(self._arguments.file).name
            yield CsvFile(self._file, name)
        elif self._format == "json":
            yield read_json_rows(self._file.read())
        else:
            yield from cut_ndjson(self._file, most_rows=self._arguments.rows_per_request)

    def _submit(self, submitter: Submitter, body: Body) -> None:
        query = {"dry_run": "true"} if self._arguments.dry_run else {}
        try:
            answer = submitter.submit(Work(self._path, body, self._type, query, rows=body.rows))
        except Refused as refused:
            if refused.status == 413 and self._format == "json":
                raise CommandFailed(
                    f"{refused} Nothing was imported. As NDJSON (one object a line) a file of any size "
                    "is sent in parts."
                ) from refused
            raise
        action_id = str(answer.get("async_action_id") or "")
        if not action_id:
            raise CommandFailed("The server took the import and did not name an async action.")
        self._sending = None
        self._display.clear()
        if self._arguments.dry_run:
            check_is_dry(self._api, action_id)
        if self._arguments.no_wait:
            print(action_id, flush=True)
        else:
            self._open.append((action_id, body))
            if isinstance(body, CsvFile):
                self._tally.add(action_id, weight=1.0, rows=body.guessed_rows, is_guess=True)
            elif isinstance(body, JsonRows):
                weight = float(body.source_bytes) if self._format == "ndjson" else 1.0
                self._tally.add(action_id, weight=weight, rows=body.rows)
        if isinstance(body, JsonRows) and body.lines:
            self._taken_lines = body.lines[-1]

    # --- watching

    def _watch_next(self) -> None:
        action_id, body = self._open[0]
        action, document = watch_action(
            self._api,
            action_id,
            step_seconds=self._display.step_seconds,
            on_change=lambda action: self._display.show(self._tally.update(action)),
        )
        self._open.popleft()
        self._ended.append((action, document))
        if action.failures and isinstance(body, JsonRows):
            failed = {str(failure.get("code")) for failure in action.failures}
            for index, code in enumerate(body.codes):
                if code in failed:
                    place = f"line {body.lines[index]}" if body.lines else f"row {index + 1}"
                    self._places[action_id, code] = place

    def _locate(self, action: Action, failure: dict[str, Any]) -> str:
        return locate_row(action, failure) or self._places.get((action.id, str(failure.get("code"))), "")

    # --- the end

    def _report(self) -> None:
        if self._arguments.json:
            for _, document in self._ended:
                print(msgspec.json.encode(document).decode())
        else:
            for line in summarise_actions([action for action, _ in self._ended], locate=self._locate):
                print(line)
        sys.stdout.flush()

    def _say_what_goes_on(self) -> None:
        if self._sending is not None:
            self._display.say(
                "The upload was complete; whether it was taken, `openvoucher actions` shows."
                if self._sending.is_complete
                else "The upload was not complete: nothing of it was imported."
            )
        for action_id, _ in self._open:
            self._display.say(f"The import goes on at the server: openvoucher actions {action_id} --watch")


# --- dry runs ---------------------------------------------------------------------------------------


def check_dry_runs(api: Api, path: str) -> None:
    """Raises CommandFailed unless the server describes itself as an OpenVoucher that knows dry runs at
    this path: any other ignores the parameter and imports for real."""
    unfit = CommandFailed(
        f"{api.connection.url} is not known to make dry runs and would import for real. Nothing was sent."
    )
    try:
        document = api.get("/openapi.json", patient=False).document
    except Refused as refused:
        raise unfit from refused
    if not _describes_dry_runs(document, path):
        raise unfit


def check_is_dry(api: Api, action_id: str) -> None:
    """Raises CommandFailed unless the action itself says that it is a dry run."""
    action, _ = get_action(api, action_id)
    if action.dry_run is not True:
        raise CommandFailed(
            f"THIS WAS NO DRY RUN: the server took {action_id} for a real import. "
            f"`openvoucher actions {action_id} --cancel` may stop it."
        )


def _describes_dry_runs(document: dict[str, Any], path: str) -> bool:
    try:
        if document["info"]["title"] != "OpenVoucher":
            return False
        parameters = [
            parameter
            for template, item in document["paths"].items()
            if re.fullmatch(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(template)), path)
            for parameter in item["post"]["parameters"]
        ]
        return any(
            parameter.get("name") == "dry_run" and parameter.get("in") == "query" for parameter in parameters
        )
    except (KeyError, TypeError, AttributeError):
        return False
