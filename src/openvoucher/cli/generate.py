"""`openvoucher generate`: new codes for a campaign, by the API."""

import argparse
import sys
from typing import Any
from urllib.parse import quote

import msgspec

from openvoucher.cli.client.api import Api
from openvoucher.cli.client.bodies import JsonBody
from openvoucher.cli.client.connection import add_connection_options, choose_connection
from openvoucher.cli.client.display import Display
from openvoucher.cli.client.following import follow_action
from openvoucher.cli.client.submission import Submitter, Work
from openvoucher.cli.options import CommandFailed, whole_number

# As many as the API takes at once.
_MOST_CODES = 1_000_000_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("count", metavar="COUNT", type=whole_number(1, _MOST_CODES), help="how many codes")
    parser.add_argument(
        "--campaign", metavar="C", required=True, help="campaign (name or id) that gets the codes"
    )
    codes = parser.add_argument_group("the codes", "What is not given is the campaign's.")
    codes.add_argument("--pattern", help="each # becomes a character: SPRING-######")
    codes.add_argument("--prefix", help="stands before the pattern")
    codes.add_argument("--postfix", help="stands after the pattern: --postfix=-A")
    codes.add_argument(
        "--length", type=whole_number(1, 500), metavar="N", help="instead of a pattern: so many #"
    )
    codes.add_argument("--charset", metavar="CHARACTERS", help="the characters to choose from")
    ending = parser.add_mutually_exclusive_group()
    ending.add_argument("--no-wait", action="store_true", help="print the id of the async action and leave")
    ending.add_argument(
        "--json", action="store_true", help="print the ended async action (or the one voucher) as JSON"
    )
    add_connection_options(parser)


def run(arguments: argparse.Namespace) -> int:
    connection = choose_connection(arguments)
    display = Display(sys.stderr)
    if connection.is_readable_on_the_way:
        display.say(f"Warning: the keys travel to {connection.url} unencrypted; use https.")
    with Api(connection, timeout_seconds=arguments.timeout, say=display.say) as api:
        answer = Submitter(api, say=display.say).submit(make_work(arguments))
        if "async_action_id" not in answer:
            return _print_voucher(answer, as_json=arguments.json)
        action_id = str(answer["async_action_id"])
        if arguments.no_wait:
            print(action_id)
            return 0
        return follow_action(
            api, action_id, display, "Generating", rows=arguments.count, as_json=arguments.json
        )


def make_work(arguments: argparse.Namespace) -> Work:
    """The request for so many codes."""
    given = {
        name: getattr(arguments, name)
        for name in ("pattern", "prefix", "postfix", "length", "charset")
        if getattr(arguments, name) is not None
    }
    body: dict[str, Any] = {"code_config": given} if given else {}
    return Work(
        f"/v1/campaigns/{quote(arguments.campaign, safe='')}/vouchers",
        JsonBody(msgspec.json.encode(body)),
        # A single code is made at once, and its answer is the voucher.
        "CAMPAIGN.VOUCHERS_GENERATE" if arguments.count > 1 else None,
        {"vouchers_count": arguments.count},
        noun="generation",
        rows=arguments.count,
    )


def _print_voucher(voucher: dict[str, Any], *, as_json: bool) -> int:
    code = voucher.get("code")
    if not isinstance(code, str):
        raise CommandFailed("The server's answer has neither a code nor an async action.")
    print(msgspec.json.encode(voucher).decode() if as_json else code)
    return 0
