"""Exports as tests start them, have them written, and read their files."""

import csv
import io
from typing import Any

import httpx

from openvoucher.platform.jobs.worker import Worker


async def start_export(client: httpx.AsyncClient, exported_object: str, **parameters: Any) -> str:
    """Its id."""
    body = {"exported_object": exported_object, **({"parameters": parameters} if parameters else {})}
    answer = await client.post("/v1/exports", json=body)
    assert answer.status_code == 200, answer.text
    export_id: str = answer.json()["id"]
    return export_id


async def read_export(client: httpx.AsyncClient, export_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/exports/{export_id}")
    assert answer.status_code == 200, answer.text
    export: dict[str, Any] = answer.json()
    return export


async def download(client: httpx.AsyncClient, export_id: str) -> str:
    """The text of a file that is done, without keys."""
    export = await read_export(client, export_id)
    assert export["status"] == "DONE"
    answer = await client.get(export["result"]["url"], headers={"X-App-Id": "", "X-App-Token": ""})
    assert answer.status_code == 200, answer.text
    return answer.text


async def export_text(
    client: httpx.AsyncClient, worker: Worker, exported_object: str, **parameters: Any
) -> str:
    """The text of the file of an export, from beginning to end."""
    export_id = await start_export(client, exported_object, **parameters)
    await worker.run_until_idle()
    return await download(client, export_id)


async def export_table(
    client: httpx.AsyncClient, worker: Worker, exported_object: str, **parameters: Any
) -> list[list[str]]:
    """The lines of the file, the titles first, as cells."""
    text = await export_text(client, worker, exported_object, **parameters)
    return [*csv.reader(io.StringIO(text, newline=""))]


async def export_column(
    client: httpx.AsyncClient, worker: Worker, exported_object: str, field: str, **parameters: Any
) -> list[str]:
    """The cells of one column, without its title."""
    table = await export_table(client, worker, exported_object, fields=[field], **parameters)
    return [cell for (cell,) in table[1:]]
