import asyncio
from pathlib import Path

import asyncpg
import pytest

from openvoucher.cli import main
from openvoucher.platform.embedded_postgres import EmbeddedPostgres

URL = "postgresql://ann:secret@db.example.com/promo"


def test_a_configured_database_is_printed_as_it_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENVOUCHER_DATABASE_URL", URL)
    assert main(["database-url"]) == 0
    assert capsys.readouterr().out == f"{URL}\n"


def test_a_data_folder_without_a_database_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["database-url", "--data-dir", str(tmp_path)]) == 1
    assert "No server has been started on the data folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_embedded_database_is_reached_with_what_is_printed(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask(url: str) -> str:
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval("select current_database()"))
        finally:
            await connection.close()

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert main(["database-url", "--data-dir", str(data_dir)]) == 0
        assert asyncio.run(ask(capsys.readouterr().out.strip())) == "openvoucher"
    finally:
        server.stop()
