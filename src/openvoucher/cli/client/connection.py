"""Which server a command speaks to, and with which keys."""

import argparse
import dataclasses
import ipaddress
import urllib.parse
from pathlib import Path

from openvoucher.cli.keys_file import FILE_NAME, VARIABLES
from openvoucher.cli.options import CommandFailed, choose_data_dir, read_command_settings, whole_number
from openvoucher.settings import InvalidSettings, Settings

_TIMEOUT_SECONDS = 900


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """A server and the key pair for it. The secret stays out of what is printed of this."""

    url: str
    app_id: str
    app_token: str = dataclasses.field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return _is_local(self.url)

    @property
    def is_readable_on_the_way(self) -> bool:
        """Whether others on the network could read the keys."""
        return self.url.startswith("http:") and not self.is_local


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """There is no option for the secret itself: others on this machine can read a command line."""
    group = parser.add_argument_group(
        "the server",
        "Keys come from OPENVOUCHER_APP_ID and OPENVOUCHER_APP_TOKEN, from a file of these two, or, for a "
        "server on this machine, from the data folder.",
    )
    group.add_argument(
        "--url",
        metavar="URL",
        help="address of the API (OPENVOUCHER_URL); default: the server on this machine",
    )
    group.add_argument("--keys-file", metavar="FILE", help="a file like keys.env with the two key variables")
    group.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="data folder of the server on this machine (OPENVOUCHER_DATA_DIR)",
    )
    group.add_argument(
        "--timeout",
        type=whole_number(1, 604_800),
        default=_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"give up when the server has not answered for so long (default {_TIMEOUT_SECONDS}). "
        "Work that it has taken goes on",
    )


def choose_connection(arguments: argparse.Namespace) -> Connection:
    """Address and keys by options, then environment, then data folder.

    Raises CommandFailed, InvalidSettings.
    """
    settings = read_command_settings(arguments)
    url = _check_url(settings.url or _local_url(settings))
    if arguments.keys_file:
        return Connection(url, *_read_pair(Path(arguments.keys_file)))
    if settings.app_id:
        return Connection(url, settings.app_id, settings.app_token)
    path = choose_data_dir(settings) / FILE_NAME
    if not _is_local(url):
        # Keys of the server here are nobody else's business.
        raise CommandFailed(
            f"No keys for {url}: set OPENVOUCHER_APP_ID and OPENVOUCHER_APP_TOKEN, or name a file with them "
            f"by --keys-file. The keys of the data folder are sent to servers on this machine only."
        )
    if not path.exists():
        raise CommandFailed(
            f"No keys for {url}: set OPENVOUCHER_APP_ID and OPENVOUCHER_APP_TOKEN, or name a file with them "
            f"by --keys-file. There is no {path}."
        )
    return Connection(url, *_read_pair(path))


def _local_url(settings: Settings) -> str:
    host = settings.host
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - listened on, not spoken to
        host = "127.0.0.1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _check_url(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
        parts = urllib.parse.SplitResult("", "", "", "", "")
    if not good or parts.query or parts.fragment:
        raise InvalidSettings(
            f"OPENVOUCHER_URL (--url) is an address like https://promo.example.com, not {url!r}"
        )
    if parts.username or parts.password:
        raise InvalidSettings("OPENVOUCHER_URL (--url) has no user or password in it: keys are given apart")
    # Addresses of the API are often quoted with the version.
    return url.rstrip("/").removesuffix("/v1")


def _is_local(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_pair(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"The keys file {path} cannot be read: {problem}.") from error
    # `openvoucher keys` puts a comment before the lines.
    values = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    first, second = (values.get(name, "").strip() for name in VARIABLES["server"])
    if not (first and second):
        raise CommandFailed(f"The keys file {path} lacks {' or '.join(VARIABLES['server'])}.")
    return first, second
