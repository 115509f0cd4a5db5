"""`openvoucher migrate`: applies the numbered SQL files that the database does not have yet."""

import argparse
from importlib.resources import files
from pathlib import Path

from openvoucher.cli.database import run_with_database
from openvoucher.cli.options import (
    CommandFailed,
    add_database_options,
    add_log_options,
    read_command_settings,
)
from openvoucher.platform.db.migrations import CHECKSUMS, find_drift, load_migrations
from openvoucher.platform.db.preparation import migrate_database
from openvoucher.platform.observability import set_up_logging


def add_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)
    add_log_options(parser)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--check",
        action="store_true",
        help="only compare the migrations with their recorded checksums; needs no database",
    )
    instead.add_argument(
        "--write-checksums",
        action="store_true",
        help="for contributors: record the checksums after adding a migration. One that was released "
        "never changes: its line must stay as it is",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.check:
        return _check()
    if arguments.write_checksums:
        for line in write_checksums(Path(str(files("openvoucher") / "migrations"))):
            print(line)
        return 0
    settings = read_command_settings(arguments)
    set_up_logging(level=settings.log_level, format=settings.log_format)
    applied = run_with_database(settings, migrate_database)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("The database is up to date.")
    return 0


def write_checksums(folder: Path) -> list[str]:
    """Record the SHA-256 of each migration, in the format of sha256sum. Returns what changed, a line each.

    Raises CommandFailed when the folder cannot be written, as in an installed package.
    """
    path = folder / CHECKSUMS
    migrations = load_migrations(folder)
    before = path.read_text("utf-8").splitlines() if path.exists() else []
    after = [f"{migration.sha256}  {migration.name}" for migration in migrations]
    try:
        path.write_text("".join(f"{line}\n" for line in after), "utf-8")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from error
    known = {line.split("  ", 1)[1]: line for line in before}
    changes = [
        f"{'changed' if name in known else 'added'} {name}"
        for name, line in ((line.split("  ", 1)[1], line) for line in after)
        if known.get(name) != line
    ]
    names = {migration.name for migration in migrations}
    return changes + [f"removed {name}" for name in known if name not in names]


def _check() -> int:
    try:
        problems = find_drift()
    except FileNotFoundError:
        problems = [f"{CHECKSUMS} is missing"]
    for problem in problems:
        print(problem)
    return 1 if problems else 0
