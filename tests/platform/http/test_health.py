import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from openvoucher.app import make_app
from openvoucher.platform.db import Database
from openvoucher.platform.http import health
from openvoucher.settings import Settings


@pytest.fixture
async def anybody(db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any key."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(make_app(db, Settings())), base_url="http://test"
    ) as http:
        yield http


@pytest.fixture
async def anybody_without_database() -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(Database("postgresql://nobody@127.0.0.1:1/nothing"), Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield http


async def test_a_process_that_answers_is_alive(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_alive_without_its_database(anybody_without_database: httpx.AsyncClient) -> None:
    answer = await anybody_without_database.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_migrated_database_makes_it_ready(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_without_its_database_it_is_not_ready(anybody_without_database: httpx.AsyncClient) -> None:
    answer = await anybody_without_database.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reason": "the database cannot be reached"}


async def test_a_missing_migration_is_named(anybody: httpx.AsyncClient, db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("delete from schema_migration where number = 2")
    answer = await anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "reason": "the database lacks the migrations 0002_jobs_and_async_actions.sql",
    }


async def test_a_database_that_is_ahead_is_good_enough(anybody: httpx.AsyncClient, db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute(
            "insert into schema_migration (number, name, sha256) values (9999, '9999_next.sql', '')"
        )
    assert (await anybody.get("/readyz")).status_code == 200


async def test_a_database_that_does_not_answer_in_time_is_not_ready(
    anybody: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_ANSWER_WITHIN_SECONDS", 0.05)
    async with db.transaction() as connection:
        await connection.execute("lock table schema_migration")
        answer = await asyncio.wait_for(anybody.get("/readyz"), 30)
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reason": "the database did not answer within 0.05 s"}
    assert (await anybody.get("/healthz")).status_code == 200
