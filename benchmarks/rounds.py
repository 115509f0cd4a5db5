"""Two sides, measured in turns."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.table import LimitFile


async def alternate(
    bench: Bench, file: LimitFile, measure_ours: Callable[[int], Awaitable[float]]
) -> tuple[list[float], list[float]]:
    """Seconds of (ours, the bare COPY of the file), round by round; who begins changes from round to round.

    `measure_ours` is given the number of the round; it checks its result itself.
    """
    ours: list[float] = []
    limit: list[float] = []
    for number in range(bench.plan.repeat):
        for ours_now in (True, False) if number % 2 else (False, True):
            await bench.table.reset()
            if ours_now:
                ours.append(await measure_ours(number))
            else:
                limit.append(await bench.table.time_copy(file))
    return ours, limit
