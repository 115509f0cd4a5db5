import os
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openvoucher.platform.embedded_postgres import (
    DatabaseNotStarted,
    DataFolderUnusable,
    EmbeddedPostgres,
    database_url,
)
from openvoucher.platform.embedded_postgres.account import Account, choose_account
from openvoucher.platform.embedded_postgres.data_folder import DataFolder
from openvoucher.platform.embedded_postgres.socket_folder import prepare_socket_folder, socket_url

LONG_NAME = "d" * 120


@pytest.fixture
def long_folder(place: Path) -> Iterator[DataFolder]:
    """A data folder whose path is too long for a socket, with a database folder."""
    data = DataFolder.at(place / LONG_NAME)
    data.database.mkdir(parents=True)
    owner = choose_account(data.path, data.database).uid
    os.chown(data.database, owner, -1)
    yield data
    if data.run.is_symlink() and data.run.exists():
        data.run.resolve().rmdir()


def account_of(data: DataFolder) -> Account:
    return choose_account(data.path, data.database)


def test_the_url_is_one_for_libpq_and_asyncpg() -> None:
    assert (
        socket_url(Path("/a b/100%/run"))
        == "postgresql://openvoucher@/openvoucher?host=/a%20b/100%25/run&port=5432"
    )


def test_the_url_is_known_whether_the_server_runs_or_not(data_dir: Path) -> None:
    assert database_url(data_dir) == f"postgresql://openvoucher@/openvoucher?host={data_dir}/run&port=5432"


def test_a_folder_without_a_database_has_no_url(place: Path) -> None:
    for folder in (place, place / "nothing"):
        with pytest.raises(
            DatabaseNotStarted, match=f"started on the data folder {folder} yet.*openvoucher serve"
        ):
            database_url(folder)


def test_stale_sockets_and_their_locks_are_removed(place: Path) -> None:
    data = DataFolder.at(place)
    folder = prepare_socket_folder(data, account_of(data))
    assert folder == data.run
    (folder / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    (folder / ".s.PGSQL.5432").touch()
    prepare_socket_folder(data, account_of(data))
    assert list(folder.iterdir()) == []


async def test_a_data_folder_with_a_very_long_path_works(
    move_data: Callable[[Path], Path],
    place: Path,
    make_server: Callable[..., EmbeddedPostgres],
    run_sql: Callable[..., Awaitable[list[Any]]],
) -> None:
    (place / LONG_NAME).mkdir()
    (place / LONG_NAME).chmod(0o711)
    folder = move_data(place / LONG_NAME / LONG_NAME)
    ours = make_server(folder)
    url = ours.start()
    assert await run_sql(url, "select 1") == [1]
    assert database_url(folder) == url
    ours.stop()
    assert list((folder / "run").resolve().iterdir()) == []


def test_a_folder_elsewhere_is_private_named_after_the_data_folder_and_used_again(
    long_folder: DataFolder,
) -> None:
    account = account_of(long_folder)
    folder = prepare_socket_folder(long_folder, account)
    found = folder.stat()
    assert folder.name == f"openvoucher-{long_folder.digest}"
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, account.uid)
    assert long_folder.run.readlink() == folder
    assert prepare_socket_folder(long_folder, account) == folder


def test_a_name_that_somebody_else_took_is_not_used(long_folder: DataFolder) -> None:
    taken = prepare_socket_folder(long_folder, account_of(long_folder))
    taken.chmod(0o777)
    folder = prepare_socket_folder(long_folder, account_of(long_folder))
    assert folder != taken
    assert folder.name.startswith(f"{taken.name}-")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    taken.rmdir()


def test_the_url_is_refused_when_somebody_else_could_pose_as_the_server(long_folder: DataFolder) -> None:
    folder = prepare_socket_folder(long_folder, account_of(long_folder))
    folder.chmod(0o777)
    with pytest.raises(
        DataFolderUnusable, match=f"{folder}, the folder of the database's socket, belongs to"
    ):
        database_url(long_folder.path)


def test_a_copied_data_folder_does_not_lead_to_the_originals_server(
    long_folder: DataFolder, place: Path
) -> None:
    prepare_socket_folder(long_folder, account_of(long_folder))
    (place / "copy" / "postgres").mkdir(parents=True)
    (place / "copy" / "run").symlink_to(long_folder.run.readlink())
    with pytest.raises(DatabaseNotStarted):
        database_url(place / "copy")


def test_a_folder_that_got_a_shorter_path_gets_its_socket_back(long_folder: DataFolder, place: Path) -> None:
    prepare_socket_folder(long_folder, account_of(long_folder))
    long_folder.run.resolve().rmdir()
    moved = DataFolder.at(long_folder.path.rename(place / "short"))
    assert prepare_socket_folder(moved, account_of(moved)) == moved.run
    assert not moved.run.is_symlink()


def test_no_place_for_a_socket_at_all_is_said(
    long_folder: DataFolder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(place / LONG_NAME))
    ordinary = Account(uid=os.geteuid(), gid=os.getegid(), name="ann", is_another=False)
    with pytest.raises(DataFolderUnusable, match="No socket can be made in"):
        prepare_socket_folder(long_folder, ordinary)
