from typing import Any

import msgspec
import pytest

from openvoucher.wire.errors import ApiError
from openvoucher.wire.metadata import (
    MetadataDefinition,
    MetadataSchema,
    check_metadata,
    metadata_problem,
    parse_metadata_cell,
)


def define(type: str, **rules: Any) -> MetadataDefinition:
    return MetadataDefinition(type=type, **rules)  # type: ignore[arg-type]


def problem_of(definition: MetadataDefinition, value: Any) -> str | None:
    return metadata_problem({"k": value}, MetadataSchema(properties={"k": definition}), partial=False)


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (define("string"), ""),
        (define("string", eq=["a", "b"]), "b"),
        (define("string", eq=[]), "anything"),
        (define("string", min_length=2, max_length=3), "ab"),
        (define("string", exact_length=1), "ż"),
        (define("number"), 5),
        (define("number"), -0.5),
        (define("number", eq=[1, 2]), 2.0),
        (define("number", ne=[1]), 2),
        (define("number", gt=0, lte=10, lt=None), 10),
        (define("number"), 10**30),
        (define("boolean"), False),
        (define("date"), "2024-02-29"),
        (define("datetime"), "2024-02-29T10:00:00+02:00"),
        (define("datetime"), "2024-02-29"),
        (define("geopoint"), "52.2297,-21"),
        (define("geopoint"), "-90, 180"),
        (define("image_url"), "https://example.com/a/b.png"),
        (define("image_url"), "http://example.com/A.JPEG?width=5#x"),
        (define("object"), {"anything": [1]}),
        (define("string", array=True), []),
        (define("number", array=True, lt=5), [1, 2.5]),
        (define("string"), None),
        (define("string", array=True), None),
    ],
)
def test_a_value_of_its_type_and_rules_fits(definition: MetadataDefinition, value: Any) -> None:
    assert problem_of(definition, value) is None


@pytest.mark.parametrize(
    ("definition", "value", "problem"),
    [
        # Two sentences that the original is known for.
        (
            define("number", optional=False),
            "EUR",
            "must be a number, property is required (actual value is 'EUR')",
        ),
        (
            define("string", optional=False, eq=["Facebook", "Twitter", "Website"]),
            "snap",
            "must be a string, property is required, must be equal to one of Facebook,Twitter,Website"
            " (actual value is 'snap')",
        ),
        (
            define("number", eq=[1, 2.0]),
            3,
            "must be a number, must be equal to one of 1,2 (actual value is '3')",
        ),
        (
            define("number", ne=[1.5]),
            1.5,
            "must be a number, must not be equal to any of 1.5 (actual value is '1.5')",
        ),
        (define("number"), True, "must be a number (actual value is 'true')"),
        (define("number"), "5", "must be a number (actual value is '5')"),
        (define("number"), float("nan"), "must be a number (actual value is 'nan')"),
        (define("number", lt=5), 5, "must be a number, must be less than 5 (actual value is '5')"),
        (
            define("number", lte=5),
            6.0,
            "must be a number, must be less than or equal to 5 (actual value is '6')",
        ),
        (define("number", gt=5.5), 5.5, "must be a number, must be greater than 5.5 (actual value is '5.5')"),
        (
            define("number", gte=0, lt=10),
            -1,
            "must be a number, must be less than 10, must be greater than or equal to 0"
            " (actual value is '-1')",
        ),
        (
            define("string", min_length=2),
            "a",
            "must be a string, must have at least 2 characters (actual value is 'a')",
        ),
        (
            define("string", max_length=1),
            "ab",
            "must be a string, must have at most 1 characters (actual value is 'ab')",
        ),
        (
            define("string", exact_length=1),
            "",
            "must be a string, must have exactly 1 characters (actual value is '')",
        ),
        (define("string"), 5, "must be a string (actual value is '5')"),
        (
            define("string", eq=["1"]),
            "2",
            "must be a string, must be equal to one of 1 (actual value is '2')",
        ),
        (define("boolean"), "true", "must be a boolean (actual value is 'true')"),
        (define("boolean"), 1, "must be a boolean (actual value is '1')"),
        (define("date"), "2023-02-29", "must be a date (actual value is '2023-02-29')"),
        (define("date"), "2024-02-29T00:00:00Z", "must be a date (actual value is '2024-02-29T00:00:00Z')"),
        (define("datetime"), "noon", "must be a datetime (actual value is 'noon')"),
        (define("geopoint"), "91,0", "must be a geopoint (actual value is '91,0')"),
        (define("geopoint"), [52, 21], "must be a geopoint (actual value is '52,21')"),
        (
            define("image_url"),
            "https://example.com/b.gif",
            "must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'https://example.com/b.gif')",
        ),
        (
            define("image_url"),
            "b.png",
            "must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'b.png')",
        ),
        (define("object"), "x", "must be an object (actual value is 'x')"),
        (define("object"), [], "must be an object (actual value is '')"),
        (define("string"), {"a": 1}, "must be a string (actual value is '[object Object]')"),
        (
            define("string", array=True, eq=["L1", "L2", "L3"]),
            ["L1", "L9"],
            "must be an array, and every element: must be a string, must be equal to one of L1,L2,L3"
            " (actual value is 'L1,L9')",
        ),
        (
            define("string", array=True),
            "L1",
            "must be an array, and every element: must be a string (actual value is 'L1')",
        ),
        (
            define("number", array=True, optional=False),
            [None],
            "must be an array, property is required, and every element: must be a number"
            " (actual value is 'null')",
        ),
        (
            define("string", optional=False),
            None,
            "must be a string, property is required (actual value is 'null')",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_all_rules_of_the_key(
    definition: MetadataDefinition, value: Any, problem: str
) -> None:
    assert problem_of(definition, value) == f"k: {problem}"


SCHEMA = MetadataSchema(
    properties={
        "unit": define("number", optional=False),
        "colour": define("string"),
        "gone": define("number", optional=False, deleted=True),
    }
)
STRICT = MetadataSchema(properties=SCHEMA.properties, allow_defined_only=True)


def test_without_a_schema_anything_goes() -> None:
    assert metadata_problem({"unit": [{}], "x": None}, None, partial=False) is None


def test_a_required_key_is_missed_when_creating() -> None:
    assert metadata_problem({}, SCHEMA, partial=False) == (
        "unit: must be a number, property is required (actual value is 'undefined')"
    )


def test_an_update_looks_only_at_what_was_sent() -> None:
    assert metadata_problem({}, SCHEMA, partial=True) is None
    assert metadata_problem({"colour": "red"}, SCHEMA, partial=True) is None
    assert metadata_problem({"unit": None}, SCHEMA, partial=True) == (
        "unit: must be a number, property is required (actual value is 'null')"
    )


def test_several_problems_are_told_in_the_order_of_the_schema() -> None:
    assert metadata_problem({"x": 1, "colour": 1, "unit": "a"}, STRICT, partial=False) == (
        "unit: must be a number, property is required (actual value is 'a'); "
        "colour: must be a string (actual value is '1'); "
        "x: property is not allowed"
    )


def test_an_undefined_key_is_free_unless_the_schema_is_strict() -> None:
    assert metadata_problem({"unit": 1, "x": object()}, SCHEMA, partial=False) is None
    assert metadata_problem({"unit": 1, "x": 1}, STRICT, partial=True) == "x: property is not allowed"


def test_a_deleted_definition_defines_nothing() -> None:
    assert metadata_problem({"unit": 1, "gone": "text"}, SCHEMA, partial=False) is None
    assert metadata_problem({"unit": 1, "gone": 1}, STRICT, partial=False) == "gone: property is not allowed"


ADDRESS = MetadataSchema(
    properties={
        "city": define("string", optional=False),
        "deeper": define("object", object_type="address"),
    },
    allow_defined_only=True,
)
NESTED = MetadataSchema(
    properties={
        "home": define("object", object_type="address"),
        "stops": define("object", object_type="address", array=True),
        "free": define("object", object_type="unknown"),
    }
)


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"home": {"city": "Katowice"}}, None),
        ({"home": {"city": "Katowice", "deeper": {"city": 5}}}, None),
        ({"free": {"city": 5}}, None),
        ({"stops": [{"city": "A"}, {"city": "B"}]}, None),
        ({"home": {}}, "home.city: must be a string, property is required (actual value is 'undefined')"),
        ({"home": {"city": "A", "zip": 1}}, "home.zip: property is not allowed"),
        (
            {"stops": [{"city": "A"}, {"city": 5}]},
            "stops[1].city: must be a string, property is required (actual value is '5')",
        ),
        (
            {"stops": [{"city": "A"}, 5]},
            "stops: must be an array, and every element: must be an object"
            " (actual value is '[object Object],5')",
        ),
    ],
)
@pytest.mark.parametrize("partial", [True, False])
def test_a_nested_object_is_checked_one_level_deep(
    metadata: dict[str, Any], problem: str | None, partial: bool
) -> None:
    assert metadata_problem(metadata, NESTED, partial=partial, custom={"address": ADDRESS}) == problem


def test_the_check_refuses_with_the_sentence() -> None:
    check_metadata({"unit": 1}, SCHEMA, partial=False)
    with pytest.raises(ApiError) as refusal:
        check_metadata({"unit": "EUR"}, SCHEMA, partial=False)
    error = refusal.value
    assert (error.status, error.key, error.message) == (
        400,
        "metadata_validation_failed",
        "Metadata validation failed",
    )
    assert error.details == "unit: must be a number, property is required (actual value is 'EUR')"


def test_a_long_story_is_cut_short() -> None:
    problem = problem_of(define("number"), "x" * 10_000_000)
    assert problem == f"k: must be a number (actual value is '{'x' * 200}…')"
    problem = metadata_problem({f"k{n}": 1 for n in range(10_000)}, STRICT, partial=True)
    assert problem is not None
    assert problem.count("property is not allowed") == 100


def test_what_was_nested_deeply_is_not_followed() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert problem_of(define("number"), deep) == "k: must be a number (actual value is '[object Object]')"
    while deep:
        deep = deep.pop()


def test_definitions_have_camel_case_names_and_rules_never_set_are_left_out() -> None:
    sent = {
        "type": "object",
        "array": True,
        "optional": False,
        "objectType": "address",
        "eq": ["a", 1, 1.5],
        "ne": [1],
        "lt": 1,
        "lte": 2.5,
        "gt": 3,
        "gte": None,
        "minLength": 1,
        "maxLength": 2,
        "exactLength": 3,
        "deleted": True,
    }
    assert msgspec.to_builtins(msgspec.convert(sent, MetadataDefinition)) == sent
    assert msgspec.to_builtins(msgspec.convert({"type": "string"}, MetadataDefinition)) == {
        "type": "string",
        "array": False,
        "optional": True,
        "objectType": None,
        "deleted": False,
    }


@pytest.mark.parametrize(
    ("text", "definition", "value"),
    [
        ("red, green", None, "red, green"),
        ("5", None, "5"),
        ("null", None, "null"),
        ("5", define("number", deleted=True), "5"),
        (" red ", define("string"), " red "),
        ("null", define("string"), "null"),
        ("5", define("number"), 5),
        (" -5 ", define("number"), -5),
        ("5.50", define("number"), 5.5),
        ("1E+05", define("number"), 100_000.0),
        ("123456789012345678901234", define("number"), 1.2345678901234568e23),
        ("EUR", define("number"), "EUR"),
        ("nan", define("number"), "nan"),
        ("\u0665", define("number"), "\u0665"),
        ("9" * 5000, define("number"), "9" * 5000),
        ("TRUE", define("boolean"), True),
        ("false", define("boolean"), False),
        ("yes", define("boolean"), "yes"),
        ("", define("boolean"), ""),
        ("2026-03-01", define("date"), "2026-03-01"),
        ("52.2,21.0", define("geopoint"), "52.2,21.0"),
        ("L1,L2, L3,", define("string", array=True), ["L1", "L2", "L3"]),
        ("1,2.5,x", define("number", array=True), [1, 2.5, "x"]),
        ("true,false", define("boolean", array=True), [True, False]),
        ("52.2,21.0,50,19", define("geopoint", array=True), ["52.2,21.0", "50,19"]),
        ('{"a": 1}', define("object"), '{"a": 1}'),
    ],
)
def test_a_cell_has_the_type_of_its_definition(
    text: str, definition: MetadataDefinition | None, value: Any
) -> None:
    cell = parse_metadata_cell(text, definition)
    assert cell == value
    assert type(cell) is type(value)


@pytest.mark.parametrize(
    ("text", "definition"),
    [
        ("", None),
        ("", define("string")),
        ("", define("number")),
        ("", define("string", array=True)),
        ("", define("boolean", array=True)),
        ("null", define("boolean")),
    ],
)
def test_a_cell_can_say_that_the_key_is_not_set(text: str, definition: MetadataDefinition | None) -> None:
    assert parse_metadata_cell(text, definition) is msgspec.UNSET


def test_an_empty_cell_of_a_boolean_fails_the_row() -> None:
    assert problem_of(define("boolean"), parse_metadata_cell("", define("boolean"))) == (
        "k: must be a boolean (actual value is '')"
    )
