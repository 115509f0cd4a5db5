"""Categories, metadata schemas and the bin: what belongs to the project."""

from datetime import UTC, datetime
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, discount_voucher, read_refusal

pytestmark = pytest.mark.slow


def not_found(resource_type: str, sent: str) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find {resource_type} with id {sent}",
        "resource_id": sent,
        "resource_type": resource_type,
    }


# --- categories --------------------------------------------------------------------------------------


def test_a_category_is_made_read_changed_and_deleted(sdk: Sdk) -> None:
    made = sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Spring", hierarchy=3))
    assert list(sdk.raw) == ["id", "name", "hierarchy", "created_at", "object"]
    assert (made.name, made.hierarchy, made.object) == ("Spring", 3, "category")
    assert made.created_at is not None
    assert abs((datetime.now(UTC) - made.created_at).total_seconds()) < 60
    fetched = sdk.categories.get_category(str(made.id))
    assert (fetched.id, fetched.name, fetched.updated_at) == (made.id, "Spring", None)
    changed = sdk.categories.update_category(
        str(made.id), voucherify.CategoriesUpdateRequestBody(name="Summer", hierarchy=0)
    )
    assert (changed.id, changed.name, changed.hierarchy) == (made.id, "Summer", 0)
    assert changed.updated_at is not None
    assert changed.updated_at >= made.created_at
    sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="First", hierarchy=9))
    listed = sdk.categories.list_categories()
    assert (listed.object, listed.data_ref, listed.total) == ("list", "data", 2)
    assert [(each.name, each.hierarchy) for each in listed.data or []] == [("First", 9), ("Summer", 0)]
    sdk.categories.delete_category(str(made.id))
    assert sdk.last.status == 204
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        sdk.categories.get_category(str(made.id))
    assert read_refusal(refusal.value) == not_found("category", str(made.id))


def test_a_category_is_renamed_and_deleted_where_it_is_used(sdk: Sdk) -> None:
    made = sdk.categories.create_category(voucherify.CategoriesCreateRequestBody(name="Old", hierarchy=0))
    campaign_id = sdk.make_campaign("Spring", category="Old", vouchers_count=1)
    (code,) = sdk.list_codes(campaign_id)
    sdk.categories.update_category(
        str(made.id), voucherify.CategoriesUpdateRequestBody(name="New", hierarchy=0)
    )
    assert sdk.campaigns.get_campaign(campaign_id).category == "New"
    assert sdk.vouchers.get_voucher(code).category == "New"
    sdk.categories.delete_category(str(made.id))
    campaign = sdk.campaigns.get_campaign(campaign_id)
    assert (campaign.category, campaign.category_id, campaign.categories) == (None, None, [])
    voucher = sdk.vouchers.get_voucher(code)
    assert (voucher.category, voucher.category_id, voucher.categories) == (None, None, [])


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"hierarchy": 1}, "Payload must have required property 'name'"),
        ({"name": "A"}, "Payload must have required property 'hierarchy'"),
        ({"name": "A", "hierarchy": "first"}, "Property .hierarchy must be number"),
        ({"name": 5, "hierarchy": 1}, "Property .name must be string"),
    ],
)
def test_a_category_that_cannot_be_is_refused(sdk: Sdk, body: dict[str, Any], details: str) -> None:
    made = sdk.send("POST", "/v1/categories", {"name": "Kept", "hierarchy": 0}).body
    for method, path in (("POST", "/v1/categories"), ("PUT", f"/v1/categories/{made['id']}")):
        answer = sdk.send(method, path, body)
        assert (answer.status, answer.body["key"], answer.body["details"]) == (
            400,
            "invalid_payload",
            details,
        )
    sdk.categories.list_categories()
    assert sdk.raw["data"] == [made]


# --- metadata schemas --------------------------------------------------------------------------------

DEFINITIONS: dict[str, Any] = {
    "rank": {"type": "number", "optional": False, "gte": 1, "lt": 10.5},
    "tags": {"type": "string", "array": True, "eq": ["a", "b"]},
    "nick": {"type": "string", "minLength": 2, "maxLength": 5},
    "since": {"type": "date"},
}


def filled_in(definition: dict[str, Any]) -> dict[str, Any]:
    return {"array": False, "optional": True, "objectType": None, **definition}


def test_a_metadata_schema_is_read_by_the_name_of_its_object(sdk: Sdk) -> None:
    sent = {"related_object": "voucher", "properties": DEFINITIONS, "allow_defined_only": True}
    made = sdk.send("POST", "/v1/metadata-schemas", sent).body
    expected = {name: filled_in(definition) for name, definition in DEFINITIONS.items()}
    assert made["properties"] == expected
    fetched = sdk.schemas.get_metadata_schema("voucher")
    assert sdk.raw == made
    assert (fetched.id, fetched.related_object, fetched.allow_defined_only) == (made["id"], "voucher", True)
    assert (fetched.properties, fetched.updated_at) == (expected, None)
    listed = sdk.schemas.list_metadata_schemas()
    assert (listed.data_ref, listed.total) == ("schemas", 1)
    assert [each.related_object for each in listed.schemas or []] == ["voucher"]
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        sdk.schemas.get_metadata_schema("earning_rules")
    assert read_refusal(refusal.value) == not_found("metadata schema", "earning_rules")

    answer = sdk.send("POST", "/v1/metadata-schemas", sent)
    assert answer.status == 409
    changed = sdk.send(
        "PUT", f"/v1/metadata-schemas/{made['id']}", {"properties": {"rank": {"type": "number", "gte": 2}}}
    ).body
    assert changed["properties"] == {**expected, "rank": filled_in({"type": "number", "gte": 2})}
    assert changed["updated_at"] is not None
    assert sdk.send("DELETE", f"/v1/metadata-schemas/{made['id']}").status == 204
    assert sdk.schemas.list_metadata_schemas().total == 0


def test_metadata_is_held_against_its_schema(sdk: Sdk) -> None:
    sdk.send("POST", "/v1/metadata-schemas", {"related_object": "voucher", "properties": DEFINITIONS})
    body = voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(
        {**discount_voucher(), "metadata": {"rank": "EUR"}}
    )
    with pytest.raises(voucherify.exceptions.BadRequestException) as refusal:
        sdk.vouchers.create_voucher("A", body)
    told = read_refusal(refusal.value)
    assert (told["key"], told["message"]) == ("metadata_validation_failed", "Metadata validation failed")
    assert told["details"].startswith("rank: must be a number, property is required")
    assert told["details"].endswith("(actual value is 'EUR')")
    body.metadata = {"rank": 5, "tags": ["a"], "unknown": True}
    assert sdk.vouchers.create_voucher("A", body).metadata == body.metadata
    # Campaigns use the schema of vouchers unless they say otherwise.
    for use, status in ((None, 400), (True, 400), (False, 200)):
        flag = {} if use is None else {"use_voucher_metadata_schema": use}
        answer = sdk.send("POST", "/v1/campaigns", {"name": "C", "voucher": discount_voucher(), **flag})
        assert answer.status == status, use


def test_a_management_key_manages_the_schemas_of_its_project(
    management_sdk: Sdk, sdk: Sdk, home: Any
) -> None:
    management = management_sdk.management
    made = management.create_metadata_schema(
        home.id,
        voucherify.ManagementProjectsMetadataSchemasCreateRequestBody.model_validate(
            {
                "related_object": "campaign",
                "properties": {"nick": {"type": "string", "min_length": 2, "array": False, "optional": True}},
            }
        ),
    )
    expected = {
        "nick": {"type": "string", "array": False, "optional": True, "object_type": None, "min_length": 2}
    }
    assert management_sdk.raw["properties"] == expected
    assert (made.related_object, made.allow_defined_only) == ("campaign", False)
    fetched = management.get_metadata_schema1(home.id, str(made.id))
    assert (fetched.id, fetched.updated_at) == (made.id, None)
    changed = management.update_metadata_schema(
        home.id,
        str(made.id),
        voucherify.ManagementProjectsMetadataSchemasUpdateRequestBody.model_validate(
            {"allow_defined_only": True}
        ),
    )
    assert (changed.allow_defined_only, management_sdk.raw["properties"]) == (True, expected)
    listed = management.list_metadata_schemas1(home.id)
    assert (listed.total, [each.id for each in listed.data or []]) == (1, [made.id])
    # The same schema in the other spelling.
    sdk.schemas.get_metadata_schema("campaign")
    assert sdk.raw["properties"] == {"nick": filled_in({"type": "string", "minLength": 2})}
    management.delete_metadata_schema(home.id, str(made.id))
    assert sdk.schemas.list_metadata_schemas().schemas == []


# --- the bin -----------------------------------------------------------------------------------------


@pytest.fixture
def binned(sdk: Sdk) -> dict[str, str]:
    """Ids of what was deleted in this order: S (standalone), C (of Spring), Spring."""
    sdk.vouchers.create_voucher(
        "S", voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    )
    ids = {"S": sdk.raw["id"], "Spring": sdk.make_campaign("Spring", vouchers_count=2)}
    sdk.campaigns.add_voucher_with_specific_code_to_campaign("Spring", "C")
    ids["C"] = sdk.raw["id"]
    sdk.vouchers.delete_voucher("S")
    sdk.vouchers.delete_voucher("C")
    sdk.wait_for_action(sdk.campaigns.delete_campaign("Spring").async_action_id)
    return ids


def test_the_bin_lists_what_was_deleted(sdk: Sdk, binned: dict[str, str]) -> None:
    listed = sdk.bin.list_bin_entries()
    assert (listed.object, listed.data_ref, listed.total, listed.has_more) == ("list", "data", 3, False)
    expected = [
        ("Spring", binned["Spring"], "campaign", None),
        ("C", binned["C"], "voucher", binned["Spring"]),
        ("S", binned["S"], "voucher", None),
    ]
    assert [
        (each.resource_name, each.resource_id, each.resource_type, each.resource_parent_id)
        for each in listed.data or []
    ] == expected
    assert [each.deleted_by_user_id for each in listed.data or []] == [None] * 3


@pytest.mark.usefixtures("binned")
def test_the_bin_is_paged_and_filtered(sdk: Sdk) -> None:
    order = voucherify.ParameterOrderListBin
    first = sdk.bin.list_bin_entries(limit=2, order=order.ID)
    assert (first.total, first.has_more) == (2, True)
    assert [each.resource_name for each in first.data or []] == ["S", "C"]
    rest = sdk.bin.list_bin_entries(limit=2, order=order.ID, starting_after_id=first.more_starting_after)
    assert ([each.resource_name for each in rest.data or []], rest.has_more) == (["Spring"], False)
    for fields, expected in (
        ({"resource_type": {"conditions": {"$is": "campaign"}}}, ["Spring"]),
        ({"resource_name": {"conditions": {"$starts_with": "S"}}}, ["Spring", "S"]),
    ):
        found = sdk.bin.list_bin_entries(filters=voucherify.ParameterFiltersListBin.model_validate(fields))
        assert [each.resource_name for each in found.data or []] == expected


@pytest.mark.usefixtures("binned")
def test_an_entry_that_is_removed_frees_its_code(sdk: Sdk) -> None:
    _, _, entry = sdk.bin.list_bin_entries().data or []
    sdk.bin.delete_bin_entry(str(entry.id))
    assert sdk.last.status == 204
    body = voucherify.VouchersCreateWithSpecificCodeRequestBody.model_validate(discount_voucher())
    assert sdk.vouchers.create_voucher("S", body).code == "S"
    with pytest.raises(voucherify.exceptions.NotFoundException) as refusal:
        sdk.bin.delete_bin_entry(str(entry.id))
    assert read_refusal(refusal.value) == not_found("bin_entry", str(entry.id))
    assert sdk.bin.list_bin_entries().total == 2
