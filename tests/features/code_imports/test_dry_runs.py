"""Dry runs: they say of each row what the import would make of it, and leave nothing but that."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from asyncpg.transaction import Transaction

from builders import a_voucher
from importing import (
    a_csv,
    finish,
    import_csv,
    import_json,
    make_campaign,
    make_category,
    make_voucher,
    post_csv,
    post_json,
    read_action,
    read_vouchers,
)
from openvoucher.app import make_worker
from openvoucher.features.code_imports import portions, service
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

# What an action writes of itself.
RECORDS: Final = ("job", "job_input", "job_turn", "async_action", "async_action_row")
SIZES: Final = (3, 7, 1000)

pytestmark = pytest.mark.slow


async def read_checksums(db: Database) -> dict[str, str]:
    """Of all that stands in each table, the places and writers of the rows included: any write of a row, even
    of the same values, changes them. Locks, and what was taken back, do not."""
    async with db.connection() as connection:
        tables = [
            row[0]
            for row in await connection.fetch("select relname from pg_stat_user_tables order by relname")
        ]
        return {
            table: await connection.fetchval(
                f"select coalesce(md5(string_agg(t.ctid::text || t.xmin || t::text, ',' order by ctid)), '')"
                f" from {table} t"
            )
            for table in tables
            if table not in RECORDS
        }


async def run(client: httpx.AsyncClient, worker: Worker, action_id: str) -> dict[str, Any]:
    """What an action says of itself when this worker has ended it."""
    await finish(client, worker, action_id)
    action = await read_action(client, action_id)
    result = action["result"]
    report = (await client.get(result["reports"][0])).text
    return {
        "failed": result["failed"],
        "done": result["done_count"],
        "counts": (action["done_count"], action["failed_count"], action["total_count"]),
        "refused": result["failed_count"],
        "report": report,
    }


Start = Callable[..., Any]


async def predict_and_import(
    client: httpx.AsyncClient, db: Database, settings: Settings, start: Start
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what the dry run said, what the import did that followed), nothing having changed in between."""
    before = await read_checksums(db)
    dry_id = await start(dry_run=True)
    said = await run(client, make_worker(db, settings), dry_id)
    assert await read_checksums(db) == before
    async with db.connection() as connection:
        batches = await connection.fetchval(
            "select count(*) from async_action_batch where async_action_id = $1",
            UUID(hex=dry_id.removeprefix("aa_")),
        )
        assert batches == 0
        assert await connection.fetchval("select count(*) from job_input") == 0
    done = await run(client, make_worker(db, settings), await start(dry_run=False))
    return said, done


# --- what the files meet ----------------------------------------------------------------------------


SCHEMA = {
    "related_object": "voucher",
    "allow_defined_only": True,
    "properties": {
        "size": {"type": "number", "optional": False},
        "colour": {"type": "string", "optional": True},
    },
}


async def prepare(client: httpx.AsyncClient, *, schema: bool = False) -> None:
    """Codes of the campaign, of another one, of nobody, and in the bin."""
    await make_category(client, "Food")
    await make_campaign(client, "Spring", campaign_type="GIFT_VOUCHERS")
    await make_campaign(client, "Other")
    for number in range(0, 60, 5):
        code, kind = f"CODE-{number:03}", number // 5 % 5
        if kind in (0, 1):
            await make_voucher(client, code, ("Spring", "Other")[kind])
        else:
            await make_voucher(client, code, type=("GIFT_VOUCHER", "DISCOUNT_VOUCHER")[kind % 2])
        if kind == 4:
            await client.delete(f"/v1/vouchers/{code}")
    if schema:
        answer = await client.post("/v1/metadata-schemas", json=SCHEMA)
        assert answer.status_code in (200, 201), answer.text


def make_rows(standalone: bool, *, schema: bool = False) -> list[str]:
    """Eighty rows: codes from 0 to 59 in no order, some of them several times, and bad ones of all kinds."""
    rows = []
    for number in range(80):
        code = f"CODE-{number * 37 % 60:03}"
        active, category, size, start = "", "", "", ""
        if number % 11 == 5:
            code = ""
        if number % 13 == 6:
            active = "maybe"
        elif number % 3 == 0:
            active = ("true", "false")[number % 2]
        if number % 17 == 3:
            category = "Nowhere"
        elif number % 5 == 0:
            category = "Food"
        if schema and number % 4:
            size = "x" if number % 7 == 2 else "5"
        if number % 19 == 2:
            start = "31.12.2026"
        elif number % 23 == 7:
            # Later than the end of what it may update.
            start = "2099-01-01"
        amount = "0" if number % 29 == 4 else f"{number % 9 + 1}.50"
        spent = "99" if number % 31 == 9 else ("1" if number % 8 == 1 else "")
        end = "2098-01-01" if number % 23 == 7 else ""
        head = f"{code},{active},{category},{start},{end}"
        if standalone:
            kind = ("GIFT_VOUCHER", "DISCOUNT_VOUCHER", "", "CARD")[
                3 if number % 27 == 8 else number % 14 == 9
            ]
            rows.append(f"{head},{kind},{'AMOUNT' if number % 14 == 9 else ''},{amount},{spent}")
        else:
            rows.append(f"{head},{amount},{spent}")
        if schema:
            rows[-1] += f",{size}"
    return rows


def make_file(standalone: bool, *, schema: bool = False) -> bytes:
    header = "Code,Active,Category,Start Date,Expiration Date"
    header += (
        ",Voucher Type,Discount Type,Value,Redeemed Amount" if standalone else ",Gift Amount,Redeemed Amount"
    )
    return a_csv(header + (",size" if schema else ""), *make_rows(standalone, schema=schema))


def has_all_sides(done: dict[str, Any]) -> bool:
    """Whether the file was what it is meant to be: rows stored, and rows refused for many reasons."""
    return done["done"] > 20 and len({failure["reason"] for failure in done["failed"]}) >= 6


with_sizes = pytest.mark.parametrize(
    "settings",
    [{"portion_rows": size} for size in SIZES],
    indirect=True,
    ids=[f"{size} rows" for size in SIZES],
)
with_samples = pytest.mark.parametrize("sample", [10, 16_384], ids=["long file", "short file"])


@with_sizes
@with_samples
@pytest.mark.parametrize("campaign", ["Spring", None])
@pytest.mark.parametrize("schema", [False, True], ids=["no schema", "schema"])
async def test_a_dry_run_of_a_file_says_exactly_what_the_import_will_do(
    client: httpx.AsyncClient,
    db: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    campaign: str | None,
    sample: int,
    schema: bool,
) -> None:
    monkeypatch.setattr(portions, "_SAMPLE_ROWS", sample)
    monkeypatch.setattr(portions, "_GROUPS", 8)
    await prepare(client, schema=schema)
    file = make_file(campaign is None, schema=schema)
    said, done = await predict_and_import(
        client, db, settings, lambda dry_run: import_csv(client, file, campaign, dry_run=dry_run)
    )
    assert said == done
    assert has_all_sides(done)


async def test_twin_that_does_not_take_back_what_it_tries_is_no_dry_run(
    client: httpx.AsyncClient, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transaction, "rollback", Transaction.commit)
    await prepare(client)
    before = await read_checksums(db)
    action_id = await import_csv(client, make_file(standalone=False), "Spring", dry_run=True)
    await run(client, make_worker(db, settings), action_id)
    after = await read_checksums(db)
    assert {table for table in after if after[table] != before[table]} == {"async_action_batch", "voucher"}


# --- JSON ------------------------------------------------------------------------------------------


def make_items(standalone: bool, *, schema: bool) -> list[dict[str, Any]]:
    """Sixty items in no order; some have something wrong."""
    items = []
    for number in range(60):
        item: dict[str, Any] = {"code": f"NEW-{number * 37 % 60:03}", "active": number % 2 == 0}
        if standalone:
            item |= a_voucher("GIFT_VOUCHER") if number % 9 else {"type": ("LOYALTY_CARD", None)[number % 2]}
        elif number % 8 == 3:
            item["gift"] = {"amount": -number}
        if number % 7 == 2:
            item["category"] = "Nowhere"
        if number % 11 == 4:
            item |= {"start_date": "2030-01-01", "expiration_date": "2029-01-01"}
        if schema:
            item["metadata"] = [{"size": 5}, {"size": "x"}, {}, {"size": 5, "more": 1}][number % 4]
        items.append(item)
    return items


@with_sizes
@pytest.mark.parametrize("campaign", ["Spring", None])
@pytest.mark.parametrize("schema", [False, True], ids=["no schema", "schema"])
async def test_a_dry_run_of_json_says_exactly_what_the_import_will_do(
    client: httpx.AsyncClient, db: Database, settings: Settings, campaign: str | None, schema: bool
) -> None:
    await prepare(client, schema=schema)
    items = make_items(campaign is None, schema=schema)

    said, done = await predict_and_import(
        client, db, settings, lambda dry_run: import_json(client, items, campaign, dry_run=dry_run)
    )
    assert said == done
    assert done["done"] > 5
    assert len({failure["reason"] for failure in done["failed"]}) >= 2


async def test_codes_that_were_taken_since_the_request_fail_in_both(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await prepare(client)
    items = [{"code": code} for code in "ABCDEFG"]
    actions = [await import_json(client, items, "Spring", dry_run=dry_run) for dry_run in (True, False)]
    for code in "BF":
        await make_voucher(client, code, "Other")
    said, done = [await run(client, worker, action_id) for action_id in actions]
    assert said == done
    assert (done["done"], [failure["code"] for failure in done["failed"]]) == (5, ["B", "F"])


# --- a campaign with little room ------------------------------------------------------------------------


LIMITED: Final = [{"portion_rows": size, "max_codes_per_campaign": 20} for size in SIZES]


@pytest.mark.parametrize("settings", LIMITED, indirect=True, ids=[f"{size} rows" for size in SIZES])
@with_samples
async def test_a_dry_run_minds_the_room_of_the_campaign_row_by_row(
    client: httpx.AsyncClient, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr(portions, "_SAMPLE_ROWS", sample)
    monkeypatch.setattr(portions, "_GROUPS", 8)
    await prepare(client)
    file = make_file(standalone=False)
    said, done = await predict_and_import(
        client, db, settings, lambda dry_run: import_csv(client, file, "Spring", dry_run=dry_run)
    )
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 20
    assert sum(failure["reason"] == "Campaign vouchers limit exceeded" for failure in done["failed"]) > 10
    assert said == done


@pytest.mark.parametrize("settings", LIMITED, indirect=True, ids=[f"{size} rows" for size in SIZES])
async def test_a_dry_run_of_json_minds_the_room_of_the_campaign(
    client: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    await prepare(client)
    items = make_items(standalone=False, schema=False)
    said, done = await predict_and_import(
        client, db, settings, lambda dry_run: import_json(client, items, "Spring", dry_run=dry_run)
    )
    assert (await client.get("/v1/campaigns/Spring")).json()["vouchers_count"] == 20
    assert said == done


@pytest.mark.parametrize("settings", [{"portion_rows": 2, "max_codes_per_campaign": 3}], indirect=True)
@pytest.mark.parametrize("kind", ["CSV", "JSON"])
async def test_where_there_is_little_room_what_was_sent_first_comes_in(
    client: httpx.AsyncClient, db: Database, settings: Settings, kind: str
) -> None:
    await make_campaign(client)

    async def start(dry_run: bool) -> str:
        if kind == "JSON":
            return await import_json(client, [{"code": code} for code in "EBDCA"], "Spring", dry_run=dry_run)
        return await import_csv(client, a_csv("Code", *"EBDCA"), "Spring", dry_run=dry_run)

    said, done = await predict_and_import(client, db, settings, start)
    assert said == done
    assert [failure["code"] for failure in done["failed"]] == ["C", "A"]
    assert sorted(await read_vouchers(client)) == ["B", "D", "E"]


# --- what else is as it is in an import ---------------------------------------------------------------------


async def test_a_dry_run_says_that_it_is_one(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    dry, real = [
        await import_csv(client, a_csv("Code", "A"), "Spring", dry_run=dry_run) for dry_run in (True, False)
    ]
    await worker.run_until_idle()
    assert (await read_action(client, dry))["dry_run"] is True
    assert (await read_action(client, real))["dry_run"] is False
    assert sorted(await read_vouchers(client)) == ["A"]


@pytest.mark.parametrize("file", [b"Code", b"Code\n"])
async def test_a_dry_run_of_nothing(client: httpx.AsyncClient, worker: Worker, file: bytes) -> None:
    said = [await import_csv(client, file, dry_run=True), await import_json(client, [], dry_run=True)]
    for action_id in said:
        result = await finish(client, worker, action_id)
        assert (result["done_count"], result["failed_count"], result["failed"]) == (0, 0, [])


async def test_a_dry_run_is_refused_as_the_import_would_be(client: httpx.AsyncClient, db: Database) -> None:
    await make_voucher(client, "A")
    before = await read_checksums(db)
    for dry_run in (True, False):
        answers = [
            await post_csv(client, a_csv("Code", "A"), "Nobody", dry_run=dry_run),
            await post_csv(client, b"", dry_run=dry_run),
            await post_csv(client, b'Code\n"A\n', dry_run=dry_run),
            await post_json(client, [{"code": "A", **a_voucher()}], dry_run=dry_run),
        ]
        assert [(answer.status_code, answer.json()["key"]) for answer in answers] == [
            (404, "not_found"),
            (400, "invalid_payload"),
            (400, "invalid_payload"),
            (400, "duplicate_key"),
        ]
    assert await read_checksums(db) == before


@pytest.mark.parametrize("query", ["", "?force=true"])
async def test_a_dry_run_whose_campaign_is_deleted_fails(
    client: httpx.AsyncClient, worker: Worker, query: str
) -> None:
    await make_campaign(client)
    file = a_csv("Code", *(f"CODE-{number}" for number in range(12)))
    action_id = await import_csv(client, file, "Spring", dry_run=True)
    await client.delete(f"/v1/campaigns/Spring{query}")
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert action["status"] == "FAILED"
    assert action["result"]["message"] == "The campaign was deleted."
    assert await read_vouchers(client) == {}


@pytest.mark.parametrize("settings", [{"portion_rows": 5}, {"portion_rows": 1000}], indirect=True)
async def test_what_one_row_would_make_the_next_rows_of_its_code_find(
    client: httpx.AsyncClient, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a large file, too, where the rows of a code lie in different portions."""
    monkeypatch.setattr(portions, "_SAMPLE_ROWS", 10)
    monkeypatch.setattr(portions, "_GROUPS", 4)
    codes = [f"CODE-{number}" for number in range(30)]
    lines = [f"{code},GIFT_VOUCHER,AMOUNT,5" for code in codes]
    # A second row with another type cannot update what the first one made.
    lines += [f"{code},DISCOUNT_VOUCHER,AMOUNT,5" for code in codes[::3]]
    lines += [f"{code},GIFT_VOUCHER,AMOUNT,7" for code in codes[::5]]
    file = a_csv("Code,Voucher Type,Discount Type,Value", *lines)
    said, done = await predict_and_import(
        client, db, settings, lambda dry_run: import_csv(client, file, dry_run=dry_run)
    )
    assert said == done
    assert said["counts"] == (36, 10, 46)
    assert said["failed"] == [
        {"code": code, "row": 31 + place, "reason": "The voucher has another type"}
        for place, code in enumerate(codes[::3])
    ]


async def test_a_dry_run_that_would_have_to_hold_too_much_at_once_ends_with_the_reason(
    client: httpx.AsyncClient, worker: Worker, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MAX_BUCKET_BYTES", 1_000)
    await make_campaign(client)
    file = a_csv("Code", *(["SAME"] * 400))
    action_id = await import_csv(client, file, "Spring", dry_run=True)
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["done_count"], action["failed_count"]) == ("FAILED", 0, 0)
    assert action["result"]["message"].startswith("This file cannot be tried out: more than 64 MiB")
    # The import itself has no such bound.
    action_id = await import_csv(client, file, "Spring")
    assert (await finish(client, worker, action_id))["done_count"] == 400
