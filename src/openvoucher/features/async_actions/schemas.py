"""The wire of async actions."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.platform.db import Row
from openvoucher.wire.dates import format_instant
from openvoucher.wire.ids import show_id
from openvoucher.wire.lists import Limit

# Rows that were refused stand in the result up to this number; counts and report are always of all.
INLINE_FAILURES = 10_000

_BULK_UPDATES = ("BULK_UPDATE", "METADATA_UPDATE")
# What an action is about, by the first word of its type; of all others: vouchers.
_NOUNS = {"CUSTOMERS": "customer", "PRODUCTS": "product", "SKUS": "sku", "ORDERS": "order"}
_ENDED = ("DONE", "FAILED")
# Of the keys that refuse an item of a bulk update; of all others: its metadata does not fit.
_MESSAGES = {"not_found": "Resource not found", "duplicate_found": "Duplicated resource found"}
# No rate is counted over less: the clocks of worker and database are not the same one.
_SHORTEST_SECONDS = 0.001


@dataclasses.dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row; `reason` None: it was done. `line` and `cells`: where it stood in the
    uploaded file, and what it was (JSON: one text). `found`: whether the object was there before; None: it
    was, unless the reason says otherwise."""

    row: int
    code: str
    reason: str | None
    line: int | None = None
    cells: Sequence[str] | None = None
    found: bool | None = None


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
    """Milliseconds from its creation to its end."""
    done_count: int
    """Rows done so far."""
    failed_count: int
    """Rows refused so far."""
    total_count: int | None
    """Rows it began with; null: nobody knows."""
    rows_per_second: float | None
    """Since it started."""
    seconds_left: int | None
    """At this rate; null before the start, after the end, and when the number of rows is not known."""
    started_at: str | None
    """When its first rows were taken in hand; null before."""
    dry_run: bool
    """It only says what would happen."""
    cancelled: bool
    """Somebody asked for it to stop."""
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
        done_count=row["done_count"],
        failed_count=row["failed_count"],
        total_count=row["total"],
        rows_per_second=None,
        seconds_left=None,
        started_at=row["started_at"] and format_instant(row["started_at"]),
        dry_run=row["dry_run"],
        cancelled=row["cancelled"],
    )
    if row["started_at"]:
        _add_rate(action, row)
    if is_bulk_update(row["type"]):
        action.operation_status = _operation_status(row)
    return action


def show_action_with_result(
    row: Row, failed: list[Row], *, report_url: str, report_until: str
) -> AsyncAction:
    action = show_action(row)
    finished = row["status"] in _ENDED
    action.result = _result(row, failed, report_url, report_until) if finished else None
    if finished:
        action.processing_time = round((row["updated_at"] - row["created_at"]).total_seconds() * 1000)
    return action


def _add_rate(action: AsyncAction, row: Row) -> None:
    until = row["updated_at"] if row["status"] in _ENDED else row["read_at"]
    seconds = max((until - row["started_at"]).total_seconds(), _SHORTEST_SECONDS)
    rows = row["done_count"] + row["failed_count"]
    rate = round(rows / seconds, 1)
    # The original prints whole numbers without a fraction.
    action.rows_per_second = int(rate) if rate.is_integer() else rate
    if row["status"] == "IN_PROGRESS" and row["total"] is not None and rows:
        action.seconds_left = math.ceil(max(row["total"] - rows, 0) * seconds / rows)


def name_key(kind: str) -> str:
    """By what the rows of an action are known: vouchers by code, all others by the caller's id."""
    return "source_id" if kind.partition(".")[0] in _NOUNS else "code"


def is_bulk_update(kind: str) -> bool:
    return kind.endswith(_BULK_UPDATES)


def is_import(kind: str) -> bool:
    return "IMPORT" in kind


def is_cancellable(row: Row) -> bool:
    """Deletions, updates of campaigns and undoings are not: half of one is worth nothing to anybody."""
    kind: str = row["type"]
    started_alone = is_import(kind) or kind.endswith("_GENERATE") or is_bulk_update(kind)
    return started_alone and row["undoes"] is None


def show_cancellation(row: Row) -> str:
    rows = f"{row['done_count'] + row['failed_count']}"
    if row["total"] is not None:
        rows += f" of {row['total']}"
    return f"Cancelled after {rows} {'codes' if row['type'].endswith('_GENERATE') else 'rows'}."


def _operation_status(row: Row) -> Literal["SUCCESS", "FAILED", "UNKNOWN"]:
    if row["status"] not in _ENDED:
        return "UNKNOWN"
    return "SUCCESS" if row["status"] == "DONE" and row["failed_count"] == 0 else "FAILED"


def _result(row: Row, failed: list[Row], report_url: str, report_until: str) -> dict[str, Any]:
    kind: str = row["type"]
    reports = {"reports": [report_url], "reports_available_till": report_until}
    if is_bulk_update(kind):
        return {
            # Only of one that was given up.
            **({"message": row["message"]} if row["message"] else {}),
            "done_count": row["done_count"],
            "failed_count": row["failed_count"],
            **reports,
            "errors": [_bulk_error(item, kind) for item in failed],
        }
    if is_import(kind):
        with_row = kind.endswith("_CSV")
        return {
            "message": row["message"] or _sum_up_import(row),
            "failed": [
                {
                    name_key(kind): item["code"],
                    **({"row": item["row"]} if with_row else {}),
                    "reason": item["reason"],
                }
                for item in failed
            ],
            "done_count": row["done_count"],
            "failed_count": row["failed_count"],
            **reports,
        }
    if kind.endswith("UNDO"):
        return {
            "message": row["message"]
            or f"Removed {row['done_count']} vouchers, kept {row['failed_count']} that were used.",
            "failed": [{"code": item["code"], "reason": item["reason"]} for item in failed],
            "done_count": row["done_count"],
            "failed_count": row["failed_count"],
            **reports,
        }
    verb = {"UPDATE": "Updated", "DELETE": "Deleted", "GENERATE": "Generated"}[kind.rpartition("_")[2]]
    message = row["message"] or f"{verb} {row['done_count']} vouchers."
    return {"message": message, "done_count": row["done_count"]}


def _sum_up_import(row: Row) -> str:
    done, failed = row["done_count"], row["failed_count"]
    noun = _NOUNS.get(row["type"].partition(".")[0], "voucher")
    if row["dry_run"]:
        return f"Dry run: {done} {noun}(s) would be imported, {failed} would fail. Nothing was changed."
    return f"{done} {noun}(s) imported successfully, {failed} failed."


def _bulk_error(item: Row, kind: str) -> dict[str, Any]:
    key, _, details = item["reason"].partition(": ")
    message = _MESSAGES.get(key, "Metadata validation failed")
    return {"message": message, "details": details, "key": key, name_key(kind): item["code"]}
