"""Files that are written in several portions, while the world goes on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from builders import a_voucher
from exporting import download, export_column, read_export, start_export
from openvoucher.features.exports import portions, service, store
from openvoucher.features.exports.columns import exportables
from openvoucher.features.exports.schemas import ExportQuery
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Answer
from openvoucher.platform.jobs.worker import Worker

pytestmark = pytest.mark.slow

two_rows_a_portion = pytest.mark.parametrize("settings", [2], indirect=True)
in_any_order = pytest.mark.parametrize("order", ["created_at", "code"])


async def make_vouchers(client: httpx.AsyncClient, codes: str) -> None:
    for code in codes:
        answer = await client.post(f"/v1/vouchers/{code}", json=a_voucher())
        assert answer.status_code == 200, answer.text


async def read_codes(client: httpx.AsyncClient, export_id: str) -> list[str]:
    return (await download(client, export_id)).splitlines()[1:]


async def count_left(db: Database, table: str, export_id: str) -> int:
    async with db.connection() as connection:
        count: int = await connection.fetchval(
            f"select count(*) from {table} where export_id = $1::uuid", export_id.removeprefix("exp_")
        )
        return count


@two_rows_a_portion
@in_any_order
async def test_an_export_is_in_progress_until_its_last_portion(
    client: httpx.AsyncClient, worker: Worker, db: Database, order: str
) -> None:
    await make_vouchers(client, "ABCDE")
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    statuses = []
    while await worker.run_next():
        export = await read_export(client, export_id)
        statuses.append((export["status"], export["result"] is None))
    assert statuses == [("IN_PROGRESS", True), ("IN_PROGRESS", True), ("DONE", False)]
    assert await read_codes(client, export_id) == [*"ABCDE"]
    assert await count_left(db, "export_portion", export_id) == 3
    assert await count_left(db, "export_row_list", export_id) == 0


@two_rows_a_portion
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", ["-created_at", "-code"])
async def test_every_row_stands_in_the_file_once(
    client: httpx.AsyncClient, worker: Worker, db: Database, project: Project, rows: int, order: str
) -> None:
    await make_vouchers(client, "ABCDE"[:rows])
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    await worker.run_until_idle()
    assert await read_codes(client, export_id) == [*"ABCDE"[:rows]][::-1]
    async with db.connection() as connection:
        counted = await connection.fetchval("select rows from export where project_id = $1", project.id)
    assert counted == rows


@two_rows_a_portion
@in_any_order
async def test_what_is_created_meanwhile_is_left_out(
    client: httpx.AsyncClient, worker: Worker, order: str
) -> None:
    await make_vouchers(client, "ABCX")
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    await make_vouchers(client, "Y")
    assert await worker.run_next()
    await make_vouchers(client, "Z")
    await worker.run_until_idle()
    assert await read_codes(client, export_id) == [*"ABCX"]


@two_rows_a_portion
@in_any_order
async def test_what_is_deleted_before_it_is_read_is_left_out(
    client: httpx.AsyncClient, worker: Worker, order: str
) -> None:
    await make_vouchers(client, "ABCDEF")
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    assert await worker.run_next()
    for code in "ACDF":
        await client.delete(f"/v1/vouchers/{code}", params={"force": True})
    await worker.run_until_idle()
    # A had been written.
    assert await read_codes(client, export_id) == [*"ABE"]


@two_rows_a_portion
@in_any_order
async def test_a_row_says_what_held_when_its_portion_was_read(
    client: httpx.AsyncClient, worker: Worker, order: str
) -> None:
    await make_vouchers(client, "ABC")
    export_id = await start_export(client, "voucher", fields=["code", "active"], order=order)
    assert await worker.run_next()
    for code in "AC":
        await client.post(f"/v1/vouchers/{code}/disable")
    await worker.run_until_idle()
    assert await read_codes(client, export_id) == ["A,true", "B,true", "C,false"]


@two_rows_a_portion
@pytest.mark.parametrize("order", ["updated_at", "-updated_at"])
async def test_a_row_that_changes_its_place_is_neither_twice_in_the_file_nor_missing(
    client: httpx.AsyncClient, worker: Worker, order: str
) -> None:
    await make_vouchers(client, "ABCDEF")
    for code in "ABCDEF":
        await client.put(f"/v1/vouchers/{code}", json={"metadata": {"n": 1}})
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    while await worker.run_next():
        # The first ones become the last ones, and so on.
        for code in "ACF":
            await client.put(f"/v1/vouchers/{code}", json={"metadata": {"n": 2}})
    expected = [*"ABCDEF"] if order == "updated_at" else [*"FEDCBA"]
    assert await read_codes(client, export_id) == expected


@two_rows_a_portion
@in_any_order
async def test_an_export_that_is_deleted_meanwhile_is_given_up(
    client: httpx.AsyncClient, worker: Worker, db: Database, order: str
) -> None:
    await make_vouchers(client, "ABCDE")
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    assert await worker.run_next()
    assert (await client.delete(f"/v1/exports/{export_id}")).status_code == 204
    assert await worker.run_until_idle() == 1
    for table in ("export_portion", "export_row_list"):
        assert await count_left(db, table, export_id) == 0


@two_rows_a_portion
@in_any_order
async def test_an_export_that_fails_keeps_nothing_of_its_file(
    client: httpx.AsyncClient, worker: Worker, db: Database, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_vouchers(client, "ABCDE")
    export_id = await start_export(client, "voucher", fields=["code"], order=order)
    assert await worker.run_next()
    monkeypatch.delitem(exportables, "voucher")
    await worker.run_until_idle()
    export = await read_export(client, export_id)
    assert (export["status"], export["result"]) == ("ERROR", None)
    for table in ("export_portion", "export_row_list"):
        assert await count_left(db, table, export_id) == 0


@in_any_order
async def test_a_portion_of_long_rows_ends_early(
    client: httpx.AsyncClient, worker: Worker, db: Database, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "MOST_CHARACTERS", 3000)
    monkeypatch.setattr(store, "_STEP_ROWS", 2)
    for code in "ABCDEFG":
        body = a_voucher(additional_info=code * 1000)
        assert (await client.post(f"/v1/vouchers/{code}", json=body)).status_code == 200
    export_id = await start_export(client, "voucher", fields=["additional_info"], order=order)
    await worker.run_until_idle()
    assert await read_codes(client, export_id) == [code * 1000 for code in "ABCDEFG"]
    assert await count_left(db, "export_portion", export_id) == 2


# --- constant memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [100], indirect=True)
@in_any_order
@pytest.mark.parametrize("rows", [30, 300])
async def test_no_more_rows_are_held_the_more_there_are(
    client: httpx.AsyncClient,
    worker: Worker,
    db: Database,
    project: Project,
    order: str,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "_STEP_ROWS", 20)
    held: list[int] = []
    add_rows = portions._PortionText.add_rows

    def note_rows(text: Any, rows: Any, cells: Any) -> None:
        held.append(len(rows))
        add_rows(text, rows, cells)

    monkeypatch.setattr(portions._PortionText, "add_rows", note_rows)
    async with db.connection() as connection:
        await connection.execute(
            "insert into voucher (project_id, id, code, type, created_at)"
            " select $1, gen_random_uuid(), 'C' || lpad(n::text, 3, '0'), 'DISCOUNT_VOUCHER', now()"
            " from generate_series(1, $2) n",
            project.id,
            rows,
        )
    codes = await export_column(client, worker, "voucher", "code", order=order)
    assert sorted(codes) == [f"C{number:03}" for number in range(1, rows + 1)]
    assert (max(held), sum(held)) == (20, rows)


async def read_pieces(answer: Any) -> AsyncIterator[bytes]:
    assert isinstance(answer, Answer)
    async for piece in answer.body:
        yield piece


@two_rows_a_portion
async def test_a_download_reads_a_portion_at_a_time_and_holds_no_connection(
    client: httpx.AsyncClient, worker: Worker, database_url: str
) -> None:
    await make_vouchers(client, "ABCDE")
    export_id = await start_export(client, "voucher", fields=["code"], order="code")
    await worker.run_until_idle()
    token = (await read_export(client, export_id))["result"]["url"].partition("token=")[2]
    db = Database(database_url, size=1)
    pieces = []
    async for piece in read_pieces(await service.get_export(db, export_id, ExportQuery(token=token))):
        # There is but one: this waits for ever if the download has it.
        async with db.connection() as connection:
            assert await connection.fetchval("select 1") == 1
        pieces.append(piece)
    await db.close()
    assert pieces == [b"Code\nA\nB\n", b"C\nD\n", b"E\n"]


@two_rows_a_portion
async def test_a_download_of_an_export_that_is_deleted_meanwhile_is_cut_off(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    await make_vouchers(client, "ABCDE")
    export_id = await start_export(client, "voucher", fields=["code"], order="code")
    await worker.run_until_idle()
    token = (await read_export(client, export_id))["result"]["url"].partition("token=")[2]
    pieces = read_pieces(await service.get_export(db, export_id, ExportQuery(token=token)))
    assert await anext(pieces) == b"Code\nA\nB\n"
    await client.delete(f"/v1/exports/{export_id}")
    with pytest.raises(LookupError, match="deleted while"):
        await anext(pieces)
