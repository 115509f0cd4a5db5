"""Campaigns with codes, and publications from them, over HTTP."""

from typing import Any

import httpx

from builders import a_campaign

# Messages of refusals by key.
MESSAGES = {
    "duplicate_source_id": "Duplicate source_id",
    "missing_vouchers": "Missing vouchers",
    "no_voucher_suitable_for_publication": "Couldn't find any voucher suitable for publication",
    "too_many_vouchers_requested": "Too many vouchers requested",
    "voucher_already_published": "Voucher already published",
    "voucher_cannot_be_published": "Voucher cannot be published",
}


def a_publishing_refusal(key: str, details: str) -> dict[str, Any]:
    """The body of a refusal without its request id."""
    return {"code": 400, "key": key, "message": MESSAGES[key], "details": details}


NOTHING_LEFT = a_publishing_refusal(
    "no_voucher_suitable_for_publication", "Couldn't create new vouchers for publication"
)
TOO_MANY = a_publishing_refusal("too_many_vouchers_requested", "Only up to 1 can be published")
JOINED = a_publishing_refusal(
    "voucher_cannot_be_published", "Voucher cannot be published. Customer already joined program."
)


def already_published(voucher_id: str) -> dict[str, Any]:
    return a_publishing_refusal(
        "voucher_already_published", f"Voucher '{voucher_id}' has already been published"
    )


async def make_campaign(
    client: httpx.AsyncClient, name: str, codes: int = 0, **fields: Any
) -> dict[str, Any]:
    """A STATIC campaign of discounts, or what `fields` make of it, with codes NAME-0, NAME-1 …"""
    answer = await client.post("/v1/campaigns", json=a_campaign(**{"name": name, "type": "STATIC", **fields}))
    assert answer.status_code == 200, answer.text
    for number in range(codes):
        await add_code(client, name, f"{name}-{number}")
    made: dict[str, Any] = answer.json()
    return made


async def add_code(client: httpx.AsyncClient, campaign: str, code: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/campaigns/{campaign}/vouchers/{code}", json=fields)
    assert answer.status_code == 200, answer.text
    voucher: dict[str, Any] = answer.json()
    return voucher


async def send(
    client: httpx.AsyncClient, customer: Any, *, join_once: bool | None = None, **fields: Any
) -> httpx.Response:
    """A publication to a customer, by source id or as the body has it."""
    who = {"source_id": customer} if isinstance(customer, str) else customer
    params = {} if join_once is None else {"join_once": str(join_once).lower()}
    return await client.post("/v1/publications", json={"customer": who, **fields}, params=params)


async def publish(client: httpx.AsyncClient, customer: Any, **fields: Any) -> dict[str, Any]:
    """`send`, answered by a publication."""
    answer = await send(client, customer, **fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def read_voucher(client: httpx.AsyncClient, code: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/vouchers/{code}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def list_publications(client: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await client.get("/v1/publications", params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
