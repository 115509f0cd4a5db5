"""What other features ask of metadata schemas."""

import pytest

from openvoucher.features.metadata_schemas.schemas import CreateSchemaBody
from openvoucher.features.metadata_schemas.service import (
    STANDARD_OBJECTS,
    create_metadata_schema,
    load_custom_schemas,
    load_schema,
)
from openvoucher.platform.call import Call
from openvoucher.wire.metadata import MetadataDefinition, MetadataSchema, metadata_problem


async def create(call: Call, related_object: str, **properties: object) -> None:
    await create_metadata_schema(
        call, CreateSchemaBody(related_object=related_object, properties=properties, allow_defined_only=True)
    )


async def test_there_are_twelve_standard_objects() -> None:
    assert len(STANDARD_OBJECTS) == 12


async def test_a_schema_is_loaded_as_it_was_defined(call: Call) -> None:
    await create(
        call,
        "voucher",
        size={"type": "number", "optional": False, "eq": [1.0, 2.5], "lt": 10},
        gone={"type": "string", "maxLength": 5, "deleted": True},
    )
    async with call.db.connection() as connection:
        loaded = await load_schema(connection, call.project.id, "voucher")
    assert loaded == MetadataSchema(
        properties={
            "size": MetadataDefinition(type="number", optional=False, eq=[1, 2.5], lt=10),
            "gone": MetadataDefinition(type="string", max_length=5, deleted=True),
        },
        allow_defined_only=True,
    )


@pytest.mark.parametrize("related_object", ["campaign", "Voucher", ""])
async def test_an_object_without_a_schema_has_none(call: Call, related_object: str) -> None:
    await create(call, "voucher")
    async with call.db.connection() as connection:
        assert await load_schema(connection, call.project.id, related_object) is None


async def test_a_schema_is_not_loaded_by_its_id(call: Call) -> None:
    schema = await create_metadata_schema(call, CreateSchemaBody(related_object="voucher"))
    async with call.db.connection() as connection:
        assert await load_schema(connection, call.project.id, schema.id) is None


async def test_custom_schemas_are_those_of_no_standard_object(call: Call) -> None:
    for name in ("voucher", "Payment", "Location"):
        await create(call, name, key={"type": "string"})
    async with call.db.connection() as connection:
        custom = await load_custom_schemas(connection, call.project.id)
    expected = MetadataSchema(properties={"key": MetadataDefinition(type="string")}, allow_defined_only=True)
    assert custom == {"Payment": expected, "Location": expected}


async def test_what_is_loaded_checks_nested_metadata(call: Call) -> None:
    await create(call, "order", payment={"type": "object", "objectType": "Payment", "optional": False})
    await create(call, "Payment", method={"type": "string", "eq": ["card", "cash"]})
    async with call.db.connection() as connection:
        schema = await load_schema(connection, call.project.id, "order")
        custom = await load_custom_schemas(connection, call.project.id)
    assert metadata_problem({"payment": {"method": "card"}}, schema, partial=False, custom=custom) is None
    assert metadata_problem({"payment": {"method": "debt"}}, schema, partial=False, custom=custom) == (
        "payment.method: must be a string, must be equal to one of card,cash (actual value is 'debt')"
    )


async def test_another_projects_schemas_are_not_loaded(call: Call) -> None:
    await create(call, "voucher")
    await create(call, "Payment")
    async with call.db.connection() as connection:
        assert await load_schema(connection, call.project.id + 1, "voucher") is None
        assert await load_custom_schemas(connection, call.project.id + 1) == {}
