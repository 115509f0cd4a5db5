import os
import stat
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from openvoucher.platform.embedded_postgres import (
    DataFolderUnusable,
    EmbeddedPostgres,
    StartFailed,
    data_folder,
    default_data_dir,
)
from openvoucher.platform.embedded_postgres.account import Account, choose_account
from openvoucher.platform.embedded_postgres.data_folder import (
    DataFolder,
    check_database_owner,
    check_passage,
    make_data_dir,
)

MakeServer = Callable[..., EmbeddedPostgres]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_roots_default_folder_is_one_that_other_accounts_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/openvoucher")


def test_an_ordinary_users_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_data_dir() == Path(platformdirs.user_data_dir("openvoucher"))


def test_two_spellings_of_a_folder_are_the_same_data_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "link").symlink_to(place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place))
    spellings = (Path("data"), Path("~/data"), place / "link" / "data", place / "x" / ".." / "data")
    assert {DataFolder.at(spelling) for spelling in spellings} == {DataFolder(place.resolve() / "data")}


def test_roots_new_folder_can_be_passed_through_and_so_can_its_new_parents(
    place: Path, only_as_root: None
) -> None:
    before = os.umask(0o077)
    try:
        make_data_dir(place / "a" / "b" / "data")
    finally:
        os.umask(before)
    assert [mode_of(place / path) for path in ("a", "a/b", "a/b/data")] == [0o755, 0o755, 0o711]
    assert mode_of(place) == 0o711


def test_an_ordinary_users_new_folder_is_closed_to_others(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    make_data_dir(place / "data")
    assert mode_of(place / "data") == 0o700


def test_an_empty_closed_folder_of_roots_is_opened_for_passing_through(
    place: Path, only_as_root: None
) -> None:
    (place / "empty").mkdir(mode=0o700)
    make_data_dir(place / "empty")
    assert mode_of(place / "empty") == 0o711


def test_a_closed_folder_with_something_in_it_is_left_as_it_is(place: Path) -> None:
    (place / "full" / "something").mkdir(parents=True)
    (place / "full").chmod(0o700)
    make_data_dir(place / "full")
    assert mode_of(place / "full") == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(place: Path) -> None:
    (place / "data").touch()
    with pytest.raises(DataFolderUnusable, match="is not a folder"):
        make_data_dir(place / "data")
    with pytest.raises(DataFolderUnusable, match="cannot be made: Not a directory"):
        make_data_dir(place / "data" / "below")


def test_passing_is_asked_of_the_system_and_what_blocks_is_named(place: Path, nobody: Account) -> None:
    data = DataFolder.at(place / "a" / "b")
    data.path.mkdir(parents=True)
    check_passage(data, nobody)
    (place / "a").chmod(0o750)
    with pytest.raises(DataFolderUnusable, match=rf"'nobody', which may not enter {place}/a \(mode 0750\)"):
        check_passage(data, nobody)
    os.chown(place / "a", -1, nobody.gid)
    check_passage(data, nobody)


def test_a_database_of_another_account_is_refused_with_both_ways_out(place: Path) -> None:
    (place / "postgres").mkdir()
    stranger = Account(uid=54321, gid=54321, name="ann", is_another=False)
    with pytest.raises(DataFolderUnusable) as refused:
        check_database_owner(DataFolder.at(place), stranger)
    assert "would run PostgreSQL as 'ann'. Start the server as before" in str(refused.value)
    assert f"chown -R ann {place}" in str(refused.value)


def test_files_that_are_no_database_are_not_touched(place: Path, make_server: MakeServer) -> None:
    (place / "data" / "postgres").mkdir(parents=True)
    (place / "data").chmod(0o711)
    (place / "data" / "postgres" / "precious").touch()
    os.chown(place / "data" / "postgres", choose_account(place, place / "postgres").uid, -1)
    with pytest.raises(DataFolderUnusable, match="holds files, but no database"):
        make_server(place / "data").start()
    assert [path.name for path in (place / "data" / "postgres").iterdir()] == ["precious"]


@pytest.fixture
def fake_initdb(place: Path) -> Callable[[str], Path]:
    """A folder with programs that say they are 18.6, and an initdb that does what the script says."""

    def plant(script: str) -> Path:
        bin_dir = place / "bin"
        bin_dir.mkdir()
        for name, body in (("initdb", script), ("postgres", "exit 1")):
            version = f"if [ $1 = --version ]; then echo '{name} (PostgreSQL) 18.6'; exit; fi"
            (bin_dir / name).write_text(f"#!/bin/sh\n{version}\n{body}\n")
            (bin_dir / name).chmod(0o755)
        return bin_dir

    return plant


def test_an_initdb_that_fails_leaves_nothing_that_looks_like_a_database(
    place: Path, make_server: MakeServer, fake_initdb: Callable[[str], Path]
) -> None:
    bin_dir = fake_initdb('echo 18 > "$2/PG_VERSION"; echo "no space left on device" >&2; exit 1')
    with pytest.raises(StartFailed, match=r"initdb of PostgreSQL 18\.6 .* failed: .*no space left on device"):
        make_server(place / "data", bin_dir=bin_dir).start()
    assert [path.name for path in (place / "data").iterdir()] == ["server.lock"]


def test_what_a_killed_initdb_left_is_removed(data_dir: Path, make_server: MakeServer) -> None:
    (data_dir / "postgres.new-abc").mkdir()
    (data_dir / "postgres.new-abc" / "PG_VERSION").write_text("18\n")
    make_server(data_dir).start()
    assert [path.name for path in data_dir.glob("postgres.new*")] == []


def test_a_system_without_the_locale_gets_byte_order_of_c(
    place: Path, make_server: MakeServer, fake_initdb: Callable[[str], Path]
) -> None:
    bin_dir = fake_initdb(
        'case "$*" in *--locale=C.UTF-8*) echo "invalid locale name" >&2; exit 1;; esac\n'
        'echo "$*" > "$2/PG_VERSION"'
    )
    with pytest.raises(StartFailed, match="ended while starting"):
        make_server(place / "data", bin_dir=bin_dir).start()
    options = (place / "data" / "postgres" / "PG_VERSION").read_text().split()
    assert "--locale=C" in options
    assert {"--encoding=UTF8", "--locale-provider=libc", "--data-checksums"} < set(options)


def test_roots_copies_of_programs_never_lie_in_another_accounts_folder(
    place: Path, only_as_root: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_folder, "ROOT_DATA_DIR", place / "roots")
    data = DataFolder.at(place)
    assert data.binaries == place.resolve() / "binaries"
    os.chown(place, 1, 1)
    assert data.binaries == place / "roots" / f"binaries-{data.digest}"
