"""Product collections over HTTP: made, read, changed, deleted."""

import re
from typing import Any

import pytest

from catalogue import Catalogue, in_use, invalid_payload, not_found
from shared_project import SharedProject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
PATH = "/v1/product-collections"
UNKNOWN = "pc_" + "0" * 32
EVERYTHING = "pc_a11pr0dUc75"
CHEAP = {"junction": "and", "price": {"conditions": {"$less_than": [1000]}}}


async def make(catalogue: Catalogue, **body: Any) -> dict[str, Any]:
    collection: dict[str, Any] = await catalogue.send("POST", PATH, body)
    return collection


# --- made --------------------------------------------------------------------------------------------


async def test_a_static_collection_names_its_products_and_skus(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code)
    other = await catalogue.make_product(source_id=f"{code}-other")
    sku = await catalogue.make_sku(other["id"], source_id=f"{code}-sku")
    sent = [
        {"id": sku["id"], "product_id": other["id"], "object": "sku"},
        # By its source id, and once more by its id.
        {"id": code, "object": "product"},
        {"id": product["id"], "object": "product"},
    ]

    made = await make(catalogue, type="STATIC", name="Shirts", products=sent)

    assert re.fullmatch(r"pc_[0-9a-f]{32}", made["id"])
    assert INSTANT.fullmatch(made["created_at"])
    assert made == {
        "id": made["id"],
        "name": "Shirts",
        "type": "STATIC",
        "products": [
            {"id": sku["id"], "product_id": other["id"], "object": "sku"},
            {"id": product["id"], "object": "product"},
        ],
        "created_at": made["created_at"],
        "object": "products_collection",
    }
    assert await catalogue.send("GET", f"{PATH}/{made['id']}") == made


async def test_an_auto_update_collection_has_its_filter(catalogue: Catalogue) -> None:
    made = await make(catalogue, type="AUTO_UPDATE", name="Price less than 10", filter=CHEAP)
    assert made == {
        "id": made["id"],
        "name": "Price less than 10",
        "type": "AUTO_UPDATE",
        "filter": CHEAP,
        "created_at": made["created_at"],
        "object": "products_collection",
    }
    assert await catalogue.send("GET", f"{PATH}/{made['id']}") == made


async def test_without_a_type_the_filter_decides(catalogue: Catalogue) -> None:
    assert (await make(catalogue, name="a", filter=CHEAP))["type"] == "AUTO_UPDATE"
    static = await make(catalogue, name="b")
    assert (static["type"], static["products"]) == ("STATIC", [])


NO_FILTER = "'AUTO_UPDATE' collection must contain valid filter with 'junction' property"
WRONG_JUNCTION = "Property .filter has wrong `junction` property. It must be one of: and, or"


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"type": "STATIC"}, "Payload must have required property 'name'"),
        ({"name": 5}, "Property .name must be string"),
        ({"name": None}, "Property .name must be string"),
        (
            {"name": "a", "type": "DYNAMIC"},
            "Property .type must be equal to one of the allowed values [ STATIC, AUTO_UPDATE ]",
        ),
        ({"name": "a", "type": "AUTO_UPDATE"}, NO_FILTER),
        ({"name": "a", "type": "AUTO_UPDATE", "filter": None}, NO_FILTER),
        ({"name": "a", "type": "AUTO_UPDATE", "filter": "all"}, NO_FILTER),
        ({"name": "a", "type": "AUTO_UPDATE", "filter": {"price": {}}}, NO_FILTER),
        ({"name": "a", "type": "AUTO_UPDATE", "filter": {"junction": "xor"}}, WRONG_JUNCTION),
        ({"name": "a", "type": "AUTO_UPDATE", "filter": {"junction": None}}, WRONG_JUNCTION),
        (
            {"name": "a", "filter": {"junction": "and", "colour": {"conditions": {"$is": ["red"]}}}},
            "Property .filter.colour is not allowed",
        ),
        (
            {"name": "a", "filter": {"junction": "and", "price": {"conditions": {"$less_than": ["x"]}}}},
            "Property .filter.price.conditions.$less_than must be number",
        ),
        (
            {"name": "a", "products": [{"object": "product"}]},
            "Property .products[0] must have required property 'id'",
        ),
        (
            {"name": "a", "products": [{"id": "x", "object": "voucher"}]},
            "Property .products[0].object must be equal to one of the allowed values [ product, sku ]",
        ),
    ],
)
async def test_a_wrong_body_makes_nothing(catalogue: Catalogue, body: dict[str, Any], details: str) -> None:
    before = (await catalogue.send("GET", PATH))["total"]
    assert await catalogue.refuse("POST", PATH, body) == invalid_payload(details)
    assert (await catalogue.send("GET", PATH))["total"] == before


async def test_a_collection_cannot_be_made_of_what_is_not_there(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code)
    await catalogue.make_product(source_id=f"{code}-gone")
    await catalogue.send("DELETE", f"/v1/products/{code}-gone")
    before = (await catalogue.send("GET", PATH))["total"]
    for kind, sent in (("product", "unknown"), ("sku", product["id"]), ("product", f"{code}-gone")):
        body = {"name": "a", "products": [{"id": code, "object": "product"}, {"id": sent, "object": kind}]}
        assert await catalogue.refuse("POST", PATH, body) == not_found(kind, sent)
    assert (await catalogue.send("GET", PATH))["total"] == before


# --- changed and deleted -----------------------------------------------------------------------------


async def test_of_a_static_collection_only_the_name_is_changed(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code)
    made = await make(catalogue, name="old", products=[{"id": code, "object": "product"}])
    body = {"name": "new", "filter": CHEAP, "products": [], "type": "AUTO_UPDATE"}
    changed = await catalogue.send("PUT", f"{PATH}/{made['id']}", body)
    assert INSTANT.fullmatch(changed["updated_at"])
    assert changed == {**made, "name": "new", "updated_at": changed["updated_at"]}
    assert await catalogue.send("GET", f"{PATH}/{made['id']}") == changed


async def test_of_an_auto_update_collection_name_and_filter_are_changed(catalogue: Catalogue) -> None:
    made = await make(catalogue, name="old", filter=CHEAP)
    path = f"{PATH}/{made['id']}"
    everything = {"junction": "OR"}
    changed = await catalogue.send("PUT", path, {"filter": everything})
    assert changed == {**made, "filter": everything, "updated_at": changed["updated_at"]}
    changed = await catalogue.send("PUT", path, {"name": "new"})
    assert (changed["name"], changed["filter"]) == ("new", everything)
    for body, details in (
        ({"filter": None}, NO_FILTER),
        ({"filter": {"junction": "xor"}}, WRONG_JUNCTION),
        ({"name": None}, "Property .name must be string"),
    ):
        assert await catalogue.refuse("PUT", path, body) == invalid_payload(details)
    assert await catalogue.send("GET", path) == changed


async def test_a_deleted_collection_leaves_its_products(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code)
    made = await make(catalogue, name="a", products=[{"id": code, "object": "product"}])
    path = f"{PATH}/{made['id']}"
    assert await catalogue.send("DELETE", path) is None
    assert await catalogue.refuse("DELETE", path) == not_found("products_collection", made["id"])
    assert await catalogue.send("GET", f"/v1/products/{code}?hide=sku") == product
    await catalogue.send("DELETE", f"/v1/products/{code}")


async def test_what_a_static_collection_was_made_of_cannot_be_deleted(
    catalogue: Catalogue, code: str
) -> None:
    product = await catalogue.make_product(source_id=code)
    named = await catalogue.make_sku(code, source_id=f"{code}-named")
    await catalogue.make_sku(code, source_id=f"{code}-free")
    collection = await make(catalogue, name="a", products=[{"id": named["id"], "object": "sku"}])
    for force in ("", "?force=true"):
        refusal = await catalogue.refuse("DELETE", f"/v1/products/{code}{force}")
        assert refusal == in_use("product", code, "products_collection", [collection["id"]])
        refusal = await catalogue.refuse("DELETE", f"/v1/products/{code}/skus/{named['id']}{force}")
        assert refusal == in_use("sku", named["id"], "products_collection", [collection["id"]])
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{code}-free?force=true")
    shown = await catalogue.send("GET", f"/v1/products/{product['id']}")
    assert shown["skus"]["data"] == [named]
    await catalogue.send("DELETE", f"{PATH}/{collection['id']}")
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{named['id']}")
    await catalogue.send("DELETE", f"/v1/products/{code}")


# --- lists -------------------------------------------------------------------------------------------


async def test_collections_are_listed_the_newest_first(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code)
    first = await make(catalogue, name="first", products=[{"id": code, "object": "product"}])
    second = await make(catalogue, name="second", filter=CHEAP)
    third = await make(catalogue, name="third")
    listed = await catalogue.send("GET", f"{PATH}?limit=2")
    total = listed["total"]
    assert listed == {"object": "list", "data_ref": "data", "data": [third, second], "total": total}
    listed = await catalogue.send("GET", f"{PATH}?limit=2&page=2")
    assert (listed["data"][0], listed["total"]) == (first, total)
    oldest_first = await catalogue.send("GET", f"{PATH}?limit=100&order=created_at")
    assert oldest_first["data"][-3:] == [first, second, third]
    first = await catalogue.send("PUT", f"{PATH}/{first['id']}", {"name": "changed"})
    assert (await catalogue.send("GET", f"{PATH}?limit=1&order=-updated_at"))["data"] == [first]
    assert EVERYTHING not in [each["id"] for each in oldest_first["data"]]


# --- what is not there -------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [UNKNOWN, "pc_Dj1qSH7bho4SVh7aSDKjU174", "unknown"])
async def test_what_is_unknown_is_not_found(catalogue: Catalogue, sent: str) -> None:
    expected = not_found("products_collection", sent)
    assert await catalogue.refuse("GET", f"{PATH}/{sent}") == expected
    assert await catalogue.refuse("PUT", f"{PATH}/{sent}", {"name": "x"}) == expected
    assert await catalogue.refuse("DELETE", f"{PATH}/{sent}") == expected
    assert await catalogue.refuse("GET", f"{PATH}/{sent}/products") == expected


async def test_another_projects_collection_answers_like_one_that_never_was(
    catalogue: Catalogue, shared_project: SharedProject, code: str
) -> None:
    other = shared_project.other_client
    made = await make(catalogue, name="mine", filter=CHEAP)
    product = await catalogue.make_product(source_id=code)
    for path in (f"{PATH}/{made['id']}", f"{PATH}/{made['id']}/products"):
        assert (await other.get(path)).status_code == 404
    assert (await other.delete(f"{PATH}/{made['id']}")).status_code == 404
    body = {"name": "theirs", "products": [{"id": product["id"], "object": "product"}]}
    answer = await other.post(PATH, json=body)
    assert (answer.status_code, answer.json()["resource_id"]) == (404, product["id"])
    assert (await other.get(PATH)).json()["total"] == 0
    assert await catalogue.send("GET", f"{PATH}/{made['id']}") == made


# --- the predefined collection -----------------------------------------------------------------------


async def test_every_project_has_the_collection_of_everything(
    catalogue: Catalogue, shared_project: SharedProject
) -> None:
    for client in (shared_project.client, shared_project.other_client):
        collection = (await client.get(f"{PATH}/{EVERYTHING}")).json()
        assert INSTANT.fullmatch(collection.pop("created_at"))
        assert collection == {
            "id": EVERYTHING,
            "name": "All Products",
            "type": "AUTO_UPDATE",
            "filter": {"junction": "and"},
            "object": "products_collection",
        }
    protected = {
        "code": 400,
        "key": "resource_protected",
        "message": "Resource is protected",
        "details": f"Resource products_collection with id {EVERYTHING} is protected and cannot be modified",
        "resource_id": EVERYTHING,
        "resource_type": "products_collection",
    }
    assert await catalogue.refuse("PUT", f"{PATH}/{EVERYTHING}", {"name": "x"}) == protected
    assert await catalogue.refuse("DELETE", f"{PATH}/{EVERYTHING}") == protected
