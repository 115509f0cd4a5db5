"""An upload that is cut in the middle, by its client, its server or its database, is as if it never began."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import psutil
import pytest

from builders import a_campaign
from openvoucher.features.async_actions.service import clean_up
from openvoucher.platform.db import Database
from programs import wait_until
from raw_uploads import uploading
from servers import Server, serving
from watched_actions import calling, watching

pytestmark = pytest.mark.slow

# Two megabytes: more than is buffered and looked at before the first of them are kept.
_CODES = [f"A-CODE-THAT-IS-NOT-A-SHORT-ONE-{number:06}" for number in range(60_000)]
_LEFT = "the client went away in the middle of its body"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("uploads")
    # An embedded server of root's runs as another user, who must reach the folder.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    with serving(folder / "data", OPENVOUCHER_PORTION_ROWS="2000") as server:
        yield server


@pytest.fixture
def campaign(server: Server) -> Iterator[str]:
    """A campaign of the test's own: all that was made is removed in the end."""
    with calling(server) as client:
        answer = client.post("/v1/campaigns", json=a_campaign(name="Spring"))
        assert answer.status_code == 200, answer.text
        yield "Spring"
    query(server, "truncate campaign, voucher, async_action, job cascade")


def query(server: Server, sql: str) -> Any:
    """The one value that a statement gives."""

    async def run() -> Any:
        connection = await asyncpg.connect(server.database_url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def count(server: Server, table: str) -> int:
    number: int = query(server, f"select count(*) from {table}")
    return number


def check_nothing_happened(server: Server) -> None:
    """For all who ask: there is no action and no code."""
    assert server.get("/v1/async-actions").json()["async_actions"] == []
    assert count(server, "async_action") == 0
    assert count(server, "voucher") == 0
    assert server.get("/v1/campaigns/Spring").json()["vouchers_count"] == 0


def check_it_works_now(server: Server, campaign: str, *, csv: bool) -> None:
    """The same codes once more."""
    with uploading(server, campaign, _CODES, csv=csv) as upload:
        upload.send_most()
        assert upload.send_rest() == (200 if csv else 202)
    (action,) = server.get("/v1/async-actions").json()["async_actions"]
    with watching(server, action["id"]) as watched:
        action = watched.wait_for_end()
    watched.check_progress()
    assert (action["status"], action["done_count"], action["failed_count"]) == ("DONE", len(_CODES), 0)
    assert server.get("/v1/campaigns/Spring").json()["vouchers_count"] == len(_CODES)
    assert query(server, "select array_agg(code order by code) from voucher") == _CODES


def clean_up_in_two_days(server: Server) -> int:
    """How many uploads are cleaned away then."""

    async def run() -> int:
        db = Database(server.database_url, size=1)
        try:
            return (await clean_up(db, datetime.now(UTC) + timedelta(days=2)))[0]
        finally:
            await db.close()

    return asyncio.run(run())


@pytest.mark.parametrize("csv", [True, False])
def test_an_upload_whose_client_goes_away_leaves_nothing_at_once(
    server: Server, campaign: str, csv: bool
) -> None:
    leavings = server.program.output.count(_LEFT)
    with uploading(server, campaign, _CODES, csv=csv) as upload:
        upload.send_most()
        if csv:
            wait_until(lambda: count(server, "job_input"), "the first portions are kept")
            check_nothing_happened(server)
        upload.cut()
    server.program.wait_for(_LEFT, leavings + 1)
    wait_until(lambda: not count(server, "job"), "what was kept is removed")
    assert count(server, "job_input") == 0
    check_nothing_happened(server)
    check_it_works_now(server, campaign, csv=csv)


def test_an_upload_whose_server_dies_is_never_seen_and_cleaned_away_later(
    server: Server, campaign: str
) -> None:
    with uploading(server, campaign, _CODES, csv=True) as upload:
        upload.send_most()
        wait_until(lambda: count(server, "job_input"), "the first portions are kept")
        (process,) = server.children("API process")
        process.kill()
        with pytest.raises((OSError, AssertionError)):
            upload.send_rest()
    wait_until(server.answers, "another API process answers")
    check_nothing_happened(server)
    check_it_works_now(server, campaign, csv=True)
    # Nobody is left who would know: that is told by its age.
    assert count(server, "job where state = 'receiving'") == 1
    assert count(server, "job_input") > 0
    assert clean_up_in_two_days(server) == 1
    assert count(server, "job_input") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_upload_whose_database_goes_is_refused_and_nothing_of_it_is_seen(
    server: Server, campaign: str, number: signal.Signals
) -> None:
    with uploading(server, campaign, _CODES, csv=True) as upload:
        upload.send_most()
        wait_until(lambda: count(server, "job_input"), "the first portions are kept")
        # While the parent is held it starts no other one.
        server.program.send(signal.SIGSTOP)
        try:
            postmaster = server.postmaster()
            postmaster.send_signal(number)
            wait_until(lambda: has_ended(postmaster), "PostgreSQL has ended")
            assert upload.send_rest() == 503
        finally:
            server.program.send(signal.SIGCONT)
    wait_until(server.answers, "the database is there again")
    check_nothing_happened(server)
    check_it_works_now(server, campaign, csv=True)
    assert clean_up_in_two_days(server) == 1
    assert count(server, "job_input") == 0


def has_ended(process: psutil.Process) -> bool:
    """Also when its parent has not noticed."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
