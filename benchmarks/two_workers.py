"""Two imports at once, with the server's one worker and with a second one beside it."""

import asyncio
import contextlib
import statistics
import time
from pathlib import Path

import psutil

from benchmarks.bench import FIRST_NEW_CODE, Bench, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, hold_above, tell
from benchmarks.files import write_csv
from benchmarks.plan import Plan
from benchmarks.server import another_worker, read_cpu_seconds

_WORKERS = (1, 2)


async def measure_two_workers(plan: Plan) -> list[Line]:
    seconds: dict[int, list[float]] = {workers: [] for workers in _WORKERS}
    cpu: dict[int, list[dict[str, float]]] = {workers: [] for workers in _WORKERS}
    async with set_up_bench(plan) as bench:
        uploads = [bench.folder / "first.csv", bench.folder / "second.csv"]
        for number, upload in enumerate(uploads):
            write_csv(upload, make_codes(FIRST_NEW_CODE + number * plan.rows, plan.rows))
        warm_ups = 0 if plan.size == "smoke" else 1
        for number in range(warm_ups + plan.repeat):
            for workers in _WORKERS if number % 2 else reversed(_WORKERS):
                await bench.table.reset()
                spent, used = await _measure_round(bench, uploads, workers, number)
                if number >= warm_ups:
                    seconds[workers].append(spent)
                    cpu[workers].append(used)
    gains = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    one, two = (statistics.median(seconds[workers]) for workers in _WORKERS)
    return [
        hold_above("two workers", gains, unit="x", least=1.0, ours=f"{one:.2f} s -> {two:.2f} s"),
        *(_explain(workers, seconds[workers], cpu[workers]) for workers in _WORKERS),
    ]


async def _measure_round(
    bench: Bench, uploads: list[Path], workers: int, number: int
) -> tuple[float, dict[str, float]]:
    """Seconds until both are done, and CPU seconds by role."""
    rows = bench.plan.rows
    async with contextlib.AsyncExitStack() as stack:
        processes = bench.server.find_processes()
        if workers == 2:
            program = await stack.enter_async_context(another_worker(bench.server))
            processes["worker"].append(psutil.Process(program.pid))
        processes["this client"] = [psutil.Process()]
        campaigns = [await bench.api.create_campaign(f"{place} of {workers}, {number}") for place in "AB"]
        before = read_cpu_seconds(processes)
        start = time.perf_counter()

        async def run(campaign: str, upload: Path) -> float:
            action = await bench.api.import_csv_file(campaign, upload)
            return await bench.api.wait_until_done(action, rows)

        ends = await asyncio.gather(*map(run, campaigns, uploads))
        after = read_cpu_seconds(processes)
        for campaign in campaigns:
            await bench.check_codes(campaign, rows)
    return max(ends) - start, {role: after[role] - before[role] for role in after}


def _explain(workers: int, seconds: list[float], cpu: list[dict[str, float]]) -> Line:
    """Which processes used how much of a core. What limits is one of one process near 1.0, or all of
    them together near the number of cores."""
    shares = {
        role: statistics.median(used[role] / spent for used, spent in zip(cpu, seconds, strict=True))
        for role in cpu[0]
    }
    total = sum(shares.values())
    shown = ", ".join(f"{role} {share:.2f}" for role, share in shares.items() if share >= 0.005)
    text = f"{shown}; together {total:.2f} of {psutil.cpu_count()}"
    return tell(
        f"cores used with {workers} worker{'s' * (workers > 1)}", text, seconds=seconds, cpu_seconds=cpu
    )
