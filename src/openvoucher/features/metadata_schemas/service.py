"""Metadata schemas: kept by callers of both APIs, followed by the features that take metadata."""

from typing import Final
from uuid import UUID

import msgspec

from openvoucher.features.metadata_schemas import store
from openvoucher.features.metadata_schemas.schemas import (
    CreateSchemaBody,
    Definition,
    ManagementDefinition,
    ManagementSchema,
    ManagementSchemaList,
    Schema,
    SchemaList,
    Spelling,
    UpdateSchemaBody,
    merge_definitions,
    read_definitions,
    read_properties,
    show_management_schema,
    show_schema,
)
from openvoucher.features.projects.service import check_own_project
from openvoucher.platform.call import Call
from openvoucher.platform.db import Connection, Row
from openvoucher.wire.errors import ApiError, duplicate_found, not_found
from openvoucher.wire.ids import new_id, parse_id
from openvoucher.wire.metadata import MetadataSchema

# Every other name is a schema of nested objects.
STANDARD_OBJECTS: Final = frozenset(
    (
        "campaign",
        "customer",
        "earning_rule",
        "loyalty_tier",
        "order",
        "order_item",
        "product",
        "promotion_tier",
        "publication",
        "redemption",
        "reward",
        "voucher",
    )
)

# --- for callers -----------------------------------------------------------------------------------


async def list_metadata_schemas(call: Call) -> SchemaList:
    rows = await _list(call)
    return SchemaList(schemas=[show_schema(row) for row in rows], total=len(rows))


async def get_metadata_schema(call: Call, resource: str) -> Schema:
    """`resource`: the id of a schema or the name of its object."""
    return show_schema(await _get(call, resource, by_name=True))


async def create_metadata_schema(call: Call, body: CreateSchemaBody) -> Schema:
    return show_schema(await _create(call, body, Definition))


async def update_metadata_schema(call: Call, resource: str, body: UpdateSchemaBody) -> Schema:
    return show_schema(await _update(call, resource, body, Definition, by_name=True))


async def delete_metadata_schema(call: Call, resource: str) -> None:
    await _delete(call, resource, by_name=True)


# --- for management: a key's own project and no other ------------------------------------------------


async def list_project_metadata_schemas(call: Call, project_id: str) -> ManagementSchemaList:
    check_own_project(call, project_id)
    rows = await _list(call)
    return ManagementSchemaList(data=[show_management_schema(row) for row in rows], total=len(rows))


async def get_project_metadata_schema(
    call: Call, project_id: str, metadata_schema_id: str
) -> ManagementSchema:
    check_own_project(call, project_id)
    return show_management_schema(await _get(call, metadata_schema_id, by_name=False))


async def create_project_metadata_schema(
    call: Call, project_id: str, body: CreateSchemaBody
) -> ManagementSchema:
    check_own_project(call, project_id)
    return show_management_schema(await _create(call, body, ManagementDefinition))


async def update_project_metadata_schema(
    call: Call, project_id: str, metadata_schema_id: str, body: UpdateSchemaBody
) -> ManagementSchema:
    check_own_project(call, project_id)
    row = await _update(call, metadata_schema_id, body, ManagementDefinition, by_name=False)
    return show_management_schema(row)


async def delete_project_metadata_schema(call: Call, project_id: str, metadata_schema_id: str) -> None:
    check_own_project(call, project_id)
    await _delete(call, metadata_schema_id, by_name=False)


# --- for other features ----------------------------------------------------------------------------


async def load_schema(connection: Connection, project_id: int, related_object: str) -> MetadataSchema | None:
    """What the metadata of such objects must follow; None: anything goes."""
    row = await store.find_schema(connection, project_id, None, related_object)
    return _read_schema(row) if row else None


async def load_custom_schemas(connection: Connection, project_id: int) -> dict[str, MetadataSchema]:
    """The schemas of nested objects by name, as `check_metadata` takes them."""
    return {
        row["related_object"]: _read_schema(row)
        for row in await store.list_schemas(connection, project_id)
        if row["related_object"] not in STANDARD_OBJECTS
    }


def _read_schema(row: Row) -> MetadataSchema:
    return MetadataSchema(properties=read_properties(row), allow_defined_only=row["allow_defined_only"])


# --- what both APIs do -------------------------------------------------------------------------------


async def _list(call: Call) -> list[Row]:
    async with call.db.connection() as connection:
        return await store.list_schemas(connection, call.project.id)


async def _get(call: Call, sent: str, *, by_name: bool) -> Row:
    async with call.db.connection() as connection:
        return await _find(connection, call.project.id, sent, by_name)


async def _create(call: Call, body: CreateSchemaBody, spelling: Spelling) -> Row:
    sent = read_definitions(body.properties or {}, spelling, related_object=body.related_object)
    properties = merge_definitions({}, sent)
    try:
        async with call.db.connection() as connection:
            return await store.insert_schema(
                connection,
                project_id=call.project.id,
                schema_id=new_id(),
                related_object=body.related_object,
                properties=msgspec.to_builtins(properties),
                allow_defined_only=body.allow_defined_only or False,
                now=call.now,
            )
    except store.SchemaExists:
        raise duplicate_found("metadata schema", "related_object", body.related_object) from None


async def _update(call: Call, sent: str, body: UpdateSchemaBody, spelling: Spelling, *, by_name: bool) -> Row:
    async with call.db.transaction() as connection:
        found = await _find(connection, call.project.id, sent, by_name)
        # Read under the lock: of two updates at once the second adds to what the first one wrote.
        row = await store.lock_schema(connection, call.project.id, found["id"])
        if row is None:
            raise _schema_not_found(sent)
        definitions = read_definitions(body.properties or {}, spelling, related_object=row["related_object"])
        properties = merge_definitions(read_properties(row), definitions)
        allow_defined_only = body.allow_defined_only
        updated = await store.update_schema(
            connection,
            project_id=call.project.id,
            schema_id=row["id"],
            properties=msgspec.to_builtins(properties),
            allow_defined_only=row["allow_defined_only"]
            if allow_defined_only is None
            else allow_defined_only,
            now=call.now,
        )
    assert updated is not None  # noqa: S101 - the row is locked
    return updated


async def _delete(call: Call, sent: str, *, by_name: bool) -> None:
    async with call.db.connection() as connection:
        row = await _find(connection, call.project.id, sent, by_name)
        if not await store.delete_schema(connection, call.project.id, row["id"]):
            raise _schema_not_found(sent)


async def _find(connection: Connection, project_id: int, sent: str, by_name: bool) -> Row:
    """Raises not_found."""
    schema_id: UUID | None = parse_id("ms", sent)
    row = await store.find_schema(connection, project_id, schema_id, sent if by_name else None)
    if row is None:
        raise _schema_not_found(sent)
    return row


def _schema_not_found(sent: str) -> ApiError:
    return not_found("metadata schema", sent)
