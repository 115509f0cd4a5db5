"""Orders with the official client. Amounts are cents."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import voucherify
from voucherify.models.parameter_order_list_orders import ParameterOrderListOrders

from programs import wait_until
from sdk_client import Sdk, read_refusal
from servers import Server

pytestmark = pytest.mark.slow

PHONE: dict[str, Any] = {
    "source_id": "prod_1",
    "related_object": "product",
    "quantity": 2,
    "product": {
        "name": "Apple iPhone 12",
        "price": 60000,
        "metadata": {"color": ["purple"], "vendor": "mall"},
        "override": True,
    },
}
COMIC: dict[str, Any] = {
    "source_id": "ComicBook_1",
    "related_object": "sku",
    "quantity": 1,
    "product": {
        "source_id": "Books",
        "name": "Comic Books1",
        "price": 2100,
        "metadata": {"color": ["silver"], "vendor": "Bookstore1"},
        "override": True,
    },
    "sku": {
        "sku": "Comics1",
        "source_id": "ComicBook_1",
        "price": 1700,
        "metadata": {"color": ["golden"], "vendor": "islands"},
        "override": True,
    },
}
# The contract's example.
NEW: dict[str, Any] = {
    "source_id": "new",
    "status": "FULFILLED",
    "metadata": {"location_id": ["L1", "L2"], "payment_mean": ["paypal", "credit-card"]},
    "customer": {
        "source_id": "bob.smith.1@email.com",
        "name": "Bob Smith",
        "email": "bob.smith.1@email.com",
        "address": {"city": "New York", "postal_code": "10001"},
        "metadata": {"lang": "en", "test": False},
        "birthdate": "2022-01-02",
    },
    "referrer": {"source_id": "jane.smith@email.com", "name": "Jane Smith"},
    "items": [PHONE, COMIC],
}


def create(sdk: Sdk, **fields: Any) -> dict[str, Any]:
    """The raw order."""
    sdk.orders.create_order(voucherify.OrdersCreateRequestBody.model_validate(fields))
    order: dict[str, Any] = sdk.raw
    return order


def update(sdk: Sdk, order_id: str, **fields: Any) -> dict[str, Any]:
    sdk.orders.update_order(order_id, voucherify.OrdersUpdateRequestBody.model_validate(fields))
    order: dict[str, Any] = sdk.raw
    return order


def get(sdk: Sdk, order_id: str) -> dict[str, Any]:
    sdk.orders.get_order(order_id)
    order: dict[str, Any] = sdk.raw
    return order


def import_orders(sdk: Sdk, *orders: dict[str, Any]) -> Any:
    """The raw action, when it has ended."""
    items = [voucherify.OrdersImportCreateRequestBodyItem.model_validate(each) for each in orders]
    accepted = sdk.orders.import_orders(items)
    assert sdk.last.status == 200
    return sdk.wait_for_action(accepted.async_action_id)


def test_an_order_of_new_products_stores_them_and_sums_them_up(sdk: Sdk) -> None:
    order = create(sdk, **NEW)
    bob = sdk.customers.get_customer("bob.smith.1@email.com").id
    jane = sdk.customers.get_customer("jane.smith@email.com").id
    phone, books = sdk.products.get_product("prod_1").id, sdk.products.get_product("Books").id
    comic = sdk.products.get_sku("ComicBook_1").id
    first, second = order["items"]
    created_at = datetime.fromisoformat(order["created_at"])
    assert timedelta() <= datetime.now(UTC) - created_at < timedelta(minutes=1)
    assert order == {
        "id": order["id"],
        "source_id": "new",
        "created_at": order["created_at"],
        "updated_at": None,
        "status": "FULFILLED",
        "amount": 121700,
        "total_amount": 121700,
        "items": [
            {
                "id": first["id"],
                "object": "order_item",
                "source_id": "prod_1",
                "related_object": "product",
                "quantity": 2,
                "amount": 120000,
                "price": 60000,
                "subtotal_amount": 120000,
                "product": {
                    "id": phone,
                    "source_id": "prod_1",
                    "name": "Apple iPhone 12",
                    "metadata": {"color": ["purple"], "vendor": "mall"},
                    "price": 60000,
                },
            },
            {
                "id": second["id"],
                "object": "order_item",
                "source_id": "ComicBook_1",
                "related_object": "sku",
                "product_id": books,
                "quantity": 1,
                "amount": 1700,
                "price": 1700,
                "subtotal_amount": 1700,
                "product": {
                    "id": books,
                    "source_id": "Books",
                    "name": "Comic Books1",
                    "metadata": {"color": ["silver"], "vendor": "Bookstore1"},
                    "price": 2100,
                },
                "sku": {
                    "id": comic,
                    "source_id": "ComicBook_1",
                    "sku": "Comics1",
                    "metadata": {"color": ["golden"], "vendor": "islands"},
                    "price": 1700,
                },
            },
        ],
        "metadata": {"location_id": ["L1", "L2"], "payment_mean": ["paypal", "credit-card"]},
        "customer": {"id": bob, "object": "customer"},
        "referrer": {"id": jane, "object": "customer"},
        "customer_id": bob,
        "referrer_id": jane,
        "object": "order",
    }
    assert get(sdk, order["id"]) == order
    assert get(sdk, "new") == order


def test_the_client_reads_an_order(sdk: Sdk) -> None:
    body = voucherify.OrdersCreateRequestBody.model_validate(
        {
            "amount": 20000,
            "customer": {"source_id": "sample_customer"},
            "status": "PAID",
            "created_at": "2021-12-22T10:13:06.487Z",
            "items": [
                {
                    "quantity": 1,
                    "price": 20000,
                    "source_id": "sample product1",
                    "related_object": "product",
                    "product": {"metadata": {"key": "value"}},
                }
            ],
        }
    )
    order = sdk.orders.create_order(body)
    assert (order.status, order.amount, order.total_amount) == ("PAID", 20000, 20000)
    assert order.created_at == datetime(2021, 12, 22, 10, 13, 6, 487000, tzinfo=UTC)
    assert (order.updated_at, order.referrer_id, order.discount_amount) == (None, None, None)
    assert order.customer is not None
    assert order.customer.id == order.customer_id == sdk.customers.get_customer("sample_customer").id
    assert order.items is not None
    (item,) = order.items
    assert (item.amount, item.subtotal_amount, item.product_id) == (20000, 20000, None)
    assert item.product is not None
    assert item.product.metadata == {"key": "value"}
    assert sdk.products.list_products().total == 0


def test_an_upsert_returns_the_same_order(sdk: Sdk) -> None:
    order = create(sdk, source_id="A", amount=100, metadata={"a": 1})
    again = create(sdk, source_id="A", status="PAID", metadata={"b": 2})
    assert (again["id"], again["status"], again["amount"]) == (order["id"], "PAID", 100)
    assert again["metadata"] == {"a": 1, "b": 2}
    assert again["updated_at"] >= order["created_at"]
    assert create(sdk, id=order["id"], amount=200)["total_amount"] == 200
    assert sdk.orders.list_orders().total == 1


def test_an_update_leaves_what_was_not_sent(sdk: Sdk) -> None:
    order = create(sdk, **NEW)
    changed = update(sdk, "new", status="CANCELED")
    assert changed == {**order, "status": "CANCELED", "updated_at": changed["updated_at"]}
    changed = update(sdk, order["id"], items=[{**PHONE, "quantity": 1}], metadata={"location_id": "L3"})
    assert (changed["amount"], len(changed["items"])) == (60000, 1)
    assert changed["items"][0]["id"] == order["items"][0]["id"]
    assert changed["metadata"] == {**order["metadata"], "location_id": "L3"}
    assert get(sdk, "new") == changed


def test_discounts_that_are_given_are_kept(sdk: Sdk) -> None:
    order = create(sdk, amount=10000, discount_amount=9200)
    assert (order["discount_amount"], order["total_discount_amount"]) == (9200, 9200)
    assert order["total_amount"] == 800
    assert "items_discount_amount" not in order


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (None, ["C", "A", "B"]),
        (ParameterOrderListOrders.CREATED_AT, ["C", "A", "B"]),
        (ParameterOrderListOrders.MINUS_CREATED_AT, ["B", "A", "C"]),
        (ParameterOrderListOrders.UPDATED_AT, ["B", "C", "A"]),
        (ParameterOrderListOrders.MINUS_UPDATED_AT, ["A", "C", "B"]),
    ],
)
def test_orders_are_listed_in_any_sequence(sdk: Sdk, order: Any, names: list[str]) -> None:
    create(sdk, source_id="A", created_at="2026-01-02T00:00:00Z")
    create(sdk, source_id="B", created_at="2026-01-03T00:00:00Z")
    create(sdk, source_id="C", created_at="2026-01-01T00:00:00Z")
    update(sdk, "A", status="PAID")
    listed = sdk.orders.list_orders(order=order)
    assert [each.source_id for each in listed.orders or []] == names
    assert (listed.total, listed.data_ref) == (3, "orders")
    second_page = sdk.orders.list_orders(order=order, limit=2, page=2)
    assert [each.source_id for each in second_page.orders or []] == names[2:]
    assert second_page.total == 3


def test_a_list_has_product_data_in_brief(sdk: Sdk) -> None:
    create(sdk, **NEW)
    sdk.orders.list_orders()
    (order,) = sdk.raw["orders"]
    assert [(item["product"], item.get("sku")) for item in order["items"]] == [
        ({"name": "Apple iPhone 12", "price": 60000}, None),
        ({"name": "Comic Books1", "price": 2100}, {"sku": "Comics1", "price": 1700}),
    ]


def test_orders_can_be_filtered(sdk: Sdk) -> None:
    create(sdk, source_id="A", status="PAID", amount=5, customer={"source_id": "bob"})
    create(sdk, source_id="B", amount=7)
    for query in (
        {"status": "PAID"},
        {"customer": "bob"},
        {"filters[amount][conditions][$less_than][0]": "7"},
    ):
        listed = sdk.send("GET", "/v1/orders", query=query).body
        assert ([order["source_id"] for order in listed["orders"]], listed["total"]) == (["A"], 1)


def test_paid_orders_make_the_sums_of_a_customer(sdk: Sdk) -> None:
    create(sdk, status="PAID", amount=200000, customer={"source_id": "bob"})
    order = create(sdk, amount=3900, customer={"source_id": "bob"})

    def read_sums() -> tuple[int, int, int]:
        sdk.customers.get_customer("bob")
        sums = sdk.raw["summary"]["orders"]
        return sums["total_count"], sums["total_amount"], sums["average_amount"]

    assert read_sums() == (1, 200000, 200000)
    update(sdk, order["id"], status="FULFILLED")
    assert read_sums() == (2, 203900, 101950)
    update(sdk, order["id"], status="CANCELED")
    assert read_sums() == (1, 200000, 200000)


def test_what_happens_to_orders_is_activity_of_their_customer(sdk: Sdk) -> None:
    create(sdk, source_id="A", status="PAID", customer={"source_id": "bob"})
    update(sdk, "A", status="CANCELED")
    wanted = {f"customer.order.{fact}" for fact in ("created", "paid", "updated", "canceled")}

    def look() -> Any:
        sdk.customers.list_customer_activity("bob", limit=100)
        return wanted <= {event["type"] for event in sdk.raw["data"]}

    wait_until(look, "the activity of orders")
    (created,) = (event for event in sdk.raw["data"] if event["type"] == "customer.order.created")
    data = created["data"]["data"]
    assert data.keys() == {"customer", "referrer", "order", "redemption"}
    assert (data["order"]["source_id"], data["referrer"], data["redemption"]) == ("A", None, None)
    assert data["customer"]["source_id"] == "bob"


def test_orders_are_imported_and_upserted(sdk: Sdk) -> None:
    create(sdk, source_id="old", amount=5)
    action = import_orders(
        sdk,
        NEW,
        {"source_id": "old", "status": "PAID", "customer": {"source_id": "bob.smith.1@email.com"}},
        {"source_id": "refused", "customer": {"id": "cust_unknown"}},
        {"source_id": "amounts", "items": [{"amount": 900}, {"price": 2000, "quantity": 3}]},
    )
    assert (action["type"], action["status"]) == ("ORDERS.IMPORT", "DONE")
    result = action["result"]
    assert (result["done_count"], result["failed_count"]) == (3, 1)
    assert result["message"] == "3 order(s) imported successfully, 1 failed."
    reason = "Cannot find customer with id cust_unknown"
    assert result["failed"] == [{"source_id": "refused", "reason": reason}]
    sdk.orders.list_orders()
    assert {order["source_id"]: (order["status"], order["amount"]) for order in sdk.raw["orders"]} == {
        "old": ("PAID", 5),
        "new": ("FULFILLED", 121700),
        "amounts": ("CREATED", 6900),
    }
    assert sdk.products.get_product("prod_1").name == "Apple iPhone 12"
    # Imports are no activity of anybody.
    sdk.customers.list_customer_activity("bob.smith.1@email.com")
    assert sdk.raw["data"] == []


def test_an_import_says_what_is_wrong_with_which_order(sdk: Sdk) -> None:
    orders: list[dict[str, Any]] = [
        {"source_id": "A"},
        {"source_id": "B", "items": [{"initial_quantity": 0}]},
    ]
    with pytest.raises(voucherify.ApiException) as caught:
        import_orders(sdk, *orders)
    assert read_refusal(caught.value) == {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": "Property .items[0].initial_quantity cannot be lower than 1",
        "row": 2,
    }
    assert sdk.orders.list_orders().total == 0


@pytest.mark.parametrize("call", [get, update])
def test_an_unknown_order_is_not_found(sdk: Sdk, call: Any) -> None:
    with pytest.raises(voucherify.ApiException) as caught:
        call(sdk, "ord_x")
    assert read_refusal(caught.value) == {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": "Cannot find order with id ord_x",
        "resource_id": "ord_x",
        "resource_type": "order",
    }


def test_a_negative_amount_is_refused(sdk: Sdk) -> None:
    with pytest.raises(voucherify.ApiException) as caught:
        create(sdk, items=[{"price": -1}])
    assert read_refusal(caught.value) == {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": "Property .items[0].price must be >= 0",
    }


def test_orders_of_others_are_not_there(sdk: Sdk, other_sdk: Sdk) -> None:
    order = create(sdk, source_id="A")
    with pytest.raises(voucherify.ApiException) as caught:
        get(other_sdk, order["id"])
    assert caught.value.status == 404
    assert other_sdk.orders.list_orders().total == 0


@pytest.fixture(params=["api", "orders"])
def bearer_sdk(server: Server, sdk: Sdk, request: pytest.FixtureRequest) -> Iterator[Sdk]:
    """The client with a token of one scope."""
    form = {"grant_type": "client_credentials", "scope": request.param}
    token = sdk.send("POST", "/v1/oauth/token", form=form).body["access_token"]
    client = Sdk(server.address, {"Authorization": f"Bearer {token}"})
    yield client
    client.close()


def test_a_bearer_of_its_scope_may_do_all(bearer_sdk: Sdk) -> None:
    order = create(bearer_sdk, source_id="A", amount=5)
    assert update(bearer_sdk, "A", status="PAID")["id"] == order["id"]
    assert get(bearer_sdk, "A")["status"] == "PAID"
    assert bearer_sdk.orders.list_orders().total == 1
    answer = bearer_sdk.send("POST", "/v1/orders/import", [{"source_id": "B"}])
    assert answer.status == 200
