"""The bodies of categories."""

from typing import Any

import msgspec
import pytest

from openvoucher.features.categories.schemas import CategoryBody
from openvoucher.platform.http.violations import describe_violation

WRONG_BODIES = [
    ({}, "Payload must have required property 'name'"),
    ({"hierarchy": 1}, "Payload must have required property 'name'"),
    ({"name": "Spring"}, "Payload must have required property 'hierarchy'"),
    ({"name": None, "hierarchy": 1}, "Property .name must be string"),
    ({"name": 5, "hierarchy": 1}, "Property .name must be string"),
    ({"name": "", "hierarchy": 1}, "Property .name must NOT have fewer than 1 characters"),
    ({"name": "x" * 501, "hierarchy": 1}, "Property .name must NOT have more than 500 characters"),
    ({"name": "Spring", "hierarchy": None}, "Property .hierarchy must be number"),
    ({"name": "Spring", "hierarchy": "1"}, "Property .hierarchy must be number"),
    ({"name": "Spring", "hierarchy": True}, "Property .hierarchy must be number"),
    ({"name": "Spring", "hierarchy": 1.5}, "Property .hierarchy must be integer"),
    ({"name": "Spring", "hierarchy": -1}, "Property .hierarchy must be >= 0"),
    ({"name": "Spring", "hierarchy": 2**53 + 1}, "Property .hierarchy must be <= 9007199254740992"),
    ([], "Payload must be object"),
]


@pytest.mark.parametrize(("body", "details"), WRONG_BODIES)
def test_a_wrong_body_is_refused_with_its_first_fault(body: Any, details: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(msgspec.json.encode(body), type=CategoryBody)
    assert describe_violation(raised.value, CategoryBody) == details


@pytest.mark.parametrize("name", ["x", "x" * 500, " ", "ü/%"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    body = msgspec.json.decode(msgspec.json.encode({"name": name, "hierarchy": 1}), type=CategoryBody)
    assert (body.name, body.hierarchy) == (name, 1)
