"""The command line: `openvoucher` and `python -m openvoucher`.

A command is a module of this package with `add_options(parser)` and `run(arguments) -> exit code`.
Only the chosen one is imported, so the parent of a server does not carry the application that its
children run. What an operator can put right is said in one line, without a traceback.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from openvoucher import __version__
from openvoucher.cli.options import CommandFailed
from openvoucher.platform.db import DatabaseUnavailable
from openvoucher.platform.db.durability import UnsafeDatabase
from openvoucher.platform.db.migrations import MigrationError
from openvoucher.platform.embedded_postgres import EmbeddedPostgresError
from openvoucher.platform.listener import ListenError
from openvoucher.platform.processes import ChildrenKeepDying
from openvoucher.settings import InvalidSettings

COMMANDS = {
    "serve": "start the server: API, bulk worker and, unless another one is named, its database",
    "worker": "run one more bulk worker on the database of a server",
    "migrate": "bring the database up to date",
    "import": "import codes from a CSV, JSON or NDJSON file by the API of a running server",
    "generate": "make codes for a campaign by the API of a running server",
    "actions": "show, watch, stop or take back imports, generations and other bulk work",
    "keys": "show the API keys that were made at the first start, or make new ones",
    "doctor": "look for what keeps a server from working well; changes nothing",
    "database-url": "print how psql, pg_dump and backups reach the database",
}
# Modules that cannot be called like their command.
_MODULES = {"import": "import_codes"}
# Started by the server itself; what they are to do comes over standard input.
CHILDREN = {"_api": "api_process", "_work": "worker_process"}


_KNOWN_ERRORS = (
    ChildrenKeepDying,
    CommandFailed,
    DatabaseUnavailable,
    EmbeddedPostgresError,
    InvalidSettings,
    ListenError,
    MigrationError,
    UnsafeDatabase,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Exit code: 0, 1 for what went wrong, 2 for wrong usage, 130 when interrupted."""
    arguments = [*sys.argv[1:]] if argv is None else [*argv]
    if arguments and arguments[0] in CHILDREN:
        module = importlib.import_module(f"openvoucher.cli.{CHILDREN[arguments[0]]}")
        return int(module.run_child())
    chosen = next((word for word in arguments if word in COMMANDS), None)
    parser = argparse.ArgumentParser(prog="openvoucher", description="A self-hosted promotion engine.")
    parser.add_argument("--version", action="version", version=f"openvoucher {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            module = importlib.import_module(f"openvoucher.cli.{_MODULES.get(name, name.replace('-', '_'))}")
            module.add_options(command)
            command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except _KNOWN_ERRORS as error:
        print(f"openvoucher: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("openvoucher: interrupted", file=sys.stderr)
        return 130
