"""Memory of the API and of the worker while a large CSV streams in and is stored."""

import time

from benchmarks.bench import FIRST_NEW_CODE, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, hold_below, tell
from benchmarks.files import StuffedCsv
from benchmarks.plan import Plan
from benchmarks.server import MemoryWatch

_MOST_MB = 256


async def measure_memory(plan: Plan) -> list[Line]:
    rows = plan.memory_bytes // StuffedCsv.ROW_BYTES
    upload = StuffedCsv(make_codes(FIRST_NEW_CODE, rows), rows)
    async with set_up_bench(plan) as bench:
        campaign = await bench.api.create_campaign("Stuffed")
        async with MemoryWatch(bench.server) as watch:
            start = time.perf_counter()
            action = await bench.api.import_csv(campaign, upload.pieces(), upload.size)
            accepted = time.perf_counter()
            end = await bench.api.wait_until_done(action, rows)
        await bench.check_codes(campaign, rows)
    size = f"{upload.size / 1e6:,.0f} MB, {rows:,} rows"
    lines = [
        hold_below(f"memory, {role}", [most], unit=" MB", most=_MOST_MB, ours=size)
        for role, most in watch.most.items()
    ]
    before = ", ".join(f"{role} {value:.0f} MB" for role, value in watch.start.items())
    spent = f"{accepted - start:.1f} s until accepted, {end - start:.1f} s until done"
    return [*lines, tell("before it", before, **watch.start), tell("time", spent, seconds=end - start)]
