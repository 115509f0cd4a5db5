"""What order items refer to, and what `override` writes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from catalogue import Catalogue, not_found
from openvoucher.features.products.schemas import (
    ItemOverride,
    ItemReference,
    ResolvedItem,
    show_product_id,
    show_sku_id,
)
from openvoucher.features.products.service import override_items, resolve_items
from openvoucher.platform.db import Connection
from openvoucher.wire.errors import ApiError
from shared_project import SharedProject

UNKNOWN = "prod_" + "0" * 32


@pytest_asyncio.fixture(loop_scope="module")
async def product(catalogue: Catalogue, code: str) -> dict[str, Any]:
    return await catalogue.make_product(source_id=code, name="Phone", price=100, metadata={"a": 1})


@pytest_asyncio.fixture(loop_scope="module")
async def sku(catalogue: Catalogue, product: dict[str, Any], code: str) -> dict[str, Any]:
    return await catalogue.make_sku(product["id"], source_id=f"{code}-sku", sku="Blue", price=200)


@pytest_asyncio.fixture(loop_scope="module")
async def connection(shared_project: SharedProject) -> AsyncIterator[Connection]:
    async with shared_project.db.transaction() as opened:
        yield opened


def show(item: ResolvedItem) -> tuple[str | None, str | None]:
    """Ids of product and SKU."""
    return (
        show_product_id(item.product["id"]) if item.product is not None else None,
        show_sku_id(item.sku["id"]) if item.sku is not None else None,
    )


# --- references --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"sku_id": "@sku"}, "sku"),
        ({"sku_id": "CODE-sku"}, "sku"),
        ({"product_id": "@product"}, "product"),
        ({"product_id": "CODE"}, "product"),
        ({"source_id": "CODE"}, "product"),
        ({"source_id": "CODE", "related_object": "product"}, "product"),
        ({"source_id": "CODE-sku", "related_object": "sku"}, "sku"),
        ({"nested_sku": "CODE-sku"}, "sku"),
        ({"nested_product": "CODE"}, "product"),
        ({"nested_sku": "@sku", "nested_product": "CODE"}, "sku"),
        # The SKU says more than the product.
        ({"sku_id": "@sku", "product_id": "CODE"}, "sku"),
        ({"sku_id": "unknown", "product_id": "CODE"}, "product"),
        ({"product_id": "CODE", "nested_sku": "CODE-sku"}, "product"),
        ({"source_id": "unknown", "nested_product": "CODE"}, "product"),
        # A source id of the one is none of the other.
        ({"source_id": "CODE-sku"}, "nothing"),
        ({"source_id": "CODE", "related_object": "sku"}, "nothing"),
        ({"sku_id": "@product"}, "nothing"),
        ({"product_id": "@sku"}, "nothing"),
        ({"product_id": UNKNOWN}, "nothing"),
        ({"product_id": ""}, "nothing"),
        ({}, "nothing"),
    ],
)
async def test_references(
    shared_project: SharedProject,
    connection: Connection,
    product: dict[str, Any],
    sku: dict[str, Any],
    code: str,
    reference: dict[str, Any],
    expected: str,
) -> None:
    ids = {"@product": product["id"], "@sku": sku["id"]}
    sent = {name: ids.get(text, text.replace("CODE", code)) for name, text in reference.items()}
    (found,) = await resolve_items(connection, shared_project.call.project.id, [ItemReference(**sent)])
    assert (
        show(found)
        == {
            "sku": (product["id"], sku["id"]),
            "product": (product["id"], None),
            "nothing": (None, None),
        }[expected]
    )


async def test_shipping_is_found_like_any_product(
    shared_project: SharedProject, connection: Connection
) -> None:
    references = [ItemReference(product_id="prod_5h1pp1ng"), ItemReference(source_id="5h1pp1ng")]
    found = await resolve_items(connection, shared_project.call.project.id, references)
    assert [show(item) for item in found] == [("prod_5h1pp1ng", None)] * 2


async def test_what_was_deleted_or_is_another_projects_is_not_found(
    catalogue: Catalogue,
    shared_project: SharedProject,
    connection: Connection,
    product: dict[str, Any],
    sku: dict[str, Any],
    code: str,
) -> None:
    theirs = (await shared_project.other_client.post("/v1/products", json={"source_id": f"{code}-x"})).json()
    gone = await catalogue.make_sku(code, source_id=f"{code}-gone")
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{gone['id']}")
    references = [
        ItemReference(product_id=theirs["id"]),
        ItemReference(source_id=f"{code}-x"),
        ItemReference(sku_id=gone["id"]),
    ]
    found = await resolve_items(connection, shared_project.call.project.id, references)
    assert [show(item) for item in found] == [(None, None)] * 3
    await catalogue.send("DELETE", f"/v1/products/{code}")
    references = [ItemReference(product_id=product["id"]), ItemReference(sku_id=sku["id"])]
    found = await resolve_items(connection, shared_project.call.project.id, references)
    assert [show(item) for item in found] == [(None, None)] * 2


async def test_five_hundred_references_take_two_queries_and_keep_their_order(
    catalogue: Catalogue, shared_project: SharedProject, connection: Connection, code: str
) -> None:
    body = [{"source_id": f"{code}-{number}", "price": number} for number in range(250)]
    answer = await catalogue.client.post("/v1/products/bulk/async", json=body)
    await catalogue.end_action(answer.json()["async_action_id"])
    rows = "".join(f"{code}-{number},{code}-s{number}\n" for number in range(250))
    await catalogue.upload("/v1/skus/importCSV", f"product_id,source_id\n{rows}")
    references = [
        reference
        for number in range(250)
        for reference in (
            ItemReference(source_id=f"{code}-{number}"),
            ItemReference(source_id=f"{code}-s{number}", related_object="sku"),
        )
    ]
    statements: list[str] = []
    with connection.query_logger(lambda query: statements.append(query.query)):
        found = await resolve_items(connection, shared_project.call.project.id, references)
    # The logger is called by the loop, a little later.
    await asyncio.sleep(0)
    assert len(statements) == 2
    assert [item.product and item.product["price"] for item in found] == [
        number for number in range(250) for _ in range(2)
    ]
    assert [item.sku and item.sku["source_id"] for item in found] == [
        sku for number in range(250) for sku in (None, f"{code}-s{number}")
    ]


# --- override ----------------------------------------------------------------------------------------


async def override(shared_project: SharedProject, *overrides: ItemOverride) -> int:
    """How many statements it took."""
    statements: list[str] = []
    async with shared_project.db.transaction() as connection:
        with connection.query_logger(lambda query: statements.append(query.query)):
            await override_items(connection, shared_project.call, overrides)
    return len(statements)


async def test_an_unknown_product_is_made(
    catalogue: Catalogue, shared_project: SharedProject, code: str
) -> None:
    await override(
        shared_project,
        ItemOverride(kind="product", source_id=code, name="Phone", price=5, metadata={"a": 1}),
        # An id that nothing has becomes a source id.
        ItemOverride(kind="product", source_id=f"{UNKNOWN}{code}", name="by id"),
    )
    made = await catalogue.send("GET", f"/v1/products/{code}?hide=sku")
    assert (made["name"], made["price"], made["metadata"], made["attributes"]) == ("Phone", 5, {"a": 1}, [])
    assert made["created_at"] == "2026-03-01T12:00:00.000Z"
    other = await catalogue.send("GET", f"/v1/products/{UNKNOWN}{code}")
    assert (other["name"], other["price"], other["id"] == UNKNOWN) == ("by id", None, False)


async def test_a_known_product_gets_what_was_sent(
    catalogue: Catalogue, shared_project: SharedProject, product: dict[str, Any], code: str
) -> None:
    await override(shared_project, ItemOverride(kind="product", source_id=product["id"], price=7))
    changed = await catalogue.send("GET", f"/v1/products/{code}?hide=sku")
    assert changed == {**product, "price": 7, "updated_at": "2026-03-01T12:00:00.000Z"}
    # Metadata is replaced, not merged.
    await override(shared_project, ItemOverride(kind="product", source_id=code, name=None, metadata={"b": 2}))
    changed = await catalogue.send("GET", f"/v1/products/{code}?hide=sku")
    assert (changed["name"], changed["price"], changed["metadata"]) == (None, 7, {"b": 2})


async def test_the_same_values_again_write_and_lock_nothing(
    catalogue: Catalogue, shared_project: SharedProject, product: dict[str, Any], code: str
) -> None:
    same = ItemOverride(kind="product", source_id=code, name="Phone", price=100, metadata={"a": 1})
    assert await override(shared_project, same) == 1
    assert await catalogue.send("GET", f"/v1/products/{code}?hide=sku") == product


async def test_of_two_overrides_the_later_one_counts(
    catalogue: Catalogue, shared_project: SharedProject, product: dict[str, Any], code: str
) -> None:
    await override(
        shared_project,
        ItemOverride(kind="product", source_id=product["id"], name="first", price=1),
        ItemOverride(kind="product", source_id=code, price=100),
        ItemOverride(kind="product", source_id=f"{code}-new", name="new", price=1),
        ItemOverride(kind="product", source_id=f"{code}-new", price=2),
    )
    changed = await catalogue.send("GET", f"/v1/products/{code}")
    assert (changed["name"], changed["price"]) == ("first", 100)
    made = await catalogue.send("GET", f"/v1/products/{code}-new")
    assert (made["name"], made["price"]) == ("new", 2)


async def test_a_sku_is_made_under_a_product_of_the_same_order(
    catalogue: Catalogue, shared_project: SharedProject, sku: dict[str, Any], code: str
) -> None:
    await override(
        shared_project,
        ItemOverride(kind="product", source_id=f"{code}-new", name="Shirt"),
        ItemOverride(kind="sku", source_id=f"{code}-1", product=f"{code}-new", name="Red", price=5),
        ItemOverride(kind="sku", source_id=sku["id"], name="Green", metadata={"b": 1}),
        ItemOverride(kind="sku", source_id=f"{code}-homeless", name="no product"),
        ItemOverride(kind="sku", source_id=f"{code}-homeless", product="unknown", name="no product"),
    )
    made = await catalogue.send("GET", f"/v1/skus/{code}-1")
    assert (made["sku"], made["price"], made["product"]["name"]) == ("Red", 5, "Shirt")
    changed = await catalogue.send("GET", f"/v1/skus/{code}-sku")
    assert (changed["sku"], changed["price"], changed["metadata"]) == ("Green", 200, {"b": 1})
    assert await catalogue.refuse("GET", f"/v1/skus/{code}-homeless") == not_found("sku", f"{code}-homeless")


async def test_what_lies_in_the_bin_is_left_there(
    catalogue: Catalogue, shared_project: SharedProject, product: dict[str, Any], code: str
) -> None:
    await catalogue.send("DELETE", f"/v1/products/{code}")
    await override(shared_project, ItemOverride(kind="product", source_id=code, name="new", price=1))
    assert await catalogue.refuse("GET", f"/v1/products/{code}") == not_found("product", code)
    async with shared_project.db.connection() as connection:
        names = await connection.fetch("select name from product where source_id = $1", code)
    assert [row["name"] for row in names] == ["Phone"]


async def test_metadata_of_an_override_follows_the_schema_of_products(
    catalogue: Catalogue, shared_project: SharedProject, product: dict[str, Any], code: str
) -> None:
    await catalogue.set_schema(vendor={"type": "string", "optional": False})
    try:
        for refused in (
            ItemOverride(kind="product", source_id=code, price=1, metadata={"size": 1}),
            ItemOverride(kind="product", source_id=f"{code}-new", price=1),
            ItemOverride(kind="sku", source_id=f"{code}-new", product=code, price=1),
        ):
            with pytest.raises(ApiError) as refusal:
                await override(
                    shared_project, ItemOverride(kind="product", source_id=f"{code}-first", price=1), refused
                )
            assert refusal.value.key == "metadata_validation_failed"
        await override(shared_project, ItemOverride(kind="product", source_id=code, price=1))
    finally:
        await catalogue.set_schema()
    assert (await catalogue.send("GET", f"/v1/products/{code}"))["price"] == 1
    for source_id in (f"{code}-new", f"{code}-first"):
        assert (await catalogue.client.get(f"/v1/products/{source_id}")).status_code == 404


async def test_five_hundred_overrides_take_few_queries(
    catalogue: Catalogue, shared_project: SharedProject, code: str
) -> None:
    of_products = [
        ItemOverride(kind="product", source_id=f"{code}-{number}", price=number) for number in range(250)
    ]
    of_skus = [
        ItemOverride(kind="sku", source_id=f"{code}-s{number}", product=f"{code}-{number}", price=number)
        for number in range(250)
    ]
    assert await override(shared_project, *of_products, *of_skus) <= 12
    listed = await catalogue.send("GET", f"/v1/products?filters[source_id][conditions][$starts_with]={code}-")
    assert listed["total"] == 250
    assert [product["skus"]["total"] for product in listed["products"]] == [1] * 10
