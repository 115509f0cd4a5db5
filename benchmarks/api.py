"""The server's API as a client sees it; every answer is checked."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from benchmarks.codes import PATTERN
from benchmarks.files import read_pieces

_BOUNDARY: Final = "benchmark-7c1f0b6d"
_SHORTEST_POLL_SECONDS: Final = 0.02
# An upload is one request.
_LONGEST_REQUEST_SECONDS: Final = 3_600.0
# A poll comes at most this part of the time too late.
_POLL_SHARE: Final = 0.01


class WrongResult(Exception):
    """What was measured did not do what it should have done."""


class Api:
    def __init__(self, address: str, app_id: str, app_token: str) -> None:
        self.headers = {"X-App-Id": app_id, "X-App-Token": app_token}
        self._http = httpx.AsyncClient(
            base_url=address, headers=self.headers, timeout=_LONGEST_REQUEST_SECONDS
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def create_campaign(self, name: str) -> str:
        """Its id. It has no codes yet."""
        body = {
            "name": name,
            "campaign_type": "DISCOUNT_COUPONS",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10},
                "code_config": {"pattern": PATTERN},
            },
        }
        campaign: str = (await self._ask("POST", "/v1/campaigns", json=body))["id"]
        return campaign

    async def count_codes(self, campaign: str) -> int:
        """As the campaign itself says."""
        count: int = (await self._ask("GET", f"/v1/campaigns/{campaign}"))["vouchers_count"]
        return count

    async def has_campaign(self, campaign: str) -> bool:
        return (await self._http.get(f"/v1/campaigns/{campaign}")).status_code != 404

    async def read_metadata(self, code: str) -> dict[str, Any]:
        metadata: dict[str, Any] = (await self._ask("GET", f"/v1/vouchers/{code}"))["metadata"]
        return metadata

    # Each of these answers the id of the async action.

    async def generate(self, campaign: str, count: int) -> str:
        path = f"/v1/campaigns/{campaign}/vouchers"
        return await self._start("POST", path, params={"vouchers_count": count}, json={})

    async def import_csv_file(self, campaign: str, path: Path) -> str:
        return await self.import_csv(campaign, read_pieces(path), path.stat().st_size)  # noqa: ASYNC240

    async def import_csv(self, campaign: str, pieces: Iterable[bytes], size: int) -> str:
        """A multipart upload, sent while the pieces come."""
        head = (
            f"--{_BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="file"; filename="codes.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        ).encode()
        tail = f"\r\n--{_BOUNDARY}--\r\n".encode()

        async def body() -> AsyncIterator[bytes]:
            yield head
            for piece in pieces:
                yield piece
            yield tail

        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        return await self._start(
            "POST", f"/v1/campaigns/{campaign}/importCSV", content=body(), headers=headers
        )

    async def import_json(self, campaign: str, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        return await self._start("POST", f"/v1/campaigns/{campaign}/import", content=body, headers=headers)

    async def delete_campaign(self, campaign: str, *, force: bool) -> str:
        return await self._start("DELETE", f"/v1/campaigns/{campaign}", params={"force": str(force).lower()})

    async def update_metadata(self, codes: Sequence[str]) -> str:
        """A bulk update, to each code its own."""
        body = [{"code": code, "metadata": {"place": place}} for place, code in enumerate(codes)]
        return await self._start("POST", "/v1/vouchers/bulk/async", json=body)

    async def wait_until_done(self, action: str, rows: int) -> float:
        """When it was seen to be done, in time.perf_counter()'s seconds. Raises WrongResult unless all
        `rows` are done, and none refused."""
        start = time.perf_counter()
        while True:
            state = await self._ask("GET", f"/v1/async-actions/{action}")
            now = time.perf_counter()
            if state["status"] in ("DONE", "FAILED"):
                break
            await asyncio.sleep(max(_SHORTEST_POLL_SECONDS, (now - start) * _POLL_SHARE))
        result = state["result"]
        if (state["status"], result["done_count"], result.get("failed_count", 0)) != ("DONE", rows, 0):
            raise WrongResult(
                f"{state['type']}: {state['status']}, {str(result)[:500]}; expected {rows} rows"
            )
        return now

    async def _start(self, method: str, path: str, **options: Any) -> str:
        action: str = (await self._ask(method, path, **options))["async_action_id"]
        return action

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._http.request(method, path, **options)
        if not answer.is_success:
            raise WrongResult(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        body: dict[str, Any] = answer.json()
        return body


def uuid_of(wire_id: str) -> UUID:
    """camp_0197… as it stands in the tables."""
    return UUID(hex=wire_id.rpartition("_")[2])
