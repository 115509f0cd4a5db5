"""Whose turn it is: the queue beside a model of it, in which jobs come, go on, are cancelled and end.

No clock decides here: what is counted are claims.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_property
from hypothesis import strategies as st

from builders import a_campaign
from importing import a_csv, import_csv, make_campaign, read_action
from openvoucher.features.projects.service import make_key_pair
from openvoucher.platform.call import Project
from openvoucher.platform.db import Connection, Database
from openvoucher.platform.jobs import Job, Lane, cancel_job, enqueue_job, queue
from openvoucher.platform.jobs.worker import Worker
from openvoucher.settings import Settings
from openvoucher.wire.ids import new_id
from projects import make_other_project
from schedule_model import PlannedJob, Schedule

# A worker that dies is another matter: what is claimed here stays so until its portion is done.
_HOLD_SECONDS = 3600.0


class Arrival(NamedTuple):
    project: int
    lane: Lane
    portions: int


class Pick(NamedTuple):
    """One of the jobs that are there, or in hand: counted from the first, round and round."""

    what: Literal["finish", "cancel"]
    number: int


Step: TypeAlias = Arrival | Pick | Literal["claim"]


class Twins:
    """The queue and its model, which are told the same. `projects`: their keys in the database."""

    def __init__(self, connection: Connection, projects: Sequence[int]) -> None:
        self.model = Schedule()
        self.claims: list[str] = []
        self._connection = connection
        self._projects = projects
        self._planned: dict[UUID, PlannedJob] = {}
        self._in_hand: dict[PlannedJob, Job] = {}

    async def add(self, arrival: Arrival, name: str = "", *, now: datetime | None = None) -> PlannedJob:
        job = PlannedJob(name or f"job {len(self._planned)}", *arrival)
        job_id = new_id()
        await enqueue_job(
            self._connection,
            project_id=self._projects[job.project],
            job_id=job_id,
            kind="test",
            lane=job.lane,
            payload={},
            now=now or datetime.now(UTC),
        )
        self._planned[job_id] = job
        self.model.add(job)
        return job

    async def claim(self) -> PlannedJob | None:
        """What a worker does first. The job must be the one whose turn it is."""
        job = await queue.claim_job(self._connection, hold_seconds=_HOLD_SECONDS)
        planned = self._planned[job.id] if job else None
        expected = self.model.list_next()
        assert planned in expected if expected else planned is None, (
            f"after {self.claims} it is the turn of {[each.name for each in expected] or 'nobody'},"
            f" not of {planned.name if planned else 'nobody'}"
        )
        if job and planned:
            assert job.cancelled == planned.cancelled
            self.claims.append(planned.name)
            self.model.note_claim(planned)
            self._in_hand[planned] = job
        return planned

    async def finish(self, planned: PlannedJob) -> None:
        """What a worker does with the job in its hands: a portion, or giving it up."""
        job = self._in_hand.pop(planned)
        if job.cancelled:
            assert await queue.park_job(self._connection, job, error=queue.CANCELLED)
            self.model.note_end(planned)
            return
        async with self._connection.transaction():
            if planned.cancelled:
                assert not await queue.lock_job(self._connection, job)
                return
            assert await queue.lock_job(self._connection, job)
            await queue.advance_job(
                self._connection, job, position=job.position + 1, done=planned.portions == 1
            )
        self.model.note_portion(planned)

    async def cancel(self, planned: PlannedJob) -> None:
        job_id = next(key for key, value in self._planned.items() if value is planned)
        async with self._connection.transaction():
            assert await cancel_job(self._connection, self._projects[planned.project], job_id)
        self.model.note_cancelling(planned)

    async def run_portion(self) -> PlannedJob | None:
        planned = await self.claim()
        if planned:
            await self.finish(planned)
        return planned

    async def run_all(self) -> int:
        """The number of claims until nothing is left to do."""
        claims = 0
        while await self.run_portion():
            claims += 1
        return claims

    async def follow(self, script: Sequence[Step]) -> None:
        """Do what the script says, then what is left to do."""
        for step in script:
            match step:
                case Arrival():
                    await self.add(step)
                case Pick("finish", number) if self._in_hand:
                    await self.finish([*self._in_hand][number % len(self._in_hand)])
                case Pick("cancel", number):
                    jobs = [job for job in self.model.list_jobs() if not job.cancelled]
                    if jobs:
                        await self.cancel(jobs[number % len(jobs)])
                case "claim":
                    await self.claim()
        for planned in [*self._in_hand]:
            await self.finish(planned)
        await self.run_all()
        assert self.model.list_jobs() == []


async def make_projects(db: Database, project: Project) -> list[int]:
    others = [await make_other_project(db, make_key_pair("server")) for _ in range(2)]
    return [project.id, *(other.id for other in others)]


async def clear_queue(connection: Connection) -> None:
    await connection.execute("delete from job")
    await connection.execute("delete from job_turn")


# --- any jobs, at any moment ---------------------------------------------------------------------------

_ARRIVALS = st.builds(Arrival, st.integers(0, 2), st.sampled_from(["ordered", "turns"]), st.integers(1, 4))
_PICKS = st.builds(Pick, st.sampled_from(["finish", "finish", "finish", "cancel"]), st.integers(0, 20))
_SCRIPTS = st.lists(_ARRIVALS | _PICKS | st.just("claim"), min_size=10, max_size=60)


@pytest.mark.slow
@settings_of_property(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=_SCRIPTS)
async def test_whatever_jobs_come_and_whenever_turns_are_taken_as_the_model_says(
    db: Database, project: Project, script: list[Step]
) -> None:
    projects = await make_projects(db, project)
    async with db.connection() as connection:
        await clear_queue(connection)
        await Twins(connection, projects).follow(script)


def make_script(seed: int) -> list[Step]:
    """A script of its own for each seed."""
    chance = random.Random(seed)
    steps: list[Step] = []
    for _ in range(60):
        match chance.randrange(8):
            case 0 | 1 | 2:
                lane: Lane = chance.choice(("ordered", "turns"))
                steps.append(Arrival(chance.randrange(3), lane, chance.randint(1, 4)))
            case 3 | 4 | 5:
                steps.append("claim")
            case 6:
                steps.append(Pick("finish", chance.randrange(20)))
            case _:
                steps.append(Pick("cancel" if chance.random() < 0.3 else "finish", chance.randrange(20)))
    return steps


_PLANTED = {
    "cancelled jobs wait for their turn": ("order by j.cancelled desc, ", "order by "),
    "projects take no turns": ("project_turn.turn_at nulls first, ", ""),
    "lanes take no turns": ("lane_turn.turn_at nulls first,", ""),
    "jobs take no turns": ("j.turn_at, j.queued_at, j.id", "j.queued_at, j.id"),
    "the last one is the next": ("j.turn_at, j.queued_at, j.id", "j.turn_at desc, j.queued_at, j.id"),
    "who never had a turn waits": ("project_turn.turn_at nulls first", "project_turn.turn_at nulls last"),
    "no lane comes first": ("lane_turn.turn_at nulls first", "lane_turn.turn_at nulls last"),
    "the ordered lane does several jobs at once": (
        "j.cancelled or j.lane = 'turns'",
        "j.cancelled or j.lane is not null",
    ),
    "a cancelled job blocks its lane": ("older.state = 'waiting' and not older.cancelled", "true"),
    "a turn is not noted": ("turn_at = excluded.turn_at", "turn_at = job_turn.turn_at"),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", [None, *_PLANTED])
async def test_a_queue_in_which_a_bug_is_planted_leaves_the_model(
    db: Database, project: Project, monkeypatch: pytest.MonkeyPatch, bug: str | None
) -> None:
    if bug is not None:
        right, wrong = _PLANTED[bug]
        assert right in queue._CLAIM
        monkeypatch.setattr(queue, "_CLAIM", queue._CLAIM.replace(right, wrong))
    projects = await make_projects(db, project)
    left_at = None
    async with db.connection() as connection:
        for seed in range(12):
            await clear_queue(connection)
            try:
                await Twins(connection, projects).follow(make_script(seed))
            except AssertionError:
                left_at = seed
                break
    assert (left_at is None) == (bug is None)


# --- ten long ones, and three that are in a hurry --------------------------------------------------------

LONG_PORTIONS = 20
_LONG = Arrival(0, "turns", LONG_PORTIONS)
# An import of few rows, a bulk update, an import of another project.
_SMALL = {
    "import": Arrival(0, "ordered", 1),
    "update": Arrival(0, "ordered", 1),
    "other's import": Arrival(1, "ordered", 1),
}


async def test_ten_long_jobs_are_under_way_after_ten_claims_and_small_ones_pass_them(
    db: Database, project: Project
) -> None:
    async with db.connection() as connection:
        twins = Twins(connection, await make_projects(db, project))
        long_jobs = [await twins.add(_LONG, f"long {number}") for number in range(10)]
        for _ in range(10):
            await twins.run_portion()
        assert [job.portions for job in long_jobs] == [LONG_PORTIONS - 1] * 10
        for _ in range(35):
            await twins.run_portion()
        small = [await twins.add(arrival, name) for name, arrival in _SMALL.items()]
        # Two projects, and two lanes of the first one.
        claims = [await twins.run_portion() for _ in range(4)]
        assert [job.portions for job in small] == [0, 0, 0]
        assert [job.name for job in claims if job] == ["other's import", "import", "long 5", "update"]
        # What the small ones cost the others is their own portions.
        assert 45 + 4 + await twins.run_all() == 10 * LONG_PORTIONS + 3


async def test_small_jobs_that_go_on_coming_take_every_second_turn_at_most(
    db: Database, project: Project
) -> None:
    async with db.connection() as connection:
        twins = Twins(connection, await make_projects(db, project))
        long_jobs = [await twins.add(Arrival(0, "turns", 4), f"long {number}") for number in range(10)]
        claims = 0
        while any(job.portions for job in long_jobs):
            await twins.add(_SMALL["import"], f"small {claims}")
            await twins.run_portion()
            claims += 1
        # A long one was first, and the last portion is one of theirs.
        assert claims == 2 * 10 * 4 - 1


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(0), timedelta(hours=1)])
async def test_the_clock_of_the_server_that_takes_a_job_in_does_not_decide_when_it_has_its_turn(
    db: Database, project: Project, ahead: timedelta
) -> None:
    async with db.connection() as connection:
        twins = Twins(connection, await make_projects(db, project))
        for number in range(3):
            await twins.add(_LONG, f"long {number}")
        for _ in range(4):
            await twins.run_portion()
        # It comes last, and so behind the other three.
        await twins.add(_LONG, "late", now=datetime.now(UTC) + ahead)
        for _ in range(4):
            await twins.run_portion()
        assert twins.claims[-4:] == ["long 1", "long 2", "long 0", "late"]


# --- the same with real work -----------------------------------------------------------------------------


class TestRealWork:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(public_url="http://test", portion_rows=50)

    @pytest.mark.slow
    async def test_ten_generations_go_on_side_by_side_and_small_jobs_pass_them(
        self, client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
    ) -> None:
        generations = [await start_generation(client, f"Long {number}", 300) for number in range(10)]
        await run_portions(worker, 10)
        started = [await read_action(client, each) for each in generations]
        assert [(each["status"], each["done_count"]) for each in started] == [("IN_PROGRESS", 50)] * 10

        await make_campaign(client, "Small")
        await make_campaign(other_client, "Small")
        file = a_csv("Code", *(f"SMALL-{number}" for number in range(50)))
        small = await import_csv(client, file, "Small")
        other = await import_csv(other_client, file, "Small")
        update = await update_vouchers(client, ["SMALL-0"])
        await run_portions(worker, 4)
        ended = [
            await read_action(client, small),
            await read_action(client, update),
            await read_action(other_client, other),
        ]
        assert [each["status"] for each in ended] == ["DONE"] * 3
        assert [(await read_action(client, each))["status"] for each in generations] == ["IN_PROGRESS"] * 10

        # Five portions are left of each; one of them was done in between.
        assert await worker.run_until_idle() == 10 * 5 - 1
        finished = [await read_action(client, each) for each in generations]
        assert [(each["status"], each["done_count"]) for each in finished] == [("DONE", 300)] * 10


async def start_generation(client: httpx.AsyncClient, name: str, count: int) -> str:
    assert (await client.post("/v1/campaigns", json=a_campaign(name=name))).status_code == 200
    answer = await client.post(f"/v1/campaigns/{name}/vouchers?vouchers_count={count}")
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def update_vouchers(client: httpx.AsyncClient, codes: Sequence[str]) -> str:
    body = [{"code": code, "metadata": {"seen": True}} for code in codes]
    answer = await client.post("/v1/vouchers/bulk/async", json=body)
    assert answer.status_code == 202, answer.text
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def run_portions(worker: Worker, count: int) -> None:
    for _ in range(count):
        assert await worker.run_next()
