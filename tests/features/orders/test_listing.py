"""The list of orders: pages, sequence, filters."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from builders import a_refusal, read_refusal
from shared_project import SharedProject

PAID_D = "filters[status][conditions][$is]=PAID&filters[source_id][conditions][$is]=D"


@pytest.fixture
def client(shared_project: SharedProject) -> httpx.AsyncClient:
    return shared_project.client


@pytest.fixture(scope="module")
async def orders(shared_project: SharedProject) -> dict[str, dict[str, Any]]:
    """Four orders by name; A is the oldest, D was made first."""
    client = shared_project.client
    bodies: dict[str, dict[str, Any]] = {
        "D": {"created_at": "2026-01-04T00:00:00Z", "amount": 400},
        "A": {
            "created_at": "2026-01-01T10:00:00.123Z",
            "status": "PAID",
            "amount": 1000,
            "discount_amount": 100,
            "customer": {"source_id": "bob"},
            "metadata": {"color": "red", "size": 4},
            "items": [
                {
                    "source_id": "x",
                    "amount": 1000,
                    "discount_amount": 50,
                    "product": {"name": "Vase", "price": 1000, "metadata": {"a": 1}},
                    "sku": {"sku": "S", "source_id": "s"},
                }
            ],
        },
        "C": {
            "created_at": "2026-01-03T00:00:00Z",
            "status": "CANCELED",
            "customer": {"source_id": "bob"},
            "referrer": {"source_id": "jane"},
        },
        "B": {"created_at": "2026-01-02T00:00:00Z", "status": "FULFILLED", "metadata": {"color": "blue"}},
    }
    made = {}
    for name, body in bodies.items():
        answer = await client.post("/v1/orders", json={"source_id": name, **body})
        assert answer.status_code == 200, answer.text
        made[name] = answer.json()
    for name in ("C", "A"):
        answer = await client.put(f"/v1/orders/{name}", json={"metadata": {"touched": True}})
        made[name] = answer.json()
    return made


async def read_list(client: httpx.AsyncClient, query: dict[str, Any] | str = "") -> dict[str, Any]:
    text = query if isinstance(query, str) else urlencode(query, doseq=True)
    answer = await client.get(f"/v1/orders?{text}")
    assert answer.status_code == 200, answer.text
    listed: dict[str, Any] = answer.json()
    return listed


async def read_names(client: httpx.AsyncClient, query: dict[str, Any] | str = "") -> str:
    listed = await read_list(client, query)
    names = "".join(order["source_id"] for order in listed["orders"])
    assert listed["total"] == len(names)
    return names


async def test_a_list_tells_of_products_in_brief(
    client: httpx.AsyncClient, orders: dict[str, dict[str, Any]]
) -> None:
    listed = await read_list(client, {"source_id": "A"})
    (item,) = orders["A"]["items"]
    brief = {**item, "product": {"name": "Vase", "price": 1000}, "sku": {"sku": "S"}}
    assert listed == {
        "object": "list",
        "data_ref": "orders",
        "orders": [{**orders["A"], "items": [brief]}],
        "total": 1,
    }


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", "ABCD"),
        ("created_at", "ABCD"),
        ("-created_at", "DCBA"),
        # What was never changed comes before what was.
        ("updated_at", "DBCA"),
        ("-updated_at", "ACBD"),
    ],
)
async def test_the_oldest_come_first_unless_said_otherwise(
    client: httpx.AsyncClient, order: str, names: str
) -> None:
    assert await read_names(client, {"order": order} if order else "") == names


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(("page", "names"), [(1, "ABC"), (2, "D"), (3, ""), (1000, "")])
async def test_pages_follow_one_another(client: httpx.AsyncClient, page: int, names: str) -> None:
    listed = await read_list(client, {"limit": 3, "page": page})
    assert "".join(order["source_id"] for order in listed["orders"]) == names
    assert listed["total"] == 4


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=PAID", "A"),
        ("status=PAID,FULFILLED", "AB"),
        ("status[]=PAID&status[]=CANCELED", "AC"),
        ("customer=bob", "AC"),
        ("customer=jane", ""),
        ("customer=nobody", ""),
        ("source_id=B", "B"),
        ("created_at[after]=2026-01-02T00:00:00Z", "CD"),
        ("created_at[before]=2026-01-02T00:00:00Z", "A"),
        ("created_at[after]=2026-01-01&created_at[before]=2026-01-03", "AB"),
        # After what is shown, which has milliseconds.
        ("created_at[after]=2026-01-01T10:00:00.123Z", "BCD"),
        ("updated_at[before]=2020-01-01", ""),
        ("updated_at[after]=2020-01-01", "AC"),
        ("filters[status][conditions][$in][0]=PAID&filters[status][conditions][$in][1]=CANCELED", "AC"),
        ("filters[amount][conditions][$more_than][0]=400", "A"),
        ("filters[amount][conditions][$is_unknown]=", "BC"),
        ("filters[total_amount][conditions][$is]=850", "A"),
        ("filters[discount_amount][conditions][$is]=100", "A"),
        ("filters[items_discount_amount][conditions][$is]=50", "A"),
        ("filters[total_discount_amount][conditions][$is]=150", "A"),
        ("filters[referrer_id][conditions][$has_value]=", "C"),
        ("filters[customer_id][conditions][$is_unknown]=", "BD"),
        ("filters[metadata.color][conditions][$is]=red", "A"),
        ("filters[metadata.size][conditions][$more_than]=3", "A"),
        ("filters[metadata.touched][conditions][$is]=true", "AC"),
        ("filters[created_at][conditions][$before]=2026-01-02T00:00:00Z", "A"),
        (
            "filters[junction]=or&filters[status][conditions][$is]=PAID&filters[source_id][conditions][$is]=D",
            "AD",
        ),
        ("filters[status][conditions][$is]=PAID&filters[source_id][conditions][$is]=D", ""),
        ("filters[status][conditions][$is]=PAID&status=CANCELED", ""),
    ],
)
async def test_orders_can_be_filtered(client: httpx.AsyncClient, query: str, names: str) -> None:
    assert await read_names(client, query) == names


async def test_the_filter_by_a_customers_id_finds_its_orders(
    client: httpx.AsyncClient, orders: dict[str, dict[str, Any]]
) -> None:
    customer_id = orders["A"]["customer_id"]
    assert await read_names(client, f"customer={customer_id}") == "AC"
    assert await read_names(client, f"filters[customer_id][conditions][$is]={customer_id}") == "AC"
    assert await read_names(client, f"filters[id][conditions][$is]={orders['D']['id']}") == "D"


@pytest.mark.usefixtures("orders")
async def test_orders_of_others_are_not_listed(shared_project: SharedProject) -> None:
    assert await read_list(shared_project.other_client) == {
        "object": "list",
        "data_ref": "orders",
        "orders": [],
        "total": 0,
    }


@pytest.mark.parametrize(
    ("query", "key", "details"),
    [
        ("limit=0", "invalid_query_params", "Property .limit must be >= 1"),
        ("limit=101", "invalid_query_params", "Property .limit must be <= 100"),
        ("page=1001", "page_over_limit", "Property .page cannot be higher than 1000"),
        (
            "order=amount",
            "invalid_query_params",
            "Property .order must be equal to one of the allowed values"
            " [ created_at, -created_at, updated_at, -updated_at ]",
        ),
        (
            "status=LOST",
            "invalid_query_params",
            "Property .status[0] must be equal to one of the allowed values"
            " [ CREATED, PAID, CANCELED, FULFILLED ]",
        ),
        (
            "created_at[after]=soon",
            "invalid_query_params",
            "Property .created_at.after cannot be recognized as a ISO-8601 compliant date",
        ),
        (
            "filters[color][conditions][$is]=red",
            "invalid_query_params",
            "Property .filters.color is not allowed",
        ),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    client: httpx.AsyncClient, query: str, key: str, details: str
) -> None:
    assert read_refusal(await client.get(f"/v1/orders?{query}")) == a_refusal(400, key, details)
