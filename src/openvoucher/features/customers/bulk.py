"""Bulk updates of customers: who is not there is made, and the report says so."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome
from openvoucher.features.customers.bulk_schemas import BulkCustomer, CustomerRow, SharedCustomerMetadata
from openvoucher.features.customers.changes import find_changes, read_fields
from openvoucher.features.customers.portions import describe_origin, load_metadata_rules, store_rows
from openvoucher.features.record_imports.service import load_items, receive_items, record_rows
from openvoucher.platform.call import Call
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.wire.errors import ApiError, invalid_payload

JOB_KIND: Final = "customer_bulk_update"

_ITEMS = msgspec.json.Decoder(list[BulkCustomer])


async def update_customers_in_bulk(call: Call, body: list[BulkCustomer]) -> AcceptedAction:
    """Each its own fields, merged over what is there."""
    if not body:
        raise invalid_payload("Payload must NOT have fewer than 1 items")
    _check_dates(body)
    return await _start(call, body, "CUSTOMERS.BULK_UPDATE", shared=None)


async def update_customers_metadata_in_bulk(call: Call, body: SharedCustomerMetadata) -> AcceptedAction:
    """The same metadata for all, merged over theirs."""
    # It stands in the job once, however many customers there are.
    items = [BulkCustomer(source_id=source_id) for source_id in body.source_ids]
    return await _start(call, items, "CUSTOMERS.METADATA_UPDATE", shared=body.metadata)


async def _start(
    call: Call, items: Sequence[BulkCustomer], type: str, *, shared: Mapping[str, Any] | None
) -> AcceptedAction:
    payload = {"metadata": shared, **describe_origin(call)}
    return await receive_items(call, items, type=type, job_kind=JOB_KIND, payload=payload)


def _check_dates(items: Sequence[BulkCustomer]) -> None:
    """A date that is none is refused at once, as all that has another form. Raises invalid_payload."""
    for index, item in enumerate(items):
        if item.birthday or item.birthdate:
            try:
                read_fields(item)
            except ApiError as error:
                details = (error.details or "").removeprefix("Property ")
                raise invalid_payload(f"Property [{index}]{details}") from None


async def update_portion(run: Run) -> PortionResult:
    """Write one portion. A second run after a crash finds nothing of the first."""
    items = await load_items(run, _ITEMS)
    shared = run.job.payload["metadata"]
    rows = [
        CustomerRow(number, item.source_id, read_fields(item) if shared is None else {"metadata": shared})
        for number, item in items
    ]
    rules = await load_metadata_rules(run.connection, run.job.project_id)
    await store_rows(run, rows, rules, find_changes=find_changes, replaces_metadata=False)
    outcomes = [
        RowOutcome(
            row.number,
            row.source_id or "",
            f"metadata_validation_failed: {row.reason}" if row.reason else None,
            found=row.found,
        )
        for row in rows
    ]
    done = sum(outcome.reason is None for outcome in outcomes)
    return await record_rows(run, done=done, outcomes=outcomes)
