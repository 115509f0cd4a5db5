"""Metadata of orders and of their items against the project's schemas."""

from typing import Any

import httpx
import pytest

from builders import a_refusal, read_refusal
from shared_project import SharedProject

REQUIRED = "pay: must be a string, property is required (actual value is 'undefined')"
WRONG_ORDER = "pay: must be a string, property is required (actual value is '5')"
MISSING_OF_ITEM = "gift: must be a boolean, property is required (actual value is 'undefined')"


@pytest.fixture(scope="module")
async def client(shared_project: SharedProject) -> httpx.AsyncClient:
    """Of a project whose orders must say how they are paid, and whose items whether they are gifts."""
    client = shared_project.client
    for related_object, properties in (
        ("order", {"pay": {"type": "string", "optional": False}}),
        ("order_item", {"gift": {"type": "boolean", "optional": False}, "size": {"type": "number"}}),
    ):
        body = {"related_object": related_object, "properties": properties}
        answer = await client.post("/v1/metadata-schemas", json=body)
        assert answer.status_code == 200, answer.text
    return client


async def refuse(client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any], why: str) -> None:
    answer = await client.request(method, path, json=body)
    assert read_refusal(answer) == a_refusal(400, "metadata_validation_failed", why)


async def make(client: httpx.AsyncClient, code: str) -> dict[str, Any]:
    body = {"source_id": code, "metadata": {"pay": "card"}, "items": [{"metadata": {"gift": True}}]}
    answer = await client.post("/v1/orders", json=body)
    assert answer.status_code == 200, answer.text
    order: dict[str, Any] = answer.json()
    return order


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, REQUIRED),
        ({"metadata": None}, REQUIRED),
        ({"metadata": {"other": 1}}, REQUIRED),
        ({"metadata": {"pay": 5}}, WRONG_ORDER),
        ({"metadata": {"pay": "card"}, "items": [{}]}, MISSING_OF_ITEM),
        (
            {"metadata": {"pay": "card"}, "items": [{"metadata": {"gift": True, "size": "L"}}]},
            "size: must be a number (actual value is 'L')",
        ),
    ],
)
async def test_a_new_order_must_fit_its_schemas(
    client: httpx.AsyncClient, body: dict[str, Any], why: str, code: str
) -> None:
    await refuse(client, "POST", "/v1/orders", {"source_id": code, "customer": code, **body}, why)
    assert (await client.get(f"/v1/orders/{code}")).status_code == 404
    assert (await client.get(f"/v1/customers/{code}")).status_code == 404


async def test_of_a_change_only_what_is_sent_must_fit(client: httpx.AsyncClient, code: str) -> None:
    order = await make(client, code)
    path = f"/v1/orders/{code}"
    answer = await client.put(path, json={"metadata": {"other": 1}, "status": "PAID"})
    assert answer.json()["metadata"] == {"pay": "card", "other": 1}
    await refuse(client, "PUT", path, {"metadata": {"pay": 5}}, WRONG_ORDER)
    await refuse(client, "POST", "/v1/orders", {"source_id": code, "metadata": {"pay": 5}}, WRONG_ORDER)
    # Items are new ones each time.
    await refuse(client, "PUT", path, {"items": [{"amount": 1}]}, MISSING_OF_ITEM)
    assert (await client.get(path)).json()["items"] == order["items"]
