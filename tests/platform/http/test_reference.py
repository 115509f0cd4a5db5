"""What the operations about the operations answer."""

import base64
import hashlib
import re
from typing import Any

import pytest

from openvoucher.platform.db import Database
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.reference import reference_operations
from openvoucher.platform.http.server import make_http_app
from openvoucher.settings import Settings
from toy_api import Asker, Diary, authenticate, make_toys


@pytest.fixture
def rows(diary: Diary) -> list[Operation]:
    table = make_toys(diary)
    table += reference_operations(lambda: table, version="1.2.3")
    return table


@pytest.fixture
def ask(rows: list[Operation]) -> Asker:
    db = Database("postgresql://nobody@127.0.0.1:1/none")
    return Asker(make_http_app(rows, db=db, settings=Settings(), authenticate=authenticate))


async def test_the_document_is_open_to_everybody_and_lists_itself(ask: Asker, rows: list[Operation]) -> None:
    reply = await ask("GET", "/openapi.json", keys=False)

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert reply.json["info"]["version"] == "1.2.3"
    assert {*reply.json["paths"]} == {row.path for row in rows}


async def test_the_table_is_asked_once_and_not_before_somebody_wants_to_know(diary: Diary) -> None:
    asked = 0

    def list_operations() -> list[Operation]:
        nonlocal asked
        asked += 1
        return make_toys(diary)

    rows = reference_operations(list_operations, version="1")
    assert asked == 0
    db: Any = None

    for row in rows * 2:
        await row.run(db)

    assert asked == 1


async def test_the_page_is_open_to_everybody_who_takes_html(ask: Asker) -> None:
    reply = await ask("GET", "/reference", keys=False, headers=[(b"accept", b"text/html")])

    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!doctype html>")


async def test_the_root_leads_to_the_page(ask: Asker) -> None:
    reply = await ask("GET", "/", keys=False)

    assert (reply.status, reply.headers["location"], reply.body) == (302, "/reference", b"")


async def test_the_page_may_run_and_load_nothing_but_what_it_brings_along(ask: Asker) -> None:
    reply = await ask("GET", "/reference")
    policy = dict(rule.split(" ", 1) for rule in reply.headers["content-security-policy"].split("; "))

    def hash_of(tag: str) -> str:
        [source] = re.findall(f"<{tag}>(.*?)</{tag}>", reply.body.decode(), re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"

    assert policy == {
        "default-src": "'none'",
        "script-src": hash_of("script"),
        "style-src": hash_of("style"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert reply.headers["referrer-policy"] == "no-referrer"
