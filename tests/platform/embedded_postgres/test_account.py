import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import AccountUnusable
from openvoucher.platform.embedded_postgres import account as module
from openvoucher.platform.embedded_postgres.account import (
    Account,
    account_name,
    child_environment,
    choose_account,
    describe_account,
)

NO_ACCOUNT = 54321


@pytest.mark.usefixtures("only_as_root")
@pytest.mark.parametrize(
    ("owner_of_the_folder", "owner_of_the_database", "chosen"),
    [
        ("root", None, "nobody"),
        ("daemon", None, "daemon"),
        (NO_ACCOUNT, None, "nobody"),
        ("root", "daemon", "daemon"),
        ("daemon", "nobody", "nobody"),
    ],
)
def test_root_runs_postgresql_as_the_owner_of_the_data_or_as_nobody(
    place: Path, owner_of_the_folder: str | int, owner_of_the_database: str | None, chosen: str
) -> None:
    give(place, owner_of_the_folder)
    if owner_of_the_database is not None:
        make_database(place, owner_of_the_database)
    account = choose_account(place, place / "postgres")
    assert (account.name, account.is_another) == (chosen, True)
    assert account.switch() == {"user": account.uid, "group": account.gid, "extra_groups": []}


@pytest.mark.usefixtures("only_as_root")
@pytest.mark.parametrize(
    ("owner", "complaint"),
    [
        ("root", "belongs to root, and PostgreSQL does not run as root"),
        (NO_ACCOUNT, "user id 54321, which has no"),
    ],
)
def test_root_refuses_a_database_whose_owner_cannot_run_postgresql(
    place: Path, owner: str | int, complaint: str
) -> None:
    make_database(place, owner)
    with pytest.raises(AccountUnusable, match=f"{complaint}.*chown -R nobody {place}/postgres"):
        choose_account(place, place / "postgres")


def test_an_ordinary_user_runs_postgresql_as_itself_whoever_owns_the_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    account = choose_account(place, place / "postgres")
    assert account == Account(uid=1, gid=os.getegid(), name="daemon", is_another=False)
    assert account.switch() == {}


def test_a_user_without_an_account_is_told_that_postgresql_needs_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NO_ACCOUNT)
    with pytest.raises(AccountUnusable, match="The user id 54321 has no entry"):
        choose_account(place, place / "postgres")


def test_a_command_runs_as_the_account_without_roots_groups_and_outside_roots_folder(nobody: Account) -> None:
    assert nobody.run(["/bin/sh", "-c", "id -u; id -G; pwd"]).stdout.split() == [
        str(nobody.uid),
        str(nobody.gid),
        "/",
    ]
    assert nobody.run(["cat"], text_input="to read").stdout == "to read"


def test_root_that_may_not_change_accounts_is_told_so(
    nobody: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(AccountUnusable, match=r"may not change to the account 'nobody'.*SETUID and SETGID"):
        nobody.run(["true"])


def test_a_missing_program_is_not_taken_for_a_forbidden_account(nobody: Account) -> None:
    with pytest.raises(FileNotFoundError):
        nobody.run(["/nothing/here"])


def test_children_get_neither_secrets_nor_variables_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os,
        "environ",
        {
            "PATH": "/bin",
            "PGPORT": "1",
            "PGDATA": "x",
            "OPENVOUCHER_KEY": "s",
            "LANG": "de_DE",
            "TMPDIR": "/t",
        },
    )
    assert child_environment() == {"PATH": "/bin", "TMPDIR": "/t", "LC_ALL": "C"}


def test_an_account_is_shown_by_its_name_or_by_its_number() -> None:
    assert (account_name(0), describe_account(0)) == ("root", "'root'")
    assert (account_name(NO_ACCOUNT), describe_account(NO_ACCOUNT)) == (None, "user id 54321")


def test_windows_has_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not module.is_root()


def give(path: Path, owner: str | int) -> None:
    if owner == NO_ACCOUNT:
        os.chown(path, NO_ACCOUNT, NO_ACCOUNT)
    else:
        os.chown(path, pwd.getpwnam(str(owner)).pw_uid, -1)


def make_database(place: Path, owner: str | int) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text("18\n")
    give(place / "postgres", owner)
