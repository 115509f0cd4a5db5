"""`openvoucher keys`: the API keys that were made on this data folder, or new ones."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from openvoucher.cli.database import run_with_database
from openvoucher.cli.keys_file import FILE_NAME, write_keys_file
from openvoucher.cli.options import (
    CommandFailed,
    add_database_options,
    choose_data_dir,
    read_command_settings,
)
from openvoucher.features.projects.service import (
    KINDS,
    KeyBelongsToAnotherProject,
    KeyKind,
    KeyPair,
    make_key_pair,
    set_up_first_project,
)
from openvoucher.platform.db import Database
from openvoucher.platform.db.preparation import migrate_database
from openvoucher.platform.embedded_postgres import EmbeddedPostgresError
from openvoucher.platform.embedded_postgres.data_folder import make_data_dir
from openvoucher.settings import Settings

_HEADERS = {
    "server": ("Server side", "X-App-Id", "X-App-Token"),
    "client": ("Client side", "X-Client-Application-Id", "X-Client-Token"),
    "management": ("Management", "X-Management-Id", "X-Management-Token"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)
    parser.add_argument(
        "--new",
        action="store_true",
        help="make three more key pairs for the first project and print them; the old ones stay valid",
    )


def run(arguments: argparse.Namespace) -> int:
    settings = read_command_settings(arguments)
    data_dir = choose_data_dir(settings)
    if not arguments.new:
        print(f"# {data_dir / FILE_NAME}\n{read_keys(data_dir)}", end="")
        return 0
    pairs = {kind: make_key_pair(kind) for kind in KINDS}

    async def store_pairs(url: str) -> None:
        await migrate_database(url)
        await set_up_project(url, pairs)

    run_with_database(settings, store_pairs)
    print(describe_keys(keep_keys(data_dir, [*pairs.values()]), [*pairs.values()]))
    return 0


def read_keys(data_dir: Path) -> str:
    """The content of the keys file. Raises CommandFailed."""
    path = data_dir / FILE_NAME
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise CommandFailed(
            f"There is no {path}: no keys were made on this data folder, or the file was moved away. "
            "`openvoucher keys --new` makes another set."
        ) from None
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error


def given_keys(settings: Settings) -> dict[KeyKind, KeyPair]:
    """The pairs that the settings bring."""
    pairs = (
        KeyPair("server", settings.app_id, settings.app_token),
        KeyPair("client", settings.client_id, settings.client_token),
        KeyPair("management", settings.management_id, settings.management_token),
    )
    return {pair.kind: pair for pair in pairs if pair.app_id}


async def set_up_project(
    url: str,
    given: dict[KeyKind, KeyPair],
    *,
    keep: Callable[[Sequence[KeyPair]], object] = lambda _made: None,
) -> list[KeyPair]:
    """Make the first project if there is none; the pairs that were made now, after `keep` has had
    them. Raises CommandFailed."""
    db = Database(url, size=1, application_name="openvoucher start")
    try:
        _, made = await set_up_first_project(db, given=given, now=datetime.now(UTC), keep=keep)
    except KeyBelongsToAnotherProject as error:
        raise CommandFailed(str(error)) from error
    finally:
        await db.close()
    return made


def keep_keys(data_dir: Path, pairs: Sequence[KeyPair]) -> Path | None:
    """Write the keys file; None, and a complaint, where that is impossible."""
    try:
        make_data_dir(data_dir)
        return write_keys_file(data_dir, pairs)
    except (OSError, EmbeddedPostgresError) as error:
        print(f"openvoucher: {data_dir / FILE_NAME} cannot be written: {error}", file=sys.stderr)
        return None


def describe_keys(path: Path | None, pairs: Sequence[KeyPair]) -> str:
    """The block that shows new keys to the operator."""
    kept = f"kept in {path}, readable by you alone" if path else "kept nowhere: note them now"
    lines = [f"New API keys. They are shown this once, and {kept}."]
    for pair in pairs:
        title, id_header, secret_header = _HEADERS[pair.kind]
        lines += [
            "",
            f"  {title:<12} {id_header}: {pair.app_id}",
            f"  {'':<12} {secret_header}: {pair.secret}",
        ]
    return "\n".join([*lines, ""])


def show_curl(address: str, pair: KeyPair) -> str:
    """A first request that works as it is pasted."""
    return f"  curl -H 'X-App-Id: {pair.app_id}' -H 'X-App-Token: {pair.secret}' {address}/v1/campaigns"
