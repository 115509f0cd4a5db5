"""What is in a product collection."""

from typing import Any

import pytest

from catalogue import Catalogue
from shared_project import SharedProject

PATH = "/v1/product-collections"
EVERYTHING = "pc_a11pr0dUc75"

# By source id, in the order of their creation; a SKU names its product.
OBJECTS: dict[str, dict[str, Any]] = {
    "phone": {
        "name": "Samsung Phone",
        "price": 200000,
        "attributes": ["color"],
        "metadata": {"brand": "Samsung"},
    },
    "phone-red": {"product": "phone", "sku": "Red Phone", "price": 900, "attributes": {"color": "red"}},
    "mug": {"name": "Mug", "price": 900, "metadata": {"brand": "Acme", "size": 5}},
    "mug-big": {
        "product": "mug",
        "sku": "Big Mug",
        "metadata": {"brand": "Acme", "size": 9},
        "currency": "EUR",
    },
    "book": {"name": "Book", "image_url": "https://x/book.png"},
}


@pytest.fixture(scope="module")
async def made(shared_project: SharedProject) -> dict[str, dict[str, Any]]:
    """The book was changed since, and something is in the bin."""
    catalogue = Catalogue(shared_project.client, shared_project)
    made: dict[str, dict[str, Any]] = {}
    for source_id, body in OBJECTS.items():
        fields = {"source_id": source_id, **body}
        product = fields.pop("product", None)
        if product:
            made[source_id] = await catalogue.make_sku(product, **fields)
        else:
            made[source_id] = await catalogue.make_product(**fields)
    made["book"] = await catalogue.send("PUT", "/v1/products/book", {"metadata": {"brand": "acme"}})
    await catalogue.make_product(source_id="binned", price=1)
    await catalogue.make_sku("binned", source_id="binned-sku", price=1)
    await catalogue.send("DELETE", "/v1/products/binned")
    return made


async def members(catalogue: Catalogue, collection_id: str, query: str = "") -> list[str]:
    """Source ids of one page, whose total is told right."""
    listed = await catalogue.send("GET", f"{PATH}/{collection_id}/products?limit=100&{query}")
    assert listed["total"] == len(listed["data"])
    return [each["source_id"] for each in listed["data"]]


async def test_products_and_skus_are_listed_the_newest_first(
    catalogue: Catalogue, made: dict[str, dict[str, Any]]
) -> None:
    listed = await catalogue.send("GET", f"{PATH}/{EVERYTHING}/products")
    assert {name: listed[name] for name in listed if name != "data"} == {
        "object": "list",
        "data_ref": "data",
        "total": 5,
    }
    book, big_mug, mug, _, _ = listed["data"]
    assert (book, mug) == (made["book"], made["mug"])
    parent = {
        name: mug[name] for name in ("id", "source_id", "name", "price", "attributes", "metadata", "object")
    }
    assert big_mug == {**made["mug-big"], "product": parent}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("created_at", [*OBJECTS]),
        ("-created_at", [*OBJECTS][::-1]),
        ("updated_at", [*OBJECTS]),
        ("-updated_at", ["book", "mug-big", "mug", "phone-red", "phone"]),
    ],
)
@pytest.mark.usefixtures("made")
async def test_orders(catalogue: Catalogue, order: str, expected: list[str]) -> None:
    assert await members(catalogue, EVERYTHING, f"order={order}") == expected


@pytest.mark.usefixtures("made")
async def test_pages(catalogue: Catalogue) -> None:
    second = await catalogue.send("GET", f"{PATH}/{EVERYTHING}/products?limit=2&page=2")
    assert ([each["source_id"] for each in second["data"]], second["total"]) == (["mug", "phone-red"], 5)
    last = await catalogue.send("GET", f"{PATH}/{EVERYTHING}/products?limit=2&page=4")
    assert (last["data"], last["total"]) == ([], 5)


async def test_a_page_can_start_after_an_object_or_an_instant(
    catalogue: Catalogue, made: dict[str, dict[str, Any]]
) -> None:
    path = f"{PATH}/{EVERYTHING}/products?limit=2"
    for cursor, order, expected in (
        (made["mug-big"]["id"], "-created_at", ["mug", "phone-red"]),
        (made["mug"]["id"], "created_at", ["mug-big", "book"]),
        ("2020-01-01", "created_at", ["phone", "phone-red"]),
        ("2020-01-01", "-created_at", []),
        ("2020-01-01", "-updated_at", []),
        ("2020-01-01", "updated_at", ["book"]),
    ):
        listed = await catalogue.send("GET", f"{path}&order={order}&starting_after={cursor}")
        assert [each["source_id"] for each in listed["data"]] == expected
        assert listed["total"] == 5
    for order, details in (
        ("created_at", "Property .starting_after must be an id of a product or SKU, or a date"),
        ("updated_at", "Property .starting_after must be a date where the order is by updated_at"),
    ):
        refusal = await catalogue.refuse("GET", f"{path}&order={order}&starting_after=mug")
        assert (refusal["key"], refusal["details"]) == ("invalid_query_params", details)


@pytest.mark.parametrize(
    ("field", "conditions", "expected"),
    [
        ("id", {"$is": ["@mug-big"]}, ["mug-big"]),
        ("id", {"$in": ["@mug-big", "@book", "prod_5h1pp1ng"]}, ["book", "mug-big"]),
        ("name", {"$ends_with": ["mug"]}, ["mug-big", "mug"]),
        ("name", {"$contains": ["phone"]}, ["phone-red", "phone"]),
        ("source_id", {"$starts_with": ["mug"]}, ["mug-big", "mug"]),
        # Each by its own price: the mug's does not count for its SKU.
        ("price", {"$less_than": [1000]}, ["mug", "phone-red"]),
        ("price", {"$less_than": "1000"}, ["mug", "phone-red"]),
        ("price", {"$is_unknown": [""]}, ["book", "mug-big"]),
        ("price", {"$more_than_equal": [900], "$less_than_equal": [900]}, ["mug", "phone-red"]),
        ("attributes", {"$contains": ["color"]}, ["phone-red", "phone"]),
        ("attributes", {"$count": [0]}, ["book", "mug-big", "mug"]),
        ("image_url", {"$has_value": [""]}, ["book"]),
        ("updated_at", {"$has_value": [""]}, ["book"]),
        ("created_at", {"$after": ["2020-01-01"]}, [*OBJECTS][::-1]),
        ("metadata.brand", {"$is": ["Acme"]}, ["mug-big", "mug"]),
        ("metadata.brand", {"$is_not": ["Acme"]}, ["book", "phone-red", "phone"]),
        ("metadata.size", {"$more_than": [5]}, ["mug-big"]),
    ],
)
async def test_filters(
    catalogue: Catalogue,
    made: dict[str, dict[str, Any]],
    field: str,
    conditions: dict[str, Any],
    expected: list[str],
) -> None:
    for operator, values in conditions.items():
        if isinstance(values, list):
            conditions = {
                **conditions,
                operator: [
                    made[value[1:]]["id"] if str(value).startswith("@") else value for value in values
                ],
            }
    body = {"name": field, "filter": {"junction": "and", field: {"conditions": conditions}}}
    collection = await catalogue.send("POST", PATH, body)
    assert await members(catalogue, collection["id"]) == expected


@pytest.mark.usefixtures("made")
async def test_fields_are_joined_as_the_junction_says(catalogue: Catalogue) -> None:
    fields = {
        "name": {"conditions": {"$is": ["Book"]}},
        "metadata.brand": {"conditions": {"$is": ["Acme"]}},
    }
    for junction, expected in (("and", []), ("or", ["book", "mug-big", "mug"])):
        body = {"name": junction, "filter": {"junction": junction, **fields}}
        collection = await catalogue.send("POST", PATH, body)
        assert await members(catalogue, collection["id"]) == expected


@pytest.mark.usefixtures("made")
async def test_a_filter_is_applied_when_the_collection_is_read(catalogue: Catalogue) -> None:
    body = {"name": "red", "filter": {"junction": "and", "metadata.color": {"conditions": {"$is": ["red"]}}}}
    collection = await catalogue.send("POST", PATH, body)
    assert await members(catalogue, collection["id"]) == []
    await catalogue.send("PUT", "/v1/products/book", {"metadata": {"color": "red"}})
    assert await members(catalogue, collection["id"]) == ["book"]
    await catalogue.send("PUT", "/v1/products/book", {"metadata": {"color": "blue"}})
    assert await members(catalogue, collection["id"]) == []


async def test_a_product_of_a_static_collection_brings_all_its_skus(
    catalogue: Catalogue, made: dict[str, dict[str, Any]]
) -> None:
    sent = [{"id": "mug", "object": "product"}, {"id": made["phone-red"]["id"], "object": "sku"}]
    collection = await catalogue.send("POST", PATH, {"name": "static", "products": sent})
    assert await members(catalogue, collection["id"]) == ["mug-big", "mug", "phone-red"]
    # Those that come later, too.
    late = await catalogue.make_sku("mug", source_id="mug-late")
    assert await members(catalogue, collection["id"]) == ["mug-late", "mug-big", "mug", "phone-red"]
    await catalogue.send("DELETE", f"/v1/products/mug/skus/{late['id']}?force=true")
    await catalogue.send("DELETE", f"{PATH}/{collection['id']}")


@pytest.mark.usefixtures("made")
async def test_a_static_collection_of_nothing_is_empty(catalogue: Catalogue) -> None:
    collection = await catalogue.send("POST", PATH, {"name": "static", "type": "STATIC"})
    assert await members(catalogue, collection["id"]) == []


@pytest.mark.usefixtures("made")
async def test_shipping_is_in_a_collection_only_where_it_was_named(catalogue: Catalogue) -> None:
    sent = [{"id": "prod_5h1pp1ng", "object": "product"}]
    collection = await catalogue.send("POST", PATH, {"name": "shipping", "products": sent})
    assert collection["products"] == sent
    assert await members(catalogue, collection["id"]) == ["5h1pp1ng"]
    assert "5h1pp1ng" not in await members(catalogue, EVERYTHING)
