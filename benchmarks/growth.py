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

# By what is measured, by side.
_Measured = dict[str, list[float]]


async def measure_growth(plan: Plan) -> list[Line]:
    rows = plan.growth_rows
    costs: dict[int, _Measured] = {}
    log_bytes: dict[int, _Measured] = {}
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
            costs[present], log_bytes[present] = await _measure_costs(bench, upload, file, uuid_of(campaign))
    return _show(rows, costs, log_bytes)


async def _grow(bench: Bench, present: int, size: int) -> None:
    if size > present:
        base = uuid_of(bench.base_campaign)
        added = bench.table.write_rows("more.copy", base, present, size - present)
        await bench.table.time_copy(added)
        added.path.unlink()
        await bench.table.settle()


async def _measure_costs(
    bench: Bench, upload: Path, file: LimitFile, copied_campaign: UUID
) -> tuple[_Measured, _Measured]:
    """Microseconds, and bytes of write-ahead log, a row, of each side in turn. What a side added is removed
    before the next one begins."""
    rows = bench.plan.growth_rows

    costs: _Measured = {side: [] for side in _SIDES}
    log_bytes: _Measured = {side: [] for side in _SIDES}

    async def note(side: str, start: float, end: float, logged_before: float) -> None:
        costs[side].append((end - start) / rows * 1e6)
        log_bytes[side].append((await bench.table.read_log_bytes() - logged_before) / rows)

    async def run(side: str, start_action: Callable[[str], Awaitable[str]], name: str) -> None:
        campaign = await bench.api.create_campaign(name)
        logged = await bench.table.read_log_bytes()
        start = time.perf_counter()
        end = await bench.api.wait_until_done(await start_action(campaign), rows)
        await note(side, start, end, logged)
        await bench.check_codes(campaign, rows)
        await bench.table.remove_codes(uuid_of(campaign))

    async def copy() -> None:
        logged = await bench.table.read_log_bytes()
        seconds = await bench.table.time_copy(file)
        await note("bare COPY", 0.0, seconds, logged)
        await bench.table.remove_codes(copied_campaign)

    present = await bench.table.count(uuid_of(bench.base_campaign))
    for number in range(bench.plan.repeat):
        name = f"{present} {number}"
        await copy()
        await run("import", lambda campaign: bench.api.import_csv_file(campaign, upload), f"Imported {name}")
        await run("generation", lambda campaign: bench.api.generate(campaign, rows), f"Generated {name}")
    return costs, log_bytes


def _show(rows: int, costs: dict[int, _Measured], log_bytes: dict[int, _Measured]) -> list[Line]:
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
        logged = log_bytes[present]
        shown = ", ".join(f"{side} {statistics.median(values):,.0f}" for side, values in logged.items())
        lines.append(tell(f"bytes of log a row among {present:,} codes", shown, present=present, **logged))
    return lines
