"""Exports: asked for, listed, deleted, and their files downloaded."""

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from openvoucher.features.exports import store
from openvoucher.features.exports.columns import Surroundings, exportables
from openvoucher.features.exports.schemas import (
    Export,
    ExportCreate,
    ExportList,
    ExportListQuery,
    ExportParameters,
    ExportQuery,
    ParametersBody,
    show_export,
)
from openvoucher.features.exports.selection import Selection, choose_fields, read_filters, read_order
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Database, Row
from openvoucher.platform.db.conditions import Params
from openvoucher.platform.http.operations import Answer
from openvoucher.platform.jobs import enqueue_job
from openvoucher.wire.errors import not_found, unauthorized
from openvoucher.wire.ids import new_id, parse_id

JOB_KIND: Final = "export"


# --- for callers -----------------------------------------------------------------------------------


async def create_export(call: Call, body: ExportCreate) -> Export:
    """The file is written in the background; its link is in the export when that is done."""
    async with call.db.transaction() as connection:
        return await start_export(connection, call, body.exported_object, body.parameters)


async def export_orders(call: Call, body: ParametersBody) -> Export:
    async with call.db.transaction() as connection:
        return await start_export(connection, call, "order", body.parameters)


async def list_exports(call: Call, query: ExportListQuery) -> ExportList:
    offset = query.offset()
    async with call.db.connection() as connection:
        rows = await store.list_exports(
            connection, call.project.id, order=query.order, limit=query.limit, offset=offset
        )
        total = await store.count_exports(connection, call.project.id)
    return ExportList(exports=[show_export(row, call.base_url) for row in rows], total=total)


async def get_export(call: Call | Database, export_id: str, query: ExportQuery) -> Export | Answer:
    """With the `token` of its link: the file itself, as CSV, for whoever has the link."""
    if isinstance(call, Database):
        return await _download(call, export_id, query.token)
    parsed = parse_id("exp", export_id)
    async with call.db.connection() as connection:
        row = parsed and await store.find_export(connection, call.project.id, parsed)
    if not row:
        raise not_found("export", export_id)
    return show_export(row, call.base_url)


async def delete_export(call: Call, export_id: str) -> None:
    """Its file goes with it; one that is still being written is given up."""
    parsed = parse_id("exp", export_id)
    async with call.db.connection() as connection:
        if not parsed or not await store.delete_export(connection, call.project.id, parsed):
            raise not_found("export", export_id)


# --- for other features ------------------------------------------------------------------------------


async def start_export(
    connection: Connection,
    call: Call,
    exported_object: str,
    parameters: ExportParameters | None,
    *,
    default_fields: Sequence[str] | None = None,
) -> Export:
    """Write export and job in the caller's transaction.

    default_fields: what stands in the file if no fields are named; None: what is usual for the object.
    Raises invalid_export_fields, and invalid_payload for an order or filters that there are not.
    """
    parameters = parameters or ExportParameters()
    exportable = exportables[exported_object]
    project_id = call.project.id
    fields = await choose_fields(
        connection, project_id, exportable, _given(parameters.fields) or default_fields
    )
    selection = Selection(
        exportable=exportable,
        fields=fields,
        order=read_order(exportable, _given(parameters.order)),
        filters=await read_filters(connection, project_id, exportable, _given(parameters.filters)),
        campaign_id=_given(parameters.campaign_id),
        created_at=call.now,
        surroundings=Surroundings(call.project, call.base_url),
        major_units=call.settings.csv_money_in_major_units,
    )
    # Refuses what the worker could not do.
    selection.compile_rows(Params(project_id))
    row = await _insert(connection, call, exported_object, parameters)
    await enqueue_job(
        connection,
        project_id=project_id,
        job_id=row["id"],
        kind=JOB_KIND,
        lane="turns",
        payload={"fields": fields, "order": selection.order, "base_url": call.base_url},
        now=call.now,
    )
    return show_export(row, call.base_url)


def _given(value: Any) -> Any:
    return None if value is UNSET else value


async def _insert(
    connection: Connection, call: Call, exported_object: str, parameters: ExportParameters
) -> Row:
    return await store.insert_export(
        connection,
        {
            "project_id": call.project.id,
            "id": new_id(),
            "exported_object": exported_object,
            "parameters": msgspec.to_builtins(parameters),
            "channel": call.channel,
            "status": "SCHEDULED",
            "token": secrets.token_urlsafe(32),
            "created_at": call.now,
            "updated_at": call.now,
        },
    )


# --- files -------------------------------------------------------------------------------------------


async def _download(db: Database, export_id: str, token: str) -> Answer:
    parsed = parse_id("exp", export_id)
    async with db.connection() as connection:
        file = parsed and await store.find_file(connection, parsed, token)
    if not file:
        raise unauthorized()
    return Answer(
        _read_file(db, file),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{export_id}.csv"',
            # Codes and people, at an address that nothing but its secret protects.
            "Cache-Control": "no-store",
            # Whoever gets less knows that it is not all.
            "Content-Length": str(file["size"]),
        },
    )


async def _read_file(db: Database, file: Row) -> AsyncIterator[bytes]:
    for portion in range(file["portions"]):
        # A connection for each portion: a reader that is slow, or away, holds none.
        async with db.connection() as connection:
            data = await store.find_portion(connection, file["project_id"], file["id"], portion)
        if data is None:
            raise LookupError("the export was deleted while its file was being read")
        yield data
