"""A project that several tests share, each with campaigns of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from builders import a_campaign
from openvoucher.platform.db import Database
from openvoucher.platform.jobs.worker import Worker


@dataclass(frozen=True)
class Shop:
    client: httpx.AsyncClient
    db: Database
    worker: Worker
    names: Iterator[str]

    def name(self) -> str:
        """A name that no other test has."""
        return next(self.names)

    async def make(self, **changes: Any) -> dict[str, Any]:
        """A campaign with a name of its own, done with its codes, as it is shown."""
        name = changes.pop("name", None) or self.name()
        answer = await self.client.post("/v1/campaigns", json=a_campaign(name=name, **changes))
        assert answer.status_code == 200, answer.text
        await self.worker.run_until_idle()
        return await self.read(f"/v1/campaigns/{name}")

    async def read(self, path: str) -> dict[str, Any]:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def read_newest_action(self) -> dict[str, Any]:
        """With its result."""
        (newest,) = (await self.read("/v1/async-actions?limit=1"))["async_actions"]
        return await self.read(f"/v1/async-actions/{newest['id']}")
