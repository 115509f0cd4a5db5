"""Two imports at once, with the server's one worker and with a second one beside it."""

import asyncio
import contextlib
import dataclasses
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
from benchmarks.waits import WaitWatch

_WORKERS = (1, 2)


@dataclasses.dataclass(frozen=True, slots=True)
class _Round:
    """cpu_seconds: by role. accepted_seconds: until both uploads were. waits: shares of the workers' time."""

    seconds: float
    accepted_seconds: float
    cpu_seconds: dict[str, float]
    waits: dict[str, float]


async def measure_two_workers(plan: Plan) -> list[Line]:
    rounds: dict[int, list[_Round]] = {workers: [] for workers in _WORKERS}
    async with set_up_bench(plan) as bench:
        uploads = [bench.folder / "first.csv", bench.folder / "second.csv"]
        for number, upload in enumerate(uploads):
            write_csv(upload, make_codes(FIRST_NEW_CODE + number * plan.rows, plan.rows))
        warm_ups = 0 if plan.size == "smoke" else 1
        for number in range(warm_ups + plan.repeat):
            for workers in _WORKERS if number % 2 else reversed(_WORKERS):
                await bench.table.reset()
                measured = await _measure_round(bench, uploads, workers, number)
                if number >= warm_ups:
                    rounds[workers].append(measured)
    gains = [one.seconds / two.seconds for one, two in zip(rounds[1], rounds[2], strict=True)]
    one, two = (statistics.median(each.seconds for each in rounds[workers]) for workers in _WORKERS)
    return [
        hold_above("two workers", gains, unit="x", least=1.0, ours=f"{one:.2f} s -> {two:.2f} s"),
        *(line for workers in _WORKERS for line in _explain(workers, rounds[workers])),
    ]


async def _measure_round(bench: Bench, uploads: list[Path], workers: int, number: int) -> _Round:
    rows = bench.plan.rows
    async with contextlib.AsyncExitStack() as stack:
        processes = bench.server.find_processes()
        if workers == 2:
            program = await stack.enter_async_context(another_worker(bench.server))
            processes["worker"].append(psutil.Process(program.pid))
        processes["this client"] = [psutil.Process()]
        campaigns = [await bench.api.create_campaign(f"{place} of {workers}, {number}") for place in "AB"]
        waits = await stack.enter_async_context(
            WaitWatch(bench.server.database_url, application_name="openvoucher worker")
        )
        before = read_cpu_seconds(processes)
        start = time.perf_counter()
        accepted: list[float] = []

        async def run(campaign: str, upload: Path) -> float:
            action = await bench.api.import_csv_file(campaign, upload)
            accepted.append(time.perf_counter())
            return await bench.api.wait_until_done(action, rows)

        ends = await asyncio.gather(*map(run, campaigns, uploads))
        # A second worker's backends have begun since.
        processes["PostgreSQL"] = bench.server.find_processes()["PostgreSQL"]
        after = read_cpu_seconds(processes)
        for campaign in campaigns:
            await bench.check_codes(campaign, rows)
    return _Round(
        max(ends) - start,
        max(accepted) - start,
        {role: after[role] - before[role] for role in after},
        waits.shares,
    )


def _explain(workers: int, rounds: list[_Round]) -> list[Line]:
    """Which processes used how much of a core, and what the workers' connections were seen to do while they
    were in a transaction. What limits is one process near 1.0, all of them together near the number of
    cores, or a wait that two workers have and one has not."""
    shares = {
        role: statistics.median(each.cpu_seconds[role] / each.seconds for each in rounds)
        for role in rounds[0].cpu_seconds
    }
    total = sum(shares.values())
    shown = ", ".join(f"{role} {share:.2f}" for role, share in shares.items() if share >= 0.005)
    text = f"{shown}; together {total:.2f} of {psutil.cpu_count()}"
    spent = {
        name: statistics.median(each.waits.get(name, 0.0) for each in rounds) for name in rounds[0].waits
    }
    seen = ", ".join(f"{name} {share:.0%}" for name, share in spent.items() if share >= 0.01)
    uploads = ", ".join(f"{each.accepted_seconds:.2f} s" for each in rounds)
    name = f"with {workers} worker{'s' * (workers > 1)}"
    raw = [dataclasses.asdict(each) for each in rounds]
    return [
        tell(f"cores used {name}", text, rounds=raw),
        tell(f"uploads accepted {name}", uploads),
        tell(f"workers in a transaction, {name}", seen),
    ]
