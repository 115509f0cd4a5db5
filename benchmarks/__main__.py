"""`python -m benchmarks [subject …]`."""

import argparse
import asyncio
import dataclasses
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.api import WrongResult
from benchmarks.deletion import measure_deletion
from benchmarks.fairness import measure_fairness
from benchmarks.figures import Line, as_builtins, show_table
from benchmarks.generation import measure_generation
from benchmarks.growth import measure_growth
from benchmarks.imports import measure_csv_import, measure_json_import, measure_wide_csv_import
from benchmarks.latency import measure_latency
from benchmarks.limit import measure_limit
from benchmarks.machine import describe_machine, read_load
from benchmarks.memory import measure_memory
from benchmarks.plan import FULL, REDUCED, SMOKE, Plan
from benchmarks.server import ProgramFailed
from benchmarks.table_costs import measure_table_costs
from benchmarks.two_workers import measure_two_workers

SUBJECTS: Final[dict[str, Callable[[Plan], Awaitable[list[Line]]]]] = {
    "limit": measure_limit,
    "table-costs": measure_table_costs,
    "csv-import": measure_csv_import,
    "wide-csv-import": measure_wide_csv_import,
    "json-import": measure_json_import,
    "generation": measure_generation,
    "deletion": measure_deletion,
    "growth": measure_growth,
    "memory": measure_memory,
    "two-workers": measure_two_workers,
    "fairness": measure_fairness,
    "latency": measure_latency,
}


def main() -> int:
    arguments = _read_arguments()
    plan: Plan = SMOKE if arguments.smoke else FULL if arguments.full else REDUCED
    if arguments.repeat is not None:
        plan = dataclasses.replace(plan, repeat=arguments.repeat)
    report: dict[str, Any] = {**describe_machine(), "size": plan.size, "load at start": read_load()}
    lines: list[Line] = []
    failed: dict[str, str] = {}
    for name in arguments.subjects or SUBJECTS:
        start = time.monotonic()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                lines += runner.run(_measure(name, plan))
        except (WrongResult, ProgramFailed) as error:
            failed[name] = str(error)
        except Exception:
            # The others have taken long, and are worth showing.
            failed[name] = traceback.format_exc()
        _tell_progress(f"{name}: {'FAILED, ' if name in failed else ''}{time.monotonic() - start:.0f} s")
    report["load at end"] = read_load()
    print()
    for name, value in report.items():
        print(f"{name}: {value}")
    print(f"repeats: {plan.repeat}\n")
    print(show_table(lines, judge=plan.size != "smoke"))
    for name, why in failed.items():
        print(f"\n{name} FAILED: {why}")
    if arguments.json:
        report |= {
            "plan": dataclasses.asdict(plan),
            "failed": failed,
            "lines": [as_builtins(line) for line in lines],
        }
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


async def _measure(name: str, plan: Plan) -> list[Line]:
    return await SUBJECTS[name](plan)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast bulk work is.")
    parser.add_argument(
        "subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; all of them"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="the sizes that the targets name: hours")
    size.add_argument("--smoke", action="store_true", help="only see that it runs; the figures mean nothing")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds; the median of them is shown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.subjects if name not in SUBJECTS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    if arguments.repeat is not None and arguments.repeat < 1:
        parser.error("--repeat is at least 1")
    return arguments


def _tell_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
