"""The bin: filled by the features, listed and emptied by callers."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from openvoucher.features.trash_bin import store
from openvoucher.features.trash_bin.schemas import PREFIXES, BinEntry, BinList, BinQuery, show_bin_entry
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.platform.db.conditions import Column, Params, compile_filters
from openvoucher.wire.errors import invalid_query_params, not_found
from openvoucher.wire.filters import parse_filters
from openvoucher.wire.ids import new_id, parse_id

Remover: TypeAlias = Callable[[Connection, Call, UUID], Awaitable[None]]

# Resource type → what removes it for good; filled by the composition root.
removers: dict[str, Remover] = {}

# The public id of the resource, to filter by: its prefix depends on the type.
_RESOURCE_ID = "(case resource_type {} end || '_' || replace(resource_id::text, '-', ''))".format(
    " ".join(f"when '{kind}' then '{prefix}'" for kind, prefix in PREFIXES.items())
)
_COLUMNS = {
    "id": Column("id", "id", prefix="tbe"),
    "resource_type": Column("resource_type", "text"),
    "resource_name": Column("resource_name", "text"),
    "resource_id": Column(_RESOURCE_ID, "text"),
}


async def list_bin_entries(call: Call, query: BinQuery) -> BinList:
    params = Params(call.project.id)
    where = "true"
    if query.filters is not None:
        filters = parse_filters(query.filters, source="query")
        where = compile_filters(filters, _COLUMNS, params, now=call.now, timezone=call.project.timezone)
    ascending = query.order == "id"
    if query.starting_after_id is not None:
        after = parse_id("tbe", query.starting_after_id)
        if after is None:
            raise invalid_query_params("Property .starting_after_id must be an id of a bin entry")
        where = f"({where}) and id {'>' if ascending else '<'} {params.add(after)}"
    async with call.db.connection() as connection:
        rows: list[Row] = await store.list_entries(
            connection, where=where, parameters=params.values, ascending=ascending, limit=query.limit + 1
        )
    page: list[BinEntry] = [show_bin_entry(row) for row in rows[: query.limit]]
    listed = BinList(data=page, total=len(page), has_more=len(rows) > query.limit)
    if listed.has_more:
        listed.more_starting_after = page[-1].id
    return listed


async def delete_bin_entry(call: Call, bin_entry_id: str) -> None:
    """Remove the resource for good; its name or code is free again."""
    entry_id = parse_id("tbe", bin_entry_id)
    async with call.db.transaction() as connection:
        row = entry_id and await store.delete_entry(connection, call.project.id, entry_id)
        if not row:
            raise not_found("bin_entry", bin_entry_id)
        await removers[row["resource_type"]](connection, call, row["resource_id"])


async def add_bin_entry(
    connection: Connection,
    call: Call,
    *,
    resource_type: str,
    resource_id: UUID,
    name: str,
    parent_id: UUID | None,
) -> None:
    """In the transaction that takes the resource out of sight."""
    await store.insert_entry(
        connection,
        project_id=call.project.id,
        entry_id=new_id(),
        resource_type=resource_type,
        resource_id=resource_id,
        name=name,
        parent_id=parent_id,
        now=call.now,
    )
