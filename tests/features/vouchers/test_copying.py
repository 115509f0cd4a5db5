"""New vouchers as rows of a COPY: what the table then holds."""

import asyncio
import dataclasses
import io
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_campaign
from calls import NOW
from openvoucher.features.vouchers.copying import NewVoucher, encode_vouchers
from openvoucher.features.vouchers.service import Campaign, find_campaign
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.wire.ids import IdBatch

NAMES = (
    "code, type, own, active, redeemed_quantity, credited, subtracted, spent, balance, revision,"
    " own_revision, brought_quantity, brought_spent, campaign_id, project_id, created_at"
)
# What else a voucher has, at its start.
DEFAULTS = "updated_at, deleted_at, published_count"


async def copy(
    connection: Connection,
    vouchers: list[NewVoucher],
    *,
    project_id: int = 1,
    campaign: Campaign | None = None,
    now: datetime = NOW,
) -> tuple[list[dict[str, Any]], list[UUID], IdBatch]:
    """(rows in the order of their ids, ids, the batch)."""
    ids = IdBatch(len(vouchers))
    columns, data = encode_vouchers(project_id, campaign, vouchers, ids, own_revision=3, now=now)
    await connection.copy_to_table("voucher", source=io.BytesIO(data), columns=columns, format="binary")
    rows = await connection.fetch(
        f"select {NAMES} from voucher where project_id = $1 order by id", project_id
    )
    found = await connection.fetch("select id from voucher where project_id = $1 order by id", project_id)
    return [dict(row) for row in rows], [row["id"] for row in found], ids


def expect(
    voucher: NewVoucher, *, project_id: int = 1, campaign: Campaign | None = None, now: datetime = NOW
) -> dict[str, Any]:
    """The row of a voucher, spelt out."""
    has_ledger = voucher.spent is not None and voucher.amount is not None
    spent, amount = voucher.spent or 0, voucher.amount or 0
    used_before = voucher.redeemed_quantity > 0 or spent > 0
    return {
        "code": voucher.code,
        "type": voucher.type,
        "own": voucher.own,
        "active": voucher.active,
        "redeemed_quantity": voucher.redeemed_quantity,
        "credited": amount if has_ledger else None,
        "subtracted": 0 if has_ledger else None,
        "spent": spent if has_ledger else None,
        "balance": amount - spent if has_ledger else None,
        "revision": campaign.revision if campaign and used_before else None,
        "own_revision": 3,
        "brought_quantity": voucher.redeemed_quantity or None,
        "brought_spent": spent if has_ledger else None,
        "campaign_id": campaign.id if campaign else None,
        "project_id": project_id,
        "created_at": now,
    }


_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
_OWN = st.dictionaries(
    _TEXT, _TEXT | st.integers(-(10**20), 10**20) | st.lists(_TEXT, max_size=2), max_size=3
)


@st.composite
def new_vouchers(draw: st.DrawFn) -> list[NewVoucher]:
    shared = draw(_OWN)
    made: dict[str, NewVoucher] = {}
    used = draw(st.booleans())
    for code in draw(st.lists(_TEXT, min_size=1, max_size=8, unique=True)):
        # Standalone vouchers have terms of their own: the same object for some, equal ones for others.
        own = draw(st.sampled_from([shared, dict(shared)]) | _OWN)
        voucher = NewVoucher(code, draw(st.sampled_from(["DISCOUNT_VOUCHER", "GIFT_VOUCHER"])), own)
        voucher.active = draw(st.booleans())
        if used:
            voucher.redeemed_quantity = draw(st.sampled_from([0, 1, 2**53]))
            voucher.amount = draw(st.none() | st.integers(0, 2**53))
            voucher.spent = draw(st.none() | st.integers(0, voucher.amount or 0))
        made[code] = voucher
    return list(made.values())


def test_whatever_is_copied_is_what_the_table_holds(database_url: str) -> None:
    with asyncio.Runner() as runner:
        connection = runner.run(Database(database_url, size=1).open_connection())

        @settings(deadline=None, max_examples=150)
        @given(
            vouchers=new_vouchers(),
            now=st.datetimes(
                datetime(1990, 1, 1),  # noqa: DTZ001 - it is given one
                timezones=st.just(UTC),
            ),
        )
        def check(vouchers: list[NewVoucher], now: datetime) -> None:
            before = [dataclasses.replace(voucher) for voucher in vouchers]
            runner.run(connection.execute("delete from voucher"))
            rows, ids, batch = runner.run(copy(connection, vouchers, now=now))
            assert rows == [expect(voucher, now=now) for voucher in vouchers]
            assert (ids[0], ids[-1], len(set(ids))) == (batch.first, batch.last, len(vouchers))
            assert vouchers == before

        check()
        runner.run(connection.close())


async def make_campaign(client: httpx.AsyncClient, db: Database, project: Project) -> Campaign:
    """A gift campaign that has been changed once, so that its revision is 2."""
    await client.post("/v1/campaigns", json=a_campaign(name="Gifts", campaign_type="GIFT_VOUCHERS"))
    await client.put("/v1/campaigns/Gifts", json={"gift": {"amount": 700}})
    async with db.connection() as connection:
        return await find_campaign(connection, project.id, "Gifts")


OWN = {"gift": {"amount": 500, "effect": "APPLY_TO_ORDER"}, "metadata": {"ü": ["😀", 10**30]}}


@pytest.mark.parametrize(
    "vouchers",
    [
        pytest.param([NewVoucher(f"C-{number}", "GIFT_VOUCHER") for number in range(3000)], id="plain"),
        pytest.param(
            [NewVoucher(f"C-{number:03}", "GIFT_VOUCHER", OWN, number % 2 == 0) for number in range(300)],
            id="with the same terms of their own",
        ),
        pytest.param(
            [NewVoucher("A", "GIFT_VOUCHER", amount=700, spent=0), NewVoucher("B", "GIFT_VOUCHER")],
            id="with a ledger though nothing is spent",
        ),
        pytest.param(
            [
                NewVoucher("A", "GIFT_VOUCHER"),
                NewVoucher("B", "GIFT_VOUCHER", OWN, amount=500, spent=200, redeemed_quantity=2),
                NewVoucher("C", "GIFT_VOUCHER", active=False, amount=700, spent=0),
                NewVoucher("D", "GIFT_VOUCHER", redeemed_quantity=7),
                NewVoucher("E" * 500, "GIFT_VOUCHER", {}),
            ],
            id="some of them used",
        ),
    ],
)
async def test_codes_of_a_campaign(
    client: httpx.AsyncClient, db: Database, project: Project, vouchers: list[NewVoucher]
) -> None:
    campaign = await make_campaign(client, db, project)
    assert campaign.revision == 2
    async with db.connection() as connection:
        rows, ids, batch = await copy(connection, vouchers, project_id=project.id, campaign=campaign)
        rest = await connection.fetch(f"select distinct {DEFAULTS} from voucher")
    assert rows == [expect(voucher, project_id=project.id, campaign=campaign) for voucher in vouchers]
    assert [row[:12] for row in (id.bytes for id in ids)] == [batch.shared] * len(vouchers)
    assert [int.from_bytes(id.bytes[12:], "big") for id in ids] == list(range(len(vouchers)))
    assert [tuple(row) for row in rest] == [(None, None, 0)]


async def test_every_column_of_the_table_is_written_or_has_a_default(db: Database) -> None:
    """A column that a later migration adds without one would stop all imports."""
    columns, _ = encode_vouchers(
        1, None, [NewVoucher("A", "GIFT_VOUCHER", redeemed_quantity=1)], IdBatch(1), own_revision=0, now=NOW
    )
    async with db.connection() as connection:
        needed = await connection.fetch(
            "select attname from pg_attribute where attrelid = 'voucher'::regclass and attnum > 0"
            " and not attisdropped and attnotnull and not atthasdef"
        )
    assert {row["attname"] for row in needed} <= {*columns}
