"""Examples that fit a schema, and the commands that send them."""

from typing import Any

import msgspec
import pytest

from openvoucher.app import OPERATIONS
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.http.reference_examples import make_curl_lines, make_example, show_json

SCHEMAS = {
    "Thing": {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "name": {"type": "string"},
            "count": {"type": "integer", "minimum": 1},
        },
        "required": ["name", "count"],
    },
    "Optional": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
    "Endless": {
        "type": "object",
        "properties": {"again": {"$ref": "#/components/schemas/Endless"}},
        "required": ["again"],
    },
}
KEYS: list[dict[str, list[str]]] = [{"AppId": [], "AppToken": []}]


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string"}, "…"),
        ({"type": "integer", "minimum": 1}, 1),
        ({"type": "number"}, 0),
        ({"type": "boolean"}, True),
        ({"type": "string", "default": "red"}, "red"),
        ({"type": "boolean", "default": False}, False),
        ({"enum": [None, "a", "b"]}, "a"),
        ({"const": 5}, 5),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 0),
        ({"type": "string", "examples": ["SPRING"]}, "SPRING"),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"type": "array"}, []),
        ({"type": "object"}, {}),
        ({}, None),
        (ref("Thing"), {"note": "…", "name": "…", "count": 1}),
        (
            {"type": "object", "properties": {"created_at": {"type": "string"}}},
            {"created_at": "2026-03-01T12:00:00.000Z"},
        ),
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, Any], example: Any) -> None:
    assert make_example(schema, SCHEMAS) == example


def test_of_a_body_what_is_required_is_shown_or_one_property_if_nothing_is() -> None:
    assert make_example(ref("Thing"), SCHEMAS, required_only=True) == {"name": "…", "count": 1}
    assert make_example(ref("Optional"), SCHEMAS, required_only=True) == {"a": "…"}


def test_a_schema_that_contains_itself_comes_to_an_end() -> None:
    assert make_example(ref("Endless"), SCHEMAS) == {"again": {"again": {"again": {"again": {}}}}}


def test_a_command_names_keys_and_parameters_as_variables_of_the_shell() -> None:
    operation = {
        "security": KEYS,
        "parameters": [
            {"name": "code", "in": "path", "required": True},
            {"name": "token", "in": "query", "required": True},
            {"name": "limit", "in": "query", "required": False},
        ],
    }

    assert make_curl_lines("get", "/v1/things/{code}/parts", operation, SCHEMAS) == [
        '/v1/things/$CODE/parts?token=$TOKEN"',
        '-H "X-App-Id: $APP_ID"',
        '-H "X-App-Token: $APP_TOKEN"',
    ]


@pytest.mark.parametrize(
    ("media_type", "schema", "lines"),
    [
        (
            "application/json",
            {"examples": [{"name": "it's"}]},
            ['-H "Content-Type: application/json"', "-d '{\n    \"name\": \"it'\\''s\"\n  }'"],
        ),
        ("multipart/form-data", {"type": "object"}, ["-F file=@codes.csv"]),
        ("application/x-www-form-urlencoded", ref("Optional"), ["-d a=$A", "-d b=$B"]),
    ],
)
def test_a_command_sends_the_body(media_type: str, schema: dict[str, Any], lines: list[str]) -> None:
    operation = {"security": [], "requestBody": {"content": {media_type: {"schema": schema}}}}

    assert make_curl_lines("post", "/v1/things", operation, SCHEMAS) == ['/v1/things"', *lines]


def test_structures_are_indented_and_values_are_not() -> None:
    assert [show_json(value) for value in ("a", {}, {"a": [1]})] == [
        '"a"',
        "{}",
        '{\n  "a": [\n    1\n  ]\n}',
    ]


BODIES = [row for row in OPERATIONS if row.body is not None]


@pytest.mark.parametrize("row", BODIES, ids=[row.name for row in BODIES])
def test_the_example_of_every_body_can_be_read_as_that_body(row: Any) -> None:
    document = make_openapi([row], version="1")
    [item] = document["paths"].values()
    schema = item[row.method.lower()]["requestBody"]["content"]["application/json"]["schema"]

    example = make_example(schema, document["components"]["schemas"], required_only=True)

    msgspec.convert(example, row.body)
