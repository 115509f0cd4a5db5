"""Imports from the request to the result: what is refused at once, what is taken in, how it ends."""

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from asyncpg.transaction import Transaction

from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from database_views import count_rows
from importing import (
    A_REPORT,
    a_csv,
    a_result,
    count_codes,
    finish,
    import_csv,
    import_json,
    is_duplicate,
    make_campaign,
    make_category,
    make_voucher,
    post_csv,
    post_json,
    read_action,
    read_rows,
    read_vouchers,
)
from openvoucher.app import make_app, make_worker
from openvoucher.features.code_imports import portions
from openvoucher.features.projects.service import KeyPair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database, DatabaseUnavailable
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings

UNKNOWN = "camp_" + "0" * 32
FILE = a_csv("Code", "A", "B")
ITEMS = [{"code": "A"}, {"code": "B"}]
GIFTS = a_csv("Code,Voucher Type,Value", "A,GIFT_VOUCHER,1", "B,GIFT_VOUCHER,1")


# --- what is refused at once ---------------------------------------------------------------------------


async def test_an_import_into_a_campaign_that_is_not_there_is_refused(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database, worker: Worker
) -> None:
    others = await make_campaign(other_client, "Others")
    binned = await make_campaign(client, "Binned")
    await client.delete("/v1/campaigns/Binned")
    await worker.run_until_idle()
    before = await count_rows(db)
    for sent in (UNKNOWN, "Nobody's", "Others", others, "Binned", binned):
        for answer in (await post_csv(client, FILE, sent), await post_json(client, ITEMS, sent)):
            assert answer.status_code == 404
            assert read_refusal(answer) == not_there("campaign", sent)
    assert await count_rows(db) == before


@pytest.mark.parametrize(
    ("campaign", "kind"),
    [
        ({"type": "STANDALONE"}, "STANDALONE type"),
        ({"campaign_type": "PROMOTION"}, "PROMOTION"),
    ],
)
async def test_an_import_into_a_campaign_that_takes_no_codes_is_refused(
    client: httpx.AsyncClient, db: Database, campaign: dict[str, Any], kind: str
) -> None:
    campaign_id = await make_campaign(client, **campaign)
    before = await count_rows(db)
    for answer in (await post_csv(client, FILE, campaign_id), await post_json(client, ITEMS, "Spring")):
        details = f"You can not generate vouchers for {kind} campaign."
        assert read_refusal(answer) == a_refusal(400, "invalid_campaign", details)
    assert await count_rows(db) == before


INVALID = "invalid_payload"
TAKEN = "duplicate_key"
NAMELESS = "invalid_voucher"


@pytest.mark.parametrize("campaign", ["Spring", None])
async def test_a_json_import_with_nameless_or_duplicate_codes_is_refused_as_a_whole(
    client: httpx.AsyncClient, db: Database, campaign: str | None
) -> None:
    await make_campaign(client)
    await make_voucher(client, "TAKEN")
    await make_voucher(client, "IN-CAMPAIGN", "Spring")
    await make_voucher(client, "BINNED", "Spring")
    await client.delete("/v1/vouchers/BINNED")
    before = await count_rows(db)
    refusals: list[tuple[list[str | None], str, str]] = [
        (["A", None], NAMELESS, "Found 1 voucher(s) without 'code' value"),
        (["", None, ""], NAMELESS, "Found 3 voucher(s) without 'code' value"),
        (["TAKEN", ""], NAMELESS, "Found 1 voucher(s) without 'code' value"),
        (["A", "B", "A"], TAKEN, "1 voucher codes(s) already exist."),
        (["A", "A", "A"], TAKEN, "2 voucher codes(s) already exist."),
        (["A", "TAKEN"], TAKEN, "1 voucher codes(s) already exist."),
        (["TAKEN", "TAKEN"], TAKEN, "2 voucher codes(s) already exist."),
        (["IN-CAMPAIGN", "A", "BINNED"], TAKEN, "2 voucher codes(s) already exist."),
    ]
    for codes, key, details in refusals:
        answer = await post_json(client, [{"code": code, "active": True} for code in codes], campaign)
        assert read_refusal(answer) == a_refusal(400, key, details)
    answer = await post_json(client, [{"code": "A"}, {}], campaign)
    assert read_refusal(answer) == a_refusal(400, NAMELESS, "Found 1 voucher(s) without 'code' value")
    assert await count_rows(db) == before


@pytest.mark.parametrize(
    ("items", "details"),
    [
        ({"code": "A"}, "Payload must be array"),
        ([{"code": "A"}, "B"], "Property [1] must be object"),
        ([{"code": 5}], "Property [0].code must be string,null"),
        ([{"code": "x" * 501}], "Property [0].code must NOT have more than 500 characters"),
        ([{"code": "A"}, {"code": "B", "active": 1}], "Property [1].active must be boolean,null"),
        (
            [{"code": "A", "redemption": {"quantity": "5"}}],
            "Property [0].redemption.quantity must be number,null",
        ),
        ([{"code": "A", "redemption": {"quantity": 0}}], "Property [0].redemption.quantity must be >= 1"),
        ([{"code": "A", "gift": {"amount": "1"}}], "Property [0].gift.amount must be number"),
        ([{"code": "A", "gift": {}}], "Property [0].gift must have required property 'amount'"),
        ([{"code": "A", "loyalty_card": {"points": -1}}], "Property [0].loyalty_card.points must be >= 0"),
        ([{"code": "A", "metadata": []}], "Property [0].metadata must be object,null"),
        ([{"code": "A", "start_date": 5}], "Property [0].start_date must be string,null"),
    ],
)
async def test_a_json_import_with_a_value_of_a_wrong_type_is_refused_as_a_whole(
    client: httpx.AsyncClient, db: Database, items: Any, details: str
) -> None:
    await make_campaign(client)
    before = await count_rows(db)
    for campaign in ("Spring", None):
        answer = await post_json(client, items, campaign)
        assert read_refusal(answer) == a_refusal(400, INVALID, details)
    assert await count_rows(db) == before


@pytest.mark.parametrize("campaign", ["Spring", None])
async def test_what_only_one_row_of_a_json_import_has_wrong_fails_that_row(
    client: httpx.AsyncClient, worker: Worker, campaign: str | None
) -> None:
    await make_campaign(client, campaign_type="GIFT_VOUCHERS")
    gift = {"type": "GIFT_VOUCHER", "gift": {"amount": 500}}
    date = "cannot be recognized as a ISO-8601 compliant date"
    faults: list[tuple[dict[str, Any], str]] = [
        ({"start_date": "tomorrow"}, f"Property .start_date {date}"),
        ({"expiration_date": "2026-02-30"}, f"Property .expiration_date {date}"),
        (
            {"start_date": "2027-01-01", "expiration_date": "2026-01-01"},
            "Property .expiration_date must not be before start_date",
        ),
        ({"gift": {"amount": 0}}, "Property 'gift.amount' must be greater than zero"),
        ({"category": "Nowhere"}, "Cannot find category with id Nowhere"),
        ({"category_id": "cat_0"}, "Cannot find category with id cat_0"),
    ]
    items = [{"code": f"BAD-{number}", **gift, **fault} for number, (fault, _) in enumerate(faults)]
    items.insert(3, {"code": "GOOD", **gift, "metadata": {"n": 10**30}})
    result = await finish(client, worker, await import_json(client, items, campaign))
    assert result == {
        "message": "1 voucher(s) imported successfully, 6 failed.",
        "failed": [{"code": f"BAD-{number}", "reason": reason} for number, (_, reason) in enumerate(faults)],
        "done_count": 1,
        "failed_count": 6,
        **A_REPORT,
    }
    vouchers = await read_vouchers(client)
    assert [(code, voucher["campaign"], voucher["metadata"]) for code, voucher in vouchers.items()] == [
        ("GOOD", campaign, {"n": 10**30})
    ]


# Enough of them for the first to be kept before the last have come in.
LONG_ROWS = ["CODE," + "x" * 1000] * 200


@pytest.fixture
def short_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions of a file are cut after a few rows already, not after thousands."""
    monkeypatch.setattr(portions, "_SAMPLE_ROWS", 16)


@pytest.mark.parametrize(
    ("file", "details"),
    [
        (b"", "The file is empty: its first line names the columns"),
        (b"\xef\xbb\xbf\r\n\r\n", "The file is empty: its first line names the columns"),
        (b'Code,Active\nA,true\n"B,true\nC,true\n', "Row 2 has a quote that is not closed"),
        (a_csv("Code", *LONG_ROWS, '"'), "Row 201 has a quote that is not closed"),
        ("Code,Größe\nA,1\n".encode("latin-1"), "The header is not UTF-8 text"),
        ("Code,Active\nA,true\n".encode("utf-16"), "The header is not UTF-8 text"),
        (b"Code\x00\nA\n", "The header has the character U+0000"),
    ],
)
@pytest.mark.usefixtures("short_sample")
async def test_a_file_that_cannot_be_cut_into_rows_is_refused_as_a_whole(
    client: httpx.AsyncClient, db: Database, file: bytes, details: str
) -> None:
    await make_campaign(client)
    before = await count_rows(db)
    for campaign in ("Spring", None):
        assert read_refusal(await post_csv(client, file, campaign)) == a_refusal(400, INVALID, details)
    assert await count_rows(db) == before


NO_FILE = "Payload should have required property 'file'"


@pytest.mark.parametrize(
    ("sent", "details"),
    [
        ({"files": {"codes": ("codes.csv", FILE)}}, NO_FILE),
        ({"data": {"file": "A"}}, NO_FILE),
        ({"json": ITEMS}, NO_FILE),
        ({"content": FILE, "headers": {"Content-Type": "text/csv"}}, NO_FILE),
        ({}, NO_FILE),
        ({"files": [("file", FILE), ("file", FILE)]}, "Payload must have one property 'file' only"),
    ],
)
async def test_an_upload_without_exactly_one_file_is_refused(
    client: httpx.AsyncClient, db: Database, sent: dict[str, Any], details: str
) -> None:
    await make_campaign(client)
    before = await count_rows(db)
    for path in ("/v1/campaigns/Spring/importCSV", "/v1/vouchers/importCSV"):
        answer = await client.post(path, **sent)
        assert read_refusal(answer) == a_refusal(400, INVALID, details)
    assert await count_rows(db) == before


@pytest.mark.parametrize("settings", [{"max_csv_import_bytes": 1_000_000}], indirect=True)
async def test_an_upload_over_the_limit_leaves_nothing(client: httpx.AsyncClient, db: Database) -> None:
    before = await count_rows(db)
    # Just over, so that its announced length alone does not say so.
    answer = await post_csv(client, a_csv("Code", *["CODE-1234"] * 100_001))
    assert answer.status_code == 413
    assert await count_rows(db) == before


@pytest.mark.usefixtures("short_sample")
async def test_an_upload_that_breaks_in_the_middle_leaves_nothing(
    db: Database, project: Project, settings: Settings, keys: dict[str, KeyPair]
) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="c.csv"\r\n\r\n'
    body = [head, b"Code,Info\n", *[a_csv(*LONG_ROWS)] * 4]
    before = await count_rows(db)
    kept = 0

    async def receive() -> dict[str, Any]:
        nonlocal kept
        if body:
            return {"type": "http.request", "body": body.pop(0), "more_body": True}
        kept = len(await read_rows(db, project, "job_input", "portion"))
        return {"type": "http.disconnect"}

    async def send(_event: dict[str, Any]) -> None:
        pass

    headers = {
        "x-app-id": keys["server"].app_id,
        "x-app-token": keys["server"].secret,
        "content-type": "multipart/form-data; boundary=x",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/vouchers/importCSV",
        "raw_path": b"/v1/vouchers/importCSV",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    await make_app(db, settings)(scope, receive, send)
    # What had come in was kept already, and is gone.
    assert kept > 20
    assert await count_rows(db) == before


# --- what is taken in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "campaign", "status", "type"),
    [
        (lambda client: post_csv(client, FILE, "Spring"), "Spring", 200, "CAMPAIGN.VOUCHERS_IMPORT_CSV"),
        (lambda client: post_json(client, ITEMS, "Spring"), "Spring", 202, "CAMPAIGN.VOUCHERS_IMPORT"),
        (lambda client: post_csv(client, GIFTS), None, 202, "VOUCHERS.IMPORT_CSV"),
        (
            lambda client: post_json(client, [a_voucher(code=code) for code in "AB"]),
            None,
            202,
            "VOUCHERS.IMPORT",
        ),
    ],
)
async def test_an_import_is_an_async_action(
    client: httpx.AsyncClient,
    db: Database,
    project: Project,
    worker: Worker,
    start: Callable[[httpx.AsyncClient], Any],
    campaign: str | None,
    status: int,
    type: str,
) -> None:
    await make_campaign(client)
    answer = await start(client)
    assert answer.status_code == status
    assert answer.json().keys() == {"async_action_id"}
    action_id = answer.json()["async_action_id"]
    assert (await read_action(client, action_id))["type"] == type
    assert await read_vouchers(client) == {}
    result = await finish(client, worker, action_id)
    assert result == {
        "message": "2 voucher(s) imported successfully, 0 failed.",
        "failed": [],
        "done_count": 2,
        "failed_count": 0,
        **A_REPORT,
    }
    vouchers = await read_vouchers(client)
    assert {code: voucher["campaign"] for code, voucher in vouchers.items()} == {"A": campaign, "B": campaign}
    assert await count_codes(client) == (2 if campaign else 0)
    # Nobody needs the input any more.
    assert await read_rows(db, project, "job_input", "portion") == []


async def test_an_import_of_no_rows_is_done_with_none(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    actions = [
        await import_csv(client, b"Code,Active\n", "Spring"),
        await import_csv(client, b"Code"),
        await import_json(client, [], "Spring"),
        await import_json(client, []),
    ]
    for action_id in actions:
        assert await finish(client, worker, action_id) == a_result(0)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"\xef\xbb\xbfCode,Active\r\nA,TRUE\r\nB,FALSE\r\n", id="byte order mark and CRLF"),
        pytest.param(b"Code,Active\rA,TRUE\rB,FALSE\r", id="CR"),
        pytest.param(b'"Code","Active"\n\n"A","true"\n,\n"B","false"\n,,,\n', id="quotes and empty rows"),
    ],
)
async def test_files_of_spreadsheets(client: httpx.AsyncClient, worker: Worker, file: bytes) -> None:
    await make_campaign(client)
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(2)
    vouchers = await read_vouchers(client)
    assert {code: voucher["active"] for code, voucher in vouchers.items()} == {"A": True, "B": False}


async def test_a_file_with_semicolons_says_so_in_every_row(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    file = b"\xef\xbb\xbfCode;Active\r\nA;TRUE\r\nB;FALSE\r\n"
    reason = (
        "Code is required: the header has no Code column; columns must be separated by commas,"
        " this file uses ;"
    )
    result = await finish(client, worker, await import_csv(client, file, "Spring"))
    assert result == a_result(0, (1, "", reason), (2, "", reason))
    assert await read_vouchers(client) == {}


async def test_rows_that_are_no_text_fail_alone(client: httpx.AsyncClient, worker: Worker) -> None:
    await make_campaign(client)
    file = b"Code,name\nA,ok\nM\xfcller,x\nB\x00,x\nC,\x00\nD,ok\n" + b"E" * 501 + b",x\n"
    assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(
        2,
        (2, "", "the row is not UTF-8 text"),
        (3, "B", "the row has the character U+0000"),
        (4, "C", "the row has the character U+0000"),
        (6, "E" * 500, "Invalid value for Code: longer than 500 characters"),
    )
    assert sorted(await read_vouchers(client)) == ["A", "D"]


@pytest.mark.parametrize("settings", [{"csv_money_in_major_units": False}], indirect=True)
async def test_money_of_a_file_can_be_minor_units(client: httpx.AsyncClient, worker: Worker) -> None:
    file = a_csv("Code,Voucher Type,Value,Redeemed Amount", "A,GIFT_VOUCHER,1050,50", "B,GIFT_VOUCHER,10.50,")
    assert await finish(client, worker, await import_csv(client, file)) == a_result(
        1, (2, "B", "Invalid value for Value: 10.50")
    )
    assert (await read_vouchers(client))["A"]["gift"]["balance"] == 1000


@pytest.mark.parametrize("portions", [5, 6])
async def test_short_imports_run_in_order_and_long_ones_take_turns(
    client: httpx.AsyncClient, db: Database, project: Project, portions: int
) -> None:
    codes = [f"CODE-{number}" for number in range(portions * 5)]
    await import_csv(client, a_csv("Code", *codes))
    await import_json(client, [a_voucher(code=code) for code in codes])
    assert (
        await read_rows(db, project, "job", "id is null", "lane", "state", "payload->'portions'")
        == [(False, "ordered" if portions == 5 else "turns", "waiting", portions)] * 2
    )
    await _drop_jobs(db, project)


async def _drop_jobs(db: Database, project: Project) -> None:
    async with db.connection() as connection:
        await connection.execute("delete from job where project_id = $1", project.id)


# --- how it ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?force=true"])
async def test_an_import_whose_campaign_is_deleted_fails_and_keeps_count_of_what_was_done(
    client: httpx.AsyncClient, worker: Worker, query: str
) -> None:
    await make_campaign(client)
    file = a_csv("Code", "A", "B", "", "C", ",x", "D", "E", "F", "G")
    action_id = await import_csv(client, file.replace(b"\n\n", b'\n"",\n'), "Spring")
    assert await worker.run_next()
    await client.delete(f"/v1/campaigns/Spring{query}")
    await worker.run_until_idle()
    action = await read_action(client, action_id)
    assert action["status"] == "FAILED"
    assert action["progress"] < 100
    assert action["result"] == {
        **a_result(4, (4, "", "Code is required")),
        "message": "The campaign was deleted.",
    }
    assert await read_vouchers(client) == {}


async def test_an_import_whose_input_is_lost_fails_and_says_so(
    client: httpx.AsyncClient, db: Database, project: Project, settings: Settings, worker: Worker
) -> None:
    await make_campaign(client)
    action_id = await import_csv(client, a_csv("Code", *"ABCDEFG"), "Spring")
    await worker.run_next()
    async with db.connection() as connection:
        await connection.execute("delete from job_input where project_id = $1", project.id)
    # Another one than has read it already.
    await make_worker(db, settings).run_until_idle()
    action = await read_action(client, action_id)
    assert (action["status"], action["progress"]) == ("FAILED", 71)
    assert action["result"] == {**a_result(5), "message": "The input of this import is gone."}
    assert await count_codes(client) == 5


@pytest.mark.parametrize("settings", [{"portion_rows": 2000}], indirect=True)
async def test_ten_thousand_rows_with_duplicates_and_bad_rows_end_with_exact_counts_and_reasons(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    await client.post("/v1/campaigns", json=a_campaign(vouchers_count=1000))
    taken = [f"ELSEWHERE-{number}" for number in range(30)]
    await import_json(client, [a_voucher(code=code) for code in taken])
    await worker.run_until_idle()
    generated = [row[0] for row in await read_rows(db, project, "voucher", "code", "campaign_id") if row[1]]
    assert len(generated) == 1000

    bad = [
        (b",true,,red", "", "Code is required"),
        (b"%s,maybe,,red", None, "Invalid value for Active: must be TRUE or FALSE"),
        (b"%s,true,31.12.2026,red", None, "Invalid value for Start Date: 31.12.2026"),
        (b"%s,true,,r\xf6d", "", "the row is not UTF-8 text"),
        (b"%s,true,\x00,red", None, "the row has the character U+0000"),
    ]
    lines, failed, stored = [b"Code,Active,Start Date,colour"], [], []
    for number in range(1, 10_001):
        code = f"CODE-{number:05}"
        line = b"%s,true,,red"
        if number % 200 == 100:
            # 50 rows, ten of each kind.
            line, named, reason = bad[number // 200 % 5]
            failed.append((number, code if named is None else named, reason))
        elif number % 100 == 50:
            # 100 rows: 40 have the code of an earlier row, 30 one of the campaign, 30 one of somebody else.
            kind, index = number // 100 % 10, number // 1000
            if kind < 4:
                code = f"CODE-{number - 49:05}"
            elif kind < 7:
                code = generated[index * 3 + kind - 4]
            else:
                code = taken[index * 3 + kind - 7]
                failed.append(is_duplicate(number, code))
        else:
            stored.append(code)
        lines.append(line.replace(b"%s", code.encode()))
    assert (len(stored), len(failed)) == (9850, 80)

    action_id = await import_csv(client, b"\n".join(lines), "Spring")
    assert await finish(client, worker, action_id) == a_result(9920, *failed)
    assert await count_codes(client) == 1000 + 9850
    rows = await read_rows(db, project, "voucher", "code", "campaign_id is not null")
    assert [code for code, in_campaign in rows if in_campaign] == sorted([*generated, *stored])
    assert [code for code, in_campaign in rows if not in_campaign] == sorted(taken)


async def test_a_file_that_was_imported_is_imported_again_without_a_change(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_category(client, "Food")
    await make_campaign(client)
    file = a_csv("Code,Active,Category,colour", *(f"CODE-{number},true,Food,red" for number in range(12)))
    for _ in range(2):
        assert await finish(client, worker, await import_csv(client, file, "Spring")) == a_result(12)
        vouchers = await read_vouchers(client)
        assert {(v["active"], v["category"], v["metadata"]["colour"]) for v in vouchers.values()} == {
            (True, "Food", "red")
        }
        assert (len(vouchers), await count_codes(client)) == (12, 12)


@pytest.mark.parametrize("kind", ["CSV", "JSON"])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_workers_with_other_portions_go_on_with_those_that_were_kept(
    client: httpx.AsyncClient, db: Database, project: Project, settings: Settings, kind: str, dry_run: bool
) -> None:
    """As after a restart with another setting."""
    await make_campaign(client)
    codes = [f"CODE-{number:02}" for number in range(23)]
    if kind == "CSV":
        action_id = await import_csv(client, a_csv("Code", *codes, "", *codes[:3]), "Spring", dry_run=dry_run)
    else:
        items = [{"code": code} for code in codes]
        action_id = await import_json(client, items, "Spring", dry_run=dry_run)
    for size in (1, 50, 7, 3, 2, 9):
        await make_worker(db, msgspec.structs.replace(settings, portion_rows=size)).run_next()
    result = (await read_action(client, action_id))["result"]
    assert (result["done_count"], result["failed_count"]) == (26 if kind == "CSV" else 23, 0)
    stored = [] if dry_run else [(code,) for code in codes]
    assert await read_rows(db, project, "voucher", "code") == stored
    assert await count_codes(client) == len(stored)


async def test_after_a_lost_commit_nobody_is_told_to_send_the_file_again(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when the database is away while the upload is given up."""
    await make_campaign(client)
    commit = Transaction.commit
    connect = Database.connection

    async def commit_and_lose_the_answer(self: Transaction) -> None:
        await commit(self)
        monkeypatch.setattr(Database, "connection", fail_to_connect)
        raise ConnectionResetError("the answer was lost")

    def fail_to_connect(_: Database) -> Any:
        raise DatabaseUnavailable("restarting")

    monkeypatch.setattr(Transaction, "commit", commit_and_lose_the_answer)
    answer = await post_csv(client, a_csv("Code", "A", "B"), "Spring")
    monkeypatch.setattr(Transaction, "commit", commit)
    monkeypatch.setattr(Database, "connection", connect)
    assert (answer.status_code, answer.json()["key"]) == (503, "outcome_unknown")
    assert "Retry-After" not in answer.headers
    # It was taken, once.
    await worker.run_until_idle()
    (action,) = (await client.get("/v1/async-actions")).json()["async_actions"]
    assert (action["status"], action["done_count"]) == ("DONE", 2)
