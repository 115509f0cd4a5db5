"""Imports among others that take, make and delete the same codes at the same moment. With twins that fail."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from database_views import count_rows, holding_locks, wait_for_waiting_statements
from importing import (
    a_csv,
    a_result,
    count_codes,
    finish,
    import_csv,
    is_duplicate,
    make_campaign,
    make_voucher,
    read_action,
    read_rows,
    read_vouchers,
)
from openvoucher.app import make_worker
from openvoucher.features.code_imports import storing
from openvoucher.features.vouchers.batches import TakenCode, find_taken_codes, insert_batch
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

LIMIT = "Campaign vouchers limit exceeded"
five_codes_at_most = pytest.mark.parametrize("settings", [{"max_codes_per_campaign": 5}], indirect=True)


# Whether a code is taken an import finds out by its insert, and looks up only then who has it.
moments = pytest.mark.parametrize("moment", ["before the first insert", "after the first look-up"])


def do_meanwhile(patch: pytest.MonkeyPatch, act: Any, moment: str = "after the first look-up") -> list[str]:
    """What others do while an import is about to insert its codes: when it has looked at nothing yet, or
    between the moment at which it looks who has them, and its insert. What the import did is told then."""
    steps: list[str] = []

    async def look_up(connection: Connection, project_id: int, codes: Sequence[str]) -> dict[str, TakenCode]:
        found = await find_taken_codes(connection, project_id, codes)
        steps.append("look-up")
        if moment == "after the first look-up" and steps.count("look-up") == 1:
            await act()
        return found

    async def insert(*arguments: Any, **options: Any) -> bool:
        if moment == "before the first insert" and not steps:
            await act()
        inserted = await insert_batch(*arguments, **options)
        steps.append("insert" if inserted else "insert refused")
        return inserted

    patch.setattr(storing, "find_taken_codes", look_up)
    patch.setattr(storing, "insert_batch", insert)
    return steps


# --- two imports at once ---------------------------------------------------------------------------


class Meeting:
    """The first portions of two imports begin their inserts at the same moment, each having seen what there
    is to see; `looked`: look-ups before that; `refused`: batches that came too late."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.looked = 0
        self.refused = 0
        self._arrived = 0
        self._barrier = asyncio.Barrier(2)
        patch.setattr(storing, "find_taken_codes", self._look_up)
        patch.setattr(storing, "insert_batch", self._insert)

    async def _look_up(
        self, connection: Connection, project_id: int, codes: Sequence[str]
    ) -> dict[str, TakenCode]:
        found = await find_taken_codes(connection, project_id, codes)
        if self._arrived < 2:
            assert found == {}
            self.looked += 1
        return found

    async def _insert(self, *arguments: Any, **options: Any) -> bool:
        self._arrived += 1
        if self._arrived <= 2:
            async with asyncio.timeout(30):
                await self._barrier.wait()
        inserted = await insert_batch(*arguments, **options)
        self.refused += not inserted
        return inserted


# With a limit of codes an import looks who has its codes before it inserts them; else it does not.
both_ways = pytest.mark.parametrize(
    ("settings", "looked"),
    [
        pytest.param({}, 0, id="without a look-up"),
        pytest.param({"max_codes_per_campaign": 1000}, 2, id="after a look-up"),
    ],
    indirect=["settings"],
)
ROWS = 40
CODES = [f"CODE-{number:02}" for number in range(ROWS)]


async def import_at_once(
    client: httpx.AsyncClient, db: Database, settings: Settings, imports: Sequence[tuple[str, Sequence[str]]]
) -> list[dict[str, Any]]:
    """Imports of (campaign, codes), each of so many portions that none waits for another, by two workers."""
    actions = [await import_csv(client, a_csv("Code", *codes), campaign) for campaign, codes in imports]
    await asyncio.gather(*(make_worker(db, settings).run_until_idle() for _ in range(2)))
    async with asyncio.timeout(60):
        # A portion that met the other one may have been put off for a moment when both workers went idle.
        while True:
            shown = [await read_action(client, action_id) for action_id in actions]
            if all(action["status"] in ("DONE", "FAILED") for action in shown):
                break
            await asyncio.sleep(0.1)
            await make_worker(db, settings).run_until_idle()
    assert [action["status"] for action in shown] == ["DONE"] * len(actions)
    return [action["result"] for action in shown]


async def find_violations(
    client: httpx.AsyncClient, db: Database, project: Project, results: dict[str, dict[str, Any]]
) -> list[str]:
    """What is not as it must be after imports of the same codes into different campaigns."""
    campaigns = dict(await read_rows(db, project, "campaign", "id", "name"))
    rows = await read_rows(db, project, "voucher", "code", "campaign_id")
    found = []
    if [code for code, _ in rows] != CODES:
        found.append("the codes are not all there, each once")
    if sum(result["done_count"] for result in results.values()) != ROWS:
        found.append("a code was imported by more than one, or by none")
    for name, result in results.items():
        stored = {code for code, campaign_id in rows if campaigns[campaign_id] == name}
        duplicates = [
            {"code": code, "row": number, "reason": f"Duplicated voucher exists with id {code}"}
            for number, code in enumerate(CODES, 1)
            if code not in stored
        ]
        if result["failed"] != duplicates or result["failed_count"] != len(duplicates):
            found.append(f"{name} told that {result['failed_count']} failed, {len(duplicates)} did")
        if result["done_count"] != len(stored):
            found.append(f"{name} told that {result['done_count']} were done, {len(stored)} were")
        if await count_codes(client, name) != len(stored):
            found.append(f"{name} counts other codes than it has")
    return found


class Race:
    """Two imports of the same codes into two campaigns, that have both seen them free."""

    def __init__(self, client: httpx.AsyncClient, db: Database, project: Project, settings: Settings) -> None:
        self._client = client
        self._db = db
        self._project = project
        self._settings = settings

    async def run(self, patch: pytest.MonkeyPatch) -> tuple[Meeting, list[str]]:
        for name in ("Spring", "Summer"):
            await make_campaign(self._client, name)
        meeting = Meeting(patch)
        spring, summer = await import_at_once(
            self._client, self._db, self._settings, [("Spring", CODES), ("Summer", CODES)]
        )
        results = {"Spring": spring, "Summer": summer}
        return meeting, await find_violations(self._client, self._db, self._project, results)


@pytest.fixture
def race(client: httpx.AsyncClient, db: Database, project: Project, settings: Settings) -> Race:
    return Race(client, db, project, settings)


@both_ways
async def test_two_imports_of_the_same_codes_at_once_store_each_code_once(
    race: Race, monkeypatch: pytest.MonkeyPatch, looked: int
) -> None:
    meeting, violations = await race.run(monkeypatch)
    assert violations == []
    assert meeting.looked == looked
    assert meeting.refused > 0


@pytest.fixture
async def no_unique_index(db: Database, project: Project) -> AsyncIterator[None]:
    async with db.connection() as connection:
        await connection.execute("drop index voucher_code_is_unique")
    yield
    async with db.transaction() as connection:
        await connection.execute("delete from voucher where project_id = $1", project.id)
        await connection.execute("create unique index voucher_code_is_unique on voucher (project_id, code)")


@both_ways
@pytest.mark.usefixtures("no_unique_index")
async def test_twin_without_the_unique_index_stores_codes_twice(
    race: Race, monkeypatch: pytest.MonkeyPatch, looked: int
) -> None:
    meeting, violations = await race.run(monkeypatch)
    assert (meeting.looked, meeting.refused) == (looked, 0)
    assert "the codes are not all there, each once" in violations
    assert "a code was imported by more than one, or by none" in violations


@both_ways
async def test_two_imports_of_the_same_codes_into_one_campaign_both_count_all_rows_as_imported(
    client: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    looked: int,
) -> None:
    await make_campaign(client)
    meeting = Meeting(monkeypatch)
    results = await import_at_once(client, db, settings, [("Spring", CODES), ("Spring", CODES)])
    assert results == [a_result(ROWS), a_result(ROWS)]
    assert sorted(await read_vouchers(client)) == CODES
    assert await count_codes(client) == ROWS
    assert meeting.looked == looked
    assert meeting.refused > 0


async def test_imports_in_opposite_orders_do_not_stop_each_other(
    client: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    await make_campaign(client)
    results = await import_at_once(client, db, settings, [("Spring", CODES), ("Spring", CODES[::-1])])
    assert results == [a_result(ROWS), a_result(ROWS)]
    assert sorted(await read_vouchers(client)) == CODES
    assert await count_codes(client) == ROWS


# --- an import and somebody else ---------------------------------------------------------------------


class Undone(Exception):
    """Ends a transaction without a commit."""


def take_b(project: Project) -> str:
    return (
        "insert into voucher (project_id, id, code, type, own, created_at) values"
        f""" ({project.id}, gen_random_uuid(), 'B', 'GIFT_VOUCHER', '{{"gift": {{"amount": 1}}}}', now())"""
    )


@pytest.mark.parametrize("committed", [True, False])
async def test_an_import_waits_for_a_transaction_that_is_just_taking_one_of_its_codes(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker, committed: bool
) -> None:
    await make_campaign(client)
    action_id = await import_csv(client, a_csv("Code", "A", "B", "C"), "Spring")
    try:
        async with holding_locks(db, take_b(project)):
            working = asyncio.create_task(worker.run_until_idle())
            await wait_for_waiting_statements(db, 1)
            assert (await read_action(client, action_id))["progress"] == 0
            if not committed:
                raise Undone
    except Undone:
        pass
    assert await working == 1
    result = (await read_action(client, action_id))["result"]
    assert result == (a_result(2, is_duplicate(2, "B")) if committed else a_result(3))
    vouchers = await read_vouchers(client)
    assert {code: voucher["campaign"] for code, voucher in vouchers.items()} == {
        "A": "Spring",
        "B": None if committed else "Spring",
        "C": "Spring",
    }
    assert await count_codes(client) == result["done_count"]


@moments
async def test_a_standalone_voucher_that_was_made_meanwhile_is_updated(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    # (One that is there already makes it look.)
    await make_voucher(client, "C", type="GIFT_VOUCHER")
    steps = do_meanwhile(
        monkeypatch, lambda: make_voucher(client, "B", type="GIFT_VOUCHER", metadata={"a": 1}), moment
    )
    file = a_csv("Code,Voucher Type,Value,b", *(f"{code},GIFT_VOUCHER,5,2" for code in "ABC"))
    assert await finish(client, worker, await import_csv(client, file)) == a_result(3)
    vouchers = await read_vouchers(client)
    assert {code: (voucher["gift"]["amount"], voucher["metadata"]) for code, voucher in vouchers.items()} == {
        "A": (500, {"b": "2"}),
        "B": (500, {"a": 1, "b": "2"}),
        "C": (500, {"b": "2"}),
    }
    refused = ["insert refused", "look-up"]
    assert steps == [*refused * (1 if moment == "before the first insert" else 2), "insert"]


@pytest.mark.parametrize("query", ["", "?force=true"])
async def test_a_code_that_is_deleted_before_its_row_could_update_it_fails(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    await make_campaign(client)
    await make_voucher(client, "B", "Spring")
    do_meanwhile(monkeypatch, lambda: client.delete(f"/v1/vouchers/B{query}"))
    file = a_csv("Code,Active", *(f"{code},false" for code in "ABC"))
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(
        2, (2, "B", "The voucher was deleted")
    )
    assert sorted(await read_vouchers(client)) == ["A", "C"]
    assert await count_codes(client) == 2


async def fill_during_look_up(
    client: httpx.AsyncClient, db: Database, worker: Worker, patch: pytest.MonkeyPatch
) -> str:
    """An import of three codes into a campaign with room for three, of which others take two in time."""
    await make_campaign(client)
    for code in ("OLD-1", "OLD-2"):
        await make_voucher(client, code, "Spring")
    do_meanwhile(patch, lambda: make_two_more(client))
    action_id = await import_csv(client, a_csv("Code", "A", "B", "C"), "Spring")
    await worker.run_until_idle()
    async with db.connection() as connection:
        # A portion that was undone waits for a moment before it is done again.
        await connection.execute("update job set run_after = now() where state = 'waiting'")
    await worker.run_until_idle()
    return action_id


async def make_two_more(client: httpx.AsyncClient) -> None:
    for code in ("OTHER-1", "OTHER-2"):
        await make_voucher(client, code, "Spring")


@five_codes_at_most
async def test_a_campaign_that_others_fill_meanwhile_is_not_overfilled(
    client: httpx.AsyncClient, db: Database, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    action_id = await fill_during_look_up(client, db, worker, monkeypatch)
    assert (await read_action(client, action_id))["result"] == a_result(1, (2, "B", LIMIT), (3, "C", LIMIT))
    assert sorted(await read_vouchers(client)) == ["A", "OLD-1", "OLD-2", "OTHER-1", "OTHER-2"]
    assert await count_codes(client) == 5


@five_codes_at_most
async def test_twin_that_does_not_look_again_overfills_the_campaign(
    client: httpx.AsyncClient, db: Database, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_away(_writer: storing.PortionWriter) -> None:
        pass

    monkeypatch.setattr(storing.PortionWriter, "_check_room", look_away)
    await fill_during_look_up(client, db, worker, monkeypatch)
    assert await count_codes(client) == 7


@moments
@pytest.mark.parametrize("query", ["", "?force=true"])
async def test_a_portion_whose_campaign_is_deleted_meanwhile_stores_nothing(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    moment: str,
) -> None:
    await make_campaign(client)
    # (One that is there already makes it look.)
    await make_voucher(client, "B")
    before = await count_rows(db)
    steps = do_meanwhile(monkeypatch, lambda: client.delete(f"/v1/campaigns/Spring{query}"), moment)
    action_id = await import_csv(client, a_csv("Code", "A", "B"), "Spring")
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["progress"]) == ("FAILED", 0)
    assert action["result"] == {**a_result(0), "message": "The campaign was deleted."}
    assert await read_rows(db, project, "voucher", "code") == [("B",)]
    assert (await count_rows(db))["async_action_batch"] == before["async_action_batch"]
    assert steps == ["insert refused", "look-up", "insert"]
