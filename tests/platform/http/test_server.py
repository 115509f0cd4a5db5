"""Routing, the headers of all answers, what callers are told when something is wrong, and sockets."""

import contextlib
import http.client
import logging
import socket
import threading
from typing import Any

import msgspec
import pytest

from openvoucher.platform.db import Database
from openvoucher.platform.http.exchange import LINGER_BYTES
from openvoucher.platform.http.operations import Operation
from openvoucher.platform.http.server import RawPath, make_http_app
from openvoucher.settings import Settings
from toy_api import KEYS, LIMIT_BYTES, Asker, Diary, ToyServer, make_toy_app

UNKNOWN_ROUTE = {"statusCode": 404, "error": "Not Found", "message": "Not Found"}


# --- routing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"/v1/things/a", "a"),
        (b"/v1/things/a/", "a"),
        (b"/v1/things/a%2Fb", "a/b"),
        (b"/v1/things/a%2F", "a/"),
        (b"/v1/things/%2f", "/"),
        (b"/v1/things/a%20b%23c%40d%3F", "a b#c@d?"),
        (b"/v1/things/a+b", "a+b"),
        (b"/v1/things/50%25", "50%"),
        (b"/v1/things/a%252Fb", "a%2Fb"),
        (b"/v1/things/a%zz", "a%zz"),
        (b"/v1/things/%C4%85", "ą"),
        ("/v1/things/ą".encode(), "ą"),
        ("/v1/things/ą%20".encode(), "ą "),
        (b"/v1/things/..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
    ],
)
async def test_a_path_parameter_is_decoded_exactly_once(ask: Asker, path: bytes, code: str) -> None:
    reply = await ask("GET", path)

    assert (reply.status, reply.json["value"]) == (200, code)


async def test_a_server_that_only_gives_the_decoded_path_does_not_have_it_decoded_twice(
    diary: Diary,
) -> None:
    app = make_toy_app(diary)

    async def without_raw_path(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "raw_path": None}, receive, send)

    reply = await Asker(without_raw_path)("GET", b"/v1/things/a%252Fb")

    assert reply.json["value"] == "a%2Fb"


@pytest.mark.parametrize(
    "path",
    [
        b"/nowhere",
        b"/v1",
        b"/v1/things/a/b/c",
        b"/v1/things/a%00",
        b"/v1/things/%FF",
        b"/v1/things/\xff",
        b"/v1/things/%ED%A0%80",
        b"*",
    ],
)
async def test_a_path_that_leads_nowhere_is_told_so_and_runs_nothing(
    ask: Asker, diary: Diary, path: bytes
) -> None:
    reply = await ask("GET", path)

    assert (reply.status, reply.json) == (404, UNKNOWN_ROUTE)
    assert diary.entries == []


async def test_a_literal_segment_goes_before_a_parameter(ask: Asker, diary: Diary) -> None:
    await ask("POST", "/v1/things/import", json=[])

    assert diary.entries == [0]


@pytest.mark.parametrize(
    ("method", "path", "allowed", "details"),
    [
        (
            "PUT",
            "/v1/things",
            "GET, POST",
            "PUT is not supported by this endpoint. Did you mean GET or POST?",
        ),
        (
            "PATCH",
            "/v1/things/a",
            "DELETE, GET",
            "PATCH is not supported by this endpoint. Did you mean DELETE or GET?",
        ),
        (
            "GET",
            "/v1/things/a/enable",
            "POST",
            "GET is not supported by this endpoint. Did you mean POST?",
        ),
        ("TRACE", "/rows", "GET", "TRACE is not supported by this endpoint. Did you mean GET?"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    ask: Asker, diary: Diary, method: str, path: str, allowed: str, details: str
) -> None:
    reply = await ask(method, path)

    assert reply.json == {"code": 405, "message": "HTTP Method Not Allowed", "details": details}
    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    assert diary.entries == []


@pytest.mark.parametrize("method", ["BREW", "WEBSOCKET", "get", ""])
async def test_a_method_that_does_not_exist_is_refused(ask: Asker, diary: Diary, method: str) -> None:
    reply = await ask(method, "/v1/things/a")

    assert (reply.status, reply.json["statusCode"]) == (400, 400)
    assert reply.headers["x-request-id"].startswith("v-")
    assert diary.entries == []


async def test_head_answers_as_get_without_the_body(ask: Asker) -> None:
    head = await ask("HEAD", "/v1/things/a")
    get = await ask("GET", "/v1/things/a")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_needs_keys_as_get_does_and_starts_no_stream(ask: Asker, diary: Diary) -> None:
    unauthorised = await ask("HEAD", "/v1/things/a", keys=False)
    stream = await ask("HEAD", "/rows")

    assert (unauthorised.status, stream.status, stream.body) == (401, 200, b"")
    assert diary.entries == []


async def test_options_names_the_methods_and_runs_nothing(ask: Asker, diary: Diary) -> None:
    reply = await ask("OPTIONS", "/v1/things/a", keys=False)

    assert (reply.status, reply.body) == (200, b"")
    assert {*reply.headers["allow"].split(", ")} == {"DELETE", "GET", "HEAD"}
    assert diary.entries == []


async def test_a_websocket_is_closed(diary: Diary) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await make_toy_app(diary)({"type": "websocket", "path": "/v1/things/a"}, receive, send)

    assert sent == [{"type": "websocket.close"}]


def test_one_method_twice_on_a_path_stops_the_start() -> None:
    async def list_one(call: Any) -> None: ...

    async def list_other(call: Any) -> None: ...

    rows = [Operation(method="GET", path="/v1/things", run=run, summary="") for run in (list_one, list_other)]

    with pytest.raises(TypeError, match="one method twice"):
        make_http_app(
            rows,
            db=Database("postgresql://nobody@127.0.0.1:1/none"),
            settings=Settings(),
            authenticate=None,  # type: ignore[arg-type]
        )


# --- what is accepted ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accept",
    [
        b"",
        b"*/*",
        b"application/*",
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json, text/plain, */*",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ],
)
async def test_who_takes_json_gets_it(ask: Asker, accept: bytes) -> None:
    reply = await ask("GET", "/v1/things/a", headers=[(b"accept", accept)])

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")


@pytest.mark.parametrize("accept", [b"text/html", b"application/json;q=0", b"x", b"a/b;q=z", b",", b"\xff"])
async def test_who_takes_no_json_is_refused_before_anything_is_done(
    ask: Asker, diary: Diary, accept: bytes
) -> None:
    reply = await ask("POST", "/v1/things", json={"name": "a"}, headers=[(b"accept", accept)])

    assert (reply.status, reply.json["statusCode"], reply.json["error"]) == (406, 406, "Not Acceptable")
    assert diary.entries == []


async def test_what_is_no_json_does_not_ask_who_takes_json(ask: Asker) -> None:
    reply = await ask("GET", "/rows", headers=[(b"accept", b"text/csv")])

    assert (reply.status, reply.body) == (200, b"0\n1\n2\n")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"


# --- all answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/things/a", 200),
        ("DELETE", "/v1/things/a", 204),
        ("GET", "/rows", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/v1/things", 405),
        ("POST", "/v1/things", 400),
        ("OPTIONS", "/v1/things", 200),
        ("GET", "/v1/faults/refused", 404),
        ("GET", "/v1/faults/unknown", 500),
        ("GET", "/v1/faults/unavailable", 503),
        ("WEBSOCKET", "/v1/things", 400),
    ],
)
async def test_every_answer_names_its_request_and_the_limits(
    ask: Asker, method: str, path: str, status: int
) -> None:
    first, second = await ask(method, path), await ask(method, path)

    assert first.status == status
    assert len(first.headers["x-request-id"]) == 20
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert int(first.headers["x-rate-limit-limit"]) >= int(first.headers["x-rate-limit-remaining"]) > 0
    assert first.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/faults/refused", 404),
        ("/v1/faults/unknown", 500),
        ("/v1/faults/unavailable", 503),
        ("/v1/things?limit=0", 400),
    ],
)
async def test_the_request_id_of_the_body_is_that_of_the_header(ask: Asker, path: str, status: int) -> None:
    reply = await ask("GET", path)

    assert reply.status == status
    assert reply.json["request_id"] == reply.headers["x-request-id"]


async def test_a_request_id_of_the_caller_is_not_taken_over(ask: Asker) -> None:
    reply = await ask("GET", "/v1/faults/refused", headers=[(b"x-request-id", b"mine")])

    assert reply.headers["x-request-id"] != "mine"


async def test_no_content_has_neither_body_nor_type(ask: Asker) -> None:
    reply = await ask("DELETE", "/v1/things/a")

    assert (reply.status, reply.body) == (204, b"")
    assert "content-type" not in reply.headers


async def test_without_keys_a_body_of_three_fields_is_all_one_learns(ask: Asker, diary: Diary) -> None:
    reply = await ask("GET", "/v1/things/a", keys=False)

    assert (reply.status, reply.json) == (
        401,
        {"code": 401, "key": "unauthorized", "message": "Unauthorized"},
    )
    assert diary.entries == []


async def test_the_log_has_method_path_status_and_request_id(
    ask: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "openvoucher.http"):
        reply = await ask("GET", "/v1/things/a%0Ab?secret=1")

    [record] = caplog.records
    assert record.getMessage() == "GET /v1/things/a%0Ab 200"
    assert record.__dict__["request_id"] == reply.headers["x-request-id"]
    assert record.__dict__["duration_ms"] >= 0


# --- the address and the channel -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "base_url"),
    [
        ([], "http://toys.test"),
        ([(b"host", b"promo.example.com:8000")], "http://promo.example.com:8000"),
        ([(b"host", b"[::1]:8000")], "http://[::1]:8000"),
        (
            [(b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"promo.example.com")],
            "https://promo.example.com",
        ),
        ([(b"forwarded", b"proto=https;host=promo.example.com")], "https://promo.example.com"),
        ([(b"x-forwarded-proto", b"javascript")], "http://toys.test"),
        ([(b"x-forwarded-host", b'evil"><script>')], "http://toys.test"),
        ([(b"x-forwarded-host", b"\xff")], "http://toys.test"),
        ([(b"forwarded", b'for=;;host="')], "http://toys.test"),
        ([(b"host", b"a b")], ""),
    ],
)
async def test_links_begin_with_how_the_caller_came(
    ask: Asker, headers: list[tuple[bytes, bytes]], base_url: str
) -> None:
    reply = await ask("GET", "/v1/things/a", headers=headers)

    assert (reply.status, reply.json["base_url"]) == (200, base_url)


async def test_the_configured_address_wins(diary: Diary) -> None:
    ask = Asker(make_toy_app(diary, Settings(public_url="https://promo.example.com/")))

    reply = await ask("GET", "/v1/things/a", headers=[(b"x-forwarded-host", b"other.example.com")])

    assert reply.json["base_url"] == "https://promo.example.com"


@pytest.mark.parametrize(
    ("sent", "channel"),
    [(None, "API"), (b"", "API"), (b"Node.js-SDK-v2.9", "Node.js-SDK-v2.9"), (b"\xff", "ÿ")],
)
async def test_the_channel_is_what_the_caller_says_it_is(
    ask: Asker, sent: bytes | None, channel: str
) -> None:
    reply = await ask(
        "GET", "/v1/things/a", headers=[] if sent is None else [(b"x-voucherify-channel", sent)]
    )

    assert reply.json["channel"] == channel


# --- faults ----------------------------------------------------------------------------------------


async def test_an_unknown_fault_is_told_without_its_insides_and_logged_with_them(
    ask: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await ask("GET", "/v1/faults/unknown")

    assert reply.json == {
        "code": 500,
        "key": "internal_error",
        "message": "Internal error",
        "details": "The server failed. Its log has the reason under this request_id.",
        "request_id": reply.headers["x-request-id"],
    }
    assert "hunter2" not in reply.body.decode() + str(reply.headers)
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]
    assert "hunter2" in caplog.text


async def test_a_database_that_is_away_is_told_with_a_time_to_come_back(ask: Asker) -> None:
    reply = await ask("GET", "/v1/faults/unavailable")

    assert (reply.status, reply.json["key"], reply.headers["retry-after"]) == (
        503,
        "service_unavailable",
        "1",
    )
    assert "10.0.0.7" not in reply.body.decode()


async def test_an_answer_that_cannot_be_written_is_an_unknown_fault(ask: Asker) -> None:
    reply = await ask("GET", "/v1/faults/unencodable")

    assert (reply.status, reply.json["key"]) == (500, "internal_error")


@pytest.mark.parametrize("kind", ["split", "foreign"])
async def test_a_header_that_would_split_the_answer_is_not_sent(ask: Asker, kind: str) -> None:
    reply = await ask("GET", f"/v1/faults/{kind}")

    assert (reply.status, reply.json["key"]) == (500, "internal_error")
    assert "x-name" not in reply.headers
    assert "set-cookie" not in reply.headers


async def test_where_the_framework_fails_the_answer_is_still_ours() -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("in the framework")

    reply = await Asker(RawPath(broken))("GET", "/v1/things/a")

    assert (reply.status, reply.json["key"]) == (500, "internal_error")
    assert reply.json["request_id"] == reply.headers["x-request-id"]


async def test_an_answer_that_breaks_off_is_left_to_the_server_to_cut() -> None:
    async def breaks_off(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await Asker(RawPath(breaks_off))("GET", "/v1/things/a")


# --- looking on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait_seconds", "wants_events"),
    [
        ([], None, False),
        ([(b"prefer", b"wait=20")], 20, False),
        ([(b"prefer", b"wait=soon")], None, False),
        ([(b"accept", b"*/*")], None, False),
        ([(b"accept", b"text/event-stream")], None, True),
        ([(b"accept", b"text/event-stream;charset=utf-8")], None, True),
        ([(b"accept", b"application/json;q=0.5, text/event-stream")], None, True),
        ([(b"accept", b"application/json, text/event-stream")], None, False),
        ([(b"accept", b"text/event-stream;q=0.5, application/json")], None, False),
        ([(b"accept", b"text/event-stream"), (b"prefer", b"wait=5")], 5, True),
    ],
)
async def test_what_can_be_watched_is_told_how(
    ask: Asker, headers: list[tuple[bytes, bytes]], wait_seconds: int | None, wants_events: bool
) -> None:
    reply = await ask("GET", "/v1/things/a/watch", headers=headers)

    assert reply.status == 200
    assert reply.json["value"] == {"wait_seconds": wait_seconds, "wants_events": wants_events}


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/v1/things/a", b"text/event-stream"),
        ("/v1/things/a/watch", b"text/html"),
        ("/v1/things/a/watch", b"text/event-stream;q=0"),
        ("/v1/things/a/watch", b"nonsense"),
    ],
)
async def test_events_of_what_cannot_be_watched_and_pages_of_what_can_are_refused(
    ask: Asker, diary: Diary, path: str, accept: bytes
) -> None:
    reply = await ask("GET", path, headers=[(b"accept", accept)])

    assert (reply.status, diary.entries) == (406, [])


# --- sockets ---------------------------------------------------------------------------------------

HEAD_OF_POST = (
    b"POST /v1/things HTTP/1.1\r\nHost: toys.test\r\nContent-Type: application/json\r\n"
    + b"".join(name + b": " + value + b"\r\n" for name, value in KEYS)
)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body = answer.read()
    return (
        answer.status,
        {name.lower(): value for name, value in answer.getheaders()},
        body and msgspec.json.decode(body),
    )


def test_a_refused_body_of_any_size_costs_no_more_than_what_is_thrown_away(toy_server: ToyServer) -> None:
    with toy_server.connect() as connection:
        connection.sendall(HEAD_OF_POST + b"Content-Length: 1000000000\r\n\r\n")
        status, headers, body = read_answer(connection)
        accepted = 0
        with contextlib.suppress(ConnectionError):
            while accepted < 1_000_000_000:
                accepted += connection.send(b"x" * 65_536)

    assert (status, body["statusCode"], headers["connection"]) == (413, 413, "close")
    # What the kernel's buffers hold comes on top.
    assert accepted < LINGER_BYTES + 32 * 1024 * 1024
    assert toy_server.diary.entries == []


def test_who_sends_all_before_reading_gets_the_refusal_and_no_reset(toy_server: ToyServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", toy_server.port, timeout=10)
    headers = {name.decode(): value.decode() for name, value in KEYS}

    client.request("POST", "/v1/things", b"x" * (LIMIT_BYTES + 1), headers)

    answer = client.getresponse()
    assert (answer.status, msgspec.json.decode(answer.read())["statusCode"]) == (413, 413)
    client.close()


def test_who_asks_first_whether_to_send_is_told_not_to(toy_server: ToyServer) -> None:
    with toy_server.connect() as connection:
        connection.sendall(HEAD_OF_POST + b"Expect: 100-continue\r\nContent-Length: 10485761\r\n\r\n")

        # "100 Continue" would be the first line.
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_who_asks_first_whether_to_send_is_told_to(toy_server: ToyServer) -> None:
    with toy_server.connect() as connection:
        connection.sendall(HEAD_OF_POST + b"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(b'{"name": "a"}')

        assert read_answer(connection)[0] == 200


def test_the_connection_lives_on_after_a_refusal_without_keys(toy_server: ToyServer) -> None:
    with toy_server.connect() as connection:
        size = 5_000_000
        connection.sendall(b"POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        refused = read_answer(connection)[0]
        connection.sendall(b"x" * size + b"HEAD /v1/things/a HTTP/1.1\r\nHost: a\r\n\r\n")

        head = connection.recv(12)

    assert (refused, head) == (401, b"HTTP/1.1 401")


def test_a_client_that_goes_away_in_mid_upload_has_uploaded_nothing(toy_server: ToyServer) -> None:
    noticed = threading.Event()

    class Noticer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "went away" in record.getMessage():
                noticed.set()

    log = logging.getLogger("openvoucher.http")
    noticer, level = Noticer(), log.level
    log.addHandler(noticer)
    log.setLevel(logging.INFO)
    try:
        with toy_server.connect() as connection:
            connection.sendall(
                HEAD_OF_POST.replace(b"/v1/things", b"/v1/things/upload").replace(
                    b"application/json", b"multipart/form-data; boundary=X"
                )
                + b"Content-Length: 1000000\r\n\r\n"
                + b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--X--\r\n'
            )
        assert noticed.wait(10)
    finally:
        log.removeHandler(noticer)
        log.setLevel(level)

    assert toy_server.diary.entries == []
