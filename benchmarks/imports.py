"""Imports over HTTP: from the first byte sent to the async action's DONE."""

import time

from benchmarks.api import uuid_of
from benchmarks.bench import FIRST_NEW_CODE, set_up_bench
from benchmarks.codes import make_codes
from benchmarks.figures import Line, compare, tell
from benchmarks.files import make_json, write_csv
from benchmarks.plan import Plan
from benchmarks.rounds import alternate


async def measure_csv_import(plan: Plan) -> list[Line]:
    return await _measure_csv(plan, "CSV import", wide=False, least=0.5)


async def measure_wide_csv_import(plan: Plan) -> list[Line]:
    """Not promised: six columns instead of one, with dates and metadata in what is stored."""
    return await _measure_csv(plan, "CSV import, 6 columns", wide=True, least=None)


async def _measure_csv(plan: Plan, subject: str, *, wide: bool, least: float | None) -> list[Line]:
    codes = list(make_codes(FIRST_NEW_CODE, plan.rows))
    accepted: list[float] = []
    async with set_up_bench(plan) as bench:
        upload = bench.folder / "codes.csv"
        write_csv(upload, codes, wide=wide)

        async def measure(number: int) -> float:
            campaign = await bench.api.create_campaign(f"Imported {number}")
            start = time.perf_counter()
            action = await bench.api.import_csv_file(campaign, upload)
            accepted.append(time.perf_counter() - start)
            end = await bench.api.wait_until_done(action, plan.rows)
            await bench.check_codes(campaign, plan.rows)
            return end - start

        # The first time, which does not count, makes the rows that the other side copies.
        campaign = await bench.api.create_campaign("First")
        await bench.api.wait_until_done(await bench.api.import_csv_file(campaign, upload), plan.rows)
        file = await bench.table.dump("limit.copy", uuid_of(campaign), codes=codes)
        ours, limit = await alternate(bench, file, measure)
    upload_seconds = ", ".join(f"{seconds:.2f} s" for seconds in accepted)
    return [
        compare(subject, plan.rows, ours=ours, limit=limit, least=least),
        tell("of that until the upload was accepted", upload_seconds, accepted_seconds=accepted),
    ]


async def measure_json_import(plan: Plan) -> list[Line]:
    rows = plan.json_rows
    codes = list(make_codes(FIRST_NEW_CODE, rows))
    body = make_json(codes)
    accepted: list[float] = []
    async with set_up_bench(plan) as bench:

        async def measure(number: int) -> float:
            campaign = await bench.api.create_campaign(f"Imported {number}")
            start = time.perf_counter()
            action = await bench.api.import_json(campaign, body)
            accepted.append(time.perf_counter() - start)
            end = await bench.api.wait_until_done(action, rows)
            await bench.check_codes(campaign, rows)
            return end - start

        campaign = await bench.api.create_campaign("First")
        await bench.api.wait_until_done(await bench.api.import_json(campaign, body), rows)
        file = await bench.table.dump("limit.copy", uuid_of(campaign), codes=codes)
        ours, limit = await alternate(bench, file, measure)
    accepted_seconds = ", ".join(f"{seconds:.2f} s" for seconds in accepted)
    return [
        compare("JSON import", rows, ours=ours, limit=limit, least=0.4),
        tell("of that until the body was accepted", accepted_seconds, accepted_seconds=accepted),
    ]
