"""Which pages are trusted, and what browsers are told."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from openvoucher.platform.call import Call, Caller
from openvoucher.platform.db import Database
from openvoucher.platform.http.cross_origin import is_trusted_domain, is_trusted_origin
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.server import make_http_app
from openvoucher.settings import Settings
from openvoucher.wire import errors
from toy_api import PROJECT, Asker, Seen

# --- trust -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "domain"),
    [
        ("https://shop.example", "shop.example"),
        ("http://shop.example", "shop.example"),
        ("https://shop.example:8443", "shop.example"),
        ("https://shop.example:8443", "shop.example:8443"),
        ("https://shop.example", "shop.example:443"),
        ("http://shop.example", "shop.example:80"),
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example", "https://shop.example:443"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://shop.example", "https://shop.example/"),
        ("https://shop.example", " HTTPS://Shop.Example "),
        ("https://Shop.Example", "shop.example"),
        ("http://localhost:3000", "localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "127.0.0.1:3000"),
        ("http://[::1]:3000", "[::1]:3000"),
        ("https://eu.shop.example", "*.shop.example"),
        ("https://a.b.shop.example", "*.shop.example"),
        ("https://eu.shop.example:8443", "https://*.shop.example:8443"),
        ("https://xn--w-uga1v8h.example", "żółw.example"),
        ("https://eu.xn--w-uga1v8h.example", "*.żółw.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://anything.example", "*"),
        ("chrome-extension://abcdef", "*"),
        ("null", "*"),
        ("https://anything.example", "https://*"),
    ],
)
def test_a_page_is_trusted(origin: str, domain: str) -> None:
    assert is_trusted_domain(domain)
    assert is_trusted_origin(origin, ["other.example", domain])
    assert not is_trusted_origin(origin, ["other.example"])


@pytest.mark.parametrize(
    ("origin", "domain"),
    [
        ("https://shop.example", "other.example"),
        ("https://shop.example.evil.example", "shop.example"),
        ("https://evilshop.example", "shop.example"),
        ("https://evilshop.example", "*.shop.example"),
        ("https://shop.example", "*.shop.example"),
        ("https://eu.shop.example", "shop.example"),
        ("https://shop.example", "shop.example:8443"),
        ("https://shop.example:8443", "https://shop.example"),
        ("http://shop.example", "https://shop.example"),
        ("http://eu.shop.example", "https://*.shop.example"),
        ("http://anything.example", "https://*"),
        ("capacitor://localhost", "localhost"),
        ("chrome-extension://abcdef", "abcdef"),
        ("null", "null"),
        ("null", "https://*"),
        ("https://shop.example", ""),
        ("https://shop.example", "."),
        ("https://shop.example", "https://shop.example/checkout"),
    ],
)
def test_a_page_is_not_trusted(origin: str, domain: str) -> None:
    assert not is_trusted_origin(origin, [domain])


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/page",
        "https://user@shop.example",
        "https://shop.example:port",
        "https://*.example",
        "https://shop example",
        "https://shop.example\r\nX-Evil: 1",
        "https://shop.example https://other.example",
        "https://żółw.example",
        "https://" + "a" * 1000,
        "NULL",
    ],
)
def test_what_is_no_origin_is_not_trusted_by_anybody(origin: str) -> None:
    assert not is_trusted_origin(origin, ["*", "https://*", "shop.example", "żółw.example"])


def test_no_domains_trust_nobody() -> None:
    assert not is_trusted_origin("https://shop.example", [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "https://",
        "https://shop.example/checkout",
        "shop.example?x",
        "user@shop.example",
        "shop.*",
        "*shop.example",
        "**",
        "shop.example:",
        "shop.example:100000",
        "a b",
        "ż" * 400 + ".example",
    ],
)
def test_what_could_never_match_is_no_trusted_domain(text: str) -> None:
    assert not is_trusted_domain(text)


# --- what browsers are told ----------------------------------------------------------------------------

ORIGIN = "https://shop.example"
EXPOSED = (
    "Retry-After, X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Retry, X-Rate-Limit-Type,"
    " X-Request-Id"
)
CLIENT = dataclasses.replace(
    PROJECT, client_trusted_domains=("shop.example",), client_features=frozenset({"redeem"})
)


def make_client_app(diary: list[str]) -> Asker:
    async def redeem_thing(call: Call, code: str) -> Seen:
        diary.append(code)
        if code == "gone":
            raise errors.not_found("thing", code)
        return Seen(code, call.channel)

    async def publish_thing(call: Call, code: str) -> Seen:
        diary.append(code)
        return Seen(code)

    async def get_thing(call: Call, code: str) -> Seen:
        diary.append(code)
        return Seen(code, call.channel)

    async def authenticate(
        operation: Operation, header: Callable[[str], str | None], now: datetime
    ) -> Caller:
        if header("X-Client-Token") != "secret":
            raise errors.unauthorized()
        return Caller(project=CLIENT, key_id=UUID(int=2), kind="client", app_id="id")

    def row(path: str, run: Any, **options: Any) -> Operation:
        return Operation(method="POST", path=path, run=run, summary="", answer=Seen, **options)

    rows = [
        row("/client/v1/things/{code}", redeem_thing, access="client", client_feature="redeem"),
        row("/client/v1/publish/{code}", publish_thing, access="client", client_feature="publish"),
        row("/v1/things/{code}", get_thing),
    ]
    db = Database("postgresql://nobody@127.0.0.1:1/none")
    return Asker(make_http_app(rows, db=db, settings=Settings(), authenticate=authenticate))


KEY = (b"x-client-token", b"secret")


def from_page(origin: str) -> tuple[bytes, bytes]:
    return (b"origin", origin.encode("latin-1"))


async def test_a_page_of_a_trusted_origin_can_read_what_is_answered() -> None:
    diary: list[str] = []

    reply = await make_client_app(diary)("POST", "/client/v1/things/a", headers=[KEY, from_page(ORIGIN)])

    assert (reply.status, reply.json, diary) == (
        200,
        {"value": "a", "channel": "CLIENT_API", "base_url": ""},
        ["a"],
    )
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-expose-headers"] == EXPOSED
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in reply.headers


async def test_the_channel_that_a_page_names_is_kept() -> None:
    headers = [KEY, from_page(ORIGIN), (b"x-voucherify-channel", b"Voucherify.js")]

    reply = await make_client_app([])("POST", "/client/v1/things/a", headers=headers)

    assert reply.json["channel"] == "Voucherify.js"


async def test_a_page_of_a_trusted_origin_can_read_refusals() -> None:
    reply = await make_client_app([])("POST", "/client/v1/things/gone", headers=[KEY, from_page(ORIGIN)])

    assert (reply.status, reply.json["key"]) == (404, "not_found")
    assert reply.headers["access-control-allow-origin"] == ORIGIN


async def test_what_the_project_has_not_switched_on_is_refused_readably() -> None:
    diary: list[str] = []

    reply = await make_client_app(diary)("POST", "/client/v1/publish/a", headers=[KEY, from_page(ORIGIN)])

    assert (reply.status, diary) == (403, [])
    assert reply.json == {
        "code": 403,
        "key": "forbidden",
        "message": "Forbidden",
        "details": "The project's setting client_publish_enabled is off.",
        "request_id": reply.headers["x-request-id"],
    }
    assert reply.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "headers",
    [
        [KEY],
        [KEY, from_page("https://evil.example")],
        [KEY, from_page("null")],
        [KEY, from_page("")],
        [KEY, from_page("shop.example")],
        [from_page(ORIGIN)],
        [(b"x-client-token", b"wrong"), from_page(ORIGIN)],
    ],
)
async def test_others_are_let_in_nowhere_and_read_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    diary: list[str] = []

    for path in ("/client/v1/things/a", "/client/v1/publish/a"):
        reply = await make_client_app(diary)("POST", path, headers=headers)

        assert (reply.status, reply.json) == (
            401,
            {"code": 401, "key": "unauthorized", "message": "Unauthorized"},
        )
        assert "access-control-allow-origin" not in reply.headers
        assert reply.headers["vary"] == "Origin"
    assert diary == []


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example", "null"])
async def test_a_browser_may_ask_before_it_calls(origin: str) -> None:
    diary: list[str] = []
    headers = [
        from_page(origin),
        (b"access-control-request-method", b"POST"),
        (b"access-control-request-headers", b"content-type,x-client-token"),
    ]

    reply = await make_client_app(diary)("OPTIONS", "/client/v1/things/a", headers=headers, keys=False)

    assert (reply.status, reply.body, diary) == (204, b"", [])
    told = {name: value for name, value in reply.headers.items() if name.startswith("access-control")}
    assert told == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, PUT, DELETE",
        "access-control-allow-headers": "Authorization, Content-Type, X-Client-Application-Id,"
        " X-Client-Token, X-Voucherify-API-Version, X-Voucherify-Channel",
        "access-control-max-age": "600",
    }
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("headers", [[], [from_page("no origin")], [from_page("https://shop.example/x")]])
async def test_who_asks_without_an_origin_is_told_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    reply = await make_client_app([])("OPTIONS", "/client/v1/things/a", headers=headers, keys=False)

    assert reply.status == 204
    assert [name for name in reply.headers if name.startswith("access-control")] == []


async def test_paths_of_servers_are_not_for_browsers() -> None:
    app = make_client_app([])
    headers = [KEY, from_page(ORIGIN)]

    called = await app("POST", "/v1/things/a", headers=headers)
    asked = await app("OPTIONS", "/v1/things/a", headers=headers)

    assert (called.status, called.json["channel"]) == (200, "API")
    for reply in (called, asked):
        assert [name for name in reply.headers if name.startswith("access-control")] == []
        assert "vary" not in reply.headers
