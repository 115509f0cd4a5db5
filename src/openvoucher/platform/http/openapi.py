"""OpenVoucher's own OpenAPI 3.1 document, made from the table of operations."""

import ast
import dataclasses
import functools
import http
import inspect
import itertools
import sys
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from openvoucher.platform.http.operations import EVENT_STREAM, SERVER_TAG, Operation

Json = dict[str, Any]

_JSON: Final = "application/json"
_SCHEMA_REF: Final = "#/components/schemas/"

_SECURITY: Final[dict[str, list[Json]]] = {
    "keys only": [{"AppId": [], "AppToken": []}],
    "client": [{"ClientId": [], "ClientToken": []}],
    "management": [{"ManagementId": [], "ManagementToken": []}],
    "public": [],
}

_SECURITY_SCHEMES: Final[Json] = {
    "AppId": {
        "type": "apiKey",
        "in": "header",
        "name": "X-App-Id",
        "description": "Server side key, public half.",
    },
    "AppToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-App-Token",
        "description": "Server side key, secret half.",
    },
    "ClientId": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Client-Application-Id",
        "description": "Client side key, public half. The project must trust the `Origin` of the page.",
    },
    "ClientToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Client-Token",
        "description": "Client side key, secret half. It stands in pages, so it is no secret to people.",
    },
    "ManagementId": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Management-Id",
        "description": "Management key, public half.",
    },
    "ManagementToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Management-Token",
        "description": "Management key, secret half.",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /v1/oauth/token` with the scope of the operation, or with `api`"
        " (`client_api` for what clients may do).",
    },
}

_ERRORS: Final[Json] = {
    "ApiError": {
        "title": "ApiError",
        "description": "A refusal. A field with nothing to say is left out.",
        "type": "object",
        "properties": {
            "code": {"type": "integer", "description": "The HTTP status."},
            "key": {"type": "string", "description": "Which refusal it is, for programs."},
            "message": {"type": "string"},
            "details": {"type": "string", "description": "What exactly is wrong, for people."},
            "request_id": {"type": "string", "description": "The log of the server knows it, too."},
            "resource_id": {"type": "string", "description": "What was sent as id, name or code."},
            "resource_type": {"type": "string"},
            "related_object_ids": {"type": "array", "items": {"type": "string"}},
            "related_object_type": {"type": "string"},
            "related_object_total": {"type": "integer"},
            "row": {"type": "integer", "description": "Of a list that was sent: which item, from 1."},
        },
        "required": ["code", "message"],
        "examples": [
            {
                "code": 404,
                "key": "not_found",
                "message": "Resource not found",
                "details": "Cannot find voucher with id SPRING",
                "request_id": "v-1361c793f1d53e5c1e",
                "resource_id": "SPRING",
                "resource_type": "voucher",
            }
        ],
    },
    "UnreadableRequest": {
        "title": "UnreadableRequest",
        "description": "A request that no operation has seen: no JSON, too large, of another media type.",
        "type": "object",
        "properties": {
            "statusCode": {"type": "integer"},
            "error": {"type": "string"},
            "message": {"type": "string"},
        },
        "required": ["statusCode", "error", "message"],
    },
}

_API_ERROR: Final[Json] = {"$ref": f"{_SCHEMA_REF}ApiError"}
_UNREADABLE: Final[Json] = {"$ref": f"{_SCHEMA_REF}UnreadableRequest"}

_REFUSALS: Final[dict[str, tuple[str, str, Json]]] = {
    "400": (
        "BadRequest",
        "Not as this document describes it, or against a rule of the resource.",
        {"anyOf": [_API_ERROR, _UNREADABLE]},
    ),
    "401": ("Unauthorized", "The keys or the token are missing or wrong.", _API_ERROR),
    "403": (
        "Forbidden",
        "The token lacks the scope, or the resource or the project does not allow it.",
        _API_ERROR,
    ),
    "404": ("NotFound", "There is no such object in this project.", _API_ERROR),
    "413": ("PayloadTooLarge", "The body is larger than the server takes.", _UNREADABLE),
    "415": ("UnsupportedMediaType", "The body is of another media type.", _UNREADABLE),
    "default": (
        "Refusal",
        "Any other refusal. 503 with Retry-After: try again.",
        {"anyOf": [_API_ERROR, _UNREADABLE]},
    ),
}

_HEADERS: Final[Json] = {
    "X-Request-Id": {
        "description": "Names this request in the log of the server.",
        "schema": {"type": "string"},
    }
}

_PREFER: Final[Json] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=20`: answer when it has ended, at the latest after so many seconds (at most 60).",
    "schema": {"type": "string"},
}
_PREFERENCE_APPLIED: Final[Json] = {
    "description": "How long the answer could have been waited for, if it could.",
    "schema": {"type": "string"},
}
_EVENTS: Final[Json] = {
    "schema": {
        "type": "string",
        "description": "Server-sent events: `progress` at each change, then `end`, with the object as JSON.",
    }
}


def make_openapi(operations: Iterable[Operation], *, version: str, server_url: str = "") -> Json:
    """The document as JSON values. `server_url` is where the API is; empty: where the document is.

    Raises TypeError for two operations of one name, or one path and method twice.
    """
    rows = list(operations)
    schemas = _Schemas(rows)
    paths: Json = {}
    names: set[str] = set()
    for row in rows:
        method = row.method.lower()
        if row.name in names or method in paths.get(row.path, {}):
            raise TypeError(f"{row.method} {row.path} ({row.name}) is there twice")
        names.add(row.name)
        paths.setdefault(row.path, {})[method] = _describe_operation(row, schemas)
    components = {**_ERRORS, **schemas.components}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenVoucher",
            "version": version,
            "summary": "A promotion engine with the Voucherify REST API",
            "description": "Amounts of money are integers in minor units (cents). Times are ISO 8601 in UTC.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url or "/"}],
        "tags": _describe_tags(rows),
        "paths": paths,
        "components": {
            "schemas": _keep_used(components, paths),
            "responses": {
                name: _describe_answer(description, _JSON, schema)
                for name, description, schema in _REFUSALS.values()
            },
            "headers": _HEADERS,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _describe_operation(row: Operation, schemas: "_Schemas") -> Json:
    described: Json = {
        "operationId": row.name,
        "tags": [row.tag],
        "summary": row.summary,
    }
    if description := _first_paragraph(row.run.__doc__):
        described["description"] = description
    described["security"] = _list_security(row)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in row.parameters
    ]
    if row.query is not None:
        parameters += schemas.list_query_parameters(row.query)
    if row.watchable:
        parameters.append(_PREFER)
    if parameters:
        described["parameters"] = parameters
    if body := _describe_body(row, schemas):
        described["requestBody"] = body
    described["responses"] = _describe_answers(row, schemas)
    return described


def _list_security(row: Operation) -> list[Json]:
    if row.link_token:
        # An empty requirement: none is needed where the token is sent.
        return [*_list_security(dataclasses.replace(row, link_token="")), {}]
    if row.access == "server":
        return [*_SECURITY["keys only"], {"Bearer": [row.scope]}]
    if row.access == "client":
        return [*_SECURITY["client"], {"Bearer": [row.scope]}]
    return _SECURITY[row.access]


def _describe_body(row: Operation, schemas: "_Schemas") -> Json | None:
    if row.body is not None:
        return {"required": not row.body_optional, "content": {_JSON: {"schema": schemas.of(row.body)}}}
    if row.form is not None:
        media_type = "application/x-www-form-urlencoded"
        return {"required": True, "content": {media_type: {"schema": schemas.of(row.form)}}}
    if row.upload:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        schema = {"type": "object", "properties": {"file": file}, "required": ["file"]}
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return None


def _describe_answers(row: Operation, schemas: "_Schemas") -> Json:
    answers: Json = {}
    for status, model in {row.status: row.answer, **row.answers}.items():
        schema = schemas.of(model) if model is not None else {"type": "object"}
        media_type = row.media_type if status == row.status else _JSON
        if media_type != _JSON:
            schema = {"type": "string"} if media_type.startswith("text/") else {}
        answers[str(status)] = _describe_answer(
            http.HTTPStatus(status).phrase, media_type if status not in (204, 302) else None, schema
        )
    if row.watchable:
        answer = answers[str(row.status)]
        answer["headers"]["Preference-Applied"] = _PREFERENCE_APPLIED
        answer["content"][EVENT_STREAM] = _EVENTS
    if row.link_token:
        answers[str(row.status)]["content"]["text/csv"] = {"schema": {"type": "string"}}
    statuses = ["default"]
    if row.access != "public":
        statuses += ["401"]
    if row.access in ("server", "client"):
        statuses += ["403"]
    if row.parameters:
        statuses += ["404"]
    if row.query is not None:
        statuses += ["400"]
    if row.body is not None or row.form is not None or row.upload:
        statuses += ["400", "413", "415"]
    for refused in sorted({*statuses}):
        answers.setdefault(refused, {"$ref": f"#/components/responses/{_REFUSALS[refused][0]}"})
    return answers


def _describe_answer(description: str, media_type: str | None, schema: Json) -> Json:
    answer: Json = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
    }
    if media_type is not None:
        answer["content"] = {media_type: {"schema": schema}}
    return answer


def _describe_tags(rows: list[Operation]) -> list[Json]:
    """In the order of the table, the server's own last; what a resource is, its feature's docstring says."""
    tags: dict[str, Json] = {}
    for row in rows:
        tag = tags.setdefault(row.tag, {"name": row.tag})
        package = row.run.__module__.rpartition(".")[0]
        if package.rpartition(".")[2] == row.tag.replace("-", "_") and "description" not in tag:
            description = _first_paragraph(getattr(sys.modules.get(package), "__doc__", None))
            if description:
                tag["description"] = description
    return sorted(tags.values(), key=lambda tag: tag["name"] == SERVER_TAG)


class _Schemas:
    """The schemas of all types that rows name, made in one go so that types of one name stay apart."""

    def __init__(self, rows: list[Operation]) -> None:
        wanted = [
            member
            for row in rows
            for model in (row.body, row.form, row.query, row.answer, *row.answers.values())
            if model is not None
            for member in _split_union(model)
        ]
        structs = list(_list_structs(wanted))
        schemas, self.components = msgspec.json.schema_components(
            [*wanted, *structs], ref_template=_SCHEMA_REF + "{name}"
        )
        self._of = dict(zip([*wanted, *structs], schemas, strict=True))
        for struct in structs:
            self._add_field_docs(struct)

    def of(self, model: Any) -> Json:
        schemas: list[Json] = [self._of[member] for member in _split_union(model)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def list_query_parameters(self, model: Any) -> list[Json]:
        """One parameter for each field of the query's Struct. Null cannot be said in a query."""
        struct = self._resolve(self.of(model))
        required = struct.get("required", ())
        parameters = []
        for name, field in struct["properties"].items():
            schema = _without_null(field)
            parameter: Json = {"name": name, "in": "query", "required": name in required}
            if description := schema.pop("description", None):
                parameter["description"] = description
            if self._resolve(schema).get("type") == "object":
                parameter |= {"style": "deepObject", "explode": True}
            parameters.append({**parameter, "schema": schema})
        return parameters

    def _resolve(self, schema: Json) -> Json:
        name = schema.get("$ref", "").removeprefix(_SCHEMA_REF)
        component: Json = self.components[name] if name else schema
        return component

    def _add_field_docs(self, struct: type[msgspec.Struct]) -> None:
        docs = _read_field_docs(struct)
        properties = self._resolve(self.of(struct)).get("properties", {})
        for field in msgspec.structs.fields(struct):
            if field.name in docs and field.encode_name in properties:
                properties[field.encode_name].setdefault("description", docs[field.name])


def _without_null(field: Json) -> Json:
    schema = {key: value for key, value in field.items() if not (key == "default" and value is None)}
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    members = [member for member in schema.pop("anyOf", ()) if member != {"type": "null"}]
    return (
        {**schema, **members[0]}
        if len(members) == 1
        else {**schema, **({"anyOf": members} if members else {})}
    )


def _split_union(model: Any) -> tuple[Any, ...]:
    # msgspec describes a union of Structs only if it could decode it, which nobody does with answers.
    is_union = typing.get_origin(model) in (typing.Union, types.UnionType)
    return typing.get_args(model) if is_union else (model,)


def _list_structs(models: list[Any]) -> Iterator[type[msgspec.Struct]]:
    """All Structs inside the models, each once."""
    seen: set[type[msgspec.Struct]] = set()
    pending: list[Any] = list(msgspec.inspect.multi_type_info(models))
    while pending:
        node = pending.pop()
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls in seen:
                continue
            seen.add(node.cls)
            yield node.cls
        if isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            pending += [getattr(node, name) for name in node.__struct_fields__]
        elif isinstance(node, tuple):
            pending += node


def _keep_used(components: Json, paths: Json) -> Json:
    """The components that paths refer to, directly or not, and the errors; in alphabetical order.
    (The Structs of queries became parameters.)"""
    used: set[str] = {*_ERRORS}
    pending: list[Any] = [paths]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix(_SCHEMA_REF)
            if name in components and name not in used:
                used.add(name)
                pending.append(components[name])
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return {name: components[name] for name in sorted(used)}


@functools.cache
def _read_field_docs(struct: type) -> dict[str, str]:
    """The strings under the fields of a Struct, by field; none where the source is not at hand."""
    docs: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        except (OSError, TypeError, SyntaxError):
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, text in itertools.pairwise(statements):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                    docs[name] = inspect.cleandoc(doc).replace("\n", " ")
    return docs


def _first_paragraph(docstring: str | None) -> str:
    return inspect.cleandoc(docstring or "").partition("\n\n")[0].replace("\n", " ")
