import os
import stat
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import DataFolderUnusable
from openvoucher.platform.embedded_postgres.account import Account, choose_account
from openvoucher.platform.embedded_postgres.folders import make_parents, make_private_folder


@pytest.fixture
def account(place: Path) -> Account:
    return choose_account(place, place / "postgres")


def test_a_private_folder_is_the_accounts_alone(place: Path, account: Account) -> None:
    make_private_folder(place / "run", account)
    made = (place / "run").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_uid) == (0o700, account.uid)


def test_a_folder_of_ours_that_was_opened_is_closed_again(place: Path, account: Account) -> None:
    make_private_folder(place / "run", account)
    (place / "run").chmod(0o755)
    make_private_folder(place / "run", account)
    assert stat.S_IMODE((place / "run").stat().st_mode) == 0o700


def test_a_symbolic_link_is_not_followed(place: Path, account: Account) -> None:
    (place / "theirs").mkdir()
    (place / "theirs").chmod(0o755)
    (place / "run").symlink_to(place / "theirs")
    with pytest.raises(DataFolderUnusable, match="must be a folder of"):
        make_private_folder(place / "run", account)
    assert stat.S_IMODE((place / "theirs").stat().st_mode) == 0o755


def test_a_folder_of_somebody_else_is_refused(place: Path) -> None:
    stranger = Account(uid=54321, gid=54321, name="ann", is_another=False)
    if os.geteuid() == 0:
        pytest.skip("root may give every folder away")
    with pytest.raises(DataFolderUnusable, match="must be a folder of 'ann' alone"):
        make_private_folder(place / "run", stranger)


def test_parents_that_are_there_stay_as_they_are(place: Path) -> None:
    (place / "a").mkdir(mode=0o700)
    make_parents(place / "a" / "b" / "c")
    assert (place / "a" / "b" / "c").is_dir()
    assert stat.S_IMODE((place / "a").stat().st_mode) == 0o700
