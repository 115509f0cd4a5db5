"""Products over HTTP."""

import re
from typing import Any

import pytest

from catalogue import Catalogue, duplicate, invalid_payload, not_found
from shared_project import SharedProject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "prod_" + "0" * 32
SHIPPING = "prod_5h1pp1ng"


# --- create and change -------------------------------------------------------------------------------


async def test_a_new_product_has_all_fields_but_no_skus(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(
        source_id=code,
        name="Samsung Phone",
        price=200000,
        attributes=["color", "memory"],
        metadata={"test": True, "vendor": "Online Store"},
        image_url="https://www.website.com/image.png",
    )

    assert re.fullmatch(r"prod_[0-9a-f]{32}", product["id"])
    assert INSTANT.fullmatch(product["created_at"])
    assert product == {
        "id": product["id"],
        "source_id": code,
        "name": "Samsung Phone",
        "price": 200000,
        "attributes": ["color", "memory"],
        "metadata": {"test": True, "vendor": "Online Store"},
        "image_url": "https://www.website.com/image.png",
        "created_at": product["created_at"],
        "updated_at": None,
        "object": "product",
    }


async def test_what_was_not_given_is_null_and_metadata_is_empty(catalogue: Catalogue) -> None:
    product = await catalogue.make_product()
    shown = {name: product[name] for name in product if name not in ("id", "created_at")}
    assert shown == {
        "source_id": None,
        "name": None,
        "price": None,
        "attributes": [],
        "metadata": {},
        "image_url": None,
        "updated_at": None,
        "object": "product",
    }


async def test_the_same_source_id_again_changes_the_product(catalogue: Catalogue, code: str) -> None:
    first = await catalogue.make_product(
        source_id=code, name="Phone", price=100, attributes=["color"], metadata={"a": 1, "b": 2}
    )
    second = await catalogue.make_product(source_id=code, price=None, metadata={"b": 3, "c": None})
    assert INSTANT.fullmatch(second["updated_at"])
    assert second == {
        **first,
        "price": None,
        "metadata": {"a": 1, "b": 3, "c": None},
        "updated_at": second["updated_at"],
    }


async def test_an_id_again_changes_the_product_and_its_source_id(catalogue: Catalogue, code: str) -> None:
    first = await catalogue.make_product(source_id=code, name="Phone")
    second = await catalogue.make_product(id=first["id"], source_id=f"{code}-new", name="Phone 2")
    assert (second["id"], second["source_id"], second["name"]) == (first["id"], f"{code}-new", "Phone 2")
    assert await catalogue.refuse("GET", f"/v1/products/{code}") == not_found("product", code)


async def test_a_source_id_in_the_place_of_the_id_names_the_product_too(
    catalogue: Catalogue, code: str
) -> None:
    first = await catalogue.make_product(source_id=code, name="Phone")
    assert (await catalogue.make_product(id=code, price=5))["id"] == first["id"]


async def test_an_unknown_id_makes_a_product_with_an_id_of_its_own(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(id=UNKNOWN, source_id=code)
    assert product["id"] != UNKNOWN
    assert product["source_id"] == code


async def test_a_source_id_of_another_product_is_refused(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code, name="taken")
    other = await catalogue.make_product(source_id=f"{code}-other", name="other")
    body = {"id": other["id"], "source_id": code, "name": "changed"}
    assert await catalogue.refuse("POST", "/v1/products", body) == duplicate("product", code)
    shown = await catalogue.send("GET", f"/v1/products/{other['id']}?hide=sku")
    assert shown == other


async def test_an_empty_source_id_is_none(catalogue: Catalogue) -> None:
    first, second = [await catalogue.make_product(source_id="", name="nameless") for _ in range(2)]
    assert first["source_id"] is None
    assert first["id"] != second["id"]


async def test_prices_may_be_sent_as_text_or_with_a_fraction_of_nothing(
    catalogue: Catalogue, code: str
) -> None:
    assert (await catalogue.make_product(source_id=code, price="1500"))["price"] == 1500
    answer = await catalogue.client.put(
        f"/v1/products/{code}", content=b'{"price": 15e1}', headers={"Content-Type": "application/json"}
    )
    assert '"price":150,' in answer.text
    assert (await catalogue.send("PUT", f"/v1/products/{code}", {"price": "0"}))["price"] == 0


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"price": -1}, "Property .price must be >= 0"),
        ({"price": "-1"}, "Property .price must be >= 0"),
        ({"price": 2**53 + 1}, "Property .price must be <= 9007199254740992"),
        ({"price": "15.00"}, "Property .price must be integer"),
        ({"price": ""}, "Property .price must be integer"),
        ({"price": "1_000"}, "Property .price must be integer"),
        ({"price": "٣"}, "Property .price must be integer"),
        ({"price": 1.5}, "Property .price must be integer"),
        ({"price": 1e300}, "Property .price must be <= 9007199254740992"),
        ({"price": "9" * 101}, "Property .price must NOT have more than 100 characters"),
        ({"price": True}, "Property .price must be number,string,null"),
        ({"name": 5}, "Property .name must be string,null"),
        ({"attributes": "color"}, "Property .attributes must be array,null"),
        ({"attributes": [5]}, "Property .attributes[0] must be string"),
        ({"metadata": []}, "Property .metadata must be object,null"),
        ({"source_id": 5}, "Property .source_id must be string,null"),
        ({"source_id": "x" * 501}, "Property .source_id must NOT have more than 500 characters"),
    ],
)
async def test_a_wrong_body_makes_nothing(catalogue: Catalogue, body: dict[str, Any], details: str) -> None:
    before = (await catalogue.send("GET", "/v1/products"))["total"]
    assert await catalogue.refuse("POST", "/v1/products", body) == invalid_payload(details)
    assert (await catalogue.send("GET", "/v1/products"))["total"] == before


async def test_an_update_changes_what_is_sent_and_nothing_else(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(
        source_id=code,
        name="Phone",
        price=100,
        attributes=["color"],
        metadata={"a": 1},
        image_url="https://x/y.png",
    )
    changed = await catalogue.send("PUT", f"/v1/products/{code}", {"price": 210000, "source_id": "skipped"})
    assert changed == {**product, "price": 210000, "updated_at": changed["updated_at"]}
    assert INSTANT.fullmatch(changed["updated_at"])


async def test_null_clears_all_but_metadata(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(
        source_id=code,
        name="Phone",
        price=100,
        attributes=["color"],
        metadata={"a": 1},
        image_url="https://x/y.png",
    )
    body = dict.fromkeys(("name", "price", "attributes", "image_url", "metadata"))
    changed = await catalogue.send("PUT", f"/v1/products/{product['id']}", body)
    assert changed == {
        **product,
        "name": None,
        "price": None,
        "attributes": [],
        "image_url": None,
        "updated_at": changed["updated_at"],
    }


async def test_attributes_are_kept_once_and_in_order(catalogue: Catalogue) -> None:
    product = await catalogue.make_product(attributes=["b", "a", "b"])
    assert product["attributes"] == ["b", "a"]


async def test_metadata_follows_the_schema_of_products(catalogue: Catalogue, code: str) -> None:
    await catalogue.set_schema(
        vendor={"type": "string", "optional": False}, size={"type": "number", "optional": True}
    )
    try:
        refusal = await catalogue.refuse("POST", "/v1/products", {"source_id": code, "name": "Phone"})
        assert (refusal["key"], refusal["details"]) == (
            "metadata_validation_failed",
            "vendor: must be a string, property is required (actual value is 'undefined')",
        )
        assert await catalogue.refuse("GET", f"/v1/products/{code}") == not_found("product", code)
        await catalogue.make_product(source_id=code, metadata={"vendor": "Acme"})
        # Of an update only what was sent is looked at.
        for method, path in (("PUT", f"/v1/products/{code}"), ("POST", "/v1/products")):
            body = {"source_id": code, "name": "new", "metadata": {"size": "XL"}}
            refusal = await catalogue.refuse(method, path, body)
            assert refusal["details"] == "size: must be a number (actual value is 'XL')"
        await catalogue.send("PUT", f"/v1/products/{code}", {"metadata": {"size": 5}})
    finally:
        await catalogue.set_schema()
    product = await catalogue.send("GET", f"/v1/products/{code}")
    assert (product["name"], product["metadata"]) == (None, {"vendor": "Acme", "size": 5})


# --- read --------------------------------------------------------------------------------------------


async def test_a_product_is_found_by_id_and_source_id_with_its_skus_the_newest_first(
    catalogue: Catalogue, code: str
) -> None:
    product = await catalogue.make_product(source_id=code, name="Phone")
    first = await catalogue.make_sku(code, source_id=f"{code}-1")
    second = await catalogue.make_sku(code, source_id=f"{code}-2")
    for sent in (code, product["id"]):
        shown = await catalogue.send("GET", f"/v1/products/{sent}")
        assert shown == {
            **product,
            "skus": {"object": "list", "data_ref": "data", "data": [second, first], "total": 2},
        }


@pytest.mark.parametrize("hide", ["hide=sku", "hide=skus", "hide[]=sku", "hide=x,sku"])
async def test_skus_can_be_left_out(catalogue: Catalogue, code: str, hide: str) -> None:
    product = await catalogue.make_product(source_id=code)
    await catalogue.make_sku(code, source_id=f"{code}-1")
    assert await catalogue.send("GET", f"/v1/products/{code}?{hide}") == product
    assert "skus" in await catalogue.send("GET", f"/v1/products/{code}?hide=other")


async def test_an_id_comes_before_another_products_source_id(catalogue: Catalogue) -> None:
    first = await catalogue.make_product(name="first")
    await catalogue.make_product(source_id=first["id"], name="named after the first")
    assert (await catalogue.send("GET", f"/v1/products/{first['id']}"))["name"] == "first"


@pytest.mark.parametrize("sent", [UNKNOWN, "prod_0b15f6b9f650c16990", "unknown", "sku_" + "0" * 32])
async def test_what_is_unknown_is_not_found(catalogue: Catalogue, sent: str) -> None:
    path = f"/v1/products/{sent}"
    expected = not_found("product", sent)
    assert await catalogue.refuse("GET", path) == expected
    assert await catalogue.refuse("PUT", path, {"name": "x"}) == expected
    assert await catalogue.refuse("DELETE", path) == expected
    assert await catalogue.refuse("DELETE", f"{path}?force=true") == expected
    assert await catalogue.refuse("GET", f"{path}/skus") == expected
    assert await catalogue.refuse("POST", f"{path}/skus", {"source_id": "x"}) == expected


# --- delete ------------------------------------------------------------------------------------------


async def test_a_deleted_product_lies_in_the_bin_and_keeps_its_source_id(
    catalogue: Catalogue, code: str
) -> None:
    product = await catalogue.make_product(source_id=code, name="Phone")
    sku = await catalogue.make_sku(code, source_id=f"{code}-1")

    assert await catalogue.send("DELETE", f"/v1/products/{code}") is None

    for sent in (code, product["id"]):
        assert await catalogue.refuse("GET", f"/v1/products/{sent}") == not_found("product", sent)
    for sent in (f"{code}-1", sku["id"]):
        assert await catalogue.refuse("GET", f"/v1/skus/{sent}") == not_found("sku", sent)
    entries = (await catalogue.send("GET", "/v1/trash-bin?limit=1"))["data"]
    assert entries == [
        {
            "id": entries[0]["id"],
            "created_at": entries[0]["created_at"],
            "deleted_by_user_id": None,
            "resource_id": product["id"],
            "resource_type": "product",
            "resource_name": "Phone",
            "resource_parent_id": None,
            "object": "product",
        }
    ]
    body = {"source_id": code, "name": "again"}
    assert await catalogue.refuse("POST", "/v1/products", body) == duplicate("product", code)


async def test_a_product_removed_from_the_bin_frees_its_source_id(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code, name="Phone")
    await catalogue.make_sku(code, source_id=f"{code}-1")
    await catalogue.make_sku(code, source_id=f"{code}-2")
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{code}-2")
    await catalogue.send("DELETE", f"/v1/products/{code}")
    of_product, of_sku = (await catalogue.send("GET", "/v1/trash-bin?limit=2"))["data"]
    assert (of_sku["resource_type"], of_sku["resource_parent_id"]) == ("sku", product["id"])

    await catalogue.send("DELETE", f"/v1/trash-bin/{of_product['id']}")

    # What had been deleted before the product went with it.
    assert await catalogue.refuse("DELETE", f"/v1/trash-bin/{of_sku['id']}") == not_found(
        "bin_entry", of_sku["id"]
    )
    again = await catalogue.make_product(source_id=code)
    assert (again["id"] == product["id"], again["name"]) == (False, None)
    for number in (1, 2):
        await catalogue.make_sku(code, source_id=f"{code}-{number}")


async def test_with_force_nothing_is_left(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code, name="Phone")
    await catalogue.make_sku(code, source_id=f"{code}-1")

    await catalogue.send("DELETE", f"/v1/products/{code}?force=true")

    bin_ids = [entry["resource_id"] for entry in (await catalogue.send("GET", "/v1/trash-bin"))["data"]]
    assert product["id"] not in bin_ids
    assert (await catalogue.make_product(source_id=code))["id"] != product["id"]
    assert (await catalogue.send("GET", f"/v1/products/{code}"))["skus"]["total"] == 0
    await catalogue.make_sku(code, source_id=f"{code}-1")


async def test_a_product_without_a_name_is_known_in_the_bin_by_its_source_id(
    catalogue: Catalogue, code: str
) -> None:
    for product in (await catalogue.make_product(source_id=code), await catalogue.make_product()):
        await catalogue.send("DELETE", f"/v1/products/{product['id']}")
        (entry,) = (await catalogue.send("GET", "/v1/trash-bin?limit=1"))["data"]
        assert entry["resource_name"] == (product["source_id"] or product["id"])


# --- the predefined product --------------------------------------------------------------------------


async def test_every_project_has_the_product_shipping(
    catalogue: Catalogue, shared_project: SharedProject
) -> None:
    for client in (shared_project.client, shared_project.other_client):
        for sent in (SHIPPING, "5h1pp1ng"):
            answer = await client.get(f"/v1/products/{sent}?hide=sku")
            shipping = answer.json()
            assert INSTANT.fullmatch(shipping.pop("created_at"))
            assert shipping == {
                "id": SHIPPING,
                "source_id": "5h1pp1ng",
                "name": "Shipping",
                "price": 0,
                "attributes": [],
                "metadata": {},
                "image_url": None,
                "updated_at": None,
                "object": "product",
            }
        listed = (await client.get("/v1/products?limit=100")).json()["products"]
        assert SHIPPING not in [product["id"] for product in listed]


async def test_the_price_of_shipping_is_each_projects_own(
    catalogue: Catalogue, shared_project: SharedProject
) -> None:
    assert (await catalogue.send("PUT", f"/v1/products/{SHIPPING}", {"price": 999}))["price"] == 999
    assert (await catalogue.make_product(source_id="5h1pp1ng", name="Post"))["id"] == SHIPPING
    assert (await catalogue.send("GET", f"/v1/products/{SHIPPING}"))["name"] == "Post"
    other = (await shared_project.other_client.get(f"/v1/products/{SHIPPING}")).json()
    assert (other["price"], other["name"]) == (0, "Shipping")
    await catalogue.send("PUT", f"/v1/products/{SHIPPING}", {"price": 0, "name": "Shipping"})


@pytest.mark.parametrize("path", [f"/v1/products/{SHIPPING}", "/v1/products/5h1pp1ng?force=true"])
async def test_shipping_cannot_be_deleted_or_renamed(catalogue: Catalogue, path: str) -> None:
    sent = path.split("/")[3].partition("?")[0]
    refusal = await catalogue.refuse("DELETE", path)
    assert refusal == {
        "code": 400,
        "key": "resource_protected",
        "message": "Resource is protected",
        "details": f"Resource product with id {sent} is protected and cannot be modified",
        "resource_id": sent,
        "resource_type": "product",
    }
    body = {"id": SHIPPING, "source_id": "something else"}
    assert (await catalogue.refuse("POST", "/v1/products", body))["key"] == "resource_protected"
    assert (await catalogue.send("GET", f"/v1/products/{SHIPPING}"))["source_id"] == "5h1pp1ng"


# --- tenants -----------------------------------------------------------------------------------------


async def test_two_projects_may_use_one_source_id(
    catalogue: Catalogue, shared_project: SharedProject, code: str
) -> None:
    mine = await catalogue.make_product(source_id=code, name="mine")
    other = shared_project.other_client
    for sent in (code, mine["id"]):
        answer = await other.get(f"/v1/products/{sent}")
        assert (answer.status_code, answer.json()["resource_id"]) == (404, sent)
        assert (await other.put(f"/v1/products/{sent}", json={"name": "x"})).status_code == 404
        assert (await other.delete(f"/v1/products/{sent}?force=true")).status_code == 404
    theirs = (await other.post("/v1/products", json={"id": mine["id"], "source_id": code})).json()
    assert theirs["id"] != mine["id"]
    assert (await catalogue.send("GET", f"/v1/products/{code}?hide=sku")) == mine
