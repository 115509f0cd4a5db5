"""Product collections through the official client."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from sdk_client import Sdk, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

CHEAP = {"junction": "and", "price": {"conditions": {"$less_than": [1000]}}}


@pytest.fixture
def mug(sdk: Sdk) -> Any:
    """For 9.00, with a SKU for 15.00; a phone without a price was made before."""
    sdk.products.create_product(voucherify.ProductsCreateRequestBody(source_id="phone", name="Phone"))
    mug = sdk.products.create_product(
        voucherify.ProductsCreateRequestBody(source_id="mug", name="Mug", price=900)
    )
    sdk.products.create_sku("mug", voucherify.ProductsSkusCreateRequestBody(source_id="big", price=1500))
    return mug


def create(sdk: Sdk, **fields: Any) -> Any:
    return sdk.product_collections.create_product_collection(
        voucherify.ProductCollectionsCreateRequestBody.model_validate(fields)
    )


def list_products(sdk: Sdk, collection_id: str, **query: Any) -> list[str]:
    """Of a collection without SKUs: their attributes are an object, which the client takes for a list, as
    those of products are."""
    listed: Any = sdk.product_collections.list_products_in_collection(collection_id, **query)
    return [str(each.source_id) for each in listed.data]


def list_members(sdk: Sdk, collection_id: str, **query: str) -> list[str]:
    path = f"/v1/product-collections/{collection_id}/products"
    return [each["source_id"] for each in sdk.send("GET", path, query=query).body["data"]]


def test_a_static_collection(sdk: Sdk, mug: Any) -> None:
    made = create(sdk, type="STATIC", name="Kitchen", products=[{"id": mug.id, "object": "product"}])
    assert re.fullmatch(r"pc_[0-9a-f]{32}", made.id)
    assert list(sdk.raw) == ["id", "name", "type", "products", "created_at", "object"]
    assert sdk.raw["products"] == [{"id": mug.id, "object": "product"}]
    read: Any = sdk.product_collections.get_product_collection(made.id)
    assert (read.name, read.type, read.products[0].id) == ("Kitchen", "STATIC", mug.id)
    assert list_members(sdk, made.id) == ["big", "mug"]
    big, shown = sdk.raw["data"]
    assert (big["object"], big["product"]["id"], shown["object"]) == ("sku", mug.id, "product")
    assert sdk.raw["total"] == 2


def test_a_collection_that_updates_itself(sdk: Sdk, mug: Any) -> None:
    made = create(sdk, type="AUTO_UPDATE", name="Price less than 10", filter=CHEAP)
    assert list(sdk.raw) == ["id", "name", "type", "filter", "created_at", "object"]
    assert made.filter == CHEAP
    assert list_products(sdk, made.id) == ["mug"]
    sdk.products.update_product("phone", voucherify.ProductsUpdateRequestBody(price=500))
    assert list_products(sdk, made.id) == ["mug", "phone"]
    assert list_products(sdk, made.id, order="created_at", limit=1, page=2) == ["mug"]
    sdk.products.update_product(mug.id, voucherify.ProductsUpdateRequestBody(price=1000))
    assert list_products(sdk, made.id) == ["phone"]


@pytest.mark.usefixtures("mug")
def test_the_collection_of_everything(sdk: Sdk) -> None:
    read = sdk.product_collections.get_product_collection("pc_a11pr0dUc75")
    assert (read.name, read.type) == ("All Products", "AUTO_UPDATE")
    assert list_members(sdk, "pc_a11pr0dUc75") == ["big", "mug", "phone"]
    assert sdk.product_collections.list_product_collections().total == 0


@pytest.mark.usefixtures("mug")
def test_a_page_starts_after_an_object(sdk: Sdk) -> None:
    assert list_members(sdk, "pc_a11pr0dUc75", limit="1") == ["big"]
    last_id = sdk.raw["data"][0]["id"]
    assert list_members(sdk, "pc_a11pr0dUc75", limit="1", starting_after=last_id) == ["mug"]
    assert sdk.raw["total"] == 3


def test_collections_are_listed_the_newest_first_changed_and_deleted(sdk: Sdk, mug: Any) -> None:
    first = create(sdk, type="STATIC", name="first", products=[{"id": mug.id, "object": "product"}])
    second = create(sdk, type="AUTO_UPDATE", name="second", filter=CHEAP)
    listed: Any = sdk.product_collections.list_product_collections()
    assert ([each.id for each in listed.data], listed.total) == ([second.id, first.id], 2)
    oldest_first = voucherify.ParameterOrder.CREATED_AT
    page: Any = sdk.product_collections.list_product_collections(limit=1, page=2, order=oldest_first)
    assert [each.id for each in page.data] == [second.id]

    path = f"/v1/product-collections/{second.id}"
    changed = sdk.send("PUT", path, {"name": "renamed", "filter": {"junction": "or"}}).body
    assert (changed["name"], changed["filter"]) == ("renamed", {"junction": "or"})
    sdk.product_collections.delete_product_collection(second.id)
    assert sdk.last.status == 204
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.product_collections.get_product_collection(second.id)
    assert read_refusal(refusal.value) == {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find products_collection with id {second.id}",
        "resource_id": second.id,
        "resource_type": "products_collection",
    }


def test_a_product_in_a_static_collection_cannot_be_deleted(sdk: Sdk, mug: Any) -> None:
    made = create(sdk, type="STATIC", name="Kitchen", products=[{"id": mug.id, "object": "product"}])
    with pytest.raises(voucherify.ApiException) as refusal:
        sdk.products.delete_product("mug")
    body = read_refusal(refusal.value)
    assert (body["code"], body["key"], body["related_object_ids"]) == (400, "resource_in_use", [made.id])
    assert body["details"] == (
        f"Resource product with id mug is in use by products_collections with ids [{made.id}]"
    )
    sdk.product_collections.delete_product_collection(made.id)
    sdk.products.delete_product("mug")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (
            {"type": "AUTO_UPDATE", "name": "a"},
            "'AUTO_UPDATE' collection must contain valid filter with 'junction' property",
        ),
        (
            {"type": "AUTO_UPDATE", "name": "a", "filter": {"junction": "xor"}},
            "Property .filter has wrong `junction` property. It must be one of: and, or",
        ),
        ({"type": "STATIC", "name": 5}, "Property .name must be string"),
    ],
)
def test_a_wrong_collection_is_refused(sdk: Sdk, body: dict[str, Any], details: str) -> None:
    answer = sdk.send("POST", "/v1/product-collections", body)
    assert (answer.status, answer.body["key"], answer.body["details"]) == (400, "invalid_payload", details)
    assert sdk.product_collections.list_product_collections().total == 0


@pytest.fixture
def bearer(sdk: Sdk, server: Server) -> Iterator[Sdk]:
    """The SDK with a token for collections alone."""
    form = {"grant_type": "client_credentials", "scope": "product-collections"}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    client = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    yield client
    client.close()


def test_a_token_for_collections_does_what_the_keys_do(sdk: Sdk, bearer: Sdk) -> None:
    made = create(bearer, type="AUTO_UPDATE", name="a", filter=CHEAP)
    assert sdk.product_collections.get_product_collection(made.id).name == "a"
    assert list_products(bearer, made.id) == []
    with pytest.raises(voucherify.ApiException) as refusal:
        bearer.products.list_products()
    assert refusal.value.status == 403
