"""Work that is begun for a job's next portion. Time is that of the event loop, which the tests set."""

import asyncio
import gc
from collections.abc import Iterator
from uuid import UUID

import pytest

from openvoucher.platform.jobs.ahead import Ahead

ONE, TWO = UUID(int=1), UUID(int=2)


class Clock:
    """What the loop takes for the time, on top of the real one."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        patch.setattr(loop, "time", lambda: real() + self.passed)


class Work:
    """Coroutines that can be held, with what became of each."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def make(self, name: str) -> str:
        self.begun.append(name)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        self.ended.append(name)
        return name

    async def fail(self, name: str) -> str:
        self.begun.append(name)
        raise ValueError(name)


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    made = Ahead()
    yield made
    # Whoever gives up a worker clears it; a coroutine that nobody awaited would warn, and so fail the test.
    made.clear()
    gc.collect()


async def let_others_run() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_was_begun_is_taken_once(ahead: Ahead, work: Work) -> None:
    ahead.start(ONE, 7, work.make("a"))
    assert await ahead.take(ONE, 7) == "a"
    assert await ahead.take(ONE, 7) is None
    assert work.begun == ["a"]


async def test_it_is_done_before_it_is_asked_for(ahead: Ahead, work: Work) -> None:
    ahead.start(ONE, 7, work.make("a"))
    await let_others_run()
    assert work.ended == ["a"]


async def test_who_takes_it_early_waits_for_its_end(ahead: Ahead, work: Work) -> None:
    work.go_on.clear()
    ahead.start(ONE, 7, work.make("a"))
    taking = asyncio.create_task(ahead.take(ONE, 7))
    await let_others_run()
    assert not taking.done()
    work.go_on.set()
    assert await taking == "a"


@pytest.mark.parametrize(("job", "position"), [(TWO, 7), (ONE, 6), (ONE, 8)])
async def test_another_job_or_position_takes_nothing(
    ahead: Ahead, work: Work, job: UUID, position: int
) -> None:
    ahead.start(ONE, 7, work.make("a"))
    assert await ahead.take(job, position) is None
    assert await ahead.take(ONE, 7) == "a"


async def test_what_failed_is_nothing(ahead: Ahead, work: Work) -> None:
    ahead.start(ONE, 7, work.fail("a"))
    assert await ahead.take(ONE, 7) is None
    assert work.begun == ["a"]


async def test_an_error_that_nobody_takes_is_not_complained_about(
    ahead: Ahead, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    ahead.start(ONE, 7, work.fail("a"))
    await let_others_run()
    ahead.start(ONE, 8, work.make("b"))
    await let_others_run()
    gc.collect()
    assert complaints == []
    assert await ahead.take(ONE, 8) == "b"


async def test_a_job_begins_one_portion_at_a_time(ahead: Ahead, work: Work) -> None:
    work.go_on.clear()
    ahead.start(ONE, 7, work.make("a"))
    await let_others_run()
    ahead.start(ONE, 8, work.make("b"))
    await let_others_run()
    assert work.cancelled == ["a"]
    work.go_on.set()
    assert await ahead.take(ONE, 7) is None
    assert await ahead.take(ONE, 8) == "b"


async def test_a_portion_that_is_begun_again_is_begun_anew(ahead: Ahead, work: Work) -> None:
    ahead.start(ONE, 7, work.make("a"))
    ahead.start(ONE, 7, work.make("b"))
    assert await ahead.take(ONE, 7) == "b"
    assert await ahead.take(ONE, 7) is None


async def test_four_jobs_work_ahead_and_a_fifth_does_not(ahead: Ahead, work: Work) -> None:
    for number in range(5):
        ahead.start(UUID(int=number), 0, work.make(f"{number}"))
    await let_others_run()
    assert work.begun == ["0", "1", "2", "3"]
    assert await ahead.take(UUID(int=4), 0) is None
    # One of those that are there already goes on …
    ahead.start(UUID(int=3), 1, work.make("3 again"))
    assert await ahead.take(UUID(int=3), 1) == "3 again"
    # … and its place is free once its work is taken.
    ahead.start(UUID(int=4), 1, work.make("4"))
    assert await ahead.take(UUID(int=4), 1) == "4"
    assert [await ahead.take(UUID(int=number), 0) for number in range(3)] == ["0", "1", "2"]


@pytest.mark.parametrize(("seconds", "free"), [(9.0, False), (10.5, True)])
async def test_what_nobody_takes_for_ten_seconds_makes_room(
    ahead: Ahead, work: Work, monkeypatch: pytest.MonkeyPatch, seconds: float, free: bool
) -> None:
    clock = Clock(monkeypatch)
    work.go_on.clear()
    for number in range(4):
        ahead.start(UUID(int=number), 0, work.make(f"{number}"))
    await let_others_run()
    clock.passed = seconds
    ahead.start(UUID(int=4), 0, work.make("4"))
    await let_others_run()
    assert work.cancelled == (["0", "1", "2", "3"] if free else [])
    assert ("4" in work.begun) is free
    work.go_on.set()
    assert await ahead.take(UUID(int=4), 0) == ("4" if free else None)
    assert await ahead.take(UUID(int=0), 0) == (None if free else "0")


async def test_only_what_is_old_makes_room(ahead: Ahead, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for number, moment in enumerate((0.0, 4.0, 8.0)):
        clock.passed = moment
        ahead.start(UUID(int=number), 0, work.make(f"{number}"))
    clock.passed = 12.0
    ahead.start(UUID(int=3), 0, work.make("3"))
    assert [await ahead.take(UUID(int=number), 0) for number in range(4)] == [None, "1", "2", "3"]


async def test_after_clearing_nothing_is_there_and_nothing_runs(ahead: Ahead, work: Work) -> None:
    work.go_on.clear()
    ahead.start(ONE, 7, work.make("a"))
    ahead.start(TWO, 7, work.make("b"))
    await let_others_run()
    ahead.clear()
    await let_others_run()
    assert sorted(work.cancelled) == ["a", "b"]
    assert [await ahead.take(job, 7) for job in (ONE, TWO)] == [None, None]
    work.go_on.set()
    ahead.start(ONE, 7, work.make("c"))
    assert await ahead.take(ONE, 7) == "c"


async def test_who_is_cancelled_while_it_waits_ends_the_work_too(ahead: Ahead, work: Work) -> None:
    work.go_on.clear()
    ahead.start(ONE, 7, work.make("a"))
    taking = asyncio.create_task(ahead.take(ONE, 7))
    await let_others_run()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert work.cancelled == ["a"]
