"""CSV imports into products and SKUs."""

from typing import Any

import pytest

from catalogue import Catalogue

PRODUCTS = "/v1/products/importCSV"
SKUS = "/v1/skus/importCSV"


async def read_product(catalogue: Catalogue, source_id: str) -> dict[str, Any]:
    product: dict[str, Any] = await catalogue.send("GET", f"/v1/products/{source_id}?hide=sku")
    return product


async def read_sku(catalogue: Catalogue, source_id: str) -> dict[str, Any]:
    sku: dict[str, Any] = await catalogue.send("GET", f"/v1/skus/{source_id}")
    return sku


def failures(action: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row["row"], row["reason"]) for row in action["result"]["failed"]]


# --- products ----------------------------------------------------------------------------------------


async def test_rows_become_products(catalogue: Catalogue, code: str) -> None:
    action = await catalogue.upload(
        PRODUCTS,
        "Name,SOURCE_ID,price,attributes,image_url,vendor,stock\n"
        f'Phone,{code}-1,14.5,"color, memory,color",https://x/a.png,Acme,5\n'
        f"Mug,{code}-2,,,,,\n",
    )
    assert (action["type"], action["status"]) == ("PRODUCTS.IMPORT_CSV", "DONE")
    result = action["result"]
    assert (result["done_count"], result["failed_count"], result["failed"]) == (2, 0, [])
    assert result["message"] == "2 product(s) imported successfully, 0 failed."
    phone, mug = await read_product(catalogue, f"{code}-1"), await read_product(catalogue, f"{code}-2")
    assert phone == {
        "id": phone["id"],
        "source_id": f"{code}-1",
        "name": "Phone",
        "price": 1450,
        "attributes": ["color", "memory"],
        # Without a schema a cell is text.
        "metadata": {"vendor": "Acme", "stock": "5"},
        "image_url": "https://x/a.png",
        "created_at": phone["created_at"],
        "updated_at": None,
        "object": "product",
    }
    assert (mug["name"], mug["price"], mug["attributes"], mug["image_url"], mug["metadata"]) == (
        "Mug",
        None,
        [],
        None,
        {},
    )


async def test_of_a_product_that_is_there_only_the_name_is_changed(catalogue: Catalogue, code: str) -> None:
    known = await catalogue.make_product(source_id=code, name="old", price=1, metadata={"a": 1})
    action = await catalogue.upload(
        PRODUCTS, f"name,source_id,price,a\nnew,{code},99,2\nnew,{code}-2,99,2\nnewest,{code}-2,1,3\n"
    )
    assert action["result"]["done_count"] == 3
    changed = await read_product(catalogue, code)
    assert changed == {**known, "name": "new", "updated_at": changed["updated_at"]}
    made = await read_product(catalogue, f"{code}-2")
    assert (made["name"], made["price"], made["metadata"]) == ("newest", 9900, {"a": "2"})


async def test_rows_without_a_source_id_are_all_new(catalogue: Catalogue, code: str) -> None:
    await catalogue.upload(PRODUCTS, f"name\n{code}\n{code}\n")
    listed = await catalogue.send("GET", f"/v1/products?filters[name][conditions][$is]={code}")
    assert [product["source_id"] for product in listed["products"]] == [None, None]


async def test_metadata_has_the_types_of_the_schema(catalogue: Catalogue, code: str) -> None:
    await catalogue.set_schema(
        stock={"type": "number", "optional": False},
        tags={"type": "string", "array": True, "optional": True},
    )
    try:
        action = await catalogue.upload(
            PRODUCTS,
            f'name,source_id,stock,tags\na,{code}-1,5,"x,y"\nb,{code}-2,many,\nc,{code}-3,,\n',
        )
    finally:
        await catalogue.set_schema()
    assert failures(action) == [
        (2, "stock: must be a number, property is required (actual value is 'many')"),
        (3, "stock: must be a number, property is required (actual value is 'undefined')"),
    ]
    assert action["result"]["failed"][0]["source_id"] == f"{code}-2"
    assert (await read_product(catalogue, f"{code}-1"))["metadata"] == {"stock": 5, "tags": ["x", "y"]}
    assert (await catalogue.client.get(f"/v1/products/{code}-2")).status_code == 404


async def test_rows_that_cannot_be_taken_say_why(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=f"{code}-binned")
    await catalogue.send("DELETE", f"/v1/products/{code}-binned")
    action = await catalogue.upload(
        PRODUCTS,
        "name,source_id,price\n"
        f",{code}-1,5\n"
        f"a,{code}-2,abc\n"
        f"b,{code}-3,1.234\n"
        f"c,{code}-4,-1\n"
        f"d,{code}-binned,1\n"
        f"e,{'x' * 501},1\n"
        f"f\x00,{code}-5,1\n"
        f"good,{code}-6,1\n",
    )
    assert failures(action) == [
        (1, "name is required"),
        (2, "Invalid value for price: abc"),
        (3, "Invalid value for price: 1.234"),
        (4, "Invalid value for price: -1"),
        (5, f"Duplicated product exists with id {code}-binned"),
        (6, "Invalid value for source_id: longer than 500 characters"),
        (7, "the row has the character U+0000"),
    ]
    assert action["result"]["message"] == "1 product(s) imported successfully, 7 failed."
    assert (await read_product(catalogue, f"{code}-6"))["price"] == 100
    for number in range(1, 6):
        assert (await catalogue.client.get(f"/v1/products/{code}-{number}")).status_code == 404


async def test_a_file_with_another_separator_says_so_in_every_row(catalogue: Catalogue, code: str) -> None:
    action = await catalogue.upload(PRODUCTS, f"name;source_id\na;{code}\n")
    assert failures(action) == [
        (
            1,
            "name is required: the header has no name column; columns must be separated by commas,"
            " this file uses ;",
        )
    ]


@pytest.mark.parametrize("path", [PRODUCTS, SKUS])
async def test_an_upload_without_a_file_is_refused(catalogue: Catalogue, path: str) -> None:
    answer = await catalogue.client.post(path, files={"other": ("a.csv", b"name\n")})
    assert answer.status_code == 400
    assert answer.json()["details"] == "Payload should have required property 'file'"


async def test_a_file_of_a_header_alone_makes_nothing(catalogue: Catalogue) -> None:
    result = (await catalogue.upload(PRODUCTS, "name,source_id\n"))["result"]
    assert (result["done_count"], result["failed_count"]) == (0, 0)


# --- SKUs --------------------------------------------------------------------------------------------


async def test_rows_become_skus(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code, attributes=["color", "size"])
    action = await catalogue.upload(
        SKUS,
        "product_id,sku,source_id,price,image_url,attributes,vendor\n"
        f"{code},Blue,{code}-1,14.5,https://x/a.png,\"{{'color':'blue','weight':5}}\",Acme\n"
        f'{product["id"]},,{code}-2,,,"{{""size"": 5}}",\n',
    )
    assert action["type"] == "SKUS.IMPORT_CSV"
    assert action["result"]["message"] == "2 sku(s) imported successfully, 0 failed."
    blue, other = await read_sku(catalogue, f"{code}-1"), await read_sku(catalogue, f"{code}-2")
    del blue["product"]
    assert blue == {
        "id": blue["id"],
        "source_id": f"{code}-1",
        "product_id": product["id"],
        "sku": "Blue",
        "price": 1450,
        "currency": None,
        "attributes": {"color": "blue"},
        "image_url": "https://x/a.png",
        "metadata": {"vendor": "Acme"},
        "created_at": blue["created_at"],
        "updated_at": None,
        "object": "sku",
    }
    assert (other["sku"], other["price"], other["attributes"]) == (None, None, {"size": 5})


async def test_of_a_sku_that_is_there_name_and_price_are_changed(catalogue: Catalogue, code: str) -> None:
    await catalogue.make_product(source_id=code, attributes=["color"])
    known = await catalogue.make_sku(
        code, source_id=f"{code}-1", sku="old", price=1, attributes={"color": "red"}, metadata={"a": 1}
    )
    action = await catalogue.upload(
        SKUS,
        "product_id,sku,source_id,price,attributes,a\n"
        f"{code},new,{code}-1,2,\"{{'color':'blue'}}\",2\n"
        f"{code},,{code}-1,3,,\n",
    )
    assert action["result"]["done_count"] == 2
    changed = await read_sku(catalogue, f"{code}-1")
    del changed["product"]
    assert changed == {**known, "sku": "new", "price": 300, "updated_at": changed["updated_at"]}


async def test_sku_rows_that_cannot_be_taken_say_why(catalogue: Catalogue, code: str) -> None:
    product = await catalogue.make_product(source_id=code, attributes=["color"])
    other = await catalogue.make_product(source_id=f"{code}-other")
    await catalogue.make_sku(other["id"], source_id=f"{code}-theirs", sku="theirs")
    await catalogue.make_sku(code, source_id=f"{code}-binned")
    await catalogue.send("DELETE", f"/v1/products/{code}/skus/{code}-binned")
    action = await catalogue.upload(
        SKUS,
        "product_id,source_id,sku,attributes\n"
        f",{code}-1,a,\n"
        f"{code},,b,\n"
        f"{code}-unknown,{code}-1,c,\n"
        f"{code},{code}-theirs,d,\n"
        f"{code},{code}-binned,e,\n"
        f"{code},{code}-1,f,color=blue\n"
        f'{code},{code}-1,g,"[""color""]"\n'
        f"{code},{code}-new,good,\n"
        f"{other['id']},{code}-new,h,\n",
    )
    assert failures(action) == [
        (1, "product_id is required"),
        (2, "source_id is required"),
        (3, f"Cannot find product with id {code}-unknown"),
        (4, f"Resource sku with id {code}-theirs is in use by products with ids [{other['id']}]"),
        (5, f"Duplicated sku exists with id {code}-binned"),
        (6, "Invalid value for attributes: color=blue"),
        (7, 'Invalid value for attributes: ["color"]'),
        (9, f"Resource sku with id {code}-new is in use by products with ids [{product['id']}]"),
    ]
    assert (await read_sku(catalogue, f"{code}-new"))["sku"] == "good"
    assert (await read_sku(catalogue, f"{code}-theirs"))["sku"] == "theirs"
    assert (await catalogue.client.get(f"/v1/skus/{code}-1")).status_code == 404
