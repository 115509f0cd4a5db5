"""The wire of metadata schemas, in two spellings: camelCase under /v1, snake_case for management."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openvoucher.platform.db import Row
from openvoucher.platform.http.violations import describe_violation
from openvoucher.wire.dates import format_instant
from openvoucher.wire.errors import invalid_payload
from openvoucher.wire.ids import show_id
from openvoucher.wire.metadata import MetadataDefinition, MetadataType

# In no script longer than what an index entry of PostgreSQL can hold (2,704 bytes).
MAX_NAME_CHARACTERS: Final = 500
# Numbers up to here survive the clients that read every number as a double.
_MOST: Final = 2**53

# Removed ones count.
MAX_DEFINITIONS: Final = 100

_TYPES_OF_RULE: Final = {
    "eq": ("string", "number"),
    "ne": ("number",),
    "lt": ("number",),
    "lte": ("number",),
    "gt": ("number",),
    "gte": ("number",),
    "min_length": ("string",),
    "max_length": ("string",),
    "exact_length": ("string",),
}
_WITH_GEOPOINTS: Final = ("customer", "product")

Number = Annotated[int, Meta(ge=-_MOST, le=_MOST)] | Annotated[float, Meta(ge=-_MOST, le=_MOST)]
Length = Annotated[int, Meta(ge=0, le=_MOST)]

# Read one by one (read_definitions), so that a refusal can say which one is wrong.
SentDefinitions = Annotated[dict[str, Any], Meta(description="Definitions by key, spelled as in the answer")]


class _DefinitionFields(msgspec.Struct, kw_only=True):
    """What both spellings share. A null sets nothing; rules that are not set are left out of answers."""

    type: MetadataType
    array: bool | None = False
    optional: bool | None = True
    eq: list[str | Number] | UnsetType | None = UNSET
    ne: list[Number] | UnsetType | None = UNSET
    lt: Number | UnsetType | None = UNSET
    lte: Number | UnsetType | None = UNSET
    gt: Number | UnsetType | None = UNSET
    gte: Number | UnsetType | None = UNSET
    deleted: bool | UnsetType | None = UNSET


class Definition(_DefinitionFields, rename="camel", kw_only=True):
    object_type: str | None = None
    min_length: Length | UnsetType | None = UNSET
    max_length: Length | UnsetType | None = UNSET
    exact_length: Length | UnsetType | None = UNSET


class ManagementDefinition(_DefinitionFields, kw_only=True):
    object_type: str | None = None
    min_length: Length | UnsetType | None = UNSET
    max_length: Length | UnsetType | None = UNSET
    exact_length: Length | UnsetType | None = UNSET


Spelling = type[Definition] | type[ManagementDefinition]


class CreateSchemaBody(msgspec.Struct, kw_only=True):
    related_object: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    properties: SentDefinitions | None = None
    allow_defined_only: bool | None = None


class UpdateSchemaBody(msgspec.Struct, kw_only=True):
    """Definitions that are not listed stay as they are; one that is listed is replaced as a whole."""

    properties: SentDefinitions | None = None
    allow_defined_only: bool | None = None


class Schema(msgspec.Struct, kw_only=True):
    id: str
    related_object: str
    properties: dict[str, Definition]
    allow_defined_only: bool
    created_at: str
    updated_at: str | None
    object: Literal["metadata_schema"] = "metadata_schema"


class ManagementSchema(msgspec.Struct, kw_only=True):
    id: str
    related_object: str
    properties: dict[str, ManagementDefinition]
    allow_defined_only: bool
    created_at: str
    updated_at: str | None
    object: Literal["metadata_schema"] = "metadata_schema"


class SchemaList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["schemas"] = "schemas"
    schemas: list[Schema]
    total: int


class ManagementSchemaList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[ManagementSchema]
    total: int


def read_properties(row: Row) -> dict[str, MetadataDefinition]:
    """The definitions as they are kept."""
    return msgspec.convert(row["properties"], dict[str, MetadataDefinition])


def show_schema(row: Row) -> Schema:
    return Schema(
        id=show_id("ms", row["id"]),
        related_object=row["related_object"],
        properties={
            key: Definition(**_definition_fields(definition))
            for key, definition in read_properties(row).items()
        },
        allow_defined_only=row["allow_defined_only"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else None,
    )


def show_management_schema(row: Row) -> ManagementSchema:
    return ManagementSchema(
        id=show_id("ms", row["id"]),
        related_object=row["related_object"],
        properties={
            key: ManagementDefinition(**_definition_fields(definition))
            for key, definition in read_properties(row).items()
        },
        allow_defined_only=row["allow_defined_only"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]) if row["updated_at"] else None,
    )


def _definition_fields(definition: MetadataDefinition) -> dict[str, Any]:
    fields = msgspec.structs.asdict(definition)
    # Removed definitions say so; the others do not mention it.
    fields["deleted"] = fields["deleted"] or UNSET
    return fields


# --- definitions that callers send ------------------------------------------------------------------


def read_definitions(
    sent: Mapping[str, Any],
    spelling: Spelling,
    *,
    related_object: str,
) -> dict[str, MetadataDefinition]:
    """The definitions as they are kept. A rule that could never apply is refused: kept, it would
    look like a guard that is none. Raises invalid_payload."""
    return {key: _read_definition(key, value, spelling, related_object) for key, value in sent.items()}


def merge_definitions(
    kept: Mapping[str, MetadataDefinition], sent: Mapping[str, MetadataDefinition]
) -> dict[str, MetadataDefinition]:
    """What was sent replaces what is there, key by key; the type of a key is for ever.

    Raises invalid_payload, also for more than 100 definitions.
    """
    for key, definition in sent.items():
        if key in kept and kept[key].type != definition.type:
            raise invalid_payload(
                f"Property .properties.{key}.type must be {kept[key].type}: it cannot be changed"
            )
    merged = {**kept, **sent}
    if len(merged) > MAX_DEFINITIONS:
        raise invalid_payload(f"Property .properties must NOT have more than {MAX_DEFINITIONS} properties")
    return merged


def _read_definition(
    key: str,
    value: Any,
    spelling: Spelling,
    related_object: str,
) -> MetadataDefinition:
    if not 1 <= len(key) <= MAX_NAME_CHARACTERS:
        raise invalid_payload(
            f"Property .properties must have property names of 1 to {MAX_NAME_CHARACTERS} characters"
        )
    subject = f"Property .properties.{key}"
    try:
        sent: Definition | ManagementDefinition = msgspec.convert(value, spelling)
    except msgspec.ValidationError as error:
        details = describe_violation(error, spelling, noun=subject)
        if not details.startswith(subject):
            details = f"{subject}.{details.removeprefix('Property .')}"
        raise invalid_payload(details) from None
    rules = {rule: _normalise(getattr(sent, rule)) for rule in _TYPES_OF_RULE}
    for rule, types in _TYPES_OF_RULE.items():
        if rules[rule] is not UNSET and sent.type not in types:
            name = dict(zip(spelling.__struct_fields__, spelling.__struct_encode_fields__, strict=True))[rule]
            raise invalid_payload(
                f"{subject}.{name} must be left out: it is for the type {' or '.join(types)}"
            )
    for index, item in enumerate(sent.eq or ()):
        if isinstance(item, str) != (sent.type == "string"):
            raise invalid_payload(f"{subject}.eq[{index}] must be {sent.type}")
    if sent.type == "geopoint" and related_object not in _WITH_GEOPOINTS:
        raise invalid_payload(f"{subject}.type must not be geopoint: only customer and product have those")
    return MetadataDefinition(
        type=sent.type,
        array=sent.array or False,
        optional=sent.optional is not False,
        object_type=(sent.object_type or "unknown") if sent.type == "object" else None,
        deleted=sent.deleted or False,
        **rules,
    )


def _normalise(rule: Any) -> Any:
    """Nothing set is UNSET, however it was said; whole numbers are integers."""
    if rule is None or rule == []:
        return UNSET
    if isinstance(rule, list):
        return [_normalise(item) for item in rule]
    return int(rule) if isinstance(rule, float) and rule.is_integer() else rule
