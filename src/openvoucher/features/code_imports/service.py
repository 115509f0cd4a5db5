"""Imports: taken in and checked as a whole, then stored portion by portion."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.async_actions.service import InputReceiver, load_input, record_portion
from openvoucher.features.code_imports.csv_rows import CsvRowReader, read_header
from openvoucher.features.code_imports.json_rows import read_json_row
from openvoucher.features.code_imports.schemas import CampaignCode, ImportRow, RowRefused, StandaloneCode
from openvoucher.features.code_imports.storing import PortionWriter
from openvoucher.features.metadata_schemas.service import load_schema
from openvoucher.features.vouchers import batches
from openvoucher.features.vouchers.service import Campaign, find_campaign, load_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.csv import BrokenCsv, CsvPortions
from openvoucher.platform.http.operations import Upload
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run
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

_ROWS = msgspec.msgpack.Decoder(list[list[str]])
# As JSON: MessagePack has no integers beyond 64 bits, which metadata may hold.
_CAMPAIGN_ITEMS = msgspec.json.Decoder(list[CampaignCode])
_STANDALONE_ITEMS = msgspec.json.Decoder(list[StandaloneCode])


# --- for callers -----------------------------------------------------------------------------------


async def import_vouchers_to_campaign(
    call: Call, campaign_id: str, body: list[CampaignCode]
) -> AcceptedAction:
    campaign = await _find_campaign(call, campaign_id)
    return await _start_json(call, body, campaign, "CAMPAIGN.VOUCHERS_IMPORT")


async def import_vouchers(call: Call, body: list[StandaloneCode]) -> AcceptedAction:
    return await _start_json(call, body, None, "VOUCHERS.IMPORT")


async def import_vouchers_to_campaign_csv(call: Call, campaign_id: str, upload: Upload) -> AcceptedAction:
    campaign = await _find_campaign(call, campaign_id)
    return await _start_csv(call, upload, campaign, "CAMPAIGN.VOUCHERS_IMPORT_CSV")


async def import_vouchers_csv(call: Call, upload: Upload) -> AcceptedAction:
    return await _start_csv(call, upload, None, "VOUCHERS.IMPORT_CSV")


async def _find_campaign(call: Call, campaign_id: str) -> Campaign:
    async with call.db.connection() as connection:
        campaign = await find_campaign(connection, call.project.id, campaign_id)
    if campaign.type == "STANDALONE":
        raise invalid_campaign("You can not generate vouchers for STANDALONE type campaign.")
    # A campaign without codes is refused here.
    _ = campaign.voucher_type
    return campaign


async def _start_json(
    call: Call, items: Sequence[CampaignCode], campaign: Campaign | None, type: str
) -> AcceptedAction:
    codes = [item.code for item in items if item.code]
    if len(codes) < len(items):
        raise invalid_voucher(f"Found {len(items) - len(codes)} voucher(s) without 'code' value")
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
    async with _receive(call, campaign, type) as receiver:
        for start in range(0, len(items), size):
            portion = items[start : start + size]
            await receiver.add(msgspec.json.encode(portion), len(portion))
        return await receiver.start(ordered_up_to=_SHORT_IMPORT_PORTIONS)


async def _start_csv(call: Call, upload: Upload, campaign: Campaign | None, type: str) -> AcceptedAction:
    portions = CsvPortions(call.settings.portion_rows)
    async with _receive(call, campaign, type) as receiver:
        try:
            async for portion in _read_portions(portions, upload):
                await receiver.add(msgspec.msgpack.encode(portion), len(portion))
        except BrokenCsv as error:
            raise invalid_payload(str(error)) from None
        if portions.header is None:
            raise invalid_payload("The file is empty: its first line names the columns")
        receiver.payload["header"] = portions.header
        return await receiver.start(ordered_up_to=_SHORT_IMPORT_PORTIONS)


async def _read_portions(portions: CsvPortions, upload: Upload) -> AsyncIterator[list[list[str]]]:
    async for piece in upload.pieces():
        for portion in portions.feed(piece):
            yield portion
    for portion in portions.finish():
        yield portion


def _receive(call: Call, campaign: Campaign | None, type: str) -> InputReceiver:
    payload = {"type": type, "campaign_id": campaign.id.hex if campaign else None}
    return InputReceiver(call, type=type, job_kind=JOB_KIND, payload=payload)


# --- the job ----------------------------------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class _Portion:
    rows: list[ImportRow]
    refused: list[tuple[int, str, str]]


async def import_portion(run: Run) -> PortionResult:
    """Store the rows of one portion. A second run after a crash finds nothing of the first."""
    payload = run.job.payload
    campaign = await _load_campaign(run)
    loaded = await load_input(run)
    if loaded is None:
        if run.job.position < payload["portions"]:
            raise PermanentFailure("The input of this import is gone.")
        await record_portion(run, done=0, finished=True)
        return PortionResult(run.job.position, True)
    first_row, data = loaded
    schema = await load_schema(run.connection, run.job.project_id, "voucher")
    campaign_type = campaign.campaign_type if campaign else None
    if payload["type"].endswith("_CSV"):
        portion = _parse_csv(
            data,
            first_row,
            CsvRowReader(
                read_header(payload["header"], standalone=campaign is None),
                campaign_type=campaign_type,
                schema=schema,
                major_units=run.settings.csv_money_in_major_units,
            ),
        )
    else:
        portion = _parse_json(data, first_row, campaign_type)
    writer = PortionWriter(run, campaign, schema, updates_existing=payload["type"].endswith("_CSV"))
    outcome = await writer.write(portion.rows)
    finished = run.job.position + 1 >= payload["portions"]
    refused = sorted([*portion.refused, *outcome.refused])
    await record_portion(run, done=outcome.done, failed=refused, finished=finished)
    if not await writer.count():
        raise PermanentFailure("The campaign was deleted.")
    return PortionResult(run.job.position + 1, finished)


def _parse_csv(data: bytes, first_row: int, reader: CsvRowReader) -> _Portion:
    portion = _Portion([], [])
    for number, cells in enumerate(_ROWS.decode(data), first_row):
        try:
            portion.rows.append(reader.read(cells, number))
        except RowRefused as refusal:
            portion.refused.append((number, reader.code_of(cells).replace("\x00", ""), str(refusal)))
    return portion


def _parse_json(data: bytes, first_row: int, campaign_type: str | None) -> _Portion:
    portion = _Portion([], [])
    items: Sequence[CampaignCode]
    items = _STANDALONE_ITEMS.decode(data) if campaign_type is None else _CAMPAIGN_ITEMS.decode(data)
    for number, item in enumerate(items, first_row):
        try:
            portion.rows.append(read_json_row(item, number, campaign_type))
        except RowRefused as refusal:
            portion.refused.append((number, item.code or "", str(refusal)))
    return portion


async def _load_campaign(run: Run) -> Campaign | None:
    campaign_id: Any = run.job.payload["campaign_id"]
    if campaign_id is None:
        return None
    campaign = await load_campaign(run.connection, run.job.project_id, UUID(hex=campaign_id))
    if campaign is None:
        raise PermanentFailure("The campaign was deleted.")
    return campaign
