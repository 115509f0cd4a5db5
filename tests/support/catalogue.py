"""A project with products, for tests that share it: each names what it makes after `code`."""

from dataclasses import dataclass
from typing import Any

import httpx

from openvoucher.app import make_worker
from shared_project import SharedProject


@dataclass(frozen=True)
class Catalogue:
    client: httpx.AsyncClient
    shared: SharedProject

    async def make_product(self, **body: Any) -> dict[str, Any]:
        product: dict[str, Any] = await self.send("POST", "/v1/products", body)
        return product

    async def make_sku(self, product_id: str, **body: Any) -> dict[str, Any]:
        sku: dict[str, Any] = await self.send("POST", f"/v1/products/{product_id}/skus", body)
        return sku

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's body, which must not be a refusal."""
        answer = await self.client.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def refuse(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The refusal, without its request id."""
        answer = await self.client.request(method, path, json=body)
        assert answer.status_code >= 400, answer.text
        refusal: dict[str, Any] = answer.json()
        assert refusal.pop("request_id", None) == answer.headers["X-Request-Id"]
        assert refusal["code"] == answer.status_code
        return refusal

    async def upload(self, path: str, text: str) -> dict[str, Any]:
        """The async action of an import, when it has ended."""
        answer = await self.client.post(path, files={"file": ("rows.csv", text.encode())})
        assert answer.status_code == 200, answer.text
        return await self.end_action(answer.json()["async_action_id"])

    async def end_action(self, action_id: str) -> dict[str, Any]:
        await make_worker(self.shared.db, self.shared.call.settings).run_until_idle()
        action: dict[str, Any] = await self.send("GET", f"/v1/async-actions/{action_id}")
        assert action["status"] == "DONE"
        return action

    async def set_schema(self, **properties: Any) -> None:
        """Metadata schema of products; without properties there is none any more."""
        schemas = await self.send("GET", "/v1/metadata-schemas")
        for schema in schemas["schemas"]:
            await self.send("DELETE", f"/v1/metadata-schemas/{schema['id']}")
        if properties:
            body = {"related_object": "product", "properties": properties}
            await self.send("POST", "/v1/metadata-schemas", body)


def not_found(kind: str, sent: str) -> dict[str, Any]:
    return {
        "code": 404,
        "key": "not_found",
        "message": "Resource not found",
        "details": f"Cannot find {kind} with id {sent}",
        "resource_id": sent,
        "resource_type": kind,
    }


def invalid_payload(details: str) -> dict[str, Any]:
    return {"code": 400, "key": "invalid_payload", "message": "Invalid payload", "details": details}


def duplicate(kind: str, sent: str) -> dict[str, Any]:
    return {
        "code": 409,
        "key": "duplicate_found",
        "message": "Duplicated resource found",
        "details": f"Duplicated {kind} exists with id {sent}",
        "resource_id": sent,
        "resource_type": kind,
    }


def in_use(kind: str, sent: str, by: str, ids: list[str]) -> dict[str, Any]:
    return {
        "code": 400,
        "key": "resource_in_use",
        "message": "Resource in use",
        "details": f"Resource {kind} with id {sent} is in use by {by}s with ids [{','.join(ids)}]",
        "resource_id": sent,
        "resource_type": kind,
        "related_object_ids": ids,
        "related_object_type": by,
        "related_object_total": len(ids),
    }
