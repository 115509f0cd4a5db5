"""Async actions as the wire shows them: fields in their order, and a result for each type."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from openvoucher.features.async_actions.schemas import show_action, show_action_with_result
from openvoucher.platform.db import Row

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALWAYS = ["id", "type", "status"]
END = ["created_at", "updated_at", "request_id", "progress"]
BULK_UPDATES = ["VOUCHERS.BULK_UPDATE", "VOUCHERS.METADATA_UPDATE"]
OTHERS = [
    "CAMPAIGN.VOUCHERS_IMPORT",
    "CAMPAIGN.VOUCHERS_IMPORT_CSV",
    "VOUCHERS.IMPORT",
    "VOUCHERS.IMPORT_CSV",
    "CAMPAIGN.VOUCHERS_UPDATE",
    "CAMPAIGN.VOUCHERS_DELETE",
    "CAMPAIGN.VOUCHERS_GENERATE",
]


def a_row(**changes: Any) -> Row:
    row = {
        "id": UUID(int=1),
        "type": "VOUCHERS.IMPORT",
        "status": "ENQUEUED",
        "request_id": "v-1",
        "progress": 0,
        "done_count": 0,
        "failed_count": 0,
        "message": None,
        "created_at": CREATED,
        "updated_at": CREATED,
        **changes,
    }
    return cast(Row, row)


def a_failure(row: int, code: str, reason: str) -> Row:
    return cast(Row, {"row": row, "code": code, "reason": reason})


def show(row: Row) -> dict[str, Any]:
    """As it stands in lists."""
    action: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(show_action(row)))
    return action


def show_fully(row: Row, *failed: Row) -> dict[str, Any]:
    """As it is shown alone."""
    action = show_action_with_result(
        row, list(failed), report_url="http://test/report", report_until="2026-03-08T12:00:00.000Z"
    )
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(action))
    return shown


@pytest.mark.parametrize("type", OTHERS)
@pytest.mark.parametrize("status", ["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"])
def test_an_action_in_a_list_has_neither_result_nor_processing_time(type: str, status: str) -> None:
    shown = show(a_row(type=type, status=status, progress=40))
    assert list(shown) == [*ALWAYS, *END, "object"]
    assert shown == {
        "id": "aa_" + "0" * 31 + "1",
        "type": type,
        "status": status,
        "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "request_id": "v-1",
        "progress": 40,
        "object": "async_action",
    }


@pytest.mark.parametrize("type", OTHERS)
@pytest.mark.parametrize("status", ["ENQUEUED", "IN_PROGRESS"])
def test_an_action_that_is_not_finished_has_no_result_yet(type: str, status: str) -> None:
    shown = show_fully(a_row(type=type, status=status, done_count=3))
    assert list(shown) == [*ALWAYS, "result", *END, "object"]
    assert shown["result"] is None


@pytest.mark.parametrize("type", [*OTHERS, *BULK_UPDATES])
@pytest.mark.parametrize("status", ["DONE", "FAILED"])
def test_processing_time_is_the_time_from_creation_to_the_end(type: str, status: str) -> None:
    ended = CREATED + timedelta(seconds=61, microseconds=234_567)
    shown = show_fully(a_row(type=type, status=status, updated_at=ended))
    operation_status = ["operation_status"] if type in BULK_UPDATES else []
    assert list(shown) == [*ALWAYS, *operation_status, "result", *END, "processing_time", "object"]
    assert shown["processing_time"] == 61_235
    assert shown["updated_at"] == "2026-03-01T12:01:01.234Z"


@pytest.mark.parametrize("type", BULK_UPDATES)
@pytest.mark.parametrize(
    ("status", "failed", "operation_status"),
    [
        ("ENQUEUED", 0, "UNKNOWN"),
        ("IN_PROGRESS", 3, "UNKNOWN"),
        ("DONE", 0, "SUCCESS"),
        ("DONE", 1, "FAILED"),
        ("FAILED", 0, "FAILED"),
    ],
)
def test_bulk_updates_say_whether_they_succeeded(
    type: str, status: str, failed: int, operation_status: str
) -> None:
    row = a_row(type=type, status=status, failed_count=failed)
    assert list(show(row)) == [*ALWAYS, "operation_status", *END, "object"]
    assert show(row)["operation_status"] == show_fully(row)["operation_status"] == operation_status


@pytest.mark.parametrize("type", ["VOUCHERS.IMPORT", "CAMPAIGN.VOUCHERS_IMPORT"])
def test_failed_items_of_a_json_import_have_code_and_reason(type: str) -> None:
    row = a_row(type=type, status="DONE", done_count=1, failed_count=2)
    shown = show_fully(row, a_failure(2, "B", "Because"), a_failure(3, "", "Code is required"))
    assert list(shown["result"]) == ["message", "failed", "done_count", "failed_count"]
    assert shown["result"] == {
        "message": "1 voucher(s) imported successfully, 2 failed.",
        "failed": [{"code": "B", "reason": "Because"}, {"code": "", "reason": "Code is required"}],
        "done_count": 1,
        "failed_count": 2,
    }


@pytest.mark.parametrize("type", ["VOUCHERS.IMPORT_CSV", "CAMPAIGN.VOUCHERS_IMPORT_CSV"])
def test_failed_rows_of_a_file_have_their_number_too(type: str) -> None:
    row = a_row(type=type, status="DONE", done_count=0, failed_count=1)
    shown = show_fully(row, a_failure(7, "B", "Because"))
    assert shown["result"] == {
        "message": "0 voucher(s) imported successfully, 1 failed.",
        "failed": [{"code": "B", "row": 7, "reason": "Because"}],
        "done_count": 0,
        "failed_count": 1,
    }
    assert list(shown["result"]["failed"][0]) == ["code", "row", "reason"]


@pytest.mark.parametrize(
    ("type", "message"),
    [
        ("CAMPAIGN.VOUCHERS_UPDATE", "Updated 1 vouchers."),
        ("CAMPAIGN.VOUCHERS_DELETE", "Deleted 1 vouchers."),
        ("CAMPAIGN.VOUCHERS_GENERATE", "Generated 1 vouchers."),
    ],
)
def test_other_actions_count_vouchers(type: str, message: str) -> None:
    shown = show_fully(a_row(type=type, status="DONE", done_count=1))
    assert list(shown["result"].items()) == [("message", message), ("done_count", 1)]


@pytest.mark.parametrize("type", OTHERS)
def test_an_action_that_failed_says_why_and_how_far_it_came(type: str) -> None:
    shown = show_fully(a_row(type=type, status="FAILED", done_count=5, message="The campaign was deleted."))
    assert (shown["result"]["message"], shown["result"]["done_count"]) == ("The campaign was deleted.", 5)


@pytest.mark.parametrize("type", BULK_UPDATES)
def test_the_result_of_a_bulk_update(type: str) -> None:
    shown = show_fully(
        a_row(type=type, status="DONE", done_count=5, failed_count=2),
        a_failure(2, "B", "not_found: Cannot find voucher with id B"),
        a_failure(4, "D", "metadata_validation_failed: a: must be a number (actual value is 'b: c')"),
    )
    assert list(shown["result"]) == [
        "done_count",
        "failed_count",
        "reports",
        "reports_available_till",
        "errors",
    ]
    assert shown["result"] == {
        "done_count": 5,
        "failed_count": 2,
        "reports": ["http://test/report"],
        "reports_available_till": "2026-03-08T12:00:00.000Z",
        "errors": [
            {
                "message": "Resource not found",
                "details": "Cannot find voucher with id B",
                "key": "not_found",
                "code": "B",
            },
            {
                "message": "Metadata validation failed",
                "details": "a: must be a number (actual value is 'b: c')",
                "key": "metadata_validation_failed",
                "code": "D",
            },
        ],
    }
