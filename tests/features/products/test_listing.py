"""Lists of products: order, pages, dates, filters."""

from typing import Any
from urllib.parse import quote

import pytest

from catalogue import Catalogue
from shared_project import SharedProject

# By the name under which the tests know them.
PRODUCTS: dict[str, dict[str, Any]] = {
    "phone": {"name": "Samsung Phone", "price": 200000, "attributes": ["color", "memory"]},
    "mug": {"name": "Mug", "price": 900, "metadata": {"vendor": "Acme", "stock": 5}},
    "book": {"name": "Book 100% fun", "image_url": "https://x/book.png", "metadata": {"vendor": "Shop"}},
}


@pytest.fixture(scope="module")
async def products(shared_project: SharedProject) -> dict[str, dict[str, Any]]:
    """The book was changed since."""
    catalogue = Catalogue(shared_project.client, shared_project)
    made = {
        source_id: await catalogue.make_product(source_id=source_id, **body)
        for source_id, body in PRODUCTS.items()
    }
    await catalogue.make_sku("mug", source_id="mug-red")
    made["book"] = await catalogue.send("PUT", "/v1/products/book", {"price": None})
    return made


async def names(catalogue: Catalogue, query: str) -> list[str]:
    """Source ids of one page, whose total is told right."""
    listed = await catalogue.send("GET", f"/v1/products?limit=100&{query}")
    assert listed["total"] == len(listed["products"])
    return [product["source_id"] for product in listed["products"]]


async def test_products_are_listed_the_oldest_first_each_with_its_skus(
    catalogue: Catalogue, products: dict[str, dict[str, Any]]
) -> None:
    listed = await catalogue.send("GET", "/v1/products")
    sku = await catalogue.send("GET", "/v1/skus/mug-red")
    del sku["product"]
    skus = {"phone": [], "mug": [sku], "book": []}
    assert listed == {
        "object": "list",
        "data_ref": "products",
        "products": [
            {
                **product,
                "skus": {
                    "object": "list",
                    "data_ref": "data",
                    "data": skus[source_id],
                    "total": len(skus[source_id]),
                },
            }
            for source_id, product in products.items()
        ],
        "total": 3,
    }


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("created_at", ["phone", "mug", "book"]),
        ("-created_at", ["book", "mug", "phone"]),
        ("updated_at", ["phone", "mug", "book"]),
        ("-updated_at", ["book", "mug", "phone"]),
    ],
)
@pytest.mark.usefixtures("products")
async def test_orders(catalogue: Catalogue, order: str, expected: list[str]) -> None:
    assert await names(catalogue, f"order={order}") == expected


@pytest.mark.usefixtures("products")
async def test_pages(catalogue: Catalogue) -> None:
    second = await catalogue.send("GET", "/v1/products?limit=2&page=2&hide=sku")
    assert ([each["source_id"] for each in second["products"]], second["total"]) == (["book"], 3)
    assert "skus" not in second["products"][0]
    third = await catalogue.send("GET", "/v1/products?limit=2&page=3")
    assert (third["products"], third["total"]) == ([], 3)


@pytest.mark.usefixtures("products")
async def test_products_of_a_time(catalogue: Catalogue, products: dict[str, dict[str, Any]]) -> None:
    mug = products["mug"]["created_at"]
    assert (await names(catalogue, f"start_date={mug}"))[-2:] == ["mug", "book"]
    assert (await names(catalogue, f"end_date={mug}"))[:2] == ["phone", "mug"]
    assert await names(catalogue, "end_date=2020-01-01") == []
    assert await names(catalogue, "start_date=2020-01-01T10") == ["phone", "mug", "book"]


@pytest.mark.parametrize(
    ("field", "operator", "values", "expected"),
    [
        ("id", "$is", ["@mug"], ["mug"]),
        ("id", "$not_in", ["@mug", "@book"], ["phone"]),
        ("name", "$starts_with", ["sam"], ["phone"]),
        ("name", "$contains", ["100%"], ["book"]),
        ("source_id", "$in", ["mug", "book", "other"], ["mug", "book"]),
        ("source_id", "$ends_with", ["g"], ["mug"]),
        ("price", "$less_than", ["1000"], ["mug"]),
        ("price", "$is_unknown", [""], ["book"]),
        ("attributes", "$contains", ["memory"], ["phone"]),
        ("attributes", "$count", ["0"], ["mug", "book"]),
        ("image_url", "$has_value", [""], ["book"]),
        ("updated_at", "$has_value", [""], ["book"]),
        ("created_at", "$before", ["2020-01-01"], []),
        ("metadata.vendor", "$is", ["Acme"], ["mug"]),
        ("metadata.stock", "$more_than_equal", ["5"], ["mug"]),
        ("metadata.vendor", "$is_not", ["Acme"], ["phone", "book"]),
    ],
)
async def test_filters(
    catalogue: Catalogue,
    products: dict[str, dict[str, Any]],
    field: str,
    operator: str,
    values: list[str],
    expected: list[str],
) -> None:
    sent = [products[value[1:]]["id"] if value.startswith("@") else value for value in values]
    query = "&".join(
        f"filters[{field}][conditions][{operator}][{place}]={quote(value)}"
        for place, value in enumerate(sent)
    )
    assert await names(catalogue, query) == expected


@pytest.mark.usefixtures("products")
async def test_filters_can_be_joined_by_or(catalogue: Catalogue) -> None:
    query = "filters[name][conditions][$is]=Mug&filters[attributes][conditions][$count]=2"
    assert await names(catalogue, query) == []
    assert await names(catalogue, f"{query}&filters[junction]=or") == ["phone", "mug"]


@pytest.mark.parametrize(
    ("query", "key", "details"),
    [
        ("limit=0", "invalid_query_params", "Property .limit must be >= 1"),
        ("limit=101", "invalid_query_params", "Property .limit must be <= 100"),
        ("page=1001", "page_over_limit", "Property .page cannot be higher than 1000"),
        (
            "start_date=yesterday",
            "invalid_query_params",
            "Property .start_date cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            "end_date=2020-13-01",
            "invalid_query_params",
            "Property .end_date cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            "order=name",
            "invalid_query_params",
            "Property .order must be equal to one of the allowed values"
            " [ created_at, -created_at, updated_at, -updated_at ]",
        ),
        (
            "filters[colour][conditions][$is]=red",
            "invalid_query_params",
            "Property .filters.colour is not allowed",
        ),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    catalogue: Catalogue, query: str, key: str, details: str
) -> None:
    refusal = await catalogue.refuse("GET", f"/v1/products?{query}")
    assert (refusal["code"], refusal["key"], refusal["details"]) == (400, key, details)
