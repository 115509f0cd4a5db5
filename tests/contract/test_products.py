"""Products through the official client."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, read_refusal
from servers import Server

pytestmark = pytest.mark.slow


def create(sdk: Sdk, **fields: Any) -> Any:
    return sdk.products.create_product(voucherify.ProductsCreateRequestBody(**fields))


def create_sku(sdk: Sdk, product_id: str, **fields: Any) -> Any:
    return sdk.products.create_sku(product_id, voucherify.ProductsSkusCreateRequestBody(**fields))


def not_found(sent: str) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find product with id {sent}",
        "resource_id": sent,
        "resource_type": "product",
    }


def test_a_product_is_created_read_changed_and_deleted(sdk: Sdk) -> None:
    product = create(
        sdk,
        source_id="first_product",
        name="Samsung Phone",
        price=200000,
        attributes=["color", "memory", "processor"],
        metadata={"test": True, "vendor": "Online Store"},
        image_url="https://www.website.com/image.png",
    )
    assert list(sdk.raw) == [
        "id",
        "source_id",
        "name",
        "price",
        "attributes",
        "metadata",
        "image_url",
        "created_at",
        "updated_at",
        "object",
    ]
    assert re.fullmatch(r"prod_[0-9a-f]{32}", product.id)
    assert (product.price, product.updated_at) == (200000, None)
    assert datetime.now(UTC) - product.created_at < timedelta(minutes=1)

    sku = create_sku(sdk, product.id, source_id="first_sku", attributes={"color": "black", "size": "XL"})
    assert sku.attributes == {"color": "black"}
    for sent in (product.id, "first_product"):
        read: Any = sdk.products.get_product(sent)
        assert (read.id, read.skus.total, read.skus.data[0].id) == (product.id, 1, sku.id)

    changed = sdk.products.update_product(
        product.id, voucherify.ProductsUpdateRequestBody(price=210000, metadata={"test": False})
    )
    assert (changed.name, changed.price) == ("Samsung Phone", 210000)
    assert changed.metadata == {"test": False, "vendor": "Online Store"}
    assert changed.updated_at is not None

    sdk.products.delete_product("first_product")
    assert sdk.last.status == 204
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.products.get_product(product.id)
    assert read_refusal(refusal.value) == not_found(product.id)


def test_creating_again_changes_the_product(sdk: Sdk) -> None:
    first = create(sdk, source_id="mug", name="Mug", metadata={"a": 1})
    again = create(sdk, source_id="mug", price=900, metadata={"b": 2})
    by_id = create(sdk, id=first.id, name="Cup")
    assert {first.id, again.id} == {by_id.id}
    assert (by_id.name, by_id.price, by_id.metadata) == ("Cup", 900, {"a": 1, "b": 2})
    assert sdk.products.list_products().total == 1


def test_what_is_explicitly_null_is_cleared(sdk: Sdk) -> None:
    create(sdk, source_id="mug", name="Mug", price=900, metadata={"a": 1})
    body = voucherify.ProductsUpdateRequestBody(name=None, price=None)
    changed = sdk.products.update_product("mug", body)
    assert (changed.name, changed.price, changed.metadata) == (None, None, {"a": 1})


def test_products_are_listed_the_oldest_first(sdk: Sdk) -> None:
    for number in range(3):
        create(sdk, source_id=f"product {number}")
    create_sku(sdk, "product 1", source_id="sku 1")
    create_sku(sdk, "product 1", source_id="sku 2")

    listed: Any = sdk.products.list_products()
    assert [product.source_id for product in listed.products] == [f"product {number}" for number in range(3)]
    assert [product.skus.total for product in listed.products] == [0, 2, 0]
    assert [sku.source_id for sku in listed.products[1].skus.data] == ["sku 2", "sku 1"]
    assert listed.total == 3

    newest_first = voucherify.ParameterOrder.MINUS_CREATED_AT
    page: Any = sdk.products.list_products(limit=2, page=2, order=newest_first)
    assert ([product.source_id for product in page.products], page.total) == (["product 0"], 3)
    later = sdk.products.list_products(start_date=datetime.now(UTC) + timedelta(hours=1))
    assert (later.products, later.total) == ([], 0)
    until_now = sdk.products.list_products(end_date=datetime.now(UTC) + timedelta(hours=1))
    assert until_now.total == 3
    filtered = sdk.send("GET", "/v1/products", query={"filters[source_id][conditions][$is]": "product 1"})
    assert filtered.body["total"] == 1


def test_a_product_with_force_is_gone_and_without_it_lies_in_the_bin(sdk: Sdk) -> None:
    create(sdk, source_id="gone", name="Gone")
    binned = create(sdk, source_id="binned", name="Binned")
    sdk.products.delete_product("gone", force=True)
    sdk.products.delete_product("binned")
    entries: Any = sdk.bin.list_bin_entries().data
    (entry,) = entries
    assert (entry.resource_id, entry.resource_type, entry.resource_name) == (binned.id, "product", "Binned")
    create(sdk, source_id="gone")
    with pytest.raises(voucherify.ApiException) as refusal:
        create(sdk, source_id="binned")
    assert read_refusal(refusal.value) == {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": "Duplicated product exists with id binned",
        "resource_id": "binned",
        "resource_type": "product",
    }
    sdk.bin.delete_bin_entry(entry.id)
    assert create(sdk, source_id="binned").id != binned.id


def test_shipping_is_a_product_whose_price_can_be_set(sdk: Sdk) -> None:
    shipping = sdk.products.get_product("prod_5h1pp1ng")
    assert (shipping.source_id, shipping.name, shipping.price) == ("5h1pp1ng", "Shipping", 0)
    sdk.products.update_product("5h1pp1ng", voucherify.ProductsUpdateRequestBody(price=499))
    assert sdk.products.get_product("prod_5h1pp1ng").price == 499
    assert sdk.products.list_products().total == 0


@pytest.fixture
def bearer(sdk: Sdk, server: Server) -> Iterator[Sdk]:
    """The SDK with a token for products and SKUs alone."""
    form = {"grant_type": "client_credentials", "scope": "products skus"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    client = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    yield client
    client.close()


def test_a_token_for_products_does_what_the_keys_do(sdk: Sdk, bearer: Sdk) -> None:
    create(bearer, source_id="mug")
    create_sku(bearer, "mug", source_id="mug-blue")
    assert bearer.products.get_sku("mug-blue").product_id == sdk.products.get_product("mug").id
    bearer.products.delete_product("mug", force=True)
    assert sdk.products.list_products().total == 0
    with pytest.raises(voucherify.ApiException) as refusal:
        bearer.vouchers.list_vouchers()
    assert refusal.value.status == 403
