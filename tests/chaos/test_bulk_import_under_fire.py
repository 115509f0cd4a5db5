"""A large import with all that can be wrong in a file, while its worker is killed again and again.

OPENVOUCHER_TEST_ROWS and OPENVOUCHER_TEST_KILL_SECONDS (between two kills, if the worker has done anything)
make it larger than the one of every day; a million rows and five seconds are the full size.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders import a_campaign
from bulk_files import HEADER, BulkFile, write_bulk_file, write_codes
from programs import Program
from servers import Server, serving
from watched_actions import WatchedAction, calling, load_codes, read_report, watching

pytestmark = pytest.mark.slow

ROWS = int(os.environ.get("OPENVOUCHER_TEST_ROWS", "30000"))
KILL_SECONDS = float(os.environ.get("OPENVOUCHER_TEST_KILL_SECONDS", "2.5"))
_IS_FULL = ROWS >= 500_000
# By day small ones, to be killed in the middle of, and no more kills than are worth their two seconds.
PORTION_ROWS = 5_000 if _IS_FULL else 100
_MOST_KILLS = 1_000 if _IS_FULL else 3
_MOST_KILLS_OF_UNDO = 1_000 if _IS_FULL else 1

_TWIN = Path(__file__).with_name("crashing_worker.py")
_TWIN_ROWS = 10 * PORTION_ROWS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that leaves all bulk work to others."""
    folder = tmp_path_factory.mktemp("fire")
    # An embedded server of root's runs as another user, who must reach the folder.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    with serving(folder / "data", "--no-worker", OPENVOUCHER_PORTION_ROWS=str(PORTION_ROWS)) as server:
        yield server


def make_worker_command(server: Server) -> list[str]:
    return ["-m", "openvoucher", "worker", "--data-dir", str(server.data_dir)]


def make_twin_command(server: Server) -> list[str]:
    """It commits a portion's rows and the job's cursor one after the other, and dies between the two."""
    return [str(_TWIN), server.database_url, str(PORTION_ROWS), "7", "unguarded"]


def work_under_fire(
    server: Server, action_id: str, command: Sequence[str], *, most_kills: int
) -> tuple[WatchedAction, int]:
    """Workers, each killed after a while and replaced, until the action has ended: how many were killed."""
    kills = 0
    environment = {"OPENVOUCHER_PORTION_ROWS": str(PORTION_ROWS)}
    with watching(server, action_id) as watched:
        while True:
            killed_at = time.monotonic() + KILL_SECONDS
            worker = Program(command, environment)
            try:
                ended = watched.wait_for_more() or watched.wait(max(killed_at - time.monotonic(), 0))
                if not ended and kills >= most_kills:
                    watched.wait_for_end()
                    ended = True
                if ended:
                    return watched, kills
                worker.send(signal.SIGKILL)
                assert worker.wait() == -9, worker.output
                kills += 1
            finally:
                worker.end()


def prepare(server: Server, file: BulkFile, name: str) -> None:
    """The campaign, and another one that owns codes of the file, each with its own."""
    with calling(server) as client:
        for campaign, codes in ((name, file.own), (f"{name} before", file.foreign)):
            answer = client.post("/v1/campaigns", json=a_campaign(name=campaign))
            assert answer.status_code == 200, answer.text
            action_id = start_import(server, write_codes(file.path.with_suffix(".before"), codes), campaign)
            worker = Program(make_worker_command(server))
            with watching(server, action_id) as watched:
                action = watched.wait_for_end()
            worker.end()
            assert action["result"]["done_count"] == len(codes)


def start_import(server: Server, path: Path, campaign: str) -> str:
    with calling(server) as client, path.open("rb") as stream:
        answer = client.post(f"/v1/campaigns/{campaign}/importCSV", files={"file": stream})
        assert answer.status_code == 200, answer.text
        action_id: str = answer.json()["async_action_id"]
        return action_id


def count_outcomes(action: dict[str, Any]) -> int:
    count: int = action["result"]["done_count"] + action["result"]["failed_count"]
    return count


def check_outcome(server: Server, action: dict[str, Any], file: BulkFile, name: str) -> None:
    """Every row has one outcome, and what is stored is what the rows say."""
    assert action["status"] == "DONE"
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (file.done_count, len(file.refused))
    header, *rows = read_report(server, action)
    assert header == ["row", "line", "code", "reason", *HEADER]
    assert [int(row[0]) for row in rows] == sorted(file.refused)
    for row, line, code, reason, *cells in rows:
        assert (code, reason, cells) == file.refused[int(row)]
        assert int(line) == int(row) + 1
    inline = sorted(file.refused)[:10_000]
    assert [each["row"] for each in result["failed"]] == inline
    assert load_codes(server, name) == sorted(file.own | file.new)
    assert load_codes(server, f"{name} before") == sorted(file.foreign)
    check_count(server, name, len(file.own | file.new))


def check_count(server: Server, name: str, count: int) -> None:
    campaign = server.get(f"/v1/campaigns/{name}").json()
    assert (campaign["vouchers_count"], campaign["vouchers_generation_status"]) == (count, "DONE")


def test_every_row_has_one_outcome_though_the_worker_is_killed_again_and_again(
    server: Server, tmp_path: Path
) -> None:
    file = write_bulk_file(tmp_path / "codes.csv", ROWS)
    prepare(server, file, "Spring")
    action_id = start_import(server, file.path, "Spring")
    watched, kills = work_under_fire(server, action_id, make_worker_command(server), most_kills=_MOST_KILLS)
    action = watched.seen[-1]
    print(
        f"\n{ROWS} rows, {kills} kills, {len(watched.seen)} looks,"
        f" {action['processing_time'] / 1000:.1f} s, {action['rows_per_second']} rows/s,"
        f" done {action['done_count']}, failed {action['failed_count']}"
    )
    assert kills >= 2, "too quick: make the file larger"
    assert watched.unanswered == 0
    watched.check_progress()
    assert [each["total_count"] for each in watched.seen] == [ROWS] * len(watched.seen)
    check_outcome(server, action, file, "Spring")

    with calling(server) as client:
        answer = client.post(f"/v1/async-actions/{action_id}/undo")
    assert answer.status_code == 202, answer.text
    undo_id = answer.json()["async_action_id"]
    watched, kills = work_under_fire(
        server, undo_id, make_worker_command(server), most_kills=_MOST_KILLS_OF_UNDO
    )
    print(f"undone with {kills} kills in {watched.seen[-1]['processing_time'] / 1000:.1f} s")
    watched.check_progress()
    assert (watched.seen[-1]["done_count"], watched.seen[-1]["failed_count"]) == (len(file.new), 0)
    # What was there before is there, what was made is gone.
    assert load_codes(server, "Spring") == sorted(file.own)
    assert load_codes(server, "Spring before") == sorted(file.foreign)
    check_count(server, "Spring", len(file.own))


def test_twin_with_rows_and_cursor_in_two_transactions_gives_rows_two_outcomes(
    server: Server, tmp_path: Path
) -> None:
    # (A row that is refused twice breaks a key of its table, and the import ends there.)
    file = write_bulk_file(tmp_path / "codes.csv", _TWIN_ROWS, malformed=False, foreign=False)
    prepare(server, file, "Twin")
    action_id = start_import(server, file.path, "Twin")
    watched, _ = work_under_fire(server, action_id, make_twin_command(server), most_kills=_MOST_KILLS)
    assert count_outcomes(watched.seen[-1]) > _TWIN_ROWS
    with pytest.raises(AssertionError):
        check_outcome(server, watched.seen[-1], file, "Twin")
