"""`openvoucher import`, `generate` and `actions` with a real server, and connections that break."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from builders import a_campaign
from dropping_proxy import Drop, DroppingProxy, dropping_proxy
from openvoucher.cli import main
from openvoucher.cli.client import api, submission
from openvoucher.cli.client.submission import Submitter, Work
from programs import PATIENCE_SECONDS, make_environment
from servers import Server, serving

Captured = pytest.CaptureFixture[str]
Count = Callable[[], tuple[int, int]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="ov-data-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103
        with serving(Path(folder) / "data") as server:
            yield server


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DroppingProxy]:
    """Between command and server; the keys are those of the data folder."""
    for name in list(os.environ):
        if name.startswith("OPENVOUCHER_"):
            monkeypatch.delenv(name)
    with dropping_proxy(server.address) as proxy:
        monkeypatch.setenv("OPENVOUCHER_URL", proxy.address)
        monkeypatch.setenv("OPENVOUCHER_DATA_DIR", str(server.data_dir))
        monkeypatch.setattr(api, "_FIRST_PAUSE_SECONDS", 0.05)
        monkeypatch.setattr(submission, "LOOK_FOR_SECONDS", 1.0)
        monkeypatch.setattr(submission, "_LOOK_EVERY_SECONDS", 0.1)
        yield proxy


@pytest.fixture
def ask(server: Server) -> Callable[..., Any]:
    """A request past the command: the JSON of its answer."""
    headers = {
        "X-App-Id": server.keys["OPENVOUCHER_APP_ID"],
        "X-App-Token": server.keys["OPENVOUCHER_APP_TOKEN"],
    }

    def ask(method: str, path: str, **options: Any) -> Any:
        answer = httpx.request(
            method, server.address + path, headers=headers, timeout=PATIENCE_SECONDS, **options
        )
        assert answer.is_success, answer.text
        return answer.json()

    return ask


@pytest.fixture
def campaign(ask: Callable[..., Any], request: pytest.FixtureRequest) -> str:
    """A campaign without codes, called like the test."""
    name = f"{request.node.name[:200]} / 50 %"
    ask("POST", "/v1/campaigns", json=a_campaign(name=name))
    return name


@pytest.fixture
def count(ask: Callable[..., Any], campaign: str) -> Count:
    """(codes of the campaign, actions that the test has caused) so far."""
    before = {action["id"] for action in ask("GET", "/v1/async-actions?limit=100")["async_actions"]}

    def count() -> tuple[int, int]:
        actions = ask("GET", "/v1/async-actions?limit=100")["async_actions"]
        codes = ask("GET", "/v1/vouchers", params={"campaign": campaign, "limit": 1})["total"]
        return codes, len({action["id"] for action in actions} - before)

    return count


def write_csv(path: Path, name: str, rows: int) -> str:
    file = path / "codes.csv"
    file.write_text("Code,Active\n" + "".join(f"{name}-{number},true\n" for number in range(rows)), "utf-8")
    return str(file)


def write_ndjson(path: Path, name: str, rows: int) -> str:
    file = path / "codes.ndjson"
    file.write_text(
        "".join(json.dumps({"code": f"{name}-{number}"}) + "\n" for number in range(rows)), "utf-8"
    )
    return str(file)


# --- imports ----------------------------------------------------------------------------------------


def test_a_csv_file_is_imported_and_a_row_that_fails_is_told(
    proxy: DroppingProxy,
    campaign: str,
    count: Count,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,Active\nCSV-1,true\nCSV-2,perhaps\nCSV-3,\n", "utf-8")
    assert main(["import", str(file), "--campaign", campaign]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 voucher(s) imported successfully, 1 failed. (aa_")
    assert lines[1].startswith("  row 2")
    assert lines[1].endswith(", CSV-2: Invalid value for Active: must be TRUE or FALSE")
    assert count() == (2, 1)


@pytest.mark.parametrize(
    ("name", "text", "actions"),
    [
        ("codes.json", '[{"code": "JSON-1"}, {"code": "JSON-2"}, {"code": "JSON-3"}]', 1),
        ("codes.ndjson", '{"code": "ND-1"}\n\n{"code": "ND-2"}\n{"code": "ND-3"}', 2),
        ("codes.jsonl", '{"code": "JL-1"}\n{"code": "JL-2"}\n{"code": "JL-3"}\n', 2),
    ],
)
def test_json_and_its_lines_are_imported(
    proxy: DroppingProxy,
    campaign: str,
    count: Count,
    name: str,
    text: str,
    actions: int,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    arguments = ["import", str(tmp_path / name), "--campaign", campaign, "--rows-per-request", "2", "--json"]
    assert main(arguments) == 0
    ended = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [action["status"] for action in ended] == ["DONE"] * actions
    assert sum(action["result"]["done_count"] for action in ended) == 3
    assert count() == (3, actions)


def test_rows_that_the_server_refuses_as_a_whole_stop_the_import_before_the_rest(
    proxy: DroppingProxy,
    campaign: str,
    count: Count,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    file = tmp_path / "codes.ndjson"
    codes = ["TWICE-1", "TWICE-2", "TWICE-3", "TWICE-3", "TWICE-4", "TWICE-5"]
    file.write_text("".join(json.dumps({"code": code}) + "\n" for code in codes), "utf-8")
    assert main(["import", str(file), "--campaign", campaign, "--rows-per-request", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("2 voucher(s) imported successfully, 0 failed.")
    assert "The server answered 400: Duplicate codes: 1 voucher codes(s) already exist." in captured.err
    assert captured.err.endswith(" Lines up to 2 had been taken before.\n")
    assert count() == (2, 1)


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("csv", b"Code\nSTDIN-C1\nSTDIN-C2\n"),
        ("json", b'[{"code":"STDIN-J1"},{"code":"STDIN-J2"}]'),
        ("ndjson", b'{"code":"STDIN-N1"}\n{"code":"STDIN-N2"}\n'),
    ],
)
def test_standard_input_is_imported(
    server: Server, campaign: str, count: Count, format: str, data: bytes
) -> None:
    command = [sys.executable, "-m", "openvoucher", "import", "-", "--format", format, "--campaign", campaign]
    done = subprocess.run(
        [*command, "--url", server.address, "--data-dir", str(server.data_dir)],
        input=data,
        capture_output=True,
        check=False,
        env=make_environment(),
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"2 voucher(s) imported successfully, 0 failed. (aa_")
    assert count() == (2, 1)


def test_codes_without_a_campaign_are_imported(
    proxy: DroppingProxy, ask: Callable[..., Any], tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,Voucher Type,Discount Type,Value\nALONE-1,DISCOUNT_VOUCHER,PERCENT,10\n", "utf-8")
    assert main(["import", str(file)]) == 0
    assert ask("GET", "/v1/vouchers/ALONE-1")["campaign"] is None


def test_a_dry_run_says_what_would_be_imported_and_stores_no_code(
    proxy: DroppingProxy, campaign: str, count: Count, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,Active\nDRY-1,true\nDRY-2,perhaps\nDRY-3,\n", "utf-8")
    assert main(["import", str(file), "--campaign", campaign, "--dry-run"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Dry run")
    assert lines[0].count("Dry run") == 1
    assert lines[1].endswith(", DRY-2: Invalid value for Active: must be TRUE or FALSE")
    assert count() == (0, 1)


# --- broken connections -----------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "ndjson"])
@pytest.mark.parametrize(
    ("request_line", "when", "imported"),
    [
        ("^POST", "during", False),
        ("^POST", "answer", True),
        ("^GET /v1/async-actions/aa_", "before", True),
        ("^GET /v1/async-actions/aa_", "answer", True),
    ],
)
def test_wherever_the_connection_breaks_there_is_one_import_or_none_and_it_says_which(
    proxy: DroppingProxy,
    campaign: str,
    count: Count,
    format: str,
    request_line: str,
    when: Literal["before", "during", "answer"],
    imported: bool,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    write = write_csv if format == "csv" else write_ndjson
    # More than what the buffers on the way hold.
    rows = 5_000 if imported else 400_000
    file = write(tmp_path, f"{format}-{when}-{len(request_line)}", rows)
    proxy.drops = [Drop(request_line, when, after_bytes=50_000)]
    arguments = ["import", file, "--campaign", campaign, "--rows-per-request", "100000"]
    assert main(arguments) == (0 if imported else 1)
    assert [dropped.partition(":")[0] for dropped in proxy.dropped] == [when]
    captured = capsys.readouterr()
    if imported:
        assert captured.out.startswith(f"{rows} voucher(s) imported successfully, 0 failed.")
        assert count() == (rows, 1)
    else:
        assert captured.out == ""
        assert "nothing of it was taken, and repeating is safe" in captured.err
        assert count() == (0, 0)


def test_a_command_that_sends_again_would_import_twice(
    proxy: DroppingProxy,
    campaign: str,
    count: Count,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The twin of the test above, without what it shows."""

    def send_again(self: Submitter, work: Work, *_: object) -> dict[str, Any]:
        return self.submit(work)

    monkeypatch.setattr(Submitter, "_find_lost", send_again)
    proxy.drops = [Drop("^POST", "answer")]
    main(["import", write_csv(tmp_path, "TWIN", 3), "--campaign", campaign])
    assert count() == (3, 2)


def test_a_generation_whose_answer_was_lost_is_made_once(
    proxy: DroppingProxy, campaign: str, count: Count, capsys: Captured
) -> None:
    proxy.drops = [Drop("^POST", "answer"), Drop("^GET /v1/async-actions/aa_", "answer")]
    assert main(["generate", "3000", "--campaign", campaign]) == 0
    assert len(proxy.dropped) == 2
    assert capsys.readouterr().out.startswith("Generated 3000 vouchers. (aa_")
    assert count() == (3000, 1)


def test_a_server_that_is_away_for_a_while_is_watched_on(
    campaign: str,
    count: Count,
    proxy: DroppingProxy,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    proxy.drops = [Drop("^GET /v1/async-actions/aa_", "before", 4)]
    assert main(["import", write_csv(tmp_path, "RESTART", 2_000), "--campaign", campaign]) == 0
    assert len(proxy.dropped) == 4
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0].endswith("Trying again …")
    assert captured.err.splitlines()[1:] == ["The server answers again."]
    assert count() == (2_000, 1)


# --- generations and actions ------------------------------------------------------------------------


def test_one_code_is_printed_and_many_are_counted(
    proxy: DroppingProxy, campaign: str, count: Count, capsys: Captured
) -> None:
    assert main(["generate", "1", "--campaign", campaign, "--pattern", "X-####", "--charset", "7"]) == 0
    assert capsys.readouterr().out == "X-7777\n"
    assert main(["generate", "100", "--campaign", campaign, "--length", "9", "--prefix", "P-"]) == 0
    assert capsys.readouterr().out.startswith("Generated 100 vouchers. (aa_")
    assert count() == (101, 1)
    assert main(["generate", "11", "--campaign", campaign, "--pattern", "Y#", "--charset", "0123456789"]) == 1
    assert "openvoucher: The server answered 400: " in capsys.readouterr().err
    assert count() == (101, 1)


def test_actions_lists_the_newest_first_and_shows_one_with_its_failures(
    proxy: DroppingProxy, campaign: str, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,Active\nACT-1,true\nACT-2,perhaps\n", "utf-8")
    assert main(["import", str(file), "--campaign", campaign, "--no-wait"]) == 0
    action_id = capsys.readouterr().out.strip()
    assert main(["actions", action_id, "--watch"]) == 1
    assert "ACT-2: Invalid value for Active" in capsys.readouterr().out

    assert main(["actions", "--limit", "1"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["ID", "TYPE", "STATUS", "PROGRESS", "DONE", "FAILED", "AGE"]
    assert row.split()[:5] == [action_id, "CAMPAIGN.VOUCHERS_IMPORT_CSV", "DONE", "100", "%"]

    assert main(["actions", action_id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{action_id}  CAMPAIGN.VOUCHERS_IMPORT_CSV  DONE, 100 %"
    assert lines[1].startswith("1 voucher(s) imported successfully, 1 failed.")

    assert main(["actions", "aa_" + "0" * 32]) == 1
    assert "openvoucher: The server answered 404: " in capsys.readouterr().err


def test_a_generation_is_taken_back(
    proxy: DroppingProxy, campaign: str, count: Count, capsys: Captured
) -> None:
    assert main(["generate", "50", "--campaign", campaign, "--no-wait"]) == 0
    action_id = capsys.readouterr().out.strip()
    assert main(["actions", action_id, "--watch"]) == 0
    assert count() == (50, 1)
    assert main(["actions", action_id, "--undo", "--watch"]) == 0
    assert count() == (0, 2)


def test_the_report_of_an_import_has_the_rows_that_failed(
    proxy: DroppingProxy, campaign: str, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,Active\nREPORT-1,true\nREPORT-2,perhaps\n", "utf-8")
    assert main(["import", str(file), "--campaign", campaign, "--json"]) == 1
    action_id = json.loads(capsys.readouterr().out)["id"]
    assert main(["actions", action_id, "--report", str(tmp_path / "report.csv")]) == 0
    assert (tmp_path / "report.csv").read_text("utf-8").splitlines() == [
        "row,line,code,reason,Code,Active",
        "2,3,REPORT-2,Invalid value for Active: must be TRUE or FALSE,REPORT-2,perhaps",
    ]


def test_the_report_of_a_bulk_update_is_downloaded_for_its_owner_alone(
    proxy: DroppingProxy, ask: Callable[..., Any], campaign: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["import", write_csv(tmp_path, "REP", 1), "--campaign", campaign]) == 0
    changes = [{"code": code, "metadata": {"a": "1"}} for code in ("REP-0", "REP-none")]
    action_id = ask("POST", "/v1/vouchers/bulk/async", json=changes)["async_action_id"]
    assert main(["actions", action_id, "--watch"]) == 1
    assert "1 done, 1 failed" in capsys.readouterr().out
    report = tmp_path / "report.csv"
    assert main(["actions", action_id, "--report", str(report)]) == 0
    assert report.read_text("utf-8").splitlines()[1:] == ["REP-0,true,true", "REP-none,false,false"]
    assert report.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codes.csv", "report.csv"]
