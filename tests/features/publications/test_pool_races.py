"""The last code of a pool, while somebody else holds it. With a twin that does not wait, and goes wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from builders import read_refusal
from database_views import holding_locks, wait_for_waiting_statements
from openvoucher.features.publications import store
from openvoucher.platform.db import Database
from publishing import NOTHING_LEFT, make_campaign, send

# What another publication has written by the time when it commits, or fails.
_TAKE = """
with taken as (
    update voucher set revision = 1, published_count = 1 where code = 'Spring-0' returning campaign_id
)
update campaign set bound_count = bound_count + 1 from taken where id = taken.campaign_id
"""


class Failed(Exception):
    """The other publication does."""


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, size=5)
    yield database
    await database.close()


async def publish_while_held(client: httpx.AsyncClient, db: Database, *, fails: bool) -> httpx.Response:
    """Publish while another publication holds the only code, which then fails or commits."""
    await make_campaign(client, "Spring", 1)
    with contextlib.suppress(Failed):
        async with holding_locks(db, _TAKE):
            sent = asyncio.create_task(send(client, "ann", campaign="Spring"))
            await wait_for_waiting_statements(db, 1)
            if fails:
                raise Failed
    async with asyncio.timeout(30):
        return await sent


async def test_a_code_that_somebody_else_gives_back_is_published(
    client: httpx.AsyncClient, db: Database
) -> None:
    answer = await publish_while_held(client, db, fails=True)
    assert (answer.status_code, answer.json()["voucher"]["code"]) == (200, "Spring-0")


async def test_a_code_that_somebody_else_gets_is_gone(client: httpx.AsyncClient, db: Database) -> None:
    answer = await publish_while_held(client, db, fails=False)
    assert read_refusal(answer) == NOTHING_LEFT


async def test_twin_who_does_not_wait_is_refused_though_a_code_is_left(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = store.lock_available_codes

    async def lock_at_once(*arguments: Any, wait: bool, **options: Any) -> Any:
        del wait
        return await lock(*arguments, wait=False, **options)

    monkeypatch.setattr(store, "lock_available_codes", lock_at_once)
    await make_campaign(client, "Spring", 1)
    with contextlib.suppress(Failed):
        async with holding_locks(db, _TAKE):
            # The campaign's row is held, too: only what happens before it is looked at is seen here.
            answer = await send(client, "ann", campaign="Spring")
            raise Failed
    assert read_refusal(answer) == NOTHING_LEFT


async def test_who_waits_for_several_codes_holds_none_meanwhile(
    client: httpx.AsyncClient, db: Database
) -> None:
    """Two who each held what the other waits for would wait for ever."""
    await make_campaign(client, "Spring", 3)
    async with holding_locks(db, _TAKE):
        waiting = asyncio.create_task(send(client, "ann", campaign={"name": "Spring", "count": 3}))
        await wait_for_waiting_statements(db, 1)
        async with db.transaction() as connection:
            free = await connection.fetch(
                "select code from voucher where code <> 'Spring-0' order by code for update nowait"
            )
    assert [row["code"] for row in free] == ["Spring-1", "Spring-2"]
    async with asyncio.timeout(30):
        assert read_refusal(await waiting) == NOTHING_LEFT
