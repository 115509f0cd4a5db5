"""Bulk updates: taken in whole, done portion by portion."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome
from openvoucher.features.async_actions.service import InputReceiver, load_input, record_portion
from openvoucher.features.bulk_updates.schemas import SharedMetadata, VoucherMetadata
from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.vouchers.batches import find_taken_codes
from openvoucher.features.vouchers.service import lock_rows, write_own
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.metadata import MetadataSchema, metadata_problem

JOB_KIND: Final = "bulk_update"

# As JSON: MessagePack has no integers beyond 64 bits, which metadata may hold.
_ITEMS = msgspec.json.Decoder(list[VoucherMetadata])
# Bodies are bounded by their size, so these always run in the order in which they came.
_ALWAYS_ORDERED: Final = 1_000_000


async def update_vouchers_in_bulk(call: Call, body: list[VoucherMetadata]) -> AcceptedAction:
    """Metadata of each voucher its own."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    return await _start(call, body, "VOUCHERS.BULK_UPDATE")


async def update_vouchers_metadata_in_bulk(call: Call, body: SharedMetadata) -> AcceptedAction:
    """The same metadata for all."""
    # The metadata stands in the job once, however many codes there are.
    items = [VoucherMetadata(code=code, metadata={}) for code in body.codes]
    return await _start(call, items, "VOUCHERS.METADATA_UPDATE", shared=body.metadata)


async def _start(
    call: Call, items: Sequence[VoucherMetadata], type: str, *, shared: dict[str, Any] | None = None
) -> AcceptedAction:
    size = call.settings.portion_rows
    payload = {"metadata": shared}
    async with InputReceiver(call, type=type, job_kind=JOB_KIND, payload=payload) as receiver:
        for start in range(0, len(items), size):
            portion = items[start : start + size]
            await receiver.add(msgspec.json.encode(portion), len(portion))
        return await receiver.start(ordered_up_to=_ALWAYS_ORDERED)


async def update_portion(run: Run) -> PortionResult:
    """Write the metadata of one portion. A second run after a crash finds nothing of the first."""
    loaded = await load_input(run, run.job.position)
    if loaded is None:
        raise PermanentFailure("The input of this update is gone.")
    first_row, data = loaded
    items = _ITEMS.decode(data)
    shared = run.job.payload["metadata"]
    if shared is not None:
        items = [VoucherMetadata(code=item.code, metadata=shared) for item in items]
    schema = await load_schema(run.connection, run.job.project_id, "voucher")
    custom = await load_custom_schemas(run.connection, run.job.project_id) if schema else {}
    found = await _lock_vouchers(run, items)
    outcomes: list[RowOutcome] = []
    changes: dict[UUID, dict[str, Any]] = {}
    for number, item in enumerate(items, first_row):
        voucher = found.get(item.code)
        reason = _refusal(item, voucher, schema, custom)
        outcomes.append(RowOutcome(number, item.code, reason))
        if voucher is not None and reason is None:
            # A code twice in one portion: the later keys win.
            changes[voucher["id"]] = {**changes.get(voucher["id"], {}), **item.metadata}
    for voucher in found.values():
        if voucher["id"] in changes:
            await write_own(
                run.connection,
                voucher,
                {},
                changes.pop(voucher["id"]),
                active=voucher["active"],
                now=run.now,
            )
    finished = run.job.position + 1 >= run.job.payload["portions"]
    done = sum(outcome.reason is None for outcome in outcomes)
    await record_portion(run, done=done, outcomes=outcomes, finished=finished)
    return PortionResult(run.job.position + 1, finished)


async def _lock_vouchers(run: Run, items: Sequence[VoucherMetadata]) -> dict[str, Row]:
    codes = [item.code for item in items]
    taken = await find_taken_codes(run.connection, run.job.project_id, codes)
    ids = [owner.voucher_id for owner in taken.values() if not owner.binned]
    rows = await lock_rows(run.connection, run.job.project_id, ids)
    return {row["code"]: row for row in rows.values()}


def _refusal(
    item: VoucherMetadata,
    voucher: Row | None,
    schema: MetadataSchema | None,
    custom: dict[str, MetadataSchema],
) -> str | None:
    """`key: details`, as the action's errors and report read it."""
    if voucher is None:
        return f"not_found: Cannot find voucher with id {item.code}"
    problem = metadata_problem(item.metadata, schema, partial=True, custom=custom)
    return f"metadata_validation_failed: {problem}" if problem else None
