"""Imports and bulk updates of customers as tests start them, run them, and see what came of them."""

from dataclasses import dataclass
from typing import Any

import httpx

from importing import A_REPORT, read_action
from openvoucher.features.outbox.schemas import Event
from openvoucher.platform.call import Project
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker

BULK = "/v1/customers/bulk/async"
SHARED = "/v1/customers/metadata/async"

# Computed from other objects, of which there are none here.
_COMPUTED = ("id", "summary", "loyalty", "referrals", "system_metadata", "created_at", "updated_at", "object")


@dataclass
class CustomersInBulk:
    """`client` and `worker` are of one project; `events` are those that were told."""

    client: httpx.AsyncClient
    db: Database
    worker: Worker
    project: Project
    events: list[Event]

    async def start_import(self, *lines: str | bytes) -> str:
        """The id of the action."""
        file = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        answer = await self.client.post(
            "/v1/customers/importCSV", files={"file": ("c.csv", file, "text/csv")}
        )
        return read_id(answer)

    async def start(self, path: str, body: Any) -> str:
        return read_id(await self.client.post(path, json=body))

    async def import_csv(self, *lines: str | bytes) -> dict[str, Any]:
        """The result of the import."""
        return await self.finish(await self.start_import(*lines), "CUSTOMERS.IMPORT_CSV")

    async def update(self, path: str, body: Any) -> dict[str, Any]:
        """(done_count, failed_count, errors) of the result."""
        kind = "CUSTOMERS.BULK_UPDATE" if path == BULK else "CUSTOMERS.METADATA_UPDATE"
        result = await self.finish(await self.start(path, body), kind)
        return {name: result[name] for name in ("done_count", "failed_count", "errors")}

    async def finish(self, action_id: str, kind: str) -> dict[str, Any]:
        await self.worker.run_until_idle()
        action = await read_action(self.client, action_id)
        assert (action["type"], action["status"], action["progress"]) == (kind, "DONE", 100)
        result: dict[str, Any] = action["result"]
        return result

    async def make(self, source_id: str | None = None, **body: Any) -> dict[str, Any]:
        named = {"source_id": source_id} if source_id else {}
        answer = await self.client.post("/v1/customers", json={**named, **body})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def make_schema(self, *, closed: bool = False, **properties: Any) -> None:
        body = {"related_object": "customer", "properties": properties, "allow_defined_only": closed}
        answer = await self.client.post("/v1/metadata-schemas", json=body)
        assert answer.status_code == 200, answer.text

    async def read_all(self) -> list[dict[str, Any]]:
        """All customers, the oldest first."""
        listed = (await self.client.get("/v1/customers?limit=100&order=created_at")).json()
        assert len(listed["customers"]) == listed["total"]
        customers: list[dict[str, Any]] = listed["customers"]
        return customers

    async def read(self) -> dict[str, dict[str, Any]]:
        """What is known of each, by source id; what is null or was never set is left out."""
        return {each["source_id"]: strip(each) for each in await self.read_all()}


def strip(customer: dict[str, Any]) -> dict[str, Any]:
    """Without what the server made of it."""
    return {
        name: value
        for name, value in customer.items()
        if value is not None and name not in _COMPUTED and name != "source_id"
    }


def read_id(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    assert answer.json().keys() == {"async_action_id"}
    action_id: str = answer.json()["async_action_id"]
    return action_id


def an_import(done: int, *failed: tuple[int, str, str]) -> dict[str, Any]:
    """The result of an import. failed: (row, source id, reason)."""
    return {
        "message": f"{done} customer(s) imported successfully, {len(failed)} failed.",
        "failed": [{"source_id": key, "row": row, "reason": reason} for row, key, reason in failed],
        "done_count": done,
        "failed_count": len(failed),
        **A_REPORT,
    }


def an_outcome(done: int, *errors: dict[str, str]) -> dict[str, Any]:
    return {"done_count": done, "failed_count": len(errors), "errors": list(errors)}


def not_valid(source_id: str, details: str) -> dict[str, str]:
    return {
        "message": "Metadata validation failed",
        "details": details,
        "key": "metadata_validation_failed",
        "source_id": source_id,
    }
