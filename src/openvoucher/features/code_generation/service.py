"""Generation: started by campaigns, done portion by portion."""

import asyncio
import os
from collections.abc import Iterable
from math import gcd
from typing import Any, Final
from uuid import UUID

from openvoucher.engine.codes import (
    CodePattern,
    draw_codes,
    draw_codes_of_part,
    draw_missing,
    make_code_pattern,
    matches,
)
from openvoucher.features.async_actions.schemas import AcceptedAction
from openvoucher.features.async_actions.service import fail_action, record_portion, start_action
from openvoucher.features.code_generation import store
from openvoucher.features.projects.service import get_project
from openvoucher.features.vouchers import batches
from openvoucher.features.vouchers.service import Campaign, created_counters, load_campaign
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run
from openvoucher.wire.errors import invalid_code_config

JOB_KIND: Final = "code_generation"

# Up to this many possible codes those in use are counted, and drawn around.
_SMALL_SPACE: Final = 100_000
# With at least so many possible codes for each that is asked for, those drawn are tried without a look-up.
_SPARSE: Final = 100
# Times a portion is drawn again because others took some of its codes meanwhile.
_REDRAWS: Final = 10


async def check_capacity(connection: Connection, project_id: int, pattern: CodePattern, count: int) -> None:
    """Raises invalid_code_config, with the number that is possible, if the pattern has too few codes left.

    In a large space the codes in use are not counted: it must only be larger than `count`.
    """
    possible = pattern.capacity
    if count <= possible <= _SMALL_SPACE:
        codes = await batches.list_codes_like(connection, project_id, pattern)
        possible -= sum(matches(pattern, code) for code in codes)
    if count > possible:
        raise invalid_code_config(
            f"Not possible to generate requested number of codes. {possible} are possible."
        )


async def start_generation(
    connection: Connection,
    call: Call,
    campaign_id: UUID,
    *,
    count: int,
    code_config: dict[str, Any],
    own: dict[str, Any] | None,
    own_revision: int,
) -> AcceptedAction:
    """In the caller's transaction. `own`: what these codes override, set at `own_revision`."""
    await store.begin_generation(connection, call.project.id, campaign_id)
    return await start_action(
        connection,
        call,
        type="CAMPAIGN.VOUCHERS_GENERATE",
        job_kind=JOB_KIND,
        lane="turns",
        payload={
            "campaign_id": campaign_id.hex,
            "count": count,
            "code_config": code_config,
            "own": own,
            "own_revision": own_revision,
            "seed": int.from_bytes(os.urandom(6)),
        },
        total=count,
    )


async def generate_portion(run: Run) -> PortionResult:
    """Make the next codes. A second run after a crash starts where the last commit ended."""
    payload = run.job.payload
    campaign = await _find_campaign(run)
    project = await get_project(run.connection, run.job.project_id)
    pattern = _read_pattern(payload["code_config"])
    wanted = min(run.settings.portion_rows, payload["count"] - run.job.position)
    made = await _insert_free_codes(run, campaign, pattern, wanted)
    if not made and wanted:
        raise PermanentFailure("Not possible to generate requested number of codes.")
    position = run.job.position + made
    finished = position >= payload["count"]
    await record_portion(run, done=made, finished=finished)
    counted = await batches.count_batch(
        run.connection,
        run.job.project_id,
        campaign,
        added=made,
        counters=created_counters(campaign, payload["own"], made),
        day=run.now.astimezone(project.timezone).date(),
    )
    if not counted:
        raise PermanentFailure("The campaign was deleted.")
    if finished:
        await store.end_generation(run.connection, run.job.project_id, campaign.id, failed=False)
    return PortionResult(position, finished)


async def abandon_generation(run: Run, reason: str) -> None:
    """Codes that were made stay; the action says why there are not more."""
    await store.end_generation(
        run.connection, run.job.project_id, UUID(hex=run.job.payload["campaign_id"]), failed=True
    )
    await fail_action(run, reason)


async def _find_campaign(run: Run) -> Campaign:
    campaign_id = UUID(hex=run.job.payload["campaign_id"])
    campaign = await load_campaign(run.connection, run.job.project_id, campaign_id)
    if campaign is None:
        raise PermanentFailure("The campaign was deleted.")
    return campaign


def _read_pattern(code_config: dict[str, Any]) -> CodePattern:
    return make_code_pattern(
        length=None,
        charset=code_config["charset"],
        pattern=code_config["pattern"],
        prefix=code_config.get("prefix"),
        postfix=code_config.get("postfix"),
    )


async def _insert_free_codes(run: Run, campaign: Campaign, pattern: CodePattern, count: int) -> int:
    """Insert up to `count` codes that nobody has; fewer only when most of those drawn were taken."""
    batch = await run.ahead.take(run.job.id, run.job.position)
    if batch is None and _is_sparse(run, pattern):
        batch = await _draw_batch(run, campaign, pattern, run.job.position, count)
    following = run.job.position + count
    left = min(run.settings.portion_rows, run.job.payload["count"] - following)
    if left > 0 and _is_sparse(run, pattern):
        run.ahead.start(run.job.id, following, _draw_batch(run, campaign, pattern, following, left))
    for _ in range(_REDRAWS):
        if batch is None:
            codes = await _draw_free_codes(run, pattern, count)
            if not codes:
                return 0
            batch = _make_batch(run, campaign, codes)
        if await batches.insert_batch(run.connection, run.job.project_id, batch, action_id=run.job.id):
            return len(batch.vouchers)
        batch = None
    raise RuntimeError("others keep taking the codes of this pattern")


def _is_sparse(run: Run, pattern: CodePattern) -> bool:
    """So few of the possible codes are in use that looking for those drawn would find nothing: if one
    is taken after all, the index tells."""
    return bool(pattern.capacity >= _SPARSE * run.job.payload["count"])


async def _draw_batch(
    run: Run, campaign: Campaign, pattern: CodePattern, position: int, count: int
) -> batches.Batch:
    """A portion's codes, drawn without a look-up. Gives way while it works."""
    whole: int = run.job.payload["count"]
    part = _choose_part(run, position, count)
    codes = set(draw_codes_of_part(pattern, part, whole, os.urandom))
    while len(codes) < count:
        codes |= set(draw_codes(pattern, count - len(codes), os.urandom))
    await asyncio.sleep(0)
    return _make_batch(run, campaign, codes)


def _make_batch(run: Run, campaign: Campaign, codes: Iterable[str]) -> batches.Batch:
    own = run.job.payload["own"]
    return batches.make_batch(
        run.job.project_id,
        campaign,
        [batches.NewVoucher(code, campaign.voucher_type, own) for code in codes],
        now=run.now,
        own_revision=run.job.payload["own_revision"],
    )


def _choose_part(run: Run, position: int, count: int) -> range:
    """Which part of the space this portion draws from. The parts come in an order of the job's own, so
    that the time at which a code was made says little of how it begins."""
    size = run.settings.portion_rows
    parts, number = run.job.payload["count"] // size, position // size
    if number >= parts:
        return range(position, position + count)
    stride = run.job.payload.get("seed", 0) % parts
    while gcd(stride, parts) != 1:
        stride += 1
    start = number * stride % parts * size
    return range(start, start + count)


async def _draw_free_codes(run: Run, pattern: CodePattern, count: int) -> list[str]:
    project_id = run.job.project_id
    free: set[str] = set()
    for _ in range(_REDRAWS):
        drawn = set(draw_codes(pattern, count - len(free), os.urandom)) - free
        free |= drawn - (await batches.find_taken_codes(run.connection, project_id, sorted(drawn))).keys()
        if len(free) == count:
            return list(free)
    if pattern.capacity <= _SMALL_SPACE:
        # Nearly used up: what is left is listed. Not before, since that costs a walk over all codes.
        taken = await batches.list_codes_like(run.connection, project_id, pattern)
        return draw_missing(pattern, taken, count, os.urandom)
    return list(free)
