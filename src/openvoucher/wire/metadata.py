"""Metadata against its schema, and the one sentence that says what does not fit.

The sentence of a key lists all rules of that key, not only the broken one:
`unit: must be a number, property is required (actual value is 'EUR')`. Bodies are refused with it,
and it is the reason of a row that an import could not take.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from openvoucher.wire.dates import parse_date, parse_instant
from openvoucher.wire.errors import metadata_validation_failed

MetadataType = Literal["string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url"]
Number = int | float

_LONGEST_ECHO: Final = 200
_MOST_PROBLEMS: Final = 100


class MetadataDefinition(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What one key may hold. Rules that were never set are left out of the wire; null sets none.

    `optional` false means that a create must bring the key. `object_type` names the schema of a
    nested object. `deleted` keys count as undefined.
    """

    type: MetadataType
    array: bool = False
    optional: bool = True
    object_type: str | None = None
    eq: list[str | int | float] | UnsetType | None = UNSET
    ne: list[int | float] | UnsetType | None = UNSET
    lt: Number | UnsetType | None = UNSET
    lte: Number | UnsetType | None = UNSET
    gt: Number | UnsetType | None = UNSET
    gte: Number | UnsetType | None = UNSET
    min_length: int | UnsetType | None = UNSET
    max_length: int | UnsetType | None = UNSET
    exact_length: int | UnsetType | None = UNSET
    deleted: bool = False


class MetadataSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The definitions of one kind of object; without `allow_defined_only` other keys are free."""

    properties: dict[str, MetadataDefinition] = {}
    allow_defined_only: bool = False


_NO_SCHEMAS: Final[Mapping[str, MetadataSchema]] = {}


def check_metadata(
    metadata: Mapping[str, Any],
    schema: MetadataSchema | None,
    *,
    partial: bool,
    custom: Mapping[str, MetadataSchema] = _NO_SCHEMAS,
) -> None:
    """Raises `metadata_validation_failed` where `metadata_problem` has something to say."""
    problem = metadata_problem(metadata, schema, partial=partial, custom=custom)
    if problem is not None:
        raise metadata_validation_failed(problem)


def metadata_problem(
    metadata: Mapping[str, Any],
    schema: MetadataSchema | None,
    *,
    partial: bool,
    custom: Mapping[str, MetadataSchema] = _NO_SCHEMAS,
) -> str | None:
    """What does not fit, keys joined by `; ` in the order of the schema (100 at most), or None.

    With `partial` (an update) only the keys that were sent are looked at. Null fits an optional
    key and no other. `custom` are the schemas of nested objects by name; nesting is one level, so
    an object within a nested object may hold anything.
    """
    if schema is None:
        return None
    problems: list[str] = []
    for problem in _find_problems(metadata, schema, "", partial, custom):
        problems.append(problem)
        if len(problems) == _MOST_PROBLEMS:
            break
    return "; ".join(problems) or None


def parse_metadata_cell(text: str, definition: MetadataDefinition | None) -> Any:
    """The value of a CSV cell: of the definition's type if it has that form, else the text as it is,
    which `metadata_problem` then reports. Arrays are separated by commas. UNSET for a key that is
    not set: an empty cell, for booleans the word null (there an empty cell is a mistake).
    """
    if definition is None or definition.deleted:
        return text if text else UNSET
    if definition.type == "boolean" and not definition.array:
        return UNSET if text.strip().lower() == "null" else _parse_scalar(text, "boolean")
    if text == "":
        return UNSET
    if not definition.array:
        return _parse_scalar(text, definition.type)
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    if definition.type == "geopoint":
        # A point has a comma of its own.
        pieces = [",".join(pieces[start : start + 2]) for start in range(0, len(pieces), 2)]
    return [_parse_scalar(piece, definition.type) for piece in pieces]


_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,200}(?:\.[0-9]{1,200})?(?:[eE][+-]?[0-9]{1,2})?")


def _parse_scalar(text: str, type_name: MetadataType) -> Any:
    spelled = text.strip()
    if type_name == "boolean":
        return {"true": True, "false": False}.get(spelled.lower(), text)
    if type_name == "number" and _INTEGER.fullmatch(spelled):
        return int(spelled)
    if type_name == "number" and _DECIMAL.fullmatch(spelled):
        return float(spelled)
    return text


def _find_problems(
    metadata: Mapping[str, Any],
    schema: MetadataSchema,
    prefix: str,
    partial: bool,
    custom: Mapping[str, MetadataSchema],
) -> Iterator[str]:
    defined = {key: each for key, each in schema.properties.items() if not each.deleted}
    for key, definition in defined.items():
        if key in metadata or not (partial or definition.optional):
            value = metadata.get(key, UNSET)
            if not _fits(value, definition):
                yield f"{prefix}{key}: {_describe_rules(definition)} (actual value is '{_show(value)}')"
            elif definition.type == "object" and (nested := custom.get(definition.object_type or "")):
                yield from _find_nested_problems(value, nested, f"{prefix}{key}")
    if schema.allow_defined_only:
        for key in metadata:
            if key not in defined:
                yield f"{prefix}{_shorten(key)}: property is not allowed"


def _find_nested_problems(value: Any, schema: MetadataSchema, path: str) -> Iterator[str]:
    """A nested object is always sent whole, so an update must bring all of it as well."""
    if isinstance(value, Mapping):
        yield from _find_problems(value, schema, f"{path}.", False, _NO_SCHEMAS)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _find_problems(element, schema, f"{path}[{index}].", False, _NO_SCHEMAS)


# --- does a value fit ------------------------------------------------------------------------------


def _fits(value: Any, definition: MetadataDefinition) -> bool:
    if value is None or value is UNSET:
        return definition.optional
    if definition.array:
        return isinstance(value, list) and all(_element_fits(element, definition) for element in value)
    return _element_fits(value, definition)


def _element_fits(value: Any, definition: MetadataDefinition) -> bool:
    if not _HAS_TYPE[definition.type](value):
        return False
    match definition.type:
        case "string":
            listed = not definition.eq or value in definition.eq
            return listed and _is_within_bounds(len(value), definition, _LENGTH_RULES)
        case "number":
            listed = not definition.eq or value in definition.eq
            allowed = not definition.ne or value not in definition.ne
            return listed and allowed and _is_within_bounds(value, definition, _SIZE_RULES)
    return True


def _is_within_bounds(measure: Number, definition: MetadataDefinition, rules: "_BoundRules") -> bool:
    bounds = ((getattr(definition, name), holds) for name, holds, _ in rules)
    return all(holds(measure, bound) for bound, holds in bounds if _is_set(bound))


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _reads(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    def is_readable(value: Any) -> bool:
        try:
            return isinstance(value, str) and parse(value) is not None
        except ValueError:
            return False

    return is_readable


_GEOPOINT = re.compile(r"\s*(-?[0-9]{1,3}(?:\.[0-9]{1,20})?)\s*,\s*(-?[0-9]{1,3}(?:\.[0-9]{1,20})?)\s*")
_IMAGE_URL = re.compile(r"https?://[^\s/?#]+/[^\s?#]*\.(?:jpe?g|png)(?:[?#]\S*)?", re.IGNORECASE)


def _is_geopoint(value: Any) -> bool:
    match = _GEOPOINT.fullmatch(value) if isinstance(value, str) else None
    return match is not None and abs(float(match[1])) <= 90 and abs(float(match[2])) <= 180


_HAS_TYPE: Final[dict[MetadataType, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "date": _reads(parse_date),
    "datetime": _reads(parse_instant),
    "geopoint": _is_geopoint,
    "image_url": lambda value: isinstance(value, str) and _IMAGE_URL.fullmatch(value) is not None,
}


# --- the sentence ------------------------------------------------------------------------------------

_TYPE_RULES: Final[dict[MetadataType, str]] = {
    "string": "must be a string",
    "number": "must be a number",
    "boolean": "must be a boolean",
    "object": "must be an object",
    "date": "must be a date",
    "datetime": "must be a datetime",
    "geopoint": "must be a geopoint",
    "image_url": "must be a URL pointing to JPG/JPEG or PNG resource",
}
_BoundRules = tuple[tuple[str, Callable[[Any, Any], bool], str], ...]
_SIZE_RULES: Final[_BoundRules] = (
    ("lt", operator.lt, "must be less than {}"),
    ("lte", operator.le, "must be less than or equal to {}"),
    ("gt", operator.gt, "must be greater than {}"),
    ("gte", operator.ge, "must be greater than or equal to {}"),
)
_LENGTH_RULES: Final[_BoundRules] = (
    ("min_length", operator.ge, "must have at least {} characters"),
    ("max_length", operator.le, "must have at most {} characters"),
    ("exact_length", operator.eq, "must have exactly {} characters"),
)


def _describe_rules(definition: MetadataDefinition) -> str:
    required = [] if definition.optional else ["property is required"]
    rules = []
    if definition.eq:
        rules.append(f"must be equal to one of {_join(definition.eq)}")
    if definition.ne:
        rules.append(f"must not be equal to any of {_join(definition.ne)}")
    for name, _, sentence in _SIZE_RULES + _LENGTH_RULES:
        bound = getattr(definition, name)
        if _is_set(bound):
            rules.append(sentence.format(_show(bound)))
    type_rule = _TYPE_RULES[definition.type]
    if definition.array:
        element_rules = ", ".join([type_rule, *rules])
        return ", ".join(["must be an array", *required, f"and every element: {element_rules}"])
    return ", ".join([type_rule, *required, *rules])


def _is_set(bound: Any) -> bool:
    return bound is not None and bound is not UNSET


def _join(values: list[str | int | float] | list[int | float]) -> str:
    return ",".join(_show(value) for value in values)


def _show(value: Any) -> str:
    """As JavaScript would print it, which is what readers of these sentences know, but never at length."""
    if isinstance(value, list):
        return _shorten(",".join(_show_scalar(each) for each in value[:_LONGEST_ECHO]))
    return _shorten(_show_scalar(value))


def _show_scalar(value: Any) -> str:
    if value is UNSET:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # What lies deeper may be as deep as the sender liked; it is not followed.
    return "[object Object]" if isinstance(value, Mapping | list) else str(value)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "…"
