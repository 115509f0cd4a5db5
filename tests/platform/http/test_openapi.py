"""The document that is made of a table of operations."""

import collections
import re
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from openvoucher.app import OPERATIONS
from openvoucher.platform.http.openapi import make_openapi
from openvoucher.platform.http.operations import Operation, Upload, Watch
from openvoucher.wire import errors

Json = dict[str, Any]


class Between(msgspec.Struct):
    before: str | None = None
    after: str | None = None


class ThingQuery(msgspec.Struct, kw_only=True):
    token: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    """Entries of a page."""
    order: Literal["id", "-id"] | None = None
    ids: list[str] = []
    created_at: Between | None = None
    filters: dict[str, Any] | None = None
    active: bool | None = None


class Part(msgspec.Struct):
    id: str


class Thing(msgspec.Struct, kw_only=True):
    """Something that can be listed.

    More than anybody wants to know.
    """

    name: Annotated[str, Meta(min_length=1, description="As people call it.")]
    """Not this: the field says it itself."""
    parts: list[Part] = []
    """What it is made of,
    in order."""
    unit_price: int = msgspec.field(name="unitPrice", default=0)
    """Minor units."""
    note: str | None | UnsetType = UNSET


class Heavy(msgspec.Struct):
    kilograms: int


class Light(msgspec.Struct):
    grams: int


class Form(msgspec.Struct):
    grant_type: str = ""


async def list_things(call: Any, query: ThingQuery) -> None: ...


async def create_thing(call: Any, body: Thing) -> None:
    """Make a thing of `parts`,
    as they are sent.

    Nobody needs this.
    """


async def weigh_thing(call: Any, thing_id: str) -> None: ...
async def follow_thing(call: Any, thing_id: str, watch: Watch) -> None: ...
async def enable_thing(call: Any, thing_id: str, body: Part) -> None: ...
async def delete_thing(call: Any, thing_id: str) -> None: ...
async def upload_things(call: Any, upload: Upload) -> None: ...
async def issue_token(call: Any, body: Form) -> None: ...
async def list_projects(call: Any) -> None: ...
async def get_health(db: Any) -> None: ...
async def draw_thing(db: Any, thing_id: str) -> None: ...


ROWS = [
    Operation(method="GET", path="/healthz", run=get_health, summary="Alive", access="public"),
    Operation(
        method="GET", path="/v1/things", run=list_things, summary="List", query=ThingQuery, answer=list[Thing]
    ),
    Operation(
        method="POST",
        path="/v1/things",
        run=create_thing,
        summary="Create",
        body=Thing,
        answer=Thing,
        answers={202: Part},
    ),
    Operation(
        method="GET",
        path="/v1/things/{thing_id}",
        run=weigh_thing,
        summary="Weigh",
        answer=Heavy | Light,
    ),
    Operation(
        method="GET",
        path="/v1/things/{thing_id}/parts",
        run=follow_thing,
        summary="Follow",
        watchable=True,
        answer=Part,
    ),
    Operation(
        method="POST",
        path="/v1/things/{thing_id}/enable",
        run=enable_thing,
        summary="Enable",
        body=Part,
        body_optional=True,
        answer=Thing,
    ),
    Operation(method="DELETE", path="/v1/things/{thing_id}", run=delete_thing, summary="Delete", status=204),
    Operation(
        method="POST", path="/v1/things/upload", run=upload_things, summary="Upload", upload=True, answer=Part
    ),
    Operation(
        method="POST",
        path="/v1/oauth/token",
        run=issue_token,
        summary="Token",
        access="keys only",
        form=Form,
        answer=Part,
    ),
    Operation(
        method="GET",
        path="/management/v1/projects",
        run=list_projects,
        summary="Projects",
        access="management",
        answer=Part,
    ),
    Operation(
        method="GET",
        path="/api/v1/assets/{thing_id}",
        run=draw_thing,
        summary="Draw",
        access="public",
        media_type="image/png",
    ),
]


@pytest.fixture(scope="module")
def document() -> Json:
    return make_openapi(ROWS, version="1.2.3")


def operation(document: Json, name: str) -> Json:
    [found] = [
        operation
        for item in document["paths"].values()
        for operation in item.values()
        if operation["operationId"] == name
    ]
    return found  # type: ignore[no-any-return]


def test_every_row_is_one_operation_of_the_document(document: Json) -> None:
    found = {
        (method.upper(), path, operation["operationId"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }

    assert found == {(row.method, row.path, row.name) for row in ROWS}


def test_the_head_names_version_and_address(document: Json) -> None:
    elsewhere = make_openapi(ROWS, version="1.2.3", server_url="https://promo.example.com")

    assert document["openapi"] == "3.1.0"
    assert (document["info"]["title"], document["info"]["version"]) == ("OpenVoucher", "1.2.3")
    assert document["servers"] == [{"url": "/"}]
    assert elsewhere["servers"] == [{"url": "https://promo.example.com"}]


def test_tags_come_in_the_order_of_the_table_with_the_servers_own_last(document: Json) -> None:
    assert [tag["name"] for tag in document["tags"]] == ["things", "oauth", "projects", "assets", "server"]


def test_a_path_parameter_is_a_required_string(document: Json) -> None:
    assert operation(document, "weigh_thing")["parameters"] == [
        {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}
    ]


def test_the_fields_of_a_query_are_parameters(document: Json) -> None:
    parameters = {entry["name"]: entry for entry in operation(document, "list_things")["parameters"]}

    assert parameters == {
        "token": {"name": "token", "in": "query", "required": True, "schema": {"type": "string"}},
        "limit": {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "Entries of a page.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
        },
        "order": {"name": "order", "in": "query", "required": False, "schema": {"enum": ["-id", "id"]}},
        "ids": {
            "name": "ids",
            "in": "query",
            "required": False,
            "schema": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        "created_at": {
            "name": "created_at",
            "in": "query",
            "required": False,
            "style": "deepObject",
            "explode": True,
            "schema": {"$ref": "#/components/schemas/Between"},
        },
        "filters": {
            "name": "filters",
            "in": "query",
            "required": False,
            "style": "deepObject",
            "explode": True,
            "schema": {"type": "object"},
        },
        "active": {"name": "active", "in": "query", "required": False, "schema": {"type": "boolean"}},
    }


def test_what_can_be_watched_says_how(document: Json) -> None:
    described = operation(document, "follow_thing")
    assert [(entry["name"], entry["in"]) for entry in described["parameters"]] == [
        ("thing_id", "path"),
        ("Prefer", "header"),
    ]
    assert [*described["responses"]["200"]["content"]] == ["application/json", "text/event-stream"]
    assert [*described["responses"]["200"]["headers"]] == ["X-Request-Id", "Preference-Applied"]
    other = operation(document, "weigh_thing")
    assert [entry["name"] for entry in other["parameters"]] == ["thing_id"]
    assert [*other["responses"]["200"]["content"]] == ["application/json"]
    assert [*other["responses"]["200"]["headers"]] == ["X-Request-Id"]


def test_bodies_are_of_their_media_type(document: Json) -> None:
    thing, part = {"$ref": "#/components/schemas/Thing"}, {"$ref": "#/components/schemas/Part"}

    assert operation(document, "create_thing")["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": thing}},
    }
    assert operation(document, "enable_thing")["requestBody"] == {
        "required": False,
        "content": {"application/json": {"schema": part}},
    }
    assert [*operation(document, "issue_token")["requestBody"]["content"]] == [
        "application/x-www-form-urlencoded"
    ]
    [(media_type, upload)] = operation(document, "upload_things")["requestBody"]["content"].items()
    assert (media_type, upload["schema"]["required"]) == ("multipart/form-data", ["file"])
    assert "requestBody" not in operation(document, "list_things")


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("list_things", {"200", "400", "401", "403", "default"}),
        ("create_thing", {"200", "202", "400", "401", "403", "413", "415", "default"}),
        ("weigh_thing", {"200", "401", "403", "404", "default"}),
        ("delete_thing", {"204", "401", "403", "404", "default"}),
        ("issue_token", {"200", "400", "401", "413", "415", "default"}),
        ("list_projects", {"200", "401", "default"}),
        ("draw_thing", {"200", "404", "default"}),
    ],
)
def test_answers_name_what_can_come(document: Json, name: str, statuses: set[str]) -> None:
    assert operation(document, name)["responses"].keys() == statuses


def test_answers_have_their_type_and_their_media_type(document: Json) -> None:
    def schema(name: str, status: str) -> Any:
        return operation(document, name)["responses"][status]["content"]["application/json"]["schema"]

    assert schema("create_thing", "200") == {"$ref": "#/components/schemas/Thing"}
    assert schema("create_thing", "202") == {"$ref": "#/components/schemas/Part"}
    assert schema("list_things", "200") == {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    assert schema("weigh_thing", "200") == {
        "anyOf": [{"$ref": "#/components/schemas/Heavy"}, {"$ref": "#/components/schemas/Light"}]
    }
    assert "content" not in operation(document, "delete_thing")["responses"]["204"]
    assert [*operation(document, "draw_thing")["responses"]["200"]["content"]] == ["image/png"]


@pytest.mark.parametrize(
    ("name", "security"),
    [
        ("list_things", [{"AppId": [], "AppToken": []}, {"Bearer": ["things"]}]),
        ("issue_token", [{"AppId": [], "AppToken": []}]),
        ("list_projects", [{"ManagementId": [], "ManagementToken": []}]),
        ("get_health", []),
    ],
)
def test_security_is_what_the_row_asks_for(document: Json, name: str, security: list[Json]) -> None:
    assert operation(document, name)["security"] == security
    for scheme in (scheme for requirement in security for scheme in requirement):
        assert scheme in document["components"]["securitySchemes"]


def test_descriptions_come_from_docstrings_and_from_the_strings_under_fields(document: Json) -> None:
    thing = document["components"]["schemas"]["Thing"]

    assert operation(document, "create_thing")["description"] == "Make a thing of `parts`, as they are sent."
    assert "description" not in operation(document, "weigh_thing")
    assert {name: field.get("description") for name, field in thing["properties"].items()} == {
        "name": "As people call it.",
        "parts": "What it is made of, in order.",
        "unitPrice": "Minor units.",
        "note": None,
    }


def test_only_schemas_that_something_refers_to_are_there(document: Json) -> None:
    assert [*document["components"]["schemas"]] == [
        "ApiError",
        "Between",
        "Form",
        "Heavy",
        "Light",
        "Part",
        "Thing",
        "UnreadableRequest",
    ]


def test_types_of_one_name_stay_apart() -> None:
    def make_rows() -> list[Operation]:
        class Thing(msgspec.Struct):
            other: int

        async def get_other(call: Any) -> None: ...

        return [Operation(method="GET", path="/v1/others", run=get_other, summary="", answer=Thing)]

    schemas = make_openapi([*ROWS, *make_rows()], version="1")["components"]["schemas"]

    with_name = [schema["properties"].keys() for name, schema in schemas.items() if name.endswith("Thing")]
    assert sorted(map(sorted, with_name)) == [["name", "note", "parts", "unitPrice"], ["other"]]


@pytest.mark.parametrize("twin", [ROWS[1], Operation(method="GET", path="/v1/x", run=get_health, summary="")])
def test_an_operation_that_is_there_twice_is_refused(twin: Operation) -> None:
    with pytest.raises(TypeError, match="is there twice"):
        make_openapi([*ROWS, twin], version="1")


# --- the document of the real table ------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Json:
    return make_openapi(OPERATIONS, version="1")


def walk(node: Any) -> Any:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def test_every_reference_leads_somewhere(real: Json) -> None:
    references = [node["$ref"] for node in walk(real) if isinstance(node, dict) and "$ref" in node]

    assert references
    for reference in references:
        node: Any = real
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_what_pages_may_do_wants_the_keys_of_clients(real: Json) -> None:
    entry = real["paths"]["/client/v1/events"]["post"]

    assert entry["security"] == [{"ClientId": [], "ClientToken": []}, {"Bearer": ["client_events"]}]
    assert {"401", "403"} <= {*entry["responses"]}
    assert {"ClientId", "ClientToken"} <= {*real["components"]["securitySchemes"]}


def test_every_operation_has_what_clients_are_generated_from(real: Json) -> None:
    operations = [operation for item in real["paths"].values() for operation in item.values()]
    names = collections.Counter(operation["operationId"] for operation in operations)

    assert len(operations) == len(OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []
    tags = {tag["name"] for tag in real["tags"]}
    for entry in operations:
        assert entry["summary"], entry["operationId"]
        assert {*entry["tags"]} <= tags
        assert any(re.fullmatch("[23]..", status) for status in entry["responses"])


def test_every_parameter_of_a_path_is_described_and_no_other(real: Json) -> None:
    for path, item in real["paths"].items():
        for entry in item.values():
            described = [one["name"] for one in entry.get("parameters", ()) if one["in"] == "path"]
            assert described == re.findall(r"\{(\w+)\}", path)


def test_two_paths_never_differ_in_the_names_of_their_parameters_alone(real: Json) -> None:
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in real["paths"]]

    assert len(shapes) == len({*shapes})


@pytest.mark.parametrize(
    "error",
    [
        errors.not_found("voucher", "SPRING"),
        errors.resource_in_use("category", "a", "campaign", ["b"], 1),
        errors.unauthorized(),
        errors.method_not_allowed("PUT", ["GET"]),
        errors.internal_error(),
        errors.malformed_json(),
        errors.body_too_large(1),
    ],
    ids=lambda error: error.message,
)
def test_errors_have_the_shape_that_the_document_tells(real: Json, error: errors.ApiError) -> None:
    body = error.body("v-1")
    schema = real["components"]["schemas"]["UnreadableRequest" if error.framework else "ApiError"]
    types = {"integer": int, "string": str, "array": list}

    assert {*schema["required"]} <= body.keys() <= schema["properties"].keys()
    for name, value in body.items():
        assert isinstance(value, types[schema["properties"][name]["type"]])
