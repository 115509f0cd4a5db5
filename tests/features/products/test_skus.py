"""SKUs over HTTP."""

import re
from typing import Any

import pytest
import pytest_asyncio

from catalogue import Catalogue, duplicate, in_use, invalid_payload, not_found
from shared_project import SharedProject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "sku_" + "0" * 32


@pytest_asyncio.fixture(loop_scope="module")
async def product(catalogue: Catalogue, code: str) -> dict[str, Any]:
    return await catalogue.make_product(
        source_id=code, name="Phone", price=100, attributes=["color", "memory"], metadata={"a": 1}
    )


async def test_a_new_sku_has_all_fields(catalogue: Catalogue, product: dict[str, Any], code: str) -> None:
    sku = await catalogue.make_sku(
        code,
        source_id=f"{code}-1",
        sku="Samsung phone 256GB",
        price=1300,
        currency="USD",
        attributes={"color": "vintage-black", "memory": 256},
        image_url="https://www.website.com/image.png",
        metadata={"imported": True},
    )
    assert re.fullmatch(r"sku_[0-9a-f]{32}", sku["id"])
    assert INSTANT.fullmatch(sku["created_at"])
    assert sku == {
        "id": sku["id"],
        "source_id": f"{code}-1",
        "product_id": product["id"],
        "sku": "Samsung phone 256GB",
        "price": 1300,
        "currency": "USD",
        "attributes": {"color": "vintage-black", "memory": 256},
        "image_url": "https://www.website.com/image.png",
        "metadata": {"imported": True},
        "created_at": sku["created_at"],
        "updated_at": None,
        "object": "sku",
    }


async def test_a_sku_is_read_with_its_product(
    catalogue: Catalogue, product: dict[str, Any], code: str
) -> None:
    sku = await catalogue.make_sku(product["id"], source_id=f"{code}-1")
    assert {sku[name] for name in ("sku", "price", "currency", "image_url", "updated_at")} == {None}
    assert (sku["attributes"], sku["metadata"]) == ({}, {})
    parent = {
        name: product[name]
        for name in ("id", "source_id", "name", "price", "attributes", "metadata", "object")
    }
    for sent in (sku["id"], f"{code}-1"):
        assert await catalogue.send("GET", f"/v1/skus/{sent}") == {**sku, "product": parent}


@pytest.mark.usefixtures("product")
async def test_attributes_that_the_product_does_not_have_are_dropped(catalogue: Catalogue, code: str) -> None:
    sku = await catalogue.make_sku(code, source_id=f"{code}-1", attributes={"color": "red", "size": "XL"})
    assert sku["attributes"] == {"color": "red"}
    path = f"/v1/products/{code}/skus/{code}-1"
    changed = await catalogue.send("PUT", path, {"attributes": {"memory": [1], "size": "XL"}})
    assert changed["attributes"] == {"memory": [1]}
    # A product that loses an attribute leaves the values of its SKUs alone.
    await catalogue.send("PUT", f"/v1/products/{code}", {"attributes": ["color"]})
    assert (await catalogue.send("GET", f"/v1/skus/{code}-1"))["attributes"] == {"memory": [1]}


@pytest.mark.usefixtures("product")
async def test_the_same_source_id_or_id_again_changes_the_sku(catalogue: Catalogue, code: str) -> None:
    first = await catalogue.make_sku(
        code, source_id=f"{code}-1", sku="a", price="5", metadata={"x": 1, "y": 1}
    )
    second = await catalogue.make_sku(code, source_id=f"{code}-1", sku="b", metadata={"y": 2})
    assert second == {**first, "sku": "b", "metadata": {"x": 1, "y": 2}, "updated_at": second["updated_at"]}
    assert INSTANT.fullmatch(second["updated_at"])
    third = await catalogue.make_sku(code, id=first["id"], source_id=f"{code}-2", price=None)
    assert (third["id"], third["source_id"], third["price"]) == (first["id"], f"{code}-2", None)
    assert (await catalogue.send("GET", f"/v1/products/{code}/skus"))["total"] == 1


@pytest.mark.usefixtures("product")
async def test_a_sku_of_another_product_is_in_use(catalogue: Catalogue, code: str) -> None:
    other = await catalogue.make_product(source_id=f"{code}-other")
    sku = await catalogue.make_sku(other["id"], source_id=f"{code}-1", sku="a")
    for body, named in (
        ({"source_id": f"{code}-1", "sku": "b"}, f"{code}-1"),
        ({"id": sku["id"], "sku": "b"}, sku["id"]),
    ):
        refusal = await catalogue.refuse("POST", f"/v1/products/{code}/skus", body)
        assert refusal == in_use("sku", named, "product", [other["id"]])
    path = f"/v1/products/{code}/skus/{code}-1"
    assert await catalogue.refuse("PUT", path, {"sku": "b"}) == not_found("sku", f"{code}-1")
    assert await catalogue.refuse("DELETE", path) == not_found("sku", f"{code}-1")
    shown = await catalogue.send("GET", f"/v1/skus/{code}-1")
    assert (shown["sku"], shown["product_id"]) == ("a", other["id"])


@pytest.mark.usefixtures("product")
async def test_an_update_changes_what_is_sent_and_skips_what_is_unknown(
    catalogue: Catalogue, code: str
) -> None:
    sku = await catalogue.make_sku(code, source_id=f"{code}-1", sku="a", price=1, metadata={"x": 1})
    path = f"/v1/products/{code}/skus/{sku['id']}"
    body = {"price": "210000", "currency": "PLN", "source_id": "skipped", "product_id": "skipped"}
    changed = await catalogue.send("PUT", path, body)
    assert changed == {**sku, "price": 210000, "currency": "PLN", "updated_at": changed["updated_at"]}
    nothing = dict.fromkeys(("sku", "price", "currency", "attributes", "image_url", "metadata"))
    cleared = await catalogue.send("PUT", path, nothing)
    assert cleared == {
        **sku,
        "sku": None,
        "price": None,
        "updated_at": cleared["updated_at"],
    }


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"price": -5}, "Property .price must be >= 0"),
        ({"price": "x"}, "Property .price must be integer"),
        ({"attributes": []}, "Property .attributes must be object,null"),
        ({"currency": 5}, "Property .currency must be string,null"),
    ],
)
@pytest.mark.usefixtures("product")
async def test_a_wrong_body_makes_nothing(
    catalogue: Catalogue, code: str, body: dict[str, Any], details: str
) -> None:
    path = f"/v1/products/{code}/skus"
    assert await catalogue.refuse("POST", path, body) == invalid_payload(details)
    assert (await catalogue.send("GET", path))["total"] == 0


@pytest.mark.usefixtures("product")
async def test_metadata_follows_the_schema_of_products(catalogue: Catalogue, code: str) -> None:
    await catalogue.set_schema(vendor={"type": "string", "optional": False})
    try:
        path = f"/v1/products/{code}/skus"
        refusal = await catalogue.refuse("POST", path, {"source_id": f"{code}-1"})
        assert refusal["key"] == "metadata_validation_failed"
        await catalogue.make_sku(code, source_id=f"{code}-1", metadata={"vendor": "Acme"})
        refusal = await catalogue.refuse("PUT", f"{path}/{code}-1", {"metadata": {"vendor": 5}})
        assert refusal["details"] == "vendor: must be a string, property is required (actual value is '5')"
        await catalogue.send("PUT", f"{path}/{code}-1", {"metadata": {"size": 5}})
    finally:
        await catalogue.set_schema()
    assert (await catalogue.send("GET", f"/v1/skus/{code}-1"))["metadata"] == {"vendor": "Acme", "size": 5}


# --- lists -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("product")
async def test_skus_are_listed_the_oldest_first_and_in_pages(catalogue: Catalogue, code: str) -> None:
    made = [await catalogue.make_sku(code, source_id=f"{code}-{number}") for number in range(3)]
    listed = await catalogue.send("GET", f"/v1/products/{code}/skus")
    assert listed == {"object": "list", "data_ref": "skus", "skus": made, "total": 3}
    listed = await catalogue.send("GET", f"/v1/products/{code}/skus?limit=2&page=2&order=-created_at")
    assert listed == {"object": "list", "data_ref": "skus", "skus": [made[0]], "total": 3}


@pytest.mark.usefixtures("product")
async def test_skus_can_be_filtered(catalogue: Catalogue, code: str) -> None:
    for number, color in enumerate(("red", "blue")):
        await catalogue.make_sku(
            code, source_id=f"{code}-{color}", price=number * 100, attributes={"color": color}
        )
    path = f"/v1/products/{code}/skus"
    for query, expected in (
        ("filters[price][conditions][$more_than]=50", ["blue"]),
        ("filters[attributes.color][conditions][$is]=red", ["red"]),
        (f"filters[source_id][conditions][$in][0]={code}-red", ["red"]),
        ("start_date=2020-01-01&end_date=2020-01-02", []),
        ("start_date=2020-01-01", ["red", "blue"]),
    ):
        listed = await catalogue.send("GET", f"{path}?{query}")
        assert [sku["source_id"] for sku in listed["skus"]] == [f"{code}-{each}" for each in expected]
        assert listed["total"] == len(expected)


# --- delete ------------------------------------------------------------------------------------------


async def test_a_deleted_sku_lies_in_the_bin_and_keeps_its_source_id(
    catalogue: Catalogue, product: dict[str, Any], code: str
) -> None:
    sku = await catalogue.make_sku(code, source_id=f"{code}-1", sku="Red")
    kept = await catalogue.make_sku(code, source_id=f"{code}-2")

    assert await catalogue.send("DELETE", f"/v1/products/{code}/skus/{code}-1") is None

    assert await catalogue.refuse("GET", f"/v1/skus/{sku['id']}") == not_found("sku", sku["id"])
    assert (await catalogue.send("GET", f"/v1/products/{code}/skus"))["skus"] == [kept]
    assert (await catalogue.send("GET", f"/v1/products/{code}"))["skus"]["data"] == [kept]
    (entry,) = (await catalogue.send("GET", "/v1/trash-bin?limit=1"))["data"]
    assert (entry["resource_id"], entry["resource_type"], entry["resource_name"]) == (sku["id"], "sku", "Red")
    assert entry["resource_parent_id"] == product["id"]
    refusal = await catalogue.refuse("POST", f"/v1/products/{code}/skus", {"source_id": f"{code}-1"})
    assert refusal == duplicate("sku", f"{code}-1")

    await catalogue.send("DELETE", f"/v1/trash-bin/{entry['id']}")
    assert (await catalogue.make_sku(code, source_id=f"{code}-1"))["id"] != sku["id"]


@pytest.mark.usefixtures("product")
async def test_with_force_a_sku_is_gone(catalogue: Catalogue, code: str) -> None:
    sku = await catalogue.make_sku(code, source_id=f"{code}-1", sku="Red")
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{sku['id']}?force=true")
    entries = (await catalogue.send("GET", "/v1/trash-bin"))["data"]
    assert sku["id"] not in [entry["resource_id"] for entry in entries]
    assert (await catalogue.make_sku(code, source_id=f"{code}-1"))["id"] != sku["id"]


@pytest.mark.parametrize("sent", [UNKNOWN, "sku_0b1621b2f25248b79c", "unknown", "prod_" + "0" * 32])
async def test_what_is_unknown_is_not_found(catalogue: Catalogue, product: dict[str, Any], sent: str) -> None:
    expected = not_found("sku", sent)
    path = f"/v1/products/{product['id']}/skus/{sent}"
    assert await catalogue.refuse("GET", f"/v1/skus/{sent}") == expected
    assert await catalogue.refuse("PUT", path, {"sku": "x"}) == expected
    assert await catalogue.refuse("DELETE", path) == expected


@pytest.mark.usefixtures("product")
async def test_another_projects_sku_answers_like_one_that_never_was(
    catalogue: Catalogue, shared_project: SharedProject, code: str
) -> None:
    sku = await catalogue.make_sku(code, source_id=f"{code}-1")
    other = shared_project.other_client
    theirs = (await other.post("/v1/products", json={"source_id": code})).json()
    for sent in (sku["id"], f"{code}-1"):
        answer = await other.get(f"/v1/skus/{sent}")
        assert {**not_found("sku", sent), "request_id": answer.headers["X-Request-Id"]} == answer.json()
        answer = await other.delete(f"/v1/products/{theirs['id']}/skus/{sent}")
        assert answer.json()["resource_type"] == "sku"
    assert (await catalogue.send("GET", f"/v1/products/{code}/skus"))["skus"] == [sku]
