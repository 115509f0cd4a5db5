"""Examples for the reference: values that fit a schema, and the command that sends them."""

import re
from typing import Any, Final

import msgspec

Json = dict[str, Any]

_PARAMETER = re.compile(r"\{(\w+)\}")
_INSTANT: Final = "2026-03-01T12:00:00.000Z"
# An answer is told from its shape, not from its last leaf.
_DEEPEST: Final = 4


def make_curl_lines(method: str, path: str, operation: Json, schemas: Json) -> list[str]:
    """What follows the origin in a curl command, a line each. Path parameters are shell variables."""
    query = "&".join(
        f"{parameter['name']}=${parameter['name'].upper()}"
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    )
    target = _PARAMETER.sub(lambda match: f"${match[1].upper()}", path) + (f"?{query}" if query else "")
    lines = [f'{target}"']
    schemes = {name for requirement in operation["security"] for name in requirement}
    if "AppId" in schemes:
        lines += ['-H "X-App-Id: $APP_ID"', '-H "X-App-Token: $APP_TOKEN"']
    if "ManagementId" in schemes:
        lines += ['-H "X-Management-Id: $MANAGEMENT_ID"', '-H "X-Management-Token: $MANAGEMENT_TOKEN"']
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += _make_body_lines(media_type, content["schema"], schemas)
    return lines


def _make_body_lines(media_type: str, schema: Json, schemas: Json) -> list[str]:
    if media_type == "multipart/form-data":
        return ["-F file=@codes.csv"]
    example = make_example(schema, schemas, required_only=True)
    if media_type == "application/x-www-form-urlencoded":
        fields = make_example(schema, schemas)
        return [f"-d {name}=${name.upper()}" for name in fields]
    quoted = show_json(example).replace("'", "'\\''").replace("\n", "\n  ")
    return ['-H "Content-Type: application/json"', f"-d '{quoted}'"]


def make_example(
    schema: Json, schemas: Json, *, required_only: bool = False, name: str = "", depth: int = 0
) -> Any:
    """A value of the schema: its own example, else its default, else something of its type. Of
    objects all properties, or with `required_only` those that are required, or the first if none is."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        target = schemas[schema["$ref"].rpartition("/")[2]]
        return make_example(target, schemas, required_only=required_only, name=name, depth=depth)
    for union in ("anyOf", "oneOf"):
        for member in schema.get(union, ()):
            if member != {"type": "null"}:
                return make_example(member, schemas, required_only=required_only, name=name, depth=depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("default") is not None:
        return schema["default"]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    match schema.get("type"):
        case "object":
            return _make_object(schema, schemas, required_only=required_only, depth=depth)
        case "array":
            items = schema.get("items")
            if not isinstance(items, dict) or depth >= _DEEPEST:
                return []
            return [make_example(items, schemas, required_only=required_only, name=name, depth=depth)]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return True
        case "string":
            return _INSTANT if name.endswith(("_at", "_date")) else "…"
    return None


def _make_object(schema: Json, schemas: Json, *, required_only: bool, depth: int) -> Json:
    fields: Json = schema.get("properties", {})
    if depth >= _DEEPEST:
        return {}
    names = list(fields)
    if required_only:
        names = [field for field in names if field in schema.get("required", ())] or names[:1]
    return {
        field: make_example(fields[field], schemas, required_only=required_only, name=field, depth=depth + 1)
        for field in names
    }


def show_json(value: Any) -> str:
    """Indented where it is a structure."""
    text = msgspec.json.encode(value)
    return (
        msgspec.json.format(text, indent=2) if isinstance(value, dict | list) and value else text
    ).decode()
