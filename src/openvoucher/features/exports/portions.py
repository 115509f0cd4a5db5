"""Writes the file of an export, a portion at a time.

All rows in the order of their ids are walked: each portion goes on behind the last row of the one before it.
With filters, and for every other order, the rows are found and sorted once, in the first portion, and their
keys kept; so a row that changes its place meanwhile is neither twice in the file nor missing.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from openvoucher.features.exports import store
from openvoucher.features.exports.columns import Cell, Surroundings, exportables
from openvoucher.features.exports.selection import Selection, read_filters
from openvoucher.features.projects.service import get_project
from openvoucher.platform.db import Row
from openvoucher.platform.db.conditions import Params
from openvoucher.platform.jobs import PermanentFailure, PortionResult, Run, change_payload
from openvoucher.wire.errors import ApiError

# A portion that is as long as this ends, however few rows it has: rows can be large.
MOST_CHARACTERS: Final = 8 * 1024 * 1024
_MOST_SECONDS: Final = 600


async def write_portion(run: Run) -> PortionResult:
    """The job's position is the number of portions written."""
    project_id, export_id = run.job.project_id, run.job.id
    export = await store.lock_export(run.connection, project_id, export_id)
    if export is None:
        # Deleted by whoever asked for it.
        return PortionResult(run.job.position, True)
    await store.lift_time_limit(run.connection, seconds=_MOST_SECONDS)
    selection = await _read_selection(run, export)
    text = _PortionText(selection)
    if run.job.position == 0:
        text.add_titles()
        if not selection.walks:
            await _sort_rows(run, selection)
    done = await (_walk(run, selection, text) if selection.walks else _read_list(run, selection, text))
    if data := text.encode():
        await store.insert_portion(run.connection, project_id, export_id, run.job.position, data)
    await store.add_progress(run.connection, project_id, export_id, rows=text.rows, done=done, now=run.now)
    return PortionResult(run.job.position + bool(data), done)


async def abandon_export(run: Run, reason: str) -> None:
    await store.fail_export(run.connection, run.job.project_id, run.job.id, error=reason, now=run.now)


async def _read_selection(run: Run, export: Row) -> Selection:
    exportable = exportables.get(export["exported_object"])
    if exportable is None:
        raise PermanentFailure(f"This worker cannot export {export['exported_object']}.")
    payload = run.job.payload
    project = await get_project(run.connection, run.job.project_id)
    sent: dict[str, Any] = export["parameters"]
    try:
        filters = await read_filters(run.connection, run.job.project_id, exportable, sent.get("filters"))
    except ApiError as error:
        # They could be read when it was asked for.
        raise PermanentFailure(str(error)) from None
    return Selection(
        exportable=exportable,
        fields=payload["fields"],
        order=payload["order"],
        filters=filters,
        campaign_id=sent.get("campaign_id"),
        created_at=export["created_at"],
        surroundings=Surroundings(project, payload["base_url"]),
        major_units=run.settings.csv_money_in_major_units,
    )


async def _walk(run: Run, selection: Selection, text: "_PortionText") -> bool:
    """Write the rows behind the last one; whether there are no more."""
    after = run.job.payload.get("after")
    params = Params(run.job.project_id)
    source = selection.compile_rows(params)
    values, cells = selection.compile_values(params)
    limit = run.settings.portion_rows
    await store.plan_anew(run.connection)
    last: tuple[UUID, int] | None = None
    async for rows in store.walk_rows(
        run.connection,
        values=values,
        source=source,
        key=selection.key,
        order=selection.compile_order(),
        descends=selection.descends,
        after=(UUID(hex=after[0]), after[1]) if after else None,
        parameters=params.values,
        limit=limit,
    ):
        text.add_rows(rows, cells)
        last = (rows[-1][0], rows[-1][1])
        if text.is_full:
            break
    if last is not None:
        # In the transaction of the portion, as all of the cursor.
        await change_payload(run.connection, run.job, {"after": [last[0].hex, last[1]]})
    return not text.is_full and text.rows < limit


async def _sort_rows(run: Run, selection: Selection) -> None:
    params = Params(run.job.project_id)
    await store.list_keys(
        run.connection,
        run.job.project_id,
        run.job.id,
        source=selection.compile_rows(params),
        key=selection.key,
        order=selection.compile_order(),
        parameters=params.values,
        rows=run.settings.portion_rows,
    )


async def _read_list(run: Run, selection: Selection, text: "_PortionText") -> bool:
    """Write the rows of the first list that is left; whether there are no more."""
    project_id, export_id = run.job.project_id, run.job.id
    found = await store.find_list(run.connection, project_id, export_id)
    if found is None:
        return True
    number, keys = found
    params = Params(project_id)
    values, cells = selection.compile_values(params)
    taken = 0
    async for looked_for, rows in store.read_listed_rows(
        run.connection,
        keys,
        values=values,
        source=selection.exportable.source,
        key=selection.key,
        parameters=params.values,
    ):
        text.add_rows(rows, cells)
        taken += looked_for
        if text.is_full:
            break
    await store.cut_list(run.connection, project_id, export_id, number, rows=taken)
    return not await store.has_list(run.connection, project_id, export_id)


class _PortionText:
    """The lines of a portion as they come together."""

    def __init__(self, selection: Selection) -> None:
        self.rows = 0
        self._selection = selection
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer, lineterminator="\n")

    @property
    def is_full(self) -> bool:
        return self._buffer.tell() >= MOST_CHARACTERS

    def add_titles(self) -> None:
        self._writer.writerow(self._selection.titles)

    def add_rows(self, rows: Sequence[Row], cells: Sequence[Cell]) -> None:
        self._writer.writerows(self._selection.show_row(row, cells) for row in rows)
        self.rows += len(rows)

    def encode(self) -> bytes:
        return self._buffer.getvalue().encode()
