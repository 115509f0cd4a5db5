import asyncio
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openvoucher.cli import main
from openvoucher.cli.keys import describe_keys, given_keys, set_up_project, show_curl
from openvoucher.cli.options import CommandFailed
from openvoucher.features.projects.service import KeyKind, KeyPair, KeyRing
from openvoucher.platform.db import Database
from openvoucher.settings import Settings
from programs import run_openvoucher
from servers import read_curl, serving


def test_keys_are_printed_as_they_are_kept_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys.env").write_text("OPENVOUCHER_APP_ID=app\n", "utf-8")
    assert main(["keys", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"# {tmp_path}/keys.env\nOPENVOUCHER_APP_ID=app\n"


def test_without_kept_keys_it_says_how_to_make_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "--data-dir", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"There is no {tmp_path}/keys.env" in captured.err
    assert "openvoucher keys --new" in captured.err


def test_the_settings_bring_the_pairs_that_are_complete() -> None:
    assert given_keys(Settings()) == {}
    assert given_keys(Settings(app_id="a", app_token="b", management_id="c", management_token="d")) == {
        "server": KeyPair("server", "a", "b"),
        "management": KeyPair("management", "c", "d"),
    }


async def test_pairs_that_are_not_given_are_made_at_the_first_start_only(database_url: str) -> None:
    given: dict[KeyKind, KeyPair] = {"server": KeyPair("server", "mine", "my secret")}
    made = await set_up_project(database_url, given)
    assert [pair.kind for pair in made] == ["client", "management"]
    assert await set_up_project(database_url, given) == []
    assert await set_up_project(database_url, {}) == []


async def test_ten_first_starts_at_once_make_one_project(database_url: str) -> None:
    made = await asyncio.gather(*(set_up_project(database_url, {}) for _ in range(10)))
    assert sorted(map(len, made)) == [0] * 9 + [3]


async def test_a_key_of_another_project_is_refused(database_url: str, db: Database) -> None:
    await set_up_project(database_url, {})
    async with db.connection() as connection:
        other = await connection.fetchval(
            "insert into project (uid, name, asset_key, created_at)"
            " values (gen_random_uuid(), 'other', '', $1) returning id",
            datetime(2026, 1, 1, tzinfo=UTC),
        )
        await connection.execute(
            "insert into api_key (project_id, id, kind, app_id, secret_sha256, created_at)"
            " values ($1, gen_random_uuid(), 'server', 'theirs', '', now())",
            other,
        )
    with pytest.raises(CommandFailed, match="The server key theirs belongs to another project"):
        await set_up_project(database_url, {"server": KeyPair("server", "theirs", "secret")})


def test_new_keys_are_shown_with_their_headers() -> None:
    pairs = [
        KeyPair("server", "a1", "a2"),
        KeyPair("client", "b1", "b2"),
        KeyPair("management", "c1", "c2"),
    ]
    shown = describe_keys(Path("/data/keys.env"), pairs)
    assert shown.startswith("New API keys. They are shown this once, and kept in /data/keys.env")
    assert re.findall(r"(X-\S+): (\w+)", shown) == [
        ("X-App-Id", "a1"),
        ("X-App-Token", "a2"),
        ("X-Client-Application-Id", "b1"),
        ("X-Client-Token", "b2"),
        ("X-Management-Id", "c1"),
        ("X-Management-Token", "c2"),
    ]
    assert "kept nowhere: note them now" in describe_keys(None, pairs)


def test_the_first_request_survives_a_shell() -> None:
    command = show_curl("http://127.0.0.1:8000", KeyPair("server", "a1", "s-_x"))
    assert shlex.split(command)[0] == "curl"
    assert read_curl(command) == (
        "http://127.0.0.1:8000/v1/campaigns",
        {"X-App-Id": "a1", "X-App-Token": "s-_x"},
    )


async def test_keys_that_cannot_be_kept_are_shown_all_the_same(
    database_url: str, db: Database, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", "utf-8")
    done = await asyncio.to_thread(
        run_openvoucher, "keys", "--new", "--data-dir", str(blocked), OPENVOUCHER_DATABASE_URL=database_url
    )
    assert done.returncode == 0
    assert "kept nowhere: note them now" in done.stdout
    assert "keys.env cannot be written" in done.stderr
    app_id, secret = re.findall(r"X-App-(?:Id|Token): (\S+)", done.stdout)
    assert (await KeyRing(db).authenticate("server", app_id, secret)).app_id == app_id


@pytest.mark.slow
def test_new_keys_work_beside_the_old_ones_whether_a_server_runs_or_not(data_dir: Path) -> None:
    folder = ("--data-dir", str(data_dir))
    made_before_the_first_start = run_openvoucher("keys", "--new", *folder)
    assert made_before_the_first_start.returncode == 0, made_before_the_first_start.stderr
    with serving(data_dir) as server:
        first = server.keys
        assert "New API keys" not in server.program.output
        assert server.answers(first)
        assert run_openvoucher("keys", "--new", *folder).returncode == 0
        second = server.keys
        assert second["OPENVOUCHER_APP_ID"] != first["OPENVOUCHER_APP_ID"]
        assert server.answers(second)
        assert server.answers(first)
    assert (data_dir / "keys.env").read_text("utf-8") in run_openvoucher("keys", *folder).stdout
