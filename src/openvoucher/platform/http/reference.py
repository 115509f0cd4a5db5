"""The operations that tell about the operations: the OpenAPI document and the page made from it."""

import base64
import functools
import hashlib
from collections.abc import Callable, Iterable

import msgspec

from openvoucher.platform.db import Database
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.http.operations import Answer, Operation
from openvoucher.platform.http.reference_page import render_reference
from openvoucher.platform.http.reference_style import SCRIPT, STYLE

_HTML = "text/html; charset=utf-8"


def reference_operations(
    list_operations: Callable[[], Iterable[Operation]], *, version: str, server_url: str = ""
) -> list[Operation]:
    """Rows for `/openapi.json`, `/reference` and `/`, which leads there.

    `list_operations` gives the whole table, these rows among it; it is asked once, at the first
    request.
    """

    @functools.cache
    def make_document() -> bytes:
        return msgspec.json.encode(make_openapi(list_operations(), version=version, server_url=server_url))

    @functools.cache
    def make_page() -> bytes:
        return render_reference(msgspec.json.decode(make_document())).encode()

    async def get_openapi(_db: Database) -> Answer:
        """This API as an OpenAPI 3.1 document, for generators and API consoles."""
        return Answer(make_document(), headers={"Cache-Control": "no-cache"})

    async def show_reference(_db: Database) -> Answer:
        """The same for people. The page needs nothing but itself, so that it works without the internet."""
        return Answer(make_page(), media_type=_HTML, headers=PAGE_HEADERS)

    async def open_reference(_db: Database) -> Answer:
        return Answer(b"", media_type=_HTML, headers={"Location": "/reference"})

    return [
        Operation(
            method="GET",
            path="/openapi.json",
            run=get_openapi,
            summary="The OpenAPI document",
            access="public",
            answer=dict,
        ),
        Operation(
            method="GET",
            path="/reference",
            run=show_reference,
            summary="The API reference",
            access="public",
            media_type="text/html",
        ),
        Operation(
            method="GET",
            path="/",
            run=open_reference,
            summary="Lead to the API reference",
            access="public",
            status=302,
            media_type="text/html",
        ),
    ]


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# Nothing may be loaded or run but what the page brings along.
PAGE_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash_source(SCRIPT)}",
            f"style-src {_hash_source(STYLE)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
