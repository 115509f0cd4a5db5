"""`openvoucher actions` against a service that is planned by the tests."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dropping_proxy import Drop, DroppingProxy
from openvoucher.cli import main
from openvoucher.cli.actions import describe_action, draw_table
from openvoucher.cli.client.api import Pauses
from openvoucher.cli.client.watching import read_action
from original_service import OriginalService

Captured = pytest.CaptureFixture[str]
FIRST = "aa_000000000000000001"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--watch"], "--watch needs the ID of an action"),
        (["--cancel"], "--cancel needs the ID of an action"),
        (["--undo"], "--undo needs the ID of an action"),
        (["--report", "x"], "--report needs the ID of an action"),
        (["aa_1", "--limit", "5"], "--limit is for lists"),
        (["--limit", "101"], "101 is not between 1 and 100"),
        (["aa_1", "--cancel", "--undo"], "not allowed with"),
        (["aa_1", "--report", "x", "--watch"], "--report does not go with --watch"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], said: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["actions", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


# --- lists and single ones --------------------------------------------------------------------------


def test_the_table_shows_what_the_server_knows_of_each_action() -> None:
    ours = {
        "id": "aa_2",
        "type": "VOUCHERS.IMPORT",
        "status": "FAILED",
        "progress": 40,
        "created_at": "2026-03-01T11:00:00.000Z",
        "done_count": 12_000,
        "failed_count": 3,
        "cancelled": True,
    }
    original = {"id": "aa_1", "type": "CAMPAIGN.VOUCHERS_GENERATE", "status": "DONE", "progress": 100}
    table = draw_table(
        [read_action(ours), read_action(original)], now=datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    )
    assert list(table) == [
        "ID    TYPE                        STATUS              PROGRESS    DONE  FAILED         AGE",
        "aa_2  VOUCHERS.IMPORT             FAILED (cancelled)      40 %  12,000       3  1 h 00 min",
        "aa_1  CAMPAIGN.VOUCHERS_GENERATE  DONE                   100 %",
    ]
    assert list(draw_table([], now=None)) == ["There are no async actions."]


def test_an_action_under_way_says_how_far_it_is() -> None:
    action = {
        "id": "aa_1",
        "type": "VOUCHERS.IMPORT",
        "status": "IN_PROGRESS",
        "progress": 40,
        "done_count": 39,
        "failed_count": 1,
        "total_count": 100,
        "seconds_left": 61,
        "dry_run": True,
    }
    assert list(describe_action(read_action(action))) == [
        "aa_1  VOUCHERS.IMPORT  IN_PROGRESS (dry run), 40 %",
        "39 done, 1 failed of 100",
        "1 min 01 s left",
    ]


def test_lists_are_printed_as_json_an_action_a_line(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    for number in range(3):
        service.add_action("VOUCHERS.IMPORT", [f"{number}"])
    assert main(["actions", "--limit", "2", "--json"]) == 0
    listed = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert listed == ["aa_000000000000000003", "aa_000000000000000002"]


def test_watching_ends_with_1_when_a_row_failed_and_showing_with_0(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    service.add_action("VOUCHERS.IMPORT", ["A", "B"], [{"code": "B", "reason": "Bad code"}])
    assert main(["actions", FIRST, "--watch"]) == 1
    told = f"1 voucher(s) imported successfully, 1 failed. ({FIRST})\n  B: Bad code\n"
    assert capsys.readouterr().out == told
    assert main(["actions", FIRST]) == 0
    assert capsys.readouterr().out == f"{FIRST}  VOUCHERS.IMPORT  DONE, 100 %\n{told}"


# --- cancel and undo --------------------------------------------------------------------------------


def test_an_action_is_cancelled_and_watched_to_its_end(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    service.is_openvoucher = True
    service.add_action("VOUCHERS.IMPORT", ["A"])["_result"] = {"message": "Cancelled after 0 rows."}
    assert main(["actions", FIRST, "--cancel", "--watch"]) == 0
    assert service.posts == [f"/v1/async-actions/{FIRST}/cancel"]
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{FIRST} is told to stop.\n")
    assert f"{FIRST} did not finish: Cancelled after 0 rows." in captured.out


def test_undoing_names_the_action_that_does_it(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    service.is_openvoucher = True
    service.add_action("VOUCHERS.IMPORT", ["A"])
    assert main(["actions", FIRST, "--undo"]) == 0
    assert capsys.readouterr().out == "aa_000000000000000002\n"
    assert main(["actions", FIRST, "--undo", "--watch"]) == 0
    assert capsys.readouterr().out == "Deleted 2 vouchers. (aa_000000000000000003)\n"


@pytest.mark.parametrize("option", ["--cancel", "--undo"])
def test_a_service_that_cannot_do_it_says_so(
    proxy: DroppingProxy, service: OriginalService, option: str, capsys: Captured
) -> None:
    service.add_action("VOUCHERS.IMPORT", ["A"])
    assert main(["actions", FIRST, option]) == 1
    assert capsys.readouterr().err == "openvoucher: The server answered 404: Resource not found\n"


@pytest.mark.parametrize("option", ["--cancel", "--undo"])
def test_an_answer_that_was_lost_is_not_asked_for_again(
    proxy: DroppingProxy, service: OriginalService, option: str, capsys: Captured
) -> None:
    service.is_openvoucher = True
    service.add_action("VOUCHERS.IMPORT", ["A"])
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["actions", FIRST, option]) == 1
    assert "Whether the server has got it is not known" in capsys.readouterr().err
    assert len(service.posts) == 1


# --- reports ----------------------------------------------------------------------------------------


@pytest.fixture
def report(service: OriginalService, proxy: DroppingProxy) -> bytes:
    """The report of the first action, at an address of its own."""
    content = b"row,code\n" + b"1,A\n" * 100_000
    service.looks_needed = 1
    service.reports["/api/v1/reports/1"] = content
    service.add_action("VOUCHERS.IMPORT", ["A"])["_result"] |= {
        "reports": [f"{proxy.address}/api/v1/reports/1"]
    }
    return content


def test_a_report_is_downloaded_without_the_keys(
    report: bytes, service: OriginalService, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["actions", FIRST, "--report", str(tmp_path / "r.csv")]) == 0
    assert (tmp_path / "r.csv").read_bytes() == report
    (asked,) = [get for get in service.gets if get.startswith("/api/v1/reports/1")]
    assert not re.search(r"x-app", asked, re.IGNORECASE)
    assert capsys.readouterr().err == f"{tmp_path}/r.csv: 400,009 bytes\n"


def test_a_report_goes_to_standard_output(report: bytes, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["actions", FIRST, "--report", "-"]) == 0
    assert capfdbinary.readouterr().out == report


def test_a_download_that_breaks_begins_again_and_the_file_appears_whole(
    report: bytes, proxy: DroppingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    wait = Pauses.wait

    def look(pauses: Pauses, *arguments: object) -> None:
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        wait(pauses, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Pauses, "wait", look)
    proxy.drops = [Drop("^GET /api/v1/reports", "answer", 2)]
    assert main(["actions", FIRST, "--report", str(tmp_path / "r.csv")]) == 0
    assert len(seen) == 2
    assert "r.csv" not in [name for names in seen for name in names]
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    assert (tmp_path / "r.csv").read_bytes() == report


def test_where_there_is_no_report_no_file_is_made(
    proxy: DroppingProxy, service: OriginalService, tmp_path: Path, capsys: Captured
) -> None:
    service.add_action("VOUCHERS.IMPORT", ["A"])
    assert main(["actions", FIRST, "--report", str(tmp_path / "r.csv")]) == 1
    assert f"{FIRST} has no report before its end; it is IN_PROGRESS." in capsys.readouterr().err
    assert main(["actions", FIRST, "--report", str(tmp_path / "r.csv")]) == 1
    assert f"{FIRST} has no report." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(report: bytes, tmp_path: Path, capsys: Captured) -> None:
    assert main(["actions", FIRST, "--report", str(tmp_path / "none" / "r.csv")]) == 1
    assert "r.csv cannot be written: No such file or directory." in capsys.readouterr().err
