"""Which operating system account PostgreSQL runs as.

PostgreSQL refuses to run as root. When we are root, its processes change to the owner of the data, or to
`nobody` when there are no data yet; no account is ever created. Anybody else runs PostgreSQL as themselves.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from openvoucher.platform.embedded_postgres.errors import AccountUnusable

if sys.platform != "win32":
    import pwd

MINIMAL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
PASSED_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class UserSwitch(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the user of a child."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account of PostgreSQL's processes.

    `is_another` when children have to change to it (we are root).
    """

    uid: int
    gid: int
    name: str
    is_another: bool

    def switch(self) -> UserSwitch:
        """Arguments for `subprocess` that make a child run as this account, with no group but its own."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_another else {}

    def run(self, command: Sequence[str | Path], *, text_input: str = "") -> subprocess.CompletedProcess[str]:
        """Run a short command as this account, in `/`, and collect what it prints.

        The exit code is not checked. Raises AccountUnusable when this process may not change to the account,
        PermissionError when the account may not execute the command.
        """
        try:
            return subprocess.run(
                [str(part) for part in command],
                input=text_input,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                cwd="/",
                env=child_environment(),
                **self.switch(),
            )
        except OSError as error:
            # A failed change of user and a program that may not be executed look alike (EPERM, EACCES,
            # EINVAL): only the second one has a program that another command can stand in for.
            if self.is_another and not self._can_be_entered():
                raise AccountUnusable(
                    f"PostgreSQL does not run as root, and this process may not change to the account "
                    f"{self.name!r} ({error.strerror}). Start the server as an ordinary user, or give the "
                    "container the capabilities SETUID and SETGID."
                ) from error
            raise

    def _can_be_entered(self) -> bool:
        try:
            subprocess.run(["/bin/sh", "-c", ":"], check=False, cwd="/", **self.switch())
        except OSError:
            return False
        return True


def child_environment() -> dict[str, str]:
    """The environment of PostgreSQL's processes.

    A short list instead of a copy: the server's own secrets stay out of it, and PG* variables (PGPORT,
    PGDATA, PGOPTIONS …) would change settings behind our back. LC_ALL=C keeps messages in English, and macOS
    needs it: without a valid locale its libraries start a thread inside the postmaster, which then refuses to
    run.
    """
    kept = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    return {"PATH": MINIMAL_PATH, **kept, "LC_ALL": "C"}


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def account_name(uid: int) -> str | None:
    """The name of a user id, None when the system's account list does not have it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def describe_account(uid: int) -> str:
    """A user id for messages: its name, or its number where it has none."""
    name = account_name(uid)
    return f"user id {uid}" if name is None else repr(name)


def choose_account(data_dir: Path, database: Path) -> Account:
    """The account that PostgreSQL runs as for this data folder (which exists; `database` may not yet).

    Not root: ourselves. Root: the owner of the database folder; before there is one, the owner of the data
    folder, unless that is root or has no name in this system (a bind mount in a container); then `nobody`.
    Raises AccountUnusable.
    """
    if not is_root():
        return _own_account()
    if database.is_dir() and any(database.iterdir()):
        owner = database.stat().st_uid
        if owner == 0:
            raise AccountUnusable(
                f"{database} belongs to root, and PostgreSQL does not run as root. Give it to the account "
                f"that it should run as, for example: chown -R nobody {database}"
            )
        if account_name(owner) is None:
            raise AccountUnusable(
                f"{database} belongs to user id {owner}, which has no account here, and PostgreSQL needs "
                f"one. Add the account, or give the folder to one that exists: chown -R nobody {database}"
            )
        return _account_of(owner)
    owner = data_dir.stat().st_uid
    if owner != 0 and account_name(owner) is not None:
        return _account_of(owner)
    try:
        return _account_of(pwd.getpwnam("nobody").pw_uid)
    except KeyError:
        raise AccountUnusable(
            "PostgreSQL does not run as root, and there is no account `nobody` to run it as. Start the "
            "server as an ordinary user, or give the data folder to the account that PostgreSQL should run "
            "as."
        ) from None


def _own_account() -> Account:
    uid = os.geteuid()
    name = account_name(uid)
    if name is None:
        raise AccountUnusable(
            f"The user id {uid} has no entry in the system's list of accounts, and PostgreSQL needs one. "
            "Start the server as a user that has an account (in a container: add one to the image), or use "
            "an external PostgreSQL."
        )
    return Account(uid=uid, gid=os.getegid(), name=name, is_another=False)


def _account_of(uid: int) -> Account:
    entry = pwd.getpwuid(uid)
    return Account(uid=uid, gid=entry.pw_gid, name=entry.pw_name, is_another=True)
