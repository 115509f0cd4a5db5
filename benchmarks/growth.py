"""What a row costs by the number of codes that the project has already; the bare COPY's row beside it."""

import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from benchmarks.api import uuid_of
from benchmarks.bench import FIRST_NEW_CODE, Bench, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, hold_below, tell
from benchmarks.files import write_csv
from benchmarks.plan import Plan
from benchmarks.table import LimitFile

# "Flat": the most that a row may cost among the most codes, in units of its cost among the fewest.
_FLAT = 1.5

_SIDES = ("import", "generation", "bare COPY")


async def measure_growth(plan: Plan) -> list[Line]:
    rows = plan.growth_rows
    costs: dict[int, dict[str, list[float]]] = {}
    async with set_up_bench(plan) as bench:
        codes = list(make_codes(FIRST_NEW_CODE, rows))
        upload = bench.folder / "codes.csv"
        write_csv(upload, codes)
        campaign = await bench.api.create_campaign("First")
        await bench.api.wait_until_done(await bench.api.import_csv_file(campaign, upload), rows)
        file = await bench.table.dump("limit.copy", uuid_of(campaign), codes=codes)
        await bench.table.reset()
        present = plan.base_rows
        for size in plan.growth_sizes:
            await _grow(bench, present, size)
            present = max(present, size)
            costs[present] = await _measure_costs(bench, upload, file, uuid_of(campaign))
    return _show(rows, costs)


async def _grow(bench: Bench, present: int, size: int) -> None:
    if size > present:
        base = uuid_of(bench.base_campaign)
        added = bench.table.write_rows("more.copy", base, present, size - present)
        await bench.table.time_copy(added)
        added.path.unlink()
        await bench.table.settle()


async def _measure_costs(
    bench: Bench, upload: Path, file: LimitFile, copied_campaign: UUID
) -> dict[str, list[float]]:
    """Microseconds a row, of each side in turn. What a side added is removed before the next one begins."""
    rows = bench.plan.growth_rows

    async def run(start_action: Callable[[str], Awaitable[str]], name: str) -> float:
        campaign = await bench.api.create_campaign(name)
        start = time.perf_counter()
        end = await bench.api.wait_until_done(await start_action(campaign), rows)
        await bench.check_codes(campaign, rows)
        await bench.table.remove_codes(uuid_of(campaign))
        return (end - start) / rows * 1e6

    async def copy() -> float:
        seconds = await bench.table.time_copy(file)
        await bench.table.remove_codes(copied_campaign)
        return seconds / rows * 1e6

    costs: dict[str, list[float]] = {side: [] for side in _SIDES}
    present = await bench.table.count(uuid_of(bench.base_campaign))
    for number in range(bench.plan.repeat):
        name = f"{present} {number}"
        costs["bare COPY"].append(await copy())
        costs["import"].append(
            await run(lambda campaign: bench.api.import_csv_file(campaign, upload), f"Imported {name}")
        )
        costs["generation"].append(
            await run(lambda campaign: bench.api.generate(campaign, rows), f"Generated {name}")
        )
    return costs


def _show(rows: int, costs: dict[int, dict[str, list[float]]]) -> list[Line]:
    fewest, most = min(costs), max(costs)
    lines = []
    for side in _SIDES:
        middle = statistics.median(costs[fewest][side])
        bends = [cost / middle for cost in costs[most][side]]
        target = None if side == "bare COPY" else _FLAT
        lines.append(
            hold_below(f"growth, {side}", bends, unit="x", most=target, ours=f"{fewest:,} to {most:,} codes")
        )
    for present, sides in costs.items():
        shown = ", ".join(f"{side} {statistics.median(values):.1f}" for side, values in sides.items())
        lines.append(tell(f"us a row among {present:,} codes", shown, present=present, rows=rows, **sides))
    return lines
