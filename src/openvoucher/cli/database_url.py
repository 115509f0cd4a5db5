"""`openvoucher database-url`: for psql "$(openvoucher database-url)", pg_dump and backups."""

import argparse

from openvoucher.cli.options import add_database_options, choose_data_dir, read_command_settings
from openvoucher.platform.embedded_postgres import database_url


def add_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_command_settings(arguments)
    print(settings.database_url or database_url(choose_data_dir(settings)))
    return 0
