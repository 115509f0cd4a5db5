"""What a row costs PostgreSQL: its indexes, a foreign key, the order of the codes, commits, log written.

All of it bare COPY, by the server itself; no code of ours runs.
"""

from pathlib import Path
from typing import Final

from benchmarks.api import uuid_of
from benchmarks.bench import Bench, set_up_bench
from benchmarks.figures import Line, show_copies
from benchmarks.plan import Plan
from benchmarks.table import LimitFile

# What is changed for a measurement, and how it is put back.
_CHANGES: Final = {
    "table as it is": ("select 1", "select 1"),
    "no index of codes": (
        "drop index voucher_code_is_unique",
        "create unique index voucher_code_is_unique on voucher (project_id, code)",
    ),
    "no index of campaigns": (
        "drop index voucher_by_campaign",
        "create index voucher_by_campaign on voucher (project_id, campaign_id, id)"
        " where campaign_id is not null",
    ),
    "a foreign key to the project": (
        "alter table voucher add constraint costly foreign key (project_id) references project (id)",
        "alter table voucher drop constraint costly",
    ),
}
_PORTIONS: Final = (1_000, 5_000, 20_000)


async def measure_table_costs(plan: Plan) -> list[Line]:
    async with set_up_bench(plan) as bench:
        campaign = await bench.api.create_campaign("Copied")
        action = await bench.api.generate(campaign, plan.rows)
        await bench.api.wait_until_done(action, plan.rows)
        random = await bench.table.dump("random.copy", uuid_of(campaign))
        in_order = await bench.table.dump("sorted.copy", uuid_of(campaign), order="code")
        seconds: dict[str, list[float]] = {}
        log_bytes: dict[str, float] = {}
        for _ in range(plan.repeat):
            for name, (change, put_back) in _CHANGES.items():
                await bench.table.connection.execute(change)
                await _measure(bench, name, [random], seconds, log_bytes)
                await bench.table.connection.execute(put_back)
            await _measure(bench, "sorted", [in_order], seconds, log_bytes)
            for size in _PORTIONS:
                if size < plan.rows:
                    parts = _cut(in_order, size)
                    await _measure(bench, f"sorted, portions of {size:,}", parts, seconds, log_bytes)
                    parts = _cut(random, size)
                    await _measure(bench, f"random, portions of {size:,}", parts, seconds, log_bytes)
    return [
        show_copies(f"COPY, {name}, {log_bytes[name] / plan.rows:.0f} B of log a row", plan.rows, values)
        for name, values in seconds.items()
    ]


async def _measure(
    bench: Bench,
    name: str,
    files: list[LimitFile],
    seconds: dict[str, list[float]],
    log_bytes: dict[str, float],
) -> None:
    await bench.table.reset()
    before = await bench.table.read_log_bytes()
    seconds.setdefault(name, []).append(sum([await bench.table.time_copy(file) for file in files]))
    log_bytes[name] = await bench.table.read_log_bytes() - before


def _cut(file: LimitFile, size: int) -> list[LimitFile]:
    """The same rows in several files, a transaction each."""
    lines = file.path.read_bytes().splitlines(keepends=True)
    parts = []
    for start in range(0, len(lines), size):
        path = Path(f"{file.path}.{size}.{start}")
        if not path.exists():
            path.write_bytes(b"".join(lines[start : start + size]))
            path.chmod(0o644)
        parts.append(LimitFile(path, file.columns, len(lines[start : start + size])))
    return parts
