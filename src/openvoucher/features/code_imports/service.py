"""Imports: taken in and checked as a whole, then stored portion by portion."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.async_actions.service import (
    InputReceiver,
    load_input,
    load_input_bucket,
    measure_input_bucket,
    record_portion,
)
from openvoucher.features.code_imports.csv_rows import read_header
from openvoucher.features.code_imports.portions import PortionCutter
from openvoucher.features.code_imports.reading import PortionReader, ReadPortion
from openvoucher.features.code_imports.schemas import CampaignCode, ImportQuery, StandaloneCode
from openvoucher.features.code_imports.storing import PortionWriter
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.vouchers import batches
from openvoucher.features.vouchers.service import Campaign, find_campaign, load_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.csv import BrokenCsv, CsvRows
from openvoucher.platform.http.operations import Upload
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run, change_payload
from openvoucher.wire.errors import (
    duplicate_codes,
    invalid_campaign,
    invalid_payload,
    invalid_voucher,
)

JOB_KIND: Final = "code_import"

# Imports of up to so many portions run in the order in which they came; longer ones take turns.
_SHORT_IMPORT_PORTIONS: Final = 5
_LOOK_UP_SLICE: Final = 10_000
_MAX_PORTION_BYTES: Final = 4 * 1024 * 1024
_MAX_BUCKET_BYTES: Final = 64 * 1024 * 1024


# --- for callers -----------------------------------------------------------------------------------


async def import_vouchers_to_campaign(
    call: Call, campaign_id: str, body: list[CampaignCode], query: ImportQuery
) -> AcceptedAction:
    campaign = await _find_campaign(call, campaign_id)
    return await _start_json(call, body, campaign, "CAMPAIGN.VOUCHERS_IMPORT", query)


async def import_vouchers(call: Call, body: list[StandaloneCode], query: ImportQuery) -> AcceptedAction:
    return await _start_json(call, body, None, "VOUCHERS.IMPORT", query)


async def import_vouchers_to_campaign_csv(
    call: Call, campaign_id: str, upload: Upload, query: ImportQuery
) -> AcceptedAction:
    campaign = await _find_campaign(call, campaign_id)
    return await _start_csv(call, upload, campaign, "CAMPAIGN.VOUCHERS_IMPORT_CSV", query)


async def import_vouchers_csv(call: Call, upload: Upload, query: ImportQuery) -> AcceptedAction:
    return await _start_csv(call, upload, None, "VOUCHERS.IMPORT_CSV", query)


async def _find_campaign(call: Call, campaign_id: str) -> Campaign:
    async with call.db.connection() as connection:
        campaign = await find_campaign(connection, call.project.id, campaign_id)
    if campaign.type == "STANDALONE":
        raise invalid_campaign("You can not generate vouchers for STANDALONE type campaign.")
    # A campaign without codes is refused here.
    _ = campaign.voucher_type
    return campaign


async def _start_json(
    call: Call, items: Sequence[CampaignCode], campaign: Campaign | None, type: str, query: ImportQuery
) -> AcceptedAction:
    codes = [item.code for item in items if item.code]
    if len(codes) < len(items):
        raise invalid_voucher(f"Found {len(items) - len(codes)} voucher(s) without 'code' value")
    numbered = [(number, None, item) for number, item in enumerate(items, 1)]
    if not _may_lack_room(call, campaign):
        # Sorted, so that look-ups and inserts go through the index once.
        numbered.sort(key=lambda row: row[2].code or "")
    codes.sort()
    async with call.db.connection() as connection:
        taken = 0
        # In slices, so that a body of millions of rows neither outlasts a statement nor blocks the others.
        for start in range(0, len(codes), _LOOK_UP_SLICE):
            found = await batches.find_taken_codes(
                connection, call.project.id, codes[start : start + _LOOK_UP_SLICE]
            )
            taken += len(found)
    duplicates = len(codes) - len(set(codes)) + taken
    if duplicates:
        raise duplicate_codes(duplicates)
    size = call.settings.portion_rows
    async with _receive(call, campaign, type, query) as receiver:
        number = 0
        for start in range(0, len(numbered), size):
            for data, rows in _encode_items(numbered[start : start + size]):
                await receiver.add(data, rows, bucket=number)
                number += 1
        return await receiver.start(ordered_up_to=_SHORT_IMPORT_PORTIONS)


def _encode_items(numbered: Sequence[tuple[int, None, CampaignCode]]) -> Iterator[tuple[bytes, int]]:
    """(data, rows): one portion, or more if the items are long."""
    data = msgspec.json.encode(numbered)
    if len(data) <= _MAX_PORTION_BYTES or len(numbered) == 1:
        yield data, len(numbered)
        return
    half = len(numbered) // 2
    yield from _encode_items(numbered[:half])
    yield from _encode_items(numbered[half:])


async def _start_csv(
    call: Call, upload: Upload, campaign: Campaign | None, type: str, query: ImportQuery
) -> AcceptedAction:
    rows = CsvRows()
    cutter: PortionCutter | None = None
    async with _receive(call, campaign, type, query) as receiver:
        try:
            async for batch in _read_rows(rows, upload):
                if cutter is None and rows.header is not None:
                    cutter = _make_cutter(call, rows.header, campaign, query)
                for portion in cutter.add(batch) if cutter else ():
                    await receiver.add(*portion)
        except BrokenCsv as error:
            raise invalid_payload(str(error)) from None
        if rows.header is None:
            raise invalid_payload("The file is empty: its first line names the columns")
        if cutter is not None:
            for portion in cutter.finish():
                await receiver.add(*portion)
        receiver.payload["header"] = rows.header
        receiver.payload["buckets"] = cutter.buckets if cutter else 0
        return await receiver.start(ordered_up_to=_SHORT_IMPORT_PORTIONS, columns=rows.header)


def _make_cutter(
    call: Call, header: list[str], campaign: Campaign | None, query: ImportQuery
) -> PortionCutter:
    order: Literal["code", "file", "group"] = "code"
    if _may_lack_room(call, campaign):
        # (A dry run then has one bucket: which codes find room depends on all rows before them.)
        order = "file"
    elif query.dry_run:
        order = "group"
    columns = read_header(header, standalone=campaign is None)
    return PortionCutter(columns.known.get("code"), call.settings.portion_rows, order=order)


def _may_lack_room(call: Call, campaign: Campaign | None) -> bool:
    """Whether there may be more rows than the campaign takes: then those that were sent first come in."""
    return bool(call.settings.max_codes_per_campaign) and campaign is not None


async def _read_rows(rows: CsvRows, upload: Upload) -> AsyncIterator[list[tuple[int, list[str]]]]:
    async for piece in upload.pieces():
        yield list(rows.feed(piece))
    yield list(rows.finish())


def _receive(call: Call, campaign: Campaign | None, type: str, query: ImportQuery) -> InputReceiver:
    payload: dict[str, Any] = {"type": type, "campaign_id": campaign.id.hex if campaign else None}
    if query.dry_run:
        payload["planned"] = 0
    return InputReceiver(call, type=type, job_kind=JOB_KIND, payload=payload, dry_run=query.dry_run)


# --- the job ----------------------------------------------------------------------------------------


async def import_portion(run: Run) -> PortionResult:
    """Store the rows of one portion. A second run after a crash finds nothing of the first.

    A dry run does all the same, and takes it back before it records what came of it.
    """
    payload = run.job.payload
    campaign = await _load_campaign(run)
    dry_run = "planned" in payload
    last = payload["buckets"] if dry_run and "buckets" in payload else payload["portions"]
    if run.job.position >= last:
        await record_portion(run, done=0, finished=True)
        return PortionResult(run.job.position, True)
    schema = await load_schema(run.connection, run.job.project_id, "voucher")
    reader = PortionReader(
        header=payload.get("header"),
        campaign_type=campaign.campaign_type if campaign else None,
        schema=schema,
        major_units=run.settings.csv_money_in_major_units,
    )

    def make_writer() -> PortionWriter:
        updates_existing = payload["type"].endswith("_CSV")
        planned = payload.get("planned", 0)
        return PortionWriter(run, campaign, schema, updates_existing=updates_existing, planned=planned)

    prepared: _Prepared | None = await run.ahead.take(run.job.id, run.job.position)
    if prepared and prepared.portion.reader == reader and prepared.writer.resume(run, campaign, schema):
        portion, writer = prepared.portion, prepared.writer
    else:
        data = await _load(run, run.job.position, bucket=dry_run)
        if data is None:
            raise PermanentFailure("The input of this import is gone.")
        portion = await reader.read(data)
        writer = make_writer()
    if run.job.position + 1 < last:
        following = await _load(run, run.job.position + 1, bucket=dry_run)
        if following is not None:
            run.ahead.start(run.job.id, run.job.position + 1, _prepare(following, reader, make_writer()))
    finished = run.job.position + 1 >= last
    trial = run.connection.transaction() if dry_run else None
    if trial:
        await trial.start()
    outcome = await writer.write(portion.rows)
    if trial:
        await trial.rollback()
        await change_payload(run.connection, run.job, {"planned": payload["planned"] + writer.created_count})
    await record_portion(run, done=outcome.done, failed=portion.describe(outcome.refused), finished=finished)
    if not dry_run and not await writer.count():
        raise PermanentFailure("The campaign was deleted.")
    return PortionResult(run.job.position + 1, finished)


class _Prepared(NamedTuple):
    portion: ReadPortion
    writer: PortionWriter


async def _prepare(data: Sequence[bytes], reader: PortionReader, writer: PortionWriter) -> _Prepared:
    """The next portion, as far as it can be done while the database is busy with this one."""
    portion = await reader.read(data)
    await writer.prepare(portion.rows)
    return _Prepared(portion, writer)


async def _load(run: Run, position: int, *, bucket: bool) -> list[bytes] | None:
    """What was kept for a position. A bucket may be empty; a portion that is not there was lost.

    Raises PermanentFailure for a bucket that is too large to be looked at at once."""
    if bucket:
        if await measure_input_bucket(run, position) > _MAX_BUCKET_BYTES:
            raise PermanentFailure(
                "This file cannot be tried out: more than 64 MiB of it have to be looked at at once, because "
                "they have one code, or because the number of codes in a campaign is limited."
            )
        return await load_input_bucket(run, position)
    loaded = await load_input(run, position)
    return [loaded[1]] if loaded else None


async def _load_campaign(run: Run) -> Campaign | None:
    campaign_id: Any = run.job.payload["campaign_id"]
    if campaign_id is None:
        return None
    campaign = await load_campaign(run.connection, run.job.project_id, UUID(hex=campaign_id))
    if campaign is None:
        raise PermanentFailure("The campaign was deleted.")
    return campaign
