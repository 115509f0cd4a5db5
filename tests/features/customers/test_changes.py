"""What a body changes on a customer."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvoucher.features.customers.changes import FIELDS, find_changes, read_fields
from openvoucher.features.customers.schemas import CustomerBody
from openvoucher.wire.errors import ApiError

NEW: dict[str, Any] = {**dict.fromkeys(FIELDS), "cleared": []}


def read(sent: dict[str, Any]) -> dict[str, Any]:
    return read_fields(msgspec.convert(sent, CustomerBody))


def change(row: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    return find_changes(row, read(sent))


def test_only_what_was_sent_is_read() -> None:
    assert read({}) == {}
    assert read({"id": "cust_x", "source_id": "ann"}) == {}
    assert read({"name": "Ann", "phone": None, "address": {"city": "Paris", "state": None}}) == {
        "name": "Ann",
        "phone": None,
        "address": {"city": "Paris", "state": None},
    }


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("1990-02-28", date(1990, 2, 28)),
        ("1990-02-28T23:59:59.999Z", date(1990, 2, 28)),
        # It is that day in UTC.
        ("1990-02-28T23:00:00-02:00", date(1990, 3, 1)),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("field", ["birthday", "birthdate"])
def test_a_birthday_is_a_day_or_the_day_of_an_instant(field: str, sent: str | None, day: date | None) -> None:
    assert read({field: sent}) == {field: day}


@pytest.mark.parametrize("sent", ["soon", "1990-02-30", "28.02.1990", "1990"])
@pytest.mark.parametrize("field", ["birthday", "birthdate"])
def test_a_birthday_that_is_no_day_is_refused(field: str, sent: str) -> None:
    with pytest.raises(ApiError) as refusal:
        read({field: sent})
    assert (refusal.value.status, refusal.value.key) == (400, "invalid_payload")
    assert refusal.value.details == f"Property .{field} cannot be recognized as a ISO-8601 compliant date"


@pytest.mark.parametrize(
    ("row", "sent", "changes"),
    [
        # Nothing sent, nothing changed; nor by the same once more.
        ({}, {}, {}),
        ({"name": "Ann"}, {"name": "Ann"}, {}),
        ({"birthdate": date(1990, 2, 28)}, {"birthdate": "1990-02-28"}, {}),
        ({"metadata": {"a": 1, "b": {"c": 2}}}, {"metadata": {"b": {"c": 2}}}, {}),
        ({"address": {"city": "Paris"}}, {"address": {"city": "Paris"}}, {}),
        ({}, {"address": {}}, {}),
        ({}, {"address": None}, {}),
        ({"cleared": ["name"]}, {"name": None}, {}),
        # Values.
        ({"name": "Ann"}, {"name": "Bob"}, {"name": "Bob"}),
        ({"name": "Ann"}, {"name": ""}, {"name": ""}),
        ({"birthday": date(1990, 2, 28)}, {"birthdate": "1990-02-28"}, {"birthdate": date(1990, 2, 28)}),
        # Parts of an object: others stay, null is a value of its own.
        (
            {"address": {"city": "Paris", "state": "F"}},
            {"address": {"state": None, "line_1": "x"}},
            {"address": {"city": "Paris", "state": None, "line_1": "x"}},
        ),
        ({"metadata": {"a": 1, "b": 2}}, {"metadata": {"b": None}}, {"metadata": {"a": 1, "b": None}}),
        # An object within the metadata is one value.
        ({"metadata": {"a": {"b": 1, "c": 2}}}, {"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {"b": 1}}}),
        ({}, {"metadata": {}}, {"metadata": {}}),
        # Null clears, and is remembered.
        ({"name": "Ann"}, {"name": None}, {"name": None, "cleared": ["name"]}),
        ({}, {"phone": None, "email": None}, {"cleared": ["email", "phone"]}),
        ({"cleared": ["name"]}, {"name": "Ann"}, {"name": "Ann", "cleared": []}),
        ({"cleared": ["email", "name"]}, {"name": "Ann"}, {"name": "Ann", "cleared": ["email"]}),
        ({"metadata": {"a": 1}}, {"metadata": None}, {"metadata": None, "cleared": ["metadata"]}),
        ({"cleared": ["metadata"]}, {"metadata": {}}, {"metadata": {}, "cleared": []}),
        # An address is null in any case: that it was cleared is nothing to remember.
        ({"address": {"city": "Paris"}}, {"address": None}, {"address": None}),
    ],
)
def test_what_was_sent_is_laid_over_what_is_there(
    row: dict[str, Any], sent: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert change({**NEW, **row}, sent) == changes


@pytest.mark.parametrize(("stored", "sent"), [(1, True), (0, False), (True, 1), (False, 0.0)])
def test_a_number_is_not_the_truth(stored: Any, sent: Any) -> None:
    changes = change({**NEW, "metadata": {"a": stored, "deep": [stored]}}, {"metadata": {"a": sent}})
    assert type(changes["metadata"]["a"]) is type(sent)
    deep = change({**NEW, "metadata": {"deep": [stored]}}, {"metadata": {"deep": [sent]}})
    assert type(deep["metadata"]["deep"][0]) is type(sent)


def test_the_order_of_keys_is_no_difference() -> None:
    row = {**NEW, "metadata": {"a": 1, "b": {"c": 1, "d": 2}}}
    assert change(row, {"metadata": {"b": {"d": 2, "c": 1}, "a": 1}}) == {}


def test_a_new_customer_has_what_was_sent() -> None:
    sent = read({"name": "Ann", "phone": None, "address": None, "metadata": {"a": 1}})
    assert find_changes(None, sent) == {"name": "Ann", "cleared": ["phone"], "metadata": {"a": 1}}
    assert find_changes(None, {}) == {}


_texts = st.none() | st.sampled_from(["", "a", "b"])
_objects = st.none() | st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, 0, 1, True, "x", [1]]))
_addresses = st.none() | st.dictionaries(st.sampled_from(["city", "state"]), _texts)
_bodies = st.fixed_dictionaries(
    {}, optional={"name": _texts, "email": _texts, "address": _addresses, "metadata": _objects}
)


@given(st.lists(_bodies, max_size=4), _bodies)
def test_what_was_sent_twice_changes_nothing_the_second_time(
    earlier: list[dict[str, Any]], sent: dict[str, Any]
) -> None:
    row = dict(NEW)
    for body in [*earlier, sent]:
        row |= change(row, body)
    assert change(row, sent) == {}
    for field, value in sent.items():
        if value is None:
            assert row[field] is None
            assert field == "address" or field in row["cleared"]
        else:
            assert field not in row["cleared"]
