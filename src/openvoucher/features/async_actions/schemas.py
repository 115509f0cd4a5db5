"""The wire of async actions."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import Limit

# Rows that were refused stand in the result up to this number; the counts are always of all.
INLINE_FAILURES = 100_000

_BULK_UPDATES = ("VOUCHERS.BULK_UPDATE", "VOUCHERS.METADATA_UPDATE")


class AcceptedAction(msgspec.Struct):
    async_action_id: str


class AsyncActionQuery(msgspec.Struct, kw_only=True):
    limit: Limit = 10
    end_date: str | None = None


class ReportQuery(msgspec.Struct):
    token: str = ""


class AsyncAction(msgspec.Struct, kw_only=True):
    id: str
    type: str
    status: Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]
    operation_status: Literal["SUCCESS", "FAILED", "UNKNOWN"] | UnsetType = UNSET
    result: dict[str, Any] | None | UnsetType = UNSET
    created_at: str
    updated_at: str
    request_id: str
    progress: int
    processing_time: int | UnsetType = UNSET
    object: Literal["async_action"] = "async_action"


class AsyncActionList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["async_actions"] = "async_actions"
    async_actions: list[AsyncAction]
    has_more: bool


def show_action(row: Row) -> AsyncAction:
    """As it stands in lists: without result and processing time."""
    action = AsyncAction(
        id=show_id("aa", row["id"]),
        type=row["type"],
        status=row["status"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
        request_id=row["request_id"],
        progress=row["progress"],
    )
    if row["type"] in _BULK_UPDATES:
        action.operation_status = _operation_status(row)
    return action


def show_action_with_result(
    row: Row, failed: list[Row], *, report_url: str, report_until: str
) -> AsyncAction:
    action = show_action(row)
    finished = row["status"] in ("DONE", "FAILED")
    action.result = _result(row, failed, report_url, report_until) if finished else None
    if finished:
        action.processing_time = round((row["updated_at"] - row["created_at"]).total_seconds() * 1000)
    return action


def _operation_status(row: Row) -> Literal["SUCCESS", "FAILED", "UNKNOWN"]:
    if row["status"] not in ("DONE", "FAILED"):
        return "UNKNOWN"
    return "SUCCESS" if row["status"] == "DONE" and row["failed_count"] == 0 else "FAILED"


def _result(row: Row, failed: list[Row], report_url: str, report_until: str) -> dict[str, Any]:
    kind: str = row["type"]
    if kind in _BULK_UPDATES:
        return {
            "done_count": row["done_count"],
            "failed_count": row["failed_count"],
            "reports": [report_url],
            "reports_available_till": report_until,
            "errors": [_bulk_error(item) for item in failed],
        }
    if "IMPORT" in kind:
        with_row = kind.endswith("_CSV")
        return {
            "message": row["message"]
            or f"{row['done_count']} voucher(s) imported successfully, {row['failed_count']} failed.",
            "failed": [
                {"code": item["code"], **({"row": item["row"]} if with_row else {}), "reason": item["reason"]}
                for item in failed
            ],
            "done_count": row["done_count"],
            "failed_count": row["failed_count"],
        }
    verb = {"UPDATE": "Updated", "DELETE": "Deleted", "GENERATE": "Generated"}[kind.rpartition("_")[2]]
    message = row["message"] or f"{verb} {row['done_count']} vouchers."
    return {"message": message, "done_count": row["done_count"]}


def _bulk_error(item: Row) -> dict[str, Any]:
    key, _, details = item["reason"].partition(": ")
    message = {"not_found": "Resource not found"}.get(key, "Metadata validation failed")
    return {"message": message, "details": details, "key": key, "code": item["code"]}
