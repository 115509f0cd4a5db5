"""Async actions as the wire shows them: fields in their order, and a result for each type."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from openvoucher.features.async_actions.schemas import (
    is_cancellable,
    show_action,
    show_action_with_result,
    show_cancellation,
)
from openvoucher.platform.db import Row

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALWAYS = ["id", "type", "status"]
END = ["created_at", "updated_at", "request_id", "progress"]
EXTRA = [
    "done_count",
    "failed_count",
    "total_count",
    "rows_per_second",
    "seconds_left",
    "started_at",
    "dry_run",
    "cancelled",
    "object",
]
A_REPORT = {"reports": ["http://test/report"], "reports_available_till": "2026-03-08T12:00:00.000Z"}
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
        "total": None,
        "message": None,
        "dry_run": False,
        "undoes": None,
        "cancelled": False,
        "created_at": CREATED,
        "started_at": None,
        "updated_at": CREATED,
        "read_at": CREATED,
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
    assert list(shown) == [*ALWAYS, *END, *EXTRA]
    assert shown == {
        "id": "aa_" + "0" * 31 + "1",
        "type": type,
        "status": status,
        "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "request_id": "v-1",
        "progress": 40,
        "done_count": 0,
        "failed_count": 0,
        "total_count": None,
        "rows_per_second": None,
        "seconds_left": None,
        "started_at": None,
        "dry_run": False,
        "cancelled": False,
        "object": "async_action",
    }


@pytest.mark.parametrize("type", OTHERS)
@pytest.mark.parametrize("status", ["ENQUEUED", "IN_PROGRESS"])
def test_an_action_that_is_not_finished_has_no_result_yet(type: str, status: str) -> None:
    shown = show_fully(a_row(type=type, status=status, done_count=3))
    assert list(shown) == [*ALWAYS, "result", *END, *EXTRA]
    assert shown["result"] is None


@pytest.mark.parametrize("type", [*OTHERS, *BULK_UPDATES])
@pytest.mark.parametrize("status", ["DONE", "FAILED"])
def test_processing_time_is_the_time_from_creation_to_the_end(type: str, status: str) -> None:
    ended = CREATED + timedelta(seconds=61, microseconds=234_567)
    shown = show_fully(a_row(type=type, status=status, updated_at=ended))
    operation_status = ["operation_status"] if type in BULK_UPDATES else []
    assert list(shown) == [*ALWAYS, *operation_status, "result", *END, "processing_time", *EXTRA]
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
    assert list(show(row)) == [*ALWAYS, "operation_status", *END, *EXTRA]
    assert show(row)["operation_status"] == show_fully(row)["operation_status"] == operation_status


@pytest.mark.parametrize("type", ["VOUCHERS.IMPORT", "CAMPAIGN.VOUCHERS_IMPORT"])
def test_failed_items_of_a_json_import_have_code_and_reason(type: str) -> None:
    row = a_row(type=type, status="DONE", done_count=1, failed_count=2)
    shown = show_fully(row, a_failure(2, "B", "Because"), a_failure(3, "", "Code is required"))
    assert list(shown["result"]) == ["message", "failed", "done_count", "failed_count", *A_REPORT]
    assert shown["result"] == {
        "message": "1 voucher(s) imported successfully, 2 failed.",
        "failed": [{"code": "B", "reason": "Because"}, {"code": "", "reason": "Code is required"}],
        "done_count": 1,
        "failed_count": 2,
        **A_REPORT,
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
        **A_REPORT,
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


@pytest.mark.parametrize("type", BULK_UPDATES)
def test_a_bulk_update_that_was_given_up_says_why(type: str) -> None:
    shown = show_fully(a_row(type=type, status="FAILED", done_count=5, message="Cancelled after 5 rows."))
    assert next(iter(shown["result"])) == "message"
    assert shown["result"]["message"] == "Cancelled after 5 rows."


@pytest.mark.parametrize("type", [type for type in OTHERS if "IMPORT" in type])
def test_a_dry_run_says_that_nothing_was_changed(type: str) -> None:
    shown = show_fully(a_row(type=type, status="DONE", done_count=3, failed_count=2, dry_run=True))
    expected = "Dry run: 3 voucher(s) would be imported, 2 would fail. Nothing was changed."
    assert (shown["result"]["message"], shown["dry_run"]) == (expected, True)


# --- how fast it goes ------------------------------------------------------------------------------------


def rate(**changes: Any) -> tuple[Any, Any]:
    """(rows_per_second, seconds_left) of an action that started at CREATED."""
    shown = show(a_row(**{"status": "IN_PROGRESS", "started_at": CREATED, **changes}))
    return shown["rows_per_second"], shown["seconds_left"]


def after(seconds: float) -> datetime:
    return CREATED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"started_at": None, "status": "ENQUEUED", "total": 10, "read_at": after(5)}, (None, None)),
        # One decimal, and none where there is none.
        ({"done_count": 10, "total": 100, "read_at": after(3)}, (3.3, 27)),
        ({"done_count": 7, "failed_count": 3, "total": 100, "read_at": after(4)}, (2.5, 36)),
        ({"done_count": 10, "total": 100, "read_at": after(5)}, (2, 45)),
        # Rounded up: not 0 while there is something to do.
        ({"done_count": 999, "total": 1000, "read_at": after(1)}, (999, 1)),
        ({"done_count": 1000, "total": 1000, "read_at": after(1)}, (1000, 0)),
        ({"done_count": 1001, "total": 1000, "read_at": after(1)}, (1001, 0)),
        ({"done_count": 10, "total": None, "read_at": after(2)}, (5, None)),
        ({"done_count": 0, "total": 100, "read_at": after(2)}, (0, None)),
        # A clock that is behind makes no negative time, and no division by nothing.
        ({"done_count": 10, "total": 20, "read_at": after(-1)}, (10_000, 1)),
        # The rate of what has ended stays as it was at the end.
        (
            {"status": "DONE", "done_count": 30, "total": 30, "updated_at": after(4), "read_at": after(9)},
            (7.5, None),
        ),
        (
            {"status": "FAILED", "done_count": 3, "total": 9, "updated_at": after(2), "read_at": after(9)},
            (1.5, None),
        ),
    ],
)
def test_the_rate_and_what_is_left_at_it(changes: dict[str, Any], expected: tuple[Any, Any]) -> None:
    seen = rate(**changes)
    assert seen == expected
    assert [type(each) for each in seen] == [type(each) for each in expected]


def test_a_started_action_shows_when_and_how_many_rows_it_has() -> None:
    shown = show(a_row(status="IN_PROGRESS", started_at=after(1.5), total=9, done_count=2, cancelled=True))
    assert (shown["started_at"], shown["total_count"], shown["done_count"], shown["cancelled"]) == (
        "2026-03-01T12:00:01.500Z",
        9,
        2,
        True,
    )


# --- which can be cancelled --------------------------------------------------------------------------------


@pytest.mark.parametrize("type", [*OTHERS, *BULK_UPDATES])
def test_what_changes_or_deletes_a_campaign_cannot_be_cancelled_nor_what_undoes(type: str) -> None:
    expected = type not in ("CAMPAIGN.VOUCHERS_UPDATE", "CAMPAIGN.VOUCHERS_DELETE")
    assert is_cancellable(a_row(type=type)) == expected
    assert not is_cancellable(a_row(type=type, undoes=UUID(int=2)))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"done_count": 3, "failed_count": 1, "total": 9}, "Cancelled after 4 of 9 rows."),
        ({"done_count": 3, "total": None}, "Cancelled after 3 rows."),
        ({"type": "CAMPAIGN.VOUCHERS_GENERATE", "total": 9}, "Cancelled after 0 of 9 codes."),
        ({"type": "VOUCHERS.BULK_UPDATE", "done_count": 2, "total": 9}, "Cancelled after 2 of 9 rows."),
    ],
)
def test_a_cancelled_action_says_how_far_it_came(row: dict[str, Any], expected: str) -> None:
    assert show_cancellation(a_row(**row)) == expected
