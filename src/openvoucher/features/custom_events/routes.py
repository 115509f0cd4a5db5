"""Operations on custom events, for server keys and for client keys, and on their schemas."""

from openvoucher.features.custom_events import event_schemas, service
from openvoucher.features.custom_events.schemas import (
    ClientEventQuery,
    CreateEventSchemaBody,
    EventBody,
    EventSchema,
    EventSchemaList,
    TrackedEvent,
    UpdateEventSchemaBody,
)
from openvoucher.platform.http.operations import Operation

_SCHEMAS = "/management/v1/projects/{project_id}/custom-event-schemas"

OPERATIONS: list[Operation] = [
    Operation(
        method="POST",
        path="/v1/events",
        run=service.track_custom_event,
        summary="Tell what a customer did",
        body=EventBody,
        answer=TrackedEvent,
    ),
    Operation(
        method="POST",
        path="/client/v1/events",
        run=service.track_client_event,
        summary="Tell, from a web page, what a customer did",
        access="client",
        client_feature="loyalty_events",
        query=ClientEventQuery,
        body=EventBody,
        answer=TrackedEvent,
    ),
    Operation(
        method="GET",
        path=_SCHEMAS,
        run=event_schemas.list_event_schemas,
        summary="List the custom event schemas of a project, the newest first",
        access="management",
        answer=EventSchemaList,
    ),
    Operation(
        method="POST",
        path=_SCHEMAS,
        run=event_schemas.create_event_schema,
        summary="Create a custom event schema",
        access="management",
        body=CreateEventSchemaBody,
        answer=EventSchema,
    ),
    Operation(
        method="GET",
        path=_SCHEMAS + "/{custom_event_schema_id}",
        run=event_schemas.get_event_schema,
        summary="Get a custom event schema",
        access="management",
        answer=EventSchema,
    ),
    Operation(
        method="PUT",
        path=_SCHEMAS + "/{custom_event_schema_id}",
        run=event_schemas.update_event_schema,
        summary="Add, replace or remove properties of a custom event schema",
        access="management",
        body=UpdateEventSchemaBody,
        answer=EventSchema,
    ),
    Operation(
        method="DELETE",
        path=_SCHEMAS + "/{custom_event_schema_id}",
        run=event_schemas.delete_event_schema,
        summary="Delete a custom event schema; its events stay",
        access="management",
        status=204,
    ),
]
