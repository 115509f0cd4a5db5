"""`openvoucher doctor`: looks at what an operator can get wrong, and changes nothing."""

import argparse
import asyncio
import dataclasses
import os
import shutil
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Literal

from openvoucher.cli.keys_file import FILE_NAME
from openvoucher.cli.options import add_database_options, choose_data_dir, read_command_settings
from openvoucher.platform.db import DatabaseUnavailable
from openvoucher.platform.db.preparation import describe_database, examine_database
from openvoucher.platform.embedded_postgres import EmbeddedPostgresError, database_url
from openvoucher.settings import Settings

_LEAST_FREE_BYTES = 1024**3
_MOST_CLOCK_DIFFERENCE_SECONDS = 2.0
_API_ANSWERS_WITHIN_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. A `problem` makes the command end with 1."""

    level: Literal["ok", "note", "problem"]
    text: str


def add_options(parser: argparse.ArgumentParser) -> None:
    add_database_options(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_command_settings(arguments)
    problems = 0
    for finding in look_at_everything(settings):
        problems += finding.level == "problem"
        print(f"{finding.level:<8} {finding.text}", flush=True)
    return 1 if problems else 0


def look_at_everything(settings: Settings) -> Iterator[Finding]:
    yield from look_at_data_dir(settings)
    yield from look_at_database(settings)
    yield from look_at_api(settings)


def look_at_data_dir(settings: Settings) -> Iterator[Finding]:
    """Place, free space, and who can read the keys."""
    data_dir = choose_data_dir(settings)
    if not data_dir.exists():
        yield Finding("note", f"the data folder {data_dir} does not exist yet; the first start makes it")
        return
    free = shutil.disk_usage(data_dir).free
    if free < _LEAST_FREE_BYTES:
        yield Finding("problem", f"only {free // 1024**2} MB are free in the data folder {data_dir}")
    else:
        yield Finding("ok", f"data folder {data_dir}, {free // 1024**3} GB free")
    try:
        mode = stat.S_IMODE(os.stat(data_dir / FILE_NAME).st_mode)
    except OSError:
        yield Finding("note", f"no keys are kept in {data_dir / FILE_NAME}")
        return
    if mode & 0o077:
        yield Finding("problem", f"others can read the keys: chmod 600 {data_dir / FILE_NAME}")
    else:
        yield Finding("ok", f"keys in {data_dir / FILE_NAME}, readable by their owner alone")


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, would be accepted by a start, and has all migrations; and its clock."""
    try:
        url = settings.database_url or database_url(choose_data_dir(settings))
        report = asyncio.run(examine_database(url))
    except EmbeddedPostgresError as error:
        yield Finding("note", str(error))
        return
    except DatabaseUnavailable as error:
        text = str(error) if settings.database_url else "the embedded database runs with the server only"
        yield Finding("problem" if settings.database_url else "note", text)
        return
    yield Finding("ok", f"PostgreSQL {report.version} answers: {describe_database(url)}")
    if report.unsafe:
        yield Finding("note" if settings.allow_unsafe_database else "problem", report.unsafe)
    if report.pending:
        missing = ", ".join(report.pending)
        yield Finding("problem", f"the database lacks {missing}: run `openvoucher migrate`")
    if abs(report.clock_ahead_seconds) > _MOST_CLOCK_DIFFERENCE_SECONDS:
        # Due times are compared with the clocks of both.
        yield Finding(
            "problem",
            f"the clocks of the database and of this machine are {report.clock_ahead_seconds:+.0f} s apart",
        )


def look_at_api(settings: Settings) -> Iterator[Finding]:
    """Whether a server answers where these settings would make it listen."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"
    # A proxy that is configured for this machine has no business between it and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=_API_ANSWERS_WITHIN_SECONDS):
            yield Finding("ok", f"the API is ready: {address}")
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(1000).decode(errors="replace")
        yield Finding("problem", f"{address} answers {error.code}: {said}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        yield Finding("note", f"no API answers at {address} ({reason})")
