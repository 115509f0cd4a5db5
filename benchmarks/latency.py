"""How long a client waits for one voucher while bulk work runs, by the size of portions."""

import asyncio
import dataclasses
import itertools
import statistics
import threading
import time
from collections.abc import Sequence

import httpx

from benchmarks.api import WrongResult, uuid_of
from benchmarks.bench import Bench, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, hold_below, tell
from benchmarks.plan import Plan
from openvoucher.settings import Settings

_JOBS = 3
_THINK_SECONDS = 0.003
_WARM_UP_SECONDS = 0.5
_LOOK_EVERY_SECONDS = 0.1
_MOST = 5.0


async def measure_latency(plan: Plan) -> list[Line]:
    lines = []
    for portion_rows in plan.portion_sizes:
        # The others only show the curve: no target.
        usual = portion_rows == Settings().portion_rows
        rounds: list[tuple[list[float], list[float]]] = []
        async with set_up_bench(plan, OPENVOUCHER_PORTION_ROWS=str(portion_rows)) as bench:
            for _ in range(plan.repeat):
                await bench.table.reset()
                rounds.append(await _measure_round(bench))
        times = [_quantile(busy, 0.99) / _quantile(idle, 0.99) for idle, busy in rounds]
        name = f"latency, portions of {portion_rows:,}"
        lines.append(hold_below(name, times, unit="x", most=_MOST if usual else None, ours="busy / idle p99"))
        for number, sides in enumerate(rounds, 1):
            for state, values in zip(("idle", "busy"), sides, strict=True):
                lines.append(
                    tell(f"round {number}, {state}, ms", _describe(values), milliseconds=_summarize(values))
                )
    return lines


async def _measure_round(bench: Bench) -> tuple[list[float], list[float]]:
    """Milliseconds of the requests of one client, idle and while all three jobs run."""
    plan = bench.plan
    await _ask_for(bench, _WARM_UP_SECONDS)
    idle = [sample.milliseconds for sample in await _ask_for(bench, plan.latency_seconds)]
    campaigns = [await bench.api.create_campaign(f"Large {number}") for number in range(_JOBS)]
    jobs = [uuid_of(await bench.api.generate(campaign, plan.latency_rows)) for campaign in campaigns]
    await bench.table.wait_until_begun(jobs)
    asking = asyncio.create_task(_ask_for(bench, plan.latency_seconds))
    all_ran_until = time.perf_counter()
    while not asking.done():
        looked = time.perf_counter()
        if set(await bench.table.read_statuses(jobs)) == {"IN_PROGRESS"}:
            all_ran_until = looked
        await asyncio.wait([asking], timeout=_LOOK_EVERY_SECONDS)
    busy = [sample.milliseconds for sample in await asking if sample.end <= all_ran_until]
    if len(busy) < 10:
        raise WrongResult("the jobs were over too soon")
    # Nobody waits for the rest of them.
    await bench.table.connection.execute("update job set state = 'failed' where state = 'waiting'")
    return idle, busy


@dataclasses.dataclass(frozen=True, slots=True)
class _Sample:
    end: float
    milliseconds: float


async def _ask_for(bench: Bench, seconds: float) -> list[_Sample]:
    """A thread of its own: what this loop does meanwhile is not to be measured."""
    return await asyncio.to_thread(_ask, bench, seconds)


def _ask(bench: Bench, seconds: float) -> list[_Sample]:
    codes = itertools.cycle(make_codes(0, bench.plan.base_rows))
    samples = []
    pause = threading.Event()
    with httpx.Client(base_url=bench.server.address, headers=bench.api.headers, timeout=60) as http:
        deadline = time.perf_counter() + seconds
        while (start := time.perf_counter()) < deadline:
            code = next(codes)
            answer = http.get(f"/v1/vouchers/{code}")
            end = time.perf_counter()
            if answer.status_code != 200 or answer.json()["code"] != code:
                raise WrongResult(f"GET of {code}: {answer.status_code} {answer.text[:500]}")
            samples.append(_Sample(end, (end - start) * 1_000))
            pause.wait(_THINK_SECONDS)
    return samples


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _summarize(values: Sequence[float]) -> dict[str, float]:
    return {
        "requests": len(values),
        "p50": statistics.median(values),
        "p99": _quantile(values, 0.99),
        "max": max(values),
    }


def _describe(values: Sequence[float]) -> str:
    found = _summarize(values)
    times = ", ".join(f"{name} {found[name]:.2f}" for name in ("p50", "p99", "max"))
    return f"{times} of {found['requests']:,} requests"
