"""Orders one by one, over HTTP. Amounts are cents."""

import re
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from builders import a_refusal, is_taken, not_there, read_refusal
from openvoucher.platform.db import Database
from shared_project import SharedProject

UNKNOWN = "ord_" + "0" * 32
NOON = "2026-03-01T12:00:00.000Z"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STATUSES = ("CREATED", "PAID", "CANCELED", "FULFILLED")


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture
def db(shared_project: SharedProject) -> Database:
    return shared_project.db


async def send(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    return await send(client, "POST", "/v1/orders", body)


async def create_product(client: httpx.AsyncClient, source_id: str, **body: Any) -> dict[str, Any]:
    return await send(client, "POST", "/v1/products", {"source_id": source_id, **body})


async def create_sku(client: httpx.AsyncClient, product: str, source_id: str, **body: Any) -> dict[str, Any]:
    return await send(client, "POST", f"/v1/products/{product}/skus", {"source_id": source_id, **body})


async def count(client: httpx.AsyncClient, what: str) -> int:
    total: int = (await send(client, "GET", f"/v1/{what}?limit=1"))["total"]
    return total


def an_order(**changes: Any) -> dict[str, Any]:
    """As an order without anything is shown when it was just made."""
    return {
        "id": ANY,
        "source_id": None,
        "created_at": ANY,
        "updated_at": None,
        "status": "CREATED",
        "metadata": {},
        "customer_id": None,
        "referrer_id": None,
        "object": "order",
        **changes,
    }


def an_item(**changes: Any) -> dict[str, Any]:
    return {"id": ANY, "object": "order_item", "quantity": 1, **changes}


# --- made ----------------------------------------------------------------------------------------------


async def test_an_order_of_an_amount_is_that_amount(client: httpx.AsyncClient, code: str) -> None:
    shown = await create(client, source_id=code, amount=60000)
    assert shown == an_order(source_id=code, amount=60000, total_amount=60000)
    assert re.fullmatch(r"ord_[0-9a-f]{32}", shown["id"])
    assert INSTANT.fullmatch(shown["created_at"])
    assert await send(client, "GET", f"/v1/orders/{shown['id']}") == shown
    assert await send(client, "GET", f"/v1/orders/{code}") == shown


async def test_an_order_can_be_of_nothing(client: httpx.AsyncClient) -> None:
    assert await create(client) == an_order()


@pytest.mark.parametrize("nothing", [[], None])
async def test_no_items_are_not_shown(client: httpx.AsyncClient, nothing: Any) -> None:
    assert await create(client, items=nothing) == an_order()


async def test_items_are_priced_and_summed(client: httpx.AsyncClient) -> None:
    shown = await create(client, items=[{"price": 10000, "quantity": 2}, {"price": 1700}])
    assert shown == an_order(
        amount=21700,
        total_amount=21700,
        items=[
            an_item(quantity=2, amount=20000, price=10000, subtotal_amount=20000),
            an_item(amount=1700, price=1700, subtotal_amount=1700),
        ],
    )
    assert all(re.fullmatch(r"ordli_[0-9a-f]{32}", item["id"]) for item in shown["items"])
    assert shown["items"][0]["id"] != shown["items"][1]["id"]
    assert await send(client, "GET", f"/v1/orders/{shown['id']}") == shown


@pytest.mark.parametrize(
    ("item", "amounts"),
    [
        # The given amount of a line wins over its price.
        ({"quantity": 2, "price": 10000, "amount": 15000}, {"quantity": 2, "price": 10000, "amount": 15000}),
        ({"amount": 900}, {"amount": 900}),
        ({"amount": 0}, {"amount": 0}),
        ({"quantity": 3}, {"quantity": 3}),
        # Nested prices count behind the item's own, the SKU's before the product's.
        ({"price": 5, "sku": {"price": 6}, "product": {"price": 7}}, {"price": 5, "amount": 5}),
        ({"sku": {"price": 6}, "product": {"price": 7}}, {"price": 6, "amount": 6}),
        ({"product": {"price": 7}, "quantity": 2}, {"price": 7, "amount": 14, "quantity": 2}),
        # Numbers as text, and whole numbers that are spelled with a fraction.
        ({"quantity": "3", "price": "1500"}, {"quantity": 3, "price": 1500, "amount": 4500}),
        ({"quantity": 2.0, "price": "15.0"}, {"quantity": 2, "price": 15, "amount": 30}),
        ({"quantity": "", "price": ""}, {}),
        # Counted by the server, whatever is sent.
        ({"amount": 9, "initial_quantity": 7, "discount_quantity": 4, "initial_amount": 2}, {"amount": 9}),
        ({"amount": 9, "initial_quantity": 0}, {"amount": 9}),
    ],
)
async def test_where_the_amount_of_a_line_comes_from(
    client: httpx.AsyncClient, item: dict[str, Any], amounts: dict[str, Any]
) -> None:
    (shown,) = (await create(client, items=[item]))["items"]
    expected = an_item(**amounts)
    if "amount" in amounts:
        expected["subtotal_amount"] = amounts["amount"]
    assert {name: shown[name] for name in shown if name not in ("product", "sku")} == expected


async def test_a_given_amount_stands_beside_lines_worth_more(client: httpx.AsyncClient) -> None:
    shown = await create(client, amount=6000, items=[{"price": 3300}, {"price": 3400}])
    assert (shown["amount"], shown["total_amount"]) == (6000, 6000)
    assert [item["amount"] for item in shown["items"]] == [3300, 3400]


async def test_unknown_products_are_kept_as_sent_and_the_sent_amount_stands(
    client: httpx.AsyncClient, code: str
) -> None:
    products = await count(client, "products")
    item = {
        "source_id": code,
        "related_object": "product",
        "quantity": 2,
        "product": {"name": "Shipping", "metadata": {"key": "value"}},
    }
    shown = await create(client, amount=20000, items=[item, {"product_id": "prod_x"}, {"sku_id": "sku_y"}])
    assert shown == an_order(
        amount=20000,
        total_amount=20000,
        items=[an_item(**item), an_item(product_id="prod_x"), an_item(sku_id="sku_y")],
    )
    assert await count(client, "products") == products


async def test_all_that_can_be_said_of_an_order(client: httpx.AsyncClient, code: str) -> None:
    shown = await create(
        client,
        source_id=code,
        status="FULFILLED",
        amount=10000,
        discount_amount=9200,
        initial_amount=9000,
        metadata={"locations": ["L1", "L2"]},
        created_at="2021-12-22T10:13:06.487Z",
        customer={"source_id": f"{code}-bob", "name": "Bob"},
        referrer={"source_id": f"{code}-jane"},
        items=[{"amount": 10000, "discount_amount": 500, "metadata": {"gift": True}}],
    )
    bob = await send(client, "GET", f"/v1/customers/{code}-bob")
    jane = await send(client, "GET", f"/v1/customers/{code}-jane")
    assert bob["name"] == "Bob"
    assert shown == an_order(
        source_id=code,
        status="FULFILLED",
        amount=10000,
        initial_amount=9000,
        discount_amount=9200,
        items_discount_amount=500,
        total_discount_amount=9700,
        total_amount=300,
        metadata={"locations": ["L1", "L2"]},
        created_at="2021-12-22T10:13:06.487Z",
        customer={"id": bob["id"], "object": "customer"},
        referrer={"id": jane["id"], "object": "customer"},
        customer_id=bob["id"],
        referrer_id=jane["id"],
        items=[
            an_item(amount=10000, discount_amount=500, subtotal_amount=9500, metadata={"gift": True}),
        ],
    )
    assert await send(client, "GET", f"/v1/orders/{code}") == shown


async def test_discounts_beyond_the_amount_leave_nothing_to_pay(client: httpx.AsyncClient) -> None:
    shown = await create(client, amount=100, discount_amount=150)
    assert (shown["discount_amount"], shown["total_discount_amount"], shown["total_amount"]) == (150, 150, 0)


# --- of the catalogue --------------------------------------------------------------------------------------


async def test_known_products_are_found_by_id_and_by_source_id(client: httpx.AsyncClient, code: str) -> None:
    vase = await create_product(client, code, name="Vase", price=1500, metadata={"color": "red"})
    shown = await create(
        client,
        items=[
            {"product_id": vase["id"], "quantity": 2},
            {"source_id": code},
            {"source_id": code, "related_object": "product", "price": 1000},
            {"product": {"source_id": code}},
            {"product_id": code},
        ],
    )
    product = {
        "id": vase["id"],
        "source_id": code,
        "name": "Vase",
        "price": 1500,
        "metadata": {"color": "red"},
    }
    priced = {"amount": 1500, "price": 1500, "subtotal_amount": 1500, "product": product}
    assert shown["items"] == [
        an_item(**{**priced, "quantity": 2, "amount": 3000, "subtotal_amount": 3000}, product_id=vase["id"]),
        an_item(**priced, source_id=code),
        an_item(
            source_id=code,
            related_object="product",
            amount=1000,
            price=1000,
            subtotal_amount=1000,
            product=product,
        ),
        an_item(**priced),
        an_item(**priced, product_id=code),
    ]
    assert shown["amount"] == 8500


async def test_a_sku_counts_more_than_its_product(client: httpx.AsyncClient, code: str) -> None:
    book = await create_product(client, code, name="Book", price=2100)
    paperback = await create_sku(client, code, f"{code}-p", sku="Paperback", price=1700)
    hardcover = await create_sku(client, code, f"{code}-h", sku="Hardcover")
    shown = await create(
        client,
        items=[
            {"sku_id": paperback["id"]},
            {"source_id": f"{code}-p", "related_object": "sku"},
            {"source_id": f"{code}-h", "related_object": "sku"},
            {"product_id": book["id"], "sku_id": hardcover["id"]},
        ],
    )
    product = {"id": book["id"], "source_id": code, "name": "Book", "price": 2100}
    p = {"id": paperback["id"], "source_id": f"{code}-p", "sku": "Paperback", "price": 1700}
    h = {"id": hardcover["id"], "source_id": f"{code}-h", "sku": "Hardcover"}
    cheap = {"amount": 1700, "price": 1700, "subtotal_amount": 1700, "product": product, "sku": p}
    dear = {"amount": 2100, "price": 2100, "subtotal_amount": 2100, "product": product, "sku": h}
    assert shown["items"] == [
        an_item(**cheap, sku_id=paperback["id"]),
        # Found by its source id, it tells its product's id.
        an_item(**cheap, source_id=f"{code}-p", related_object="sku", product_id=book["id"]),
        an_item(**dear, source_id=f"{code}-h", related_object="sku", product_id=book["id"]),
        an_item(**dear, sku_id=hardcover["id"], product_id=book["id"]),
    ]


async def test_what_a_request_says_of_a_product_counts_but_is_not_stored(
    client: httpx.AsyncClient, code: str
) -> None:
    metadata = {"color": "red", "size": 1}
    await create_product(client, code, name="Vase", price=1500, metadata=metadata)
    said = {"name": "Special", "price": 900, "metadata": {"size": 2}}
    (item,) = (await create(client, items=[{"source_id": code, "product": said}]))["items"]
    assert (item["price"], item["product"]["name"], item["product"]["price"]) == (900, "Special", 900)
    assert item["product"]["metadata"] == {"color": "red", "size": 2}
    stored = await send(client, "GET", f"/v1/products/{code}")
    assert (stored["name"], stored["price"], stored["metadata"]) == (
        "Vase",
        1500,
        {"color": "red", "size": 1},
    )


async def test_override_makes_the_product_and_the_sku(client: httpx.AsyncClient, code: str) -> None:
    # The contract's example.
    shown = await create(
        client,
        items=[
            {
                "source_id": f"{code}-phone",
                "related_object": "product",
                "quantity": 2,
                "product": {
                    "name": "Apple iPhone 12",
                    "price": 60000,
                    "metadata": {"color": ["purple"], "vendor": "mall"},
                    "override": True,
                },
            },
            {
                "source_id": f"{code}-comic",
                "related_object": "sku",
                "quantity": 1,
                "product": {"source_id": f"{code}-books", "name": "Comics", "price": 2100, "override": True},
                "sku": {"sku": "Comics1", "source_id": f"{code}-comic", "price": 1700, "override": True},
            },
        ],
    )
    phone = await send(client, "GET", f"/v1/products/{code}-phone")
    books = await send(client, "GET", f"/v1/products/{code}-books")
    comic = await send(client, "GET", f"/v1/skus/{code}-comic")
    assert (phone["name"], phone["price"]) == ("Apple iPhone 12", 60000)
    assert (books["name"], comic["sku"], comic["price"]) == ("Comics", "Comics1", 1700)
    assert (shown["amount"], shown["total_amount"]) == (121700, 121700)
    assert shown["items"] == [
        an_item(
            source_id=f"{code}-phone",
            related_object="product",
            quantity=2,
            amount=120000,
            price=60000,
            subtotal_amount=120000,
            product={
                "id": phone["id"],
                "source_id": f"{code}-phone",
                "name": "Apple iPhone 12",
                "metadata": {"color": ["purple"], "vendor": "mall"},
                "price": 60000,
            },
        ),
        an_item(
            source_id=f"{code}-comic",
            related_object="sku",
            product_id=books["id"],
            amount=1700,
            price=1700,
            subtotal_amount=1700,
            product={"id": books["id"], "source_id": f"{code}-books", "name": "Comics", "price": 2100},
            sku={"id": comic["id"], "source_id": f"{code}-comic", "sku": "Comics1", "price": 1700},
        ),
    ]


async def test_override_of_an_unknown_product_id_becomes_its_source_id(
    client: httpx.AsyncClient, code: str
) -> None:
    item = {"product_id": code, "product": {"name": "New", "price": 5, "override": True}}
    (shown,) = (await create(client, items=[item]))["items"]
    made = await send(client, "GET", f"/v1/products/{code}")
    assert (made["source_id"], made["name"], made["price"]) == (code, "New", 5)
    assert (shown["product_id"], shown["product"]["id"]) == (code, made["id"])


async def test_an_order_keeps_the_product_as_it_was_bought(client: httpx.AsyncClient, code: str) -> None:
    await create_product(client, code, name="Vase", price=1500)
    shown = await create(client, items=[{"source_id": code}])
    await send(client, "PUT", f"/v1/products/{code}", {"name": "Pot", "price": 1})
    assert await send(client, "GET", f"/v1/orders/{shown['id']}") == shown


# --- whose it is ------------------------------------------------------------------------------------------


async def test_a_customer_is_made_changed_and_found(client: httpx.AsyncClient, code: str) -> None:
    first = await create(client, customer={"source_id": code, "name": "Bob"})
    customer = await send(client, "GET", f"/v1/customers/{code}")
    assert first["customer_id"] == customer["id"]
    by_id = await create(client, customer={"id": customer["id"], "name": "Robert"})
    by_text = await create(client, customer=customer["id"])
    by_source_id = await create(client, customer=code)
    by_plain_id = await create(client, customer_id=customer["id"], referrer_id=customer["id"])
    for order in (by_id, by_text, by_source_id, by_plain_id):
        assert order["customer_id"] == customer["id"]
    assert by_plain_id["referrer_id"] == customer["id"]
    assert (await send(client, "GET", f"/v1/customers/{code}"))["name"] == "Robert"


@pytest.mark.parametrize("nobody", [None, {}, ""])
async def test_an_empty_customer_is_nobody(client: httpx.AsyncClient, nobody: Any) -> None:
    customers = await count(client, "customers")
    assert await create(client, customer=nobody, referrer=nobody) == an_order()
    assert await count(client, "customers") == customers


@pytest.mark.parametrize(
    "body",
    [
        {"customer": {"id": "cust_x"}},
        {"customer_id": "cust_x"},
        {"referrer": {"id": "cust_x"}},
        {"referrer_id": "cust_x"},
    ],
)
async def test_an_unknown_customer_is_refused_and_nothing_is_made(
    client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    before = await count(client, "customers"), await count(client, "orders")
    other = (
        {"customer": {"source_id": code}} if "referrer" in str(body) else {"referrer": {"source_id": code}}
    )
    answer = await client.post("/v1/orders", json={**body, **other})
    assert read_refusal(answer) == not_there("customer", "cust_x")
    assert (await count(client, "customers"), await count(client, "orders")) == before


async def test_orders_that_are_paid_or_fulfilled_count_for_their_customer(
    client: httpx.AsyncClient, code: str
) -> None:
    await create(client, customer=code, amount=200000, status="PAID")
    await create(client, customer=code, amount=4000, discount_amount=100, status="FULFILLED")
    canceled = await create(client, customer=code, amount=7, status="CANCELED")
    await create(client, customer=code, amount=7)
    summary = (await send(client, "GET", f"/v1/customers/{code}"))["summary"]["orders"]
    assert (summary["total_count"], summary["total_amount"], summary["average_amount"]) == (2, 203900, 101950)
    await send(client, "PUT", f"/v1/orders/{canceled['id']}", {"status": "PAID"})
    summary = (await send(client, "GET", f"/v1/customers/{code}"))["summary"]["orders"]
    assert (summary["total_count"], summary["total_amount"]) == (3, 203907)


# --- made again, and changed ------------------------------------------------------------------------------


async def test_a_known_source_id_or_id_is_the_same_order(client: httpx.AsyncClient, code: str) -> None:
    first = await create(client, source_id=code, amount=100, metadata={"a": 1, "b": 1})
    orders = await count(client, "orders")
    second = await create(client, source_id=code, amount=200, metadata={"b": 2})
    assert second == {
        **first,
        "amount": 200,
        "total_amount": 200,
        "metadata": {"a": 1, "b": 2},
        "updated_at": ANY,
    }
    assert INSTANT.fullmatch(second["updated_at"])
    third = await create(client, id=first["id"], status="PAID")
    assert third == {**second, "status": "PAID", "updated_at": ANY}
    assert await count(client, "orders") == orders


async def test_an_unknown_id_names_nothing(client: httpx.AsyncClient, code: str) -> None:
    for sent in (UNKNOWN, "mine"):
        shown = await create(client, id=sent, amount=5)
        assert shown == an_order(amount=5, total_amount=5)
        assert shown["id"] != sent
    known = await create(client, source_id=code)
    assert (await create(client, id=UNKNOWN, source_id=code, amount=1))["id"] == known["id"]


async def test_another_source_id_can_be_given_but_none_that_is_taken(
    client: httpx.AsyncClient, code: str
) -> None:
    first = await create(client, source_id=code)
    renamed = await create(client, id=first["id"], source_id=f"{code}-2")
    assert (renamed["id"], renamed["source_id"]) == (first["id"], f"{code}-2")
    second = await create(client, source_id=code)
    assert second["id"] != first["id"]
    answer = await client.put(f"/v1/orders/{second['id']}", json={"source_id": f"{code}-2"})
    assert read_refusal(answer) == is_taken("order", "source_id", f"{code}-2")
    assert await send(client, "GET", f"/v1/orders/{second['id']}") == second


@pytest.mark.parametrize("before", STATUSES)
async def test_any_status_can_follow_any_other(client: httpx.AsyncClient, before: str) -> None:
    order = await create(client, status=before)
    assert order["status"] == before
    for after in STATUSES:
        shown = await send(client, "PUT", f"/v1/orders/{order['id']}", {"status": after})
        assert shown["status"] == after


async def test_what_was_not_sent_stays(client: httpx.AsyncClient, code: str) -> None:
    order = await create(
        client,
        source_id=code,
        amount=6000,
        items=[{"price": 3300}, {"price": 3400}],
        metadata={"a": 1},
        customer=f"{code}-bob",
        referrer=f"{code}-jane",
    )
    path = f"/v1/orders/{code}"
    changed = await send(client, "PUT", path, {"status": "CANCELED"})
    assert changed == {**order, "status": "CANCELED", "updated_at": ANY}
    nulls = dict.fromkeys(["source_id", "status", "amount", "items", "metadata", "customer", "created_at"])
    assert await send(client, "PUT", path, nulls) == changed


async def test_an_update_that_changes_nothing_writes_nothing(
    client: httpx.AsyncClient, db: Database, code: str
) -> None:
    body = {
        "source_id": code,
        "items": [{"source_id": code, "price": 5}, {"amount": 4}],
        "metadata": {"a": 1},
    }
    order = await create(client, **body)
    events = await read_events(db, order["id"])
    assert await send(client, "PUT", f"/v1/orders/{code}", body) == order
    assert await create(client, **body) == order
    assert await read_events(db, order["id"]) == events
    # To Python they are equal.
    assert (await create(client, **{**body, "metadata": {"a": True}}))["metadata"] == {"a": True}


async def read_events(db: Database, order_id: str) -> list[str]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "select type from outbox where data -> 'order' ->> 'id' = $1 order by id", order_id
        )
    return [row["type"] for row in rows]


async def test_items_that_are_sent_replace_all_and_are_counted_anew(
    client: httpx.AsyncClient, code: str
) -> None:
    order = await create(client, amount=6000, items=[{"price": 3300}, {"price": 3400}])
    path = f"/v1/orders/{order['id']}"
    changed = await send(client, "PUT", path, {"items": [{"price": 50, "quantity": 2}]})
    assert (changed["amount"], changed["total_amount"], len(changed["items"])) == (100, 100, 1)
    assert "initial_amount" not in changed
    changed = await send(client, "PUT", path, {"items": []})
    assert changed == an_order(id=order["id"], updated_at=ANY)
    changed = await send(client, "PUT", path, {"amount": 70})
    assert (changed["amount"], changed["total_amount"]) == (70, 70)


async def test_a_new_amount_is_the_initial_one_unless_that_is_sent(client: httpx.AsyncClient) -> None:
    order = await create(client, amount=6000, initial_amount=5000)
    path = f"/v1/orders/{order['id']}"
    assert (await send(client, "PUT", path, {"status": "PAID"}))["initial_amount"] == 5000
    assert (await send(client, "PUT", path, {"initial_amount": 4000}))["initial_amount"] == 4000
    assert "initial_amount" not in await send(client, "PUT", path, {"amount": 7000})


async def test_a_line_about_the_same_thing_keeps_its_id_and_its_discount(
    client: httpx.AsyncClient, code: str
) -> None:
    await create_product(client, code, price=100)
    order = await create(
        client,
        discount_amount=7,
        items=[
            {"source_id": code, "quantity": 3, "discount_amount": 250},
            {"source_id": f"{code}-x", "amount": 50, "discount_amount": 5},
            {"amount": 20, "discount_amount": 2},
        ],
    )
    first, second, third = order["items"]
    changed = await send(
        client,
        "PUT",
        f"/v1/orders/{order['id']}",
        {
            "items": [
                {"amount": 20},
                # The same product, now of another form and worth less than what was taken off.
                {"product": {"source_id": code}, "quantity": 2},
                {"source_id": f"{code}-x", "amount": 60, "discount_amount": 1},
                {"source_id": f"{code}-x", "amount": 60},
            ]
        },
    )
    lines = [
        (item["id"], item["amount"], item.get("discount_amount"), item["subtotal_amount"])
        for item in changed["items"]
    ]
    assert lines == [
        (third["id"], 20, 2, 18),
        (first["id"], 200, 200, 0),
        (second["id"], 60, 1, 59),
        (ANY, 60, None, 60),
    ]
    assert changed["items"][3]["id"] not in (first["id"], second["id"], third["id"])
    assert (changed["discount_amount"], changed["items_discount_amount"]) == (7, 203)
    assert changed["total_amount"] == 340 - 210


async def test_of_two_lines_about_one_thing_the_named_one_is_meant(
    client: httpx.AsyncClient, code: str
) -> None:
    order = await create(
        client,
        items=[
            {"source_id": code, "amount": 10, "discount_amount": 1},
            {"source_id": code, "amount": 20, "discount_amount": 2},
        ],
    )
    first, second = order["items"]
    items = [
        {"id": second["id"], "source_id": code, "amount": 20},
        {"source_id": code, "amount": 10},
    ]
    changed = await send(client, "PUT", f"/v1/orders/{order['id']}", {"items": items})
    assert changed["items"] == [second, first]


async def test_the_customer_of_an_order_can_change(client: httpx.AsyncClient, code: str) -> None:
    order = await create(client, amount=500, status="PAID", customer=f"{code}-bob")
    await send(client, "PUT", f"/v1/orders/{order['id']}", {"customer": f"{code}-jane"})
    for name, total in (("bob", 0), ("jane", 500)):
        customer = await send(client, "GET", f"/v1/customers/{code}-{name}")
        assert customer["summary"]["orders"]["total_amount"] == total


async def test_the_time_of_creation_can_be_corrected(client: httpx.AsyncClient) -> None:
    order = await create(client)
    shown = await send(client, "PUT", f"/v1/orders/{order['id']}", {"created_at": "2020-02-03"})
    assert shown["created_at"] == "2020-02-03T00:00:00.000Z"


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("sent", [UNKNOWN, "ord_x", "nobody's"])
async def test_an_unknown_order_is_not_found(
    client: httpx.AsyncClient, shared_project: SharedProject, method: str, sent: str
) -> None:
    answer = await client.request(method, f"/v1/orders/{sent}", json={} if method == "PUT" else None)
    assert read_refusal(answer) == not_there("order", sent)


async def test_nothing_is_done_for_an_order_that_is_not_there(client: httpx.AsyncClient, code: str) -> None:
    body = {
        "customer": {"source_id": code},
        "items": [{"source_id": code, "product": {"name": "x", "override": True}}],
    }
    answer = await client.put(f"/v1/orders/{UNKNOWN}", json=body)
    assert answer.status_code == 404
    assert (await client.get(f"/v1/customers/{code}")).status_code == 404
    assert (await client.get(f"/v1/products/{code}")).status_code == 404


async def test_orders_of_others_are_not_there(
    client: httpx.AsyncClient, shared_project: SharedProject, code: str
) -> None:
    order = await create(client, source_id=code, amount=5)
    others = shared_project.other_client
    for sent in (order["id"], code):
        assert read_refusal(await others.get(f"/v1/orders/{sent}")) == not_there("order", sent)
        answer = await others.put(f"/v1/orders/{sent}", json={"amount": 1})
        assert read_refusal(answer) == not_there("order", sent)
    made = await create(others, id=order["id"], source_id=code, amount=1)
    assert made["id"] != order["id"]
    assert await send(client, "GET", f"/v1/orders/{code}") == order


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"amount": -1}, "Property .amount must be >= 0"),
        ({"amount": "-1"}, "Property .amount must be >= 0"),
        ({"amount": 10.5}, "Property .amount must be integer"),
        ({"amount": "10.5"}, "Property .amount must be integer"),
        ({"amount": "ten"}, "Property .amount must be integer"),
        ({"amount": 2**53 + 1}, "Property .amount must be <= 9007199254740992"),
        ({"amount": 10**30}, "Property .amount must be <= 9007199254740992"),
        ({"amount": "9" * 100}, "Property .amount must be <= 9007199254740992"),
        ({"amount": "9" * 101}, "Property .amount must be integer"),
        ({"discount_amount": -1}, "Property .discount_amount must be >= 0"),
        ({"initial_amount": 0.1}, "Property .initial_amount must be integer"),
        ({"items": [{}, {"price": -5}]}, "Property .items[1].price must be >= 0"),
        ({"items": [{"price": 1.5}]}, "Property .items[0].price must be integer"),
        ({"items": [{"amount": -1}]}, "Property .items[0].amount must be >= 0"),
        ({"items": [{"discount_amount": -1}]}, "Property .items[0].discount_amount must be >= 0"),
        ({"items": [{"quantity": 0}]}, "Property .items[0].quantity cannot be lower than 1"),
        ({"items": [{"quantity": -2}]}, "Property .items[0].quantity cannot be lower than 1"),
        ({"items": [{"quantity": 1.5}]}, "Property .items[0].quantity must be integer"),
        ({"items": [{"product": {"price": -1}}]}, "Property .items[0].product.price must be >= 0"),
        ({"items": [{"sku": {"price": "x"}}]}, "Property .items[0].sku.price must be integer"),
        ({"items": [{"price": 2**53, "quantity": 2}]}, "Property .items[0].amount must be within range"),
        ({"items": [{"amount": 2**53}, {"amount": 1}]}, "Property .amount must be within range"),
        ({"items": [{}] * 501}, "Property .items must NOT have more than 500 items"),
        ({"items": {}}, "Property .items must be array,null"),
        ({"items": [5]}, "Property .items[0] must be object"),
        (
            {"items": [{"related_object": "thing"}]},
            "Property .items[0].related_object must be equal to one of the allowed values [ product, sku ]",
        ),
        (
            {"status": "LOST"},
            "Property .status must be equal to one of the allowed values"
            " [ CREATED, PAID, CANCELED, FULFILLED ]",
        ),
        ({"created_at": "soon"}, "Property .created_at cannot be recognized as a ISO-8601 compliant date"),
        ({"metadata": []}, "Property .metadata must be object,null"),
        ({"source_id": "x" * 501}, "Property .source_id must NOT have more than 500 characters"),
        ({"customer": 5}, "Property .customer must be string,object,null"),
    ],
)
async def test_a_body_that_no_order_can_have_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], details: str, code: str
) -> None:
    orders, customers = await count(client, "orders"), await count(client, "customers")
    answer = await client.post("/v1/orders", json={"customer": {"source_id": code}, **body})
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert (await count(client, "orders"), await count(client, "customers")) == (orders, customers)


async def test_five_hundred_items_are_not_too_many(client: httpx.AsyncClient) -> None:
    shown = await create(client, items=[{"price": 2}] * 500)
    assert (shown["amount"], len(shown["items"])) == (1000, 500)
    assert len({item["id"] for item in shown["items"]}) == 500


async def test_product_data_is_bounded_whatever_the_body_is(client: httpx.AsyncClient, code: str) -> None:
    await create_product(client, code, metadata={"text": "x" * 1_000_000})
    orders = await count(client, "orders")
    answer = await client.post("/v1/orders", json={"items": [{"source_id": code}] * 20})
    details = "Property .items must NOT be larger than 16777216 bytes, product data included"
    assert read_refusal(answer) == a_refusal(400, "invalid_payload", details)
    assert await count(client, "orders") == orders
