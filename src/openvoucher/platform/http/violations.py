"""Says in the contract's words what is wrong with a body or a query.

msgspec reports the first violation as English text with a path; the contract wants
"Property .redemption.quantity must be number,null" and the like.
"""

import ast
import enum
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

_AT = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]+)`")
_WRONG_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`)?")
_BOUND = re.compile(r"Expected `(?:int|float)` (?P<bound>[<>]=?) (?P<limit>\S+)")
_MULTIPLE = re.compile(r"Expected `(?:int|float)` that's a multiple of (?P<factor>\S+)")
_LENGTH = re.compile(r"Expected `(?P<kind>\w+)` of length (?:(?P<bound>[<>]=?) )?(?P<limit>\d+)")
_ENUM = re.compile(r"Invalid (?:enum )?value .*", re.DOTALL)
_PATTERN = re.compile(r"Expected `str` matching regex (?P<pattern>.*)", re.DOTALL)
_DATE = re.compile(r"Invalid RFC3339 encoded \w+|Expected `\w+` with a timezone component")
_RANGE = re.compile(r"(?:Integer value|Number) out of range")
_FORMAT = re.compile(r"Invalid (?P<format>UUID|decimal string|base64 encoded string)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

_JSON_NAMES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
_UNITS = {"str": "characters", "object": "properties"}
_FORMATS = {"UUID": "uuid", "decimal string": "decimal", "base64 encoded string": "byte"}


def describe_violation(error: msgspec.ValidationError, model: Any, *, noun: str = "Payload") -> str:
    """The `details` for the first violation. `model` is the type that was decoded; `noun` starts
    sentences about the root (Payload, Query).

    The text of a ValueError that a model raised itself is put behind the property's name, as it is
    when it begins in lower case ("cannot be lower than 1"), else behind a colon.
    """
    match = _AT.fullmatch(str(error))
    assert match is not None  # noqa: S101 - the pattern matches any text
    what, path = match["what"], (match["path"] or "$").removeprefix("$")
    subject = f"Property {path.replace('[...]', '.*')}" if path else noun
    if match["key"]:
        # The violation is in the name of a property, which msgspec doesn't tell.
        subject = f"{subject} has a key that"
        path += ".key"
    return f"{subject}{_describe(what, model, path, in_query=noun == 'Query')}"


def _describe(what: str, model: Any, path: str, *, in_query: bool) -> str:
    if missing := _MISSING.fullmatch(what):
        return f" must have required property '{missing['field']}'"
    if bound := _BOUND.fullmatch(what):
        return f" must be {bound['bound']} {bound['limit'].removesuffix('.0')}"
    if multiple := _MULTIPLE.fullmatch(what):
        return f" must be multiple of {multiple['factor'].removesuffix('.0')}"
    if length := _LENGTH.fullmatch(what):
        return _describe_length(length["kind"], length["bound"], int(length["limit"]))
    if _ENUM.fullmatch(what) and (allowed := list(_list_allowed(model, path))):
        return f" must be equal to one of the allowed values [ {', '.join(allowed)} ]"
    if pattern := _PATTERN.fullmatch(what):
        return f' must match pattern "{ast.literal_eval(pattern["pattern"])}"'
    if _DATE.fullmatch(what):
        return " cannot be recognized as a ISO-8601 compliant date"
    if _RANGE.fullmatch(what):
        return " must be a number within range"
    if form := _FORMAT.fullmatch(what):
        return f' must match format "{_FORMATS[form["format"]]}"'
    if _UNKNOWN.fullmatch(what):
        return " must NOT have additional properties"
    if wrong := _WRONG_TYPE.fullmatch(what):
        return f" must be {_name_types(wrong['wanted'], fraction=wrong['got'] == 'float' or in_query)}"
    return f" {what}" if what[:1].islower() else f": {what}"


def _name_types(wanted: str, *, fraction: bool) -> str:
    """JSON's names of msgspec's types. Where a number with a fraction was sent (and in a query, which has
    text only) a whole number is called integer; otherwise the contract says number for both."""
    names = [_JSON_NAMES.get(name.strip(), name.strip()) for name in wanted.split("|")]
    if not fraction:
        names = ["number" if name == "integer" else name for name in names]
    elif "number" in names:
        names = [name for name in names if name != "integer"]
    return ",".join(dict.fromkeys(names))


def _describe_length(kind: str, bound: str | None, limit: int) -> str:
    unit = _UNITS.get(kind, "items")
    if bound is None:
        return f" must have exactly {limit} {unit}"
    if bound.startswith(">"):
        return f" must NOT have fewer than {limit + (bound == '>')} {unit}"
    return f" must NOT have more than {limit - (bound == '<')} {unit}"


def _list_allowed(model: Any, path: str) -> Iterator[str]:
    """The values that the Literal, Enum or tag at `path` inside `model` can have."""
    is_key = path.endswith(".key")
    steps = [step.groups() for step in _STEP.finditer(path.removesuffix(".key") if is_key else path)]
    parts = _parts(model)
    for field, index in steps:
        found = list(_step_into(parts, field, index))
        if not found and field is not None:
            yield from _list_tags(parts, field)
        parts = found
    if is_key:
        parts = [
            key
            for part in parts
            if typing.get_origin(part) is dict
            for key in _parts(typing.get_args(part)[0])
        ]
    for part in parts:
        if typing.get_origin(part) is typing.Literal:
            yield from (str(value) for value in typing.get_args(part))
        elif isinstance(part, type) and issubclass(part, enum.Enum):
            yield from (str(member.value) for member in part)


def _step_into(parts: list[Any], field: str | None, index: str | None) -> Iterator[Any]:
    for part in parts:
        origin, arguments = typing.get_origin(part), typing.get_args(part)
        if field is not None and _is_struct(part):
            names = dict(zip(part.__struct_encode_fields__, part.__struct_fields__, strict=True))
            if field in names:
                yield from _parts(typing.get_type_hints(part, include_extras=True)[names[field]])
        elif index == "..." and origin is dict:
            yield from _parts(arguments[1])
        elif index not in (None, "...") and origin is tuple and arguments[-1] is not Ellipsis:
            yield from _parts(arguments[int(index)])
        elif index not in (None, "...") and arguments and origin is not dict:
            yield from _parts(arguments[0])


def _list_tags(parts: list[Any], field: str) -> Iterator[str]:
    for part in parts:
        if _is_struct(part) and part.__struct_config__.tag_field == field:
            yield str(part.__struct_config__.tag)


def _is_struct(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, msgspec.Struct)


def _parts(model: Any) -> list[Any]:
    """The members of a union, without Annotated."""
    if typing.get_origin(model) is typing.Annotated:
        return _parts(typing.get_args(model)[0])
    if typing.get_origin(model) in (typing.Union, types.UnionType):
        return [part for member in typing.get_args(model) for part in _parts(member)]
    return [model]
