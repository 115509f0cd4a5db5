"""The wire of custom events and their schemas."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.features.customers.schemas import CustomerBody, SimpleCustomer
from openvoucher.platform.db import Row
from openvoucher.platform.http.violations import describe_violation
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.ids import show_id
from openvoucher.wire.metadata import MetadataDefinition

EventName = Annotated[str, Meta(min_length=1, max_length=300)]
Text = Annotated[str, Meta(max_length=100_000)]

# --- events ------------------------------------------------------------------------------------------


class ReferralReference(msgspec.Struct, kw_only=True):
    """The referral code that the event is a conversion of. `referrer_id`: id or source id."""

    code: Text | None = None
    referrer_id: Text | None = None


class LoyaltyReference(msgspec.Struct, kw_only=True):
    """The loyalty card that alone may earn points for the event."""

    code: Text | None = None


class EventBody(msgspec.Struct, kw_only=True):
    event: EventName
    customer: CustomerBody
    referral: ReferralReference | None = None
    loyalty: LoyaltyReference | None = None
    metadata: dict[str, Any] | None = None


class ClientEventQuery(msgspec.Struct, kw_only=True):
    tracking_id: str | None = None


class TrackedReferral(msgspec.Struct, kw_only=True):
    code: str
    id: str
    referrer_id: str | None


class TrackedLoyalty(msgspec.Struct, kw_only=True):
    code: str


class TrackedEvent(msgspec.Struct, kw_only=True):
    """`metadata` only if some was sent."""

    object: Literal["event"] = "event"
    type: str
    customer: SimpleCustomer
    referral: TrackedReferral | None = None
    loyalty: TrackedLoyalty | None = None
    metadata: dict[str, Any] | UnsetType = UNSET


# --- schemas -----------------------------------------------------------------------------------------

# Removed ones count.
MAX_PROPERTIES: Final = 100


class EventProperty(msgspec.Struct, kw_only=True):
    type: Literal["string", "number", "date", "datetime", "boolean"]
    optional: bool
    deleted: bool | UnsetType = UNSET


# Read one by one (read_properties), so that a refusal can say which one is wrong.
SentProperties = Annotated[dict[str, Any], Meta(description="Properties of the metadata by key")]


class NewEventProperties(msgspec.Struct, kw_only=True):
    properties: SentProperties | None


class ChangedEventProperties(msgspec.Struct, kw_only=True):
    properties: SentProperties | None = None


class CreateEventSchemaBody(msgspec.Struct, kw_only=True):
    name: EventName
    schema: NewEventProperties


class UpdateEventSchemaBody(msgspec.Struct, kw_only=True):
    """Properties that are not sent stay; the name is for ever."""

    schema: ChangedEventProperties | None = None


class EventProperties(msgspec.Struct, kw_only=True):
    properties: dict[str, EventProperty]


class EventSchema(msgspec.Struct, kw_only=True):
    id: str
    name: str
    schema: EventProperties
    created_at: str
    updated_at: str | UnsetType = UNSET
    object: Literal["custom-event-schema"] = "custom-event-schema"


class EventSchemaList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[EventSchema]
    total: int


def show_event_schema(row: Row) -> EventSchema:
    return EventSchema(
        id=show_id("ms", row["id"]),
        name=row["name"],
        schema=EventProperties(properties=msgspec.convert(row["properties"], dict[str, EventProperty])),
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else UNSET,
    )


def read_definitions(row: Row) -> dict[str, MetadataDefinition]:
    """The properties as metadata is held against them."""
    return msgspec.convert(row["properties"], dict[str, MetadataDefinition])


def read_properties(sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """The properties as they are kept. Raises invalid_payload."""
    return {key: _read_property(key, value) for key, value in (sent or {}).items()}


def merge_properties(kept: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent replaces what is there, key by key. Raises invalid_payload for too many."""
    merged = {**kept, **sent}
    if len(merged) > MAX_PROPERTIES:
        raise invalid_payload(
            f"Property .schema.properties must NOT have more than {MAX_PROPERTIES} properties"
        )
    return merged


def _read_property(key: str, value: Any) -> dict[str, Any]:
    if not 1 <= len(key) <= 500:
        raise invalid_payload("Property .schema.properties must have property names of 1 to 500 characters")
    subject = f"Property .schema.properties.{key}"
    try:
        read = msgspec.convert(value, EventProperty)
    except msgspec.ValidationError as error:
        details = describe_violation(error, EventProperty, noun=subject)
        if not details.startswith(subject):
            details = f"{subject}.{details.removeprefix('Property .')}"
        raise invalid_payload(details) from None
    # Removed properties say so; the others do not mention it.
    read.deleted = read.deleted or UNSET
    kept: dict[str, Any] = msgspec.to_builtins(read)
    return kept
