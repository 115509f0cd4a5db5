"""Definitions as callers send them, and what is kept of them."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvoucher.features.metadata_schemas.schemas import (
    Definition,
    ManagementDefinition,
    Spelling,
    merge_definitions,
    read_definitions,
)
from openvoucher.wire.errors import ApiError
from openvoucher.wire.metadata import MetadataDefinition

TEXT = MetadataDefinition(type="string")


def read(sent: Any, spelling: Spelling = Definition, related_object: str = "voucher") -> MetadataDefinition:
    return read_definitions({"a.b": sent}, spelling, related_object=related_object)["a.b"]


def refusal_of(sent: Any, spelling: Spelling = Definition, related_object: str = "voucher") -> str:
    with pytest.raises(ApiError, match="400 invalid_payload") as raised:
        read(sent, spelling, related_object)
    assert raised.value.details is not None
    return raised.value.details


WRONG_DEFINITIONS: list[tuple[Any, str]] = [
    ({}, " must have required property 'type'"),
    (5, " must be object"),
    (None, " must be object"),
    ({"type": None}, ".type must be string"),
    (
        {"type": "text"},
        ".type must be equal to one of the allowed values"
        " [ string, number, object, date, datetime, geopoint, boolean, image_url ]",
    ),
    ({"type": "string", "array": 1}, ".array must be boolean,null"),
    ({"type": "string", "optional": "yes"}, ".optional must be boolean,null"),
    ({"type": "string", "deleted": 0}, ".deleted must be boolean,null"),
    ({"type": "string", "eq": "a"}, ".eq must be array,null"),
    ({"type": "string", "eq": ["a", 1]}, ".eq[1] must be string"),
    ({"type": "number", "eq": [1, "a"]}, ".eq[1] must be number"),
    ({"type": "number", "ne": ["a"]}, ".ne[0] must be number"),
    ({"type": "number", "lt": "1"}, ".lt must be number,null"),
    ({"type": "string", "minLength": 1.5}, ".minLength must be integer,null"),
    ({"type": "string", "minLength": -1}, ".minLength must be >= 0"),
    ({"type": "object", "objectType": 5}, ".objectType must be string,null"),
    ({"type": "boolean", "eq": ["a"]}, ".eq must be left out: it is for the type string or number"),
    ({"type": "string", "gte": 1}, ".gte must be left out: it is for the type number"),
    ({"type": "number", "maxLength": 1}, ".maxLength must be left out: it is for the type string"),
    ({"type": "geopoint"}, ".type must not be geopoint: only customer and product have those"),
]


@pytest.mark.parametrize(("sent", "details"), WRONG_DEFINITIONS)
def test_a_wrong_definition_is_refused(sent: Any, details: str) -> None:
    assert refusal_of(sent) == f"Property .properties.a.b{details}"


RULES = [
    *(("number", rule, "{}") for rule in ("lt", "lte", "gt", "gte")),
    *(("number", rule, "[1,{}]") for rule in ("eq", "ne")),
    *(("string", rule, "{}") for rule in ("minLength", "maxLength", "exactLength")),
]


@pytest.mark.parametrize("number", ["1e300", "-1e300", "9007199254740993", "1" + "0" * 40, "-1" + "0" * 40])
@pytest.mark.parametrize(("type_name", "rule", "value"), RULES)
def test_a_number_that_clients_cannot_read_is_refused(
    type_name: str, rule: str, value: str, number: str
) -> None:
    sent = {"type": type_name, rule: msgspec.json.decode(value.replace("{}", number))}
    assert refusal_of(sent).startswith(f"Property .properties.a.b.{rule}")


@pytest.mark.parametrize("number", [2**53, 0])
def test_a_number_that_clients_can_just_read_is_kept(number: int) -> None:
    assert read({"type": "number", "lt": number, "gt": -number}).lt == number


def test_a_definition_that_says_nothing_more_is_one_optional_value() -> None:
    assert read({"type": "number"}) == MetadataDefinition(
        type="number", array=False, optional=True, object_type=None, deleted=False
    )


@pytest.mark.parametrize("name", [name for name in Definition.__struct_encode_fields__ if name != "type"])
def test_a_null_sets_nothing(name: str) -> None:
    assert read({"type": "string", name: None}) == TEXT


def test_an_object_without_a_schema_of_its_own_is_of_the_type_unknown() -> None:
    assert read({"type": "object"}).object_type == "unknown"
    assert read({"type": "object", "objectType": "Payment"}).object_type == "Payment"
    assert read({"type": "string", "objectType": "Payment"}).object_type is None


@pytest.mark.parametrize("related_object", ["customer", "product"])
def test_customers_and_products_may_have_geopoints(related_object: str) -> None:
    assert read({"type": "geopoint"}, related_object=related_object).type == "geopoint"


def test_an_empty_list_and_a_whole_float_have_one_form() -> None:
    kept = read({"type": "number", "eq": [1.0, -0.0, 2.5], "ne": [], "lt": 10.0})
    assert msgspec.json.encode(kept.eq) == b"[1,0,2.5]"
    assert msgspec.json.encode(kept.lt) == b"10"
    assert kept.ne is msgspec.UNSET


definitions = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "number", "boolean", "date", "object", "customer", 5])},
    optional={
        "array": st.booleans() | st.none(),
        "optional": st.booleans() | st.none() | st.integers(),
        "deleted": st.booleans() | st.none(),
        "eq": st.lists(st.text() | st.integers() | st.floats()) | st.none(),
        "lt": st.integers() | st.floats() | st.none() | st.text(),
        "minLength": st.integers() | st.none(),
        "objectType": st.text() | st.none(),
    },
)


# A loaded machine is no fault of the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_or_refuse(sent: dict[str, Any], spelling: Spelling) -> MetadataDefinition | str:
    """The definition, or the details of the refusal."""
    try:
        return read(sent, spelling)
    except ApiError as refusal:
        return refusal.details or ""


@unhurried
@given(definitions)
def test_any_definition_is_refused_or_comes_back_as_itself(sent: dict[str, Any]) -> None:
    kept = read_or_refuse(sent, Definition)
    if isinstance(kept, str):
        assert kept.startswith("Property .properties.a.b")
    else:
        # As it is written to the table and read again, and as a client would send it back.
        assert msgspec.json.decode(msgspec.json.encode(kept), type=MetadataDefinition) == kept
        assert read(msgspec.to_builtins(kept)) == kept


@unhurried
@given(definitions)
def test_both_spellings_mean_the_same(sent: dict[str, Any]) -> None:
    names = {"minLength": "min_length", "objectType": "object_type"}
    snake = {names.get(name, name): value for name, value in sent.items()}
    in_camel, in_snake = read_or_refuse(sent, Definition), read_or_refuse(snake, ManagementDefinition)
    if isinstance(in_camel, str):
        assert in_snake == in_camel.replace("minLength", "min_length").replace("objectType", "object_type")
    else:
        assert in_snake == in_camel


def test_what_was_sent_replaces_what_was_kept_key_by_key() -> None:
    kept = {"a": MetadataDefinition(type="string", eq=["x"]), "b": TEXT}
    sent = {"a": MetadataDefinition(type="string", deleted=True), "c": TEXT}
    assert merge_definitions(kept, sent) == {"a": sent["a"], "b": TEXT, "c": TEXT}
    assert kept == {"a": MetadataDefinition(type="string", eq=["x"]), "b": TEXT}
