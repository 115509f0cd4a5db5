"""Many products in one request: taken in whole, written portion by portion.

An unknown source id is no error here: its product is made.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome
from openvoucher.features.metadata_schemas.service import load_custom_schemas, load_schema
from openvoucher.features.products import store
from openvoucher.features.products.schemas import (
    BulkProduct,
    SharedMetadata,
    read_metadata,
    read_product_fields,
)
from openvoucher.features.products.writing import Change, write_changes
from openvoucher.features.record_imports.service import load_items, receive_items, record_rows
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.metadata import metadata_problem

JOB_KIND: Final = "product_bulk_update"

_ITEMS: Final = msgspec.json.Decoder(list[BulkProduct])


async def update_products_in_bulk(call: Call, body: list[BulkProduct]) -> AcceptedAction:
    """Each product its own values."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    for place, item in enumerate(body):
        read_product_fields(item, f"[{place}]")
    return await receive_items(call, body, type="PRODUCTS.BULK_UPDATE", job_kind=JOB_KIND)


async def update_products_metadata_in_bulk(call: Call, body: SharedMetadata) -> AcceptedAction:
    """The same metadata for all."""
    # The metadata stands in the job once, however many source ids there are.
    items = [BulkProduct(source_id=source_id) for source_id in body.source_ids]
    return await receive_items(
        call,
        items,
        type="PRODUCTS.METADATA_UPDATE",
        job_kind=JOB_KIND,
        payload={"metadata": body.metadata},
    )


async def update_portion(run: Run) -> PortionResult:
    """Write one portion. A second run after a crash finds nothing of the first."""
    items = await load_items(run, _ITEMS)
    project_id = run.job.project_id
    shared = run.job.payload.get("metadata")
    schema = await load_schema(run.connection, project_id, "product")
    custom = await load_custom_schemas(run.connection, project_id) if schema else {}
    found = await _find_rows(run, [item for _, item in items])
    known = {*found}
    outcomes: list[RowOutcome] = []
    changes: list[Change] = []
    for number, item in items:
        row = found.get(item.source_id)
        if row is not None and row["deleted_at"] is not None:
            reason: str | None = f"duplicate_found: Duplicated product exists with id {item.source_id}"
        else:
            metadata = read_metadata(item.metadata) if shared is None else shared
            problem = metadata_problem(metadata, schema, partial=item.source_id in known, custom=custom)
            reason = f"metadata_validation_failed: {problem}" if problem else None
            if reason is None:
                changes.append(_read_change(item, row, metadata))
        outcomes.append(RowOutcome(number, item.source_id, reason, found=item.source_id in known))
        if reason is None:
            known.add(item.source_id)
    await write_changes(run.connection, project_id, "product", changes, run.now)
    done = sum(outcome.reason is None for outcome in outcomes)
    return await record_rows(run, done=done, outcomes=outcomes)


async def _find_rows(run: Run, items: Sequence[BulkProduct]) -> dict[str, Row]:
    source_ids = [*{item.source_id for item in items}]
    rows = await store.find_product_keys(run.connection, run.job.project_id, [], source_ids)
    return {row["source_id"]: row for row in rows}


def _read_change(item: BulkProduct, row: Row | None, metadata: dict[str, Any]) -> Change:
    return Change(
        id=row["id"] if row is not None else None,
        source_id=item.source_id,
        fields=read_product_fields(item),
        metadata=metadata,
    )
