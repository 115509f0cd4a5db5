"""Async actions as callers see them, the reports, and the input that comes in before they start."""

import csv
import dataclasses
import io
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_property
from hypothesis import strategies as st

from action_answers import action as action_alone
from action_answers import action_in_list
from builders import a_campaign, a_refusal, a_voucher, not_there, read_refusal
from database_views import count_more_rows, count_rows
from field_rules import find_violations
from importing import (
    A_REPORT,
    a_csv,
    import_csv,
    import_json,
    make_campaign,
    make_voucher,
    read_action,
    read_rows,
)
from openvoucher.features.async_actions import service
from openvoucher.features.async_actions.schemas import RowOutcome
from openvoucher.features.async_actions.service import (
    InputReceiver,
    clean_up,
    fail_action,
    load_input,
    record_portion,
    start_action,
)
from openvoucher.platform.call import Call, Project
from openvoucher.platform.db import Connection, Database, DatabaseUnavailable
from openvoucher.platform.jobs import Job, Run
from openvoucher.platform.jobs.ahead import Ahead
from openvoucher.platform.jobs.worker import Worker
from openvoucher.wire.ids import parse_id

UNKNOWN = "aa_" + "0" * 32


async def list_actions(client: httpx.AsyncClient, **query: str | int) -> dict[str, Any]:
    answer = await client.get("/v1/async-actions", params=query)
    assert answer.status_code == 200, answer.text
    listing: dict[str, Any] = answer.json()
    return listing


async def update_metadata(client: httpx.AsyncClient, *codes: str) -> str:
    answer = await client.post("/v1/vouchers/metadata/async", json={"codes": codes, "metadata": {"a": 1}})
    action_id: str = answer.json()["async_action_id"]
    return action_id


# --- lists -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Clock:
    """Starts actions at moments of its own."""

    call: Call

    async def start(self, *moments: datetime) -> list[str]:
        ids = []
        for now in moments:
            async with self.call.db.transaction() as connection:
                started = await start_action(
                    connection,
                    dataclasses.replace(self.call, now=now),
                    type="VOUCHERS.IMPORT",
                    job_kind="code_import",
                    lane="ordered",
                    payload={},
                    total=1,
                )
            ids.append(started.async_action_id)
        async with self.call.db.connection() as connection:
            # The list is what is looked at; nobody shall do this work.
            await connection.execute("delete from job where project_id = $1", self.call.project.id)
        return ids


@pytest.fixture
def clock(call: Call) -> Clock:
    return Clock(call)


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def test_actions_are_listed_newest_first_ten_of_them(client: httpx.AsyncClient, clock: Clock) -> None:
    ids = await clock.start(*(NOON + timedelta(hours=hours) for hours in range(11)))
    listing = await list_actions(client)
    assert {name: value for name, value in listing.items() if name != "async_actions"} == {
        "object": "list",
        "data_ref": "async_actions",
        "has_more": True,
    }
    assert [action["id"] for action in listing["async_actions"]] == ids[:0:-1]
    listing = await list_actions(client, limit=11)
    assert ([action["id"] for action in listing["async_actions"]], listing["has_more"]) == (ids[::-1], False)


async def test_pages_follow_one_another_by_the_creation_of_the_last_action(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    ids = await clock.start(*(NOON + timedelta(milliseconds=number) for number in range(7)))
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 3}
    while True:
        page = await list_actions(client, **query)
        seen += [action["id"] for action in page["async_actions"]]
        if not page["has_more"]:
            break
        query["end_date"] = page["async_actions"][-1]["created_at"]
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("end_date", "hours"),
    [
        ("2026-03-01T13:00:00.000Z", [12]),
        ("2026-03-01T13:00:00.001Z", [13, 12]),
        ("2026-03-01T15:00:00+02:00", [12]),
        ("2026-03-01T13:30Z", [13, 12]),
        ("2026-03-01", []),
        ("2026-03-02", [23, 13, 12]),
        ("", [23, 13, 12]),
    ],
)
async def test_end_date_leaves_out_what_was_not_created_before_it(
    client: httpx.AsyncClient, clock: Clock, end_date: str, hours: list[int]
) -> None:
    await clock.start(*(NOON.replace(hour=hour) for hour in (12, 13, 23)))
    listing = await list_actions(client, end_date=end_date)
    assert [int(action["created_at"][11:13]) for action in listing["async_actions"]] == hours


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ({"end_date": "soon"}, "Property .end_date cannot be recognized as a ISO-8601 compliant date"),
        ({"end_date": "2026-02-30"}, "Property .end_date cannot be recognized as a ISO-8601 compliant date"),
        ({"limit": "0"}, "Property .limit must be >= 1"),
        ({"limit": "101"}, "Property .limit must be <= 100"),
        ({"limit": "x"}, "Property .limit must be integer"),
    ],
)
async def test_a_list_that_cannot_be_asked_for(client: httpx.AsyncClient, query: Any, details: str) -> None:
    answer = await client.get("/v1/async-actions", params=query)
    assert read_refusal(answer) == a_refusal(400, "invalid_query_params", details)


async def test_another_projects_actions_are_neither_listed_nor_found(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    others = await import_csv(other_client, a_csv("Code"))
    await worker.run_until_idle()
    assert (await list_actions(client))["async_actions"] == []
    for sent in (others, UNKNOWN, "aa_", "x", others.removeprefix("aa_"), others.upper()):
        answer = await client.get(f"/v1/async-actions/{sent}")
        assert read_refusal(answer) == not_there("async_action", sent)
    assert (await read_action(other_client, others))["status"] == "DONE"


# --- one action, from its start to its end -----------------------------------------------------------------

RESULT_OF_IMPORT = {
    "message": "1 voucher(s) imported successfully, 1 failed.",
    "done_count": 1,
    "failed_count": 1,
    **A_REPORT,
}


async def import_file(client: httpx.AsyncClient) -> None:
    await import_csv(client, a_csv("Code,Voucher Type,Value", "A,GIFT_VOUCHER,1", "B,,"))


async def import_file_into_campaign(client: httpx.AsyncClient) -> None:
    await make_campaign(client)
    await import_csv(client, a_csv("Code,Active", "A,", "B,x"), "Spring")


async def import_items(client: httpx.AsyncClient) -> None:
    await import_json(client, [a_voucher(code="A"), {"code": "B"}])


async def import_items_into_campaign(client: httpx.AsyncClient) -> None:
    await make_campaign(client)
    await import_json(client, [{"code": "A"}, {"code": "B", "category": "x"}], "Spring")


async def generate(client: httpx.AsyncClient) -> None:
    await client.post("/v1/campaigns", json=a_campaign(vouchers_count=3))


async def update_campaign(client: httpx.AsyncClient) -> None:
    await make_campaign(client)
    await make_voucher(client, "A", "Spring")
    await client.put("/v1/campaigns/Spring", json={"metadata": {"a": 1}})


async def delete_campaign(client: httpx.AsyncClient) -> None:
    await make_campaign(client)
    await make_voucher(client, "A", "Spring")
    await client.delete("/v1/campaigns/Spring")


def failed_row(reason: str) -> dict[str, Any]:
    return {**RESULT_OF_IMPORT, "failed": [{"code": "B", "row": 2, "reason": reason}]}


def failed_item(reason: str) -> dict[str, Any]:
    return {**RESULT_OF_IMPORT, "failed": [{"code": "B", "reason": reason}]}


@pytest.mark.parametrize(
    ("act", "type", "result"),
    [
        (import_file, "VOUCHERS.IMPORT_CSV", failed_row("Voucher Type is required")),
        (
            import_file_into_campaign,
            "CAMPAIGN.VOUCHERS_IMPORT_CSV",
            failed_row("Invalid value for Active: must be TRUE or FALSE"),
        ),
        (import_items, "VOUCHERS.IMPORT", failed_item("type is required")),
        (
            import_items_into_campaign,
            "CAMPAIGN.VOUCHERS_IMPORT",
            failed_item("Cannot find category with id x"),
        ),
        (generate, "CAMPAIGN.VOUCHERS_GENERATE", {"message": "Generated 3 vouchers.", "done_count": 3}),
        (update_campaign, "CAMPAIGN.VOUCHERS_UPDATE", {"message": "Updated 1 vouchers.", "done_count": 1}),
        (delete_campaign, "CAMPAIGN.VOUCHERS_DELETE", {"message": "Deleted 1 vouchers.", "done_count": 1}),
    ],
)
async def test_an_action_of_each_type_from_its_start_to_its_result(
    client: httpx.AsyncClient,
    worker: Worker,
    act: Callable[[httpx.AsyncClient], Any],
    type: str,
    result: dict[str, Any],
) -> None:
    await act(client)
    (listed,) = (await list_actions(client))["async_actions"]
    assert (listed["type"], listed["status"], listed["progress"]) == (type, "ENQUEUED", 0)
    assert (await read_action(client, listed["id"])) == {**listed, "result": None}
    await worker.run_until_idle()
    (listed,) = (await list_actions(client))["async_actions"]
    assert find_violations(listed, action_in_list) == []
    shown = await read_action(client, listed["id"])
    assert find_violations(shown, action_alone) == []
    assert shown["result"] == result
    del shown["result"], shown["processing_time"]
    assert shown == listed


async def test_the_request_that_started_an_action_is_named(client: httpx.AsyncClient, worker: Worker) -> None:
    answer = await client.post("/v1/vouchers/import", json=[])
    action = await read_action(client, answer.json()["async_action_id"])
    assert action["request_id"] == answer.headers["X-Request-Id"]
    await worker.run_until_idle()


async def test_progress_rises_with_each_portion_and_the_counts_add_up(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    rows = [f"CODE-{number},{'x' if number % 3 == 0 else ''}" for number in range(7)]
    await make_campaign(client)
    action_id = await import_csv(client, a_csv("Code,Active", *rows), "Spring")
    seen = []
    while True:
        action = await read_action(client, action_id)
        ((_, done, failed),) = await read_rows(
            db, project, "async_action", "id", "done_count", "failed_count"
        )
        codes = len(await read_rows(db, project, "voucher", "code"))
        reasons = len(await read_rows(db, project, "async_action_row", "row"))
        seen.append((action["status"], action["progress"], done, failed))
        assert (done, failed) == (codes, reasons)
        if not await worker.run_next():
            break
    # Portions of two rows, the last of one; rows 1, 4 and 7 fail.
    assert seen == [
        ("ENQUEUED", 0, 0, 0),
        ("IN_PROGRESS", 28, 1, 1),
        ("IN_PROGRESS", 57, 2, 2),
        ("IN_PROGRESS", 85, 4, 2),
        ("DONE", 100, 4, 3),
    ]


class Portions:
    """Records portions of one action, as jobs do."""

    def __init__(self, call: Call, action_id: str) -> None:
        job_id = parse_id("aa", action_id)
        assert job_id is not None
        self._call = call
        self._job = Job(call.project.id, job_id, "test", {}, 0, 1, 1)
        self._id = job_id

    @asynccontextmanager
    async def run(self, now: datetime = NOON, *, cancelled: bool = False) -> AsyncIterator[Run]:
        async with self._call.db.transaction() as connection:
            settings = self._call.settings
            job = dataclasses.replace(self._job, cancelled=cancelled)
            yield Run(connection=connection, job=job, settings=settings, now=now, ahead=Ahead())

    async def record(self, **outcome: Any) -> tuple[str, int]:
        async with self.run() as run:
            await record_portion(run, **outcome)
        status, progress = await self.read("status", "progress")
        return status, progress

    async def read(self, *columns: str) -> Any:
        async with self._call.db.connection() as connection:
            row = await connection.fetchrow(
                f"select {', '.join(columns)} from async_action where id = $1", self._id
            )
            assert row is not None
            return tuple(row)


async def start_portions(call: Call, total: int | None) -> Portions:
    async with call.db.transaction() as connection:
        started = await start_action(
            connection, call, type="VOUCHERS.IMPORT", job_kind="test", lane="turns", payload={}, total=total
        )
        await connection.execute("delete from job where project_id = $1", call.project.id)
    return Portions(call, started.async_action_id)


async def test_progress_is_a_hundred_at_the_end_and_not_before(call: Call) -> None:
    portions = await start_portions(call, 1000)
    assert await portions.record(done=0, finished=False) == ("IN_PROGRESS", 0)
    assert await portions.record(done=333, failed=[RowOutcome(1, "A", "x")], finished=False) == (
        "IN_PROGRESS",
        33,
    )
    assert await portions.record(done=666, finished=False) == ("IN_PROGRESS", 99)
    assert await portions.record(done=500, finished=False) == ("IN_PROGRESS", 99)
    assert await portions.record(done=0, finished=True) == ("DONE", 100)
    assert await portions.read("done_count", "failed_count") == (1499, 1)


async def test_progress_never_goes_back(call: Call, db: Database, project: Project) -> None:
    portions = await start_portions(call, 100)
    async with db.connection() as connection:
        await connection.execute("update async_action set progress = 60 where project_id = $1", project.id)
    assert await portions.record(done=50, finished=False) == ("IN_PROGRESS", 60)
    assert await portions.record(done=20, finished=False) == ("IN_PROGRESS", 70)


class Life(NamedTuple):
    """Portions of a job: (done, failed) each; `total` may be wrong."""

    total: int | None
    portions: list[tuple[int, int]]
    ending: Literal["done", "given up", "cancelled"]


_COUNTS = st.integers(0, 2_000)
_LIVES = st.builds(
    Life,
    st.none() | st.integers(0, 10_000),
    st.lists(st.tuples(_COUNTS, _COUNTS), max_size=8),
    st.sampled_from(["done", "given up", "cancelled"]),
)


@settings_of_property(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(life=_LIVES)
async def test_over_a_jobs_life_neither_progress_nor_counts_go_back(call: Call, life: Life) -> None:
    portions = await start_portions(call, life.total)
    columns = ("progress", "done_count", "failed_count", "updated_at", "started_at", "status", "message")
    seen = [await portions.read(*columns)]
    row = 0
    for number, (done, failed) in enumerate(life.portions):
        outcomes = [RowOutcome(row + place, "A", "x") for place in range(1, failed + 1)]
        row += failed
        last = life.ending == "done" and number == len(life.portions) - 1
        await portions.record(done=done, failed=outcomes, finished=last)
        seen.append(await portions.read(*columns))
    if life.ending != "done":
        async with portions.run(cancelled=life.ending == "cancelled") as run:
            await fail_action(run, "no luck")
        seen.append(await portions.read(*columns))
    for before, after in itertools.pairwise(seen):
        assert all(earlier <= later for earlier, later in zip(before[:4], after[:4], strict=True))
        # Its start is told with its first portion, and for good.
        assert after[4] == before[4] or before[4] is None
    assert [moment is not None for *_, moment, _, _ in seen] == [
        number > 0 and bool(life.portions) for number in range(len(seen))
    ]
    rows = sum(done + failed for done, failed in life.portions)
    assert sum(seen[-1][1:3]) == rows
    status, message = seen[-1][5:]
    of = "" if life.total is None else f" of {life.total}"
    expected = {"given up": "no luck", "cancelled": f"Cancelled after {rows}{of} rows.", "done": None}
    assert message == expected[life.ending]
    ended = "FAILED" if life.ending != "done" else "DONE" if life.portions else "ENQUEUED"
    assert (status, seen[-1][0] == 100) == (ended, ended == "DONE")


@pytest.mark.parametrize("total", [None, 0])
async def test_progress_of_an_unknown_number_of_rows_is_0_until_it_is_100(
    call: Call, total: int | None
) -> None:
    portions = await start_portions(call, total)
    assert await portions.record(done=5, finished=False) == ("IN_PROGRESS", 0)
    assert await portions.record(done=5, finished=True) == ("DONE", 100)


async def test_an_action_that_is_given_up_keeps_its_counts_and_its_progress(call: Call) -> None:
    portions = await start_portions(call, 10)
    await portions.record(done=3, failed=[RowOutcome(4, "D", "x")], finished=False)
    async with portions.run(NOON + timedelta(minutes=1)) as run:
        await fail_action(run, "no luck")
    columns = ("status", "progress", "done_count", "failed_count", "message", "updated_at")
    expected = ("FAILED", 40, 3, 1, "no luck", NOON + timedelta(minutes=1))
    assert await portions.read(*columns) == expected


async def test_the_time_of_an_update_never_goes_back(call: Call) -> None:
    portions = await start_portions(call, 10)
    for minutes, expected in ((5, 5), (3, 5), (6, 6)):
        async with portions.run(NOON + timedelta(minutes=minutes)) as run:
            await record_portion(run, done=1, finished=False)
        assert await portions.read("updated_at") == (NOON + timedelta(minutes=expected),)
    async with portions.run(NOON) as run:
        await fail_action(run, "x")
    assert await portions.read("updated_at") == (NOON + timedelta(minutes=6),)


async def test_an_action_ends_when_its_last_portion_has_ended_not_when_it_began(call: Call) -> None:
    portions = await start_portions(call, 2)
    ended = datetime.now(UTC)
    began = ended - timedelta(hours=1)
    for finished in (False, True):
        async with portions.run(began) as run:
            await record_portion(run, done=1, finished=finished)
        (updated_at,) = await portions.read("updated_at")
        assert updated_at >= ended if finished else updated_at == began


async def test_failed_rows_stand_in_the_result_up_to_a_number_and_are_all_counted(
    client: httpx.AsyncClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "INLINE_FAILURES", 3)
    action_id = await import_csv(client, a_csv("Code,Voucher Type", "A,", "B,", "C,", "D,", "E,"))
    await worker.run_until_idle()
    result = (await read_action(client, action_id))["result"]
    assert [row["code"] for row in result["failed"]] == ["A", "B", "C"]
    assert result["failed_count"] == 5


async def test_an_action_says_that_it_was_cancelled_though_its_job_is_older_than_what_is_kept(
    client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    action_id = await update_metadata(client, "A")
    assert (await client.post(f"/v1/async-actions/{action_id}/cancel")).status_code == 202
    await worker.run_until_idle()
    async with db.connection() as connection:
        await connection.execute(
            "update job set created_at = now() - interval '1 year' where project_id = $1", project.id
        )
    await clean_up(db, datetime.now(UTC))
    assert (await read_action(client, action_id))["cancelled"] is True


async def test_an_action_of_a_transaction_that_is_undone_never_was(
    client: httpx.AsyncClient, call: Call, db: Database
) -> None:
    before = await count_rows(db)
    with pytest.raises(ZeroDivisionError):
        async with call.db.transaction() as connection:
            await start_action(
                connection, call, type="VOUCHERS.IMPORT", job_kind="test", lane="turns", payload={}, total=1
            )
            _ = 1 / 0
    assert await count_rows(db) == before


# --- reports -----------------------------------------------------------------------------------------------


async def make_report(client: httpx.AsyncClient, worker: Worker, *codes: str) -> str:
    """The address of the report of a bulk update of these codes."""
    action_id = await update_metadata(client, *codes)
    await worker.run_until_idle()
    address: str = (await read_action(client, action_id))["result"]["reports"][0]
    return address


async def test_a_report_has_all_rows_in_their_order_and_needs_no_keys(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    odd = 'comma, quote" and\nline'
    for code in ("A", "Ü", odd):
        answer = await client.post("/v1/vouchers", json=a_voucher(code=code))
        assert answer.status_code == 200
    address = await make_report(client, worker, "NONE", "A", odd, "Ü", "A")
    for name in ("X-App-Id", "X-App-Token"):
        del client.headers[name]
    answer = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    action_id = address.partition("?")[0].rpartition("/")[2]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{action_id}.csv"'
    assert list(csv.reader(io.StringIO(answer.content.decode(), newline=""))) == [
        ["code", "found", "updated"],
        ["NONE", "false", "false"],
        ["A", "true", "true"],
        [odd, "true", "true"],
        ["Ü", "true", "true"],
        ["A", "true", "true"],
    ]


async def test_a_voucher_that_could_not_be_updated_was_found(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await make_voucher(client, "A")
    schema = {"related_object": "voucher", "properties": {}, "allow_defined_only": True}
    assert (await client.post("/v1/metadata-schemas", json=schema)).status_code == 200
    report = await client.get(await make_report(client, worker, "A", "NONE"))
    assert report.text == "code,found,updated\nA,true,false\nNONE,false,false\n"


@pytest.mark.parametrize("settings", [1000], indirect=True)
async def test_a_long_report_is_sent_in_pieces(client: httpx.AsyncClient, worker: Worker) -> None:
    codes = [f"{number:05}-{'x' * 490}" for number in range(300)]
    report = await client.get(await make_report(client, worker, *codes))
    assert "Content-Length" not in report.headers
    assert report.text.splitlines()[1:] == [f"{code},false,false" for code in codes]


async def test_a_report_is_given_to_who_has_its_token_and_to_nobody_else(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, db: Database, project: Project, worker: Worker
) -> None:
    first, second = await make_report(client, worker, "A"), await make_report(client, worker, "B")
    others = await make_report(other_client, worker, "C")
    (path, _, token), (_, _, second_token) = first.partition("?token="), second.partition("?token=")
    _, _, others_token = others.partition("?token=")
    assert len({token, second_token, others_token}) == 3
    assert min(map(len, (token, second_token, others_token))) >= 43
    for address in (
        path,
        f"{path}?token=",
        f"{path}?token={token[:-1]}",
        f"{path}?token={token}x",
        f"{path}?token={token.swapcase()}",
        f"{path}?token={second_token}",
        f"{path}?token={others_token}",
        f"http://test/api/v1/reports/{UNKNOWN}?token={token}",
        f"http://test/api/v1/reports/x?token={token}",
    ):
        # The caller's own keys do not open it either.
        answer = await client.get(address)
        assert (answer.status_code, answer.json()) == (
            401,
            {"code": 401, "key": "unauthorized", "message": "Unauthorized"},
        )
    assert (await other_client.get(first)).text == "code,found,updated\nA,false,false\n"
    for days, status in ((6, 200), (8, 401)):
        async with db.connection() as connection:
            await connection.execute(
                "update async_action set updated_at = now() - $2 * interval '1 day' where project_id = $1",
                project.id,
                days,
            )
        assert (await client.get(first)).status_code == status


# --- input that comes in -----------------------------------------------------------------------------------


def receive(call: Call) -> InputReceiver:
    return InputReceiver(call, type="VOUCHERS.IMPORT", job_kind="code_import", payload={"a": 1})


async def test_nobody_sees_an_action_or_does_its_job_before_all_its_input_is_there(
    client: httpx.AsyncClient, call: Call, db: Database, project: Project, worker: Worker
) -> None:
    before = await count_rows(db)
    async with receive(call) as receiver:
        await receiver.add(b"one", 3)
        await receiver.add(b"two", 2)
        assert not await worker.run_next()
        assert (await list_actions(client))["async_actions"] == []
        assert await count_more_rows(db, before) == {"job": 1, "job_input": 2}
        started = await receiver.start(ordered_up_to=1)
    assert await count_more_rows(db, before) == {"job": 1, "job_input": 2, "async_action": 1}
    (action,) = (await list_actions(client))["async_actions"]
    assert (action["id"], action["status"]) == (started.async_action_id, "ENQUEUED")
    assert await read_rows(db, project, "job", "state", "lane", "payload") == [
        ("waiting", "turns", {"a": 1, "portions": 2})
    ]
    assert await read_rows(db, project, "job_input", "portion", "first_row", "data") == [
        (0, 1, b"one"),
        (1, 4, b"two"),
    ]
    portions = Portions(call, started.async_action_id)
    async with portions.run() as run:
        assert [await load_input(run, position) for position in range(3)] == [(1, b"one"), (4, b"two"), None]
        await run.connection.execute("delete from job where project_id = $1", project.id)


async def test_input_whose_sender_gives_up_is_removed(call: Call, db: Database) -> None:
    before = await count_rows(db)
    with pytest.raises(ZeroDivisionError):
        async with receive(call) as receiver:
            await receiver.add(b"one", 3)
            _ = 1 / 0
    async with receive(call) as receiver:
        await receiver.add(b"one", 3)
    assert await count_rows(db) == before


class LostAnswer(Database):
    """A database whose connection breaks in the COMMIT: the transaction was committed, but nobody knows."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection
        raise DatabaseUnavailable("the connection broke")


async def test_an_action_whose_start_was_committed_without_an_answer_is_not_left_without_its_job(
    client: httpx.AsyncClient, call: Call, database_url: str, worker: Worker
) -> None:
    db = LostAnswer(database_url, size=2)
    payload = {"type": "VOUCHERS.IMPORT", "campaign_id": None}
    with pytest.raises(DatabaseUnavailable):
        async with InputReceiver(
            dataclasses.replace(call, db=db), type="VOUCHERS.IMPORT", job_kind="code_import", payload=payload
        ) as receiver:
            await receiver.add(b"[]", 0)
            await receiver.start(ordered_up_to=1)
    await db.close()
    (action,) = (await list_actions(client))["async_actions"]
    assert action["status"] == "ENQUEUED"
    await worker.run_until_idle()
    assert (await read_action(client, action["id"]))["status"] == "DONE"


async def test_uploads_that_ended_with_their_server_are_removed_after_a_day(
    call: Call, db: Database, project: Project
) -> None:
    async def begin_and_die() -> None:
        receiver = receive(call)
        await receiver.__aenter__()
        await receiver.add(b"one", 3)

    before = await count_rows(db)
    await begin_and_die()
    await begin_and_die()
    async with receive(call) as receiver:
        await receiver.add(b"started", 1)
        await receiver.start(ordered_up_to=1)
    # The call came at NOON.
    assert await clean_up(db, NOON + timedelta(hours=24)) == (0, 0)
    assert await count_more_rows(db, before) == {"job": 3, "job_input": 3, "async_action": 1}
    assert await clean_up(db, NOON + timedelta(hours=24, seconds=1)) == (2, 0)
    assert await count_more_rows(db, before) == {"job": 1, "job_input": 1, "async_action": 1}
    assert await read_rows(db, project, "job_input", "data") == [(b"started",)]
    async with db.connection() as connection:
        await connection.execute("delete from job where project_id = $1", project.id)


async def test_ended_actions_are_kept_for_ninety_days(
    client: httpx.AsyncClient, worker: Worker, db: Database
) -> None:
    body = [{"code": "UNKNOWN", "metadata": {"a": 1}}]
    ended = (await client.post("/v1/vouchers/bulk/async", json=body)).json()["async_action_id"]
    await worker.run_until_idle()
    waiting = (await client.post("/v1/vouchers/bulk/async", json=body)).json()["async_action_id"]
    now = datetime.now(UTC)
    await clean_up(db, now + timedelta(days=89))
    assert (await client.get(f"/v1/async-actions/{ended}")).status_code == 200
    _, removed = await clean_up(db, now + timedelta(days=91))
    assert removed >= 1
    assert (await client.get(f"/v1/async-actions/{ended}")).status_code == 404
    assert (await client.get(f"/v1/async-actions/{waiting}")).status_code == 200
