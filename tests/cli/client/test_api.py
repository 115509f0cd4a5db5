import pytest

from openvoucher.cli.client.api import read_retry_after
from openvoucher.cli.client.watching import read_action
from openvoucher.cli.options import CommandFailed


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({}, 503, None),
        ({"Retry-After": "7"}, 503, 7.0),
        ({"Retry-After": "0"}, 429, 0.0),
        ({"Retry-After": "soon"}, 503, None),
        ({"Retry-After": "-1"}, 503, None),
        (
            {"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"},
            503,
            30.0,
        ),
        (
            {"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"},
            503,
            0.0,
        ),
        ({"X-Rate-Limit-Retry": "1000"}, 429, 0.0),
        ({"X-Rate-Limit-Retry": "1000"}, 503, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], status: int, seconds: float | None) -> None:
    assert read_retry_after(headers, status=status) == seconds


def test_an_action_of_the_original_has_none_of_the_extra_fields() -> None:
    action = read_action({"id": "aa_1", "type": "X", "status": "DONE", "progress": 100, "result": None})
    assert (action.done, action.total_count, action.dry_run, action.reports) == (None, None, None, [])
    assert action.went_well


@pytest.mark.parametrize("document", [{}, {"id": 5, "type": "X", "status": "DONE"}, {"async_actions": []}])
def test_what_is_no_action_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(CommandFailed, match="no async action"):
        read_action(document)


@pytest.mark.parametrize(
    ("status", "result", "well"),
    [
        ("DONE", {"done_count": 2, "failed_count": 0, "failed": []}, True),
        ("DONE", {"done_count": 2, "failed_count": 1, "failed": [{"code": "A"}]}, False),
        ("DONE", {"failed": [{"code": "A"}]}, False),
        ("DONE", {"message": "Generated 2 vouchers.", "done_count": 2}, True),
        ("FAILED", {"message": "Cancelled", "done_count": 2, "failed_count": 0}, False),
        ("IN_PROGRESS", None, False),
    ],
)
def test_all_went_well_only_if_it_ended_and_no_row_failed(
    status: str, result: dict[str, object] | None, well: bool
) -> None:
    action = read_action({"id": "aa_1", "type": "X", "status": status, "result": result})
    assert action.went_well is well
