from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from openvoucher.platform.embedded_postgres import EmbeddedPostgres
from openvoucher.platform.embedded_postgres.account import choose_account
from openvoucher.platform.embedded_postgres.configuration import (
    DEFAULT_SETTINGS,
    FIXED_SETTINGS,
    server_arguments,
    write_configuration,
)
from openvoucher.platform.embedded_postgres.data_folder import DataFolder

RunSql = Callable[..., Awaitable[list[Any]]]

DURABILITY = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


async def read_settings(url: str, names: list[str]) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select name, setting from pg_settings where name = any($1)", names)
    await connection.close()
    return {row["name"]: row["setting"] for row in rows}


async def test_what_was_acknowledged_is_on_the_disk_whatever_the_operator_configured(
    data_dir: Path, make_server: Callable[..., EmbeddedPostgres], run_sql: RunSql
) -> None:
    ours = make_server(data_dir)
    url = ours.start()
    assert await read_settings(url, [*DURABILITY]) == DURABILITY
    await run_sql(url, *(f"alter system set {name} = off" for name in DURABILITY), "select pg_reload_conf()")
    assert await read_settings(url, [*DURABILITY]) == DURABILITY
    ours.stop()
    ours.start()
    assert await read_settings(url, [*DURABILITY]) == DURABILITY
    # The operator's wish was heard, and overruled.
    assert await run_sql(url, "select setting from pg_file_settings where name = 'fsync'") == ["off"]
    await run_sql(url, "alter system reset all", "select")


async def test_defaults_are_set_and_can_be_changed_by_the_operator(
    data_dir: Path, make_server: Callable[..., EmbeddedPostgres], run_sql: RunSql
) -> None:
    ours = make_server(data_dir)
    url = ours.start()
    names = ["shared_buffers", "max_wal_size", "jit", "TimeZone", "log_timezone", "wal_level"]
    assert await read_settings(url, names) == {
        "shared_buffers": "16384",  # pages of 8 kB
        "max_wal_size": "2048",  # MB
        "jit": "off",
        "TimeZone": "UTC",
        "log_timezone": "UTC",
        "wal_level": "replica",
    }
    await run_sql(url, "alter system set max_wal_size = '3GB'", "select pg_reload_conf()")
    ours.stop()
    ours.start()
    assert await read_settings(url, ["max_wal_size"]) == {"max_wal_size": "3072"}
    await run_sql(url, "alter system reset all", "select")


async def test_postgresql_listens_on_the_private_socket_only(running: EmbeddedPostgres) -> None:
    settings = await read_settings(
        running.url, ["listen_addresses", "unix_socket_permissions", "password_encryption"]
    )
    assert settings == {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
    }


async def test_only_root_and_the_servers_account_are_let_in_and_nobody_over_the_network(
    running: EmbeddedPostgres, data_dir: Path
) -> None:
    connection = await asyncpg.connect(running.url)
    rules = await connection.fetch(
        "select type, database, user_name, auth_method, error from pg_hba_file_rules"
    )
    maps = await connection.fetch("select map_name, sys_name, pg_username, error from pg_ident_file_mappings")
    await connection.close()
    assert [tuple(rule) for rule in rules] == [("local", ["all", "replication"], ["all"], "peer", None)]
    account = choose_account(data_dir, data_dir / "postgres").name
    assert [tuple(mapped) for mapped in maps] == [
        ("openvoucher", name, "openvoucher", None) for name in sorted({"root", account})
    ]


@pytest.mark.parametrize("name", ['quote\'s "q" back\\slash', "ümläut 100%+", "com,ma"])
async def test_any_folder_name_works(
    move_data: Callable[[Path], Path],
    place: Path,
    make_server: Callable[..., EmbeddedPostgres],
    run_sql: RunSql,
    name: str,
) -> None:
    folder = move_data(place / name)
    url = make_server(folder).start()
    assert await run_sql(url, "select current_setting('data_directory')") == [str(folder / "postgres")]


def test_settings_of_the_command_line_and_of_the_file_do_not_meet() -> None:
    assert FIXED_SETTINGS.keys() & DEFAULT_SETTINGS.keys() == set()


def test_files_are_private_and_written_only_when_they_differ(data_dir: Path) -> None:
    data = DataFolder.at(data_dir)
    account = choose_account(data.path, data.database)
    write_configuration(data, account)
    files = sorted(data.config.iterdir())
    assert [file.name for file in files] == ["pg_hba.conf", "pg_ident.conf", "postgresql.conf"]
    before = [(file.stat().st_ino, file.stat().st_mode & 0o777, file.stat().st_uid) for file in files]
    assert {mode for _, mode, _ in before} == {0o600}
    assert {uid for _, _, uid in before} == {account.uid}
    files[0].write_text("local all all trust\n")
    write_configuration(data, account)
    assert "trust" not in files[0].read_text()
    assert [file.stat().st_ino for file in files[1:]] == [inode for inode, _, _ in before[1:]]


def test_the_folder_of_the_socket_is_quoted_for_postgresqls_list(place: Path) -> None:
    arguments = server_arguments(DataFolder.at(place), Path('/a "b"'))
    assert 'unix_socket_directories="/a ""b"""' in arguments
    assert arguments[:2] == ["-D", str(place / "postgres")]
