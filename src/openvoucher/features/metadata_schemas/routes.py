"""Operations on metadata schemas, for server keys and for management keys."""

from openvoucher.features.metadata_schemas import service
from openvoucher.features.metadata_schemas.schemas import (
    CreateSchemaBody,
    ManagementSchema,
    ManagementSchemaList,
    Schema,
    SchemaList,
    UpdateSchemaBody,
)
from openvoucher.platform.http.operations import Operation

_MANAGEMENT = "/management/v1/projects/{project_id}/metadata-schemas"

OPERATIONS = [
    Operation(
        method="GET",
        path="/v1/metadata-schemas",
        run=service.list_metadata_schemas,
        summary="List all metadata schemas",
        answer=SchemaList,
    ),
    Operation(
        method="POST",
        path="/v1/metadata-schemas",
        run=service.create_metadata_schema,
        summary="Create a metadata schema",
        body=CreateSchemaBody,
        answer=Schema,
    ),
    Operation(
        method="GET",
        path="/v1/metadata-schemas/{resource}",
        run=service.get_metadata_schema,
        summary="Get a metadata schema by the name of its object or by id",
        answer=Schema,
    ),
    Operation(
        method="PUT",
        path="/v1/metadata-schemas/{resource}",
        run=service.update_metadata_schema,
        summary="Add, replace or remove definitions of a metadata schema",
        body=UpdateSchemaBody,
        answer=Schema,
    ),
    Operation(
        method="DELETE",
        path="/v1/metadata-schemas/{resource}",
        run=service.delete_metadata_schema,
        summary="Delete a metadata schema; the metadata of objects stays",
        status=204,
    ),
    Operation(
        method="GET",
        path=_MANAGEMENT,
        run=service.list_project_metadata_schemas,
        summary="List the metadata schemas of a project",
        access="management",
        answer=ManagementSchemaList,
    ),
    Operation(
        method="POST",
        path=_MANAGEMENT,
        run=service.create_project_metadata_schema,
        summary="Create a metadata schema in a project",
        access="management",
        body=CreateSchemaBody,
        answer=ManagementSchema,
    ),
    Operation(
        method="GET",
        path=_MANAGEMENT + "/{metadata_schema_id}",
        run=service.get_project_metadata_schema,
        summary="Get a metadata schema of a project",
        access="management",
        answer=ManagementSchema,
    ),
    Operation(
        method="PUT",
        path=_MANAGEMENT + "/{metadata_schema_id}",
        run=service.update_project_metadata_schema,
        summary="Add, replace or remove definitions of a project's metadata schema",
        access="management",
        body=UpdateSchemaBody,
        answer=ManagementSchema,
    ),
    Operation(
        method="DELETE",
        path=_MANAGEMENT + "/{metadata_schema_id}",
        run=service.delete_project_metadata_schema,
        summary="Delete a metadata schema of a project; the metadata of objects stays",
        access="management",
        status=204,
    ),
]
