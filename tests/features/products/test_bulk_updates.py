"""Many products created or changed in one request."""

from typing import Any

import httpx
import pytest

from catalogue import Catalogue, invalid_payload

BULK = "/v1/products/bulk/async"
METADATA = "/v1/products/metadata/async"


async def update(catalogue: Catalogue, path: str, body: Any) -> dict[str, Any]:
    """The action, when it has ended."""
    answer = await catalogue.client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return await catalogue.end_action(answer.json()["async_action_id"])


async def read_report(catalogue: Catalogue, action: dict[str, Any]) -> list[str]:
    (link,) = action["result"]["reports"]
    async with httpx.AsyncClient(transport=catalogue.client._transport) as anybody:
        return (await anybody.get(link)).text.splitlines()


async def read(catalogue: Catalogue, source_id: str) -> dict[str, Any]:
    product: dict[str, Any] = await catalogue.send("GET", f"/v1/products/{source_id}?hide=sku")
    return product


async def test_what_is_there_is_changed_and_what_is_not_is_made(catalogue: Catalogue, code: str) -> None:
    known = await catalogue.make_product(
        source_id=code, name="Phone", price=1, attributes=["color"], metadata={"a": 1, "b": 2}
    )
    body = [
        {"source_id": f"{code}-new", "name": "New", "price": "5", "attributes": ["x"], "metadata": {"n": 1}},
        {"source_id": code, "price": 2, "metadata": {"b": 3, "c": None}},
    ]

    action = await update(catalogue, BULK, body)

    assert (action["type"], action["operation_status"]) == ("PRODUCTS.BULK_UPDATE", "SUCCESS")
    result = action["result"]
    assert (result["done_count"], result["failed_count"], result["errors"]) == (2, 0, [])
    assert await read_report(catalogue, action) == [
        "source_id,found,updated",
        f"{code}-new,false,true",
        f"{code},true,true",
    ]
    changed = await read(catalogue, code)
    assert changed["updated_at"] is not None
    assert changed == {
        **known,
        "price": 2,
        "metadata": {"a": 1, "b": 3, "c": None},
        "updated_at": changed["updated_at"],
    }
    made = await read(catalogue, f"{code}-new")
    assert (made["name"], made["price"], made["attributes"], made["metadata"], made["updated_at"]) == (
        "New",
        5,
        ["x"],
        {"n": 1},
        None,
    )


async def test_of_a_source_id_twice_the_later_values_count(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code, name="old", metadata={"a": 1})
    body = [
        {"source_id": f"{code}-new", "name": "a", "price": 1, "metadata": {"x": 1}},
        {"source_id": code, "name": "b", "metadata": {"b": 1}},
        {"source_id": f"{code}-new", "price": 2, "metadata": {"y": 1}},
        {"source_id": code, "name": None, "metadata": {"b": 2}},
    ]
    action = await update(catalogue, BULK, body)
    assert action["result"]["done_count"] == 4
    assert (await read_report(catalogue, action))[1:] == [
        f"{code}-new,false,true",
        f"{code},true,true",
        f"{code}-new,true,true",
        f"{code},true,true",
    ]
    made = await read(catalogue, f"{code}-new")
    assert (made["name"], made["price"], made["metadata"]) == ("a", 2, {"x": 1, "y": 1})
    changed = await read(catalogue, code)
    assert (changed["name"], changed["metadata"]) == (None, {"a": 1, "b": 2})


async def test_the_order_of_the_items_is_the_order_of_creation(catalogue: Catalogue, code: str) -> None:
    source_ids = [f"{code}-{letter}" for letter in "cab"]
    await update(catalogue, BULK, [{"source_id": source_id} for source_id in source_ids])
    query = "&".join(
        f"filters[source_id][conditions][$in][{place}]={source_id}"
        for place, source_id in enumerate(source_ids)
    )
    listed = await catalogue.send("GET", f"/v1/products?{query}")
    assert [product["source_id"] for product in listed["products"]] == source_ids


async def test_items_that_do_not_fit_change_nothing(catalogue: Catalogue, code: str) -> None:
    for source_id in (code, f"{code}-binned"):
        await catalogue.make_product(source_id=source_id, name="old")
    await catalogue.send("DELETE", f"/v1/products/{code}-binned")
    await catalogue.set_schema(
        vendor={"type": "string", "optional": False}, size={"type": "number", "optional": True}
    )
    try:
        body = [
            {"source_id": f"{code}-new", "name": "new"},
            {"source_id": code, "name": "new", "metadata": {"size": "XL"}},
            {"source_id": code, "price": 5},
            {"source_id": f"{code}-binned", "name": "new"},
            # What was refused was not made: it is a create once more.
            {"source_id": f"{code}-new", "metadata": {"size": 1}},
        ]
        action = await update(catalogue, BULK, body)
    finally:
        await catalogue.set_schema()
    assert action["operation_status"] == "FAILED"
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (1, 4)
    required = "vendor: must be a string, property is required (actual value is 'undefined')"
    assert [(error["source_id"], error["key"], error["details"]) for error in result["errors"]] == [
        (f"{code}-new", "metadata_validation_failed", required),
        (code, "metadata_validation_failed", "size: must be a number (actual value is 'XL')"),
        (f"{code}-binned", "duplicate_found", f"Duplicated product exists with id {code}-binned"),
        (f"{code}-new", "metadata_validation_failed", required),
    ]
    assert [error["message"] for error in result["errors"]][2] == "Duplicated resource found"
    assert (await catalogue.client.get(f"/v1/products/{code}-new")).status_code == 404
    product = await read(catalogue, code)
    assert (product["name"], product["price"], product["metadata"]) == ("old", 5, {})


async def test_many_products_get_the_same_metadata(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code, name="old", metadata={"a": 1, "b": 1})
    body = {"source_ids": [code, f"{code}-new"], "metadata": {"b": 2, "origin": "PL"}}

    action = await update(catalogue, METADATA, body)

    assert (action["type"], action["operation_status"]) == ("PRODUCTS.METADATA_UPDATE", "SUCCESS")
    assert action["result"]["done_count"] == 2
    assert (await read_report(catalogue, action))[1:] == [f"{code},true,true", f"{code}-new,false,true"]
    known, made = await read(catalogue, code), await read(catalogue, f"{code}-new")
    assert (known["name"], known["metadata"]) == ("old", {"a": 1, "b": 2, "origin": "PL"})
    assert (made["name"], made["metadata"]) == (None, {"b": 2, "origin": "PL"})


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        (BULK, {"source_id": "a"}, "Payload must be array"),
        (BULK, [], "Payload must NOT have fewer than 1 items"),
        (BULK, [{"source_id": "a"}, {"name": "x"}], "Property [1] must have required property 'source_id'"),
        (BULK, [{"source_id": ""}], "Property [0].source_id must NOT have fewer than 1 characters"),
        (BULK, [{"source_id": "a"}, {"source_id": "b", "price": "x"}], "Property [1].price must be integer"),
        (METADATA, {"source_ids": ["a"]}, "Payload must have required property 'metadata'"),
        (METADATA, {"metadata": {"a": 1}}, "Payload must have required property 'source_ids'"),
        (
            METADATA,
            {"source_ids": [], "metadata": {}},
            "Property .source_ids must NOT have fewer than 1 items",
        ),
    ],
)
async def test_a_body_of_another_form_is_refused(
    catalogue: Catalogue, path: str, body: Any, details: str
) -> None:
    before = (await catalogue.send("GET", "/v1/products"))["total"]
    assert await catalogue.refuse("POST", path, body) == invalid_payload(details)
    assert (await catalogue.send("GET", "/v1/products"))["total"] == before


async def test_a_body_of_more_than_ten_megabytes_is_too_large(catalogue: Catalogue) -> None:
    body = [{"source_id": "large", "name": "x" * 10_000, "metadata": {"a": "x" * 1_000_000}}] * 11
    answer = await catalogue.client.post(BULK, json=body)
    assert answer.status_code == 413
    assert (await catalogue.client.get("/v1/products/large")).status_code == 404
