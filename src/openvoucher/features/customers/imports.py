"""CSV imports of customers: what the file has columns for is overwritten, the metadata as a whole."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.customers.bulk_schemas import CustomerRow
from openvoucher.features.customers.csv_rows import CustomerRowReader, read_header
from openvoucher.features.customers.portions import describe_origin, load_metadata_rules, store_rows
from openvoucher.features.record_imports.schemas import RecordImportQuery
from openvoucher.features.record_imports.service import (
    describe_refusal,
    load_rows,
    receive_csv,
    record_rows,
    refuse_dry_run,
)
from openvoucher.platform.call import Call
from openvoucher.platform.http.operations import Upload
from openvoucher.platform.jobs import PortionResult, Run

JOB_KIND: Final = "customer_import"

# To compare by: to Python true and 1 are the same.
_encode = msgspec.json.Encoder(order="deterministic").encode


async def import_customers_csv(call: Call, upload: Upload, query: RecordImportQuery) -> AcceptedAction:
    refuse_dry_run(query)
    return await receive_csv(
        call, upload, type="CUSTOMERS.IMPORT_CSV", job_kind=JOB_KIND, payload=describe_origin(call)
    )


async def import_portion(run: Run) -> PortionResult:
    """Store one portion. A second run after a crash finds nothing of the first."""
    sent = await load_rows(run)
    rules = await load_metadata_rules(run.connection, run.job.project_id)
    reader = CustomerRowReader(read_header(run.job.payload["header"]), rules.schema)
    rows: list[CustomerRow] = [reader.read(each) for each in sent]
    await store_rows(run, rows, rules, find_changes=find_overwrites, replaces_metadata=True)
    failed = [
        describe_refusal(each, row.source_id or row.id_sent, row.reason)
        for each, row in zip(sent, rows, strict=True)
        if row.reason is not None
    ]
    return await record_rows(run, done=len(rows) - len(failed), failed=failed)


def find_overwrites(customer: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Like `changes.find_changes`, for a row of a file: the metadata becomes that of the row, an empty cell
    clears what was there, and leaves as it is what was never set."""
    changes: dict[str, Any] = {}
    for field, value in sent.items():
        stored = customer[field]
        if field == "address":
            merged = {**stored, **value} if stored else value
            value = {key: text for key, text in merged.items() if text is not None} or None
        elif field == "metadata" and not (value or stored):
            continue
        if value != stored or (field == "metadata" and _encode(value) != _encode(stored)):
            changes[field] = value
    emptied = {field for field, value in changes.items() if value is None and field != "address"}
    if emptied or customer["cleared"]:
        filled = {field for field, value in changes.items() if value is not None}
        cleared = sorted({*customer["cleared"], *emptied} - filled)
        if cleared != sorted(customer["cleared"]):
            changes["cleared"] = cleared
    return changes
