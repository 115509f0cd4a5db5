import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from openvoucher.cli import doctor, main
from openvoucher.cli.doctor import Finding, look_at_api, look_at_data_dir, look_at_database
from openvoucher.settings import Settings


def levels(findings: Iterator[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def texts(findings: Iterator[Finding]) -> str:
    return "\n".join(f"{finding.level}: {finding.text}" for finding in findings)


# --- the data folder -------------------------------------------------------------------------------


def test_a_data_folder_that_is_not_there_yet_is_no_problem(tmp_path: Path) -> None:
    assert levels(look_at_data_dir(Settings(data_dir=str(tmp_path / "none")))) == ["note"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "problem"), (0o604, "problem")])
def test_keys_that_others_can_read_are_a_problem(tmp_path: Path, mode: int, level: str) -> None:
    (tmp_path / "keys.env").touch()
    (tmp_path / "keys.env").chmod(mode)
    assert levels(look_at_data_dir(Settings(data_dir=str(tmp_path)))) == ["ok", level]


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LEAST_FREE_BYTES", 2**80)
    assert levels(look_at_data_dir(Settings(data_dir=str(tmp_path)))) == ["problem", "note"]


# --- the database ----------------------------------------------------------------------------------


def test_a_migrated_database_is_in_order(database_url: str) -> None:
    assert levels(look_at_database(Settings(database_url=database_url))) == ["ok"]


def test_an_embedded_database_that_does_not_run_is_no_problem(tmp_path: Path) -> None:
    assert levels(look_at_database(Settings(data_dir=str(tmp_path)))) == ["note"]


def test_a_configured_database_that_does_not_answer_is_one() -> None:
    found = texts(look_at_database(Settings(database_url="postgresql://ann:secret@127.0.0.1:1/promo")))
    assert found.startswith("problem: The database 127.0.0.1:1/promo cannot be reached")
    assert "secret" not in found


async def spoil(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "delete from schema_migration where number = 2; do $$ begin execute"
        " format('alter database %I set synchronous_commit = off', current_database()); end $$"
    )
    await connection.close()


@pytest.fixture
async def spoilt_url(database_url: str) -> str:
    """URL of a database that lacks a migration and may forget."""
    await spoil(database_url)
    return database_url


def test_what_a_start_would_refuse_is_found(spoilt_url: str) -> None:
    found = texts(look_at_database(Settings(database_url=spoilt_url)))
    assert "problem: The database has synchronous_commit off" in found
    assert "problem: the database lacks 0002_jobs_and_async_actions.sql: run `openvoucher migrate`" in found
    allowed = look_at_database(Settings(database_url=spoilt_url, allow_unsafe_database=True))
    assert levels(allowed) == ["ok", "note", "problem"]


def test_clocks_that_differ_are_found(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_MOST_CLOCK_DIFFERENCE_SECONDS", -1.0)
    assert "problem: the clocks" in texts(look_at_database(Settings(database_url=database_url)))


# --- the API ---------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A server that answers everything so; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_api_that_is_ready_is_in_order() -> None:
    with answering(200, b"") as port:
        address = f"http://127.0.0.1:{port}/readyz"
        assert texts(look_at_api(Settings(host="0.0.0.0", port=port))) == f"ok: the API is ready: {address}"  # noqa: S104


def test_an_api_that_is_not_ready_says_why() -> None:
    with answering(503, b"the reason") as port:
        assert texts(look_at_api(Settings(port=port))).endswith("/readyz answers 503: the reason")
        assert levels(look_at_api(Settings(port=port))) == ["problem"]


def test_an_api_that_does_not_run_is_no_problem() -> None:
    assert levels(look_at_api(Settings(port=1))) == ["note"]


def test_a_problem_ends_with_1_and_notes_end_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 0
    (tmp_path / "keys.env").touch()
    (tmp_path / "keys.env").chmod(0o644)
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 1
    assert "problem  others can read the keys" in capsys.readouterr().out
