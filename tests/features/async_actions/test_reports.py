"""Reports of imports, and cells that a spreadsheet program must not run."""

import csv
import io
from typing import Any

import httpx
import pytest

from builders import a_voucher
from importing import a_csv, finish, import_csv, import_json, make_campaign, read_action
from openvoucher.features.async_actions import reports, service
from openvoucher.features.async_actions.schemas import RowOutcome
from openvoucher.features.async_actions.service import record_portion, start_action
from openvoucher.platform.call import Call
from openvoucher.platform.jobs import Job, Run
from openvoucher.platform.jobs.ahead import Ahead
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import new_id, parse_id


async def download(client: httpx.AsyncClient, result: dict[str, Any]) -> list[list[str]]:
    (address,) = result["reports"]
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


async def test_the_report_of_a_file_has_each_failed_row_as_it_was_sent_with_its_line(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    file = a_csv(
        "Code,Active,Note, colour ",
        "A,true,fine,red",
        "B,maybe,-5,blue",
        "",
        'C,true,"two\nlines",red',
        "D,x,=1+1,@x",
        "E,y",
        ",true,no code,-1-1,more,+1",
    )
    await make_campaign(client)
    result = await finish(client, worker, await import_csv(client, file, "Spring"))
    assert (result["done_count"], result["failed_count"]) == (2, 4)
    reason = "Invalid value for Active: must be TRUE or FALSE"
    assert await download(client, result) == [
        ["row", "line", "code", "reason", "Code", "Active", "Note", " colour "],
        ["2", "3", "B", reason, "B", "maybe", "-5", "blue"],
        ["4", "7", "D", reason, "D", "x", "'=1+1", "'@x"],
        ["5", "8", "E", reason, "E", "y"],
        ["6", "9", "", "Code is required", "", "true", "no code", "'-1-1", "more", "+1"],
    ]


async def test_the_report_of_a_standalone_file(client: httpx.AsyncClient, worker: Worker) -> None:
    file = a_csv("=cmd|x,Code", ",-A", "1,+B+")
    result = await finish(client, worker, await import_csv(client, file))
    reason = "Voucher Type is required"
    assert await download(client, result) == [
        ["row", "line", "code", "reason", "'=cmd|x", "Code"],
        ["1", "2", "'-A", reason, "", "'-A"],
        ["2", "3", "'+B+", reason, "1", "'+B+"],
    ]
    # The result itself is JSON, in which nothing is a formula.
    assert [row["code"] for row in result["failed"]] == ["-A", "+B+"]


async def test_the_report_of_a_json_import_has_each_item_as_text(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    items = [a_voucher(code="A"), {"code": "B"}, {"code": "=C"}]
    result = await finish(client, worker, await import_json(client, items))
    assert await download(client, result) == [
        ["row", "line", "code", "reason", "value"],
        ["2", "", "B", "type is required", '{"code":"B"}'],
        ["3", "", "'=C", "type is required", '{"code":"=C"}'],
    ]


async def test_an_import_without_a_failure_has_a_report_of_its_columns_alone(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    result = await finish(client, worker, await import_json(client, []))
    assert await download(client, result) == [["row", "line", "code", "reason", "value"]]


async def test_the_report_has_all_rows_where_the_result_has_only_the_first(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "INLINE_FAILURES", 3)
    monkeypatch.setattr(reports, "_REPORT_PAGE", 2)
    codes = [f"C-{number}" for number in range(7)]
    action_id = await import_csv(client, a_csv("Code", *codes))
    result = await finish(client, worker, action_id)
    assert [row["code"] for row in result["failed"]] == codes[:3]
    assert result["failed_count"] == 7
    rows = await download(client, result)
    assert [(row[0], row[1], row[2]) for row in rows[1:]] == [
        (str(number + 1), str(number + 2), code) for number, code in enumerate(codes)
    ]


async def test_the_report_of_a_bulk_update_runs_no_formula(client: httpx.AsyncClient, worker: Worker) -> None:
    body = {"codes": ["=1+1", "-5", "A"], "metadata": {}}
    answer = await client.post("/v1/vouchers/metadata/async", json=body)
    await worker.run_until_idle()
    action = await read_action(client, answer.json()["async_action_id"])
    assert await download(client, action["result"]) == [
        ["code", "found", "updated"],
        ["'=1+1", "false", "false"],
        ["-5", "false", "false"],
        ["A", "false", "false"],
    ]


async def record(client: httpx.AsyncClient, call: Call, type: str, *failed: RowOutcome) -> dict[str, Any]:
    """The result of an action of which these rows failed."""
    async with call.db.transaction() as connection:
        started = await start_action(
            connection,
            call,
            type=type,
            job_kind="test",
            lane="turns",
            payload={},
            total=len(failed),
            undoes=new_id() if type == "VOUCHERS.UNDO" else None,
        )
        await connection.execute("delete from job where project_id = $1", call.project.id)
        job_id = parse_id("aa", started.async_action_id)
        assert job_id is not None
        job = Job(call.project.id, job_id, "test", {}, 0, 1, 1)
        run = Run(connection=connection, job=job, settings=call.settings, now=call.now, ahead=Ahead())
        await record_portion(run, done=0, failed=failed, finished=True)
    result: dict[str, Any] = (await read_action(client, started.async_action_id))["result"]
    return result


async def test_the_report_of_an_undoing_says_which_codes_were_kept_and_why(
    client: httpx.AsyncClient, call: Call
) -> None:
    failed = [
        RowOutcome(1, "A", "The voucher was redeemed"),
        RowOutcome(2, "=B", "The voucher was published"),
    ]
    result = await record(client, call, "VOUCHERS.UNDO", *failed)
    assert await download(client, result) == [
        ["code", "reason"],
        ["A", "The voucher was redeemed"],
        ["'=B", "The voucher was published"],
    ]


async def test_cells_that_no_column_can_hold_are_kept_as_far_as_they_can(
    client: httpx.AsyncClient, call: Call
) -> None:
    failed = [
        RowOutcome(1, "A", "bad", 2, ["A\x00B", "x"]),
        RowOutcome(2, "B", "worse", None, []),
        RowOutcome(3, "C", "worst"),
    ]
    result = await record(client, call, "VOUCHERS.IMPORT_CSV", *failed)
    assert await download(client, result) == [
        ["row", "line", "code", "reason", "value"],
        ["1", "2", "A", "bad", "A\ufffdB", "x"],
        ["2", "", "B", "worse"],
        ["3", "", "C", "worst"],
    ]
