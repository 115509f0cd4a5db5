"""The API reference as one HTML page, made from the OpenAPI document and nothing else."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from openvoucher.platform.http.markup import Markup, element, join
from openvoucher.platform.http.reference_examples import make_curl_lines, make_example, show_json
from openvoucher.platform.http.reference_style import SCRIPT, STYLE

Json = dict[str, Any]

_METHODS = ("get", "post", "put", "delete")
_PARAMETER = re.compile(r"(\{\w+\})")
_CODE = re.compile(r"`([^`]+)`")
# (least, most, unit)
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("exclusiveMinimum", "exclusiveMaximum", " (exclusive)"),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " properties"),
)
_FACTS = {"multipleOf": "multiple of {}", "pattern": "matching {}", "format": "{}"}
# A bound that only says that the number survives clients that read it as a double.
_ANY_INTEGER = 2**53


def render_reference(document: Json) -> str:
    """The page for a document of `make_openapi`."""
    page = _Page(document)
    title = f"{document['info']['title']} {document['info']['version']}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · API reference"),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(STYLE)),
    )
    body = element("body", page.navigation(), element("main", *page.sections()), _script())
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _script() -> Markup:
    return element("script", Markup(SCRIPT))


class _Page:
    def __init__(self, document: Json) -> None:
        self.document = document
        self.schemas: Json = document["components"]["schemas"]
        self.tags: dict[str, list[tuple[str, str, Json]]] = {tag["name"]: [] for tag in document["tags"]}
        for path, item in document["paths"].items():
            for method in _METHODS:
                if method in item:
                    self.tags[item[method]["tags"][0]].append((method, path, item[method]))

    # --- the frame -----------------------------------------------------------------------------

    def navigation(self) -> Markup:
        info = self.document["info"]
        groups = [
            element(
                "section",
                element("h2", element("a", _title(tag), href=f"#tag-{tag}")),
                element("ul", *(self._navigation_entry(*row) for row in rows)),
            )
            for tag, rows in self.tags.items()
        ]
        return element(
            "nav",
            element(
                "div",
                element("a", info["title"], class_="brand", href="#top"),
                element("span", info["version"], class_="version"),
                class_="head",
            ),
            element(
                "input",
                id="search",
                type="search",
                placeholder="Search   /",
                aria_label="Search operations",
                autocomplete="off",
                spellcheck="false",
            ),
            element("p", "Nothing found", id="nothing", hidden=True),
            element("div", *groups, self._schema_navigation(), class_="groups"),
            aria_label="Operations",
        )

    def _navigation_entry(self, method: str, path: str, operation: Json) -> Markup:
        words = f"{method} {path} {operation['summary']} {operation['operationId']}".lower()
        link = element(
            "a", _badge(method), element("span", operation["summary"]), href=f"#{operation['operationId']}"
        )
        return element("li", link, data_words=words)

    def _schema_navigation(self) -> Markup:
        entries = [
            element("li", element("a", name, href=f"#schema-{name}"), data_words=name.lower())
            for name in self.schemas
        ]
        return element(
            "section",
            element("h2", element("a", "Schemas", href="#schemas")),
            element("details", element("summary", f"{len(entries)} schemas"), element("ul", *entries)),
        )

    def sections(self) -> Iterator[Markup]:
        yield self._introduction()
        descriptions = {tag["name"]: tag.get("description", "") for tag in self.document["tags"]}
        for tag, rows in self.tags.items():
            yield element(
                "section",
                element("h2", _title(tag)),
                _paragraph(descriptions[tag]),
                *(self._operation(*row) for row in rows),
                id=f"tag-{tag}",
            )
        yield element(
            "section",
            element("h2", "Schemas"),
            *(self._named_schema(name, schema) for name, schema in self.schemas.items()),
            id="schemas",
        )

    def _introduction(self) -> Markup:
        info = self.document["info"]
        schemes = self.document["components"]["securitySchemes"]
        rows = [
            element(
                "li",
                element("code", scheme.get("name", "Authorization: Bearer …"), class_="name"),
                _paragraph(scheme["description"]),
            )
            for scheme in schemes.values()
        ]
        return element(
            "header",
            element("h1", f"{info['title']} API"),
            _paragraph(f"{info['summary']}. {info['description']}"),
            element(
                "p",
                "Base URL ",
                element("code", self._origin()),
                " · ",
                element("a", "openapi.json", href="openapi.json"),
            ),
            element("details", element("summary", "Authentication"), element("ul", *rows, class_="props")),
            id="top",
        )

    def _origin(self) -> Markup:
        url = self.document["servers"][0]["url"]
        # Where the page itself came from is only known in the browser.
        return element("span", "http://localhost:8000", class_="origin") if url == "/" else join([url])

    # --- operations ----------------------------------------------------------------------------

    def _operation(self, method: str, path: str, operation: Json) -> Markup:
        name = operation["operationId"]
        steps = [
            element("var", step) if _PARAMETER.fullmatch(step) else join([step])
            for step in _PARAMETER.split(path)
        ]
        text = element(
            "div",
            element("h3", element("a", operation["summary"], href=f"#{name}")),
            element("p", _badge(method), element("code", *steps, class_="path"), class_="route"),
            _paragraph(operation.get("description", "")),
            _access(operation),
            self._parameters(operation.get("parameters", [])),
            self._body(operation.get("requestBody")),
            self._answers(operation["responses"]),
            class_="text",
        )
        return element("article", text, self._samples(method, path, operation), id=name)

    def _parameters(self, parameters: list[Json]) -> Markup:
        if not parameters:
            return Markup()
        rows = [
            self._property(
                parameter["name"],
                {**parameter["schema"], "description": parameter.get("description", "")},
                required=parameter["required"],
                note=parameter["in"],
            )
            for parameter in parameters
        ]
        # A long list is looked into when it is needed; what the path needs is seen at once.
        is_open = len(parameters) <= 3
        summary = element("summary", "Parameters", element("span", str(len(rows)), class_="count"))
        return element("details", summary, element("ul", *rows, class_="props"), open=is_open)

    def _body(self, body: Json | None) -> Markup:
        if body is None:
            return Markup()
        [(media_type, content)] = body["content"].items()
        notes = ([] if body["required"] else ["optional"]) + (
            [] if media_type == "application/json" else [media_type]
        )
        return self._expandable("Body", content["schema"], notes)

    def _answers(self, answers: Json) -> Markup:
        shown = [
            self._expandable(
                f"Answer {status}",
                content["schema"],
                [] if media_type == "application/json" else [media_type],
            )
            for status, answer in answers.items()
            for media_type, content in answer.get("content", {"": {"schema": {}}}).items()
            if status.isdigit() and "$ref" not in answer
        ]
        refusals = [
            element(
                "li",
                element("code", "others" if status == "default" else status, class_="name"),
                _paragraph(self._refusal(answer)["description"]),
            )
            for status, answer in answers.items()
            if "$ref" in answer
        ]
        summary = element("summary", "Refusals", element("span", str(len(refusals)), class_="count"))
        return join([*shown, element("details", summary, element("ul", *refusals, class_="props"))])

    def _refusal(self, answer: Json) -> Json:
        refusal: Json = self.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        return refusal

    def _expandable(self, title: str, schema: Json, notes: list[str]) -> Markup:
        labels = [element("span", note, class_="note") for note in notes if note]
        properties = self._properties(self._resolve(schema)[1])
        kind = [element("span", self._type(schema), class_="type")] if schema else []
        if not properties:
            return element("p", element("b", title), *kind, *labels, class_="flat")
        return element("details", element("summary", title, *kind, *labels), properties)

    def _samples(self, method: str, path: str, operation: Json) -> Markup:
        lines = make_curl_lines(method, path, operation, self.schemas)
        origin = join(["curl ", *(["-X ", method.upper(), " "] if method != "get" else []), '"'])
        request = join([origin, self._origin(), " \\\n  ".join(lines)])
        samples = [_sample("Request", request)]
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if content and status.startswith("2"):
                example = make_example(content["schema"], self.schemas)
                samples.append(_sample(f"Answer {status}", show_json(example)))
        return element("div", *samples, class_="samples")

    # --- schemas -------------------------------------------------------------------------------

    def _named_schema(self, name: str, schema: Json) -> Markup:
        return element(
            "details",
            element("summary", element("code", name)),
            _paragraph(schema.get("description", "")),
            self._properties(schema) or element("p", self._type(schema)),
            id=f"schema-{name}",
            class_="schema",
        )

    def _resolve(self, schema: Json) -> tuple[str, Json]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return name, self.schemas[name] if name else schema

    def _properties(self, schema: Json) -> Markup:
        required = schema.get("required", ())
        fields = sorted(schema.get("properties", {}).items(), key=lambda field: field[0] not in required)
        rows = [self._property(name, field, required=name in required) for name, field in fields]
        return element("ul", *rows, class_="props") if rows else Markup()

    def _property(self, name: str, schema: Json, *, required: bool, note: str = "") -> Markup:
        facts = [element("code", name, class_="name"), element("span", self._type(schema), class_="type")]
        if required:
            facts.append(element("span", "required", class_="required"))
        if note:
            facts.append(element("span", note, class_="note"))
        default = schema.get("default")
        if default not in (None, [], {}) and len(schema.get("enum", "many")) > 1:
            facts.append(element("span", "default ", element("code", show_json(default)), class_="note"))
        return element("li", *facts, _paragraph(schema.get("description", "")), self._properties(schema))

    def _type(self, schema: Json) -> Markup:
        """In a few words: `array of Voucher`, `integer ≥ 1 or null`."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return element("a", name, class_="ref", href=f"#schema-{name}")
        for union in ("anyOf", "oneOf", "allOf"):
            if union in schema:
                members: list[Json] = schema[union]
                has_number = any(member.get("type") == "number" for member in members)
                return _alternatives(
                    self._type(member)
                    for member in members
                    if not (has_number and member.get("type") == "integer")
                )
        if "const" in schema:
            return element("code", show_json(schema["const"]))
        if "enum" in schema:
            return _alternatives(element("code", show_json(value)) for value in schema["enum"])
        kinds = schema.get("type", "any")
        words: list[str] = [" or ".join(kinds) if isinstance(kinds, list) else kinds]
        if isinstance(schema.get("items"), dict):
            words += [" of ", self._type(schema["items"])]
        if isinstance(schema.get("additionalProperties"), dict):
            words += [" of ", self._type(schema["additionalProperties"])]
        if facts := ", ".join(_list_facts(schema)):
            words.append(f" ({facts})")
        return join(words)


def _list_facts(schema: Json) -> Iterator[str]:
    for least, most, unit in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if high == _ANY_INTEGER:
            high = None
        if low is not None and high is not None:
            yield f"{_number(low)} to {_number(high)}{unit}"
        elif low is not None:
            yield f"at least {_number(low)}{unit}"
        elif high is not None:
            yield f"at most {_number(high)}{unit}"
    for fact, phrase in _FACTS.items():
        if fact in schema:
            yield phrase.format(schema[fact])


def _number(value: int | float) -> str:
    return f"{value:,}".removesuffix(".0")


def _alternatives(parts: Iterable[str]) -> Markup:
    joined: list[str] = []
    for part in parts:
        joined += [element("span", " or ", class_="or"), part] if joined else [part]
    return join(joined)


def _access(operation: Json) -> Markup:
    schemes = [name for requirement in operation["security"] for name in requirement]
    if not schemes:
        return element("p", "Open to everybody", class_="access")
    if "ManagementId" in schemes:
        return element("p", "Management key pair", class_="access")
    pair = "Client key pair" if "ClientId" in schemes else "Server key pair"
    scopes = [scope for requirement in operation["security"] for scope in requirement.get("Bearer", ())]
    if not scopes:
        return element("p", pair, class_="access")
    codes = [element("code", scope) for scope in scopes]
    return element("p", f"{pair}, or a token with the scope ", *codes, class_="access")


def _sample(title: str, code: str) -> Markup:
    return element(
        "figure",
        element("figcaption", title, element("button", "Copy", type="button", hidden=True)),
        element("pre", element("code", code), tabindex="0"),
    )


def _badge(method: str) -> Markup:
    return element("span", "DEL" if method == "delete" else method.upper(), class_=f"method {method}")


def _paragraph(text: str) -> Markup:
    if not text:
        return Markup()
    pieces = _CODE.split(text)
    return element(
        "p", *(element("code", piece) if index % 2 else piece for index, piece in enumerate(pieces))
    )


def _title(tag: str) -> str:
    words = tag.replace("-", " ")
    return {"oauth": "OAuth"}.get(tag, words[:1].upper() + words[1:])
