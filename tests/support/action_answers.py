"""The form of async actions and their results."""

from typing import Any, Final

from answer_parts import request_id
from field_rules import (
    Rule,
    agreeing,
    an_id,
    boolean,
    both,
    count,
    depending,
    exactly,
    fields,
    instant,
    list_of,
    matching,
    nullable,
    number,
    read_instant,
    text,
)

accepted = fields({"async_action_id": an_id("aa")})

_BULK_UPDATES: Final = (
    "VOUCHERS.BULK_UPDATE",
    "VOUCHERS.METADATA_UPDATE",
    "CUSTOMERS.BULK_UPDATE",
    "CUSTOMERS.METADATA_UPDATE",
    "PRODUCTS.BULK_UPDATE",
    "PRODUCTS.METADATA_UPDATE",
)
_ACTION_TYPES: Final = (
    "CAMPAIGN.VOUCHERS_GENERATE",
    "CAMPAIGN.VOUCHERS_UPDATE",
    "CAMPAIGN.VOUCHERS_DELETE",
    "CAMPAIGN.VOUCHERS_IMPORT",
    "CAMPAIGN.VOUCHERS_IMPORT_CSV",
    "VOUCHERS.IMPORT",
    "VOUCHERS.IMPORT_CSV",
    "VOUCHERS.UNDO",
    "CUSTOMERS.IMPORT_CSV",
    "PRODUCTS.IMPORT_CSV",
    "SKUS.IMPORT_CSV",
    "ORDERS.IMPORT",
    *_BULK_UPDATES,
)
_BY_SOURCE_ID: Final = ("CUSTOMERS.", "PRODUCTS.", "SKUS.", "ORDERS.")


def _result(action_type: str) -> Rule:
    # What the rows are known by.
    key = "source_id" if action_type.startswith(_BY_SOURCE_ID) else "code"
    counts: dict[str, Rule] = {"done_count": count, "failed_count": count}
    report: dict[str, Rule] = {
        "reports": list_of(matching(r"https?://.+", "a link")),
        "reports_available_till": instant,
    }
    if action_type in _BULK_UPDATES:
        error = fields({"message": text, "details": text, "key": text, key: text})
        return fields({**counts, **report, "errors": list_of(error)}, {"message": text})
    if "IMPORT" in action_type or action_type == "VOUCHERS.UNDO":
        row: dict[str, Rule] = {"row": count} if action_type.endswith("_CSV") else {}
        failure = fields({key: text, **row, "reason": text})
        return fields({"message": text, "failed": list_of(failure), **counts, **report})
    return fields({"message": text, "done_count": count})


def _choose_action(value: dict[str, Any], *, in_list: bool) -> Rule:
    kind = str(value.get("type"))
    finished = value.get("status") in ("DONE", "FAILED")
    always: dict[str, Rule] = {
        "id": an_id("aa"),
        "type": exactly(*_ACTION_TYPES),
        "status": exactly("ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"),
        "created_at": instant,
        "updated_at": instant,
        "request_id": request_id,
        "progress": exactly(100) if value.get("status") == "DONE" else exactly(*range(100)),
        "done_count": count,
        "failed_count": count,
        "total_count": nullable(count),
        "rows_per_second": nullable(number),
        "seconds_left": exactly(None) if finished else nullable(count),
        "started_at": nullable(instant),
        "dry_run": boolean,
        "cancelled": boolean,
        "object": exactly("async_action"),
    }
    if kind in _BULK_UPDATES:
        always["operation_status"] = exactly("SUCCESS", "FAILED") if finished else exactly("UNKNOWN")
    when_set: dict[str, Rule] = {}
    if not in_list and finished:
        always |= {"result": _result(kind), "processing_time": count}
    elif not in_list:
        when_set["result"] = exactly(None)
    return fields(always, when_set)


def _took_its_time(value: Any) -> bool:
    took = read_instant(value["updated_at"]) - read_instant(value["created_at"])
    # Both are printed without their microseconds.
    return bool(abs(took.total_seconds() * 1000 - value["processing_time"]) <= 1)


action = both(
    depending(lambda value: _choose_action(value, in_list=False)),
    agreeing("processing_time must be updated_at - created_at", _took_its_time),
)
action_in_list = depending(lambda value: _choose_action(value, in_list=True))
