"""Deletion of a campaign: with `force` against the COPY that brought its codes; to the bin in no time."""

import time

from benchmarks.api import WrongResult, uuid_of
from benchmarks.bench import FIRST_NEW_CODE, set_up_bench
from benchmarks.figures import Line, compare, hold_below
from benchmarks.plan import Plan
from benchmarks.rounds import alternate

# "At once", whatever the number of codes.
_AT_ONCE_SECONDS = 1.0


async def measure_deletion(plan: Plan) -> list[Line]:
    binned: list[float] = []
    async with set_up_bench(plan) as bench:
        campaign = await bench.api.create_campaign("Doomed")
        await bench.table.set_count(uuid_of(campaign), plan.rows)
        await bench.table.keep_campaign(uuid_of(campaign))
        file = bench.table.write_rows("limit.copy", uuid_of(campaign), FIRST_NEW_CODE, plan.rows)

        async def delete(*, force: bool) -> float:
            start = time.perf_counter()
            action = await bench.api.delete_campaign(campaign, force=force)
            end = await bench.api.wait_until_done(action, plan.rows)
            left = await bench.table.count(uuid_of(campaign))
            if left != (0 if force else plan.rows) or await bench.api.has_campaign(campaign):
                raise WrongResult(f"{left} codes are left")
            return end - start

        async def measure(_: int) -> float:
            await bench.table.time_copy(file)
            await bench.table.settle()
            return await delete(force=True)

        ours, limit = await alternate(bench, file, measure)
        for _ in range(plan.repeat):
            await bench.table.reset()
            await bench.table.time_copy(file)
            await bench.table.settle()
            binned.append(await delete(force=False))
    return [
        compare("deletion with force", plan.rows, ours=ours, limit=limit, least=1.0),
        hold_below(
            "deletion to the bin", binned, unit=" s", most=_AT_ONCE_SECONDS, ours=f"{plan.rows:,} codes"
        ),
    ]
