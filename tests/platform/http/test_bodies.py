"""What may come in as JSON, form, query and upload, and what is said of the rest."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.platform.http import bodies
from openvoucher.platform.http.bodies import MAX_DEPTH
from toy_api import IMPORT_LIMIT_BYTES, LIMIT_BYTES, Asker, Diary, make_toy_app

MALFORMED = {"statusCode": 400, "error": "Bad Request", "message": "Invalid request payload JSON format"}
TOO_LARGE = {
    "statusCode": 413,
    "error": "Request Entity Too Large",
    "message": "Payload content length greater than maximum allowed: 10485760",
}
FORM = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=X")


def nest(depth: int, value: str = "1") -> bytes:
    return (b'{"name": "a", "metadata": {"a": ' + b"[" * depth) + value.encode() + b"]" * depth + b"}}"


# --- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"name": "a"',
        b'{"name": "a"} x',
        b"{'name': 'a'}",
        b'{"name": "a",}',
        b'{"count": 01}',
        b'{"weight": NaN}',
        b'{"weight": Infinity}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"name": "\xff"}',
        b'{"name": "a\x00"}',
        b'{"name": "a\x01"}',
        b'{"metadata": {"\xff": 1}}',
        rb'{"name": "\ud800"}',
        rb'{"name": "\udc00a"}',
        rb'{"name": "a\ud800\u0041"}',
        b'{"name": "\xed\xa0\x80"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 10_000,
        nest(10_000),
        # Not so deep that the interpreter would refuse them by itself.
        nest(2 * MAX_DEPTH),
        nest(1, '{"a":' * 2 * MAX_DEPTH + "1" + "}" * 2 * MAX_DEPTH),
    ],
)
async def test_what_is_no_json_is_refused_and_not_acted_upon(ask: Asker, diary: Diary, body: bytes) -> None:
    reply = await ask("POST", "/v1/things", body=body)

    assert (reply.status, reply.json) == (400, MALFORMED)
    assert diary.entries == []


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"5", "Payload must be object"),
        (b"null", "Payload must be object"),
        (b"[]", "Payload must be object"),
        (b'{"name": "\\u0000"}', "Payload must not contain the character U+0000"),
        (b'{"name": "a", "metadata": {"\\u0000": 1}}', "Payload must not contain the character U+0000"),
        (b'{"name": "\\\\\\u0000"}', "Payload must not contain the character U+0000"),
        (b'{"name": "a", "weight": 1e400}', "Property .weight must be a number within range"),
        (
            b'{"name": "a", "metadata": {"a": -1e400}}',
            "Property .metadata.* must be a number within range",
        ),
        (b'{"name": "a", "count": 1' + b"0" * 5000 + b"}", "Property .count must be a number within range"),
        (b'{"name": "a", "count": 1e3}', "Property .count must be integer"),
    ],
)
async def test_what_fits_no_model_is_refused_and_not_acted_upon(
    ask: Asker, diary: Diary, body: bytes, details: str
) -> None:
    reply = await ask("POST", "/v1/things", body=body)

    assert reply.status == 400
    assert {name: reply.json[name] for name in ("code", "key", "message", "details")} == {
        "code": 400,
        "key": "invalid_payload",
        "message": "Invalid payload",
        "details": details,
    }
    assert diary.entries == []


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (b'{"name": "a", "weight": 1e308}', "weight", 1e308),
        (b'{"name": "a", "count": 1000000000000000000000000000000}', "count", 10**30),
        (b'{"name": "a", "metadata": {"a": 1000000000000000000000000000000}}', "metadata", {"a": 10**30}),
        (b'{"name": "a", "metadata": {"__proto__": {"x": 1}}}', "metadata", {"__proto__": {"x": 1}}),
        (b'{"__proto__": {"name": "b"}, "name": "a"}', "name", "a"),
        (b'{"name": "a", "name": "b"}', "name", "b"),
        (b'{"name": "a", "metadata": {"a": 1, "a": 2}}', "metadata", {"a": 2}),
        (rb'{"name": "\\u0000"}', "name", r"\u0000"),
        (rb'{"name": "\ud83d\ude00"}', "name", "😀"),
        (b' \r\n\t{"name": "a"}\n', "name", "a"),
        (b'{"name": "a", "unknown": "\\u0041"}', "name", "a"),
    ],
)
async def test_odd_json_is_read_exactly(ask: Asker, body: bytes, field: str, value: Any) -> None:
    reply = await ask("POST", "/v1/things", body=body)

    assert reply.status == 200
    assert reply.json[field] == value


async def test_a_field_that_was_not_sent_stays_apart_from_null(ask: Asker) -> None:
    absent = await ask("POST", "/v1/things", json={"name": "a"})
    null = await ask("POST", "/v1/things", json={"name": "a", "note": None})

    assert "note" not in absent.json
    assert null.json["note"] is None


async def test_a_hundred_levels_are_taken_and_brackets_in_text_are_none(ask: Asker) -> None:
    deep = await ask("POST", "/v1/things", body=nest(MAX_DEPTH - 2))
    text = await ask("POST", "/v1/things", body=nest(2, msgspec.json.encode('["\\' * 5000).decode()))

    assert (deep.status, text.status) == (200, 200)
    assert text.json["metadata"]["a"] == [['["\\' * 5000]]


NESTED = st.recursive(
    st.text() | st.sampled_from(['"', "[", "\\", '[{"\\"}]', "]]}", "\\\\"]) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = [*value.values()]
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(value=NESTED, wrappers=st.lists(st.booleans(), min_size=0, max_size=260), wide=st.booleans())
def test_up_to_a_hundred_levels_pass_and_more_than_two_hundred_do_not(
    value: Any, wrappers: list[bool], wide: bool
) -> None:
    for in_list in wrappers:
        value = [value, *([[], {}] if wide else [])] if in_list else {"\\": value}

    refused = bodies._is_too_deep(msgspec.json.encode(value))

    if depth_of(value) <= MAX_DEPTH:
        assert not refused
    if depth_of(value) > 2 * MAX_DEPTH:
        assert refused


# --- an optional body ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"  \n", b"5", b"null", b"[]", b'"text"', b"true", b'[{"text": "a"}]'])
async def test_where_a_body_is_optional_nothing_and_a_bare_value_are_an_empty_object(
    ask: Asker, body: bytes
) -> None:
    reply = await ask("POST", "/v1/things/a/enable", body=body)

    assert (reply.status, reply.json) == (200, {"text": "none was sent"})


async def test_an_optional_body_counts_when_it_is_an_object(ask: Asker) -> None:
    reply = await ask("POST", "/v1/things/a/enable", body=b' {"text": "sent"}')

    assert reply.json == {"text": "sent"}


@pytest.mark.parametrize("body", [b"x", b"5x", b'"\xff"', b"[" * 10_000 + b"]" * 10_000, b'"\\ud800"', b"["])
async def test_an_optional_body_must_still_be_json(ask: Asker, diary: Diary, body: bytes) -> None:
    reply = await ask("POST", "/v1/things/a/enable", body=body)

    assert (reply.status, reply.json) == (400, MALFORMED)
    assert diary.entries == []


# --- media types -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [b"", b"application/json", b"Application/JSON; Charset=UTF-8", b"application/vnd.api+json"],
)
async def test_json_is_taken_under_its_names(ask: Asker, content_type: bytes) -> None:
    reply = await ask("POST", "/v1/things", body=b'{"name": "a"}', headers=[(b"content-type", content_type)])

    assert reply.status == 200


@pytest.mark.parametrize("content_type", [b"text/xml", b"text/plain", FORM[1], MULTIPART[1], b"\xff"])
async def test_a_body_of_another_media_type_is_refused(ask: Asker, diary: Diary, content_type: bytes) -> None:
    reply = await ask("POST", "/v1/things", body=b'{"name": "a"}', headers=[(b"content-type", content_type)])

    assert (reply.status, reply.json) == (
        415,
        {"statusCode": 415, "error": "Unsupported Media Type", "message": "Unsupported Media Type"},
    )
    assert diary.entries == []


async def test_the_media_type_of_nothing_does_not_matter(ask: Asker) -> None:
    reply = await ask("POST", "/v1/things/a/enable", headers=[(b"content-type", b"text/xml")])

    assert reply.status == 200


# --- size ------------------------------------------------------------------------------------------


def make_body(size: int) -> bytes:
    frame = b'{"name": ""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


async def test_ten_megabytes_are_taken(ask: Asker) -> None:
    reply = await ask("POST", "/v1/things", body=make_body(LIMIT_BYTES))

    assert reply.status == 200


async def test_a_byte_more_is_refused_by_its_announcement_without_reading_any(
    ask: Asker, diary: Diary
) -> None:
    reply = await ask("POST", "/v1/things", body=make_body(LIMIT_BYTES + 1))

    assert (reply.status, reply.json) == (413, TOO_LARGE)
    assert reply.headers["connection"] == "close"
    assert reply.taken_bytes == 0
    assert diary.entries == []


async def test_an_unannounced_body_is_refused_as_soon_as_it_is_too_much(ask: Asker, diary: Diary) -> None:
    endless: Iterator[bytes] = itertools.repeat(b"x" * 65_536)

    reply = await ask("POST", "/v1/things", body=endless)

    assert (reply.status, reply.json) == (413, TOO_LARGE)
    assert LIMIT_BYTES < reply.taken_bytes <= LIMIT_BYTES + 65_536
    assert diary.entries == []


async def test_nothing_is_waited_for_behind_the_end_of_a_refused_body(ask: Asker) -> None:
    reply = await ask("POST", "/v1/things", body=[b"x" * LIMIT_BYTES, b"x"])

    assert (reply.status, reply.asked_past_end) == (413, False)


async def test_imports_have_a_limit_of_their_own(ask: Asker, diary: Diary) -> None:
    imported = await ask("POST", "/v1/things/import", body=b"[" + make_body(LIMIT_BYTES) + b"]")
    announced = await ask(
        "POST", "/v1/things/import", headers=[(b"content-length", b"%d" % (IMPORT_LIMIT_BYTES + 1))]
    )

    assert imported.json["value"] == 1
    assert announced.status == 413
    assert diary.entries == [1]


async def test_without_keys_nothing_of_the_body_is_read(ask: Asker) -> None:
    reply = await ask("POST", "/v1/things", body=make_body(100_000), keys=False)

    assert (reply.status, reply.taken_bytes) == (401, 0)


# --- a client that goes away -----------------------------------------------------------------------

HALVES = [
    ("/v1/things", [b'{"name": "a"}'], b"application/json"),
    ("/v1/things/a/enable", [b""], b"application/json"),
    ("/v1/oauth/token", [b"grant_type=client_credentials"], FORM[1]),
    (
        "/v1/things/upload",
        [b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--X--\r\n'],
        MULTIPART[1],
    ),
]


@pytest.mark.parametrize(("path", "pieces", "content_type"), HALVES)
async def test_what_came_of_a_body_before_its_client_went_away_is_not_the_body(
    ask: Asker, diary: Diary, path: str, pieces: list[bytes], content_type: bytes
) -> None:
    reply = await ask("POST", path, body=pieces, headers=[(b"content-type", content_type)], hang_up=True)

    assert diary.entries == []
    assert reply.body == b""


@pytest.mark.parametrize(("path", "pieces", "content_type"), HALVES)
async def test_the_framework_alone_would_take_it_for_the_whole(
    diary: Diary, path: str, pieces: list[bytes], content_type: bytes
) -> None:
    ask_framework = Asker(make_toy_app(diary)._app)

    await ask_framework("POST", path, body=pieces, headers=[(b"content-type", content_type)], hang_up=True)

    assert len(diary.entries) == 1


# --- forms -----------------------------------------------------------------------------------------


async def test_a_form_is_read_and_a_repeated_field_counts_once(ask: Asker) -> None:
    reply = await ask(
        "POST",
        "/v1/oauth/token",
        body=b"grant_type=client+credentials&scope=a%20b&scope=c&unknown=1",
        headers=[(b"content-type", b"Application/X-WWW-Form-Urlencoded; charset=UTF-8")],
    )

    assert reply.json == {"grant_type": "client credentials", "scope": "a b"}


async def test_a_form_without_fields_is_one_of_empty_fields(ask: Asker) -> None:
    reply = await ask("POST", "/v1/oauth/token", headers=[FORM])

    assert reply.json == {"grant_type": "", "scope": ""}


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"scope=a%00", "Payload must not contain the character U+0000"),
        (b"scope=%ff", "Payload must be application/x-www-form-urlencoded"),
        (b"scope=\xff", "Payload must be application/x-www-form-urlencoded"),
        (b"a=1&" * 60, "Payload must be application/x-www-form-urlencoded"),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(
    ask: Asker, diary: Diary, body: bytes, details: str
) -> None:
    reply = await ask("POST", "/v1/oauth/token", body=body, headers=[FORM])

    assert (reply.status, reply.json["key"], reply.json["details"]) == (400, "invalid_payload", details)
    assert diary.entries == []


async def test_a_form_is_small_and_no_json(ask: Asker) -> None:
    large = await ask("POST", "/v1/oauth/token", body=b"scope=" + b"a" * 65_536, headers=[FORM])
    json = await ask("POST", "/v1/oauth/token", json={"scope": "a"})

    assert (large.status, json.status) == (413, 415)


# --- queries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("limit=5", "limit", 5),
        ("active=true", "active", True),
        ("name=a+b%26", "name", "a b&"),
        ("name=%C4%85", "name", "ą"),
        ("name=5", "name", "5"),
        ("ids=a", "ids", ["a"]),
        ("ids=a,b", "ids", ["a", "b"]),
        ("ids=a&ids=b", "ids", ["a", "b"]),
        ("ids[0]=a&ids[1]=b", "ids", ["a", "b"]),
        ("ids[]=a", "ids", ["a"]),
        ("ids=", "ids", []),
        ("numbers=1,2", "numbers", [1, 2]),
        ("numbers=1", "numbers", [1]),
        ("unknown=1", "limit", 10),
    ],
)
async def test_a_query_is_read_in_every_spelling(ask: Asker, query: str, field: str, value: Any) -> None:
    reply = await ask("GET", f"/v1/things?{query}")

    assert reply.status == 200
    assert reply.json[field] == value


async def test_a_query_of_plain_utf_8_is_read(ask: Asker) -> None:
    reply = await ask("GET", "/v1/things?name=ą".encode())

    assert reply.json["name"] == "ą"


@pytest.mark.parametrize(
    ("query", "details"),
    [
        (b"limit=0", "Property .limit must be >= 1"),
        (b"limit=101", "Property .limit must be <= 100"),
        (b"limit=1" + b"0" * 30, "Property .limit must be <= 100"),
        (b"limit=1" + b"0" * 5000, "Property .limit must be a number within range"),
        (b"limit=ten", "Property .limit must be integer"),
        (b"limit=", "Property .limit must be integer"),
        (b"limit[a]=1", "Property .limit must be integer"),
        (b"limit=1&limit=2", "Property .limit must be integer"),
        (b"active=maybe", "Property .active must be boolean,null"),
        (b"numbers=1,x", "Property .numbers[1] must be integer"),
        (b"ids[a]=b", "Property .ids must be array"),
        (b"name=a%00", "Query must NOT contain NUL characters"),
        (b"name=%ff", "Query must be percent-encoded UTF-8"),
        (b"name=\xff", "Query must be percent-encoded UTF-8"),
        (b"name=%ed%a0%80", "Query must be percent-encoded UTF-8"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(
    ask: Asker, diary: Diary, query: bytes, details: str
) -> None:
    reply = await ask("GET", b"/v1/things?" + query)

    assert (reply.status, reply.json["key"], reply.json["message"], reply.json["details"]) == (
        400,
        "invalid_query_params",
        "Invalid query params",
        details,
    )
    assert diary.entries == []


# --- uploads ---------------------------------------------------------------------------------------


def part(name: bytes, data: bytes, headers: bytes = b"") -> bytes:
    return b"--X\r\nContent-Disposition: form-data; " + name + b"\r\n" + headers + b"\r\n" + data + b"\r\n"


FIELD = part(b'name="path"', b"spring")
FILE = part(b'name="file"; filename="codes.csv"', b"abc")
END = b"--X--\r\n"


@pytest.mark.parametrize(
    "content_type",
    [MULTIPART[1], b'Multipart/Form-Data; Boundary="X"', b"multipart/form-data;boundary=X; charset=utf-8"],
)
async def test_a_file_is_read_with_the_fields_before_it(ask: Asker, content_type: bytes) -> None:
    reply = await ask(
        "POST", "/v1/things/upload", body=FIELD + FILE + END, headers=[(b"content-type", content_type)]
    )

    assert (reply.status, reply.json["value"]) == (200, {"bytes": 3, "fields": {"path": "spring"}})


async def test_a_part_without_a_name_is_a_field_that_nobody_asks_for(ask: Asker) -> None:
    reply = await ask(
        "POST", "/v1/things/upload", body=part(b'filename="a"', b"x") + FILE + END, headers=[MULTIPART]
    )

    assert (reply.status, reply.json["value"]["bytes"]) == (200, 3)


@pytest.mark.parametrize(
    ("body", "content_type", "details"),
    [
        (FIELD + END, MULTIPART[1], "Payload should have required property 'file'"),
        (b"{}", b"application/json", "Payload should have required property 'file'"),
        (b"a,b", b"text/csv", "Payload should have required property 'file'"),
        (b"", b"", "Payload should have required property 'file'"),
        (FILE + FILE + END, MULTIPART[1], "Payload must have one property 'file' only"),
        (b"", MULTIPART[1], "Payload is not valid multipart/form-data: unexpected form structure"),
        (FILE, MULTIPART[1], "Payload is not valid multipart/form-data: unexpected form structure"),
        (
            FILE + END,
            b"multipart/form-data",
            "Payload is not valid multipart/form-data: no valid boundary",
        ),
        (
            FILE + END,
            b"multipart/form-data; boundary=" + b"a" * 100,
            "Payload is not valid multipart/form-data: no valid boundary",
        ),
        (
            part(b'name="\xff"', b"a") + FILE + END,
            MULTIPART[1],
            "Payload is not valid multipart/form-data: the name of a part is not UTF-8",
        ),
        (
            part(b'name="a"', b"a" * 2_000_000) + FILE + END,
            MULTIPART[1],
            "Payload is not valid multipart/form-data: body part is too large",
        ),
        (
            FIELD * 100 + FILE + END,
            MULTIPART[1],
            "Payload is not valid multipart/form-data: maximum number of form body parts exceeded",
        ),
    ],
)
async def test_an_upload_that_cannot_be_read_is_refused(
    ask: Asker, diary: Diary, body: bytes, content_type: bytes, details: str
) -> None:
    reply = await ask("POST", "/v1/things/upload", body=body, headers=[(b"content-type", content_type)])

    assert (reply.status, reply.json["key"], reply.json["details"]) == (400, "invalid_payload", details)
    assert diary.entries == []


async def test_an_upload_larger_than_its_limit_is_refused(diary: Diary) -> None:
    from openvoucher.settings import Settings

    ask = Asker(make_toy_app(diary, Settings(max_csv_import_bytes=1000)))
    large = part(b'name="file"', b"a" * 1001) + END

    streamed = await ask("POST", "/v1/things/upload", body=[large], headers=[MULTIPART])
    announced = await ask("POST", "/v1/things/upload", headers=[MULTIPART, (b"content-length", b"100000")])

    assert (streamed.status, announced.status) == (413, 413)
    assert announced.taken_bytes == 0
    assert diary.entries == []
