"""Records that come in bulk: portions, numbers, lines, and one outcome for each."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from openvoucher.features.record_imports import service
from openvoucher.features.record_imports.schemas import ImportedRow, read_columns
from openvoucher.features.record_imports.service import (
    describe_refusal,
    load_items,
    load_rows,
    receive_csv,
    receive_items,
    record_rows,
)
from openvoucher.platform.call import Call
from openvoucher.platform.db import Database
from openvoucher.platform.jobs import JobKind, PortionResult, Run
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.errors import ApiError


class File:
    """An upload that comes in pieces of three bytes."""

    fields: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        self._data = text.encode()

    async def pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), 3):
            yield self._data[start : start + 3]


class Reader:
    """A job that remembers what it was given and refuses rows that say so."""

    def __init__(self, *, as_items: bool = False) -> None:
        self.portions: list[list[Any]] = []
        self._as_items = as_items

    async def run_portion(self, run: Run) -> PortionResult:
        if self._as_items:
            items = await load_items(run, msgspec.json.Decoder(list[dict[str, Any]]))
            self.portions.append(items)
            return await record_rows(run, done=len(items))
        rows = await load_rows(run)
        self.portions.append(rows)
        failed = [describe_refusal(row, row.cells[0], "it says so") for row in rows if "bad" in row.cells]
        return await record_rows(run, done=len(rows) - len(failed), failed=failed)

    async def fail(self, run: Run, reason: str) -> None:
        raise AssertionError(reason)


async def work(call: Call, reader: Reader) -> None:
    settings = Settings(public_url="http://test")
    await Worker(call.db, [JobKind("test", reader.run_portion, reader.fail)], settings).run_until_idle()


async def read_action(db: Database) -> dict[str, Any]:
    async with db.connection() as connection:
        row = await connection.fetchrow("select * from async_action")
    assert row is not None
    return dict(row)


async def test_a_file_is_cut_into_portions_with_numbers_and_lines(call: Call) -> None:
    small = _with_portions_of(call, 2)
    reader = Reader()
    await receive_csv(
        small, File('Id,Name\na,"two\nlines"\nb,bad\nc,\n'), type="CUSTOMERS.IMPORT_CSV", job_kind="test"
    )
    await work(call, reader)
    assert reader.portions == [
        [ImportedRow(1, 2, ["a", "two\nlines"]), ImportedRow(2, 4, ["b", "bad"])],
        [ImportedRow(3, 5, ["c", ""])],
    ]
    action = await read_action(call.db)
    assert (action["status"], action["done_count"], action["failed_count"], action["total"]) == (
        "DONE",
        2,
        1,
        3,
    )
    async with call.db.connection() as connection:
        (refused,) = await connection.fetch("select * from async_action_row")
    assert (refused["row"], refused["line"], refused["code"], refused["reason"], refused["cells"]) == (
        2,
        4,
        "b",
        "it says so",
        ["b", "bad"],
    )


async def test_a_file_of_a_header_alone_is_done_with_nothing(call: Call) -> None:
    reader = Reader()
    await receive_csv(call, File("Id,Name\n"), type="CUSTOMERS.IMPORT_CSV", job_kind="test")
    await work(call, reader)
    assert reader.portions == [[]]
    action = await read_action(call.db)
    assert (action["status"], action["done_count"], action["failed_count"], action["total"]) == (
        "DONE",
        0,
        0,
        0,
    )


@pytest.mark.parametrize("text", ["", 'Id\n"open\n'])
async def test_a_file_that_cannot_be_read_leaves_nothing(call: Call, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        await receive_csv(call, File(text), type="CUSTOMERS.IMPORT_CSV", job_kind="test")
    assert refused.value.key == "invalid_payload"
    async with call.db.connection() as connection:
        assert await connection.fetchval("select count(*) from job") == 0
        assert await connection.fetchval("select count(*) from async_action") == 0


async def test_long_rows_make_short_portions(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MAX_PORTION_BYTES", 100)
    reader = Reader()
    await receive_csv(call, File("Id\n" + f"{'x' * 60}\n" * 3), type="CUSTOMERS.IMPORT_CSV", job_kind="test")
    await work(call, reader)
    assert [len(portion) for portion in reader.portions] == [2, 1]


async def test_items_keep_their_numbers_and_any_integer(call: Call) -> None:
    small = _with_portions_of(call, 2)
    reader = Reader(as_items=True)
    await receive_items(small, [{"n": 1}, {"n": 2**70}, {"n": 3}], type="ORDERS.IMPORT", job_kind="test")
    await work(call, reader)
    assert reader.portions == [[(1, {"n": 1}), (2, {"n": 2**70})], [(3, {"n": 3})]]


async def test_a_refused_row_repeats_only_so_much() -> None:
    outcome = describe_refusal(ImportedRow(1, 2, ["k\x00", "y" * 9_000, "z"]), "k\x00", "no")
    assert outcome.code == "k"
    assert outcome.cells == ["k\x00", "y" * 8_190 + "…"]


def test_headers_match_whatever_their_case_and_the_others_are_metadata() -> None:
    columns = read_columns([" Name ", "NAME", "Colour", "", "source_id", "Colour"], ["name", "source_id"])
    assert columns.known == {"name": 0, "source_id": 4}
    assert columns.metadata == {"Colour": 2}
    row = ImportedRow(1, 2, [" Ann ", "x"])
    assert columns.cell(row, "name") == "Ann"
    assert columns.cell(row, "source_id") == ""
    assert columns.cell(row, "unknown") == ""


def _with_portions_of(call: Call, rows: int) -> Call:
    return dataclasses.replace(call, settings=msgspec.structs.replace(call.settings, portion_rows=rows))


@pytest.mark.parametrize("path", ["customers/importCSV", "products/importCSV", "skus/importCSV"])
async def test_who_asks_for_a_dry_run_does_not_get_the_import(
    client: httpx.AsyncClient, db: Database, path: str
) -> None:
    files = {"file": ("rows.csv", b"Name,Source_id\nAnn,ann\n", "text/csv")}
    answer = await client.post(f"/v1/{path}?dry_run=true", files=files)
    await check_refused(answer, db)


async def test_who_asks_for_a_dry_run_of_orders_does_not_get_the_import(
    client: httpx.AsyncClient, db: Database
) -> None:
    await check_refused(await client.post("/v1/orders/import?dry_run=true", json=[{"amount": 1}]), db)


async def check_refused(answer: httpx.Response, db: Database) -> None:
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from job") == 0


async def test_an_import_of_records_cannot_be_undone_to_nothing(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    files = {"file": ("rows.csv", b"Name,Source_id\nAnn,ann\n", "text/csv")}
    accepted = await client.post("/v1/customers/importCSV", files=files)
    await worker.run_until_idle()
    answer = await client.post(f"/v1/async-actions/{accepted.json()['async_action_id']}/undo")
    assert (answer.status_code, answer.json()["details"]) == (
        400,
        "An async action of type CUSTOMERS.IMPORT_CSV made no codes that could be removed.",
    )
