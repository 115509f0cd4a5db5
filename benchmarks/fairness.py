"""Ten large generations, and small jobs that come after them."""

import asyncio
import time

from benchmarks.api import Api, WrongResult, uuid_of
from benchmarks.bench import FIRST_NEW_CODE, Bench, another_project, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, hold_below
from benchmarks.files import make_json
from benchmarks.plan import Plan

_LARGE = 10
_SMALL_ROWS = 100
_SOON_SECONDS = 2.0
_MOST_SLOWER = 1.10


async def measure_fairness(plan: Plan) -> list[Line]:
    alone: list[float] = []
    together: list[float] = []
    begun: list[float] = []
    small: list[float] = []
    async with set_up_bench(plan) as bench, another_project(bench) as other:
        for number in range(plan.repeat):
            for with_small in (True, False) if number % 2 else (False, True):
                await bench.table.reset()
                fair = _Fair(bench, other)
                await fair.schedule()
                if with_small:
                    begun_now, small_now = await asyncio.gather(fair.wait_until_begun(), fair.run_small())
                    begun.append(begun_now)
                    small.extend(small_now)
                (together if with_small else alone).append(await fair.finish())
    slower = [with_small / without for with_small, without in zip(together, alone, strict=True)]
    load = f"{_LARGE} x {plan.fair_rows:,} codes"
    return [
        hold_below("fair, all begun", begun, unit=" s", most=_SOON_SECONDS, worst=True, ours=load),
        hold_below("fair, small jobs done", small, unit=" s", most=_SOON_SECONDS, worst=True, ours=load),
        hold_below("fair, large ones slower", slower, unit="x", most=_MOST_SLOWER, ours=load),
    ]


class _Fair:
    """One round."""

    def __init__(self, bench: Bench, other: Api) -> None:
        self._bench = bench
        self._other = other
        self._campaigns: list[str] = []
        self._actions: list[str] = []
        self._small: tuple[str, str] | None = None
        self._updated: list[str] = []

    async def schedule(self) -> None:
        api, rows = self._bench.api, self._bench.plan.fair_rows
        self._campaigns = [await api.create_campaign(f"Large {number}") for number in range(_LARGE)]
        self._start = time.perf_counter()
        self._actions = [await api.generate(campaign, rows) for campaign in self._campaigns]

    async def wait_until_begun(self) -> float:
        """Seconds from now until none of the ten waits for its first portion any more."""
        start = time.perf_counter()
        await self._bench.table.wait_until_begun([uuid_of(action) for action in self._actions])
        return time.perf_counter() - start

    async def run_small(self) -> list[float]:
        """Seconds from sending to done: an import, a bulk update, the import of another project."""
        api, other = self._bench.api, self._other
        codes = list(make_codes(FIRST_NEW_CODE, _SMALL_ROWS))
        body = make_json(codes)
        present = list(make_codes(0, _SMALL_ROWS))
        theirs = await other.create_campaign("Small")
        ours = await api.create_campaign("Small")

        async def run_import(owner: Api, campaign: str) -> float:
            start = time.perf_counter()
            action = await owner.import_json(campaign, body)
            return await owner.wait_until_done(action, _SMALL_ROWS) - start

        async def run_update() -> float:
            start = time.perf_counter()
            return await api.wait_until_done(await api.update_metadata(present), _SMALL_ROWS) - start

        self._small = (ours, theirs)
        self._updated = present
        return list(await asyncio.gather(run_import(api, ours), run_update(), run_import(other, theirs)))

    async def finish(self) -> float:
        """Seconds from the first request until the last of the ten is done. All results are checked."""
        rows = self._bench.plan.fair_rows
        ends = [await self._bench.api.wait_until_done(action, rows) for action in self._actions]
        for campaign in self._campaigns:
            await self._bench.check_codes(campaign, rows)
        if self._small:
            ours, theirs = self._small
            await self._bench.check_codes(ours, _SMALL_ROWS)
            if await self._other.count_codes(theirs) != _SMALL_ROWS:
                raise WrongResult("the other project's codes are not there")
            places = [await self._bench.api.read_metadata(code) for code in self._updated]
            if places != [{"place": place} for place in range(_SMALL_ROWS)]:
                raise WrongResult("the bulk update is not to be seen")
        return max(ends) - self._start
