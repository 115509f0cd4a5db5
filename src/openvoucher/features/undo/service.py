"""Undoing: as an async action of its own, a batch of the undone action a portion."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from openvoucher.features.async_actions.schemas import AcceptedAction, RowOutcome, name_key
from openvoucher.features.async_actions.service import find_ended_action, record_portion, start_action
from openvoucher.features.projects.service import get_project
from openvoucher.features.undo import store
from openvoucher.features.vouchers.batches import delete_batch
from openvoucher.features.vouchers.service import deleted_counters, lock_rows
from openvoucher.platform.call import Call
from openvoucher.platform.db import Row
from openvoucher.platform.jobs import PortionResult, Run
from openvoucher.wire.errors import invalid_async_action

JOB_KIND: Final = "undo"

_REASONS: Final = {
    "published": "The voucher was published",
    "redeemed": "The voucher was redeemed",
    "posted": "The balance of the voucher was changed",
}


async def undo_async_action(call: Call, async_action_id: str) -> AcceptedAction:
    """Remove the codes that an ended import or generation made and that nobody has used since.

    Codes that it changed stay as they are now. What was removed is gone for good. Raises not_found,
    invalid_async_action.
    """
    action = await find_ended_action(call, async_action_id)
    kind: str = action["type"]
    made_codes = name_key(kind) == "code" and ("IMPORT" in kind or kind.endswith("_GENERATE"))
    if not made_codes or action["dry_run"]:
        what = "A dry run" if action["dry_run"] else f"An async action of type {kind}"
        raise invalid_async_action(f"{what} made no codes that could be removed.")
    async with call.db.transaction() as connection:
        # What it made, not what is left of that: counting a million codes would keep the caller waiting.
        made = await store.list_batches(connection, call.project.id, action["id"])
        total = sum(last.int - first.int + 1 for first, last in made)
        return await start_action(
            connection,
            call,
            type="VOUCHERS.UNDO",
            job_kind=JOB_KIND,
            lane="turns",
            payload={"action_id": action["id"].hex},
            total=total,
            undoes=action["id"],
        )


async def undo_portion(run: Run) -> PortionResult:
    """Remove what is left of one batch. A second run after a crash finds nothing of the first."""
    connection, project_id = run.connection, run.job.project_id
    action_id = UUID(hex=run.job.payload["action_id"])
    batch = await store.find_batch(connection, project_id, action_id, number=run.job.position)
    if batch is None:
        await record_portion(run, done=0, finished=True)
        return PortionResult(run.job.position, True)
    await store.lock_made(connection, project_id, *batch)
    made = await store.list_made(connection, project_id, *batch)
    kept = [row for row in made if row["use"] is not None]
    removed = [row for row in made if row["use"] is None]
    told = await store.count_told(connection, project_id, run.job.id)
    await record_portion(
        run,
        done=len(removed),
        failed=[
            RowOutcome(number, row["code"], _REASONS[row["use"]]) for number, row in enumerate(kept, told + 1)
        ],
        finished=False,
    )
    if removed:
        await _remove(run, removed)
    return PortionResult(run.job.position + 1, False)


async def _remove(run: Run, removed: Sequence[Row]) -> None:
    connection, project_id = run.connection, run.job.project_id
    ids = [row["id"] for row in removed]
    counters: dict[str, int] = {}
    # Those that can be seen, with their terms: the campaign's summary says what was on deleted cards.
    for voucher in (await lock_rows(connection, project_id, ids)).values():
        for name, amount in deleted_counters(voucher).items():
            counters[name] = counters.get(name, 0) + amount
    project = await get_project(connection, project_id)
    seen = [row for row in removed if row["deleted_at"] is None]
    await delete_batch(
        connection,
        project_id,
        removed[0]["campaign_id"],
        ids,
        seen=len(seen),
        bound=sum(row["revision"] is not None for row in seen),
        counters=counters,
        day=run.now.astimezone(project.timezone).date(),
    )
