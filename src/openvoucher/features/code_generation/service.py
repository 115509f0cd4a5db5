"""Generation: started by campaigns, done portion by portion."""

import os
from typing import Any, Final
from uuid import UUID

from openvoucher.engine.codes import (
    CodePattern,
    draw_codes,
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
    vouchers = await _insert_free_codes(run, campaign, pattern, wanted, payload["own"])
    made = len(vouchers)
    if not vouchers and wanted:
        raise PermanentFailure("Not possible to generate requested number of codes.")
    position = run.job.position + made
    finished = position >= payload["count"]
    await record_portion(run, done=made, finished=finished)
    counted = await batches.count_batch(
        run.connection,
        run.job.project_id,
        campaign,
        vouchers,
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


async def _insert_free_codes(
    run: Run, campaign: Campaign, pattern: CodePattern, count: int, own: dict[str, Any] | None
) -> list[batches.NewVoucher]:
    """Insert up to `count` codes that nobody has; fewer only when most of those drawn were taken."""
    for _ in range(_REDRAWS):
        codes = await _draw_free_codes(run, pattern, count)
        vouchers = [batches.NewVoucher(code, campaign.voucher_type, own, active=True) for code in codes]
        inserted = await batches.insert_batch(
            run.connection,
            run.job.project_id,
            campaign,
            vouchers,
            now=run.now,
            own_revision=run.job.payload["own_revision"],
        )
        if inserted:
            return vouchers
    raise RuntimeError("others keep taking the codes of this pattern")


async def _draw_free_codes(run: Run, pattern: CodePattern, count: int) -> list[str]:
    project_id = run.job.project_id
    free: set[str] = set()
    for _ in range(_REDRAWS):
        drawn = set(draw_codes(pattern, count - len(free), os.urandom)) - free
        free |= drawn - (await batches.find_taken_codes(run.connection, project_id, list(drawn))).keys()
        if len(free) == count:
            return list(free)
    if pattern.capacity <= _SMALL_SPACE:
        # Nearly used up: what is left is listed. Not before, since that costs a walk over all codes.
        taken = await batches.list_codes_like(run.connection, project_id, pattern)
        return draw_missing(pattern, taken, count, os.urandom)
    return list(free)
