"""Schemas of custom events, kept with management keys."""

from openvoucher.features.custom_events import store
from openvoucher.features.custom_events.schemas import (
    CreateEventSchemaBody,
    EventSchema,
    EventSchemaList,
    UpdateEventSchemaBody,
    merge_properties,
    read_properties,
    show_event_schema,
)
from openvoucher.features.projects.service import check_own_project
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import duplicate_found, not_found
from openvoucher.wire.ids import new_id, parse_id

_TYPE = "custom_event_schema"


async def list_event_schemas(call: Call, project_id: str) -> EventSchemaList:
    check_own_project(call, project_id)
    async with call.db.connection() as connection:
        rows = await store.list_schemas(connection, call.project.id)
    return EventSchemaList(data=[show_event_schema(row) for row in rows], total=len(rows))


async def get_event_schema(call: Call, project_id: str, custom_event_schema_id: str) -> EventSchema:
    check_own_project(call, project_id)
    async with call.db.connection() as connection:
        return show_event_schema(await _find(connection, call, custom_event_schema_id))


async def create_event_schema(call: Call, project_id: str, body: CreateEventSchemaBody) -> EventSchema:
    check_own_project(call, project_id)
    properties = merge_properties({}, read_properties(body.schema.properties))
    try:
        async with call.db.connection() as connection:
            row = await store.insert_schema(
                connection,
                project_id=call.project.id,
                schema_id=new_id(),
                name=body.name,
                properties=properties,
                now=call.now,
            )
    except store.SchemaExists:
        raise duplicate_found(_TYPE, "name", body.name) from None
    return show_event_schema(row)


async def update_event_schema(
    call: Call, project_id: str, custom_event_schema_id: str, body: UpdateEventSchemaBody
) -> EventSchema:
    """A property that is sent replaces the one that is there, with its type: old events are not looked at."""
    check_own_project(call, project_id)
    sent = read_properties(body.schema.properties if body.schema else None)
    async with call.db.transaction() as connection:
        # Read under the lock: of two updates at once the second adds to what the first one wrote.
        row = await _find(connection, call, custom_event_schema_id, lock=True)
        row = await store.update_schema(
            connection,
            project_id=call.project.id,
            schema_id=row["id"],
            properties=merge_properties(row["properties"], sent),
            now=call.now,
        )
    return show_event_schema(row)


async def delete_event_schema(call: Call, project_id: str, custom_event_schema_id: str) -> None:
    check_own_project(call, project_id)
    schema_id = parse_id("ms", custom_event_schema_id)
    async with call.db.connection() as connection:
        if schema_id is None or not await store.delete_schema(connection, call.project.id, schema_id):
            raise not_found(_TYPE, custom_event_schema_id)


async def _find(connection: Connection, call: Call, sent: str, *, lock: bool = False) -> Row:
    """Raises not_found."""
    schema_id = parse_id("ms", sent)
    row = schema_id and await store.find_schema(connection, call.project.id, schema_id, lock=lock)
    if not row:
        raise not_found(_TYPE, sent)
    return row
