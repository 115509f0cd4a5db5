"""Many new vouchers at once, as generation and imports make them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from builders import a_campaign, a_voucher
from calls import NOW
from database_views import count_more_rows, count_rows
from openvoucher.features.async_actions.service import start_action
from openvoucher.features.vouchers.batches import (
    NewVoucher,
    TakenCode,
    count_batch,
    find_taken_codes,
    insert_batch,
    make_batch,
)
from openvoucher.features.vouchers.service import Campaign, find_campaign
from openvoucher.platform.call import Call
from openvoucher.wire.ids import parse_id
from shared_project import SharedProject

DAY = NOW.date()
GIFT = {"gift": {"amount": 500, "effect": "APPLY_TO_ORDER"}}


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def other_client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.other_client


@pytest.fixture
def call(shared_project: SharedProject) -> Call:
    return shared_project.call


async def make_campaign(client: httpx.AsyncClient, call: Call, code: str) -> Campaign:
    """A gift campaign that has been changed once, so that its revision is 2."""
    await client.post("/v1/campaigns", json=a_campaign(name=code, campaign_type="GIFT_VOUCHERS"))
    await client.put(f"/v1/campaigns/{code}", json={"gift": {"amount": 700}})
    return await get_campaign(call, code)


async def get_campaign(call: Call, name: str) -> Campaign:
    async with call.db.connection() as connection:
        return await find_campaign(connection, call.project.id, name)


def gift_cards(*codes: str, **fields: Any) -> list[NewVoucher]:
    return [NewVoucher(code, "GIFT_VOUCHER", **fields) for code in codes]


@pytest_asyncio.fixture(loop_scope="module")
async def action_id(call: Call) -> UUID:
    """By what the batches are made."""
    async with call.db.transaction() as connection:
        accepted = await start_action(
            connection,
            call,
            type="VOUCHERS.IMPORT",
            job_kind="nobody's",
            lane="turns",
            payload={},
            total=None,
        )
    made = parse_id("aa", accepted.async_action_id)
    assert made is not None
    return made


async def insert(
    call: Call,
    action_id: UUID,
    campaign: Campaign | None,
    vouchers: Sequence[NewVoucher],
    **options: Any,
) -> bool:
    batch = make_batch(call.project.id, campaign, vouchers, now=NOW, **options)
    async with call.db.transaction() as connection:
        return await insert_batch(connection, call.project.id, batch, action_id=action_id)


async def list_made(call: Call, action_id: UUID) -> list[list[str]]:
    """The codes of each batch that an action made, found by the ids between which they lie."""
    async with call.db.connection() as connection:
        rows = await connection.fetch(
            "select array(select code from voucher v where v.project_id = b.project_id"
            "  and v.id between b.first_id and b.last_id order by v.id) as codes"
            " from async_action_batch b where b.async_action_id = $1 order by first_id",
            action_id,
        )
    return [row["codes"] for row in rows]


async def read_columns(call: Call, names: str, codes: Sequence[str]) -> list[tuple[Any, ...]]:
    async with call.db.connection() as connection:
        rows = await connection.fetch(f"select {names} from voucher where code = any($1) order by id", codes)
    return [tuple(row) for row in rows]


async def test_a_batch_stands_in_the_order_of_its_codes(call: Call, action_id: UUID, code: str) -> None:
    codes = [f"{code}-{letter}" for letter in "CBAé"]
    assert await insert(call, action_id, None, gift_cards(*codes, own=GIFT))
    rows = await read_columns(call, "code, created_at, updated_at, own, active", codes)
    assert rows == [(each, NOW, None, GIFT, True) for each in sorted(codes)]


async def test_a_batch_says_between_which_ids_an_action_made_its_codes(
    client: httpx.AsyncClient, call: Call, action_id: UUID, code: str
) -> None:
    first, second = [f"{code}-{letter}" for letter in "BCA"], [f"{code}-{letter}" for letter in "ED"]
    assert await list_made(call, action_id) == []
    await client.post(f"/v1/vouchers/{code}-before", json=a_voucher())
    assert await insert(call, action_id, None, gift_cards(*first, own=GIFT))
    await client.post(f"/v1/vouchers/{code}-between", json=a_voucher())
    assert await insert(call, action_id, None, gift_cards(*second, own=GIFT))
    await client.post(f"/v1/vouchers/{code}-after", json=a_voucher())
    assert sorted(await list_made(call, action_id)) == [sorted(first), sorted(second)]


async def test_nothing_is_no_batch(call: Call) -> None:
    with pytest.raises(ValueError, match="a batch has 1 to 4294967296 ids, not 0"):
        make_batch(call.project.id, None, [], now=NOW)


async def test_of_a_batch_with_a_taken_code_nothing_is_inserted_and_the_transaction_lives_on(
    client: httpx.AsyncClient, call: Call, action_id: UUID, code: str
) -> None:
    await client.post(f"/v1/vouchers/{code}-2", json=a_voucher())
    cards = gift_cards(f"{code}-1", f"{code}-2", f"{code}-3", own=GIFT)
    before = await count_rows(call.db)
    async with call.db.transaction() as connection:
        batch = make_batch(call.project.id, None, cards, now=NOW)
        assert not await insert_batch(connection, call.project.id, batch, action_id=action_id)
        del cards[1]
        batch = make_batch(call.project.id, None, cards, now=NOW)
        assert await insert_batch(connection, call.project.id, batch, action_id=action_id)
    assert await count_more_rows(call.db, before) == {"async_action_batch": 1, "voucher": 2}
    codes = [f"{code}-{number}" for number in (1, 2, 3)]
    assert await read_columns(call, "code, type", codes) == [
        (f"{code}-2", "DISCOUNT_VOUCHER"),
        (f"{code}-1", "GIFT_VOUCHER"),
        (f"{code}-3", "GIFT_VOUCHER"),
    ]


LEDGER = "credited, subtracted, spent, balance, redeemed_quantity, brought_quantity, brought_spent"


@pytest.mark.parametrize(
    ("fields", "ledger", "bound"),
    [
        ({}, (None, None, None, None, 0, None, None), False),
        # An amount alone says nothing of what was spent: the card follows its campaign.
        ({"amount": 900}, (None, None, None, None, 0, None, None), False),
        ({"spent": 5}, (None, None, None, None, 0, None, None), True),
        ({"amount": 900, "spent": 0}, (900, 0, 0, 900, 0, None, 0), False),
        ({"amount": 900, "spent": 400, "redeemed_quantity": 2}, (900, 0, 400, 500, 2, 2, 400), True),
        ({"redeemed_quantity": 1}, (None, None, None, None, 1, 1, None), True),
    ],
)
async def test_a_card_that_was_used_elsewhere_keeps_its_ledger_and_the_terms_of_now(
    client: httpx.AsyncClient,
    call: Call,
    action_id: UUID,
    code: str,
    fields: dict[str, int],
    ledger: tuple[Any, ...],
    bound: bool,
) -> None:
    campaign = await make_campaign(client, call, code)
    (card,) = cards = gift_cards(code, **fields)
    assert card.bound is bound
    assert await insert(call, action_id, campaign, cards)
    (row,) = await read_columns(call, f"{LEDGER}, revision, own_revision, campaign_id", [code])
    assert row == (*ledger, 2 if bound else None, 2, campaign.id)


async def test_overrides_are_as_old_as_they_were_asked_for(
    client: httpx.AsyncClient, call: Call, action_id: UUID, code: str
) -> None:
    campaign = await make_campaign(client, call, code)
    own = {"gift": {"amount": 5, "effect": "APPLY_TO_ORDER"}}
    assert await insert(call, action_id, campaign, gift_cards(f"{code}-late", own=own))
    # Asked for before the campaign's change to 700.
    assert await insert(call, action_id, campaign, gift_cards(f"{code}-early", own=own), own_revision=1)
    amounts = {}
    for each in (f"{code}-late", f"{code}-early"):
        amounts[each] = (await client.get(f"/v1/vouchers/{each}")).json()["gift"]["amount"]
    assert amounts == {f"{code}-late": 5, f"{code}-early": 700}


async def test_a_batch_is_counted_at_its_campaign_and_in_its_day(
    client: httpx.AsyncClient, call: Call, code: str
) -> None:
    campaign = await make_campaign(client, call, code)
    counters = {"vouchers_created": 3, "created_vouchers_amount": 2100, "vouchers_deleted": 0}
    for _ in range(2):
        async with call.db.transaction() as connection:
            assert await count_batch(
                connection, call.project.id, campaign, added=3, bound=1, counters=counters, day=DAY
            )
    async with call.db.connection() as connection:
        days = await connection.fetch(
            "select day, counter, amount from campaign_day where campaign_id = $1 order by counter",
            campaign.id,
        )
        counts = await connection.fetchrow(
            "select vouchers_count, bound_count from campaign where id = $1", campaign.id
        )
    assert [tuple(row) for row in days] == [
        (DAY, "created_vouchers_amount", 4200),
        (DAY, "vouchers_created", 6),
    ]
    assert tuple(counts or ()) == (6, 2)


async def test_a_deleted_campaign_takes_no_batch(client: httpx.AsyncClient, call: Call, code: str) -> None:
    campaign = await make_campaign(client, call, code)
    await client.delete(f"/v1/campaigns/{code}")
    async with call.db.transaction() as connection:
        assert not await count_batch(connection, call.project.id, campaign, added=1, counters={}, day=DAY)


async def test_taken_codes_are_told_with_their_owner_and_the_bin(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, call: Call, code: str
) -> None:
    campaign = await make_campaign(client, call, code)
    alone = (await client.post(f"/v1/vouchers/{code}-alone", json=a_voucher())).json()
    owned = (
        await client.post(f"/v1/vouchers/{code}-owned", json=a_voucher("GIFT_VOUCHER", campaign=code))
    ).json()
    binned = (await client.post(f"/v1/vouchers/{code}-binned", json=a_voucher())).json()
    await client.delete(f"/v1/vouchers/{code}-binned")
    await other_client.post(f"/v1/vouchers/{code}-theirs", json=a_voucher())
    asked = [f"{code}-{name}" for name in ("alone", "owned", "binned", "theirs", "free")]

    async def find() -> dict[str, TakenCode]:
        async with call.db.connection() as connection:
            return await find_taken_codes(connection, call.project.id, asked)

    def id_of(voucher: dict[str, Any]) -> UUID:
        voucher_id = parse_id("v", voucher["id"])
        assert voucher_id is not None
        return voucher_id

    expected = {
        f"{code}-alone": TakenCode(id_of(alone), None, binned=False),
        f"{code}-owned": TakenCode(id_of(owned), campaign.id, binned=False),
        f"{code}-binned": TakenCode(id_of(binned), None, binned=True),
    }
    assert await find() == expected
    await client.delete(f"/v1/campaigns/{code}")
    expected[f"{code}-owned"] = TakenCode(id_of(owned), campaign.id, binned=True)
    assert await find() == expected
