"""Options that several commands share, and the settings that come of them and the environment."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from openvoucher.platform.embedded_postgres import default_data_dir
from openvoucher.settings import InvalidSettings, Settings, read_settings


class CommandFailed(Exception):
    """A command cannot do what was asked; the text is for the operator."""


def add_database_options(parser: argparse.ArgumentParser) -> None:
    """Where the data are. The options are called like their fields of Settings."""
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="folder of the embedded database and of the generated keys (OPENVOUCHER_DATA_DIR)",
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="postgresql://… of a PostgreSQL to use instead of the embedded one. Others on this machine can "
        "read a password given here: prefer OPENVOUCHER_DATABASE_URL",
    )


def add_safety_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-unsafe-database",
        action="store_const",
        const=True,
        help="start though the database has fsync, full_page_writes or synchronous_commit off and can forget "
        "what it acknowledged (OPENVOUCHER_ALLOW_UNSAFE_DATABASE)",
    )


def add_log_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-level",
        type=str.upper,
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        help="least important lines to log (OPENVOUCHER_LOG_LEVEL)",
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        help="text for people, json for machines: one object a line (OPENVOUCHER_LOG_FORMAT)",
    )


def read_command_settings(arguments: argparse.Namespace) -> Settings:
    """The environment's settings, options given on the command line first. Raises InvalidSettings."""
    fields = Settings.__struct_fields__
    given = {name: value for name, value in vars(arguments).items() if name in fields}
    settings = read_settings(os.environ, **given)
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise InvalidSettings("OPENVOUCHER_DATABASE_URL (--database-url) starts with postgresql://")
    return settings


def choose_data_dir(settings: Settings) -> Path:
    """The data folder, made absolute. It may not exist yet."""
    return Path(settings.data_dir or default_data_dir()).expanduser().resolve()


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A type of option: a whole number between two bounds, both allowed."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
        return number

    return read
