"""What PostgreSQL is started with.

Two kinds of settings. Those that a promise rests on, and the plumbing, stand on the command line, where
neither `postgresql.conf` nor `ALTER SYSTEM` can change them. Those that are only sensible defaults stand in a
file; an operator changes them with `ALTER SYSTEM` and a restart.

Who may connect: authentication is `peer`, the kernel's word on which account the other end of the unix socket
runs as, with a map that lets root and the account of the server in, as the role openvoucher. It works the
same when the server is root and PostgreSQL is not, and there is no password to keep, to print or to leak.
Both may read the database's files anyway, so the map opens nothing new. The socket's folder (0700) and the
socket itself (0700) are a second wall, and there is no third way in: PostgreSQL listens on no network
address.
"""

import sys
from pathlib import Path

from openvoucher.platform.embedded_postgres.account import Account, account_name
from openvoucher.platform.embedded_postgres.data_folder import ROLE, DataFolder
from openvoucher.platform.embedded_postgres.errors import DataFolderUnusable
from openvoucher.platform.embedded_postgres.folders import make_private_folder
from openvoucher.platform.embedded_postgres.socket_folder import PORT

FIXED_SETTINGS = {
    # What was acknowledged is on the disk.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    # Messages go to the file that the server opened, which it also keeps from growing without end.
    "logging_collector": "off",
    "log_destination": "stderr",
}
if sys.platform == "darwin":
    # There a plain fsync leaves the data in the drive's cache.
    FIXED_SETTINGS["wal_sync_method"] = "fsync_writethrough"

DEFAULT_SETTINGS = {
    "shared_buffers": "128MB",
    # Fewer checkpoints under bulk work, each of which makes every page's next change log the whole page.
    "max_wal_size": "2GB",
    # Compiling costs more than it saves in short statements, and not every provider has it.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "cluster_name": "openvoucher",
}


def write_configuration(data: DataFolder, account: Account) -> None:
    """Write the files of `config/`, where they differ. Raises DataFolderUnusable.

    The folder is PostgreSQL's account's, so that account writes them: root would follow links that it left
    there.
    """
    make_private_folder(data.config, account)
    for name, text in _files(data, account).items():
        path = data.config / name
        if path.is_file() and path.read_text(errors="replace") == text:
            continue
        script = 'umask 077 && cat > "$1.new" && mv -f "$1.new" "$1"'
        written = account.run(["/bin/sh", "-c", script, "sh", path], text_input=text)
        if written.returncode != 0:
            raise DataFolderUnusable(f"{path} cannot be written: {written.stderr.strip()}")


def server_arguments(data: DataFolder, socket_folder: Path) -> list[str]:
    """The arguments of `postgres`."""
    settings = {
        **FIXED_SETTINGS,
        "unix_socket_directories": f'"{_double(str(socket_folder), chr(34))}"',
        "config_file": str(data.config / "postgresql.conf"),
        "hba_file": str(data.config / "pg_hba.conf"),
        "ident_file": str(data.config / "pg_ident.conf"),
    }
    arguments = ["-D", str(data.database)]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    return arguments


def _files(data: DataFolder, account: Account) -> dict[str, str]:
    note = "# Written by OpenVoucher at each start: changes made here are lost.\n"
    included = _double(_double(str(data.database / "postgresql.conf"), "\\"), "'")
    settings = "".join(f"{name} = '{value}'\n" for name, value in DEFAULT_SETTINGS.items())
    names = sorted({name for name in (account_name(0), account.name) if name is not None})
    return {
        "postgresql.conf": f"{note}include '{included}'\n{settings}",
        "pg_hba.conf": f"{note}local all,replication all peer map={ROLE}\n",
        "pg_ident.conf": note + "".join(f'{ROLE} "{_double(name, chr(34))}" {ROLE}\n' for name in names),
    }


def _double(text: str, character: str) -> str:
    return text.replace(character, character * 2)
