"""Many products and SKUs at once: CSV files, bulk updates, shared metadata."""

import csv
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
import voucherify

from sdk_client import Sdk

pytestmark = pytest.mark.slow


def read_report(action: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of the report that the action links to; the link needs no keys."""
    (link,) = action["result"]["reports"]
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the server's own link
        return [*csv.DictReader(answer.read().decode().splitlines())]


def create(sdk: Sdk, **fields: Any) -> Any:
    return sdk.products.create_product(voucherify.ProductsCreateRequestBody(**fields))


# --- CSV ---------------------------------------------------------------------------------------------


def test_a_file_makes_products_and_renames_those_that_are_there(sdk: Sdk) -> None:
    create(sdk, source_id="known", name="old", price=1)
    accepted = sdk.products.import_products_using_csv(
        b"name,source_id,price,attributes,image_url,vendor\n"
        b'Samsung Phone,phone,14.5,"color,memory",https://x/phone.png,Acme\n'
        b"new,known,99,,,Acme\n"
        b",nameless,1,,,\n"
    )
    assert sdk.last.status == 200
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["status"]) == ("PRODUCTS.IMPORT_CSV", "DONE")
    assert action["result"] == {
        "message": "2 product(s) imported successfully, 1 failed.",
        "failed": [{"source_id": "nameless", "row": 3, "reason": "name is required"}],
        "done_count": 2,
        "failed_count": 1,
        "reports": [ANY],
        "reports_available_till": ANY,
    }
    (failed,) = read_report(action)
    assert (failed["row"], failed["line"], failed["reason"]) == ("3", "4", "name is required")
    phone = sdk.products.get_product("phone")
    assert (phone.name, phone.price, phone.attributes) == ("Samsung Phone", 1450, ["color", "memory"])
    assert (phone.image_url, phone.metadata) == ("https://x/phone.png", {"vendor": "Acme"})
    known = sdk.products.get_product("known")
    assert (known.name, known.price, known.metadata) == ("new", 1, {})
    assert sdk.products.list_products().total == 2


def test_a_file_makes_skus_and_changes_name_and_price_of_those_that_are_there(sdk: Sdk) -> None:
    product = create(sdk, source_id="phone", attributes=["color"])
    other = create(sdk, source_id="mug")
    sdk.products.create_sku(other.id, voucherify.ProductsSkusCreateRequestBody(source_id="big", sku="Big"))
    accepted = sdk.products.import_skus_using_csv(
        b"product_id,sku,source_id,price,image_url,attributes,vendor\n"
        b"phone,Blue,blue,14.5,https://x/blue.png,\"{'color':'blue'}\",Acme\n"
        b"mug,Bigger,big,2,,,\n"
        b"phone,Theirs,big,3,,,\n"
    )
    assert sdk.last.status == 200
    action = sdk.wait_for_action(accepted.async_action_id)
    assert action["type"] == "SKUS.IMPORT_CSV"
    assert action["result"]["message"] == "2 sku(s) imported successfully, 1 failed."
    assert action["result"]["failed"] == [
        {
            "source_id": "big",
            "row": 3,
            "reason": f"Resource sku with id big is in use by products with ids [{other.id}]",
        }
    ]
    blue = sdk.products.get_sku("blue")
    assert (blue.product_id, blue.sku, blue.price) == (product.id, "Blue", 1450)
    assert (blue.attributes, blue.metadata) == ({"color": "blue"}, {"vendor": "Acme"})
    big = sdk.products.get_sku("big")
    assert (big.product_id, big.sku, big.price) == (other.id, "Bigger", 200)


# --- bulk --------------------------------------------------------------------------------------------


def test_products_are_changed_and_made_in_bulk(sdk: Sdk) -> None:
    create(sdk, source_id="known", name="Phone", price=1, metadata={"a": 1})
    accepted = sdk.products.update_products_in_bulk(
        [
            voucherify.ProductsUpdateInBulkRequestBody(source_id="known", price=2, metadata={"b": 2}),
            voucherify.ProductsUpdateInBulkRequestBody(source_id="new", name="New", attributes=["x"]),
        ]
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["operation_status"]) == ("PRODUCTS.BULK_UPDATE", "SUCCESS")
    result = action["result"]
    assert (result["done_count"], result["failed_count"], result["errors"]) == (2, 0, [])
    until = datetime.fromisoformat(result["reports_available_till"])
    assert timedelta(days=6) < until - datetime.now(UTC) <= timedelta(days=7)
    assert read_report(action) == [
        {"source_id": "known", "found": "true", "updated": "true"},
        {"source_id": "new", "found": "false", "updated": "true"},
    ]
    known, new = sdk.products.get_product("known"), sdk.products.get_product("new")
    assert (known.name, known.price, known.metadata) == ("Phone", 2, {"a": 1, "b": 2})
    assert (new.name, new.price, new.attributes) == ("New", None, ["x"])


def test_what_does_not_fit_changes_nothing(sdk: Sdk) -> None:
    sdk.send(
        "POST",
        "/v1/metadata-schemas",
        {"related_object": "product", "properties": {"rank": {"type": "number"}}},
    )
    create(sdk, source_id="known", name="old")
    accepted = sdk.products.update_products_in_bulk(
        [voucherify.ProductsUpdateInBulkRequestBody(source_id="known", name="new", metadata={"rank": "x"})]
    )
    action = sdk.wait_for_action(accepted.async_action_id)
    assert action["operation_status"] == "FAILED"
    assert action["result"]["errors"] == [
        {
            "message": "Metadata validation failed",
            "details": "rank: must be a number (actual value is 'x')",
            "key": "metadata_validation_failed",
            "source_id": "known",
        }
    ]
    assert sdk.products.get_product("known").name == "old"


def test_many_products_get_the_same_metadata(sdk: Sdk) -> None:
    create(sdk, source_id="known", name="old", metadata={"a": 1})
    accepted = sdk.products.update_products_metadata_in_bulk(
        voucherify.ProductsMetadataUpdateInBulkRequestBody(
            source_ids=["known", "new"], metadata={"label": True}
        )
    )
    assert sdk.last.status == 202
    action = sdk.wait_for_action(accepted.async_action_id)
    assert (action["type"], action["operation_status"]) == ("PRODUCTS.METADATA_UPDATE", "SUCCESS")
    assert sdk.products.get_product("known").metadata == {"a": 1, "label": True}
    assert sdk.products.get_product("new").metadata == {"label": True}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/products/bulk/async", {"source_id": "a"}),
        ("/v1/products/bulk/async", [{"name": "a"}]),
        ("/v1/products/metadata/async", {"source_ids": ["a"]}),
    ],
)
def test_a_body_of_another_form_is_refused(sdk: Sdk, path: str, body: Any) -> None:
    answer = sdk.send("POST", path, body)
    assert (answer.status, answer.body["key"]) == (400, "invalid_payload")
    assert sdk.actions.list_async_actions().async_actions == []
