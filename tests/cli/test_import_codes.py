"""`openvoucher import` against a service that has none of OpenVoucher's extras."""

import io
import json
import os
import threading
from pathlib import Path
from typing import Any, Literal

import pytest

from dropping_proxy import Drop, DroppingProxy
from openvoucher.cli import import_codes, main
from openvoucher.cli.client.submission import Submitter, Work
from openvoucher.cli.client.tally import SendingProgress
from original_service import OriginalService

OURS = {
    "info": {"title": "OpenVoucher"},
    "paths": {
        "/v1/campaigns/{campaign_id}/importCSV": {
            "post": {
                "parameters": [{"name": "campaign_id", "in": "path"}, {"name": "dry_run", "in": "query"}]
            }
        },
        "/v1/vouchers/importCSV": {"post": {"parameters": []}},
        "/v1/vouchers/import": {"post": {"parameters": [{"name": "dry_run", "in": "header"}]}},
    },
}


@pytest.fixture
def codes_csv(tmp_path: Path) -> str:
    path = tmp_path / "codes.csv"
    path.write_text("Code\nA\nB\nBAD\n", "utf-8")
    return str(path)


@pytest.fixture
def codes_ndjson(tmp_path: Path) -> str:
    path = tmp_path / "codes.ndjson"
    path.write_text('{"code":"A"}\n\n{"code":"B"}\n{"code":"C"}\n{"code":"D"}\n{"code":"BAD"}\n', "utf-8")
    return str(path)


Captured = pytest.CaptureFixture[str]

# --- what it prints, and its exit code --------------------------------------------------------------


def test_a_csv_import_ends_with_a_summary_and_1_because_a_row_failed(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    assert main(["import", codes_csv, "--campaign", "Spring / 50 %"]) == 1
    assert service.posts == ["/v1/campaigns/Spring%20%2F%2050%20%25/importCSV"]
    assert service.codes == ["A", "B"]
    captured = capsys.readouterr()
    assert captured.out == (
        "2 voucher(s) imported successfully, 1 failed. (aa_000000000000000001)\n  row 3, BAD: Bad code\n"
    )
    assert captured.err == ""


def test_it_ends_with_0_when_every_row_was_imported(
    proxy: DroppingProxy, service: OriginalService, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "codes.json").write_text('[{"code": "A"}, {"code": "B"}]', "utf-8")
    assert main(["import", str(tmp_path / "codes.json")]) == 0
    assert (service.posts, service.codes) == (["/v1/vouchers/import"], ["A", "B"])
    assert capsys.readouterr().out.startswith("2 voucher(s) imported successfully, 0 failed.")


def test_ten_failures_are_listed_and_the_rest_counted(
    proxy: DroppingProxy, tmp_path: Path, capsys: Captured
) -> None:
    rows = [{"code": f"BAD{number}"} for number in range(12)]
    (tmp_path / "codes.json").write_text(json.dumps(rows), "utf-8")
    assert main(["import", str(tmp_path / "codes.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  row 1, BAD0: Bad code"
    assert lines[10:] == ["  row 10, BAD9: Bad code", "  … and 2 more"]


def test_ndjson_goes_in_requests_of_so_many_rows_and_failures_have_their_line(
    proxy: DroppingProxy, service: OriginalService, codes_ndjson: str, capsys: Captured
) -> None:
    assert main(["import", codes_ndjson, "--rows-per-request", "2"]) == 1
    assert service.posts == ["/v1/vouchers/import"] * 3
    assert service.codes == ["A", "B", "C", "D"]
    assert capsys.readouterr().out == "4 done, 1 failed, in 3 actions\n  line 6, BAD: Bad code\n"


def test_a_refused_request_stops_the_rest_and_what_was_taken_is_watched_and_named(
    proxy: DroppingProxy, service: OriginalService, codes_ndjson: str, capsys: Captured
) -> None:
    service.plan = [(400, {}, False)]
    assert main(["import", codes_ndjson, "--rows-per-request", "2"]) == 1
    assert capsys.readouterr().err == "openvoucher: The server answered 400: Planned\n"
    assert (len(service.posts), service.codes) == (1, [])

    with Path(codes_ndjson).open("a", encoding="utf-8") as file:
        file.write("no json\n")
    assert main(["import", codes_ndjson, "--rows-per-request", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "4 done, 0 failed, in 2 actions\n"
    assert captured.err.startswith("openvoucher: Line 7 is not a JSON object")
    assert captured.err.endswith(" Lines up to 5 had been taken before.\n")


def test_json_prints_the_ended_actions_as_the_server_tells_them(
    proxy: DroppingProxy, codes_ndjson: str, capsys: Captured
) -> None:
    assert main(["import", codes_ndjson, "--rows-per-request", "3", "--json"]) == 1
    actions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [action["status"] for action in actions] == ["DONE", "DONE"]
    assert [action["result"]["failed"] for action in actions] == [[], [{"code": "BAD", "reason": "Bad code"}]]


def test_no_wait_prints_the_ids_and_does_not_look_at_them(
    proxy: DroppingProxy, service: OriginalService, codes_ndjson: str, capsys: Captured
) -> None:
    assert main(["import", codes_ndjson, "--rows-per-request", "3", "--no-wait"]) == 0
    assert capsys.readouterr().out == "aa_000000000000000001\naa_000000000000000002\n"
    assert service.gets == ["/v1/async-actions"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: FILE"),
        (["-"], "--format is needed"),
        (["codes.txt"], "--format is needed"),
        (["codes.csv", "--format", "xml"], "invalid choice: 'xml'"),
        (["codes.csv", "--json", "--no-wait"], "not allowed with"),
        (["codes.csv", "--rows-per-request", "0"], "0 is not between 1 and 100000"),
        (["codes.csv", "--timeout", "0"], "0 is not between 1 and"),
    ],
)
def test_wrong_usage_ends_with_2(
    proxy: DroppingProxy, service: OriginalService, arguments: list[str], said: str, capsys: Captured
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["import", *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert (service.gets, service.posts) == ([], [])


def test_wrong_keys_are_told_before_anything_is_sent(
    proxy: DroppingProxy,
    service: OriginalService,
    codes_csv: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv("OPENVOUCHER_APP_TOKEN", "wrong")
    assert main(["import", codes_csv]) == 1
    assert capsys.readouterr().err == "openvoucher: The server answered 401: Unauthorized\n"
    assert service.posts == []


def test_a_server_that_cannot_be_reached_is_told_at_once(
    codes_csv: str, capsys: Captured, proxy: DroppingProxy
) -> None:
    assert main(["import", codes_csv, "--url", "http://127.0.0.1:1"]) == 1
    assert "No answer from http://127.0.0.1:1: [Errno 111] Connection refused" in capsys.readouterr().err


def test_a_server_that_is_busy_at_first_is_waited_for_if_it_asks_for_that(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.get_plan = [(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"})]
    assert main(["import", codes_csv, "--no-wait"]) == 0
    assert "The server answers again." in capsys.readouterr().err
    service.get_plan = [(503, {})]
    assert main(["import", codes_csv, "--no-wait"]) == 1
    assert capsys.readouterr().err == "openvoucher: The server answered 503: Planned\n"
    assert len(service.posts) == 1


def test_a_file_without_rows_is_no_import(
    proxy: DroppingProxy, service: OriginalService, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "codes.ndjson").write_text("\n \n", "utf-8")
    assert main(["import", str(tmp_path / "codes.ndjson")]) == 1
    assert capsys.readouterr().err == "openvoucher: The file has no rows.\n"
    assert service.posts == []


def test_an_interrupted_command_says_what_goes_on(
    proxy: DroppingProxy,
    service: OriginalService,
    codes_csv: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_codes, "watch_action", interrupt)
    assert main(["import", codes_csv]) == 130
    assert capsys.readouterr().err == (
        "The import goes on at the server: openvoucher actions aa_000000000000000001 --watch\n"
        "openvoucher: interrupted\n"
    )
    monkeypatch.setattr(SendingProgress, "measure", interrupt)
    assert main(["import", codes_csv]) == 130
    said = capsys.readouterr().err
    assert said.startswith("The upload was not complete: nothing of it was imported.\n")
    assert len(service.posts) == 1


def test_a_terminal_gets_a_bar(
    proxy: DroppingProxy, codes_csv: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", stream)
    assert main(["import", codes_csv]) == 1
    drawn = stream.getvalue().split("\r\x1b[K")
    assert drawn[1].startswith("Sending [")
    assert "Importing [" in stream.getvalue()
    assert "about 2 of 3 rows" in stream.getvalue()
    # It is taken away in the end.
    assert drawn[-1] == ""


# --- lost connections -------------------------------------------------------------------------------


def test_an_import_whose_answer_was_lost_is_found_and_not_sent_again(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.add_action("VOUCHERS.IMPORT_CSV", ["of somebody else, before"])
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["import", codes_csv]) == 1
    assert service.posts == ["/v1/vouchers/importCSV"]
    assert service.codes == ["A", "B"]
    captured = capsys.readouterr()
    assert "Looking whether the import was taken" in captured.err
    assert "The server has it: aa_000000000000000002. It is not sent again." in captured.err
    assert captured.out.startswith("2 voucher(s) imported successfully, 1 failed. (aa_000000000000000002)")


def test_a_command_that_sends_again_imports_twice(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above, without what it shows."""

    def send_again(self: Submitter, work: Work, *_: object) -> dict[str, Any]:
        return self.submit(work)

    monkeypatch.setattr(Submitter, "_find_lost", send_again)
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["import", codes_csv]) == 1
    assert len(service.posts) == 2
    assert service.codes == ["A", "B", "A", "B"]


@pytest.mark.parametrize("when", ["before", "during"])
def test_an_import_that_never_arrived_is_said_to_be_safe_to_repeat(
    proxy: DroppingProxy,
    service: OriginalService,
    tmp_path: Path,
    when: Literal["before", "during"],
    capsys: Captured,
) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("Code\n" + "".join(f"CODE-{number}\n" for number in range(1_000_000)), "utf-8")
    proxy.drops = [Drop("^POST", when, after_bytes=100_000)]
    assert main(["import", str(path)]) == 1
    assert (service.posts, service.codes) == ([], [])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "in the middle of the upload: nothing of it was taken, and repeating is safe." in captured.err


def test_an_import_that_was_sent_whole_and_is_nowhere_is_not_sent_again(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.add_action("VOUCHERS.IMPORT", ["of another type"])
    service.plan = [(502, {}, False)]
    assert main(["import", codes_csv]) == 1
    assert (len(service.posts), service.codes) == (1, [])
    said = capsys.readouterr().err
    assert "The server answered 502: Planned No new import has appeared on the server within 0.3 s" in said
    assert "Look once more (`openvoucher actions`) before you repeat." in said


def test_several_imports_that_it_may_be_are_named_and_none_is_watched(
    proxy: DroppingProxy,
    service: OriginalService,
    codes_csv: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    take = service.take

    def take_beside_another(*arguments: object) -> object:
        service.add_action("VOUCHERS.IMPORT_CSV", ["of somebody else"])
        return take(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "take", take_beside_another)
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["import", codes_csv]) == 1
    said = capsys.readouterr().err
    assert "Several actions of type VOUCHERS.IMPORT_CSV were begun since: " in said
    assert "aa_000000000000000002, aa_000000000000000001" in said
    assert len(service.posts) == 1
    assert set(service.gets) == {"/v1/async-actions"}


def test_an_action_with_another_number_of_rows_is_not_taken_for_ours(
    proxy: DroppingProxy, service: OriginalService, codes_ndjson: str, capsys: Captured
) -> None:
    service.plan = [(504, {}, False)]
    service.extra_fields = {"total_count": 4}
    thread = threading.Timer(0.1, service.add_action, ("VOUCHERS.IMPORT", ["of somebody else"]))
    thread.start()
    assert main(["import", codes_ndjson]) == 1
    thread.join()
    assert "No new import has appeared" in capsys.readouterr().err


def test_watching_is_taken_up_again_as_often_as_the_connection_breaks(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.looks_needed = 6
    proxy.drops = [
        Drop("^GET /v1/async-actions/aa_", "answer", 2),
        Drop("^GET /v1/async-actions/aa_", "before", 1),
    ]
    assert main(["import", codes_csv]) == 1
    assert len(proxy.dropped) == 3
    assert (len(service.posts), service.codes) == (1, ["A", "B"])
    captured = capsys.readouterr()
    assert captured.err.count("Trying again …") == 1
    assert captured.err.endswith("The server answers again.\n")
    assert captured.out.startswith("2 voucher(s) imported successfully, 1 failed.")


def test_it_gives_up_watching_after_the_timeout_and_says_how_to_go_on(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    proxy.drops = [Drop("^GET /v1/async-actions/aa_", "before", 10_000)]
    assert main(["import", codes_csv, "--timeout", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "openvoucher actions aa_000000000000000001 --watch" in captured.err
    assert "Given up after 1 s (--timeout)" in captured.err
    assert len(service.posts) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_come_back_gets_the_import_once(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, status: int, capsys: Captured
) -> None:
    service.plan = [(status, {"Retry-After": "0"}, False), (status, {"Retry-After": "0"}, False)]
    assert main(["import", codes_csv]) == 1
    assert (len(service.posts), service.codes) == (3, ["A", "B"])
    assert capsys.readouterr().err.count("Nothing was taken; trying again …") == 1


def test_a_server_that_asks_for_more_time_than_there_is_does_not_get_it(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.plan = [(429, {"Retry-After": "3600"}, False)]
    assert main(["import", codes_csv, "--timeout", "60"]) == 1
    assert "Given up after 60 s (--timeout): The server answered 429" in capsys.readouterr().err
    assert (len(service.posts), service.codes) == (1, [])


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_that_leaves_it_open_is_not_a_reason_to_send_again(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, status: int
) -> None:
    service.plan = [(status, {}, True)]
    assert main(["import", codes_csv]) == 1
    assert (len(service.posts), service.codes) == (1, ["A", "B"])


def test_standard_input_is_not_sent_a_second_time(
    proxy: DroppingProxy, service: OriginalService, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    service.plan = [(429, {"Retry-After": "0"}, False)]
    reading, writing = os.pipe()
    os.write(writing, b"Code\nA\n")
    os.close(writing)
    with open(reading, "rb") as file:
        monkeypatch.setattr("openvoucher.cli.import_codes.open_input", lambda _path: file)
        assert main(["import", "-", "--format", "csv"]) == 1
    assert "standard input cannot be sent a second time" in capsys.readouterr().err
    assert (len(service.posts), service.codes) == (1, [])


# --- dry runs ---------------------------------------------------------------------------------------


def test_a_dry_run_is_refused_by_a_service_that_would_import(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    assert main(["import", codes_csv, "--dry-run"]) == 1
    assert (
        "is not known to make dry runs and would import for real. Nothing was sent."
        in capsys.readouterr().err
    )
    assert (service.posts, service.codes) == ([], [])


@pytest.mark.parametrize(
    ("file", "campaign"), [("codes.csv", None), ("codes.ndjson", None), ("codes.ndjson", "Spring")]
)
def test_a_dry_run_is_refused_where_our_own_server_does_not_describe_it(
    proxy: DroppingProxy,
    service: OriginalService,
    codes_csv: str,
    codes_ndjson: str,
    file: str,
    campaign: str | None,
) -> None:
    service.openapi = OURS
    path = codes_csv if file == "codes.csv" else codes_ndjson
    assert main(["import", path, "--dry-run", *(["--campaign", campaign] if campaign else [])]) == 1
    assert (service.posts, service.codes) == ([], [])


def test_a_dry_run_says_that_nothing_was_stored(
    proxy: DroppingProxy, service: OriginalService, codes_csv: str, capsys: Captured
) -> None:
    service.openapi = OURS
    service.extra_fields = {"dry_run": True}
    assert main(["import", codes_csv, "--campaign", "A/B", "--dry-run"]) == 1
    assert service.posts == ["/v1/campaigns/A%2FB/importCSV?dry_run=true"]
    assert capsys.readouterr().out.startswith("Dry run, nothing was stored: 2 voucher(s)")


@pytest.mark.parametrize("told", [{}, {"dry_run": False}, {"dry_run": None}])
def test_a_dry_run_that_was_none_is_said_loudly(
    proxy: DroppingProxy,
    service: OriginalService,
    codes_csv: str,
    told: dict[str, bool | None],
    capsys: Captured,
) -> None:
    service.openapi = OURS
    service.extra_fields = told
    assert main(["import", codes_csv, "--campaign", "Spring", "--dry-run"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "THIS WAS NO DRY RUN: the server took aa_000000000000000001 for a real import." in captured.err
