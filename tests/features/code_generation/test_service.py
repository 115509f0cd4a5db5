"""Generation: as many codes as asked for, all different, drawn around those that are in use."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from builders import CHARSET, a_campaign, a_refusal, a_voucher, read_refusal
from database_views import count_more_rows, count_rows
from openvoucher.app import make_worker
from openvoucher.engine.codes import CodePattern, make_code_pattern
from openvoucher.features.code_generation import service
from openvoucher.features.code_generation.service import check_capacity
from openvoucher.features.vouchers import batches
from openvoucher.features.vouchers import store as vouchers_store
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.errors import ApiError

DIGITS = "0123456789"


@pytest.fixture
def small_worker(db: Database) -> Worker:
    """One that makes ten codes at a time."""
    return make_worker(db, Settings(portion_rows=10))


async def create(client: httpx.AsyncClient, name: str, count: int, **code_config: Any) -> dict[str, Any]:
    body = a_campaign(name=name, vouchers_count=count, voucher={"code_config": code_config})
    answer = await client.post("/v1/campaigns", json=body)
    assert answer.status_code == 200, answer.text
    campaign: dict[str, Any] = answer.json()
    return campaign


async def add(client: httpx.AsyncClient, name: str, count: int, **body: Any) -> str:
    answer = await client.post(f"/v1/campaigns/{name}/vouchers?vouchers_count={count}", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["async_action_id"])


async def read_action(client: httpx.AsyncClient, action_id: str | None = None) -> dict[str, Any]:
    """An action with its result: the newest, unless said otherwise."""
    if action_id is None:
        (newest,) = (await client.get("/v1/async-actions?limit=1")).json()["async_actions"]
        action_id = newest["id"]
    action: dict[str, Any] = (await client.get(f"/v1/async-actions/{action_id}")).json()
    return action


async def read_statuses(client: httpx.AsyncClient, name: str) -> tuple[str, str, int]:
    """(creation, generation, number of codes)"""
    campaign = (await client.get(f"/v1/campaigns/{name}")).json()
    return (
        campaign["creation_status"],
        campaign["vouchers_generation_status"],
        campaign["vouchers_count"],
    )


async def list_codes(db: Database) -> list[str]:
    """Of all projects, the bin included."""
    async with db.connection() as connection:
        return [row["code"] for row in await connection.fetch("select code from voucher")]


# --- how many, and which ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "pattern"),
    [
        ({}, r"[0-9a-zA-Z]{8}"),
        ({"pattern": "SPR-####", "charset": DIGITS}, r"SPR-[0-9]{4}"),
        ({"pattern": "%_\\##", "charset": "AB%_\\" + DIGITS}, r"%_\\[AB%_\\0-9]{2}"),
        ({"length": 3, "charset": "äßЖ日0123", "prefix": "<", "postfix": "#>"}, r"<[äßЖ日0123]{3}#>"),
    ],
)
async def test_exactly_as_many_codes_are_made_and_all_fit_the_pattern(
    client: httpx.AsyncClient,
    db: Database,
    small_worker: Worker,
    config: dict[str, Any],
    pattern: str,
) -> None:
    await create(client, "Spring", 35, **config)
    counts = []
    while await small_worker.run_next():
        counts.append(await read_statuses(client, "Spring"))
        action = await read_action(client)
        assert action["progress"] == 100 * counts[-1][2] // 35
    under_way = ("IN_PROGRESS", "IN_PROGRESS")
    assert counts == [(*under_way, 10), (*under_way, 20), (*under_way, 30), ("DONE", "DONE", 35)]
    codes = await list_codes(db)
    assert len(set(codes)) == len(codes) == 35
    assert all(re.fullmatch(pattern, code) for code in codes)
    assert action["status"] == "DONE"
    assert action["result"] == {"message": "Generated 35 vouchers.", "done_count": 35}


async def test_one_code_is_one_vouchers(client: httpx.AsyncClient, worker: Worker) -> None:
    await create(client, "Spring", 1)
    assert await worker.run_until_idle() == 1
    result = {"message": "Generated 1 vouchers.", "done_count": 1}
    assert (await read_action(client))["result"] == result


async def test_the_whole_space_can_be_used(
    client: httpx.AsyncClient, db: Database, small_worker: Worker
) -> None:
    await create(client, "Spring", 100, pattern="10-##", charset=DIGITS)
    assert await small_worker.run_until_idle() == 10
    assert sorted(await list_codes(db)) == [f"10-{number:02}" for number in range(100)]


async def test_the_last_free_codes_of_a_space_are_found(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    """Taken by another campaign, by a voucher without one, by the bin; not by what only looks alike
    or belongs to another project."""
    await create(client, "First", 94, pattern="10-##", charset=DIGITS)
    await worker.run_until_idle()
    free = sorted({f"10-{number:02}" for number in range(100)} - {*await list_codes(db)})
    alone, binned, in_binned_campaign, *left = free
    for code in (alone, binned, "10-AB", "10-5", "X10-11", "10_11"):
        assert (await client.post(f"/v1/vouchers/{code}", json=a_voucher())).status_code == 200
    await client.delete(f"/v1/vouchers/{binned}")
    await create(client, "Binned", 0)
    await client.post(f"/v1/campaigns/Binned/vouchers/{in_binned_campaign}")
    await client.delete("/v1/campaigns/Binned")
    await worker.run_until_idle()
    await other_client.post("/v1/campaigns", json=a_campaign())
    await other_client.post(f"/v1/campaigns/Spring/vouchers/{left[0]}")

    body = a_campaign(
        name="Second", vouchers_count=4, voucher={"code_config": {"pattern": "10-##", "charset": DIGITS}}
    )
    before = await count_rows(db)
    details = "Not possible to generate requested number of codes. 3 are possible."
    answer = await client.post("/v1/campaigns", json=body)
    assert read_refusal(answer) == a_refusal(400, "invalid_code_config", details)
    assert await count_more_rows(db, before) == {}

    assert (await client.post("/v1/campaigns", json={**body, "vouchers_count": 3})).status_code == 200
    await worker.run_until_idle()
    assert await read_statuses(client, "Second") == ("DONE", "DONE", 3)
    vouchers = (await client.get("/v1/vouchers?campaign=Second")).json()["vouchers"]
    assert sorted(voucher["code"] for voucher in vouchers) == left


async def test_codes_are_drawn_at_random(client: httpx.AsyncClient, db: Database, worker: Worker) -> None:
    """Of 1,000 codes 50: the ways to draw 50 in a row are one in 10^80."""
    await create(client, "Spring", 50, pattern="###", charset=DIGITS)
    await worker.run_until_idle()
    numbers = sorted(int(code) for code in await list_codes(db))
    assert numbers[-1] - numbers[0] > 100


async def test_capacity_is_the_charset_to_the_power_of_the_hashes(db: Database, project: Project) -> None:
    for charset, hashes, count, possible in (
        ("01", 3, 8, None),
        ("01", 3, 9, 8),
        ("0011", 3, 9, 8),
        (CHARSET, 4, 14_776_336, None),
        (CHARSET, 4, 14_776_337, 14_776_336),
        ("01", 0, 1, None),
        ("01", 0, 2, 1),
        ("A", 8, 1, None),
        ("A", 8, 2, 1),
    ):
        text = "X-" + "#" * hashes
        pattern = make_code_pattern(length=None, charset=charset, pattern=text, prefix=None, postfix=None)
        async with db.connection() as connection:
            if possible is None:
                await check_capacity(connection, project.id, pattern, count)
                continue
            with pytest.raises(ApiError) as refusal:
                await check_capacity(connection, project.id, pattern, count)
        details = f"Not possible to generate requested number of codes. {possible} are possible."
        expected = a_refusal(400, "invalid_code_config", details)
        assert refusal.value.body("v-0") == {**expected, "request_id": "v-0"}


# --- what the codes are ----------------------------------------------------------------------------


async def test_an_update_that_comes_between_request_and_generation_wins_over_the_request(
    client: httpx.AsyncClient, small_worker: Worker
) -> None:
    """As if the codes had been there when they were asked for."""
    await create(client, "Spring", 0)
    await add(client, "Spring", 15, expiration_date="2026-04-30", metadata={"a": "asked", "b": "asked"})
    assert await small_worker.run_next()
    await client.put(
        "/v1/campaigns/Spring", json={"expiration_date": "2026-12-31", "metadata": {"a": "updated"}}
    )
    await small_worker.run_until_idle()
    vouchers = (await client.get("/v1/vouchers?limit=100")).json()["vouchers"]
    assert len(vouchers) == 15
    for voucher in vouchers:
        assert voucher["expiration_date"] == "2026-12-31T00:00:00.000Z"
        assert voucher["metadata"] == {"a": "updated", "b": "asked"}


# --- statuses --------------------------------------------------------------------------------------


async def test_the_generation_of_a_campaign_is_done_when_the_last_one_is(
    client: httpx.AsyncClient, small_worker: Worker
) -> None:
    await create(client, "Spring", 0)
    for _ in range(2):
        await add(client, "Spring", 12)
    statuses = []
    while await small_worker.run_next():
        statuses.append(await read_statuses(client, "Spring"))
    assert [status for _, status, _ in statuses] == ["IN_PROGRESS"] * 3 + ["DONE"]
    # They take turns.
    assert [count for _, _, count in statuses] == [10, 20, 22, 24]
    assert {status for status, _, _ in statuses} == {"DONE"}


async def test_a_campaign_is_created_when_no_generation_is_left(
    client: httpx.AsyncClient, small_worker: Worker
) -> None:
    await create(client, "Spring", 12)
    await add(client, "Spring", 22)
    statuses = []
    while await small_worker.run_next():
        statuses.append(await read_statuses(client, "Spring"))
    under_way = ("IN_PROGRESS", "IN_PROGRESS")
    assert [(creation, generation) for creation, generation, _ in statuses] == [
        *([under_way] * 4),
        ("DONE", "DONE"),
    ]
    # The first codes were all there after the third portion.
    assert [count for _, _, count in statuses] == [10, 20, 22, 32, 34]


async def test_a_generation_that_others_leave_without_codes_fails_and_keeps_what_it_made(
    client: httpx.AsyncClient, db: Database, small_worker: Worker
) -> None:
    await create(client, "Spring", 20, pattern="##", charset="01234")
    assert await small_worker.run_next()
    taken = set(await list_codes(db))
    others = [f"{first}{second}" for first in range(5) for second in range(5)]
    for code in [code for code in others if code not in taken][:8]:
        assert (await client.post(f"/v1/vouchers/{code}", json=a_voucher())).status_code == 200
    await small_worker.run_until_idle()
    assert await read_statuses(client, "Spring") == ("FAILED", "FAILED", 17)
    action = await read_action(client)
    assert (action["status"], action["progress"]) == ("FAILED", 85)
    assert action["result"] == {
        "message": "Not possible to generate requested number of codes.",
        "done_count": 17,
    }
    assert len(await list_codes(db)) == 25
    # A later generation that succeeds makes the generation status DONE again.
    await add(client, "Spring", 2, code_config={"pattern": "X##"})
    await small_worker.run_until_idle()
    assert await read_statuses(client, "Spring") == ("FAILED", "DONE", 19)


# --- two at once -----------------------------------------------------------------------------------


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[Worker]]:
    """Two, each with connections of its own, as two processes have them."""
    databases = [Database(database_url, size=2) for _ in range(2)]
    yield [make_worker(database, Settings(portion_rows=100)) for database in databases]
    for database in databases:
        await database.close()


SMALL = {"pattern": "S-###", "charset": DIGITS}
# 2^20 codes: more than are looked at one by one.
LARGE = {"pattern": "#" * 20, "charset": "01"}


async def generate_at_once(
    client: httpx.AsyncClient, workers: Sequence[Worker], count: int, **code_config: Any
) -> None:
    for name in ("One", "Two"):
        await create(client, name, count, **code_config)
    async with asyncio.timeout(60):
        # On a slow machine a worker may have nothing to do while the other one's claim runs out.
        while not await are_over(client):
            await asyncio.gather(*(worker.run_until_idle() for worker in workers))


async def are_over(client: httpx.AsyncClient) -> bool:
    actions = (await client.get("/v1/async-actions")).json()["async_actions"]
    return {action["status"] for action in actions} <= {"DONE", "FAILED"}


async def test_two_campaigns_that_share_a_small_space_have_no_code_in_common(
    client: httpx.AsyncClient, db: Database, workers: list[Worker]
) -> None:
    await generate_at_once(client, workers, 500, **SMALL)
    assert sorted(await list_codes(db)) == [f"S-{number:03}" for number in range(1000)]
    for name in ("One", "Two"):
        assert await read_statuses(client, name) == ("DONE", "DONE", 500)


async def test_two_campaigns_that_share_a_large_space_have_no_code_in_common(
    client: httpx.AsyncClient, db: Database, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_in_a_corner(monkeypatch)
    refused = watch_inserts(monkeypatch)
    await generate_at_once(client, workers, 500, **LARGE)
    codes = Counter(await list_codes(db))
    assert (len(codes), max(codes.values())) == (1000, 1)
    # They did meet: codes were drawn that the other had.
    assert refused.count(False) > 0
    for name in ("One", "Two"):
        assert await read_statuses(client, name) == ("DONE", "DONE", 500)


def meet_in_a_corner(patch: pytest.MonkeyPatch) -> None:
    """All codes are drawn from one corner of the space, whatever part of it they are of."""
    patch.setattr(service, "draw_codes", draw_from_a_corner)
    patch.setattr(
        service,
        "draw_codes_of_part",
        lambda pattern, part, _whole, random_bytes: draw_from_a_corner(pattern, len(part), random_bytes),
    )


def watch_inserts(patch: pytest.MonkeyPatch) -> list[bool]:
    """Of each batch whether it could be inserted."""
    insert_batch = batches.insert_batch
    outcomes: list[bool] = []

    async def insert(*arguments: Any, **named: Any) -> bool:
        outcomes.append(await insert_batch(*arguments, **named))
        return outcomes[-1]

    patch.setattr(batches, "insert_batch", insert)
    return outcomes


def draw_from_a_corner(pattern: CodePattern, count: int, random_bytes: Any) -> list[str]:
    """Codes out of 2,000 of the 2^20."""
    numbers = [int.from_bytes(random_bytes(4), "big") % 2000 for _ in range(count)]
    return [f"{number:020b}" for number in numbers]


@pytest.mark.parametrize("config", [SMALL, LARGE])
async def test_twin_without_look_up_and_unique_index_gives_codes_twice(
    client: httpx.AsyncClient,
    db: Database,
    workers: list[Worker],
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, Any],
) -> None:
    async def find_nothing(*_: Any) -> dict[str, Any]:
        return {}

    async def list_nothing(*_: Any) -> list[str]:
        return []

    async with db.connection() as connection:
        await connection.execute("drop index voucher_code_is_unique")
    if config == LARGE:
        meet_in_a_corner(monkeypatch)
    monkeypatch.setattr(batches, "find_taken_codes", find_nothing)
    monkeypatch.setattr(batches, "list_codes_like", list_nothing)
    await generate_at_once(client, workers, 500, **config)
    codes = Counter(await list_codes(db))
    assert codes.total() == 1000
    assert max(codes.values()) > 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_code_that_is_taken_between_look_up_and_insert_is_drawn_again(
    client: httpx.AsyncClient,
    db: Database,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """The twin has no unique index and gives the code twice."""
    look_up = batches.list_codes_like
    stolen: list[str] = []

    async def look_up_and_be_late(connection: Connection, project_id: int, pattern: CodePattern) -> list[str]:
        taken = await look_up(connection, project_id, pattern)
        if not stolen:
            # With the first look-up another transaction takes one of the two codes that are free.
            stolen.append("F-1")
            await client.post("/v1/vouchers/F-1", json=a_voucher())
        return taken

    await client.post("/v1/vouchers/F-0", json=a_voucher())
    await create(client, "Spring", 2, pattern="F-#", charset="0123")
    if not guarded:
        async with db.transaction() as connection:
            await connection.execute("drop index voucher_code_is_unique")
            await connection.execute("create unique index on voucher (project_id, code, campaign_id)")
            monkeypatch.setattr(vouchers_store, "insert_voucher", insert_unchecked)
    monkeypatch.setattr(batches, "list_codes_like", look_up_and_be_late)
    # As if chance found none: what is left is listed then.
    monkeypatch.setattr(service, "draw_codes", lambda *_: [])
    monkeypatch.setattr(service, "draw_missing", draw_first_missing)
    await worker.run_until_idle()
    codes = sorted(await list_codes(db))
    assert codes == (["F-0", "F-1", "F-2", "F-3"] if guarded else ["F-0", "F-1", "F-1", "F-2"])
    assert await read_statuses(client, "Spring") == ("DONE", "DONE", 2)


def draw_first_missing(
    pattern: CodePattern, taken: Sequence[str], count: int, random_bytes: Any
) -> list[str]:
    return [code for code in ("F-0", "F-1", "F-2", "F-3") if code not in taken][:count]


async def insert_unchecked(
    connection: Connection, *, project_id: int, voucher_id: UUID, code: str, now: datetime, **_: Any
) -> bool:
    await connection.execute(
        "insert into voucher (project_id, id, code, type, own, created_at)"
        " values ($1, $2, $3, 'DISCOUNT_VOUCHER', '{}', $4)",
        project_id,
        voucher_id,
        code,
        now,
    )
    return True


# --- deletion meanwhile ----------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
async def test_a_generation_ends_when_its_campaign_is_deleted(
    client: httpx.AsyncClient, db: Database, small_worker: Worker, force: bool
) -> None:
    empty = await count_rows(db)
    await create(client, "Spring", 35)
    generation = (await read_action(client))["id"]
    assert await small_worker.run_next()
    assert await small_worker.run_next()
    answer = await client.delete(f"/v1/campaigns/Spring?force={str(force).lower()}")
    assert answer.status_code == 202
    await small_worker.run_until_idle()
    action = await read_action(client, generation)
    assert (action["status"], action["progress"]) == ("FAILED", 57)
    assert action["result"] == {"message": "The campaign was deleted.", "done_count": 20}
    deletion = await read_action(client, answer.json()["async_action_id"])
    assert deletion["status"] == "DONE"
    assert deletion["result"] == {"message": "Deleted 20 vouchers.", "done_count": 20}
    rows = await count_more_rows(db, empty)
    left = {} if force else {"campaign": 1, "campaign_revision": 1, "voucher": 20, "bin_entry": 1}
    # 20 codes of one day are one counter.
    left |= {} if force else {"campaign_day": 1}
    assert {name: rows[name] for name in rows if not name.startswith(("job", "async"))} == left


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("force", [False, True])
async def test_a_portion_whose_campaign_is_deleted_while_it_runs_leaves_no_code(
    client: httpx.AsyncClient,
    db: Database,
    small_worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
    force: bool,
) -> None:
    """The twin counts codes without looking whether their campaign is still there, and leaves them."""
    count_batch = batches.count_batch

    async def count_after_the_deletion(*arguments: Any, **named: Any) -> bool:
        monkeypatch.setattr(batches, "count_batch", count_batch)
        answer = await client.delete(f"/v1/campaigns/Spring?force={str(force).lower()}")
        assert answer.status_code == 202
        return await count_batch(*arguments, **named)

    async def count_whatever_is_there(
        connection: Connection, project_id: int, campaign_id: UUID, *, added: int, bound: int = 0
    ) -> int:
        return added

    if not guarded:
        monkeypatch.setattr(vouchers_store, "count_new_vouchers", count_whatever_is_there)
    monkeypatch.setattr(batches, "count_batch", count_after_the_deletion)
    await create(client, "Spring", 10)
    # The generation alone: the deletion that it meets is still to come.
    assert await small_worker.run_next()
    assert len(await list_codes(db)) == (0 if guarded else 10)
    if guarded:
        await small_worker.run_until_idle()
        assert (await read_action(client))["result"]["done_count"] == 0


async def test_now_is_not_the_moment_of_the_request_but_of_the_portion(
    client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    await create(client, "Spring", 2)
    between = datetime.now(UTC)
    await worker.run_until_idle()
    async with db.connection() as connection:
        assert await connection.fetchval("select min(created_at) from voucher") > between
