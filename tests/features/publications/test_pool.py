"""Where the look for the next code begins, and that nobody is refused because of it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from builders import a_campaign
from openvoucher.features.publications import pool, store
from openvoucher.features.vouchers.service import Campaign, find_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Database
from publishing import make_campaign
from shared_project import SharedProject


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


class Shelf:
    """A campaign with codes 0, 1, 2 … whose ids ascend."""

    def __init__(self, connection: Connection, call: Call, campaign: Campaign, ids: list[UUID]) -> None:
        self.connection = connection
        self.call = call
        self.campaign = campaign
        self.ids = ids

    async def take(self, count: int = 1) -> tuple[list[int], list[int] | None]:
        """Numbers of the codes that a publication takes, and of those that it passed over."""
        taken = await pool.take_codes(self.connection, self.call, self.campaign, count)
        passed_over = None if taken.passed_over is None else self._number(taken.passed_over)
        return self._number(taken.ids), passed_over

    async def take_all(self, count: int) -> pool.Taken:
        return await pool.take_codes(self.connection, self.call, self.campaign, count)

    async def take_and_bind(self, count: int = 1) -> list[int]:
        taken = await pool.take_codes(self.connection, self.call, self.campaign, count)
        await self.bind(*self._number(taken.ids))
        if len(taken.ids) == count:
            await pool.move_hint(self.connection, self.call, self.campaign, taken, [])
        else:
            await pool.note_refusal(self.connection, self.call, self.campaign, taken)
        return self._number(taken.ids)

    async def bind(self, *numbers: int) -> None:
        ids = [self.ids[number] for number in numbers]
        await self.execute("update voucher set revision = 1, published_count = 1 where id = any($1)", ids)
        await self.execute(
            "update campaign set bound_count = bound_count + $2 where id = $1", self.campaign.id, len(ids)
        )

    async def hint(self, number: int) -> None:
        await store.advance_pool(self.connection, self.call.project.id, self.campaign.id, self.ids[number])

    async def read_hint(self) -> tuple[int, list[int]]:
        row = await store.find_pool(self.connection, self.call.project.id, self.campaign.id)
        assert row is not None
        return self._number([row["after_id"]])[0], self._number(row["passed_over"])

    async def set_active(self, number: int, active: bool) -> None:
        await self.execute("update voucher set active = $2 where id = $1", self.ids[number], active)

    async def execute(self, sql: str, *arguments: Any) -> None:
        await self.connection.execute(sql, *arguments)

    def _number(self, ids: list[UUID]) -> list[int]:
        return [self.ids.index(each) for each in ids]


@pytest_asyncio.fixture(loop_scope="module")
async def shelf(shared_project: SharedProject, code: str) -> AsyncIterator[Shelf]:
    """Ten codes, in a transaction of the test's own."""
    call = shared_project.call
    await make_campaign(shared_project.client, code, 10)
    async with shared_project.db.transaction() as connection:
        campaign = await find_campaign(connection, call.project.id, code)
        rows = await connection.fetch(
            "select id from voucher where campaign_id = $1 order by id", campaign.id
        )
        yield Shelf(connection, call, campaign, [row["id"] for row in rows])


async def test_the_first_codes_behind_the_hint_are_taken(shelf: Shelf) -> None:
    assert await shelf.take(2) == ([0, 1], None)
    await shelf.hint(4)
    assert await shelf.take(2) == ([5, 6], None)


async def test_a_publication_never_moves_the_hint_back(shelf: Shelf) -> None:
    await shelf.hint(4)
    await shelf.hint(2)
    assert await shelf.read_hint() == (4, [])


async def test_codes_below_the_hint_are_found_when_none_is_left_behind_it(shelf: Shelf) -> None:
    await shelf.hint(7)
    await shelf.bind(0, 2, 4)
    assert await shelf.take_and_bind(2) == [8, 9]
    assert await shelf.take_and_bind(1) == [1]
    assert await shelf.take_and_bind(2) == [3, 5]
    assert await shelf.take_and_bind(3) == [6, 7]
    assert await shelf.take() == ([], None)


async def test_several_codes_are_taken_from_both_sides_of_the_hint(shelf: Shelf) -> None:
    await shelf.hint(8)
    await shelf.bind(0, 1, 2, 3, 4, 5, 6)
    assert await shelf.take(3) == ([7, 8, 9], [])


async def test_fewer_than_asked_for_are_taken_if_there_are_no_more(shelf: Shelf) -> None:
    await shelf.bind(*range(7))
    assert await shelf.take(5) == ([7, 8, 9], None)


async def test_what_cannot_be_published_below_the_hint_is_remembered_and_not_searched_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = count_calls(monkeypatch, "list_unbound_codes")
    await shelf.hint(9)
    await shelf.bind(*(number for number in range(10) if number not in (3, 5)))
    await shelf.set_active(3, False)
    await shelf.set_active(5, False)
    assert await shelf.take_and_bind() == []
    assert await shelf.read_hint() == (9, [3, 5])
    assert len(searches) == 1
    assert await shelf.take() == ([], None)
    assert len(searches) == 1
    # Enabled again it is found at once, without a search.
    await shelf.set_active(5, True)
    assert await shelf.take_and_bind() == [5]
    assert await shelf.take() == ([], None)
    assert len(searches) == 1


async def test_a_code_that_came_below_the_hint_is_searched_and_found(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.hint(9)
    await shelf.bind(*(number for number in range(10) if number != 3))
    await shelf.set_active(3, False)
    assert await shelf.take_and_bind() == []
    # As an import whose ids are older than its commit.
    late = UUID(int=shelf.ids[0].int - 1)
    await shelf.execute(
        "insert into voucher (project_id, id, code, campaign_id, type, created_at)"
        " select project_id, $2, code || '-late', campaign_id, type, created_at from voucher where id = $1",
        shelf.ids[0],
        late,
    )
    await shelf.execute(
        "update campaign set vouchers_count = vouchers_count + 1 where id = $1", shelf.campaign.id
    )
    taken = await pool.take_codes(shelf.connection, shelf.call, shelf.campaign, 1)
    assert taken == pool.Taken([late], [shelf.ids[3]])


async def test_more_than_can_be_listed_at_once_are_searched_to_the_end(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_MOST_LISTED", 3)
    monkeypatch.setattr(pool, "_MOST_REMEMBERED", 2)
    await shelf.hint(9)
    await shelf.bind(0, 1)
    for number in range(2, 8):
        await shelf.set_active(number, False)
    assert (await shelf.take_all(2)) == pool.Taken([shelf.ids[8], shelf.ids[9]], rewind_to=shelf.ids[8])
    # Of more than are there none is given out, and so many are not remembered: the next one searches again.
    assert (await shelf.take_all(3)).ids == [shelf.ids[8], shelf.ids[9]]
    assert await shelf.read_hint() == (9, [])


async def test_many_codes_below_the_hint_bring_it_back(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_MOST_REMEMBERED", 3)
    monkeypatch.setattr(pool, "_ADVANCE_EVERY", UUID(int=2**128 - 1).int)
    searches = count_calls(monkeypatch, "list_unbound_codes")
    await shelf.bind(0, 1)
    await shelf.hint(9)
    assert await shelf.take_and_bind() == [2]
    assert await shelf.read_hint() == (2, [])
    assert [await shelf.take_and_bind() for _ in range(7)] == [[number] for number in range(3, 10)]
    assert len(searches) == 1


async def test_few_codes_below_the_hint_are_known_after_one_search(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_ADVANCE_EVERY", UUID(int=2**128 - 1).int)
    searches = count_calls(monkeypatch, "list_unbound_codes")
    await shelf.bind(0, 1, 2, 3, 4, 5)
    await shelf.hint(9)
    assert [await shelf.take_and_bind() for _ in range(4)] == [[6], [7], [8], [9]]
    assert await shelf.read_hint() == (9, [7, 8, 9])
    assert len(searches) == 1


async def test_codes_that_a_refused_publication_had_found_are_known_to_the_next(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = count_calls(monkeypatch, "list_unbound_codes")
    await shelf.bind(0, 1, 2, 3, 4, 5)
    await shelf.set_active(6, False)
    await shelf.hint(9)
    taken = await shelf.take_all(4)
    assert taken == pool.Taken(shelf.ids[7:], passed_over=[shelf.ids[6]])
    await pool.note_refusal(shelf.connection, shelf.call, shelf.campaign, taken)
    assert await shelf.read_hint() == (9, [6, 7, 8, 9])
    assert await shelf.take(3) == ([7, 8, 9], None)
    assert len(searches) == 1


async def test_an_exhausted_pool_is_told_by_the_counters_alone(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count_calls(monkeypatch, "lock_available_codes")
    await shelf.bind(*range(10))
    assert await shelf.take() == ([], None)
    assert len(looks) == 1


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    calls: list[Any] = []
    original = getattr(store, name)

    async def note(*arguments: Any, **options: Any) -> Any:
        calls.append(options)
        return await original(*arguments, **options)

    monkeypatch.setattr(store, name, note)
    return calls


async def test_the_hint_moves_behind_a_published_code_once_in_a_while(shelf: Shelf) -> None:
    rounds = [UUID(int=number) for number in range(1, 33)]
    await shelf.execute("delete from publication_pool where campaign_id = $1", shelf.campaign.id)
    for each in rounds[:15]:
        await pool.move_hint(shelf.connection, shelf.call, shelf.campaign, pool.Taken([each]), [])
    assert await store.find_pool(shelf.connection, shelf.call.project.id, shelf.campaign.id) is None
    for each in rounds[15:31]:
        await pool.move_hint(shelf.connection, shelf.call, shelf.campaign, pool.Taken([]), [each])
    await pool.move_hint(shelf.connection, shelf.call, shelf.campaign, pool.Taken([rounds[31]]), [])
    row = await store.find_pool(shelf.connection, shelf.call.project.id, shelf.campaign.id)
    assert row is not None
    assert row["after_id"] == UUID(int=32)


@pytest.mark.parametrize(
    ("terms", "expired"),
    [
        ({}, False),
        ({"expiration_date": "2026-03-01"}, True),
        ({"expiration_date": "2026-03-02"}, False),
        ({"expiration_date": "2026-03-01", "activity_duration_after_publishing": "P1D"}, False),
    ],
)
async def test_a_campaign_is_expired_unless_its_codes_live_from_their_publication(
    shared_project: SharedProject, code: str, terms: dict[str, Any], expired: bool
) -> None:
    call = shared_project.call
    answer = await shared_project.client.post("/v1/campaigns", json=a_campaign(name=code, **terms))
    assert answer.status_code == 200
    async with shared_project.db.connection() as connection:
        campaign = await find_campaign(connection, call.project.id, code)
    assert pool.is_expired(campaign, call.now) is expired
