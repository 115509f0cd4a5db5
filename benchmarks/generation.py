"""Generation: from the request to the async action's DONE."""

import time

from benchmarks.api import uuid_of
from benchmarks.bench import set_up_bench
from benchmarks.figures import Line, compare
from benchmarks.plan import Plan
from benchmarks.rounds import alternate


async def measure_generation(plan: Plan) -> list[Line]:
    async with set_up_bench(plan) as bench:

        async def measure(number: int) -> float:
            campaign = await bench.api.create_campaign(f"Generated {number}")
            start = time.perf_counter()
            action = await bench.api.generate(campaign, plan.rows)
            end = await bench.api.wait_until_done(action, plan.rows)
            await bench.check_codes(campaign, plan.rows)
            return end - start

        # The first time makes the rows that the other side copies, in random order: as they are drawn.
        campaign = await bench.api.create_campaign("First")
        await bench.api.wait_until_done(await bench.api.generate(campaign, plan.rows), plan.rows)
        file = await bench.table.dump("limit.copy", uuid_of(campaign))
        ours, limit = await alternate(bench, file, measure)
    return [compare("generation", plan.rows, ours=ours, limit=limit, least=0.6)]
