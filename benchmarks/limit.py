"""What the limit itself depends on: the order of the codes and the format of the file.

The others are held against the first of these: text, in the order in which codes come, which is random.
"""

from benchmarks.api import uuid_of
from benchmarks.bench import Bench, set_up_bench
from benchmarks.figures import Line, show_copies
from benchmarks.plan import Plan
from benchmarks.table import LimitFile


async def measure_limit(plan: Plan) -> list[Line]:
    async with set_up_bench(plan) as bench:
        files = await _write_files(bench)
        seconds: dict[str, list[float]] = {name: [] for name in files}
        for _ in range(plan.repeat):
            for name, file in files.items():
                await bench.table.reset()
                seconds[name].append(await bench.table.time_copy(file))
    return [show_copies(f"limit, {name}", plan.rows, values) for name, values in seconds.items()]


async def _write_files(bench: Bench) -> dict[str, LimitFile]:
    campaign = await bench.api.create_campaign("Copied")
    action = await bench.api.generate(campaign, bench.plan.rows)
    await bench.api.wait_until_done(action, bench.plan.rows)
    return {
        "codes in random order": await bench.table.dump("random.copy", uuid_of(campaign)),
        "binary file": await bench.table.dump("binary.copy", uuid_of(campaign), format="binary"),
        "codes sorted first": await bench.table.dump("sorted.copy", uuid_of(campaign), order="code"),
    }
