"""What an export writes an import reads: the other project's file is the same, line by line."""

from typing import Any

import httpx
import pytest

from builders import a_campaign, a_voucher
from exporting import export_text, start_export
from openvoucher.app import OPERATIONS
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.jobs.worker import Worker

pytestmark = pytest.mark.slow


async def post(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def import_file(client: httpx.AsyncClient, worker: Worker, path: str, text: str) -> dict[str, Any]:
    """The result of the import."""
    answer = await client.post(path, files={"file": ("file.csv", text.encode(), "text/csv")})
    await worker.run_until_idle()
    action = (await client.get(f"/v1/async-actions/{answer.json()['async_action_id']}")).json()
    assert action["status"] == "DONE"
    result: dict[str, Any] = action["result"]
    return result


async def test_a_file_of_vouchers_can_be_imported(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    for number, discount in enumerate(
        (
            {"type": "AMOUNT", "amount_off": 1050, "effect": "APPLY_TO_ITEMS"},
            {"type": "PERCENT", "percent_off": 12.5},
            {"type": "FIXED", "fixed_amount": 5},
        )
    ):
        body = a_voucher(
            discount=discount,
            start_date="2026-01-01T00:00:00Z",
            redemption={"quantity": number + 1},
            additional_info='a, "b"\nc',
            metadata={"colour": f"red, {number}"},
            active=number != 1,
        )
        await post(client, f"/v1/vouchers/CODE-{number}", body)
    await post(client, "/v1/vouchers/GIFT", a_voucher("GIFT_VOUCHER", gift={"amount": 123_456}))
    fields = ["code", "voucher_type", "value", "discount_type", "discount_effect", "start_date"]
    fields += ["expiration_date", "redemption_quantity", "active", "additional_info", "metadata.colour"]
    text = await export_text(client, worker, "voucher", fields=fields, order="code")
    result = await import_file(other_client, worker, "/v1/vouchers/importCSV", text)
    assert (result["done_count"], result["failed"]) == (4, [])
    assert await export_text(other_client, worker, "voucher", fields=fields, order="code") == text


async def test_a_file_of_customers_can_be_imported(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, worker: Worker
) -> None:
    address = {"city": "Łódź", "line_1": "1, Main St", "postal_code": "007"}
    await post(client, "/v1/customers", {"source_id": "ann", "name": 'A "n" n', "address": address})
    await post(client, "/v1/customers", {"source_id": "bob", "email": "b@x.org", "birthdate": "2000-02-29"})
    fields = ["source_id", "name", "email", "phone", "birthdate", "description", "address_city"]
    fields += ["address_line_1", "address_postal_code", "metadata.colour"]
    text = await export_text(client, worker, "customer", fields=fields, order="source_id")
    result = await import_file(other_client, worker, "/v1/customers/importCSV", text)
    assert (result["done_count"], result["failed"]) == (2, [])
    assert await export_text(other_client, worker, "customer", fields=fields, order="source_id") == text


async def test_what_the_api_makes_is_what_the_files_show(client: httpx.AsyncClient, worker: Worker) -> None:
    """Objects as callers make them, not as the tests write them into tables."""
    product = await post(client, "/v1/products", {"source_id": "p", "name": "Shirt", "price": 1999})
    sku = await post(client, f"/v1/products/{product['id']}/skus", {"source_id": "s", "sku": "XL"})
    order = await post(
        client,
        "/v1/orders",
        {
            "source_id": "o",
            "status": "PAID",
            "customer": {"source_id": "ann"},
            "items": [{"product_id": product["id"], "quantity": 2}],
        },
    )
    await post(client, "/v1/campaigns", a_campaign(type="AUTO_UPDATE"))
    published = {"customer": "ann", "campaign": {"name": "Spring", "count": 2}, "channel": "mail"}
    publication = await post(client, "/v1/publications", published)
    for exported_object, fields, rows in (
        ("product", ["id", "name", "price"], [f"{product['id']},Shirt,19.99"]),
        ("sku", ["id", "product_id", "sku", "source_id"], [f"{sku['id']},{product['id']},XL,s"]),
        (
            "order",
            ["id", "source_id", "status", "amount", "customer_id"],
            [f"{order['id']},o,PAID,3998,{order['customer_id']}"],
        ),
        (
            "publication",
            ["voucher_code", "customer_source_id", "channel", "campaign"],
            [f"{code},ann,mail,Spring" for code in publication["vouchers"]],
        ),
        (
            "voucher",
            ["code", "customer_id", "customer_source_id"],
            [f"{code},{order['customer_id']},ann" for code in sorted(publication["vouchers"])],
        ),
        ("customer", ["source_id", "orders_total_amount", "orders_total_count"], ["ann,3998,1"]),
    ):
        order_by = "code" if exported_object == "voucher" else "created_at"
        text = await export_text(client, worker, exported_object, fields=fields, order=order_by)
        assert text.splitlines()[1:] == rows


async def test_the_document_tells_of_the_file_and_of_the_link(client: httpx.AsyncClient) -> None:
    entry = make_openapi(OPERATIONS, version="1")["paths"]["/v1/exports/{export_id}"]["get"]
    assert entry["security"] == [{"AppId": [], "AppToken": []}, {"Bearer": ["exports"]}, {}]
    assert {*entry["responses"]["200"]["content"]} == {"application/json", "text/csv"}
    assert [each["name"] for each in entry["parameters"]] == ["export_id", "token"]
    export_id = await start_export(client, "voucher")
    assert (
        (await client.get(f"/v1/exports/{export_id}")).headers["Content-Type"].startswith("application/json")
    )
