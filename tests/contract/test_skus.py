"""SKUs through the official client."""

import re
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, read_refusal

pytestmark = pytest.mark.slow


@pytest.fixture
def product_id(sdk: Sdk) -> str:
    product = sdk.products.create_product(
        voucherify.ProductsCreateRequestBody(
            source_id="first_product", name="Samsung Phone", attributes=["color", "memory"]
        )
    )
    return str(product.id)


def create(sdk: Sdk, product_id: str = "first_product", **fields: Any) -> Any:
    return sdk.products.create_sku(product_id, voucherify.ProductsSkusCreateRequestBody(**fields))


def not_found(sent: str) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find sku with id {sent}",
        "resource_id": sent,
        "resource_type": "sku",
    }


def test_a_sku_is_created_read_changed_and_deleted(sdk: Sdk, product_id: str) -> None:
    sku = create(
        sdk,
        source_id="first_product_sku_1",
        sku="Samsung phone 256GB",
        price=1300,
        currency="USD",
        attributes={"color": "vintage-black", "memory": "256", "unknown": "x"},
        image_url="https://www.website.com/image.png",
        metadata={"imported": True},
    )
    assert list(sdk.raw) == [
        "id",
        "source_id",
        "product_id",
        "sku",
        "price",
        "currency",
        "attributes",
        "image_url",
        "metadata",
        "created_at",
        "updated_at",
        "object",
    ]
    assert re.fullmatch(r"sku_[0-9a-f]{32}", sku.id)
    assert (sku.product_id, sku.price, sku.currency, sku.updated_at) == (product_id, 1300, "USD", None)
    assert sku.attributes == {"color": "vintage-black", "memory": "256"}

    for sent in (sku.id, "first_product_sku_1"):
        assert sdk.products.get_sku(sent).sku == "Samsung phone 256GB"
        assert sdk.raw["product"]["name"] == "Samsung Phone"

    changed = sdk.products.update_sku(
        "first_product",
        "first_product_sku_1",
        voucherify.ProductsSkusUpdateRequestBody(price=210000, currency="PLN", metadata={"more": 1}),
    )
    assert (changed.price, changed.currency, changed.sku) == (210000, "PLN", "Samsung phone 256GB")
    assert changed.metadata == {"imported": True, "more": 1}
    assert changed.updated_at is not None

    sdk.products.delete_sku(product_id, sku.id)
    assert sdk.last.status == 204
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.products.get_sku(sku.id)
    assert read_refusal(refusal.value) == not_found(sku.id)


@pytest.mark.usefixtures("product_id")
def test_skus_are_listed_the_oldest_first(sdk: Sdk) -> None:
    made = [create(sdk, source_id=f"sku {number}").id for number in range(3)]
    listed: Any = sdk.products.list_skus_in_product("first_product")
    assert ([sku.id for sku in listed.skus], listed.total) == (made, 3)
    newest_first = voucherify.ParameterOrder.MINUS_CREATED_AT
    page: Any = sdk.products.list_skus_in_product("first_product", limit=1, page=2, order=newest_first)
    assert ([sku.id for sku in page.skus], page.total) == ([made[1]], 3)


def test_creating_again_changes_the_sku(sdk: Sdk, product_id: str) -> None:
    first = create(sdk, source_id="blue", sku="Blue", metadata={"a": 1})
    again = create(sdk, product_id, source_id="blue", price=5, metadata={"b": 2})
    assert (again.id, again.sku, again.price, again.metadata) == (first.id, "Blue", 5, {"a": 1, "b": 2})
    assert sdk.products.list_skus_in_product(product_id).total == 1


def test_a_sku_belongs_to_one_product(sdk: Sdk, product_id: str) -> None:
    other = sdk.products.create_product(voucherify.ProductsCreateRequestBody(source_id="other"))
    create(sdk, source_id="blue")
    with pytest.raises(voucherify.ApiException) as refusal:
        create(sdk, str(other.id), source_id="blue")
    assert read_refusal(refusal.value) == {
        "code": 400,
        "key": "resource_in_use",
        "message": "Resource in use",
        "details": f"Resource sku with id blue is in use by products with ids [{product_id}]",
        "resource_id": "blue",
        "resource_type": "sku",
        "related_object_ids": [product_id],
        "related_object_type": "product",
        "related_object_total": 1,
    }
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.products.delete_sku("other", "blue")
    assert read_refusal(refusal.value) == not_found("blue")


def test_a_sku_in_the_bin_keeps_its_source_id(sdk: Sdk, product_id: str) -> None:
    sku = create(sdk, source_id="blue", sku="Blue")
    sdk.products.delete_sku("first_product", "blue")
    entries: Any = sdk.bin.list_bin_entries().data
    (entry,) = entries
    assert (entry.resource_id, entry.resource_parent_id, entry.resource_name) == (sku.id, product_id, "Blue")
    with pytest.raises(voucherify.ApiException) as refusal:
        create(sdk, source_id="blue")
    assert refusal.value.status == 409
    sdk.bin.delete_bin_entry(entry.id)
    again = create(sdk, source_id="blue")
    sdk.products.delete_sku("first_product", again.id, force=True)
    assert sdk.bin.list_bin_entries().total == 0
    create(sdk, source_id="blue")


@pytest.mark.usefixtures("product_id")
def test_a_deleted_product_takes_its_skus_along(sdk: Sdk) -> None:
    create(sdk, source_id="blue")
    sdk.products.delete_product("first_product")
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.products.get_sku("blue")
    assert read_refusal(refusal.value) == not_found("blue")
    entries: Any = sdk.bin.list_bin_entries().data
    assert [entry.resource_type for entry in entries] == ["product"]
